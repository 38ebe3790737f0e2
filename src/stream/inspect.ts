// The stream's looking half: what status, events, deliveries and show read. Opens the ledger read-only and never writes.
import type { StoredEvent } from "../event/event.ts";
import { type EventFilter, eventPages } from "./event-pages.ts";
import { type GroupState, groupStates } from "./group-state.ts";
import { openForReading } from "./ledger-schema.ts";
import type { DeliveryState } from "./stream.ts";

export type AttemptView = {
  number: number;
  startedMs: number;
  durationMs: number | null;
  outcome: string | null;
  exitCode: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
  reason: string | null;
};

export type DeliveryView = {
  id: string;
  consumer: string;
  key: string;
  seqs: number[];
  eventIds: string[];
  state: DeliveryState;
  reason: string | null;
  attempts: AttemptView[];
};

export type SkipView = {
  consumer: string;
  seq: number;
  eventId: string | null;
  key: string;
  reason: string;
  atMs: number;
};

export type DeliveryFilter = {
  consumer: string | null;
  state: string | null;
  session: string | null;
  limit: number | null;
};

export type Inspection = {
  stream(): { events: number; firstSeq: number | null; lastSeq: number | null };
  /** The seq of the last event, 0 before the first. */
  lastSeq(): number;
  /** Groups by name; ages count from `now`. */
  groups(now: number): GroupState[];
  /** Events in order, page by page, so that a long stream needs no memory. */
  events(filter: EventFilter): Generator<StoredEvent>;
  /** The last `limit` events that the filter wants, oldest first. */
  lastEvents(filter: EventFilter, limit: number): StoredEvent[];
  /** Deliveries, oldest first; with a limit the last ones. */
  deliveries(filter: DeliveryFilter): Generator<DeliveryView>;
  skips(filter: Omit<DeliveryFilter, "state">): SkipView[];
  eventAt(seq: number): StoredEvent | null;
  /** Events whose id ends so; at most 3, which tells one from several. */
  eventsEnding(ending: string): StoredEvent[];
  deliveriesEnding(ending: string): DeliveryView[];
  deliveriesOf(seq: number): DeliveryView[];
  skipsOf(seq: number): SkipView[];
  close(): void;
};

const PAGE = 500;

/** Opens the ledger for looking; null where no daemon has made one yet. Errors as openForReading says. */
export function openInspection(path: string): Inspection | null {
  const db = openForReading(path);
  if (db === null) return null;
  const pages = eventPages(db);
  const attempts = db.query(`
    SELECT number, started_ms AS startedMs, duration_ms AS durationMs, outcome, exit_code AS exitCode, signal,
      coalesce(stdout, '') AS stdout, coalesce(stderr, '') AS stderr, reason
    FROM attempts WHERE delivery = ? ORDER BY number`);
  const members = db.query(`
    SELECT d.seq, e.id FROM delivery_events d LEFT JOIN events e ON e.seq = d.seq WHERE d.delivery = ? ORDER BY d.seq`);
  type DeliveryRow = {
    ordinal: number;
    id: string;
    consumer: string;
    key: string;
    state: DeliveryState;
    reason: string | null;
  };
  const view = ({ ordinal, ...row }: DeliveryRow): DeliveryView => {
    const events = members.all(ordinal) as { seq: number; id: string | null }[];
    return {
      id: row.id,
      consumer: row.consumer,
      key: row.key,
      seqs: events.map((event) => event.seq),
      eventIds: events.flatMap((event) => event.id ?? []),
      state: row.state,
      reason: row.reason,
      attempts: attempts.all(ordinal) as AttemptView[],
    };
  };
  const DELIVERY = "SELECT d.ordinal, d.id, d.consumer, d.key, d.state, d.reason FROM deliveries d";
  const OF_SESSION =
    "EXISTS (SELECT 1 FROM delivery_events m JOIN events e ON e.seq = m.seq WHERE m.delivery = d.ordinal AND e.session = ?3)";
  const deliveryPage = db.query(`
    ${DELIVERY} WHERE (?1 IS NULL OR d.consumer = ?1) AND (?2 IS NULL OR d.state = ?2) AND (?3 IS NULL OR ${OF_SESSION})
      AND d.ordinal > ?4 ORDER BY d.ordinal LIMIT ${PAGE}`);
  const deliveryLast = db.query(`
    SELECT * FROM (${DELIVERY} WHERE (?1 IS NULL OR d.consumer = ?1) AND (?2 IS NULL OR d.state = ?2) AND (?3 IS NULL OR ${OF_SESSION})
      ORDER BY d.ordinal DESC LIMIT ?4) ORDER BY ordinal`);
  const SKIP = `
    SELECT s.consumer, s.seq, e.id AS eventId, s.key, s.reason, s.at_ms AS atMs FROM skips s LEFT JOIN events e ON e.seq = s.seq`;

  return {
    stream: () =>
      db.query("SELECT count(*) AS events, min(seq) AS firstSeq, max(seq) AS lastSeq FROM events").get() as {
        events: number;
        firstSeq: number | null;
        lastSeq: number | null;
      },
    groups: (now) => groupStates(db, now),

    lastSeq: () => (db.query("SELECT coalesce(max(seq), 0) AS seq FROM events").get() as { seq: number }).seq,
    events: pages.forward,
    lastEvents: pages.last,
    eventAt: pages.at,
    eventsEnding: pages.ending,
    *deliveries({ consumer, state, session, limit }) {
      if (limit !== null) {
        for (const row of deliveryLast.all(consumer, state, session, limit)) yield view(row as DeliveryRow);
        return;
      }
      let after = 0;
      for (;;) {
        const rows = deliveryPage.all(consumer, state, session, after) as DeliveryRow[];
        for (const row of rows) yield view(row);
        const last = rows.at(-1);
        if (last === undefined) return;
        after = last.ordinal;
      }
    },
    skips: ({ consumer, session, limit }) =>
      (
        db
          .query(
            `${SKIP} WHERE (?1 IS NULL OR s.consumer = ?1) AND (?2 IS NULL OR e.session = ?2) ORDER BY s.seq DESC, s.consumer LIMIT ?3`,
          )
          .all(consumer, session, limit ?? -1) as SkipView[]
      ).reverse(),
    deliveriesEnding: (ending) =>
      (
        db
          .query(`${DELIVERY} WHERE substr(d.id, -length(?1)) = ?1 ORDER BY d.ordinal LIMIT 3`)
          .all(ending) as DeliveryRow[]
      ).map(view),
    deliveriesOf: (seq) =>
      (
        db
          .query(
            `${DELIVERY} JOIN delivery_events m ON m.delivery = d.ordinal WHERE m.seq = ? ORDER BY d.consumer, d.ordinal`,
          )
          .all(seq) as DeliveryRow[]
      ).map(view),
    skipsOf: (seq) => db.query(`${SKIP} WHERE s.seq = ? ORDER BY s.consumer`).all(seq) as SkipView[],
    close: () => db.close(),
  };
}
