// Spool files as publish writes them, many and at once: a backlog without starting a process for each event.
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SpoolHeader } from "../event/event.ts";
import type { Payloads } from "./payload.ts";

/** The arguments that publish was called with, for each number; none for a hook. */
export type Arguments = (number: number) => string[];

/** Writes `count` events into the spool of a home, unsynced, and gives their ids in the order of the spool. */
export function writeBacklog(
  home: string,
  count: number,
  payloads: Payloads,
  argumentsOf: Arguments = () => [],
): string[] {
  const ids: string[] = [];
  const beganMs = Date.now() - count;
  for (let number = 0; number < count; number++) {
    // One a millisecond, up to now: no two ids share a time, so their order is the order of the names.
    const timeMs = beganMs + number;
    const id = Bun.randomUUIDv7("hex", timeMs);
    const text = spoolFile(id, timeMs, payloads(number), argumentsOf(number));
    // As publish does it: a daemon that runs already must not find half a file.
    const draft = join(home, "spool", "tmp", `${id}.${process.pid}`);
    writeFileSync(draft, text, { mode: 0o600, flag: "wx" });
    renameSync(draft, join(home, "spool", "new", id));
    ids.push(id);
  }
  return ids;
}

/** The text of one spool file: the header as JSON, a newline, and stdin untouched. */
export function spoolFile(id: string, timeMs: number, stdin: string, args: string[] = []): string {
  const header: SpoolHeader = {
    v: 1,
    id,
    time: new Date(timeMs).toISOString(),
    pid: process.pid,
    args,
    env: { CLAUDE_PROJECT_DIR: "/home/dev/shop" },
    size: Buffer.byteLength(stdin),
    flags: [],
  };
  return `${JSON.stringify(header)}\n${stdin}`;
}
