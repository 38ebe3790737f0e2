// Opening the ledger, for writing and for looking: what may be opened, and how an older file becomes a current one. The
// tables are in tables.ts; the verbs in ledger.ts (writing) and inspect.ts (reading).
import { Database } from "bun:sqlite";
import { chmodSync, existsSync } from "node:fs";
import { dirname } from "node:path";
import { codeOf, EXIT, messageOf, OffhookError } from "../errors.ts";
import { DamagedLedger, isDamage } from "./damaged.ts";
import { refuseNetworkFileSystem } from "./local-disk.ts";
import { wrongWithTables } from "./other-tables.ts";
import { LEDGER_VERSION, LOOKED_AT_VERSION, MIGRATIONS } from "./tables.ts";

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
    const wrong = wrongWithTables(db, version, MIGRATIONS);
    if (wrong !== null) throw new DamagedLedger(path, wrong, true);
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
  if (versionOf(db, path) < LOOKED_AT_VERSION) {
    db.close();
    return null;
  }
  return db;
}

function open(path: string, options: { create?: boolean; readonly?: boolean; strict: boolean }): Database {
  try {
    const db = new Database(path, options);
    // Who writes must go on with everything else meanwhile, and tries again; who looks has nothing else to do.
    db.run(`PRAGMA busy_timeout = ${options.readonly === true ? 5000 : 250}`);
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
    // "unsupported file format": nothing that SQLite ever wrote.
    if (codeOf(error) === "SQLITE_ERROR") throw new DamagedLedger(path, messageOf(error), true);
    throw unusable(`the ledger ${path} cannot be read`, error);
  }
  if (version > LEDGER_VERSION) {
    throw new OffhookError(
      EXIT.config,
      `the ledger ${path} was written by a newer offhook (version ${version}, this one knows ${LEDGER_VERSION})`,
      `install the newer offhook again; nothing was changed. If there never was one, the file is damaged: mv '${path}' '${path}.damaged'`,
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
