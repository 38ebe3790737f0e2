// The ledger's statements, prepared once. ledger.ts gives them their order and their transactions.
import type { Database } from "bun:sqlite";

/** Events up to this many bytes come along when a row is read; the data of larger ones is read when somebody asks for it. */
export const INLINE_DATA_BYTES = 65_536;

/** The columns of an event row as event-row.ts reads them. */
export const EVENT_COLUMNS = `
  seq, id, time_ms, source, type, subject, node, session, agent, tool, tool_use, project, depth, duplicate_of, content_type,
  CASE WHEN typeof(data) = 'text' AND length(data) <= ${INLINE_DATA_BYTES} THEN data END AS data`;

/** Prepares every statement of the writing half. */
export function prepare(db: Database) {
  return {
    // Not INSERT OR IGNORE: an ignored insert would use up a seq, and lag is counted in seqs.
    insertEvent: db.query(`
      INSERT INTO events
        (id, time_ms, source, type, subject, node, session, agent, tool, tool_use, project, depth, duplicate_of, firing, content_type, data)
      SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16
      WHERE NOT EXISTS (SELECT 1 FROM events WHERE id = ?1)`),
    firstFiring: db.query(`
      SELECT id FROM events WHERE firing = ? AND duplicate_of IS NULL AND time_ms BETWEEN ? AND ?
      ORDER BY time_ms DESC LIMIT 1`),
    lastSeq: db.query(`SELECT coalesce(max(seq), 0) AS seq FROM events`),
    read: db.query(`SELECT ${EVENT_COLUMNS} FROM events WHERE seq > ? ORDER BY seq LIMIT ?`),
    event: db.query(`SELECT ${EVENT_COLUMNS} FROM events WHERE seq = ?`),

    insertGroup: db.query(`INSERT OR IGNORE INTO groups (consumer, cursor, began_ms) VALUES (?, ?, ?)`),
    present: db.query(`UPDATE groups SET removed_ms = NULL WHERE consumer = ? RETURNING cursor`),
    groups: db.query(`SELECT consumer, removed_ms FROM groups`),
    markRemoved: db.query(`UPDATE groups SET removed_ms = ? WHERE consumer = ? AND removed_ms IS NULL`),
    moveCursor: db.query(`UPDATE groups SET cursor = ? WHERE consumer = ?`),
    countSkips: db.query(`UPDATE groups SET skipped = skipped + ? WHERE consumer = ?`),
    countOutcome: db.query(`
      UPDATE groups SET ok = ok + ?, findings = findings + ?, failed = failed + ?, last_outcome_ms = ? WHERE consumer = ?`),

    resetHeads: db.query(`
      UPDATE deliveries SET head = ?2 = 0 OR ordinal = (
        SELECT min(other.ordinal) FROM deliveries other
        WHERE other.consumer = ?1 AND other.key = deliveries.key AND other.settled_ms IS NULL)
      WHERE consumer = ?1 AND settled_ms IS NULL AND head <> (?2 = 0 OR ordinal = (
        SELECT min(other.ordinal) FROM deliveries other
        WHERE other.consumer = ?1 AND other.key = deliveries.key AND other.settled_ms IS NULL))`),

    insertDelivery: db.query(`
      INSERT INTO deliveries (id, consumer, key, state, head, created_ms)
      VALUES (?1, ?2, ?3, 'ready',
        ?5 = 0 OR NOT EXISTS (SELECT 1 FROM deliveries WHERE consumer = ?2 AND key = ?3 AND settled_ms IS NULL), ?4)
      RETURNING ordinal`),
    insertDeliveryEvent: db.query(`INSERT INTO delivery_events (delivery, seq) VALUES (?, ?)`),
    insertSkip: db.query(`INSERT OR IGNORE INTO skips (consumer, seq, key, reason, at_ms) VALUES (?, ?, ?, ?, ?)`),

    startable: db.query(`
      SELECT ordinal, id, key, attempts, counted FROM deliveries
      WHERE consumer = ? AND state = 'ready' AND head = 1 AND settled_ms IS NULL ORDER BY ordinal LIMIT ?`),
    seqsOf: db.query(`SELECT seq FROM delivery_events WHERE delivery = ? ORDER BY seq`),
    clampDue: db.query(`
      UPDATE deliveries SET due_ms = ?1 WHERE consumer = ?2 AND state = 'backoff' AND due_ms > ?1`),
    wake: db.query(`
      UPDATE deliveries SET state = 'ready', due_ms = NULL
      WHERE consumer = ? AND state = 'backoff' AND due_ms <= ?`),
    nextDue: db.query(`
      SELECT min(due_ms) AS due FROM deliveries WHERE consumer = ? AND state = 'backoff'`),

    delivery: db.query(`SELECT ordinal, consumer, key FROM deliveries WHERE id = ?`),
    begin: db.query(`
      UPDATE deliveries SET state = 'running', reason = NULL, attempts = attempts + 1 WHERE id = ? RETURNING ordinal, attempts`),
    insertAttempt: db.query(`INSERT INTO attempts (delivery, number, started_ms, boot_id) VALUES (?, ?, ?, ?)`),
    noteGroup: db.query(`UPDATE attempts SET group_id = ?, leader_start = ? WHERE delivery = ? AND number = ?`),
    endAttempt: db.query(`
      UPDATE attempts SET duration_ms = ?, outcome = ?, counts = ?, exit_code = ?, signal = ?, stdout = ?, stderr = ?, reason = ?
      WHERE delivery = ? AND number = ?`),
    moveOn: db.query(`
      UPDATE deliveries SET state = ?, reason = ?, due_ms = ?, counted = counted + ?, settled_ms = ? WHERE ordinal = ?`),
    promote: db.query(`
      UPDATE deliveries SET head = 1
      WHERE ordinal = (SELECT min(ordinal) FROM deliveries WHERE consumer = ? AND key = ? AND settled_ms IS NULL)`),
    deleteDeliveryEvents: db.query(`DELETE FROM delivery_events WHERE delivery = ?`),
    deleteAttempts: db.query(`DELETE FROM attempts WHERE delivery = ?`),
    deleteDelivery: db.query(`DELETE FROM deliveries WHERE ordinal = ?`),
    settleAtOnce: db.query(`
      UPDATE deliveries SET state = ?, reason = ?, due_ms = ?, attempts = attempts + 1, counted = counted + ?, settled_ms = ?
      WHERE id = ? RETURNING ordinal, consumer, key, attempts`),
    insertEndedAttempt: db.query(`
      INSERT INTO attempts (delivery, number, started_ms, duration_ms, outcome, counts, exit_code, signal, stdout, stderr, reason)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`),
    unfinished: db.query(`
      SELECT d.id AS deliveryId, d.consumer, a.number, a.boot_id AS bootId, a.group_id AS groupId, a.leader_start AS leaderStart
      FROM attempts a JOIN deliveries d ON d.ordinal = a.delivery WHERE a.outcome IS NULL`),
  };
}
