// What the ledger and the spool look like: whether the file is sound, what waits, how far every group is. Opened for reading alone.
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { pathsOf } from "../config/paths.ts";
import { messageOf } from "../errors.ts";
import { damagedLedgers, damageOf } from "../ledger/damaged.ts";
import type { GroupState } from "../ledger/group-state.ts";
import { openInspection } from "../ledger/inspect.ts";
import { type SpoolState, spoolState } from "../spool/collect.ts";

export type LedgerFacts = {
  path: string;
  /** Null: no daemon has made one yet. */
  sizeBytes: number | null;
  /** Whether all of it was looked through; a large one is only opened. */
  isWhole: boolean;
  damage: string | null;
  /** Why it could not be read, though it may be sound; null: it could. */
  unreadable: string | null;
  /** A daemon met damage: the next start looks through all of it. */
  isSuspect: boolean;
  groups: GroupState[];
  lastSeq: number | null;
  /** Damaged ledgers that were set aside (absolute paths). */
  setAside: string[];
};

/** As much is looked through, at most: 4 ms a MiB from the cache, ten times that from a slow disk. */
const LOOKED_THROUGH_BYTES = 48 * 2 ** 20;

/** Looks at the ledger of a home that exists. Errors: the home cannot be listed. */
export function lookAtLedger(home: string, now: number): LedgerFacts {
  const { ledger: path } = pathsOf(home);
  const sizeBytes = statSync(path, { throwIfNoEntry: false })?.size ?? null;
  const facts: LedgerFacts = {
    path,
    sizeBytes,
    isWhole: sizeBytes !== null && sizeBytes > 0 && sizeBytes <= LOOKED_THROUGH_BYTES,
    damage: null,
    unreadable: null,
    isSuspect: existsSync(join(home, "ledger.suspect")),
    groups: [],
    lastSeq: null,
    setAside: damagedLedgers(home),
  };
  try {
    if (facts.isWhole) facts.damage = damageOf(path, "quick_check");
    if (facts.damage !== null) return facts;
    const inspection = openInspection(path);
    facts.groups = inspection?.groups(now) ?? [];
    facts.lastSeq = inspection?.stream().lastSeq ?? null;
    inspection?.close();
  } catch (error) {
    facts.unreadable = messageOf(error);
  }
  return facts;
}

/** Counts what waits in the spool; null where there is none. Errors: it cannot be listed. */
export function lookAtSpool(home: string, now: number): SpoolState {
  return spoolState(home, now);
}
