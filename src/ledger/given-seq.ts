// Writing an event under a seq that was given elsewhere (the cluster's stream): for a ledger in memory, never for the node's own.
import type { StoredEvent } from "../event/event.ts";
import { packData } from "./event-row.ts";
import type { LedgerHandle } from "./handle.ts";

/** Brings the table of events to just these, within one transaction; the order of `events` does not matter. */
export type ReplaceEvents = (events: ReadonlyMap<number, StoredEvent>) => void;

/** Makes that verb on a ledger in memory. Two events of one id cannot both be in it: then the first stays. */
export function eventsGiven(ledger: LedgerHandle): ReplaceEvents {
  const { db } = ledger;
  const seqs = db.query("SELECT seq FROM events");
  const remove = db.query("DELETE FROM events WHERE seq = ?");
  const insert = db.query(`
    INSERT OR IGNORE INTO events
      (seq, id, time_ms, source, type, subject, node, session, agent, tool, tool_use, project, depth, duplicate_of, content_type, data)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  const count = db.query("UPDATE totals SET count = (SELECT count(*) FROM events) WHERE name = 'events'");
  return ledger.atomic((events) => {
    const there = new Set((seqs.all() as { seq: number }[]).map(({ seq }) => seq));
    for (const seq of there) if (!events.has(seq)) remove.run(seq);
    for (const [seq, event] of events) if (!there.has(seq)) insert.run(seq, ...columnsOf(event));
    count.run();
  });
}

function columnsOf(event: StoredEvent): (string | number | null | Uint8Array)[] {
  const { id, timeMs, source, type, subject, node, sessionId, agentId, tool, toolUseId, project, depth } = event;
  const ids = [id, timeMs, source, type, subject, node, sessionId, agentId, tool, toolUseId, project, depth];
  return [...ids, event.duplicateOf, event.contentType, packData(event.data)];
}
