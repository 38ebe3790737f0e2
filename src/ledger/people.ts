// The ledger's half for people: pause, dead letters, replay, forget. Nothing here asks whether a daemon has one of these
// deliveries in hand; who calls does.

import type { NewDelivery, PeopleLog } from "../stream/stream.ts";
import { deliveryInsert } from "./deciding.ts";
import type { LedgerHandle } from "./handle.ts";

/** The verbs of people on an open ledger. */
export function peopleLog(ledger: LedgerHandle): PeopleLog {
  const { now, atomic } = ledger;
  const sql = prepare(ledger);
  const insertDelivery = deliveryInsert(ledger);

  /** Those of the ids that are dead letters, oldest first: the oldest of a key is the first to be tried again. */
  const deadAmong = (ids: readonly string[]): number[] =>
    [...new Set(ids)]
      .flatMap((id) => (sql.dead.get(id) as { ordinal: number } | null)?.ordinal ?? [])
      .sort((a, b) => a - b);

  return {
    setPaused: (consumer, paused) => sql.setPaused.run(paused ? now() : null, consumer).changes > 0,
    retryDead: atomic((deliveryIds: readonly string[]) => {
      const dead = deadAmong(deliveryIds);
      for (const ordinal of dead) sql.retry.run(ordinal);
      return dead.length;
    }),
    purgeDead: atomic((deliveryIds: readonly string[]) => {
      const dead = deadAmong(deliveryIds);
      for (const ordinal of dead) for (const part of sql.purge) part.run(ordinal);
      return dead.length;
    }),
    replay: atomic((consumer: string, ordered: boolean, deliveries: readonly NewDelivery[]) => {
      if (sql.group.get(consumer) === null) throw new Error(`no group ${consumer}`);
      // Whoever asks for the past does not wait for quiet.
      return deliveries.map((delivery) => insertDelivery(consumer, ordered, { ...delivery, hold: null }, true));
    }),
    forget: atomic((consumer: string) => {
      if (sql.group.get(consumer) === null) return false;
      for (const part of sql.forget) part.run(consumer);
      return true;
    }),
  };
}

function prepare({ db }: LedgerHandle) {
  const its = "delivery IN (SELECT ordinal FROM deliveries WHERE consumer = ?)";
  return {
    group: db.query("SELECT 1 FROM groups WHERE consumer = ?"),
    // Since when it is paused stays as it was when it is paused again.
    setPaused: db.query(
      "UPDATE groups SET paused_ms = CASE WHEN ?1 IS NULL THEN NULL ELSE coalesce(paused_ms, ?1) END WHERE consumer = ?2",
    ),
    dead: db.query("SELECT ordinal FROM deliveries WHERE id = ? AND state = 'dead'"),
    retry: db.query(`
      UPDATE deliveries SET state = 'ready', reason = NULL, due_ms = NULL, counted = 0, cut_offs = 0, settled_ms = NULL,
        head = (SELECT ordered = 0 FROM groups WHERE groups.consumer = deliveries.consumer) IS TRUE OR NOT EXISTS (
          SELECT 1 FROM deliveries other
          WHERE other.consumer = deliveries.consumer AND other.key = deliveries.key AND other.settled_ms IS NULL)
      WHERE ordinal = ?`),
    purge: [
      db.query("DELETE FROM delivery_events WHERE delivery = ?"),
      db.query("DELETE FROM attempts WHERE delivery = ?"),
      db.query("DELETE FROM deliveries WHERE ordinal = ?"),
    ],
    forget: [
      db.query(`DELETE FROM delivery_events WHERE ${its}`),
      db.query(`DELETE FROM attempts WHERE ${its}`),
      ...["deliveries", "skips", "skip_counts", "marks", "starts", "forwarding", "groups"].map((table) =>
        db.query(`DELETE FROM ${table} WHERE consumer = ?`),
      ),
    ],
  };
}
