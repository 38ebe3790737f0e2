// `offhook publish`: stdin into one spool file, and out. The agent waits for this: no package, no config, no parsing.
// Nothing on stdout, ever; one line on stderr where the event could not be stored.
import type { SpoolHeader } from "../event/event.ts";
import { append } from "../spool/append.ts";
import { ensureHome, homePath } from "../spool/home.ts";
import { type Input, readObject, readToEnd } from "../spool/stdin.ts";
import { whyNotStored } from "../spool/trouble.ts";
import { nodeFs } from "../system/files.ts";
import { isTerminal } from "../system/libc.ts";
import { type Request, requestOf } from "./publish-request.ts";

// As EXIT in errors.ts, which stays off the hot path.
const STORED = 0;
const NOT_STORED = 1;
const USAGE = 64;

/** What of the environment goes into the header. Nothing else: the rest holds secrets. */
const ENVIRONMENT = [
  "CLAUDE_PROJECT_DIR",
  "CLAUDE_CODE_SESSION_ID",
  "CLAUDE_PID",
  "CLAUDE_CODE_CHILD_SESSION",
  "CLAUDE_CODE_SESSION_ATTENDED",
  "CLAUDE_CODE_REMOTE",
  "OFFHOOK_DEPTH",
];

export function run(argv: string[]): number {
  const request = requestOf(argv);
  if (request.kind === "wrong") return say(USAGE, request.why);
  // Before reading: the event happened when we were called.
  const nowMs = Date.now();

  let input: Input;
  try {
    if (request.kind === "program" && request.data !== null) {
      const body = new TextEncoder().encode(request.data);
      input = { body, sizeBytes: body.length, flags: [] };
    } else if (isTerminal(0)) {
      const how =
        request.kind === "hook"
          ? "pipe the event into it: offhook publish < payload.json"
          : "give the data with --data, or pipe it in";
      return say(USAGE, `offhook publish: stdin is a terminal; ${how}`);
    } else {
      // A program's data has no end but the end of stdin, and nobody waits for it.
      input = request.kind === "hook" ? readObject() : readToEnd();
    }
  } catch (error) {
    return say(
      NOT_STORED,
      `offhook publish: stdin cannot be read (${(error as Error).message}); pipe the event into it`,
    );
  }

  let path: string | null = null;
  try {
    path = homePath(process.env);
    const { mended } = ensureHome(path);
    const flags = mended ? [...input.flags, "mode-mended"] : input.flags;
    append(path, headerOf(request, argv, nowMs, input.sizeBytes, flags), input.body, request.durability);
    return STORED;
  } catch (error) {
    const code = request.kind === "hook" && blocksOnFailure(input.body) ? STORED : NOT_STORED;
    return say(code, whyNotStored(error, path));
  }
}

function headerOf(
  request: Request,
  argv: readonly string[],
  nowMs: number,
  size: number,
  flags: string[],
): SpoolHeader {
  const env: Record<string, string> = {};
  for (const name of ENVIRONMENT) {
    const value = process.env[name];
    if (value !== undefined) env[name] = value;
  }
  const header: SpoolHeader = {
    v: 1,
    id: Bun.randomUUIDv7("hex", nowMs),
    time: new Date(nowMs).toISOString(),
    pid: process.pid,
    args: request.kind === "program" ? request.words : [...argv],
    env,
    size,
    flags,
  };
  if (request.kind !== "program") return header;
  const cwd = workingDirectory();
  return cwd === null ? header : { ...header, cwd };
}

/** Null where it was deleted under us. */
function workingDirectory(): string | null {
  try {
    return process.cwd();
  } catch {
    return null;
  }
}

/** Claude Code 2.1.329 takes any failure of a PreModelSwitch hook for a veto; of the others, only exit 2. */
function blocksOnFailure(body: Uint8Array): boolean {
  try {
    return JSON.parse(new TextDecoder().decode(body))?.hook_event_name === "PreModelSwitch";
  } catch {
    return false; // No JSON: no hook of Claude Code's.
  }
}

/** One line on stderr. Not console.error, which colours it on a terminal. */
function say(code: number, line: string): number {
  try {
    nodeFs().writeSync(2, `${line}\n`);
  } catch {
    // Nobody reads stderr: the exit code is all that is left to say it.
  }
  return code;
}
