// A ledger that is damaged: told from one that only cannot be used now, set aside whole, and shown until somebody moved it away.
//
// 1. A verb meets damage: the daemon ends and leaves a note, because only a fresh process surely holds no part of the file.
// 2. The next start finds the note, or damage of its own, and looks through the whole file on a connection of its own.
// 3. Only what that look calls damaged is renamed, with its -wal and -shm, and a new ledger begins in its place.
// A newer version, a lock, a missing permission and an error of the disk are no damage: nothing is touched.
import { Database } from "bun:sqlite";
import { closeSync, existsSync, fsyncSync, openSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { codeOf, EXIT, messageOf, OffhookError } from "../errors.ts";

const NAME = /^ledger\.damaged-.+\.db$/;
const START_AGAIN =
  "start the daemon (again): offhook consume. It looks through the ledger and sets it aside where it is damaged; what waits in the spool is not lost";

/** Thrown instead of opening a ledger that cannot be one of ours (78). `isForeign`: SQLite reads it, but its tables are others. */
export class DamagedLedger extends OffhookError {
  constructor(
    path: string,
    readonly reason: string,
    readonly isForeign: boolean,
  ) {
    super(EXIT.config, `the ledger ${path} is damaged: ${reason}`, START_AGAIN);
  }
}

/** Whether an error says that the ledger's file itself is not what it should be. */
export function isDamage(error: unknown): boolean {
  return error instanceof DamagedLedger || /^SQLITE_(CORRUPT|NOTADB)/.test(codeOf(error) ?? "");
}

/** Opens the ledger at `path`; a damaged one is set aside first, and said. Errors: those of `open` for any other reason. */
export function openSound<T>(path: string, deps: { open(): T; now(): number; log(line: string): void }): T {
  if (existsSync(noteOf(path))) {
    const damage = existsSync(path) ? damageOf(path) : null;
    if (damage === null) deps.log("the ledger was looked through, because it seemed damaged: it is sound");
    else setAside(path, damage, deps);
    rmSync(noteOf(path), { force: true });
  }
  try {
    return deps.open();
  } catch (error) {
    if (!isDamage(error)) throw error;
    const damage = error instanceof DamagedLedger && error.isForeign ? error.reason : damageOf(path);
    if (damage === null) throw error;
    setAside(path, damage, deps);
    return deps.open();
  }
}

/** What a daemon ends with: damage is noted beside the ledger, for the next start, and told for people; other errors stay. */
export function suspect(path: string, error: unknown): unknown {
  if (!isDamage(error)) return error;
  const message = messageOf(error);
  try {
    writeFileSync(noteOf(path), `${message}\n`, { mode: 0o600 });
  } catch {
    // Without the note the next start meets the same damage and says the same: nothing is lost but time.
  }
  return new OffhookError(EXIT.failed, `the ledger ${path} seems damaged: ${message}`, START_AGAIN);
}

/** The damaged ledgers that lie in a home (absolute paths), oldest first. */
export function damagedLedgers(home: string): string[] {
  return readdirSync(home)
    .filter((name) => NAME.test(name))
    .sort()
    .map((name) => join(home, name));
}

/** What SQLite finds wrong in a file, after reading all of it; null: nothing. Errors: it cannot be read now. */
function damageOf(path: string): string | null {
  const db = new Database(path, { readonly: true });
  try {
    db.run("PRAGMA busy_timeout = 5000");
    const [first] = db.query("PRAGMA integrity_check(1)").all() as { integrity_check: string }[];
    return first?.integrity_check === "ok" ? null : (first?.integrity_check ?? "it says nothing about itself");
  } catch (error) {
    if (isDamage(error)) return messageOf(error);
    throw error;
  } finally {
    db.close();
  }
}

function setAside(path: string, damage: string, { now, log }: { now(): number; log(line: string): void }): void {
  const stamp = new Date(now()).toISOString().replace(/[-:]|\.\d+/g, "");
  let aside = join(dirname(path), `ledger.damaged-${stamp}.db`);
  for (let again = 2; existsSync(aside); again++) aside = join(dirname(path), `ledger.damaged-${stamp}-${again}.db`);
  try {
    // The database first: a -wal without it is nothing, but it without its -wal would pass for an older ledger.
    for (const suffix of ["", "-wal", "-shm"]) if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix);
    syncDirectory(dirname(path));
  } catch (error) {
    throw new OffhookError(
      EXIT.config,
      `the ledger ${path} is damaged (${oneLine(damage)}) and cannot be set aside: ${messageOf(error)}`,
      `move it away: mv '${path}'* elsewhere; what waits in the spool is not lost`,
    );
  }
  log(whatItMeans(aside, oneLine(damage)));
}

/** For the log, which may be all that anybody sees of it. */
function whatItMeans(aside: string, damage: string): string {
  return [
    `the ledger was damaged (${damage}) and is set aside: ${aside}`,
    "  a new one begins. What waits in the spool is all there and goes to every consumer that wants it; what was in the",
    "  damaged ledger is not run again: past events, deliveries that were not done yet, dead letters, pauses and cooldowns.",
    `  to see what can be read of it: sqlite3 ${basename(aside)} .recover > saved.sql (in ${dirname(aside)})`,
    "  then move it away or delete it: until then, status says that a person is needed",
  ].join("\n");
}

function noteOf(path: string): string {
  return join(dirname(path), "ledger.suspect");
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}

/** So that a power cut cannot bring the old names back beside what was put in their place. */
function syncDirectory(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
