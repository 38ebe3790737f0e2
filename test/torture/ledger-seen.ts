// Reads a ledger with eyes of its own, while a daemon writes it or after its end. Nothing of src/ is used.
import { Database } from "bun:sqlite";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Life } from "./consume.ts";
import { comes } from "./node.ts";
import { namesIn } from "./spool-check.ts";

export type SeenEvent = { seq: number; id: string; session: string | null; type: string };

export type SeenDelivery = {
  id: string;
  consumer: string;
  key: string;
  state: string;
  reason: string | null;
  seqs: number[];
};

/** `counts`: toward retry.max; an attempt that a daemon's end cut off does not. `outcome` null: it runs. */
export type SeenAttempt = {
  deliveryId: string;
  number: number;
  outcome: string | null;
  counts: boolean;
  exitCode: number | null;
  reason: string | null;
};

export type SeenSkip = { consumer: string; seq: number; reason: string };

export type LeftToDo = { spooled: number; undecided: number; unsettled: number };

const NOTHING_LEFT = JSON.stringify({ spooled: 0, undecided: 0, unsettled: 0 } satisfies LeftToDo);

export type LedgerSeen = {
  events: SeenEvent[];
  deliveries: SeenDelivery[];
  attempts: SeenAttempt[];
  skips: SeenSkip[];
  /** What SQLite says of the file: "ok". */
  integrity: string;
};

/** Everything that the ledger of a home has, in order. */
export function readLedger(home: string): LedgerSeen {
  const db = open(home);
  try {
    const seqs = new Map<number, number[]>();
    for (const { delivery, seq } of db.query("SELECT delivery, seq FROM delivery_events ORDER BY seq").all() as {
      delivery: number;
      seq: number;
    }[]) {
      seqs.set(delivery, [...(seqs.get(delivery) ?? []), seq]);
    }
    const deliveries = db
      .query("SELECT ordinal, id, consumer, key, state, reason FROM deliveries ORDER BY ordinal")
      .all() as (Omit<SeenDelivery, "seqs"> & { ordinal: number })[];
    const attempts = db
      .query(
        `SELECT d.id AS deliveryId, a.number, a.outcome, a.counts, a.exit_code AS exitCode, a.reason
         FROM attempts a JOIN deliveries d ON d.ordinal = a.delivery ORDER BY a.delivery, a.number`,
      )
      .all() as (Omit<SeenAttempt, "counts"> & { counts: number })[];
    return {
      events: db.query("SELECT seq, id, session, type FROM events ORDER BY seq").all() as SeenEvent[],
      deliveries: deliveries.map(({ ordinal, ...delivery }) => ({ ...delivery, seqs: seqs.get(ordinal) ?? [] })),
      attempts: attempts.map((attempt) => ({ ...attempt, counts: attempt.counts === 1 })),
      skips: db.query("SELECT consumer, seq, reason FROM skips ORDER BY seq").all() as SeenSkip[],
      integrity: Object.values(db.query("PRAGMA integrity_check").get() as object).join(),
    };
  } finally {
    db.close();
  }
}

/** What is left to do in a home: files in the spool, events that a group has not decided on, deliveries that are not settled. */
export function leftToDo(home: string): LeftToDo {
  const spooled = namesIn(home, "new").length;
  if (!existsSync(join(home, "ledger.db"))) return { spooled, undecided: 0, unsettled: 0 };
  const db = open(home);
  try {
    const counts = db
      .query(
        `SELECT
           (SELECT coalesce(sum((SELECT coalesce(max(seq), 0) FROM events) - cursor), 0) FROM groups) AS undecided,
           (SELECT count(*) FROM deliveries WHERE settled_ms IS NULL) AS unsettled`,
      )
      .get() as Omit<LeftToDo, "spooled">;
    return { spooled, ...counts };
  } finally {
    db.close();
  }
}

/** How often in a row a delivery that is not settled was cut off, of all the most often. */
export function mostCutOffs(home: string): number {
  if (!existsSync(join(home, "ledger.db"))) return 0;
  const db = open(home);
  try {
    const { most } = db
      .query("SELECT coalesce(max(cut_offs), 0) AS most FROM deliveries WHERE settled_ms IS NULL")
      .get() as { most: number };
    return most;
  } finally {
    db.close();
  }
}

/** Waits until nothing is left to do; false: the daemon ended, or nothing moved for half a minute. */
export async function comesToRest(home: string, { end }: Pick<Life, "end">): Promise<boolean> {
  for (let left = "first"; end() === null; ) {
    const isMoving = await comes(() => end() !== null || JSON.stringify(leftToDo(home)) !== left);
    left = JSON.stringify(leftToDo(home));
    if (left === NOTHING_LEFT) return true;
    if (!isMoving) return false;
    await Bun.sleep(100);
  }
  return false;
}

function open(home: string): Database {
  const db = new Database(join(home, "ledger.db"), { readonly: true });
  db.run("PRAGMA busy_timeout = 5000");
  return db;
}
