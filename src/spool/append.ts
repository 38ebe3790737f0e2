// The hot half of the spool: one event, one file. Nobody sees it before it is whole and on the disk.
//
// 1. Write tmp/ID.PID, a new file that nobody else has.
// 2. fsync it, so that its bytes come before its name.
// 3. Rename it to new/ID: from here on it is the daemon's.
// 4. fsync new/, so that its name outlives a power cut.
import type { SpoolHeader } from "../event/event.ts";
import { files, nodeFs } from "../system/files.ts";
import { fullSync } from "../system/libc.ts";
import { makeHome, syncDirectory } from "./home.ts";

/** What a stored event outlives: a kill (`process`), a power cut (`power`), and on macOS the drive's own cache (`full`). */
export type Durability = "power" | "full" | "process";

/**
 * Stores one event below `home`, which is safe to write to. Returns when it is as durable as asked. Errors: the system
 * call's; with `isVisible` the event is stored all the same, only not as durably as asked.
 */
export function append(home: string, header: SpoolHeader, body: Uint8Array, durability: Durability): void {
  const tmp = `${home}/spool/tmp/${header.id}.${header.pid}`;
  const name = `${home}/spool/new/${header.id}`;
  const fd = orMade(home, () => files.create(tmp));
  try {
    try {
      // crash point: before-write
      // Not Buffer.from: its first call costs 0.15 ms.
      files.writeAll(fd, new TextEncoder().encode(`${JSON.stringify(header)}\n`));
      // crash point: after-write
      files.writeAll(fd, body);
      // crash point: before-fsync
      sync(fd, durability);
      // crash point: after-fsync
    } finally {
      files.close(fd);
    }
    // crash point: before-rename
    orMade(home, () => files.rename(tmp, name));
  } catch (error) {
    nodeFs().rmSync(tmp, { force: true });
    throw error;
  }
  // crash point: after-rename
  if (durability === "process") return;
  try {
    syncDirectory(`${home}/spool/new`);
  } catch (error) {
    throw Object.assign(error as Error, { isVisible: true });
  }
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

function sync(fd: number, durability: Durability): void {
  if (durability === "process" || (durability === "full" && fullSync(fd))) return;
  files.sync(fd);
}
