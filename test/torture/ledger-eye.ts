// What stands in a ledger's file, row by row, while a daemon's core writes it: by a connection of its own, or by the daemon's, which
// sees what is written and not committed yet.
import { Database } from "bun:sqlite";

export type GroupRow = {
  consumer: string;
  cursor: number;
  paused: boolean;
  removed: boolean;
  ok: number;
  findings: number;
  failed: number;
  skipped: number;
};
export type DeliveryRow = {
  id: string;
  place: number;
  consumer: string;
  key: string;
  state: string;
  attempts: number;
  counted: number;
  cutOffs: number;
  replay: boolean;
  head: boolean;
  dueMs: number | null;
  isSettled: boolean;
  seqs: number[];
};
export type SkipRow = { consumer: string; seq: number; key: string; reason: string };
export type MarkRow = { consumer: string; key: string; acceptedMs: number | null; cooledMs: number | null };
export type EventRow = { seq: number; id: string; type: string; depth: number; duplicateOf: string | null };
export type AttemptRow = { delivery: number; attempts: number; unfinished: number };

export type LedgerEye = {
  groups(): GroupRow[];
  /** By place, with their events. */
  deliveriesAfter(place: number): DeliveryRow[];
  skips(): SkipRow[];
  skipCounts(): { consumer: string; reason: string; count: number }[];
  marks(): MarkRow[];
  events(): EventRow[];
  /** The session of each event that a program published: its name, where the test gave it one. */
  names(): Map<number, string>;
  /** Attempts of each delivery, and how many of them have no outcome. */
  attempts(): AttemptRow[];
  /** How many events the ledger says it has. */
  total(): number;
  close(): void;
};

/** Opens a ledger for looking; a database that is given stays open when the eye is closed. */
export function openEye(ledger: string | Database): LedgerEye {
  const db = typeof ledger === "string" ? new Database(ledger, { readonly: true, strict: true }) : ledger;
  const groups = db.query(`
    SELECT consumer, cursor, paused_ms IS NOT NULL AS paused, removed_ms IS NOT NULL AS removed, ok, findings, failed, skipped
    FROM groups ORDER BY consumer`);
  const deliveries = db.query(`
    SELECT id, ordinal AS place, consumer, key, state, attempts, counted, cut_offs AS cutOffs, replay, head, due_ms AS dueMs,
      settled_ms IS NOT NULL AS isSettled,
      (SELECT json_group_array(seq) FROM (SELECT seq FROM delivery_events WHERE delivery = ordinal ORDER BY seq)) AS seqs
    FROM deliveries WHERE ordinal > ? ORDER BY ordinal`);
  const skips = db.query("SELECT consumer, seq, key, reason FROM skips ORDER BY consumer, seq");
  const skipCounts = db.query("SELECT consumer, reason, count FROM skip_counts ORDER BY consumer, reason");
  const marks = db.query(
    "SELECT consumer, key, accepted_ms AS acceptedMs, cooled_ms AS cooledMs FROM marks ORDER BY consumer, key",
  );
  const events = db.query("SELECT seq, id, type, depth, duplicate_of AS duplicateOf FROM events ORDER BY seq");
  const names = db.query("SELECT seq, session FROM events WHERE source LIKE '%/program' ORDER BY seq");
  const attempts = db.query(`
    SELECT delivery, count(*) AS attempts, sum(outcome IS NULL) AS unfinished FROM attempts GROUP BY delivery ORDER BY delivery`);
  const total = db.query("SELECT count FROM totals WHERE name = 'events'");
  return {
    groups: () =>
      (groups.all() as GroupRow[]).map((row) => ({
        ...row,
        paused: Boolean(row.paused),
        removed: Boolean(row.removed),
      })),
    deliveriesAfter: (place) =>
      (deliveries.all(place) as (Omit<DeliveryRow, "seqs"> & { seqs: string })[]).map((row) => ({
        ...row,
        replay: Boolean(row.replay),
        head: Boolean(row.head),
        isSettled: Boolean(row.isSettled),
        seqs: JSON.parse(row.seqs) as number[],
      })),
    skips: () => skips.all() as SkipRow[],
    skipCounts: () => skipCounts.all() as { consumer: string; reason: string; count: number }[],
    marks: () => marks.all() as MarkRow[],
    events: () => events.all() as EventRow[],
    names: () => new Map((names.all() as { seq: number; session: string }[]).map(({ seq, session }) => [seq, session])),
    attempts: () => attempts.all() as AttemptRow[],
    total: () => (total.get() as { count: number }).count,
    close: () => void (typeof ledger === "string" && db.close()),
  };
}
