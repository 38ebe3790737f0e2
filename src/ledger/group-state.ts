// Where each group stands: what it has not decided on, what is pending, and its counters. Reads only.
import type { Database } from "bun:sqlite";
import { isConsumerGroup } from "../stream/cluster-group.ts";
import { firstPending, PENDING } from "./pending.ts";

/**
 * A group's place and counters since it began; ages and times in ms, null for none. `waiting`: why its ready deliveries do not
 * start though it is not paused.
 */
export type GroupState = {
  consumer: string;
  paused: boolean;
  waiting: "rate" | null;
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

/** Groups of consumers by name; ages count from `now`. */
export function groupStates(db: Database, now: number): GroupState[] {
  return statesOf(db, now).filter((group) => isConsumerGroup(group.consumer));
}

/** Where the forwarder's group stands, which no consumer has; null: there is none. */
export function forwardState(db: Database, now: number): GroupState | null {
  return statesOf(db, now).find((group) => !isConsumerGroup(group.consumer)) ?? null;
}

function statesOf(db: Database, now: number): GroupState[] {
  return (db.query(GROUPS).all() as GroupRow[]).map((row) => stateOf(row, now));
}

type GroupRow = Omit<GroupState, "paused" | "pending" | "oldestMs"> & { paused: number; oldestTimeMs: number | null };

const STATE_COUNT = (state: string) =>
  `(SELECT count(*) FROM deliveries WHERE consumer = g.consumer AND state = '${state}' AND settled_ms IS NULL) AS ${state}`;

const GROUPS = `
  SELECT g.consumer, g.paused_ms IS NOT NULL AS paused, g.waiting, g.ok, g.findings, g.failed, g.skipped,
    g.last_outcome_ms AS lastOutcomeMs, g.removed_ms AS removedMs,
    max(0, (SELECT coalesce(max(seq), 0) FROM events) - g.cursor) AS lag,
    ${PENDING.map(STATE_COUNT).join(",\n    ")},
    (SELECT count(*) FROM deliveries WHERE consumer = g.consumer AND state = 'dead') AS dead,
    (SELECT min(time_ms) FROM (
      SELECT * FROM (SELECT time_ms FROM events WHERE seq > g.cursor ORDER BY seq LIMIT 1)
      UNION ALL
      SELECT time_ms FROM events WHERE seq = (SELECT min(seq) FROM delivery_events WHERE delivery = ${firstPending("g.consumer")})
    )) AS oldestTimeMs
  FROM groups g ORDER BY g.consumer`;

function stateOf({ oldestTimeMs, paused, ...row }: GroupRow, now: number): GroupState {
  return {
    ...row,
    paused: paused === 1,
    pending: row.held + row.ready + row.running + row.backoff,
    oldestMs: oldestTimeMs === null ? null : Math.max(0, now - oldestTimeMs),
  };
}
