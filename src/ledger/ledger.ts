// The stream's SQLite half: the writing verbs. One process holds it, so nothing here waits for another writer.
// Composition only: each half is a file of its own, by who asks.
import type { Database } from "bun:sqlite";
import type { Stream } from "../stream/stream.ts";
import { runningLog } from "./attempts.ts";
import { decidingLog } from "./deciding.ts";
import { type Durability, eventLog } from "./events.ts";
import { forwardLog } from "./forwarding.ts";
import { makeHandle } from "./handle.ts";
import { houseLog } from "./house.ts";
import { openForWriting } from "./opening.ts";
import { peopleLog } from "./people.ts";

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
    ...forwardLog(ledger),
    ...houseLog(ledger),
  };
}
