// The cold half of the spool: what waits there, read in the order promised. Never deletes an event that is not in the ledger;
// what is no event of ours goes to bad/.
//
// 1. List new/ twice and take only names up to the largest of the first listing: one readdir can miss an earlier file while it
//    returns a later one (measured: 78 of 1767 listings), two cannot.
// 2. Read in order of the ids. A file that vanished was taken back by nobody but us: skip it.
// 3. A file that is ours but damaged, or not ours at all, moves to bad/; one of a newer version stays where it is.
import { lstatSync, mkdirSync, readdirSync, unlinkSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setAside } from "./set-aside.ts";
import { isEventName, isNewer, readSpoolFile, type SpoolFile } from "./spool-file.ts";

export type Spool = {
  /** Makes its directories again where somebody removed them. */
  ensure(): void;
  /** Names of waiting files, oldest first, in the order promised to the stream. */
  list(): string[];
  /** Reads waiting files in that order until `maxFiles` or `maxBytes` is reached; moves what is not ours to bad/. */
  read(names: readonly string[], limit: { maxFiles: number; maxBytes: number }): ReadResult;
  /** Removes files whose events are committed. */
  remove(names: readonly string[]): Promise<void>;
  /** Removes files in tmp/ that are a minute old and whose writer is dead, or older than a day. Returns how many. */
  sweep(now: number): number;
};

export type ReadResult = {
  files: SpoolFile[];
  /** How many of the names were dealt with: read, set aside, gone or waiting for a newer version. */
  taken: number;
  /** What went to bad/, with the reason, for the log. `stays`: why it could not be moved; it is left alone from now on. */
  bad: { name: string; reason: string; stays: string | null }[];
  /** Files of a newer version: they wait until offhook is upgraded. */
  newer: string[];
};

/** What `status` shows of the spool; ages in ms, null for none. */
export type SpoolState = { waiting: number; bad: number; newer: number; oldestMs: number | null };

const TMP_NAME = /^[0-9a-f-]{36}\.(\d+)$/;
const TMP_MIN_AGE_MS = 60 * 1000;
const TMP_MAX_AGE_MS = 24 * 3600 * 1000;

/** The spool below `home`; it must exist. */
export function openSpool(home: string): Spool {
  const dirs = { tmp: join(home, "spool", "tmp"), new: join(home, "spool", "new"), bad: join(home, "spool", "bad") };
  // Of a newer version, or not to be moved: seen once, left alone until the next start.
  const leftAlone = new Set<string>();

  return {
    ensure() {
      for (const directory of Object.values(dirs)) mkdirSync(directory, { recursive: true, mode: 0o700 });
    },

    list() {
      const first = readdirOrEmpty(dirs.new);
      if (first.length === 0) return [];
      let largest = "";
      for (const name of first) if (name > largest) largest = name;
      return readdirOrEmpty(dirs.new)
        .filter((name) => name <= largest && !leftAlone.has(name))
        .sort();
    },

    read(names, limit) {
      const result: ReadResult = { files: [], taken: 0, bad: [], newer: [] };
      let bytes = 0;
      for (const name of names) {
        if (result.files.length >= limit.maxFiles || bytes >= limit.maxBytes) break;
        result.taken++;
        const read = readSpoolFile(join(dirs.new, name), name);
        switch (read.kind) {
          case "file":
            bytes += read.file.sizeBytes;
            result.files.push(read.file);
            break;
          case "gone":
            break;
          case "newer":
            leftAlone.add(name);
            result.newer.push(name);
            break;
          case "bad": {
            const stays = setAside(dirs.new, dirs.bad, name);
            if (stays !== null) leftAlone.add(name);
            result.bad.push({ name, reason: read.reason, stays });
            break;
          }
          default:
            read satisfies never;
        }
      }
      return result;
    },

    async remove(names) {
      // crash point: before-unlink
      await Promise.all(names.map((name) => rm(join(dirs.new, name), { force: true })));
      // crash point: after-unlink
    },

    sweep(now) {
      let removed = 0;
      for (const name of readdirSync(dirs.tmp)) {
        const path = join(dirs.tmp, name);
        const stat = lstatSync(path, { throwIfNoEntry: false });
        if (stat === undefined || stat.isDirectory()) continue;
        const pid = Number(TMP_NAME.exec(name)?.[1] ?? 0);
        const ageMs = now - stat.mtimeMs;
        // A living writer may not be visible (a container's, on the same home): no publish takes a minute.
        if ((pid > 0 && ageMs > TMP_MIN_AGE_MS && !isAlive(pid)) || ageMs > TMP_MAX_AGE_MS) {
          unlinkIfThere(path);
          removed++;
        }
      }
      return removed;
    },
  };
}

/**
 * Counts what waits, without reading bodies. The age of the oldest comes from its id, which holds its time. Strangers in new/
 * count as bad: they are on their way to bad/, or could not be moved there.
 */
export function spoolState(home: string, now: number): SpoolState {
  const names = readdirOrEmpty(join(home, "spool", "new"));
  const ids = names.filter(isEventName).sort();
  const oldest = ids[0];
  const newer = ids.slice(0, 1000).filter((name) => isNewer(join(home, "spool", "new", name))).length;
  return {
    waiting: ids.length,
    bad: readdirOrEmpty(join(home, "spool", "bad")).length + names.length - ids.length,
    newer,
    oldestMs: oldest === undefined ? null : Math.max(0, now - timeOfId(oldest)),
  };
}

/** The time inside a UUIDv7, in ms since 1970 (RFC 9562). */
export function timeOfId(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

function readdirOrEmpty(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
