// The ledger's half for the attempts at a group's deliveries: what may start, what runs, what came of it.

import type { AttemptEnd, Delivery, DeliveryState, GroupLog, LongestWaits, Next, NextDue } from "../stream/stream.ts";
import type { InsertEvents } from "./events.ts";
import { consumerQuery, type LedgerHandle } from "./handle.ts";

/** The verbs of a group's loop that are about running. */
export type RunningLog = Pick<
  GroupLog,
  "startable" | "wake" | "closeHolds" | "begin" | "noteGroup" | "settle" | "settleAtOnce" | "skip"
>;

type Place = { ordinal: number; consumer: string; key: string };
type StartableRow = {
  ordinal: number;
  id: string;
  key: string;
  state: DeliveryState;
  attempts: number;
  counted: number;
  cutOffs: number;
  replay: number;
};

/** Takes a delivery that is in no table yet; null: there is no such. */
export type TakeDelivery = (deliveryId: string) => { consumer: string; key: string } | null;

/**
 * Those verbs on an open ledger; own events are written by `insertEvents`, in the transaction of the outcome. `take`: what ran inside
 * the daemon does not stay when it is settled well, only its counts do, and it may be in no table at all; null: it stays.
 */
export function runningLog(
  ledger: LedgerHandle,
  insertEvents: InsertEvents,
  take: TakeDelivery | null = null,
): RunningLog {
  const { now, atomic } = ledger;
  const sql = prepare(ledger);

  const find = (deliveryId: string): Place => {
    const row = sql.delivery.get(deliveryId) as Place | null;
    if (row === null) throw new Error(`no delivery ${deliveryId}`);
    return row;
  };

  const seqsOf = (ordinal: number) =>
    (sql.seqsOf.all(ordinal) as { seq: number }[]).map((row) => row.seq).sort((a, b) => a - b);

  // Mostly nothing else of the key is pending, which is cheaper to see than which of them is the first.
  const promote = (consumer: string, key: string) => {
    if (sql.anyOfKey.get(consumer, key) !== null) ledger.promote(consumer, key);
  };

  /** What changes in a delivery's row when an attempt ended, in the order of both UPDATEs. */
  const changeOf = (end: AttemptEnd, next: Next) => {
    const isSettled = next.state === "ok" || next.state === "findings" || next.state === "dead";
    const reason = "reason" in next ? next.reason : null;
    const dueMs = next.state === "backoff" ? next.dueMs : null;
    const columns = [next.state, reason, dueMs, end.counts ? 1 : 0, isSettled ? now() : null] as const;
    return { isSettled, columns };
  };

  /** Deletes a delivery with all that it has; gives what was its row. */
  const remove = (deliveryId: string) => {
    const row = sql.removeDelivery.get(deliveryId) as (Place & { attempts: number }) | null;
    if (row === null) return null;
    sql.deleteDeliveryEvents.run(row.ordinal);
    if (row.attempts > 0) sql.deleteAttempts.run(row.ordinal);
    return row;
  };

  const countOutcomes = (consumer: string, end: AttemptEnd, times: number) => {
    const is = (...outcomes: AttemptEnd["outcome"][]) => (end.counts && outcomes.includes(end.outcome) ? times : 0);
    sql.countOutcome.run(is("ok"), is("findings"), is("failed", "killed", "timeout", "not-started"), now(), consumer);
  };

  const wakeDue = atomic((consumer: string, { retryMs, holdMs }: LongestWaits) => {
    // Asked once: what is told to wait must be reckoned from the same moment as what is due.
    const nowMs = now();
    // The clock may have been set back: nobody waits longer than the longest wait from now.
    sql.clampRetries.run(nowMs + retryMs, consumer);
    sql.clampHolds.run(nowMs + holdMs, consumer);
    sql.wake.run(consumer, nowMs);
    // What is due already waits for its turn or a slot, and both bring the group back by themselves.
    return sql.nextDue.get(consumer, nowMs) as Omit<NextDue, "anyWaits">;
  });

  return {
    startable(consumer, limit, { withHeld } = { withHeld: true }) {
      const ready = sql.ready(consumer, limit).all() as StartableRow[];
      const held = withHeld ? (sql.heldDue(consumer, limit).all(now()) as StartableRow[]) : [];
      const rows =
        held.length === 0 ? ready : [...ready, ...held].sort((a, b) => a.ordinal - b.ordinal).slice(0, limit);
      return rows.map(
        ({ ordinal, replay, ...row }): Delivery => ({ ...row, consumer, seqs: seqsOf(ordinal), replay: replay !== 0 }),
      );
    },
    wake(consumer, longest) {
      // Mostly nothing waits, and then nothing is written.
      if (sql.anyDue.get(consumer) === null) return { anyWaits: false, retryInMs: null, holdInMs: null };
      return { anyWaits: true, ...wakeDue(consumer, longest) };
    },
    closeHolds: atomic((deliveryIds: readonly string[]) => {
      for (const id of deliveryIds) sql.closeHold.run(id);
    }),
    begin: atomic((deliveryId: string, bootId: string | null) => {
      const row = sql.begin.get(deliveryId) as { ordinal: number; attempts: number } | null;
      if (row === null) throw new Error(`no delivery ${deliveryId}`);
      sql.insertAttempt.run(row.ordinal, row.attempts, now(), bootId);
      return row.attempts;
    }),
    noteGroup(deliveryId, number, groupId, leaderStart) {
      sql.noteGroup.run(groupId, leaderStart, deliveryId, number);
    },
    settle: atomic((deliveryId, number, end, next, { cools, events }) => {
      const { isSettled, columns } = changeOf(end, next);
      const moved = sql.moveOn.get(...columns, deliveryId) as Place | null;
      if (moved === null) throw new Error(`no delivery ${deliveryId}`);
      const { ordinal, consumer, key } = moved;
      sql.endAttempt.run(...endOf(end), ordinal, number);
      countOutcomes(consumer, end, 1);
      if (isSettled) promote(consumer, key);
      if (cools) sql.cool.run(consumer, key, now());
      insertEvents(events);
    }),
    settleAtOnce: atomic((deliveryIds, end, next, { cools, events }) => {
      const { isSettled, columns } = changeOf(end, next);
      const startedMs = now() - (end.durationMs ?? 0);
      let consumer: string | null = null;
      let hasHeads = true;
      let settled = 0;
      const goes = isSettled && next.state !== "dead" ? take : null;
      for (const id of deliveryIds) {
        const ran =
          goes === null ? (sql.settleAtOnce.get(...columns, id) as (Place & { attempts: number }) | null) : null;
        const row = goes === null ? ran : (goes(id) ?? remove(id));
        if (row === null) continue;
        if (consumer === null) {
          consumer = row.consumer;
          // Asked once for all: where there is no order, everything pending is head.
          hasHeads = sql.unordered.get(consumer) === null;
        }
        settled++;
        if (ran !== null) sql.insertEndedAttempt.run(ran.ordinal, ran.attempts, startedMs, ...endOf(end));
        if (isSettled && hasHeads) promote(row.consumer, row.key);
        if (cools) sql.cool.run(row.consumer, row.key, now());
      }
      if (consumer !== null) countOutcomes(consumer, end, settled);
      insertEvents(events);
    }),
    skip: atomic((deliveryId, reason) => {
      const { ordinal, consumer, key } = find(deliveryId);
      const seqs = seqsOf(ordinal);
      for (const seq of seqs) sql.insertSkip.run(consumer, seq, key, reason, now());
      sql.countSkips.run(seqs.length, consumer);
      sql.deleteDeliveryEvents.run(ordinal);
      sql.deleteAttempts.run(ordinal);
      sql.deleteDelivery.run(ordinal);
      promote(consumer, key);
    }),
  };
}

