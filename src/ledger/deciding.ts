// The ledger's half for a group's loop: where it stands, what it decided, what it remembers of its keys.
// The attempts at its deliveries are in attempts.ts.

import type { GroupLog, GroupOptions, Hold, NewDelivery, Starts } from "../stream/stream.ts";
import { firstOfKey, type LedgerHandle, newDeliveryId } from "./handle.ts";

/** The verbs of a group's loop that are about deciding. */
export type DecidingLog = Pick<
  GroupLog,
  | "together"
  | "openGroup"
  | "placeOf"
  | "decide"
  | "acceptedMs"
  | "hold"
  | "cooledMs"
  | "forgetMarks"
  | "starts"
  | "noteStarts"
  | "setWaiting"
>;

/** Those verbs on an open ledger. */
export function decidingLog(ledger: LedgerHandle): DecidingLog {
  const { now, atomic } = ledger;
  const sql = prepare(ledger);
  const insertDelivery = deliveryInsert(ledger);

  const placeOf = (consumer: string) => {
    const { cursor, pausedMs } = sql.place.get(consumer) as { cursor: number; pausedMs: number | null };
    return { cursor, paused: pausedMs !== null };
  };

  return {
    together: ledger.together,
    openGroup: atomic((consumer: string, { start, ordered, provisional = false }: GroupOptions) => {
      sql.insertGroup.run(consumer, start === "earliest" ? 1 : 0, now(), provisional ? 1 : 0);
      if (!provisional) sql.begin.run(consumer, start === "earliest" ? 1 : 0);
      // All that is pending is looked through, so only when there is a reason.
      if (sql.setOrdered.run(ordered ? 1 : 0, consumer).changes > 0) sql.resetHeads.run(consumer, ordered ? 1 : 0);
      sql.present.run(consumer);
      return placeOf(consumer);
    }),
    placeOf,

    decide: atomic((decision) => {
      const { consumer, ordered } = decision;
      for (const delivery of decision.deliveries) insertDelivery(consumer, ordered, delivery, false);
      for (const { deliveryId, seqs, openedMs, dueMs, fileBytes, dataBytes } of decision.joins) {
        const held = sql.join.get(openedMs, dueMs, fileBytes, dataBytes, deliveryId) as { ordinal: number } | null;
        if (held === null) throw new Error(`no held delivery ${deliveryId}`);
        for (const seq of seqs) sql.insertDeliveryEvent.run(held.ordinal, seq);
      }
      for (const skip of decision.skips) sql.insertSkip.run(consumer, skip.seq, skip.key, skip.reason, now());
      if (decision.skips.length > 0) sql.countSkips.run(decision.skips.length, consumer);
      for (const { key, timeMs } of decision.accepted) sql.accept.run(consumer, key, timeMs);
      // crash point: before-decide
      sql.moveCursor.run(decision.cursor, consumer);
    }),

    acceptedMs: (consumer, key) => (sql.marks.get(consumer, key) as Marks | null)?.acceptedMs ?? null,
    cooledMs: (consumer, key) => (sql.marks.get(consumer, key) as Marks | null)?.cooledMs ?? null,
    hold: (consumer, key) => sql.hold.get(consumer, key) as Hold | null,

    forgetMarks: atomic((consumer: string, acceptedBeforeMs: number, cooledBeforeMs: number, most: number) => {
      sql.forgetOld.run(consumer, acceptedBeforeMs, cooledBeforeMs);
      sql.forgetBeyond.run(consumer, most);
    }),

    starts: atomic((consumer: string, perMs: number) => {
      sql.clampStarts.run(now(), consumer);
      return sql.starts.get(consumer, now() - perMs) as Starts;
    }),
    noteStarts: atomic((consumer: string, count: number, perMs: number) => {
      sql.forgetStarts.run(consumer, now() - perMs);
      for (let noted = 0; noted < count; noted++) sql.insertStart.run(consumer, now());
    }),
    setWaiting: (consumer, reason) => void sql.setWaiting.run(reason, consumer),
  };
}

/** Writes a new delivery within a transaction of somebody else's; gives its id, where it has none yet. */
export type InsertDelivery = (
  consumer: string,
  ordered: boolean,
  delivery: NewDelivery,
  replay: boolean,
  id?: string,
) => string;

