// What `prune` (prune.ts) would let go of, for looking: the same rules as one question, and nothing is changed.

import type { Pruned } from "../stream/stream.ts";
import { openForReading } from "./opening.ts";

/** How much was settled before a time and could go; dead letters and their events stay. Null where there is no ledger yet. */
export function prunable(path: string, beforeMs: number): Omit<Pruned, "deadLetters"> | null {
  const db = openForReading(path);
  if (db === null) return null;
  const goes = "d.settled_ms < ?1 AND d.state <> 'dead'";
  try {
    return db
      .query(`
        SELECT (SELECT count(*) FROM deliveries d WHERE d.settled_ms IS NOT NULL AND ${goes}) AS deliveries,
          (SELECT count(*) FROM events e
            WHERE e.time_ms < ?1 AND e.seq < (SELECT max(seq) FROM events)
              AND e.seq <= (SELECT coalesce(min(cursor), ${Number.MAX_SAFE_INTEGER}) FROM groups WHERE removed_ms IS NULL)
              AND NOT EXISTS (
                SELECT 1 FROM delivery_events m JOIN deliveries d ON d.ordinal = m.delivery
                WHERE m.seq = e.seq AND NOT coalesce(${goes}, 0))) AS events`)
      .get(beforeMs) as Omit<Pruned, "deadLetters">;
  } finally {
    db.close();
  }
}
