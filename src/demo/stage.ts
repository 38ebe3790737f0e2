// The demo's stage: a scratch home and project with recorded payloads, three consumers, and a server that plays Slack.
// Everything lies below one new directory of the system's temporary directory and goes with it.
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import recorded from "./payloads.jsonl" with { type: "text" };

/** The project directory in the recorded payloads; on stage it is the scratch project. */
const RECORDED_PROJECT = "/home/dev/shop";

/** How long the stand-ins take, in s: about what a linter, a few tests and a Slack post cost. */
const LINT_S = 0.4;
const TESTS_S = 0.9;
const SLACK_S = 0.7;

export type Payload = { title: string; text: string; file: string | null };

export type Stage = {
  root: string;
  home: string;
  payloads: Payload[];
  /** The consumers' work as one synchronous hook would run it, for the first write. Gives that write's title. */
  inFront(): Promise<string>;
  env: Record<string, string>;
  end(): void;
};

/** Sets the stage. */
export function setStage(): Stage {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "offhook-demo-")));
  const home = join(root, "home");
  const project = join(root, "shop");
  mkdirSync(join(project, ".git"), { recursive: true });
  mkdirSync(join(home, "consumers"), { recursive: true, mode: 0o700 });
  const slack = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch() {
      await Bun.sleep(SLACK_S * 1000);
      return new Response("ok");
    },
  });
  const consumers = consumerFiles(`http://127.0.0.1:${slack.port}/`);
  for (const [name, text] of Object.entries(consumers))
    writeFileSync(join(home, "consumers", `${name}.toml`), text, { mode: 0o600 });
  const payloads = recorded
    .trim()
    .split("\n")
    .map((line) => onStage(line, project));
  for (const { file } of payloads) if (file !== null) writeScene(file);

  const env = {
    PATH: process.env.PATH ?? "/usr/bin:/bin",
    HOME: root,
    OFFHOOK_HOME: home,
    LANG: process.env.LANG ?? "C.UTF-8",
  };
  return {
    root,
    home,
    payloads,
    env,
    async inFront() {
      const first = payloads.find((payload) => payload.file !== null);
      for (const command of [LINT, TESTS]) {
        const hook = Bun.spawn(["sh", "-c", command], {
          cwd: project,
          env: { ...env, OFFHOOK_FILE: first?.file ?? "" },
          stdout: "ignore",
        });
        await hook.exited;
      }
      await fetch(slack.url, { method: "POST", body: "{}" });
      return first?.title ?? "";
    },
    end() {
      void slack.stop(true);
      rmSync(root, { recursive: true, force: true });
    },
  };
}

// A linter and tests of this size are on every machine: they look for an unused import, and they wait.
const LINT = `sleep ${LINT_S}; grep -n '^import os' "$OFFHOOK_FILE" && exit 1; exit 0`;
const TESTS = `sleep ${TESTS_S}; echo '3 passed'`;

function consumerFiles(slackUrl: string): Record<string, string> {
  return {
    lint: `on = ["PostToolUse"]\ntools = ["Write", "Edit"]\nfiles = ["**/*.py"]\nshell = '''${LINT}'''\nfindings = [1]\n`,
    tests: `on = ["PostToolUse"]\ntools = ["Write", "Edit"]\nfiles = ["**/*.py"]\nshell = '''${TESTS}'''\nconcurrency = 2\n`,
    alert: `on = ["PostToolUseFailure", "Stop"]\nwebhook = { url = "${slackUrl}", preset = "slack" }\n`,
  };
}

function onStage(line: string, project: string): Payload {
  const text = line.replaceAll(RECORDED_PROJECT, project);
  const payload = JSON.parse(text);
  const file: string | null = payload.tool_input?.file_path ?? payload.tool_input?.notebook_path ?? null;
  const about = file === null ? "" : ` ${file.slice(project.length + 1)}`;
  return { title: [payload.hook_event_name, payload.tool_name].filter(Boolean).join(" ") + about, text, file };
}

function writeScene(file: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, file.endsWith("b.py") ? "import os\n\nx = 1\n" : "x = 1\n");
}
