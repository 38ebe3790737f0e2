// A ledger in a directory of its own, with a clock that only the test moves, and short ways to bring it into a state.
import { Database } from "bun:sqlite";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Event } from "../src/event/event.ts";
import { type DeliveryFilter, type Inspection, openInspection } from "../src/ledger/inspect.ts";
import { openLedger } from "../src/ledger/ledger.ts";
import type { AttemptEnd, Decision, NewDelivery, NewSkip, Next, Stream } from "../src/stream/stream.ts";

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;

const OK: AttemptEnd = {
  outcome: "ok",
  exitCode: 0,
  signal: null,
  durationMs: 12,
  stdout: "",
  stderr: "",
  reason: null,
  counts: true,
};
const FAILED: AttemptEnd = { ...OK, outcome: "failed", exitCode: 3 };

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
  const decide = (over: Partial<Decision> & { consumer: string }) =>
    stream.decide({
      ordered: true,
      cursor: stream.lastSeq(),
      deliveries: [],
      joins: [],
      skips: [],
      accepted: [],
      ...over,
    });
  const ids = () => new Set(look((inspection) => [...inspection.deliveries(ALL)]).map((delivery) => delivery.id));
  const settle = (id: string, end: AttemptEnd, next: Next) =>
    stream.settle(id, stream.begin(id, null), end, next, { cools: false, events: [] });

  return {
    path,
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
    sql,
    decide,
    /** Closes it and opens it again. */
    reopen() {
      stream.close();
      stream = open();
    },
    end() {
      stream.close();
      rmSync(directory, { recursive: true });
    },

    /** Appends events of these times, by default of now; gives their seqs. */
    append(...times: number[]): number[] {
      const before = stream.lastSeq();
      stream.append((times.length === 0 ? [now] : times).map((timeMs) => makeEvent({ timeMs })));
      return Array.from({ length: stream.lastSeq() - before }, (_, index) => before + 1 + index);
    },
    appendEvents: (...events: Partial<Event>[]) =>
      stream.append(events.map((event) => makeEvent({ timeMs: now, ...event }))),
    group(name: string, start: "now" | "earliest" = "earliest", ordered = true) {
      stream.openGroup(name, { start, ordered });
    },
    /** Decides up to the last event: a delivery of each [key, ...seqs]; gives their ids. */
    deliver(consumer: string, deliveries: (Partial<NewDelivery> & { key: string; seqs: number[] })[], ordered = true) {
      const before = ids();
      decide({ consumer, ordered, deliveries: deliveries.map((delivery) => ({ hold: null, ...delivery })) });
      return [...ids()].filter((id) => !before.has(id));
    },
    skip: (consumer: string, ...skips: NewSkip[]) => decide({ consumer, skips }),
    succeed: (id: string) => settle(id, OK, { state: "ok" }),
    die: (id: string) => settle(id, FAILED, { state: "dead", reason: "exit 3" }),
    backOff: (id: string, dueMs: number) => settle(id, FAILED, { state: "backoff", reason: "exit 3", dueMs }),

    delivery(id: string) {
      const found = look((inspection) => inspection.deliveriesEnding(id))[0];
      if (found === undefined) throw new Error(`no delivery ${id}`);
      return found;
    },
    hasDelivery: (id: string) => look((inspection) => inspection.deliveriesEnding(id)).length > 0,
    stateOf(name: string) {
      const found = look((inspection) => inspection.groups(now)).find((group) => group.consumer === name);
      if (found === undefined) throw new Error(`no group ${name}`);
      return found;
    },
    /** Ids that may start now, in order. */
    startable: (consumer: string) => stream.startable(consumer, 1000).map((delivery) => delivery.id),
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
}

export const ALL: DeliveryFilter = { consumer: null, state: null, session: null, limit: null };

function makeEvent(over: Partial<Event>): Event {
  return {
    id: Bun.randomUUIDv7(),
    source: "/n1/claude-code",
    type: "claude-code.PostToolUse",
    timeMs: 0,
    subject: "/p/a.py",
    node: "n1",
    sessionId: "s1",
    agentId: null,
    tool: "Write",
    toolUseId: Bun.randomUUIDv7(),
    project: "/p",
    depth: 0,
    duplicateOf: null,
    contentType: "application/json",
    data: "{}",
    ...over,
  };
}
