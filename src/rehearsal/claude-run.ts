// One run of the real Claude Code: a HOME of its own, an environment of exactly what is named here, a model that is played on
// loopback, no account. It never sees the user's settings and is ended when its time is over.
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Subprocess } from "bun";
import { codeOf, EXIT, messageOf, OffhookError } from "../errors.ts";
import { endGroup } from "../measure/run.ts";
import { markIn, type Scratch } from "../measure/scratch.ts";

/** One entry of a `hooks` list as Claude Code has it in its settings; the timeout is in seconds. */
export type HookEntry = {
  type: "command";
  command: string;
  args?: string[];
  timeout?: number;
  if?: string;
  async?: boolean;
};

/** The `hooks` of a settings file: by event, groups with a matcher. */
export type Hooks = Record<string, { matcher?: string; hooks: HookEntry[] }[]>;

/** Where a run takes place: the HOME, the project it stands in, a directory for what is passing. All there already. */
export type Place = { home: string; project: string; tmp: string };

/** How a run ended; `why` says it in words: "exit 1", "not done after 60 s". */
export type Played = { isDone: boolean; why: string; stdout: string; stderr: string };

const VERSION_LIMIT_MS = 20_000;
/** Time to end by itself after TERM. */
const GRACE_MS = 2_000;
const SAID_LENGTH = 600;

/** The words of a run: it does the work of one prompt and may use the tools named without asking. Output: a JSON object a line. */
export function claudeArgv(claude: string, tools: readonly string[]): string[] {
  return [
    ...[claude, "-p", "Do the work.", "--output-format", "stream-json", "--verbose"],
    ...["--allowedTools", tools.join(","), "--permission-mode", "acceptEdits"],
  ];
}

/** Claude Code does not start without one; the model on loopback does not look at it. */
const NO_KEY = "dummy";

/** The environment of a run, besides what hooks need: nothing of the user's, no traffic but to the model on loopback. */
export function claudeEnv({ home, tmp }: Place, apiUrl: string): Record<string, string> {
  return {
    HOME: home,
    TERM: "xterm",
    TMPDIR: tmp,
    CLAUDE_CODE_TMPDIR: tmp,
    ANTHROPIC_BASE_URL: apiUrl,
    ANTHROPIC_API_KEY: NO_KEY,
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    DISABLE_AUTOUPDATER: "1",
    DISABLE_TELEMETRY: "1",
  };
}

/** Writes the settings of a run's user. */
export function writeUserSettings({ home }: Place, settings: { hooks: Hooks }): void {
  mkdirSync(join(home, ".claude"), { recursive: true, mode: 0o700 });
  writeFileSync(join(home, ".claude", "settings.json"), `${JSON.stringify(settings, null, 2)}\n`);
}

/** The path of a Claude Code that was named: a bare name is looked for on PATH. Errors: there is nothing that can be started (66). */
export function claudePath(named: string): string {
  const path = named.includes("/") ? resolve(named) : Bun.which(named);
  if (path !== null && Bun.which(path) !== null) return path;
  throw new OffhookError(EXIT.notFound, `${named} is no program`, "offhook bench claude --claude PATH-OF-CLAUDE");
}

/**
 * The version that a Claude Code says of itself ("2.1.329"), asked in a HOME of its own. Errors: it cannot be started, or does not
 * answer within 20 s with a version and "Claude Code" (1).
 */
export async function askVersion(claude: string, scratch: Scratch): Promise<string> {
  const place = makePlace(join(scratch.path, "claude-version"));
  const PATH = process.env.PATH ?? "/usr/bin:/bin";
  const env = { ...claudeEnv(place, "http://127.0.0.1:9"), PATH, ...markIn(scratch) };
  const played = await runClaude([claude, "--version"], place.project, env, VERSION_LIMIT_MS, scratch);
  const found = /^(\d+\.\d+\.\d+\S*) \(Claude Code\)/.exec(played.stdout.trim())?.[1];
  if (played.isDone && found !== undefined) return found;
  throw new OffhookError(
    EXIT.failed,
    `${claude} --version does not answer as Claude Code does (${played.why}): ${firstLine(played)}`,
    "--claude wants the program itself, for instance what `command -v claude` says",
  );
}

