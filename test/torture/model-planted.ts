// Ledgers that are wrong on purpose, each in one thing that a mistake in the code could bring about. The model test has to find
// every one of them: where it does not, it proves nothing.
import type { Database } from "bun:sqlite";
import type { Planted } from "./model-table.ts";

export const PLANTED: Readonly<Record<string, Planted>> = {
  "duplicates extend the window of dedup": (stream) => ({
    ...stream,
    decide(decision) {
      const duplicates = decision.skips.filter((skip) => skip.reason === "duplicate");
      const marks = duplicates.flatMap(({ seq, key }) => {
        const [event] = stream.eventsOf([seq]);
        return event === undefined ? [] : [{ key, timeMs: event.timeMs }];
      });
      stream.decide({ ...decision, accepted: [...decision.accepted, ...marks] });
    },
  }),
  "an outcome does not let the next of its key go": (stream, db) => {
    const forget = `
      UPDATE deliveries SET head = 0 WHERE settled_ms IS NULL AND state <> 'running' AND (consumer, key) IN (
        SELECT consumer, key FROM deliveries WHERE id = ?)`;
    return {
      ...stream,
      settle(deliveryId, ...rest) {
        stream.settle(deliveryId, ...rest);
        change(db, forget, deliveryId);
      },
    };
  },
  "an attempt that the daemon's end cut off counts": (stream) => ({
    ...stream,
    settle: (id, number, end, next, aftermath) => stream.settle(id, number, { ...end, counts: true }, next, aftermath),
  }),
  "a hold that is joined is due when it was": (stream) => ({
    ...stream,
    decide(decision) {
      const joins = decision.joins.map((join) => ({ ...join, dueMs: Math.min(join.dueMs, join.openedMs + 1_000) }));
      stream.decide({ ...decision, joins });
    },
  }),
  "a dead letter that is tried again keeps its count": (stream, db) => {
    const count = "UPDATE deliveries SET counted = attempts WHERE id = ? AND state = 'ready'";
    return {
      ...stream,
      retryDead(ids) {
        const retried = stream.retryDead(ids);
        for (const id of ids) change(db, count, id);
        return retried;
      },
    };
  },
};

/** Changes a row behind the ledger's back. */
function change(db: Database, sql: string, deliveryId: string): void {
  db.query(sql).run(deliveryId);
}
