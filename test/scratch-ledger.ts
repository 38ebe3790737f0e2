// A ledger in a directory of its own, with a clock that only the test moves, and short ways to bring it into a state.
import { Database } from "bun:sqlite";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Event } from "../src/event/event.ts";
import { type Inspection, openInspection } from "../src/ledger/inspect.ts";
import { openLedger } from "../src/ledger/ledger.ts";
import type { Stream } from "../src/stream/stream.ts";
import { shortWays } from "./stream-verbs.ts";

export { ALL } from "./stream-verbs.ts";

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;

export type Scratch = ReturnType<typeof openScratch>;

/** Makes an empty ledger; `now` is its clock, in ms. */
export function openScratch() {
  const directory = mkdtempSync(join(tmpdir(), "offhook-ledger-"));
  const path = join(directory, "ledger.db");
  let now = Date.parse("2026-11-20T12:00:00Z");
  const open = () => openLedger(path, { now: () => now, durability: "process" });
  let stream: Stream = open();

  /** Looks with an inspection of its own. */
  const look = <T>(what: (inspection: Inspection) => T): T => {
    const inspection = openInspection(path);
    if (inspection === null) throw new Error("no ledger yet");
    try {
      return what(inspection);
    } finally {
      inspection.close();
    }
  };
  const sql = <T>(query: string, ...values: (string | number)[]): T[] => {
    const db = new Database(path, { readwrite: true });
    try {
      return db.query(query).all(...values) as T[];
    } finally {
      db.close();
    }
  };
  const ground = {
    get stream() {
      return stream;
    },
    get now() {
      return now;
    },
    set now(ms: number) {
      now = ms;
    },
    look,
    appendAll: (events: readonly Event[]) => stream.append(events),
  };
  const added = {
    path,
    sql,
    /** Closes it and opens it again. */
    reopen() {
      stream.close();
      stream = open();
    },
    end() {
      stream.close();
      rmSync(directory, { recursive: true });
    },

    /** Seqs of the events that are in the ledger; checked against the count that is kept. */
    seqs(): number[] {
      const seqs = sql<{ seq: number }>("SELECT seq FROM events ORDER BY seq").map((row) => row.seq);
      const counted = look((inspection) => inspection.stream()).events;
      if (counted !== seqs.length) throw new Error(`${seqs.length} events, but ${counted} are counted`);
      return seqs;
    },
    skips: (consumer: string) =>
      look((inspection) => inspection.skips({ consumer, session: null, limit: null })).map(({ seq, key, reason }) => [
        seq,
        key,
        reason,
      ]),
  };
  // Not spread: that would copy the stream of now.
  return Object.assign(ground, shortWays(ground), added);
}
