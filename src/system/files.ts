// The file calls of the hot path. Loading node:fs costs a process 1.3 ms (Bun 1.4.5), the same calls through the C library
// 0.2 ms: so on Linux the library is asked, and where it says no, node:fs is asked the same: it does it or says why.
// On macOS it is always node:fs: open(2) takes its mode by another convention there.
import { lastErrno, openCalls } from "./libc.ts";

/** What lies at a path, links not followed. `mode`: the permission bits. */
export type Look = { kind: "directory" | "link" | "other"; uid: number; mode: number };

/** All throw the system call's error. */
export type Files = {
  /** Null: there is nothing. */
  look(path: string): Look | null;
  /** Reads once into `bytes`; 0 is the end. */
  readOnce(fd: number, bytes: Uint8Array): number;
  /** Makes a file that was not there, for its owner alone. */
  create(path: string): number;
  writeAll(fd: number, bytes: Uint8Array): void;
  /** Writes a file's bytes, or a directory's names, to the disk. */
  sync(fd: number): void;
  close(fd: number): void;
  rename(from: string, to: string): void;
  /** Opens a directory, to sync it. */
  openDirectory(path: string): number;
};

/** node:fs, loaded when it is first wanted. */
export function nodeFs(): typeof import("node:fs") {
  return process.getBuiltinModule("node:fs");
}

// <fcntl.h> and <linux/stat.h>, the same on x64 and arm64. With O_EXCL a link at the end of the path is not followed.
const O_RDONLY_CLOEXEC = 0o2000000;
const O_NEW_FILE_CLOEXEC = 0o1 | 0o100 | 0o200 | 0o2000000;
const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const STATX_TYPE_MODE_UID = 0x1 | 0x2 | 0x8;
const STATX_BYTES = 256;
const STX_UID_AT = 20;
const STX_MODE_AT = 28;
const TYPE = 0o170000;
const DIRECTORY = 0o040000;
const LINK = 0o120000;

/** The C library's calls; null where they are not to be had (macOS, a glibc without statx). */
export function fileCalls() {
  if (process.platform !== "linux") return null;
  return openCalls({
    open: { args: ["cstring", "i32", "u32"], returns: "i32" },
    read: { args: ["i32", "buffer", "u64"], returns: "i64" },
    write: { args: ["i32", "buffer", "u64"], returns: "i64" },
    fsync: { args: ["i32"], returns: "i32" },
    close: { args: ["i32"], returns: "i32" },
    rename: { args: ["cstring", "cstring"], returns: "i32" },
    statx: { args: ["i32", "cstring", "i32", "u32", "buffer"], returns: "i32" },
  });
}

/** The file calls through the C library, or with null through node:fs alone. */
export function makeFiles(calls: ReturnType<typeof fileCalls>): Files {
  return {
    look(path) {
      const statx = new Uint8Array(STATX_BYTES);
      if (calls?.statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE_MODE_UID, statx) === 0) {
        const fields = new DataView(statx.buffer);
        return lookOf(fields.getUint16(STX_MODE_AT, true), fields.getUint32(STX_UID_AT, true));
      }
      const stats = nodeFs().lstatSync(path, { throwIfNoEntry: false });
      return stats === undefined ? null : lookOf(stats.mode, stats.uid);
    },

    readOnce(fd, bytes) {
      const count = Number(calls?.read(fd, bytes, bytes.length) ?? -1);
      return count >= 0 ? count : nodeFs().readSync(fd, bytes, 0, bytes.length, null);
    },

    create(path) {
      const fd = calls?.open(path, O_NEW_FILE_CLOEXEC, 0o600) ?? -1;
      return fd >= 0 ? fd : nodeFs().openSync(path, "wx", 0o600);
    },

    writeAll(fd, bytes) {
      for (let at = 0; at < bytes.length; ) {
        const rest = bytes.subarray(at); // One write(2) may take fewer bytes than it was given.
        const count = Number(calls?.write(fd, rest, rest.length) ?? -1);
        at += count >= 0 ? count : nodeFs().writeSync(fd, rest, 0, rest.length);
      }
    },

    sync(fd) {
      if (calls === null) nodeFs().fsyncSync(fd);
      // Not asked twice: a second fsync may say yes to what the first one lost.
      else if (calls.fsync(fd) !== 0) throw failure("fsync");
    },

    close(fd) {
      if (calls === null) nodeFs().closeSync(fd);
      // NFS and quotas tell some errors only here; the descriptor is gone either way (close(2)).
      else if (calls.close(fd) !== 0) throw failure("close");
    },

    rename(from, to) {
      if (calls?.rename(from, to) !== 0) nodeFs().renameSync(from, to);
    },

    openDirectory(path) {
      const fd = calls?.open(path, O_RDONLY_CLOEXEC, 0) ?? -1;
      return fd >= 0 ? fd : nodeFs().openSync(path, "r");
    },
  };
}

/** <asm-generic/errno*.h> of Linux: what fsync and close may say. */
const CODES: Record<number, string> = { 4: "EINTR", 5: "EIO", 9: "EBADF", 28: "ENOSPC", 30: "EROFS", 122: "EDQUOT" };

/** The error of a call that failed just now. */
function failure(call: string): Error {
  const errno = lastErrno();
  return Object.assign(new Error(`${call} failed with errno ${errno}`), { code: CODES[errno] ?? "EIO" });
}

/** The file calls of this process. */
export const files: Files = makeFiles(fileCalls());

function lookOf(mode: number, uid: number): Look {
  const type = mode & TYPE;
  return { kind: type === DIRECTORY ? "directory" : type === LINK ? "link" : "other", uid, mode: mode & 0o7777 };
}
