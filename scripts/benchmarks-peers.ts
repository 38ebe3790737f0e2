// Hooks of other projects that run beside publish: which package, what of it is the hook, and how it is set up in a home of its
// own. Each runs as its own settings say, by its own words, which are read from its package. None may reach anything but this machine.
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import type { Contestant } from "../src/measure/measure.ts";
import type { Scratch } from "../src/measure/scratch.ts";
import type { Package } from "./benchmarks-fetch.ts";

export type Peer = {
  name: string;
  packages: readonly [Package, ...Package[]];
  /** Programs that its hook needs on the PATH. */
  needs: readonly string[];
  /** What its hook does with an event, and whether Claude Code waits for it. Sentences for the page. */
  what: string;
  /** False: its settings say `async`, so Claude Code goes on at once. */
  isWaitedFor: boolean;
  /** Sets it up in `home` and gives the command for a shell; `stored` counts what it has stored since it was set up. */
  setUp(place: Stand): { command: string; shell: string; env?: Record<string, string>; stored(): number };
};

/** Where a peer stands: its files, a home of its own, what it gets as environment. */
export type Stand = { files: string; home: string; env: Record<string, string>; port: number; scratch: Scratch };

const SET_UP_LIMIT_MS = 60_000;

const claudeMem: Peer = {
  name: "claude-mem",
  packages: [
    {
      name: "claude-mem",
      version: "13.25.3",
      integrity: "sha512-Hqa33Vv8YJ5fnaHzZc3HC3JihHagHji5O9R66ZBIKn3DDPOlaDfI5X2oxuSdtp7kRMsEpMc2p7wMXPEe0kZG9g==",
    },
    {
      name: "zod",
      version: "4.6.7",
      integrity: "sha512-g8W2D2kU6a8untc053fX1uVBKzM7yqAxW/3zwk83+6RyF2+SKOuV+c0wBDhUwzV1PaGapmZH+rmcUzPf+3CGwg==",
      into: "plugin/node_modules/zod",
    },
  ],
  needs: ["bash", "node"],
  what:
    "a shell looks for its files, Node finds Bun, Bun loads the hook, which posts the tool call to the worker on this machine; the worker puts it " +
    "into a queue in SQLite. The worker was running. What it does with the queue afterwards (a model sums it up) was not there and is not in the figure.",
  isWaitedFor: false,
  setUp({ files, home, env, port, scratch }) {
    const market = join(home, ".claude/plugins/marketplaces/thedotmack");
    mkdirSync(market, { recursive: true });
    symlinkSync(join(files, "plugin"), join(market, "plugin"));
    const plugin = join(market, "plugin");
    const own = {
      CLAUDE_PLUGIN_ROOT: plugin,
      CLAUDE_MEM_WORKER_PORT: String(port),
      CLAUDE_MEM_CHROMA_ENABLED: "false",
      BUN_OPTIONS: "--no-install",
    };
    const script = (name: string) => join(plugin, "scripts", name);
    mustRun(["node", script("bun-runner.js"), script("worker-service.cjs"), "start"], { ...env, ...own }, home);
    const { pid } = JSON.parse(readFileSync(join(home, ".claude-mem/worker.pid"), "utf8"));
    scratch.own({ pid, exited: Promise.withResolvers<number>().promise, kill: () => end(pid) });
    const logs = join(home, ".claude-mem/logs");
    return {
      command: hookOf(join(plugin, "hooks/hooks.json"), "PostToolUse", () => true),
      shell: "bash",
      env: own,
      stored: () => readdirSync(logs).reduce((sum, name) => sum + occurrences(join(logs, name), "ENQUEUED"), 0),
    };
  },
};

const observer: Peer = {
  name: "ECC observe",
  packages: [
    {
      name: "ecc-universal",
      version: "2.0.0",
      integrity: "sha512-Dj7vsfOiuBD58OSvRJX8w9vHbyyIS6DxvtSs2LWnUBR2Wn/UeuJ0vwpISfk10VwLpFc6KPIfzdmkPQjPy9QJMw==",
    },
  ],
  needs: ["bash", "node", "python3", "git"],
  what:
    "its hook `post:observe:continuous-learning`: Node starts a shell script that asks git for the project and runs python3 several times: " +
    "reads the event, takes secrets out, cuts it to 5,000 characters, appends a line to the project's file.",
  isWaitedFor: false,
  setUp: ({ files, home }) => ({
    command: hookOf(
      join(files, "hooks/hooks.json"),
      "PostToolUse",
      ({ id }) => id === "post:observe:continuous-learning",
    ),
    shell: "sh",
    env: { CLAUDE_PLUGIN_ROOT: files },
    stored: () => linesBelow(home, "**/observations.jsonl"),
  }),
};

