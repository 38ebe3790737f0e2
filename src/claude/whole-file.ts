// Writing a file whole or not at all: beside it, synced, renamed over it.
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { codeOf } from "../errors.ts";
import { syncDirectory } from "../spool/home.ts";

/** What a new file gets: its mode, and whose it is (null: ours). */
export type FileTraits = { mode: number; owner: { uid: number; gid: number } | null };

/** The bytes of a file; null where there is none. Errors: the system call's. */
export function bytesOf(path: string): Uint8Array | null {
  try {
    return readFileSync(path);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    throw error;
  }
}

/**
 * The first `most` bytes of a plain file; null where there is none, or something else. For what somebody else may have put there: a
 * FIFO is not waited for, and what has no end is not read to it. Errors: the system call's.
 */
export function bytesUpTo(path: string, most: number): Uint8Array | null {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    throw error;
  }
  try {
    if (!fstatSync(fd).isFile()) return null;
    const parts: Uint8Array[] = [];
    for (let left = most; left > 0; ) {
      const part = new Uint8Array(Math.min(left, 256 * 1024));
      const count = readSync(fd, part, 0, part.length, null);
      if (count === 0) break;
      parts.push(part.subarray(0, count));
      left -= count;
    }
    return Buffer.concat(parts);
  } finally {
    closeSync(fd);
  }
}

/**
 * Writes a file so that it is there whole or as it was. `mayGo` is asked at the last moment, directly before the rename: with
 * false everything stays as it was, and so does the answer. Errors: the system call's; nothing is left behind.
 */
export function writeWhole(path: string, text: string, traits: FileTraits, mayGo: () => boolean = () => true): boolean {
  const temporary = join(dirname(path), `.${basename(path)}.offhook-${process.pid}-${Bun.randomUUIDv7().slice(-8)}`);
  const fd = openSync(temporary, "wx", 0o600);
  try {
    try {
      writeAll(fd, Buffer.from(text));
      if (traits.owner !== null) chownSync(temporary, traits.owner.uid, traits.owner.gid);
      // After chown, which takes some bits away; not at open, where the umask has a say.
      chmodSync(temporary, traits.mode);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    if (!mayGo()) {
      rmSync(temporary);
      return false;
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  syncDirectory(dirname(path));
  return true;
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}

/** Removes a directory when nothing is in it. Errors: the system call's. */
export function removeEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch (error) {
    // Others have put something in it, or have removed it.
    if (!["ENOTEMPTY", "EEXIST", "ENOENT"].includes(codeOf(error) ?? "")) throw error;
  }
}
