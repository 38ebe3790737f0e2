// The ledger's tables and how an older file becomes a current one. Opening is here; the verbs are in ledger.ts (writing)
// and inspect.ts (reading).
//
// `head` marks a delivery that no earlier one of its key holds back, so that the next one to start is found by index however
// long the queue of one key is. It is kept by the same transactions that make and settle deliveries.
import { Database } from "bun:sqlite";
import { chmodSync, existsSync, statfsSync } from "node:fs";
import { dirname } from "node:path";
import { codeOf, EXIT, messageOf, OffhookError } from "../errors.ts";

/** The version of the tables below, kept in `user_version`. */
export const LEDGER_VERSION = 1;

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

/** One step per version: the step at index N takes a file of version N to N + 1. */
const MIGRATIONS: readonly string[] = [TABLES];

/**
 * Opens the ledger for writing, makes or migrates its tables in one transaction.
 * Errors: a newer file, a file that is no ledger, a network file system (78).
 */
export function openForWriting(path: string): Database {
  refuseNetworkFileSystem(dirname(path));
  const db = open(path, { create: true, strict: true });
  chmodSync(path, 0o600);
  // Before anything is written: a newer or foreign file stays as it is.
  const version = versionOf(db, path);
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

const LOOK_AT_IT = "look at the mode and owner of it and of its directory, and at the disk's free space";

function open(path: string, options: { create?: boolean; readonly?: boolean; strict: boolean }): Database {
  try {
    const db = new Database(path, options);
    db.run("PRAGMA busy_timeout = 5000");
    return db;
  } catch (error) {
    throw new OffhookError(EXIT.config, `cannot open the ledger ${path}: ${messageOf(error)}`, LOOK_AT_IT);
  }
}

function versionOf(db: Database, path: string): number {
  let version: number;
  try {
    version = (db.query("PRAGMA user_version").get() as { user_version: number }).user_version;
  } catch (error) {
    throw new OffhookError(
      EXIT.config,
      `the ledger ${path} cannot be read: ${messageOf(error)}`,
      /^SQLITE_(NOTADB|CORRUPT)/.test(codeOf(error) ?? "")
        ? `set it aside (mv ${path} ${path}.damaged) and start again: waiting events are in the spool and are not affected`
        : LOOK_AT_IT,
    );
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

/** Magic numbers of statfs(2) on Linux for network file systems, where SQLite's WAL does not work. */
const NETWORK_FILE_SYSTEMS = new Map([
  [0x6969, "NFS"],
  [0xff534d42, "CIFS"],
  [0xfe534d42, "SMB2"],
  [0x5346414f, "AFS"],
  [0x00c36400, "Ceph"],
  [0x0bd00bd0, "Lustre"],
]);

function refuseNetworkFileSystem(directory: string): void {
  if (process.platform !== "linux") return;
  const kind = NETWORK_FILE_SYSTEMS.get(statfsSync(directory).type >>> 0);
  if (kind === undefined) return;
  throw new OffhookError(
    EXIT.config,
    `the ledger cannot live on ${kind} (${directory}): SQLite needs a local disk`,
    "set OFFHOOK_HOME to a directory on a local disk, for the hooks too",
  );
}
