// One file of spool/new: whether it is an event of ours, and its parts. What is no event gets a reason, and is never followed,
// waited for, or taken into memory beyond what publish writes.
import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync, readSync } from "node:fs";
import type { SpoolHeader } from "../event/event.ts";

/** One readable spool file: the header of line 1 and the bytes of stdin. */
export type SpoolFile = { name: string; header: SpoolHeader; body: Uint8Array; sizeBytes: number };

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** publish keeps 32 MiB of what it reads; the rest is room for its header: arguments and a few variables. */
const MOST_BYTES = 64 * 1024 * 1024;

/** Whether a name is one that publish gives: a UUIDv7. */
export function isEventName(name: string): boolean {
  return ID.test(name);
}

/** What lies in spool/new under a name. newer: it waits until this program is upgraded. */
export type Read =
  | { kind: "file"; file: SpoolFile }
  | { kind: "gone" }
  | { kind: "newer" }
  | { kind: "bad"; reason: string };

/** Reads one entry, whatever it is: never hangs, follows nothing. Errors: those of the disk. */
export function readSpoolFile(path: string, name: string): Read {
  if (!isEventName(name)) return { kind: "bad", reason: "not a name that publish gives" };
  let fd: number;
  try {
    // O_NONBLOCK: opening a FIFO that somebody put here must not hang; O_NOFOLLOW: a link is not ours.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT") return { kind: "gone" };
    if (code === "ELOOP" || code === "EMLINK" || code === "ENXIO") return { kind: "bad", reason: "not a plain file" };
    // What nobody gave us to read would keep all others waiting for ever; one of ours is waited for.
    if (code === "EACCES" && !isOursToRead(path)) return { kind: "bad", reason: "may not be read" };
    throw error;
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) return { kind: "bad", reason: "not a plain file" };
    if (stat.size > MOST_BYTES) return { kind: "bad", reason: "larger than any that publish writes" };
    const bytes = readFileSync(fd);
    const end = bytes.indexOf(10);
    const header = end < 0 ? null : headerOf(bytes.subarray(0, end).toString("utf8"));
    if (header === null) return { kind: "bad", reason: "no readable header on line 1" };
    if (header === "newer") return { kind: "newer" };
    if (header.id !== name) return { kind: "bad", reason: `holds the event ${header.id}` };
    return { kind: "file", file: { name, header, body: bytes.subarray(end + 1), sizeBytes: bytes.length } };
  } finally {
    closeSync(fd);
  }
}

/** Whether a file is as publish makes it, so that opening it should be allowed. */
function isOursToRead(path: string): boolean {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat?.isFile() === true && stat.uid === process.geteuid?.() && (stat.mode & 0o400) !== 0;
}

function headerOf(line: string): SpoolHeader | "newer" | null {
  try {
    const header = JSON.parse(line);
    if (header?.v !== versionOf(line)) return null;
    if (header.v !== 1) return header.v > 1 ? "newer" : null;
    // Everything that is read of it later: one value of another kind must not end the daemon, again at each start.
    const isWhole =
      areTexts([header.id, header.time, header.cwd ?? ""]) &&
      !Number.isNaN(Date.parse(header.time)) &&
      areTexts(header.args) &&
      areTexts(header.flags) &&
      areTexts(Object.values(header.env));
    return isWhole ? header : null;
  } catch {
    return null;
  }
}

function areTexts(values: unknown): boolean {
  return Array.isArray(values) && values.every((value) => typeof value === "string");
}

/** Every version begins with `{"v":N,`; 0: this is none. */
function versionOf(line: string): number {
  return Number(/^\{"v":(\d+),/.exec(line)?.[1] ?? 0);
}

/** Whether a file was written by a newer offhook. Looks at its first bytes only. */
export function isNewer(path: string): boolean {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  } catch {
    return false; // Taken in the meantime, or no file of ours: read() says what is wrong with it.
  }
  try {
    const start = Buffer.alloc(32);
    const length = fstatSync(fd).isFile() ? readSync(fd, start, 0, start.length, 0) : 0;
    return versionOf(start.toString("latin1", 0, length)) > 1;
  } finally {
    closeSync(fd);
  }
}
