// The files of a world's ledger: made empty, left behind by a kill, removed.
import { copyFileSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { openLedger } from "../../src/ledger/ledger.ts";

let empty: Buffer | null = null;

/** Makes a ledger in which nothing is yet: a copy, because making its tables takes longer than many a game. */
export function makeLedger(path: string): void {
  if (empty === null) {
    openLedger(path, { now: () => 0, durability: "process" }).close();
    empty = readFileSync(path);
  }
  writeFileSync(path, empty, { mode: 0o600 });
}

/** Copies a ledger as a kill leaves it: with its write-ahead log, and without the memory that its processes shared. */
export function copyLedger(from: string, to: string): void {
  for (const end of ["", "-wal"]) if (existsSync(`${from}${end}`)) copyFileSync(`${from}${end}`, `${to}${end}`);
}

export function removeLedger(path: string): void {
  for (const end of ["", "-wal", "-shm"]) rmSync(`${path}${end}`, { force: true });
}
