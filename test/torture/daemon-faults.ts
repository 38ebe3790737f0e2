// Faults of the disk under a daemon: calls about the files of its home that strace makes to fail, for a while or from some moment on.
// Paths are named one by one (`strace -P`): what else the daemon writes to, such as the pipes between its threads, never fails so.
import type { Dice } from "./dice.ts";
import { STRACE } from "./strace.ts";

/** `first` to `last` of the calls of this name about the home fail; `last` null: all from there on. */
export type DaemonFault = { call: string; error: string; first: number; last: number | null };

/** What each call may fail with (man 2 CALL); fsync reports what a write could not. */
const ERRORS: Record<string, string[]> = {
  openat: ["ENOSPC", "EDQUOT", "EACCES", "EROFS", "EMFILE", "EIO"],
  pwrite64: ["ENOSPC", "EDQUOT", "EIO"],
  pread64: ["EIO"],
  write: ["ENOSPC", "EDQUOT", "EIO"],
  read: ["EIO"],
  fsync: ["EIO", "ENOSPC", "EDQUOT"],
  fdatasync: ["EIO", "ENOSPC", "EDQUOT"],
  ftruncate: ["EIO", "EROFS"],
  unlink: ["EACCES", "EROFS", "EIO"],
  rename: ["ENOSPC", "EDQUOT", "EACCES", "EROFS", "EIO"],
  mkdir: ["ENOSPC", "EDQUOT", "EACCES", "EROFS", "EIO"],
  getdents64: ["EIO"],
  // Of open files too, which no permission is asked for any more.
  statx: ["EIO"],
};

/** A short fault is over after at most so many calls of one thread; some are made once a second, and whether a full disk has room
 *  again is tried ever more seldom. */
const SHORT_CALLS = 9;
const SHORT_CALLS_OF_ROOM = 3;
const LASTING_SHARE = 0.25;

/** The words that run a command, itself the child, and write down its calls about these paths. */
export function watched(trace: string, paths: readonly string[], fault: DaemonFault | null): string[] {
  const calls = fault === null ? Object.keys(ERRORS).join() : fault.call;
  const words = [STRACE ?? "strace", "-D", "-f", "--seccomp-bpf", "-o", trace, `--trace=${calls}`];
  if (fault !== null) {
    const when = `${fault.first}${fault.last === null ? "+" : `..${fault.last}`}`;
    words.push(`--inject=${fault.call}:error=${fault.error}:when=${when}`);
  }
  return [...words, ...paths.flatMap((path) => ["-P", path])];
}

/** How often each call is made in a life that was watched without a fault; all threads together. */
export function callsOf(trace: string): Map<string, number> {
  const names = trace.split("\n").flatMap((line) => /^\d+ +([a-z_]\w*)\(/.exec(line)?.[1] ?? []);
  return new Map([...Map.groupBy(names, (name) => name)].map(([name, found]) => [name, found.length]));
}

/** One by the dice; each call and error as often as the others, whatever their number in a life. */
export function faultFrom(calls: ReadonlyMap<string, number>, dice: Dice): DaemonFault {
  const call = dice.pick([...calls.keys()].sort());
  const error = dice.pick(ERRORS[call] ?? []);
  const first = dice.between(1, calls.get(call) ?? 1);
  const most = error === "ENOSPC" || error === "EDQUOT" ? SHORT_CALLS_OF_ROOM : SHORT_CALLS;
  return { call, error, first, last: dice.chance(LASTING_SHARE) ? null : first + dice.below(most) };
}

/** How many calls a trace says were made to fail. */
export function spoiledIn(trace: string): number {
  return trace.split("\n").filter((line) => line.endsWith("(INJECTED)")).length;
}

/** "openat 17 to 19: EMFILE". */
export function nameOf({ call, error, first, last }: DaemonFault): string {
  return `${call} ${first} ${last === null ? "and all after it" : `to ${last}`}: ${error}`;
}
