// Reads a ledger back, with eyes of its own: SQL over the file as it lies there, nothing of src/. What a finished home must look
// like, whatever happened to it before, is said here; what a row allows beyond that it says itself.
import { Database } from "bun:sqlite";
import { copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { digestOf, type Sent } from "./publisher.ts";
import { namesIn } from "./spool-check.ts";

/** `name`: the publisher's; `isOwn`: the daemon told it itself. */
export type SeenEvent = { seq: number; id: string; name: string | null; isOwn: boolean; digest: string };
export type SeenDelivery = {
  id: string;
  consumer: string;
  key: string;
  state: string;
  reason: string | null;
  /** How many attempts were begun, and how many of them have an end. */
  attempts: number;
  ended: number;
  seqs: number[];
};
export type SeenGroup = { consumer: string; cursor: number; ok: number; failed: number; skipped: number };

export type LedgerSeen = {
  events: SeenEvent[];
  deliveries: SeenDelivery[];
  groups: SeenGroup[];
  skips: { consumer: string; seq: number; reason: string }[];
  /** What SQLite finds wrong with the file, and what counts in it that does not agree with its rows. */
  wrong: string[];
};

/** Everything in the ledger of a home; null where there is none with tables yet. */
export function readLedger(home: string): LedgerSeen | null {
  const path = join(home, "ledger.db");
  if (!existsSync(path)) return null;
  const db = new Database(path, { readonly: true });
  try {
    db.run("PRAGMA busy_timeout = 5000");
    if (db.query("SELECT 1 FROM sqlite_schema WHERE name = 'groups'").get() === null) return null;
    // One view of everything, while the daemon goes on writing.
    return db.transaction(() => lookAt(db))();
  } finally {
    db.close();
  }
}

/** The same of a home whose daemon was killed, from a copy: looking must not mend what the next daemon is to find. */
export function readDeadLedger(home: string): LedgerSeen | null {
  const copy = mkdtempSync(join(home, "..", "dead-"));
  try {
    for (const name of ["ledger.db", "ledger.db-wal", "ledger.db-shm"])
      if (existsSync(join(home, name))) copyFileSync(join(home, name), join(copy, name));
    return readLedger(copy);
  } finally {
    rmSync(copy, { recursive: true });
  }
}

function lookAt(db: Database): LedgerSeen {
  const all = <T>(sql: string) => db.query(sql).all() as T[];
  const events = all<Omit<SeenEvent, "isOwn" | "digest"> & { source: string; kind: string; data: string | Uint8Array }>(
    "SELECT seq, id, session AS name, source, content_type AS kind, data FROM events ORDER BY seq",
  ).map(({ source, kind, data, ...event }) => {
    const text = typeof data === "string" ? Buffer.from(data) : Bun.zstdDecompressSync(data);
    const bytes = kind === "application/octet-stream" ? Buffer.from(text.toString(), "base64") : text;
    return { ...event, isOwn: source.endsWith("/offhook"), digest: digestOf(bytes) };
  });
  const seqs = Map.groupBy(
    all<{ delivery: number; seq: number }>("SELECT delivery, seq FROM delivery_events ORDER BY seq"),
    (row) => row.delivery,
  );
  const deliveries = all<Omit<SeenDelivery, "seqs"> & { ordinal: number }>(`
    SELECT ordinal, id, consumer, key, state, reason,
      (SELECT count(*) FROM attempts WHERE delivery = ordinal) AS attempts,
      (SELECT count(outcome) FROM attempts WHERE delivery = ordinal) AS ended
    FROM deliveries ORDER BY ordinal`);
  const groups = all<SeenGroup>("SELECT consumer, cursor, ok, failed, skipped FROM groups ORDER BY consumer");
  const skips = all<{ consumer: string; seq: number; reason: string }>("SELECT consumer, seq, reason FROM skips");
  const wrong = all<{ integrity_check: string }>("PRAGMA integrity_check")
    .map((row) => row.integrity_check)
    .filter((text) => text !== "ok")
    .map((text) => `the ledger: ${text}`);
  const [total] = all<{ count: number }>("SELECT count FROM totals WHERE name = 'events'");
  if (total?.count !== events.length) wrong.push(`the ledger counts ${total?.count} events and has ${events.length}`);
  return {
    events,
    deliveries: deliveries.map(({ ordinal, ...row }) => ({
      ...row,
      seqs: (seqs.get(ordinal) ?? []).map((one) => one.seq),
    })),
    groups,
    skips,
    wrong,
  };
}

/** Whether nothing is left to do: no file waits, every group is at the end, every delivery is settled. */
export function isSettled(home: string, consumers: readonly string[]): boolean {
  if (namesIn(home, "new").length > 0) return false;
  const path = join(home, "ledger.db");
  if (!existsSync(path)) return false;
  const db = new Database(path, { readonly: true });
  try {
    db.run("PRAGMA busy_timeout = 5000");
    if (db.query("SELECT 1 FROM sqlite_schema WHERE name = 'totals'").get() === null) return false;
    const left = db
      .query(`SELECT
        (SELECT count(*) FROM deliveries WHERE settled_ms IS NULL) AS pending,
        (SELECT count(*) FROM groups WHERE cursor = (SELECT coalesce(max(seq), 0) FROM events)) AS atEnd`)
      .get() as { pending: number; atEnd: number };
    return left.pending === 0 && left.atEnd >= consumers.length;
  } finally {
    db.close();
  }
}

/**
 * What must hold of a settled home in which nothing fails: each acknowledged event is there whole and once, nobody else's is, each
 * consumer has one delivery of each, which went well, and the counters say the same. One sentence for each thing that does not.
 */
export function wrongWith(
  home: string,
  seen: LedgerSeen,
  told: { sent: ReadonlyMap<string, Sent>; acknowledged: readonly string[]; consumers: readonly string[] },
): string[] {
  const wrong = [...seen.wrong];
  const published = seen.events.filter((event) => !event.isOwn);
  const byName = Map.groupBy(published, (event) => event.name ?? "");
  for (const name of told.acknowledged) if (!byName.has(name)) wrong.push(`${name} was acknowledged and is lost`);
  for (const [name, events] of byName) {
    const sent = told.sent.get(name);
    if (sent === undefined) wrong.push(`nobody sent ${JSON.stringify(name)}`);
    else if (events.some((event) => event.digest !== sent.digest)) wrong.push(`${name} has other bytes than were sent`);
    if (events.length > 1) wrong.push(`${name} is ${events.length} events`);
  }
  for (const consumer of told.consumers) {
    const own = seen.deliveries.filter((delivery) => delivery.consumer === consumer);
    const bySeq = Map.groupBy(
      own.flatMap(({ seqs }) => seqs),
      (seq) => seq,
    );
    for (const { seq, name } of published) {
      const times = bySeq.get(seq)?.length ?? 0;
      if (times !== 1) wrong.push(`${consumer} has ${times} deliveries of ${name}`);
    }
    for (const { id, state, reason } of own)
      if (state !== "ok") wrong.push(`${consumer}: delivery ${id} is ${state} (${reason})`);
    const group = seen.groups.find((one) => one.consumer === consumer);
    const counts = [group?.ok, group?.failed, group?.skipped];
    if (counts.join() !== `${own.length},0,0`)
      wrong.push(`${consumer} counts ok, failed, skipped as ${counts}, of ${own.length}`);
  }
  for (const directory of ["new", "bad"] as const) {
    const names = namesIn(home, directory);
    if (names.length > 0) wrong.push(`spool/${directory} has ${names}`);
  }
  return wrong;
}
