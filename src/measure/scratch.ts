// The benchmark's own directory: homes for offhook below it, on a disk that fsync reaches, and the processes that belong
// to it. What is in it goes with it; nothing outside is touched.
import {
  accessSync,
  constants,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  statfsSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { codeOf, EXIT, OffhookError } from "../errors.ts";

/** A process, or a group of them behind its leader's pid. */
export type Owned = Pick<Subprocess, "pid" | "exited" | "kill">;

export type Scratch = {
  path: string;
  /** The file system below it ("ext4"), or its number where it has no name here; null where the system tells neither. */
  disk: string | null;
  /** False: fsync costs nothing here, and the figures of publish are too good. */
  isReal: boolean;
  /** What processes started here get: no variable of the user's but PATH. */
  envOf(home: string): Record<string, string>;
  /** A new home with the consumer files given, by name. */
  makeHome(consumers: Record<string, string>): string;
  /** Sees to it that a process does not outlive the scratch directory. */
  own(child: Owned): void;
  /** The processes that are owned and still run. */
  pids(): number[];
  /** Ends what still runs (KILL, by pid) and removes everything. Can be called twice. */
  end(): void;
};

/** File systems by the number statfs(2) gives on Linux (include/uapi/linux/magic.h). */
const FILE_SYSTEMS: Record<number, string> = {
  0xef53: "ext4",
  0x58465342: "xfs",
  0x9123683e: "btrfs",
  0x2fc12fc1: "zfs",
  0xf2f52010: "f2fs",
  0x794c7630: "overlayfs",
  0x6969: "nfs",
  0x01021994: "tmpfs",
  0x858458f6: "ramfs",
};

/**
 * Where scratch directories are made: the first of /var/tmp and the system's temporary directory that can be written to and is not
 * kept in memory, else the first that can be written to. Errors: none can (1).
 */
export function scratchPlace(): string {
  const places = ["/var/tmp", tmpdir()].filter(isWritable);
  const place = places.find((candidate) => !isInMemory(candidate)) ?? places[0];
  if (place !== undefined) return place;
  const message = `there is no place for scratch files: neither /var/tmp nor ${tmpdir()} is a directory that can be written to`;
  throw new OffhookError(EXIT.failed, message, "TMPDIR=DIR offhook bench");
}

function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
    return statSync(directory).isDirectory();
  } catch (error) {
    if (codeOf(error) === null) throw error;
    return false;
  }
}

const SCRATCH = "offhook-bench-";

/** Scratch directories of this user whose program is gone: one that was killed could not take it away. Absolute. */
export function leftoverScratches(place: string = scratchPlace()): string[] {
  return readdirSync(place)
    .filter((name) => name.startsWith(SCRATCH) && !isRunning(Number(name.slice(SCRATCH.length).split("-")[0])))
    .map((name) => join(realpathSync(place), name))
    .filter((path) => lstatSync(path, { throwIfNoEntry: false })?.uid === process.getuid?.());
}

function isRunning(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

/** Makes a scratch directory, in `scratchPlace`. */
export function makeScratch(): Scratch {
  const place = scratchPlace();
  const path = realpathSync(mkdtempSync(join(place, `${SCRATCH}${process.pid}-`)));
  const owned = new Set<Owned>();
  let homes = 0;
  return {
    path,
    disk: diskOf(place),
    isReal: !isInMemory(place),
    envOf: (home) => ({ PATH: process.env.PATH ?? "/usr/bin:/bin", HOME: path, OFFHOOK_HOME: home }),
    makeHome(consumers) {
      const home = join(path, `home-${++homes}`);
      for (const name of ["", "consumers", "spool", "spool/tmp", "spool/new", "spool/bad"])
        mkdirSync(join(home, name), { mode: 0o700 });
      for (const [name, text] of Object.entries(consumers))
        writeFileSync(join(home, "consumers", `${name}.toml`), text, { mode: 0o600 });
      return home;
    },
    own(child) {
      owned.add(child);
      void child.exited.then(() => owned.delete(child));
    },
    pids: () => [...owned].map(({ pid }) => pid),
    end() {
      for (const child of owned) child.kill("SIGKILL");
      removeTree(path);
    },
  };
}

/** Removes a tree. Errors: those of the system. Commands of users leave directories in it that not even their owner may write to (Go's module cache). */
export function removeTree(path: string): void {
  const options = { recursive: true, force: true, maxRetries: 5 };
  try {
    rmSync(path, options);
  } catch (error) {
    if (!["EACCES", "EPERM"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    Bun.spawnSync(["chmod", "-R", "u+rwX", path], { stdin: "ignore", stdout: "ignore", stderr: "ignore" });
    rmSync(path, options);
  }
}

const MARK = "OFFHOOK_BENCH";

/** Marks what commands of the user's start, in their environment: what leaves its process group is found by it. */
export function markIn({ path }: Pick<Scratch, "path">): Record<string, string> {
  return { [MARK]: path };
}

/** The same mark as an entry of an environment: "NAME=value". */
export function markOf({ path }: Pick<Scratch, "path">): string {
  return `${MARK}=${path}`;
}

/** Removes the files of a directory and says how many there were. */
export function empty(directory: string): number {
  const names = readdirSync(directory);
  for (const name of names) unlinkSync(join(directory, name));
  return names.length;
}

function isInMemory(place: string): boolean {
  return ["tmpfs", "ramfs"].includes(diskOf(place) ?? "");
}

function diskOf(place: string): string | null {
  if (process.platform !== "linux") return null;
  const { type } = statfsSync(place);
  return FILE_SYSTEMS[type] ?? `0x${type.toString(16)}`;
}
