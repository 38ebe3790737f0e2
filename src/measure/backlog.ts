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
  return [...written(home, count, payloads, argumentsOf)];
}

/** Between two looks at whether the run was ended. */
const BATCH = 200;

/** The same, for as many that it takes a while: a signal is seen meanwhile. */
export async function writeLargeBacklog(home: string, count: number, payloads: Payloads): Promise<string[]> {
  const ids: string[] = [];
  for (const id of written(home, count, payloads, () => [])) if (ids.push(id) % BATCH === 0) await Bun.sleep(0);
  return ids;
}

/** Writes them one by one and gives the id of each. */
function* written(home: string, count: number, payloads: Payloads, argumentsOf: Arguments): Generator<string> {
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
    yield id;
  }
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