/** The columns of an ended attempt, in the order of both statements that write them. */
function endOf(end: AttemptEnd): (string | number | null)[] {
  return [
    end.durationMs,
    end.outcome,
    end.counts ? 1 : 0,
    end.exitCode,
    end.signal,
    end.stdout,
    end.stderr,
    end.reason,
  ];
}

function prepare({ db }: LedgerHandle) {
  const columns = "ordinal, id, key, state, attempts, counted, cut_offs AS cutOffs, replay";
  const moved = `
    state = ?1, reason = ?2, due_ms = ?3, counted = counted + ?4, settled_ms = ?5,
    cut_offs = CASE WHEN ?4 THEN 0 ELSE cut_offs + 1 END`;
  return {
    // Each by an index of its own, so that neither a long queue nor many holds are read through. As one UNION they take twice as long.
    ready: consumerQuery(
      db,
      (consumer) => `
      SELECT ${columns} FROM deliveries
      WHERE consumer = ${consumer} AND state = 'ready' AND head = 1 AND settled_ms IS NULL ORDER BY ordinal`,
    ),
    heldDue: consumerQuery(
      db,
      (consumer) => `
      SELECT ${columns} FROM deliveries
      WHERE consumer = ${consumer} AND state = 'held' AND due_ms <= ? AND head = 1 ORDER BY due_ms`,
    ),
    anyOfKey: db.query("SELECT 1 FROM deliveries WHERE consumer = ? AND key = ? AND settled_ms IS NULL LIMIT 1"),
    unordered: db.query("SELECT 1 FROM groups WHERE consumer = ? AND ordered = 0"),
    seqsOf: db.query("SELECT seq FROM delivery_events WHERE delivery = ?"),
    anyDue: db.query(`
      SELECT 1 FROM (SELECT 1 FROM deliveries WHERE consumer = ?1 AND state = 'backoff' LIMIT 1)
      UNION ALL SELECT 1 FROM (SELECT 1 FROM deliveries WHERE consumer = ?1 AND state = 'held' LIMIT 1) LIMIT 1`),
    // The states spelled out, or their indexes are not used.
    clampRetries: db.query(`
      UPDATE deliveries INDEXED BY deliveries_due SET due_ms = ?1 WHERE consumer = ?2 AND state = 'backoff' AND due_ms > ?1`),
    clampHolds: db.query(`
      UPDATE deliveries INDEXED BY deliveries_held SET due_ms = ?1 WHERE consumer = ?2 AND state = 'held' AND due_ms > ?1`),
    wake: db.query(`
      UPDATE deliveries SET state = 'ready', due_ms = NULL WHERE consumer = ? AND state = 'backoff' AND due_ms <= ?`),
    nextDue: db.query(`
      SELECT
        (SELECT min(due_ms) FROM deliveries WHERE consumer = ?1 AND state = 'backoff') - ?2 AS retryInMs,
        (SELECT min(due_ms) FROM deliveries WHERE consumer = ?1 AND state = 'held' AND due_ms > ?2) - ?2 AS holdInMs`),

    closeHold: db.query("UPDATE deliveries SET state = 'ready', due_ms = NULL WHERE id = ? AND state = 'held'"),
    delivery: db.query("SELECT ordinal, consumer, key FROM deliveries WHERE id = ?"),
    begin: db.query(`
      UPDATE deliveries SET state = 'running', reason = NULL, due_ms = NULL, attempts = attempts + 1
      WHERE id = ? RETURNING ordinal, attempts`),
    insertAttempt: db.query("INSERT INTO attempts (delivery, number, started_ms, boot_id) VALUES (?, ?, ?, ?)"),
    noteGroup: db.query(`
      UPDATE attempts SET group_id = ?, leader_start = ?
      WHERE delivery = (SELECT ordinal FROM deliveries WHERE id = ?) AND number = ?`),
    endAttempt: db.query(`
      UPDATE attempts SET duration_ms = ?, outcome = ?, counts = ?, exit_code = ?, signal = ?, stdout = ?, stderr = ?, reason = ?
      WHERE delivery = ? AND number = ?`),
    moveOn: db.query(`UPDATE deliveries SET ${moved} WHERE id = ?6 RETURNING ordinal, consumer, key`),
    settleAtOnce: db.query(`
      UPDATE deliveries SET ${moved}, attempts = attempts + 1 WHERE id = ?6 RETURNING ordinal, consumer, key, attempts`),
    insertEndedAttempt: db.query(`
      INSERT INTO attempts (delivery, number, started_ms, duration_ms, outcome, counts, exit_code, signal, stdout, stderr, reason)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`),
    countOutcome: db.query(`
      UPDATE groups SET ok = ok + ?, findings = findings + ?, failed = failed + ?, last_outcome_ms = ? WHERE consumer = ?`),
    cool: db.query(`
      INSERT INTO marks (consumer, key, cooled_ms) VALUES (?, ?, ?)
      ON CONFLICT DO UPDATE SET cooled_ms = excluded.cooled_ms`),

    insertSkip: db.query("INSERT OR IGNORE INTO skips (consumer, seq, key, reason, at_ms) VALUES (?, ?, ?, ?, ?)"),
    countSkips: db.query("UPDATE groups SET skipped = skipped + ? WHERE consumer = ?"),
    deleteDeliveryEvents: db.query("DELETE FROM delivery_events WHERE delivery = ?"),
    deleteAttempts: db.query("DELETE FROM attempts WHERE delivery = ?"),
    deleteDelivery: db.query("DELETE FROM deliveries WHERE ordinal = ?"),
    removeDelivery: db.query("DELETE FROM deliveries WHERE id = ? RETURNING ordinal, consumer, key, attempts"),
  };
}