/** The insert of a delivery, at the end of the queue: head when no other of its key is pending. */
export function deliveryInsert({ db, now }: LedgerHandle): InsertDelivery {
  const insert = db.query(`
    INSERT INTO deliveries (id, consumer, key, state, head, created_ms, due_ms, opened_ms, file_bytes, data_bytes, replay)
    VALUES (?1, ?2, ?3, ?4,
      ?5 = 0 OR NOT EXISTS (SELECT 1 FROM deliveries WHERE consumer = ?2 AND key = ?3 AND settled_ms IS NULL),
      ?6, ?7, ?8, ?9, ?10, ?11)
    RETURNING ordinal`);
  const insertEvent = db.query("INSERT INTO delivery_events (delivery, seq) VALUES (?, ?)");
  return (consumer, ordered, { key, seqs, hold }, replay, id = newDeliveryId()) => {
    const { ordinal } = insert.get(
      id,
      consumer,
      key,
      hold === null ? "ready" : "held",
      ordered ? 1 : 0,
      now(),
      hold?.dueMs ?? null,
      hold?.openedMs ?? null,
      hold?.fileBytes ?? 0,
      hold?.dataBytes ?? 0,
      replay ? 1 : 0,
    ) as { ordinal: number };
    for (const seq of seqs) insertEvent.run(ordinal, seq);
    return id;
  };
}

type Marks = { acceptedMs: number | null; cooledMs: number | null };

function prepare({ db }: LedgerHandle) {
  return {
    insertGroup: db.query(`
      INSERT OR IGNORE INTO groups (consumer, cursor, began_ms, provisional)
      VALUES (?1, CASE WHEN ?2 THEN 0 ELSE (SELECT coalesce(max(seq), 0) FROM events) END, ?3, ?4)`),
    begin: db.query(`
      UPDATE groups SET provisional = 0, cursor = CASE WHEN ?2 THEN 0 ELSE cursor END WHERE consumer = ?1 AND provisional = 1`),
    present: db.query("UPDATE groups SET removed_ms = NULL WHERE consumer = ?"),
    place: db.query("SELECT cursor, paused_ms AS pausedMs FROM groups WHERE consumer = ?"),
    setOrdered: db.query("UPDATE groups SET ordered = ?1 WHERE consumer = ?2 AND ordered IS NOT ?1"),
    resetHeads: db.query(`
      UPDATE deliveries SET head = ?2 = 0 OR ordinal = ${firstOfKey("?1", "deliveries.key")}
      WHERE consumer = ?1 AND settled_ms IS NULL AND head <> (?2 = 0 OR ordinal = ${firstOfKey("?1", "deliveries.key")})`),
    moveCursor: db.query("UPDATE groups SET cursor = ? WHERE consumer = ?"),
    setWaiting: db.query("UPDATE groups SET waiting = ?1 WHERE consumer = ?2 AND waiting IS NOT ?1"),

    insertDeliveryEvent: db.query("INSERT INTO delivery_events (delivery, seq) VALUES (?, ?)"),
    join: db.query(`
      UPDATE deliveries SET opened_ms = ?, due_ms = ?, file_bytes = file_bytes + ?, data_bytes = data_bytes + ?
      WHERE id = ? AND state = 'held' RETURNING ordinal`),
    insertSkip: db.query(`INSERT OR IGNORE INTO skips (consumer, seq, key, reason, at_ms) VALUES (?, ?, ?, ?, ?)`),
    countSkips: db.query("UPDATE groups SET skipped = skipped + ? WHERE consumer = ?"),

    hold: db.query(`
      SELECT id AS deliveryId, opened_ms AS openedMs, file_bytes AS fileBytes, data_bytes AS dataBytes,
        (SELECT count(*) FROM delivery_events WHERE delivery = deliveries.ordinal) AS events
      FROM deliveries WHERE consumer = ? AND key = ? AND state = 'held' AND settled_ms IS NULL ORDER BY ordinal DESC LIMIT 1`),
    marks: db.query(
      "SELECT accepted_ms AS acceptedMs, cooled_ms AS cooledMs FROM marks WHERE consumer = ? AND key = ?",
    ),
    accept: db.query(`
      INSERT INTO marks (consumer, key, accepted_ms) VALUES (?, ?, ?)
      ON CONFLICT DO UPDATE SET accepted_ms = excluded.accepted_ms`),
    forgetOld: db.query(`
      DELETE FROM marks WHERE consumer = ? AND coalesce(accepted_ms < ?, 1) AND coalesce(cooled_ms < ?, 1)`),
    forgetBeyond: db.query(`
      DELETE FROM marks WHERE consumer = ?1 AND key IN (
        SELECT key FROM marks WHERE consumer = ?1
        ORDER BY max(coalesce(accepted_ms, 0), coalesce(cooled_ms, 0)) DESC LIMIT -1 OFFSET ?2)`),

    clampStarts: db.query("UPDATE starts SET at_ms = ?1 WHERE consumer = ?2 AND at_ms > ?1"),
    starts: db.query(`SELECT count(*) AS count, min(at_ms) AS oldestMs FROM starts WHERE consumer = ? AND at_ms > ?`),
    forgetStarts: db.query("DELETE FROM starts WHERE consumer = ? AND at_ms <= ?"),
    insertStart: db.query("INSERT INTO starts (consumer, at_ms) VALUES (?, ?)"),
  };
}