function firstLine({ stdout, stderr }: Played): string {
  const [line = ""] = (stdout.trim() || stderr.trim()).split("\n", 1);
  return line === "" ? "it said nothing" : line.slice(0, SAID_LENGTH);
}

/** Makes the directories of a place below `root`. */
export function makePlace(root: string): Place {
  const place = { home: join(root, "home"), project: join(root, "project"), tmp: join(root, "tmp") };
  for (const directory of Object.values(place)) mkdirSync(directory, { recursive: true, mode: 0o700 });
  return place;
}

/** Runs a Claude Code to its end: after `limitMs` TERM, 2 s later KILL. Errors: it cannot be started (1). */
export async function runClaude(
  argv: string[],
  cwd: string,
  env: Record<string, string>,
  limitMs: number,
  scratch: Scratch,
): Promise<Played> {
  const child = start(argv, cwd, env);
  const { pid, exited } = child;
  scratch.own({ pid, exited, kill: () => endGroup(pid) });
  let isLate = false;
  const alarms = [
    setTimeout(() => {
      isLate = true;
      child.kill("SIGTERM");
    }, limitMs),
    setTimeout(() => endGroup(pid), limitMs + GRACE_MS),
  ];
  const outputs = [reader(child.stdout), reader(child.stderr)];
  await exited;
  for (const alarm of alarms) clearTimeout(alarm);
  endGroup(pid);
  // What a hook left behind may hold the pipes open: what has been said by now is what counts.
  await Promise.race([Promise.all(outputs.map(({ ended }) => ended)), Bun.sleep(GRACE_MS)]);
  const [stdout = "", stderr = ""] = outputs.map(({ text }) => text());
  const why = isLate ? `not done after ${limitMs / 1000} s` : `exit ${child.signalCode ?? child.exitCode}`;
  return { isDone: child.exitCode === 0 && !isLate, why, stdout, stderr };
}

/** What a run said, cut, as the end of a sentence. */
export function said({ stdout, stderr }: Played): string {
  const text = (stderr.trim() || lastResult(stdout)).replaceAll(/\s+/g, " ");
  if (text === "") return ": it said nothing";
  return `: ${text.length > SAID_LENGTH ? `${text.slice(0, SAID_LENGTH)}...` : text}`;
}

/** The text of the closing line of a stream of JSON lines, else its end. */
function lastResult(stdout: string): string {
  const last = stdout.trim().split("\n").at(-1) ?? "";
  try {
    const { result } = JSON.parse(last) as { result?: unknown };
    return typeof result === "string" ? result : last.slice(-SAID_LENGTH);
  } catch {
    return last.slice(-SAID_LENGTH); // Not JSON: a word of the program's own.
  }
}

type Child = Subprocess<"ignore", "pipe", "pipe">;

function start(argv: string[], cwd: string, env: Record<string, string>): Child {
  try {
    return Bun.spawn(argv, { cwd, env, stdin: "ignore", stdout: "pipe", stderr: "pipe", detached: true });
  } catch (error) {
    if (codeOf(error) === null) throw error;
    throw new OffhookError(EXIT.failed, `${argv[0]} cannot be started: ${messageOf(error)}`);
  }
}

/** Reads a pipe as it comes. */
function reader(stream: ReadableStream<Uint8Array>): { ended: Promise<void>; text(): string } {
  const chunks: Uint8Array[] = [];
  const read = async () => {
    for await (const chunk of stream) chunks.push(chunk);
  };
  return { ended: read(), text: () => Buffer.concat(chunks).toString() };
}
