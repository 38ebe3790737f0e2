// Giving up on what a group holds back for too long: it becomes skips with the reason `expired`, oldest first.
//
// 1. Pending deliveries that are not running, by their newest event: one event that is young keeps its delivery. A replay is as
//    old as the wish for it.
// 2. Events that the group has not decided on, up to the first that is young, as far as the piece goes. The cursor moves on.

import type { HouseLog } from "../stream/stream.ts";
import type { LedgerHandle } from "./handle.ts";

/** An undecided event has no key yet. */
const NO_KEY = "-";

/** The verb `expire` on an open ledger. */
export function expirer(ledger: LedgerHandle): HouseLog["expire"] {
  const { now, atomic, promote } = ledger;
  const sql = prepare(ledger);

  /** `isAll`: there is no other that is old among those that were looked at, the first `most` of each state. */
  const expirePending = (consumer: string, beforeMs: number, most: number): { expired: number; isAll: boolean } => {
    let expired = 0;
    for (const { ordinal, key, events } of sql.pending.all(consumer, beforeMs, most) as PendingRow[]) {
      // A delivery goes whole, so the first may be more than that.
      if (expired > 0 && expired + events > most) return { expired, isAll: false };
      sql.skipDelivery.run(consumer, key, now(), ordinal);
      sql.deleteEvents.run(ordinal);
      sql.deleteAttempts.run(ordinal);
      const { head } = sql.deleteDelivery.get(ordinal) as { head: number };
      // One that was no head has another of its key before it, which may be running.
      if (head === 1) promote(consumer, key);
      expired += events;
    }
    return { expired, isAll: expired < most };
  };

  const expireUndecided = (consumer: string, beforeMs: number, most: number): number => {
    const { cursor } = sql.cursor.get(consumer) as { cursor: number };
    const undecided = sql.undecided.all(cursor, most) as { seq: number; timeMs: number }[];
    const young = undecided.findIndex((event) => event.timeMs >= beforeMs);
    const old = young < 0 ? undecided : undecided.slice(0, young);
    const last = old.at(-1);
    if (last === undefined) return 0;
    sql.skipEvents.run(consumer, NO_KEY, now(), cursor, last.seq);
    sql.moveCursor.run(last.seq, consumer);
    return old.length;
  };

  return atomic((consumer: string, beforeMs: number | null, most: number) => {
    if (sql.cursor.get(consumer) === null) return 0;
    const before = beforeMs ?? Number.MAX_SAFE_INTEGER;
    const pending = expirePending(consumer, before, most);
    const undecided = pending.isAll ? expireUndecided(consumer, before, most - pending.expired) : 0;
    const expired = pending.expired + undecided;
    if (expired > 0) sql.countSkips.run(expired, consumer);
    return expired;
  });
}

type PendingRow = { ordinal: number; key: string; events: number };

function prepare({ db }: LedgerHandle) {
  // The first few of each state and head, by index: a queue of any length costs the same.
  const looks = ["held", "ready", "backoff"].flatMap((state) =>
    [0, 1].map(
      (head) => `
        SELECT * FROM (SELECT ordinal, key, replay, created_ms FROM deliveries
          WHERE consumer = ?1 AND state = '${state}' AND head = ${head} AND settled_ms IS NULL ORDER BY ordinal LIMIT ?3)`,
    ),
  );
  return {
    pending: db.query(`
      SELECT ordinal, key, (SELECT count(*) FROM delivery_events WHERE delivery = ordinal) AS events
      FROM (${looks.join(" UNION ALL ")})
      WHERE CASE WHEN replay THEN created_ms ELSE
        (SELECT max(e.time_ms) FROM delivery_events m JOIN events e ON e.seq = m.seq WHERE m.delivery = ordinal) END < ?2
      ORDER BY ordinal LIMIT ?3`),
    skipDelivery: db.query(`
      INSERT OR IGNORE INTO skips (consumer, seq, key, reason, at_ms)
      SELECT ?1, seq, ?2, 'expired', ?3 FROM delivery_events WHERE delivery = ?4`),
    deleteEvents: db.query("DELETE FROM delivery_events WHERE delivery = ?"),
    deleteAttempts: db.query("DELETE FROM attempts WHERE delivery = ?"),
    deleteDelivery: db.query("DELETE FROM deliveries WHERE ordinal = ? RETURNING head"),
    cursor: db.query("SELECT cursor FROM groups WHERE consumer = ?"),
    undecided: db.query("SELECT seq, time_ms AS timeMs FROM events WHERE seq > ? ORDER BY seq LIMIT ?"),
    skipEvents: db.query(`
      INSERT OR IGNORE INTO skips (consumer, seq, key, reason, at_ms)
      SELECT ?1, seq, ?2, 'expired', ?3 FROM events WHERE seq > ?4 AND seq <= ?5`),
    moveCursor: db.query("UPDATE groups SET cursor = ? WHERE consumer = ?"),
    countSkips: db.query("UPDATE groups SET skipped = skipped + ? WHERE consumer = ?"),
  };
}
