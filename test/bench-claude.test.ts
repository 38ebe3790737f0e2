// The benchmark's part `claude`: the model on loopback, what a Claude Code is given and not given, what is said of one that does not
// do as it should (stand-ins), and the real one where it is here.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { type ClaudePlan, measureClaude } from "../src/bench/claude-gap.ts";
import { handlerOf } from "../src/claude/command.ts";
import type { UserHook } from "../src/claude/user-hooks.ts";
import type { Means, Step } from "../src/measure/means.ts";
import { makeScratch, type Scratch } from "../src/measure/scratch.ts";
import { type Api, gapsMs, openApi, turnsSpoken } from "../src/rehearsal/claude-api.ts";
import { makePlace, runClaude } from "../src/rehearsal/claude-run.ts";
import { prepareMine } from "../src/rehearsal/mine.ts";
import { endTreeInSteps } from "../src/system/process.ts";
import { BINARY } from "./binary.ts";
import { until } from "./running.ts";

const PATIENCE_MS = 240_000;
const RECORDED = readFileSync(join(import.meta.dir, "fixtures", "claude-code-2.1.329.jsonl"), "utf8");
const CLAUDE = findClaude();

/** The one that scripts/test-claude has brought, where it has. */
function findClaude(): string | null {
  const cache = process.env.OFFHOOK_CACHE || join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "offhook");
  const packages = join(cache, "claude-code-2.1.329", "node_modules", "@anthropic-ai");
  if (!existsSync(packages)) return null;
  const programs = readdirSync(packages).map((name) => join(packages, name, "claude"));
  return programs.find((program) => existsSync(program) && Bun.which(program) !== null) ?? null;
}

let root: string;
let scratch: Scratch;
let steps: Step[];
let means: Means;
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "offhook-bench-claude-")));
  beginScratch();
});
afterEach(() => {
  scratch.end();
  rmSync(root, { recursive: true, force: true });
});

/** One scratch directory is for one measurement. */
function beginScratch(): void {
  scratch = makeScratch();
  steps = [];
  means = { offhook: BINARY, scratch, recorded: RECORDED, progress: (step) => steps.push(step) };
}

const planOf = (claude: string, over: Partial<ClaudePlan> = {}): ClaudePlan => ({
  claude,
  writes: 2,
  rounds: 1,
  limitMs: 60_000,
  publish: () => handlerOf({ kind: "exec", binary: BINARY }, 5),
  mine: null,
  beside: [],
  endAll: (entries) => endTreeInSteps(null, 1000, entries),
  ...over,
});

/** A stand-in: answers --version as Claude Code does, then does what the lines of shell say. */
function standIn(does: string, version = "2.1.329 (Claude Code)"): string {
  const path = join(root, "claude");
  writeFileSync(path, `#!/bin/sh\n[ "$1" = --version ] && { echo '${version}'; exit 0; }\n${does}\n`, { mode: 0o755 });
  return path;
}

/** One that speaks with the model as Claude Code does; `of` a Write does what a tool would. Its hooks never fire. */
function speaking(of: string): string {
  const program = join(root, "speak.ts");
  writeFileSync(
    program,
    `const messages: any[] = [{ role: "user", content: "Do the work." }];
    let turns = 0;
    for (;;) {
      const body = JSON.stringify({ model: "m", tools: [{}], messages });
      const response = await fetch(process.env.ANTHROPIC_BASE_URL + "/v1/messages", { method: "POST", body });
      const { content } = (await response.json()) as any;
      messages.push({ role: "assistant", content });
      const write = content.find((block: any) => block.type === "tool_use");
      if (write === undefined) break;
      ${of}
      messages.push({ role: "user", content: [{ type: "tool_result", tool_use_id: write.id, content: "no such luck" }] });
    }`,
  );
  return standIn(`exec '${process.execPath}' --no-env-file '${program}'`);
}

const failing = async (plan: ClaudePlan): Promise<{ exitCode: number; text: string }> => {
  try {
    await measureClaude(plan, means);
  } catch (error) {
    const { exitCode, message, hint } = error as { exitCode: number; message: string; hint: string };
    expect(scratch.pids()).toEqual([]);
    return { exitCode, text: `${message}\n${hint}` };
  }
  throw new Error("it was measured");
};

