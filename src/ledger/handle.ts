// What the halves of the ledger share: the open database, the clock, a transaction, and the one rule about heads.
import type { Database, Statement } from "bun:sqlite";

export type LedgerHandle = {
  db: Database;
  /** Wall time in ms since 1970. */
  now(): number;
  /** Makes a transaction of a function, or a part of the one that is open. */
  atomic<A extends unknown[], R>(work: (...args: A) => R): (...args: A) => R;
  /** Runs a function as one transaction. */
  together<R>(work: () => R): R;
  /** After a delivery is settled or gone: the next pending one of its key is first now. */
  promote(consumer: string, key: string): void;
};

/** The handle of an open ledger. */
export function makeHandle(db: Database, now: () => number): LedgerHandle {
  // Looked for first: an UPDATE by this expression takes twice as long, also where it finds no row.
  const first = db.query(`SELECT ordinal, head FROM deliveries WHERE ordinal = ${firstOfKey("?1", "?2")}`);
  const setHead = db.query("UPDATE deliveries SET head = 1 WHERE ordinal = ?");
  // IMMEDIATE: who begins with reading and then writes is refused at once, and not made to wait, when another process has
  // the write lock. Commands that only look take it for a moment too, when they meet a half-written index of the WAL.
  const together = db.transaction((work: () => unknown) => work()).immediate as <R>(work: () => R) => R;
  return {
    db,
    now,
    together,
    // A part is no savepoint: an error of it undoes the whole.
    atomic:
      (work) =>
      (...args) =>
        db.inTransaction ? work(...args) : together(() => work(...args)),
    promote(consumer, key) {
      const row = first.get(consumer, key) as { ordinal: number; head: number } | null;
      if (row?.head === 0) setHead.run(row.ordinal);
    },
  };
}

/**
 * An SQL expression: the ordinal of a key's first pending delivery, or null; `consumer` and `key` are expressions. One that runs
 * is first: an older one may have joined behind it (a dead letter that is tried again), and must not overlap it.
 */
export function firstOfKey(consumer: string, key: string): string {
  const others = `other.consumer = ${consumer} AND other.key = ${key} AND other.settled_ms IS NULL`;
  // Few run at once, many may wait: each look has its index.
  return `coalesce(
    (SELECT min(ordinal) FROM deliveries other INDEXED BY deliveries_startable WHERE ${others} AND other.state = 'running'),
    (SELECT min(ordinal) FROM deliveries other INDEXED BY deliveries_key WHERE ${others}))`;
}

/** A query over one consumer's rows with a LIMIT. */
export type ConsumerQuery = (consumer: string, limit: number) => Statement;

/**
 * Makes that query: one statement for each consumer and limit, both written into it. `sql` is given the name as a literal. Where a
 * bound value meets ORDER BY or LIMIT, SQLite plans a statement anew each time that it is bound (sqlite3_bind_*: the planner has looked
 * at it), which takes ten times as long as finding one row by an index.
 */
export function consumerQuery(db: Database, sql: (literal: string) => string): ConsumerQuery {
  const statements = new Map<string, Statement>();
  return (consumer, limit) => {
    const name = `${limit} ${consumer}`;
    let statement = statements.get(name);
    if (statement === undefined) {
      statement = db.prepare(`${sql(`'${consumer.replaceAll("'", "''")}'`)} LIMIT ${Math.trunc(limit)}`);
      statements.set(name, statement);
    }
    return statement;
  };
}

const ID_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";

/** Random bytes for many ids at once: asking for a few each time costs more than all the rest. */
const random = new Uint8Array(12 * 256);
let used = random.length;

/** `d_` and 12 random characters that cannot be mistaken for each other: 60 bits. */
export function newDeliveryId(): string {
  if (used === random.length) {
    crypto.getRandomValues(random);
    used = 0;
  }
  let id = "d_";
  for (const end = used + 12; used < end; used++) id += ID_ALPHABET.charAt((random[used] ?? 0) % 32);
  return id;
}