const rulecatch: Peer = {
  name: "rulecatch",
  packages: [
    {
      name: "@rulecatch/ai-pooler",
      version: "0.7.20",
      integrity: "sha512-LFjDV2zG3U/UPoaUXuNk6hjEkXZOjP9EMAREciOfCmVtRSTiTmPJJqxPfb0Z6F4ZqOviRfZ3DDPw9nlUFiHmPA==",
    },
  ],
  needs: ["bash", "node", "jq", "git"],
  what:
    "set up by its own `init --monitor-only` (no account, nothing sent): a bash script that reads the event with jq field by field, asks git about " +
    "the project, writes a line to its log and a file to its buffer, and starts Node in the background.",
  isWaitedFor: false,
  setUp({ files, home, env }) {
    mustRun(["node", join(files, "dist/cli.js"), "init", "--monitor-only"], env, home);
    return {
      command: hookOf(join(home, ".claude/settings.json"), "PostToolUse", () => true),
      shell: "sh",
      stored: () => linesBelow(home, ".claude/rulecatch/events.log"),
    };
  },
};

const verifier: Peer = {
  name: "oh-my-claudecode",
  packages: [
    {
      name: "oh-my-claude-sisyphus",
      version: "5.5.0",
      integrity: "sha512-OXqzzFwPZ6CfCej1S7VM2/6rErioskmKluA+JEzRfZdKLQ3ci2iTVd/FZ7uu4UsOs9Gqs5mmtfT54jIKUqOjug==",
    },
  ],
  needs: ["node"],
  what:
    "the first of its four hooks for every tool call, `post-tool-verifier`: Node starts Node, which counts the call in the session's file of " +
    "figures and may answer with advice to the model. It keeps no event, so it stores less than publish; the advice is work that publish does not do.",
  isWaitedFor: true,
  setUp: ({ files, home }) => ({
    command: hookOf(join(files, "hooks/hooks.json"), "PostToolUse", ({ command }) =>
      command.includes("post-tool-verifier"),
    ),
    shell: "sh",
    env: { CLAUDE_PLUGIN_ROOT: files },
    stored: () =>
      Number(/"total_calls": (\d+)/.exec(readFileSync(join(home, ".claude/.session-stats.json"), "utf8"))?.[1]),
  }),
};

export const PEERS: readonly Peer[] = [claudeMem, observer, rulecatch, verifier];

/** A peer as a contestant, and how many events it has stored since it was set up. */
export function contestantOf(peer: Peer, stand: Stand, project: string): Contestant & { stored(): number } {
  const { command, shell, env, stored } = peer.setUp(stand);
  return {
    name: peer.name,
    argv: [shell, "-c", command],
    env: { ...stand.env, ...env, CLAUDE_PROJECT_DIR: project },
    cwd: project,
    stored,
  };
}

type Hook = { command: string; id: string | undefined; async: boolean };

/** The first command that `wanted` likes, of an event of a settings file or of a plugin's hooks.json. */
function hookOf(path: string, event: string, wanted: (hook: Hook) => boolean): string {
  const groups: { id?: string; hooks: { command: string; async?: boolean }[] }[] = JSON.parse(
    readFileSync(path, "utf8"),
  ).hooks[event];
  const hooks = groups.flatMap(({ id, hooks }) => hooks.map(({ command, async = false }) => ({ command, id, async })));
  const found = hooks.find(wanted);
  if (found === undefined) throw new Error(`${path} has no such hook of ${event}`);
  return found.command;
}

function linesBelow(home: string, pattern: string): number {
  const paths = [...new Bun.Glob(pattern).scanSync({ cwd: home, dot: true })];
  return paths.reduce((sum, path) => sum + occurrences(join(home, path), "\n"), 0);
}

function occurrences(path: string, text: string): number {
  return readFileSync(path, "utf8").split(text).length - 1;
}

function mustRun(argv: string[], env: Record<string, string>, cwd: string): void {
  const { exitCode, stdout, stderr } = Bun.spawnSync(argv, { env, cwd, stdin: "ignore", timeout: SET_UP_LIMIT_MS });
  if (exitCode !== 0)
    throw new Error(`${argv.at(-1)} ended with ${exitCode}: ${`${stderr}${stdout}`.trim().slice(-300)}`);
}

function end(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Removes what hooks of the run left in /tmp by a name of their own (rulecatch does), and nothing that was there before. */
export function tidyTmp(before: ReadonlySet<string>): void {
  for (const name of strayFiles()) if (!before.has(name)) rmSync(join("/tmp", name), { force: true });
}

/** The names that such hooks use in /tmp, those that are there now. */
export function strayFiles(): Set<string> {
  return new Set(readdirSync("/tmp").filter((name) => name.startsWith("rulecatch-")));
}
