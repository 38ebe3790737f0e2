// Reads a file that decides what runs here, and only when nobody else could have written it. All looks are at the opened
// file, not at its name, so that nothing can be put in its place in between.
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  lstatSync,
  openSync,
  readSync,
  realpathSync,
  type Stats,
  statSync,
} from "node:fs";
import { dirname } from "node:path";
import { messageOf } from "../errors.ts";

const MAX_BYTES = 1024 * 1024;

/**
 * `why` is a sentence with what to do, after the file's name. `isUnread`: the system did not let us look, which may be over in a
 * moment. `tightened`: the mode was wide and has been put right.
 */
export type OwnFile =
  | { kind: "ok"; text: string; tightened: boolean }
  | { kind: "absent" }
  | { kind: "refused"; why: string; isUnread: boolean };

/**
 * Reads a text file of at most 1 MiB that is ours or root's and that no other user can write. Links are followed, as those who
 * keep their settings elsewhere need it. `secret`: a wide mode is no reason to refuse, it is made 0600. `uid`: who we are.
 */
export function readOwnFile(path: string, { secret, uid = ourUid() }: { secret: boolean; uid?: number }): OwnFile {
  let fd: number;
  try {
    // O_NONBLOCK: a FIFO of that name would hold us for ever.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (!isCode(error, "ENOENT")) return unread(error, path);
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return { kind: "absent" };
    return refused("it is a link to nothing; remove it or put its file back");
  }
  try {
    const stats = fstatSync(fd);
    const why = refusal(stats, path, uid);
    if (why !== null) return refused(why);
    if (!secret && isOpen(stats, path, uid))
      return refused(`it can be written by others, who could make anything run; do: chmod go-w ${quoted(path)}`);
    const isWide = secret && (stats.mode & 0o077) !== 0 && stats.uid === uid;
    if (isWide) fchmodSync(fd, 0o600);
    const text = textOf(fd, stats.size);
    return text === null ? refused("it is not UTF-8 text; save it as UTF-8") : { kind: "ok", text, tightened: isWide };
  } catch (error) {
    return unread(error, path);
  } finally {
    closeSync(fd);
  }
}

/** Why a directory cannot be trusted with what runs here; null when it can. */
export function directoryRefusal(path: string, uid = ourUid()): string | null {
  const stats = statSync(path);
  if (!isTrustedOwner(stats, uid))
    return `the directory ${path} belongs to another user (uid ${stats.uid}), who could make anything run; ${mine(path)}`;
  return (stats.mode & 0o022) === 0
    ? null
    : `the directory ${path} can be written by others; do: chmod 700 ${quoted(path)}`;
}

function refusal(stats: Stats, path: string, uid: number): string | null {
  if (!stats.isFile()) return "this is not a file; put a text file in its place";
  if (!isTrustedOwner(stats, uid))
    return `it belongs to another user (uid ${stats.uid}), who could make anything run; ${mine(path)}`;
  return stats.size > MAX_BYTES ? "it is larger than 1 MiB; nothing that is written by hand is" : null;
}

/** The first bytes of an opened file as text; null: they are not UTF-8. */
export function textOf(fd: number, sizeBytes: number): string | null {
  const bytes = new Uint8Array(sizeBytes);
  let filled = 0;
  while (filled < sizeBytes) {
    const count = readSync(fd, bytes, filled, sizeBytes - filled, null);
    if (count === 0) break;
    filled += count;
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, filled));
  } catch {
    return null;
  }
}

function isTrustedOwner(stats: Stats, uid: number): boolean {
  return stats.uid === uid || stats.uid === 0;
}

function ourUid(): number {
  const uid = process.geteuid?.();
  if (uid === undefined) throw new Error("this system has no users to tell apart");
  return uid;
}

/** Where the user's own group may write by default (umask 002), nobody of it comes near a file in a closed directory. */
function isOpen(stats: Stats, path: string, uid: number): boolean {
  if ((stats.mode & 0o022) !== 0o020) return (stats.mode & 0o022) !== 0;
  const directory = statSync(dirname(realpathSync(path)));
  return directory.uid !== uid || (directory.mode & 0o010) !== 0;
}

function refused(why: string): OwnFile {
  return { kind: "refused", why, isUnread: false };
}

function unread(error: unknown, path: string): OwnFile {
  const isDenied = isCode(error, "EACCES") || isCode(error, "EPERM");
  const why = isDenied ? `it may not be read; do: chmod u+r ${quoted(path)}` : `it cannot be read: ${messageOf(error)}`;
  return { kind: "refused", why, isUnread: true };
}

function isCode(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException).code === code;
}

function mine(path: string): string {
  return `do: sudo chown ${ourUid()} ${quoted(path)}`;
}

/** A path as a shell takes it. */
function quoted(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
