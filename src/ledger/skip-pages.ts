// What groups decided not to deliver, for looking: the last ones, those of an event, and how many for which reason.
import type { Database } from "bun:sqlite";
import { CLUSTER_GROUP } from "../stream/cluster-group.ts";

export type SkipView = {
  consumer: string;
  seq: number;
  eventId: string | null;
  key: string;
  reason: string;
  atMs: number;
};

/** How many events a group has skipped for a reason since it began. */
export type SkipCount = { consumer: string; reason: string; count: number };

export type SkipFilter = { consumer: string | null; session: string | null; limit: number | null };

export type SkipPages = {
  /** In the order of events; with a limit the last ones. */
  list(filter: SkipFilter): SkipView[];
  ofEvent(seq: number): SkipView[];
  /** By consumer, the commonest reason first; null: of all groups. */
  counts(consumer: string | null): SkipCount[];
};

/** Whatever consumer's: the forwarder has none. */
const OF_ANY = `consumer <> '${CLUSTER_GROUP}'`;
const SKIP = "s.consumer, s.seq, e.id AS eventId, s.key, s.reason, s.at_ms AS atMs";

/** The skips of a ledger that is open for looking. */
export function skipPages(db: Database): SkipPages {
  // A session's own events lead to its skips; without a session it is the skips that lead. CROSS keeps SQLite to that.
  const listed = (ofConsumer: boolean, ofSession: boolean) =>
    db.query(`
      SELECT ${SKIP}
      FROM ${ofSession ? "events e CROSS JOIN skips s ON s.seq = e.seq" : "skips s LEFT JOIN events e ON e.seq = s.seq"}
      WHERE ${ofConsumer ? "s.consumer = ?1" : `?1 IS NULL AND s.${OF_ANY}`} AND ${ofSession ? "e.session = ?2" : "?2 IS NULL"}
      ORDER BY ${ofSession ? "e.seq" : "s.seq"} DESC, s.consumer DESC LIMIT ?3`);
  return {
    list: ({ consumer, session, limit }) =>
      (listed(consumer !== null, session !== null).all(consumer, session, limit ?? -1) as SkipView[]).reverse(),
    ofEvent: (seq) =>
      db
        .query(`
          SELECT ${SKIP} FROM skips s LEFT JOIN events e ON e.seq = s.seq WHERE s.seq = ? AND s.${OF_ANY} ORDER BY s.consumer`)
        .all(seq) as SkipView[],
    counts: (consumer) =>
      db
        .query(`
          SELECT consumer, reason, count FROM skip_counts WHERE ${consumer === null ? `?1 IS NULL AND ${OF_ANY}` : "consumer = ?1"}
          ORDER BY consumer, count DESC, reason`)
        .all(consumer) as SkipCount[],
  };
}
