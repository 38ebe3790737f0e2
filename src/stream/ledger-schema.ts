// The ledger's tables and how an older file becomes a current one. Opening is here; the verbs are in ledger.ts (writing)
// and inspect.ts (reading).
//
// `head` marks a delivery that no earlier one of its key holds back, so that the next one to start is found by index however
// long the queue of one key is. It is kept by the same transactions that make and settle deliveries.
import { Database } from "bun:sqlite";
import { chmodSync, existsSync } from "node:fs";
import { dirname } from "node:path";
import { EXIT, messageOf, OffhookError } from "../errors.ts";
import { DamagedLedger, isDamage } from "./damaged-ledger.ts";
import { refuseNetworkFileSystem } from "./local-disk.ts";

/** The version of the tables below, kept in `user_version`. */
export const LEDGER_VERSION = 2;

const TABLES = `
  CREATE TABLE events (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    id           TEXT NOT NULL UNIQUE,
    time_ms      INTEGER NOT NULL,
    source       TEXT NOT NULL,
    type         TEXT NOT NULL,
    subject      TEXT,
    node         TEXT NOT NULL,
    session      TEXT,
    agent        TEXT,
    tool         TEXT,
    tool_use     TEXT,
    project      TEXT,
    depth        INTEGER NOT NULL,
    duplicate_of TEXT,
    firing       TEXT,             -- the natural key of a hook's firing (event/firing.ts)
    content_type TEXT NOT NULL,
    data         ANY NOT NULL      -- text as it came; a blob is that text, compressed (zstd)
  ) STRICT;
  CREATE INDEX events_firing ON events (firing, time_ms) WHERE firing IS NOT NULL AND duplicate_of IS NULL;
  CREATE INDEX events_session ON events (session, seq);

  CREATE TABLE groups (
    consumer        TEXT PRIMARY KEY,
    cursor          INTEGER NOT NULL,
    began_ms        INTEGER NOT NULL,
    removed_ms      INTEGER,
    ok              INTEGER NOT NULL DEFAULT 0,
    findings        INTEGER NOT NULL DEFAULT 0,
    failed          INTEGER NOT NULL DEFAULT 0,   -- attempts, not deliveries
    skipped         INTEGER NOT NULL DEFAULT 0,
    last_outcome_ms INTEGER
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE deliveries (
    ordinal    INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL UNIQUE,
    consumer   TEXT NOT NULL,
    key        TEXT NOT NULL,
    state      TEXT NOT NULL,
    reason     TEXT,
    head       INTEGER NOT NULL,
    due_ms     INTEGER,
    attempts   INTEGER NOT NULL DEFAULT 0,
    counted    INTEGER NOT NULL DEFAULT 0,
    created_ms INTEGER NOT NULL,
    settled_ms INTEGER               -- null while pending
  ) STRICT;
  CREATE INDEX deliveries_startable ON deliveries (consumer, state, head, ordinal) WHERE settled_ms IS NULL;
  CREATE INDEX deliveries_key ON deliveries (consumer, key, ordinal) WHERE settled_ms IS NULL;
  CREATE INDEX deliveries_due ON deliveries (consumer, due_ms) WHERE state = 'backoff';
  CREATE INDEX deliveries_dead ON deliveries (consumer, ordinal) WHERE state = 'dead';

  CREATE TABLE delivery_events (
    delivery INTEGER NOT NULL REFERENCES deliveries (ordinal),
    seq      INTEGER NOT NULL,
    PRIMARY KEY (delivery, seq)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX delivery_events_seq ON delivery_events (seq);

  CREATE TABLE attempts (
    delivery     INTEGER NOT NULL REFERENCES deliveries (ordinal),
    number       INTEGER NOT NULL,
    started_ms   INTEGER NOT NULL,
    duration_ms  INTEGER,
    outcome      TEXT,               -- null while running
    counts       INTEGER NOT NULL DEFAULT 1,
    exit_code    INTEGER,
    signal       TEXT,
    stdout       TEXT,
    stderr       TEXT,
    reason       TEXT,
    boot_id      TEXT,
    group_id     INTEGER,
    leader_start TEXT,
    PRIMARY KEY (delivery, number)
  ) STRICT;
  CREATE INDEX attempts_unfinished ON attempts (delivery) WHERE outcome IS NULL;

  CREATE TABLE skips (
    consumer TEXT NOT NULL,
    seq      INTEGER NOT NULL,
    key      TEXT NOT NULL,
    reason   TEXT NOT NULL,
    at_ms    INTEGER NOT NULL,
    PRIMARY KEY (consumer, seq)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX skips_seq ON skips (seq);
`;

/**
 * Flow, and what people ask for. A held delivery waits until due_ms. `marks` is what dedup and cooldown remember of a key,
 * `starts` what rate remembers of a group. `totals` spares counting a table of a million rows.
 */
