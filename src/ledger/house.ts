// The ledger's half for what the daemon does by itself: what a dead one left, groups without a file, room, and giving up on
// what was held back for too long. What is too long and too much is not decided here (daemon/housekeeping.ts).

import { isConsumerGroup } from "../stream/cluster-group.ts";
import type { HouseLog, Unfinished } from "../stream/stream.ts";
import { expirer } from "./expire.ts";
import type { LedgerHandle } from "./handle.ts";
import { firstPending } from "./pending.ts";
import { pruner } from "./prune.ts";

/** The verbs of housekeeping on an open ledger. */
export function houseLog(ledger: LedgerHandle): HouseLog {
  const { db, now, atomic } = ledger;
  const sql = prepare(ledger);
  const names = (rows: unknown[]) => (rows as { consumer: string }[]).map((row) => row.consumer);
  const usedBytes = () => (sql.usedBytes.get() as { bytes: number }).bytes;

  return {
    unfinished: () =>
      (sql.unfinished.all() as (Omit<Unfinished, "seqs"> & { ordinal: number })[]).map(
        ({ ordinal, ...attempt }): Unfinished => ({
          ...attempt,
          seqs: (sql.seqsOf.all(ordinal) as { seq: number }[]).map((row) => row.seq),
        }),
      ),
    markRemoved: atomic((present: readonly string[]) => {
      for (const consumer of names(sql.present.all())) {
        if (!present.includes(consumer) && isConsumerGroup(consumer)) sql.markRemoved.run(now(), consumer);
      }
    }),
    removedBefore: (ms) => names(sql.removedBefore.all(ms)),
    usedBytes,
    heldBackBytes() {
      const { held, events } = sql.heldBack.get() as { held: number; events: number };
      return events === 0 ? 0 : Math.round(usedBytes() * Math.min(1, held / events));
    },
    prune: pruner(ledger),
    expire: expirer(ledger),
    groupsByPlace: () => names(sql.groupsByPlace.all()),
    close: () => db.close(),
  };
}

function prepare({ db }: LedgerHandle) {
  return {
    unfinished: db.query(`
      SELECT d.ordinal, d.id AS deliveryId, d.consumer, d.key, a.number, d.cut_offs AS cutOffs, a.boot_id AS bootId, a.group_id AS groupId,
        a.leader_start AS leaderStart
      FROM attempts a CROSS JOIN deliveries d ON d.ordinal = a.delivery WHERE a.outcome IS NULL`),
    seqsOf: db.query("SELECT seq FROM delivery_events WHERE delivery = ? ORDER BY seq"),
    present: db.query("SELECT consumer FROM groups WHERE removed_ms IS NULL"),
    markRemoved: db.query("UPDATE groups SET removed_ms = ? WHERE consumer = ?"),
    removedBefore: db.query("SELECT consumer FROM groups WHERE removed_ms < ? ORDER BY removed_ms, consumer"),
    usedBytes: db.query(`
      SELECT (page_count - freelist_count) * page_size AS bytes
      FROM pragma_page_count(), pragma_freelist_count(), pragma_page_size()`),
    // By the share of events that the group furthest behind has not done: sizes are not kept, and adding up a million is slow.
    // It is nearly right where it matters: in a full ledger whatever nobody needs is gone, and the share is nearly all.
    heldBack: db.query(`
      SELECT coalesce(max((SELECT coalesce(max(seq), 0) FROM events) - g.cursor
          + (SELECT count(*) FROM deliveries WHERE consumer = g.consumer AND settled_ms IS NULL)), 0) AS held,
        (SELECT count FROM totals WHERE name = 'events') AS events
      FROM groups g WHERE g.removed_ms IS NULL`),
    groupsByPlace: db.query(`
      SELECT consumer FROM (
        SELECT g.consumer, g.cursor + 1 AS undecided,
          (SELECT min(seq) FROM delivery_events WHERE delivery = ${firstPending("g.consumer")}) AS pending
        FROM groups g WHERE g.removed_ms IS NULL)
      ORDER BY min(undecided, coalesce(pending, undecided)), consumer`),
  };
}
