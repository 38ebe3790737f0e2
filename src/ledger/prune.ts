// What nobody needs any more goes, oldest first, a bounded piece each time.
//
// 1. Settled deliveries by when they were settled, with their attempts; dead letters by a limit of their own.
// 2. Events with their skips: old enough, decided on by every group, of no delivery that is kept. Never the last one: it tells
//    the largest seq, which lag is counted from. That something expired stays to be read for as long as anything settled.
// What has to stay may lie in front of much that may go (the event of a dead letter). So each walk takes up where the last one
// stopped, and begins anew at its end: what stays is passed once a round, not with every piece.

import type { Pruned, PruneLimits } from "../stream/stream.ts";
import type { LedgerHandle } from "./handle.ts";

/** Rows looked at in one step, and steps of one piece that may bring nothing. */
const STEP = 2_000;
const STEPS = 10;
const DAY_MS = 86_400_000;

/** What a step saw; `goesOn`: whether there may be something beyond its last row. */
type Step<R> = { rows: readonly (R & { goes: number })[]; goesOn: boolean };

/** The verb `prune` on an open ledger. */
export function pruner(ledger: LedgerHandle): (limits: PruneLimits) => Pruned {
  const sql = prepare(ledger);

  const settledWalk = () =>
    makeWalk<Settled, PruneLimits>((after, limits) => {
      const before = bound(limits.settledBeforeMs);
      const deadBefore = bound(limits.deadBeforeMs);
      const from = after ?? { settledMs: Number.MIN_SAFE_INTEGER, ordinal: 0 };
      const rows = sql.settled.all(from.settledMs, from.ordinal, before, deadBefore, STEP) as SettledRow[];
      return { rows, goesOn: rows.length === STEP };
    });
  const settled = settledWalk();
  // Where even dead letters go whatever their age, nothing has to stay, and the oldest is the first.
  const all = settledWalk();
  const events = makeWalk<{ seq: number }, PruneLimits>((after, limits) => {
    const before = bound(limits.settledBeforeMs);
    const rows = sql.events.all(after?.seq ?? 0, before, ledger.now() + DAY_MS, STEP) as EventRow[];
    // Times are not quite in the order of the stream; so many in a row that are young are taken for its young end.
    return { rows, goesOn: rows.length === STEP && rows.some((row) => row.isYoung === 0) };
  });

  return ledger.atomic((limits: PruneLimits) => {
    const deliveries = (limits.deadBeforeMs === null ? all : settled)(limits, limits.most);
    for (const { ordinal } of deliveries) for (const part of sql.deleteDelivery) part.run(ordinal);
    const gone = events(limits, limits.most);
    for (const { seq } of gone) for (const part of sql.deleteEvent) part.run(seq);
    if (gone.length > 0) sql.count.run(gone.length);
    if (limits.settledBeforeMs !== null) sql.deleteExpired.run(limits.settledBeforeMs, limits.most);
    const deadLetters = deliveries.filter((row) => row.isDead === 1).length;
    return { deliveries: deliveries.length, deadLetters, events: gone.length };
  });
}

type Settled = { ordinal: number; settledMs: number; isDead: number };
type SettledRow = Settled & { goes: number };
type EventRow = { seq: number; isYoung: number; goes: number };

/** The next rows that may go, at most `most`; it goes on after the last one that it gave, or after all that had to stay. */
function makeWalk<R, L>(look: (after: R | null, limits: L) => Step<R>): (limits: L, most: number) => R[] {
  let passed: R | null = null;
  return (limits, most) => {
    let isWhole = passed === null;
    for (let step = 0; step < STEPS; step++) {
      const { rows, goesOn } = look(passed, limits);
      const found = rows.filter((row) => row.goes === 1).slice(0, most);
      passed = found.at(-1) ?? rows.at(-1) ?? null;
      if (found.length > 0) return found;
      if (goesOn) continue;
      passed = null;
      // Nothing from there to the end: what was passed earlier may be free by now.
      if (isWhole) break;
      isWhole = true;
    }
    return [];
  };
}

function bound(ms: number | null): number {
  return ms ?? Number.MAX_SAFE_INTEGER;
}

function prepare({ db }: LedgerHandle) {
  return {
    settled: db.query(`
      SELECT ordinal, settled_ms AS settledMs, state = 'dead' AS isDead, settled_ms < CASE state WHEN 'dead' THEN ?4 ELSE ?3 END AS goes
      FROM deliveries
      WHERE settled_ms IS NOT NULL AND (settled_ms, ordinal) > (?1, ?2) AND settled_ms < max(?3, ?4)
      ORDER BY settled_ms, ordinal LIMIT ?5`),
    // What a wrong clock has dated ahead says nothing about how young those behind it are.
    events: db.query(`
      SELECT seq, time_ms >= ?2 AND time_ms < ?3 AS isYoung,
        time_ms < ?2 AND NOT EXISTS (SELECT 1 FROM delivery_events WHERE delivery_events.seq = events.seq) AS goes
      FROM events
      WHERE seq > ?1 AND seq < (SELECT max(seq) FROM events)
        AND seq <= (SELECT coalesce(min(cursor), ${Number.MAX_SAFE_INTEGER}) FROM groups WHERE removed_ms IS NULL)
      ORDER BY seq LIMIT ?4`),
    deleteDelivery: [
      db.query("DELETE FROM delivery_events WHERE delivery = ?"),
      db.query("DELETE FROM attempts WHERE delivery = ?"),
      db.query("DELETE FROM deliveries WHERE ordinal = ?"),
    ],
    deleteEvent: [
      db.query("DELETE FROM skips WHERE seq = ? AND reason <> 'expired'"),
      db.query("DELETE FROM events WHERE seq = ?"),
    ],
    deleteExpired: db.query(`
      DELETE FROM skips WHERE (consumer, seq) IN (
        SELECT consumer, seq FROM skips WHERE reason = 'expired' AND at_ms < ? ORDER BY at_ms LIMIT ?)`),
    count: db.query("UPDATE totals SET count = count - ? WHERE name = 'events'"),
  };
}