describe("the model on loopback", () => {
  let api: Api;
  beforeEach(() => {
    api = openApi((messages) => {
      const turn = turnsSpoken(messages);
      const input = { file_path: "/p/a", content: "x\n" };
      return { conversation: "main", turn, blocks: [{ type: "tool_use", id: `t${turn}`, name: "Write", input }] };
    });
  });
  afterEach(() => api.close());
  const post = (path: string, body: object) => fetch(api.url + path, { method: "POST", body: JSON.stringify(body) });
  const asked = (more: object) => post("/v1/messages", { model: "m", tools: [{}], messages: [], ...more });

  test("answers a request twice with the same turn, and the next one with the next", async () => {
    const said = [{ role: "user" }, { role: "assistant" }, { role: "user" }];
    const ids: string[] = [];
    for (const messages of [[{ role: "user" }], [{ role: "user" }], said]) {
      const { content, stop_reason } = (await (await asked({ messages })).json()) as any;
      expect(stop_reason).toBe("tool_use");
      ids.push(content[0].id);
    }
    expect(ids).toEqual(["t0", "t0", "t1"]);
    expect(api.requests.map(({ turn }) => turn)).toEqual([0, 0, 1]);
  });

  test("streams what it says in the events of the Messages API", async () => {
    const response = await asked({ stream: true });
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    const events = (await response.text())
      .split("\n\n")
      .filter((event) => event !== "" && event !== "\n")
      .map((event) => JSON.parse(event.slice(event.indexOf("data: ") + 6)));
    expect(events.map(({ type }) => type)).toEqual([
      ...["message_start", "content_block_start", "content_block_delta", "content_block_stop"],
      ...["message_delta", "message_stop"],
    ]);
    expect(JSON.parse(events[2].delta.partial_json)).toEqual({ file_path: "/p/a", content: "x\n" });
  });

  test("answers side questions without counting them, and knows no other address", async () => {
    const { content } = (await (await asked({ tools: [] })).json()) as any;
    expect(content).toEqual([{ type: "text", text: "ok" }]);
    expect((await post("/v1/messages/count_tokens", {})).status).toBe(200);
    expect((await post("/v1/elsewhere", {})).status).toBe(404);
    expect(api.requests).toEqual([]);
    expect(new URL(api.url).hostname).toBe("127.0.0.1");
  });
});

test("a gap lasts from an answer to the next request of the main conversation", () => {
  const seen = (conversation: string, arrivedMs: number, answeredMs: number) => ({
    ...{ conversation, turn: 0, arrivedMs, answeredMs, messages: [] },
  });
  expect(gapsMs([seen("main", 0, 1), seen("other", 5, 6), seen("main", 31, 33), seen("main", 43, 44)])).toEqual([
    30, 10,
  ]);
  expect(gapsMs([])).toEqual([]);
});

