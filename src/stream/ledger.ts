// The stream's SQLite half: the writing verbs. One process holds it, so nothing here waits for another writer.
//
// Durability: only `append` must survive a power cut, because the spool file is deleted after it; it commits with synchronous
// FULL. The other verbs commit with NORMAL: a power cut may take back the last of them, whole and in order, and the work is
// done once more (at least once).
import type { Event, StoredEvent } from "../event/event.ts";
import { firingOf } from "../event/firing.ts";
import { dataLoader, type EventRow, eventOfRow, packData } from "./event-row.ts";
import { openForWriting } from "./ledger-schema.ts";
import { prepare } from "./ledger-sql.ts";
import type { AttemptEnd, Delivery, GroupOptions, Next, Stream, Unfinished } from "./stream.ts";

type SettledRow = { ordinal: number; consumer: string; key: string; attempts: number };
type DeliveryRow = { ordinal: number; id: string; key: string; attempts: number; counted: number };

export type LedgerOptions = {
  /** Wall time in ms since 1970. */
  now(): number;
  /** What an appended event survives: power (a power cut), full (on macOS too, where fsync alone does not flush the drive), process. */
  durability: "power" | "full" | "process";
};

/** Opens the ledger at `path` as this process's own. Errors as openForWriting says. */
export function openLedger(path: string, { now, durability }: LedgerOptions): Stream {
  const db = openForWriting(path);
  if (durability === "full") db.run("PRAGMA fullfsync = ON");
  const appendSync = durability === "process" ? "NORMAL" : "FULL";
  const sql = prepare(db);
  const load = dataLoader(db);
  const events = (rows: unknown[]): StoredEvent[] => (rows as EventRow[]).map((row) => eventOfRow(row, load));

  // IMMEDIATE: who begins with reading and then writes is refused at once, and not made to wait, when another process has
  // the write lock. Commands that only look take it for a moment too, when they meet a half-written index of the WAL.
  const atomic = <A extends unknown[], R>(work: (...args: A) => R): ((...args: A) => R) =>
    db.transaction(work).immediate;

  const insertEvents = atomic((batch: readonly Event[]) => {
    let added = 0;
    for (const event of batch) {
      const firing = firingOf(event);
      const first =
        firing === null
          ? null
          : (sql.firstFiring.get(firing.key, event.timeMs - firing.windowMs, event.timeMs + firing.windowMs) as {
              id: string;
            } | null);
      const { changes } = sql.insertEvent.run(
        event.id,
        event.timeMs,
        event.source,
        event.type,
        event.subject,
        event.node,
        event.sessionId,
        event.agentId,
        event.tool,
        event.toolUseId,
        event.project,
        event.depth,
        // A second ingest of the same file finds itself: the insert below it is ignored.
        first === null || first.id === event.id ? null : first.id,
        firing?.key ?? null,
        event.contentType,
        packData(event.data),
      );
      added += changes;
    }
    return added;
  });

  /** After a delivery is settled or gone: the next pending one of its key is first now. */
  const promote = (consumer: string, key: string) => sql.promote.run(consumer, key);

  /** What changes in a delivery's row when an attempt ended, in the order of both UPDATEs. */
  const changeOf = (end: AttemptEnd, next: Next) => {
    const isSettled = next.state === "ok" || next.state === "findings" || next.state === "dead";
    const columns: [string, string | null, number | null] = [
      next.state,
      "reason" in next ? next.reason : null,
      next.state === "backoff" ? next.dueMs : null,
    ];
    return { isSettled, columns, counted: end.counts ? 1 : 0, settledMs: isSettled ? now() : null };
  };

  const countOutcomes = (consumer: string, end: AttemptEnd, times: number) => {
    const is = (...outcomes: AttemptEnd["outcome"][]) => (end.counts && outcomes.includes(end.outcome) ? times : 0);
    sql.countOutcome.run(is("ok"), is("findings"), is("failed", "killed", "timeout", "not-started"), now(), consumer);
  };

  const find = (deliveryId: string) => {
    const row = sql.delivery.get(deliveryId) as { ordinal: number; consumer: string; key: string } | null;
    if (row === null) throw new Error(`no delivery ${deliveryId}`);
    return row;
  };

  const wakeDue = atomic((consumer: string, maxBackoffMs: number) => {
    // The clock may have been set back: nobody waits longer than the longest backoff from now.
    sql.clampDue.run(now() + maxBackoffMs, consumer);
    sql.wake.run(consumer, now());
    const { due } = sql.nextDue.get(consumer) as { due: number | null };
    return due === null ? null : Math.max(0, due - now());
  });

  return {
    append(batch) {
      if (batch.length === 0) return 0;
      db.run(`PRAGMA synchronous = ${appendSync}`);
      try {
        return insertEvents(batch);
      } finally {
        db.run("PRAGMA synchronous = NORMAL");
      }
    },
    lastSeq: () => (sql.lastSeq.get() as { seq: number }).seq,
    read: (afterSeq, limit) => events(sql.read.all(afterSeq, limit)),
    eventsOf: (seqs) => events(seqs.map((seq) => sql.event.get(seq)).filter((row) => row !== null)),

    openGroup: atomic((consumer: string, { start, ordered }: GroupOptions) => {
      sql.insertGroup.run(consumer, start === "earliest" ? 0 : (sql.lastSeq.get() as { seq: number }).seq, now());
      sql.resetHeads.run(consumer, ordered ? 1 : 0);
      return (sql.present.get(consumer) as { cursor: number }).cursor;
    }),
    markRemoved: atomic((present: readonly string[]) => {
      for (const { consumer } of sql.groups.all() as { consumer: string }[]) {
        if (!present.includes(consumer)) sql.markRemoved.run(now(), consumer);
      }
    }),
    decide: atomic((decision) => {
      for (const delivery of decision.deliveries) {
        const { ordinal } = sql.insertDelivery.get(
          newDeliveryId(),
          decision.consumer,
          delivery.key,
          now(),
          decision.ordered ? 1 : 0,
        ) as { ordinal: number };
        for (const seq of delivery.seqs) sql.insertDeliveryEvent.run(ordinal, seq);
      }
      for (const skip of decision.skips) sql.insertSkip.run(decision.consumer, skip.seq, skip.key, skip.reason, now());
      if (decision.skips.length > 0) sql.countSkips.run(decision.skips.length, decision.consumer);
      sql.moveCursor.run(decision.cursor, decision.consumer);
    }),

    startable(consumer, limit) {
      const rows = sql.startable.all(consumer, limit) as DeliveryRow[];
      return rows.map(
        (row): Delivery => ({
          id: row.id,
          consumer,
          key: row.key,
          state: "ready",
          seqs: seqsOf(row.ordinal),
          attempts: row.attempts,
          counted: row.counted,
        }),
      );
    },
    wake: (consumer, maxBackoffMs) => {
      // Mostly nothing waits, and then nothing is written.
      if ((sql.nextDue.get(consumer) as { due: number | null }).due === null) return null;
      return wakeDue(consumer, maxBackoffMs);
    },
    begin: atomic((deliveryId: string, bootId: string | null) => {
      const row = sql.begin.get(deliveryId) as { ordinal: number; attempts: number } | null;
      if (row === null) throw new Error(`no delivery ${deliveryId}`);
      sql.insertAttempt.run(row.ordinal, row.attempts, now(), bootId);
      return row.attempts;
    }),
    noteGroup(deliveryId, number, groupId, leaderStart) {
      sql.noteGroup.run(groupId, leaderStart, find(deliveryId).ordinal, number);
    },
    settle: atomic((deliveryId, number, end, next) => {
      const { ordinal, consumer, key } = find(deliveryId);
      const { isSettled, columns, counted, settledMs } = changeOf(end, next);
      sql.endAttempt.run(...endOf(end), ordinal, number);
      sql.moveOn.run(...columns, counted, settledMs, ordinal);
      countOutcomes(consumer, end, 1);
      if (isSettled) promote(consumer, key);
    }),
    settleAtOnce: atomic((deliveryIds, end, next) => {
      const { isSettled, columns, counted, settledMs } = changeOf(end, next);
      const startedMs = now() - (end.durationMs ?? 0);
      for (const id of deliveryIds) {
        const row = sql.settleAtOnce.get(...columns, counted, settledMs, id) as SettledRow | null;
        if (row === null) throw new Error(`no delivery ${id}`);
        sql.insertEndedAttempt.run(row.ordinal, row.attempts, startedMs, ...endOf(end));
        if (isSettled) promote(row.consumer, row.key);
      }
      const first = deliveryIds[0];
      if (first !== undefined) countOutcomes(find(first).consumer, end, deliveryIds.length);
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
    unfinished: () => sql.unfinished.all() as Unfinished[],
    close: () => db.close(),
  };

  function seqsOf(ordinal: number): number[] {
    return (sql.seqsOf.all(ordinal) as { seq: number }[]).map((row) => row.seq);
  }
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

const ID_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";

/** `d_` and 12 random characters that cannot be mistaken for each other: 60 bits. */
export function newDeliveryId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return `d_${Array.from(bytes, (byte) => ID_ALPHABET[byte % 32]).join("")}`;
}
