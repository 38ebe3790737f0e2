// What a group remembers of a key, for looking: the same questions as its loop asks, on a ledger that is open for reading only.

import type { Hold } from "../stream/stream.ts";
import { decidingLog } from "./deciding.ts";
import { makeHandle } from "./handle.ts";
import { openForReading } from "./opening.ts";

/** Times in ms since 1970, null for none. */
export type KeyMemory = { acceptedMs: number | null; cooledMs: number | null; hold: Hold | null };

/** What the group of a consumer remembers of a key; nothing where there is no ledger yet. */
export function memoryOf(path: string, consumer: string, key: string): KeyMemory {
  const db = openForReading(path);
  if (db === null) return { acceptedMs: null, cooledMs: null, hold: null };
  try {
    const log = decidingLog(makeHandle(db, Date.now));
    return {
      acceptedMs: log.acceptedMs(consumer, key),
      cooledMs: log.cooledMs(consumer, key),
      hold: log.hold(consumer, key),
    };
  } finally {
    db.close();
  }
}
