// Spool files as publish writes them, many and at once: a backlog without starting a process for each event.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SpoolHeader } from "../event/event.ts";
import type { Payloads } from "./payload.ts";

/** Writes `count` events into the spool of a home, unsynced, and gives their ids in the order of the spool. */
export function writeBacklog(home: string, count: number, payloads: Payloads): string[] {
  const ids: string[] = [];
  const beganMs = Date.now() - count;
  for (let number = 0; number < count; number++) {
    // One a millisecond, up to now: no two ids share a time, so their order is the order of the names.
    const timeMs = beganMs + number;
    const id = Bun.randomUUIDv7("hex", timeMs);
    writeFileSync(join(home, "spool", "new", id), spoolFile(id, timeMs, payloads(number)), { mode: 0o600, flag: "wx" });
    ids.push(id);
  }
  return ids;
}

/** The text of one spool file: the header as JSON, a newline, and stdin untouched. */
export function spoolFile(id: string, timeMs: number, stdin: string): string {
  const header: SpoolHeader = {
    v: 1,
    id,
    time: new Date(timeMs).toISOString(),
    pid: process.pid,
    args: [],
    env: { CLAUDE_PROJECT_DIR: "/home/dev/shop" },
    size: Buffer.byteLength(stdin),
    flags: [],
  };
  return `${JSON.stringify(header)}\n${stdin}`;
}
