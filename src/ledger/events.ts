// The ledger's half for intake: events in, each id once, and out again in order.
//
// Durability: only `append` must survive a power cut, because the spool file is deleted after it; it commits with synchronous
// FULL. The other verbs commit with NORMAL: a power cut may take back the last of them, whole and in order, and the work is
// done once more (at least once).
import type { Event, StoredEvent } from "../event/event.ts";
import { type Firing, firingOf } from "../event/firing.ts";
import type { EventLog } from "../stream/stream.ts";
import { dataLoader, EVENT_COLUMNS, type EventRow, eventOfRow, packData } from "./event-row.ts";
import type { LedgerHandle } from "./handle.ts";

/** What an appended event survives: power (a power cut), full (on macOS too, where fsync alone does not flush the drive), process. */
export type Durability = "power" | "full" | "process";

/** Writes events within a transaction of somebody else's. Gives how many were new. */
export type InsertEvents = (events: readonly Event[]) => number;

/** The intake half, and the insert for those who write events along with something else. */
export function eventLog(ledger: LedgerHandle, durability: Durability): { log: EventLog; insert: InsertEvents } {
  const { db } = ledger;
  const sql = prepare(ledger);
  const load = dataLoader(db);
  const events = (rows: unknown[]): StoredEvent[] => (rows as EventRow[]).map((row) => eventOfRow(row, load));

  // At least the largest seq; more, where the transaction of the last event was undone. Nobody else writes, so mostly it is known
  // without a look that there is nothing to read.
  let lastSeq = (sql.lastSeq.get() as { seq: number }).seq;

  const insert: InsertEvents = (batch) => {
    let added = 0;
    for (const event of batch) {
      const firing = firingOf(event);
      const first = firing === null ? null : firstOf(firing, event.timeMs);
      const { changes, lastInsertRowid } = sql.insert.run(
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
        first === null || first === event.id ? null : first,
        firing?.key ?? null,
        event.contentType,
        packData(event.data),
      );
      added += changes;
      if (changes > 0) lastSeq = Number(lastInsertRowid);
    }
    if (added > 0) sql.count.run(added);
    // crash point: before-commit
    return added;
  };

  /** The id of the first event of a firing, which may be the one that is asked about; null: none yet. */
  const firstOf = ({ key, windowMs }: Firing, timeMs: number): string | null =>
    (sql.firstFiring.get(key, timeMs - windowMs, timeMs + windowMs) as { id: string } | null)?.id ?? null;

  const insertAtomic = ledger.atomic(insert);
  const appendSync = durability === "process" ? "NORMAL" : "FULL";
  if (durability === "full") db.run("PRAGMA fullfsync = ON");

  return {
    insert,
    log: {
      ledgerId: () => (sql.ledgerId.get() as { ledger: string }).ledger,
      append(batch) {
        if (batch.length === 0) return 0;
        db.run(`PRAGMA synchronous = ${appendSync}`);
        try {
          return insertAtomic(batch);
        } finally {
          db.run("PRAGMA synchronous = NORMAL");
        }
      },
      lastSeq: () => (sql.lastSeq.get() as { seq: number }).seq,
      read: (afterSeq, limit) => (afterSeq >= lastSeq ? [] : events(sql.read.all(afterSeq, limit))),
      eventsOf: (seqs) => events(seqs.map((seq) => sql.event.get(seq)).filter((row) => row !== null)),
    },
  };
}

function prepare({ db }: LedgerHandle) {
  return {
    // Not INSERT OR IGNORE: an ignored insert would use up a seq, and lag is counted in seqs.
    insert: db.query(`
      INSERT INTO events
        (id, time_ms, source, type, subject, node, session, agent, tool, tool_use, project, depth, duplicate_of, firing, content_type, data)
      SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16
      WHERE NOT EXISTS (SELECT 1 FROM events WHERE id = ?1)`),
    count: db.query("UPDATE totals SET count = count + ? WHERE name = 'events'"),
    firstFiring: db.query(`
      SELECT id FROM events WHERE firing = ? AND duplicate_of IS NULL AND time_ms BETWEEN ? AND ?
      ORDER BY time_ms DESC LIMIT 1`),
    ledgerId: db.query("SELECT ledger FROM identity"),
    lastSeq: db.query("SELECT coalesce(max(seq), 0) AS seq FROM events"),
    read: db.query(`SELECT ${EVENT_COLUMNS} FROM events WHERE seq > ? ORDER BY seq LIMIT ?`),
    event: db.query(`SELECT ${EVENT_COLUMNS} FROM events WHERE seq = ?`),
  };
}
