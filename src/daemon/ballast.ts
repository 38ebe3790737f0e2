// The ballast: a file of the home that holds room for the worst moment. On a full disk it is given back a piece at a time, so
// that outcomes can be written before anybody else has taken the room. It never touches what is not its own.
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  rmSync,
  statfsSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { codeOf, messageOf } from "../errors.ts";

/** What making it came to. refused: something else lies in its place; hasRoom: it could be made otherwise. */
export type Made =
  | { kind: "whole" }
  | { kind: "no-room"; wantedBytes: number; freeBytes: number }
  | { kind: "failed"; code: string | null; text: string }
  | { kind: "refused"; text: string; hasRoom: boolean };

export type Ballast = {
  /** Makes it whole, when the disk has as much room again beside it: by writing, because quotas are in no other figure. */
  make(): Made;
  /** Gives an eighth of it back to the disk. False: there was nothing to give. */
  release(): boolean;
  /** Why a few bytes cannot be written in the home now; null: they can. */
  probe(): Made | null;
};

/** How it begins, so that it is known again, and explained to who finds it. */
const OPENING =
  "offhook keeps this room for a full disk; it comes back by itself. Delete it only while no daemon runs.\n";

const PIECES = 8;
const CHUNK_BYTES = 65_536;
/** A small disk is not to be filled with ballast. */
const PART_OF_DISK = 16;

/** The ballast of a home, not looked at yet. `mostBytes`: its size where the disk is large enough. */
export function makeBallast(home: string, { mostBytes, roomOf }: { mostBytes: number; roomOf: RoomOf }): Ballast {
  const path = join(home, "ballast");

  const targetBytes = (): number => {
    const { totalBytes } = roomOf(home);
    const share = totalBytes === 0 ? mostBytes : Math.min(mostBytes, totalBytes / PART_OF_DISK);
    return Math.max(1, Math.floor(share / CHUNK_BYTES)) * CHUNK_BYTES;
  };

  /** Not through a link, and without waiting at a FIFO. A string: why it is not ours. */
  const open = (flags: number): { fd: number; sizeBytes: number; isReal: boolean } | string => {
    let fd: number;
    try {
      fd = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK | flags, 0o600);
    } catch (error) {
      if (isAbout(error, "ELOOP", "EMLINK", "EISDIR", "ENXIO", "EACCES")) return `${path} is not a file of this daemon`;
      throw error;
    }
    const stats = fstatSync(fd);
    const isPlain = stats.isFile() && stats.nlink === 1 && stats.uid === process.geteuid?.();
    // Blocks: a copy made by somebody's backup may be full of holes, which are no room.
    if (isPlain && isOpening(fd, stats.size))
      return { fd, sizeBytes: stats.size, isReal: stats.blocks * 512 >= stats.size / 2 };
    closeSync(fd);
    return `${path} is not a file of this daemon`;
  };

  /** Does something to the open file; what fails is told, not thrown. */
  const within = (work: (file: { fd: number; sizeBytes: number; isReal: boolean }) => Made): Made => {
    try {
      const file = open(constants.O_CREAT);
      if (typeof file === "string") {
        const hasRoom = roomOf(home).freeBytes >= 2 * targetBytes();
        return { kind: "refused", text: file, hasRoom };
      }
      try {
        return work(file);
      } finally {
        closeSync(file.fd);
      }
    } catch (error) {
      return { kind: "failed", code: codeOf(error), text: messageOf(error) };
    }
  };

  /** Writes noise up to `toBytes`; where that fails the file is as long as before. */
  const fill = (fd: number, fromBytes: number, toBytes: number): void => {
    try {
      for (let at = fromBytes; at < toBytes; ) {
        const chunk = chunkAt(at, toBytes);
        at += writeSync(fd, chunk, 0, chunk.length, at);
      }
      // Only what was synced is taken for sure: a disk may find out late that it is full.
      fsyncSync(fd);
    } catch (error) {
      ftruncateSync(fd, fromBytes);
      throw error;
    }
  };

  return {
    make() {
      return within(({ fd, sizeBytes, isReal }) => {
        const target = targetBytes();
        if (sizeBytes >= target && isReal) {
          if (sizeBytes > target) ftruncateSync(fd, target);
          return { kind: "whole" };
        }
        const from = isReal ? sizeBytes : 0;
        const wantedBytes = 2 * target - from;
        const { freeBytes } = roomOf(home);
        if (freeBytes < wantedBytes) {
          if (sizeBytes === 0) rmSync(path, { force: true });
          return { kind: "no-room", wantedBytes, freeBytes };
        }
        fill(fd, from, 2 * target);
        ftruncateSync(fd, target);
        return { kind: "whole" };
      });
    },
    release() {
      try {
        const file = open(0);
        if (typeof file === "string") return false;
        const { fd, sizeBytes } = file;
        try {
          const restBytes = sizeBytes - Math.max(CHUNK_BYTES, Math.ceil(targetBytes() / PIECES));
          if (restBytes > 0) ftruncateSync(fd, restBytes);
          else rmSync(path);
          return sizeBytes > 0;
        } finally {
          closeSync(fd);
        }
      } catch {
        return false; // None there, or the disk does not even give room back: whoever asked waits like before.
      }
    },
    probe() {
      const made = within(({ fd, sizeBytes }) => {
        fill(fd, sizeBytes, sizeBytes + CHUNK_BYTES);
        ftruncateSync(fd, sizeBytes);
        if (sizeBytes === 0) rmSync(path);
        return { kind: "whole" };
      });
      return made.kind === "failed" ? made : null;
    },
  };
}

/** The room of a disk in bytes: what is free for us, and all of it (0: it has no size). */
export type RoomOf = (path: string) => { freeBytes: number; totalBytes: number };

/** The room of the disk that a path lies on. */
export function roomOfDisk(path: string): { freeBytes: number; totalBytes: number } {
  const { bavail, blocks, bsize } = statfsSync(path);
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
}

function isOpening(fd: number, sizeBytes: number): boolean {
  const start = Buffer.alloc(Math.min(sizeBytes, OPENING.length));
  const count = readSync(fd, start, 0, start.length, 0);
  return count === start.length && OPENING.startsWith(start.toString("latin1"));
}

/** Bytes that no file system can make smaller, with the opening where the file begins. */
function chunkAt(at: number, end: number): Uint8Array {
  const bytes = crypto.getRandomValues(new Uint8Array(Math.min(CHUNK_BYTES, end - at)));
  if (at < OPENING.length) bytes.set(Buffer.from(OPENING).subarray(at));
  return bytes;
}

function isAbout(error: unknown, ...codes: string[]): boolean {
  return codes.includes(codeOf(error) ?? "");
}
