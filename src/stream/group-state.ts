// Where each group stands: what it has not decided on, what is pending, and its counters. Reads only.
import type { Database } from "bun:sqlite";

/** A group's place and counters since it began; ages and times in ms, null for none. */
export type GroupState = {
  consumer: string;
  lag: number;
  pending: number;
  held: number;
  ready: number;
  running: number;
  backoff: number;
  dead: number;
  ok: number;
  findings: number;
  failed: number;
  skipped: number;
  oldestMs: number | null;
  lastOutcomeMs: number | null;
  removedMs: number | null;
};

/** Groups by name; ages count from `now`. */
export function groupStates(db: Database, now: number): GroupState[] {
  return (db.query(GROUPS).all() as GroupRow[]).map((row) => stateOf(row, now));
}

type GroupRow = Omit<GroupState, "pending" | "oldestMs"> & { oldestTimeMs: number | null };

const STATE_COUNT = (state: string) =>
  `(SELECT count(*) FROM deliveries WHERE consumer = g.consumer AND state = '${state}' AND settled_ms IS NULL) AS ${state}`;

const GROUPS = `
  SELECT g.consumer, g.ok, g.findings, g.failed, g.skipped, g.last_outcome_ms AS lastOutcomeMs, g.removed_ms AS removedMs,
    max(0, (SELECT coalesce(max(seq), 0) FROM events) - g.cursor) AS lag,
    ${["held", "ready", "running", "backoff"].map(STATE_COUNT).join(",\n    ")},
    (SELECT count(*) FROM deliveries WHERE consumer = g.consumer AND state = 'dead') AS dead,
    (SELECT min(time_ms) FROM (
      SELECT * FROM (SELECT time_ms FROM events WHERE seq > g.cursor ORDER BY seq LIMIT 1)
      UNION ALL
      SELECT * FROM (SELECT e.time_ms FROM deliveries d JOIN delivery_events m ON m.delivery = d.ordinal JOIN events e ON e.seq = m.seq
        WHERE d.consumer = g.consumer AND d.settled_ms IS NULL ORDER BY d.ordinal, m.seq LIMIT 1)
    )) AS oldestTimeMs
  FROM groups g ORDER BY g.consumer`;

function stateOf({ oldestTimeMs, ...row }: GroupRow, now: number): GroupState {
  return {
    ...row,
    pending: row.held + row.ready + row.running + row.backoff,
    oldestMs: oldestTimeMs === null ? null : Math.max(0, now - oldestTimeMs),
  };
}
