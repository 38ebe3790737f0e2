// The stream's looking half: what status, events, deliveries and show read. Opens the ledger read-only and never writes.
// Composition only; what is asked is beside it, by what is looked at.
import type { Database } from "bun:sqlite";
import type { StoredEvent } from "../event/event.ts";
import { type DeliveryFilter, type DeliveryView, deliveryPages } from "./delivery-pages.ts";
import { type EventFilter, eventPages } from "./event-pages.ts";
import { forwardState, type GroupState, groupStates } from "./group-state.ts";
import { openForReading } from "./opening.ts";
import { type SkipCount, type SkipFilter, type SkipView, skipPages } from "./skip-pages.ts";

export type { AttemptView, DeliveryFilter, DeliveryView } from "./delivery-pages.ts";
export type { SkipCount, SkipView } from "./skip-pages.ts";

export type Inspection = {
  stream(): { events: number; firstSeq: number | null; lastSeq: number | null };
  /** The seq of the last event, 0 before the first. */
  lastSeq(): number;
  /** Groups of consumers by name; ages count from `now`. */
  groups(now: number): GroupState[];
  /** Where forwarding to a cluster stands; null: it never began here. */
  forwarding(now: number): GroupState | null;
  /** Events in order, page by page, so that a long stream needs no memory. */
  events(filter: EventFilter): Generator<StoredEvent>;
  /** The last `limit` events that the filter wants, oldest first. */
  lastEvents(filter: EventFilter, limit: number): StoredEvent[];
  /** Deliveries, oldest first; with a limit the last ones. */
  deliveries(filter: DeliveryFilter): Generator<DeliveryView>;
  skips(filter: SkipFilter): SkipView[];
  /** How many events each group skipped for which reason, the commonest first; null: of all groups. */
  skipCounts(consumer: string | null): SkipCount[];
  eventAt(seq: number): StoredEvent | null;
  /** Events whose id ends so; at most 3, which tells one from several. */
  eventsEnding(ending: string): StoredEvent[];
  deliveriesEnding(ending: string): DeliveryView[];
  deliveriesOf(seq: number): DeliveryView[];
  skipsOf(seq: number): SkipView[];
  close(): void;
};

/** Opens the ledger for looking; null where no daemon has made one yet. Errors as openForReading says. */
export function openInspection(path: string): Inspection | null {
  const db = openForReading(path);
  return db === null ? null : inspectionOn(db);
}

/** The same in a database that is open already. */
export function inspectionOn(db: Database): Inspection {
  const events = eventPages(db);
  const deliveries = deliveryPages(db);
  const skips = skipPages(db);
  // Each by itself: min and max together would read the whole table.
  const stream = db.query(`
    SELECT (SELECT count FROM totals WHERE name = 'events') AS events,
      (SELECT min(seq) FROM events) AS firstSeq, (SELECT max(seq) FROM events) AS lastSeq`);
  return {
    stream: () => stream.get() as ReturnType<Inspection["stream"]>,
    lastSeq: () => (db.query("SELECT coalesce(max(seq), 0) AS seq FROM events").get() as { seq: number }).seq,
    groups: (now) => groupStates(db, now),
    forwarding: (now) => forwardState(db, now),
    events: events.forward,
    lastEvents: events.last,
    eventAt: events.at,
    eventsEnding: events.ending,
    deliveries: deliveries.list,
    deliveriesEnding: deliveries.ending,
    deliveriesOf: deliveries.ofEvent,
    skips: skips.list,
    skipsOf: skips.ofEvent,
    skipCounts: skips.counts,
    close: () => db.close(),
  };
}
