// The stream's SQLite half: the writing verbs. One process holds it, so nothing here waits for another writer.
// Composition only: each half is a file of its own, by who asks.
import type { Database } from "bun:sqlite";
import { runningLog } from "./ledger-attempts.ts";
import { type Durability, eventLog } from "./ledger-events.ts";
import { decidingLog } from "./ledger-groups.ts";
import { makeHandle } from "./ledger-handle.ts";
import { houseLog } from "./ledger-house.ts";
import { peopleLog } from "./ledger-people.ts";
import { openForWriting } from "./ledger-schema.ts";
import type { Stream } from "./stream.ts";

export type LedgerOptions = {
  /** Wall time in ms since 1970. */
  now(): number;
  durability: Durability;
};

/** Opens the ledger at `path` as this process's own. Errors as openForWriting says. */
export function openLedger(path: string, options: LedgerOptions): Stream {
  return ledgerOn(openForWriting(path), options);
}

/** The ledger in a database that is open for writing already. */
export function ledgerOn(db: Database, { now, durability }: LedgerOptions): Stream {
  const ledger = makeHandle(db, now);
  const { log, insert } = eventLog(ledger, durability);
  return {
    ...log,
    ...decidingLog(ledger),
    ...runningLog(ledger, insert),
    ...peopleLog(ledger),
    ...houseLog(ledger),
  };
}