const FLOW = `
  ALTER TABLE groups ADD COLUMN paused_ms INTEGER;
  ALTER TABLE groups ADD COLUMN waiting TEXT;
  ALTER TABLE deliveries ADD COLUMN replay INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE deliveries ADD COLUMN cut_offs INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE deliveries ADD COLUMN opened_ms INTEGER;
  ALTER TABLE deliveries ADD COLUMN file_bytes INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE deliveries ADD COLUMN data_bytes INTEGER NOT NULL DEFAULT 0;
  CREATE INDEX deliveries_held ON deliveries (consumer, due_ms) WHERE state = 'held';
  CREATE INDEX deliveries_settled ON deliveries (settled_ms) WHERE settled_ms IS NOT NULL;

  CREATE TABLE marks (
    consumer    TEXT NOT NULL,
    key         TEXT NOT NULL,
    accepted_ms INTEGER,             -- the event's own time
    cooled_ms   INTEGER,             -- wall time
    PRIMARY KEY (consumer, key)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE starts (
    consumer TEXT NOT NULL,
    at_ms    INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX starts_consumer ON starts (consumer, at_ms);

  CREATE TABLE totals (
    name  TEXT PRIMARY KEY,
    count INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  INSERT INTO totals SELECT 'events', count(*) FROM events;
`;

/** One step per version: the step at index N takes a file of version N to N + 1. */
const MIGRATIONS: readonly string[] = [TABLES, FLOW];

/**
 * Opens the ledger for writing, makes or migrates its tables in one transaction.
 * Errors: a newer file, a network file system, not ours to open (78); DamagedLedger; those of a full or broken disk.
 */
export function openForWriting(path: string): Database {
  refuseNetworkFileSystem(dirname(path));
  const db = open(path, { create: true, strict: true });
  try {
    chmodSync(path, 0o600);
    // Before anything is written: a newer or foreign file stays as it is.
    const version = versionOf(db, path);
    refuseOtherTables(db, path, version);
    db.run("PRAGMA journal_mode = WAL");
    db.run("PRAGMA synchronous = NORMAL");
    db.run("PRAGMA journal_size_limit = 67108864");
    if (version < LEDGER_VERSION) {
      db.transaction(() => {
        for (const step of MIGRATIONS.slice(version)) db.run(step);
        db.run(`PRAGMA user_version = ${LEDGER_VERSION}`);
      }).immediate();
    }
    return db;
  } catch (error) {
    // Who sets a damaged file aside must not have it open.
    db.close();
    throw error;
  }
}

/** Opens the ledger for looking; null where there is none yet. Same errors as writing. */
export function openForReading(path: string): Database | null {
  if (!existsSync(path)) return null;
  const db = open(path, { readonly: true, strict: true });
  // A file that a daemon is making right now has no tables yet: as good as none.
  if (versionOf(db, path) < LEDGER_VERSION) {
    db.close();
    return null;
  }
  return db;
}

function open(path: string, options: { create?: boolean; readonly?: boolean; strict: boolean }): Database {
  try {
    const db = new Database(path, options);
    db.run("PRAGMA busy_timeout = 5000");
    return db;
  } catch (error) {
    throw unusable(`cannot open the ledger ${path}`, error);
  }
}

function versionOf(db: Database, path: string): number {
  let version: number;
  try {
    version = (db.query("PRAGMA user_version").get() as { user_version: number }).user_version;
    // A damaged schema is only met by who asks for it.
    db.query("SELECT count(*) FROM sqlite_schema").get();
  } catch (error) {
    if (isDamage(error)) throw new DamagedLedger(path, messageOf(error), false);
    throw unusable(`the ledger ${path} cannot be read`, error);
  }
  if (version > LEDGER_VERSION) {
    throw new OffhookError(
      EXIT.config,
      `the ledger ${path} was written by a newer offhook (version ${version}, this one knows ${LEDGER_VERSION})`,
      "install the newer offhook again; nothing was changed",
    );
  }
  return version;
}

function unusable(what: string, error: unknown): OffhookError {
  const told = new OffhookError(
    EXIT.config,
    `${what}: ${messageOf(error)}`,
    "look at the mode and owner of it and of its directory, and at the disk's free space",
  );
  told.cause = error;
  return told;
}

/** A database of something else, or one whose tables somebody changed; more columns than ours are no harm. */
function refuseOtherTables(db: Database, path: string, version: number): void {
  const model = new Database(":memory:");
  for (const step of MIGRATIONS.slice(0, version)) model.run(step);
  const ours = columnsOf(model);
  const theirs = columnsOf(db);
  model.close();
  const missing = ours.find((column) => !theirs.includes(column));
  if (missing !== undefined) throw new DamagedLedger(path, `it has no ${missing}`, true);
  if (version === 0 && theirs.length > 0) throw new DamagedLedger(path, "it is the database of something else", true);
}

function columnsOf(db: Database): string[] {
  const rows = db
    .query(
      "SELECT t.name AS name, c.name AS part FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table'",
    )
    .all() as { name: string; part: string }[];
  return rows.map(({ name, part }) => `${name}.${part}`);
}