describe("a Claude Code", () => {
  test("that is no program, or no Claude Code, is told as such", async () => {
    expect(await failing(planOf("/nowhere/claude"))).toEqual({
      exitCode: 66,
      text: "/nowhere/claude is no program\noffhook bench claude --claude PATH-OF-CLAUDE",
    });
    expect((await failing(planOf("no-such-claude-here"))).exitCode).toBe(66);
    const other = await failing(planOf(standIn("exit 0", "v1.2 of another program")));
    expect(other.exitCode).toBe(1);
    expect(other.text).toContain("--version does not answer as Claude Code does (exit 0): v1.2 of another program");
    const broken = join(root, "broken");
    writeFileSync(broken, "#!/nowhere/sh\n", { mode: 0o755 });
    expect((await failing(planOf(broken))).text).toContain("cannot be started");
  });

  test(
    "that fails, asks nothing, writes nothing or fires no hook is told with its version and what it said",
    async () => {
      const begin = /^Claude Code 2\.1\.329 with (no hooks|publish|lint \+ alert): /;
      const failed = await failing(planOf(standIn("echo 'Invalid API key' >&2; exit 3")));
      expect(failed.text).toMatch(begin);
      expect(failed.text).toContain("did not end as it should (exit 3): Invalid API key");
      expect(failed.text).toContain("2.1.329 was tried");
      const anew = (claude: string) => {
        scratch.end();
        beginScratch();
        return failing(planOf(claude));
      };
      expect((await anew(standIn("exit 0"))).text).toContain("never asked the model");
      expect((await anew(speaking(""))).text).toContain("3 of 3 files were not written");
      const forgetful = await anew(speaking("if (turns++ === 2) break; messages.length = 0;"));
      expect(forgetful.text).toContain("it asked for the turns 0 0 0, not for each of 4 once (exit 0)");
    },
    PATIENCE_MS,
  );

  test(
    "whose hooks do not fire is not measured as if they had",
    async () => {
      const writes = "await Bun.write(write.input.file_path, write.input.content);";
      expect((await failing(planOf(speaking(writes)))).text).toMatch(
        /told its channel 0 times instead of 3|was to call publish 6 times, and 0 events arrived/,
      );
      expect(scratch.pids()).toEqual([]);
    },
    PATIENCE_MS,
  );

  test("is given the environment that is named and nothing of the user's", async () => {
    process.env.OFFHOOK_TEST_SECRET = "of the user";
    try {
      await failing(planOf(standIn(`env >'${root}/env'; pwd >'${root}/pwd'; exit 1`)));
    } finally {
      delete process.env.OFFHOOK_TEST_SECRET;
    }
    const env = Object.fromEntries(
      readFileSync(join(root, "env"), "utf8")
        .trim()
        .split("\n")
        .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
    );
    const lint = ["HOOKS", "CHANNEL", "PYTHON"];
    const own = ["PWD", "SHLVL", "_", "OLDPWD"];
    expect(
      Object.keys(env)
        .filter((name) => ![...lint, ...own].includes(name))
        .sort(),
    ).toEqual(
      [
        ...["ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC"],
        ...["CLAUDE_CODE_TMPDIR", "DISABLE_AUTOUPDATER", "DISABLE_TELEMETRY", "HOME", "OFFHOOK_BENCH", "OFFHOOK_HOME"],
        ...["PATH", "TERM", "TMPDIR"],
      ].sort(),
    );
    expect(env.ANTHROPIC_API_KEY).toBe("dummy");
    expect(env.ANTHROPIC_BASE_URL).toStartWith("http://127.0.0.1:");
    for (const name of ["HOME", "TMPDIR", "OFFHOOK_HOME"]) expect(env[name]).toStartWith(`${scratch.path}/`);
    expect(readFileSync(join(root, "pwd"), "utf8")).toStartWith(`${scratch.path}/`);
  });

  test(
    "that does not end is ended, at first kindly, and so is what it has started",
    async () => {
      const place = makePlace(join(root, "place"));
      const env = { PATH: "/usr/bin:/bin", HOME: place.home };
      const stubborn = standIn(
        `trap 'echo asked' TERM; echo begun; (sleep 300 & echo $! >'${root}/pid'); while :; do sleep 0.05; done`,
      );
      const played = await runClaude([stubborn], place.project, env, 500, scratch);
      expect(played).toEqual({ isDone: false, why: "not done after 0.5 s", stdout: "begun\nasked\n", stderr: "" });
      const pid = Number(readFileSync(join(root, "pid"), "utf8"));
      await until(
        () => !isAlive(pid),
        () => `${pid} still runs`,
      );
    },
    PATIENCE_MS,
  );

  test("goes with the scratch directory, when the run is broken off", async () => {
    const place = makePlace(join(root, "place"));
    const env = { PATH: "/usr/bin:/bin", HOME: place.home };
    const played = runClaude([standIn("sleep 300")], place.project, env, 60_000, scratch);
    expect(scratch.pids()).toHaveLength(1);
    scratch.end();
    expect((await played).why).toBe("exit SIGKILL");
    expect(existsSync(scratch.path)).toBe(false);
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const without = CLAUDE === null ? " (reason: Claude Code is not in the cache; scripts/test-claude brings it)" : "";
describe.if(CLAUDE !== null)(`the real Claude Code${without}`, () => {
  test(
    "is measured with no hooks, publish, a working hook and hooks of the user's in a copy of their project",
    async () => {
      const userHome = join(root, "user");
      const project = join(userHome, "the project");
      mkdirSync(join(project, ".claude"), { recursive: true });
      writeFileSync(join(project, "a.ts"), "export const a = 1;\n");
      // Settings and servers of the project are nobody's choice here: they must not run.
      const trap = (name: string) => ({ type: "command", command: `touch '${root}/${name}'` });
      const settings = JSON.stringify({ hooks: { PreToolUse: [{ hooks: [trap("trap")] }] } });
      writeFileSync(join(project, ".claude/settings.json"), settings);
      const servers = { x: { command: "/bin/sh", args: ["-c", `touch '${root}/server'`] } };
      writeFileSync(join(project, ".mcp.json"), JSON.stringify({ mcpServers: servers }));

      const own = {
        matcher: "Write",
        args: null,
        timeoutS: 10,
        condition: null,
        isAsync: false,
        source: "user",
      } as const;
      const hooks: UserHook[] = [
        { ...own, event: "PreToolUse", command: "cat >>~/before" },
        { ...own, event: "PostToolUse", command: 'sleep 0.1; cat >>"$HOME/after"' },
        { ...own, event: "PostToolUse", command: "cat >>~/rarely", condition: "Write(*.py)" },
      ];
      const mine = await prepareMine({ project, hooks, env: { HOME: userHome, PATH: process.env.PATH } }, means);
      const measured = await measureClaude(planOf(CLAUDE ?? "", { mine }), means);

      expect(measured).toMatchObject({ version: "2.1.329", writes: 2, rounds: 1 });
      const kinds = measured.kinds.map(({ name }) => name).filter((name) => name !== "lint + alert");
      expect(kinds).toEqual(["no hooks", "publish", "your hooks"]);
      for (const { gaps, addedMs } of measured.kinds) {
        expect(gaps.runs).toBe(2);
        expect(addedMs.low).toBeLessThanOrEqual(addedMs.value);
        expect(addedMs.value).toBeLessThanOrEqual(addedMs.high);
      }
      expect(measured.kinds[0]?.addedMs).toEqual({ value: 0, low: 0, high: 0 });
      expect(Math.min(...(measured.kinds.at(-1)?.gaps.timesMs ?? []))).toBeGreaterThan(100);

      const payloadsIn = (name: string) =>
        readFileSync(join(mine.home, name), "utf8")
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line));
      for (const name of ["before", "after"]) {
        const ofClaude = payloadsIn(name).filter(
          ({ session_id }) => session_id !== JSON.parse(RECORDED.split("\n")[0] ?? "").session_id,
        );
        expect(ofClaude).toHaveLength(3);
        for (const { cwd, tool_input } of ofClaude) {
          expect(cwd).toBe(mine.project);
          expect(tool_input.file_path).toMatch(new RegExp(`^${mine.project}/offhook_bench_\\d+_\\d+\\.ts$`));
        }
      }
      expect(existsSync(join(mine.home, "rarely"))).toBe(false);
      expect(readdirSync(mine.project).filter((name) => /offhook_bench_\d/.test(name))).toEqual([]);
      expect(readdirSync(root).sort()).toEqual(["user"]);
      expect(readdirSync(project).sort()).toEqual([".claude", ".mcp.json", "a.ts"]);
      expect(readFileSync(join(project, ".claude/settings.json"), "utf8")).toBe(settings);
      expect(scratch.pids()).toEqual([]);
      expect(steps.at(-1)).toMatchObject({ part: "claude", done: measured.kinds.length, of: measured.kinds.length });
    },
    PATIENCE_MS,
  );

  test(
    "is told as refusing where the user's hooks refuse a Write",
    async () => {
      const project = join(root, "project");
      mkdirSync(project);
      writeFileSync(join(project, "a.py"), "x = 1\n");
      const refuses = "cat >/dev/null; echo 'not on my watch' >&2; exit 2";
      const hook: UserHook = {
        ...{ event: "PreToolUse", matcher: null, command: refuses, args: null, timeoutS: 10 },
        ...{ condition: null, isAsync: false, source: "user" },
      };
      const mine = await prepareMine(
        { project, hooks: [hook], env: { HOME: join(root), PATH: process.env.PATH } },
        means,
      );
      const { exitCode, text } = await failing(planOf(CLAUDE ?? "", { mine, writes: 1 }));
      expect(exitCode).toBe(1);
      expect(text).toContain("with your hooks: 2 of 2 files were not written, so a hook refuses them");
      expect(text).toContain("not on my watch");
    },
    PATIENCE_MS,
  );
});
