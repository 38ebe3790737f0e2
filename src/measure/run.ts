// One process from spawn to exit, in a process group of its own as Claude Code gives a hook (claude-code 2.1.329). What it leaves
// running in that group is ended after it, outside the time; so nothing piles up beside the runs that follow.
import { messageOf } from "../errors.ts";
import type { Scratch } from "./scratch.ts";

/** `cwd`: else that of this process. */
export type Program = { name: string; argv: string[]; env: Record<string, string>; cwd?: string };

/** How long a process may take, in ms, when nobody says otherwise. */
export const RUN_LIMIT_MS = 20_000;

export type RunOptions = { runLimitMs?: number; scratch?: Scratch };

/** How a run ended. */
export type Ended = {
  /** From before the spawn until the exit is seen. */
  tookMs: number;
  /** The exit code or the signal's name; null: it could not be started. */
  end: number | string | null;
  /** It was ended at its limit. */
  isCut: boolean;
  /** Whether it took all of its stdin; settles only when everybody who holds its stdin has ended. */
  isRead: Promise<boolean>;
  /** The beginning of its stderr, unless it exited 0. */
  said: string;
};

/** Of stderr so many characters are kept; the rest is read and dropped, so that nobody waits for us. */
const MOST_SAID = 4_000;
/** What stderr gets to come to its end after a failure: somebody outside the group may hold it. */
const LAST_WORDS_MS = 200;

/** What a process gets on stdin: bytes, or pieces one after the other, so that much of it can be shared by many. */
export type Stdin = Uint8Array | readonly Uint8Array[];

/**
 * Runs a program once with these bytes on stdin. Its stdin is a socket, as under Claude Code: Bun.spawn makes one for "pipe", but a
 * memory file for a buffer, which is cheaper to read and would flatter everybody.
 */
export async function runOnce(program: Program, stdin: Stdin, options: RunOptions = {}): Promise<Ended> {
  const { argv, env, cwd = process.cwd() } = program;
  const beganMs = performance.now();
  let child: Bun.Subprocess<"pipe", "ignore", "pipe">;
  try {
    child = Bun.spawn(argv, { env, cwd, stdin: "pipe", stdout: "ignore", stderr: "pipe", detached: true });
  } catch (error) {
    const tookMs = performance.now() - beganMs;
    return { tookMs, end: null, isCut: false, isRead: Promise.resolve(false), said: messageOf(error) };
  }
  const { pid, exited } = child;
  options.scratch?.own({ pid, exited, kill: () => endGroup(pid) });
  const isRead = writeAll(child.stdin, stdin);
  const stderr = listen(child.stderr);
  let isCut = false;
  const alarm = setTimeout(() => {
    isCut = true;
    endGroup(pid);
  }, options.runLimitMs ?? RUN_LIMIT_MS);
  await exited;
  const tookMs = performance.now() - beganMs;
  clearTimeout(alarm);
  endGroup(pid);
  const end = child.signalCode ?? child.exitCode;
  return { tookMs, end, isCut, isRead, said: await stderr.end(end !== 0) };
}

/** Of many bytes so many at once: a FileSink of Bun 1.4.5 copies what the pipe does not take, again for each part that it does take. */
const CHUNK_BYTES = 262_144;

/** False when somebody closed it before. That is thrown at once, or told later. */
async function writeAll(sink: Bun.FileSink, stdin: Stdin): Promise<boolean> {
  try {
    for (const piece of stdin instanceof Uint8Array ? [stdin] : stdin)
      for (let at = 0; at < piece.length; at += CHUNK_BYTES) await sink.write(piece.subarray(at, at + CHUNK_BYTES));
    await sink.end();
    return true;
  } catch {
    return false;
  }
}

/** KILL to all of a process group; nothing when there is none any more. */
export function endGroup(leader: number): void {
  // 0 and 1 would mean others: our own group, and everybody.
  if (leader <= 1) throw new Error(`no process group ${leader}`);
  try {
    process.kill(-leader, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Reads a stream as it comes. `end` gives what was said, waiting a moment for the last of it where that is wanted, and lets go of it. */
function listen(stream: ReadableStream<Uint8Array>): { end(isWanted: boolean): Promise<string> } {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let said = "";
  const read = async () => {
    for (let next = await reader.read(); !next.done; next = await reader.read())
      if (said.length < MOST_SAID) said += decoder.decode(next.value, { stream: true });
  };
  const isOver = read();
  return {
    async end(isWanted) {
      if (isWanted) await Promise.race([isOver, Bun.sleep(LAST_WORDS_MS)]);
      await reader.cancel();
      await isOver;
      return isWanted ? said.slice(0, MOST_SAID).trim() : "";
    },
  };
}
