// A ledger that is damaged: told from one that only cannot be used now, set aside whole, and shown until somebody moved it away.
//
// 1. Each start looks through a ledger that is not large, before anything is taken out of the spool into it.
// 2. A verb meets damage: the daemon ends and leaves a note, because only a fresh process surely holds no part of the file. The
//    next start looks through all of it, whatever its size.
// 3. Only what such a look calls damaged is renamed, with its -wal and -shm, and a new ledger begins in its place.
// A newer version, a lock, a missing permission and an error of the disk are no damage: nothing is touched.
import { Database } from "bun:sqlite";
import {
  closeSync,
  existsSync,
  fsyncSync,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { codeOf, EXIT, messageOf, OffhookError } from "../errors.ts";
import { unreadableCommits } from "./damaged-wal.ts";

const NAME = /^ledger\.damaged-.+\.db$/;
const START_AGAIN =
  "start the daemon (again): offhook consume. It looks through the ledger and sets it aside where it is damaged; what waits in the spool is not lost";

/**
 * A ledger up to this size is looked through at each start, a larger one when there is a reason. Measured from the cache: 4 ms a
 * MiB, and 17 ms with the content of the indexes; ten times that from a slow disk.
 */
const LOOKED_THROUGH_BYTES = 64 * 1024 * 1024;
const CHECKED_BYTES = 16 * 1024 * 1024;

/** Thrown instead of opening a ledger that is none of ours as it is (78). `isCertain`: nothing more needs to be looked at. */
export class DamagedLedger extends OffhookError {
  constructor(
    path: string,
    readonly reason: string,
    readonly isCertain: boolean,
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
  for (const suffix of ["", "-wal", "-shm"]) mustBeFile(path + suffix);
  if (existsSync(path)) lookThrough(path, deps);
  try {
    return deps.open();
  } catch (error) {
    // A damaged header may also say that the file is not to be written.
    if (!isDamage(error) && codeOf(error) !== "SQLITE_READONLY") throw error;
    // Nothing was ever in it: what the disk said while it was made is no damage.
    if (statSync(path, { throwIfNoEntry: false })?.size === 0) throw error;
    const isCertain = error instanceof DamagedLedger && error.isCertain;
    const damage = isCertain ? error.reason : damageOf(path, "integrity_check");
    if (damage === null) throw error;
    setAside(path, damage, deps);
    return deps.open();
  }
}

/** A FIFO would be waited for, and what SQLite says of a directory or a link to nowhere helps nobody. Error: it is no file (78). */
function mustBeFile(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined || leadsToFile(path)) return;
  throw new OffhookError(
    EXIT.config,
    `${path} is not a plain file`,
    "look at what lies there, and move it away; what waits in the spool is not lost",
  );
}

function leadsToFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false; // A link to nowhere, or in a circle.
  }
}

/** Before anything is taken in: an event that goes into a damaged ledger may not come out of it again. */
function lookThrough(path: string, deps: { now(): number; log(line: string): void }): void {
  const isSuspect = existsSync(noteOf(path));
  let damage: string | null;
  let lost: number;
  try {
    const { size } = statSync(path);
    const isLooked = isSuspect || (size > 0 && size <= LOOKED_THROUGH_BYTES);
    damage = isLooked ? damageOf(path, isSuspect || size <= CHECKED_BYTES ? "integrity_check" : "quick_check") : null;
    lost = unreadableCommits(`${path}-wal`);
  } catch {
    return; // It cannot be read now: opening it says why. A note stays for the next start.
  }
  if (damage !== null) setAside(path, damage, deps);
  else if (isSuspect) deps.log("the ledger was looked through, because it seemed damaged: it is sound");
  if (damage === null && lost > 0)
    deps.log(
      `${basename(path)}-wal is damaged: the last ${lost} ${lost === 1 ? "write" : "writes"} to the ledger are lost, with the events and outcomes in them`,
    );
  rmSync(noteOf(path), { recursive: true, force: true });
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

/** What is wrong with a file, by reading all of it; null: nothing. Errors: it cannot be read now. */
export function damageOf(path: string, check: "quick_check" | "integrity_check"): string | null {
  const header = headerDamage(path);
  if (header !== null) return header;
  const db = new Database(path, { readonly: true });
  try {
    db.run("PRAGMA busy_timeout = 5000");
    const [first] = db.query(`PRAGMA ${check}(1)`).values();
    return first?.[0] === "ok" ? null : String(first?.[0]);
  } catch (error) {
    if (isDamage(error)) return messageOf(error);
    throw error;
  } finally {
    db.close();
  }
}

/** SQLite only refuses to write to what says so in its header (bytes 18 and 19 are 1 or 2, sqlite.org/fileformat2.html). */
function headerDamage(path: string): string | null {
  const fd = openSync(path, "r");
  try {
    const start = new Uint8Array(20);
    if (readSync(fd, start, 0, start.length, 0) < start.length) return "it is cut off in its header";
    if (!Buffer.from(start).toString("latin1").startsWith("SQLite format 3")) return "file is not a database";
    const isKnown = [start[18], start[19]].every((version) => version === 1 || version === 2);
    return isKnown ? null : "its header names a format that does not exist";
  } finally {
    closeSync(fd);
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
    "  a new one begins, and every consumer with it: what waits in the spool, and what is published from now on, goes to all",
    "  that want it. What consumers had not done yet of earlier events is only in the damaged file, and is not run by itself;",
    "  dead letters, pauses and cooldowns are forgotten.",
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
