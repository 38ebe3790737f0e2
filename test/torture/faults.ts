// Faults of the disk under a publisher: which of its calls can fail with what, and the words that make strace fail them.
// A call of the main thread is named by its name and its number among the calls of that name, as a traced run shows it.
import { STRACE } from "./strace.ts";

/** A call that a traced run made, about the home or stdin: `what` says of it which. */
export type Place = { call: string; n: number; what: string };

/** `once`: this call alone; `twice`: this one and the next of its name; `on`: every one from here on. */
export type Fault = { place: Place; error: string; span: "once" | "twice" | "on" };

/** What each call may fail with (man 2 CALL). close and fsync report what a write could not: NFS and quotas do so. */
const ERRORS: Record<string, string[]> = {
  openat: ["ENOSPC", "EDQUOT", "EACCES", "EROFS", "EMFILE", "EIO"],
  write: ["ENOSPC", "EDQUOT", "EIO"],
  fsync: ["EIO", "ENOSPC", "EDQUOT"],
  close: ["EIO", "ENOSPC", "EDQUOT"],
  rename: ["ENOSPC", "EDQUOT", "EACCES", "EROFS", "EIO"],
  mkdir: ["ENOSPC", "EDQUOT", "EACCES", "EROFS", "EIO"],
  statx: ["EACCES", "EIO"],
  read: ["EIO"],
};

/** A write that fails for ever would also swallow the line that says so. */
const SPANS: Record<string, Fault["span"][]> = { write: ["once", "twice"], close: ["once"], read: ["once"] };

/** The calls of a trace (`strace -y`, one thread) that are about the home or about stdin. */
export function placesIn(trace: string, home: string): Place[] {
  const counts = new Map<string, number>();
  return trace.split("\n").flatMap((words) => {
    const call = /^([a-z_]\w*)\(/.exec(words)?.[1];
    if (call === undefined) return [];
    const n = (counts.get(call) ?? 0) + 1;
    counts.set(call, n);
    const isOurs = call === "read" ? words.startsWith("read(0<") : words.includes(home);
    return isOurs && ERRORS[call] !== undefined ? [{ call, n, what: whatOf(words, home) }] : [];
  });
}

/** Every fault that these places can have. */
export function faultsOf(places: readonly Place[]): Fault[] {
  return places.flatMap((place) =>
    (SPANS[place.call] ?? ["once", "twice", "on"]).flatMap((span) =>
      (ERRORS[place.call] ?? []).map((error): Fault => ({ place, error, span })),
    ),
  );
}

/** The words that run a command with the fault. */
export function faulty({ place: { call, n }, error, span }: Fault, trace: string): string[] {
  const when = { once: `${n}`, twice: `${n}..${n + 1}`, on: `${n}+` }[span];
  return [STRACE ?? "strace", "-y", "-o", trace, `--trace=${call}`, `--inject=${call}:error=${error}:when=${when}`];
}

/** The words of the calls that a trace says were made to fail. */
export function spoiledIn(trace: string): string[] {
  return trace.split("\n").filter((line) => line.endsWith("(INJECTED)"));
}

/** "openat 17 (/spool/tmp/ID): EMFILE, twice". */
export function nameOf({ place: { call, n, what }, error, span }: Fault): string {
  return `${call} ${n} (${what}): ${error}, ${span}`;
}

function whatOf(words: string, home: string): string {
  const path = words.split(home)[1]?.replace(/[">,)].*/s, "");
  if (path === undefined) return "stdin";
  return path === "" ? "the home" : path.replace(/\/[0-9a-f]{8}-[0-9a-f-]{27}(\.\d+)?$/, "/ID");
}
