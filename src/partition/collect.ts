// What changed in a partition's ledger since it was last asked, as fields for Redis; what is settled leaves the ledger with it.
//
// 1. Deliveries that changed: pending and dead ones become fields, with the events that they name; settled and deleted ones go.
// 2. Events that are decided and that no delivery names any more go.
// 3. Marks, starts, the daemon's own events; the group and its counters as a whole, where they differ from what was told last.
import type { Event } from "../event/event.ts";
import type { LedgerHandle } from "../ledger/handle.ts";
import { parseEvent } from "./entry.ts";
import type { EventWindow } from "./event-window.ts";
import { FIELD, type Row, rowTexts } from "./rows.ts";

/** `gone`: fields that are not there any more, whether Redis ever had them or not. */
export type Collected = { set: Map<string, string>; gone: Set<string>; outcomes: string[]; ownEvents: Event[] };

export type Collector = {
  /** `has`: whether Redis may have a field. What ran inside the daemon is gone already and tells of no outcome. */
  collect(has: (field: string) => boolean): Collected;
  /** Makes the next `collect` give everything. */
  markAll(): void;
  /** Makes it forget what changed until now. */
  markNone(): void;
  /** The daemon's own events that a ledger has now. */
  forgetOwn(events: readonly Event[]): void;
};

/** Characters of an attempt's output that are told with a settled delivery. */
const OUTPUT_HEAD = 1_000;

/** Makes the collector of one consumer's partition. */
export function makeCollector(
  ledger: LedgerHandle,
  consumer: string,
  window: EventWindow,
  now: () => number,
): Collector {
  const { db } = ledger;
  const texts = rowTexts(db, consumer);
  const sql = prepare(ledger);
  /** As it was told last; null: not yet. */
  let groupBefore: { text: string | null } | null = null;

  const collectDeliveries = ({ set, gone, outcomes }: Collected, has: (field: string) => boolean) => {
    for (const { noted, ...row } of sql.changed.all() as (Row & { noted: number })[]) {
      if (row.ordinal === null) gone.add(FIELD.delivery(noted));
      else if (row.state === "ok" || row.state === "findings") {
        outcomes.push(outcomeOf(row));
        for (const part of sql.removeDelivery) part.run(noted);
        gone.add(FIELD.delivery(noted));
      } else {
        set.set(FIELD.delivery(noted), texts.delivery(row));
        for (const event of window.eventsOf(texts.seqsOf(noted))) {
          const field = FIELD.event(event.seq);
          if (!has(field)) set.set(field, texts.event(event));
        }
      }
    }
  };

  /** A settled delivery as those who look know it (ledger/delivery-pages.ts). */
  const outcomeOf = ({ ordinal, id, key, state, replay }: Row): string => {
    const seqs = texts.seqsOf(ordinal as number);
    const attempts = (sql.attempts.all(ordinal as number) as Row[]).map((attempt) => ({
      ...attempt,
      stdout: head(attempt.stdout),
      stderr: head(attempt.stderr),
    }));
    const eventIds = window.eventsOf(seqs).map((event) => event.id);
    const view = {
      id,
      consumer,
      key,
      seqs,
      eventIds,
      state,
      reason: null,
      replay: replay === 1,
      dueMs: null,
      attempts,
    };
    return JSON.stringify({ ...view, settledMs: now() });
  };

  const dropEvents = ({ gone }: Collected) => {
    const cursor = (sql.cursor.get(consumer) as { cursor: number } | null)?.cursor ?? 0;
    const left = (sql.left.all() as { seq: number }[]).map(({ seq }) => seq);
    // Mostly all that was decided is done.
    const isAnyNamed = sql.isAnyNamed.get() !== null;
    for (const seq of [...window.pass(cursor), ...left]) {
      if (window.isUndecided(seq) || (isAnyNamed && sql.isNamed.get(seq) !== null)) continue;
      window.drop(seq);
      gone.add(FIELD.event(seq));
    }
  };

  const collectRows = ({ set, gone, ownEvents }: Collected) => {
    const put = (field: string, text: string | null) => void (text === null ? gone.add(field) : set.set(field, text));
    for (const { key } of sql.marks.all() as { key: string }[]) put(FIELD.mark(key), texts.mark(key));
    for (const { id } of sql.starts.all() as { id: number }[]) put(FIELD.start(id), texts.start(id));
    for (const { id, json } of sql.own.all() as { id: string; json: string }[]) {
      const event = parseEvent(json);
      set.set(FIELD.own(id), json);
      if (event !== null) ownEvents.push(event);
    }
    const group = texts.group();
    if (groupBefore === null || group !== groupBefore.text) put(FIELD.group, group);
    groupBefore = { text: group };
  };

  const markNone = () => {
    sql.tell.run();
    for (const table of sql.forget) table.run();
  };

  return {
    collect(has) {
      const collected: Collected = { set: new Map(), gone: new Set(), outcomes: [], ownEvents: [] };
      ledger.together(() => {
        collectDeliveries(collected, has);
        dropEvents(collected);
        collectRows(collected);
        markNone();
      });
      return collected;
    },
    markAll() {
      groupBefore = null;
      ledger.together(() => {
        for (const mark of sql.markAll) mark.run();
      });
    },
    markNone,
    forgetOwn: (events) => {
      for (const { id } of events) sql.forgetOwn.run(id);
    },
  };
}

function head(text: string | number | null | undefined): string {
  return String(text ?? "").slice(0, OUTPUT_HEAD);
}

function prepare({ db }: LedgerHandle) {
  return {
    changed: db.query(`
      SELECT c.ordinal AS noted, d.* FROM changed_deliveries c LEFT JOIN deliveries d ON d.ordinal = c.ordinal
      UNION ALL
      SELECT ordinal AS noted, * FROM deliveries WHERE ordinal > (SELECT ordinal FROM told)
      ORDER BY noted`),
    tell: db.query("UPDATE told SET ordinal = max(ordinal, (SELECT coalesce(max(ordinal), 0) FROM deliveries))"),
    attempts: db.query(`
      SELECT number, started_ms AS startedMs, duration_ms AS durationMs, outcome, exit_code AS exitCode, signal, stdout, stderr, reason
      FROM attempts WHERE delivery = ? ORDER BY number`),
    removeDelivery: [
      db.query("DELETE FROM delivery_events WHERE delivery = ?"),
      db.query("DELETE FROM attempts WHERE delivery = ?"),
      db.query("DELETE FROM deliveries WHERE ordinal = ?"),
    ],
    cursor: db.query("SELECT cursor FROM groups WHERE consumer = ?"),
    left: db.query("SELECT seq FROM left_events"),
    isNamed: db.query("SELECT 1 FROM delivery_events WHERE seq = ? LIMIT 1"),
    isAnyNamed: db.query("SELECT 1 FROM delivery_events LIMIT 1"),
    marks: db.query("SELECT key FROM changed_marks"),
    starts: db.query("SELECT id FROM changed_starts"),
    own: db.query("SELECT id, json FROM own_events"),
    forgetOwn: db.query("DELETE FROM own_events WHERE id = ?"),
    // Of skips only the counts stay (skip_counts).
    forget: ["changed_deliveries", "changed_marks", "changed_starts", "left_events", "skips"].map((table) =>
      db.query(`DELETE FROM ${table}`),
    ),
    markAll: [
      db.query("DELETE FROM changed_deliveries"),
      db.query("UPDATE told SET ordinal = 0"),
      db.query("INSERT OR IGNORE INTO changed_marks SELECT key FROM marks"),
      db.query("INSERT OR IGNORE INTO changed_starts SELECT rowid FROM starts"),
    ],
  };
}
