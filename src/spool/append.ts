// The hot half of the spool: one event, one file. Nobody sees it before it is whole and on the disk.
//
// 1. Write tmp/ID.PID, a new file that nobody else has.
// 2. fsync it, so that its bytes come before its name.
// 3. Rename it to new/ID: from here on it is the daemon's.
// 4. fsync new/, so that its name outlives a power cut.
import { closeSync, constants, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import type { SpoolHeader } from "../event/event.ts";
import { fullSync } from "../system/libc.ts";
import { makeHome, syncDirectory } from "./home.ts";

const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** What a stored event outlives: a kill (`process`), a power cut (`power`), and on macOS the drive's own cache (`full`). */
export type Durability = "power" | "full" | "process";

/** Stores one event below `home`, which is safe to write to. Returns when it is as durable as asked. Errors: the system call's. */
export function append(home: string, header: SpoolHeader, body: Uint8Array, durability: Durability): void {
  const tmp = `${home}/spool/tmp/${header.id}.${header.pid}`;
  const name = `${home}/spool/new/${header.id}`;
  const fd = orMade(home, () => openSync(tmp, NEW_FILE, 0o600));
  try {
    try {
      // Not Buffer.from: its first call costs 0.15 ms.
      write(fd, new TextEncoder().encode(`${JSON.stringify(header)}\n`));
      write(fd, body);
      sync(fd, durability);
    } finally {
      closeSync(fd);
    }
    orMade(home, () => renameSync(tmp, name));
  } catch (error) {
    rmSync(tmp, { force: true });
    throw error;
  }
  if (durability !== "process") syncDirectory(`${home}/spool/new`);
}

/** Makes the spool, or what is missing of it, only where it turns out to be missing: looking first would cost every event. */
function orMade<T>(home: string, step: () => T): T {
  try {
    return step();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    makeHome(home);
    return step();
  }
}

/** One write(2) may take fewer bytes than it was given. */
function write(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at);
}

function sync(fd: number, durability: Durability): void {
  if (durability === "process" || (durability === "full" && fullSync(fd))) return;
  fsyncSync(fd);
}
