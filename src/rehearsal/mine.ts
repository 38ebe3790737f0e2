// The user's own hooks as the benchmark runs them: in a copy of the project, with a HOME that holds nothing but the scripts that they
// name there. Which hooks there are is handed in, and nothing is run before the command has asked (mine-consent.ts).
import { mkdirSync, realpathSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { UserHook } from "../claude/user-hooks.ts";
import { EXIT, OffhookError } from "../errors.ts";
import { inOneLine } from "../measure/command-text.ts";
import type { Means } from "../measure/means.ts";
import { runOnce } from "../measure/run.ts";
import { markIn } from "../measure/scratch.ts";
import type { Hooks } from "./claude-run.ts";
import { furnish, SCRIPT } from "./mine-home.ts";
import { payloadOf, type Sample, sampleOf } from "./mine-write.ts";
import { copyProject } from "./project-copy.ts";

/** A hook ready to be timed; `stdin` is the payload of its event, about a file in the copy. Its exit code may be anything. */
export type MineLane = {
  name: string;
  /** The command as it stands in the settings. */
  what: string;
  argv: string[];
  env: Record<string, string>;
  cwd: string;
  timeoutMs: number;
  stdin: Uint8Array;
  mayFail: true;
};

/** Whose hooks: the top of the project (absolute), and what this program was started with. */
export type MineWish = { project: string; hooks: readonly UserHook[]; env: Record<string, string | undefined> };

/** Everything made ready. `lanes`: to be timed one by one. `settings`: the same hooks and those that only Claude Code can judge. */
export type Mine = {
  what: string;
  project: string;
  home: string;
  env: Record<string, string>;
  sample: Sample;
  lanes: MineLane[];
  settings: Hooks;
  /** What is not measured, and what is not in the copy: a sentence each. */
  left: string[];
};

/** A run takes no longer; the first has less time, so that the later ones have some to spare. */
const RUN_LIMIT_MS = 20_000;
const TRY_LIMIT_MS = 10_000;
/** Of the user's environment, what says where tools are and how they speak; nothing that may be a secret. */
const PASSED_ON = ["LANG", "LC_ALL", "LC_CTYPE", "TZ", "USER", "LOGNAME", "SHELL"];
/** Where tools on the PATH look for themselves, by default below HOME. */
const TOOLS: Record<string, string> = {
  RUSTUP_HOME: ".rustup",
  PYENV_ROOT: ".pyenv",
  VOLTA_HOME: ".volta",
  ASDF_DATA_DIR: ".asdf",
  NVM_DIR: ".nvm",
};
/** Read by Claude Code itself where it stands in a project: hooks and servers that nobody has agreed to. */
const NOT_FOR_CLAUDE = [".claude/settings.json", ".claude/settings.local.json", ".mcp.json"];

/**
 * Copies the project, and runs each hook once to see that it can be run there. Errors: the project is the home directory or holds
 * it, or cannot be copied (1).
 */
export async function prepareMine({ project: named, hooks, env: own }: MineWish, means: Means): Promise<Mine> {
  const { scratch, recorded } = means;
  const project = realpathSync(named);
  const userHome = own.HOME ?? "/";
  if (`${realpathSync(userHome)}/`.startsWith(`${project === "/" ? "" : project}/`))
    throw new OffhookError(EXIT.failed, `${project} is no project: your home is in it`, "name one: --project DIR");
  const path = own.PATH ?? "/usr/bin:/bin";
  const copy = await copyProject(project, join(scratch.path, "copy-of-project"), path);
  for (const file of NOT_FOR_CLAUDE) rmSync(join(copy.path, file), { force: true });

  const home = join(scratch.path, "home-of-hooks");
  const furnished = furnish(home, userHome, hooks);
  const moved = (text: string) => movedText(text, [[project, copy.path], [named, copy.path], ...furnished]);
  const here = hooks.map((hook) => ({
    ...hook,
    command: moved(hook.command),
    args: hook.args?.map((arg) => moved(arg)) ?? null,
  }));
  const tmp = join(scratch.path, "tmp-of-hooks");
  mkdirSync(tmp, { mode: 0o700 });
  const env = {
    ...toolsOf(own, userHome),
    PATH: moved(path),
    HOME: home,
    TMPDIR: tmp,
    // Scripts of a virtual environment name the interpreter beside the project itself: it shall not write there.
    PYTHONPYCACHEPREFIX: join(tmp, "pycache"),
    // Go writes what it fetches below HOME, and else so that it cannot be removed.
    GOFLAGS: "-modcacherw",
    OFFHOOK_HOME: scratch.makeHome({}),
    ...markIn(scratch),
  };
  const sample = sampleOf(copy);
  const file = join(sample.directory, `offhook_bench${sample.extension}`);
  writeFileSync(file, sample.content);

  const left = copy.left.map((what) => `not in the copy: ${what}`);
  const lanes: MineLane[] = [];
  const settings: Hooks = {};
  const kept: string[] = [];
  for (const [index, hook] of here.entries()) {
    const line = inOneLine(lineOf(hooks[index] as UserHook));
    const payload = payloadOf(recorded, hook.event, { file, content: sample.content, cwd: copy.path, home });
    const lane = laneOf(hook, { what: line, number: lanes.length + 1, env, cwd: copy.path, payload });
    const ofClaude = whyOfClaude(hook);
    const why = ofClaude ?? (await tried(lane, means));
    if (why === null) lanes.push(lane);
    else left.push(`not timed by itself: ${hook.event} ${line} (${why})`);
    if (why !== null && ofClaude === null) continue;
    kept.push(line);
    addTo(settings, hook);
  }
  return { what: kept.join("; "), project: copy.path, home, env, sample, lanes, settings, left };
}

/** Why only Claude Code itself can show what a hook costs; null: it can be timed alone. */
function whyOfClaude({ isAsync, condition }: UserHook): string | null {
  if (isAsync) return "the agent does not wait for it";
  return condition === null ? null : `it runs only where ${inOneLine(condition)} fits, which Claude Code judges`;
}

/** A hook as one line, for eyes. */
export function lineOf({ command, args }: Pick<UserHook, "command" | "args">): string {
  return [command, ...(args ?? [])].join(" ");
}

/** Puts other paths for paths in a text, where they stand as a whole or with something below them. */
export function movedText(text: string, moves: readonly (readonly [from: string, to: string])[]): string {
  return moves.reduce((moved, [from, to]) => {
    const literal = from.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    return moved.replace(new RegExp(`(?<![\\w./-])${literal}(?![\\w.-])`, "g"), () => to);
  }, text);
}

function laneOf(
  hook: UserHook,
  at: { what: string; number: number; env: Record<string, string>; cwd: string; payload: string },
): MineLane {
  const words = lineOf(hook)
    .split(/[\s"']+/)
    .filter((word) => word !== "" && !/^\w+=/.test(word));
  // The script says more than what runs it.
  const program = basename(words.find((word) => SCRIPT.test(word)) ?? words[0] ?? "").slice(0, 20);
  return {
    name: `yours ${at.number}, ${hook.event === "PreToolUse" ? "before" : "after"}: ${inOneLine(program)}`,
    what: at.what,
    // As Claude Code 2.1.329 starts them: with args no shell, and this one placeholder filled in as plain text.
    argv:
      hook.args === null
        ? ["/bin/sh", "-c", hook.command]
        : [hook.command, ...hook.args].map((word) => word.replaceAll("${CLAUDE_PROJECT_DIR}", () => at.cwd)),
    env: { ...at.env, CLAUDECODE: "1", CLAUDE_PROJECT_DIR: at.cwd },
    cwd: at.cwd,
    timeoutMs: Math.min(RUN_LIMIT_MS, (hook.timeoutS ?? Number.POSITIVE_INFINITY) * 1000),
    stdin: Buffer.from(`${at.payload}\n`),
    mayFail: true,
  };
}

/** Runs a hook once. Null: it can be timed, however it ends; else why not. */
async function tried(lane: MineLane, { scratch }: Means): Promise<string | null> {
  const ended = await runOnce(lane, lane.stdin, { scratch, runLimitMs: Math.min(lane.timeoutMs, TRY_LIMIT_MS) });
  const words = inOneLine(ended.said.split("\n", 1)[0] ?? "").slice(0, 200);
  if (ended.isCut) return `it took longer than ${Math.min(lane.timeoutMs, TRY_LIMIT_MS) / 1000} s`;
  // What sh says of a program that it does not find, or may not start.
  if (ended.end === null || ended.end === 126 || ended.end === 127) return `it cannot be started here: ${words}`;
  return null;
}

/** Adds a hook as Claude Code reads it, in a group of its own. */
function addTo(settings: Hooks, { event, matcher, command, args, timeoutS, condition, isAsync }: UserHook): void {
  const entry = {
    type: "command" as const,
    command,
    ...(args === null ? {} : { args }),
    ...(timeoutS === null ? {} : { timeout: timeoutS }),
    ...(condition === null ? {} : { if: condition }),
    ...(isAsync ? { async: true } : {}),
  };
  settings[event] = [...(settings[event] ?? []), { ...(matcher === null ? {} : { matcher }), hooks: [entry] }];
}

function toolsOf(own: Record<string, string | undefined>, userHome: string): Record<string, string> {
  const given = [...PASSED_ON, ...Object.keys(TOOLS)].flatMap((name) => (own[name] ? [[name, own[name]]] : []));
  const found = Object.entries(TOOLS)
    .map(([name, below]) => [name, join(userHome, below)] as const)
    .filter(([, directory]) => statSync(directory, { throwIfNoEntry: false })?.isDirectory());
  return { ...Object.fromEntries(found), ...Object.fromEntries(given) };
}
