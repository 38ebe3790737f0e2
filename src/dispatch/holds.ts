// Events of one key that come together are one delivery: it is held until the key has been quiet, but never longer than max.
// A hold that is full is due at once, and the next event of its key opens another. Pure: the changes are written elsewhere.
import type { StoredEvent } from "../event/event.ts";
import type { Decision, Hold, NewDelivery } from "../stream/stream.ts";

/** What one delivery takes in at most: how many events, bytes of file names (its arguments) and of data (its stdin). */
export const HOLD_LIMITS = { events: 1_000, fileBytes: 128 * 1024, dataBytes: 8 * 1024 * 1024 };

/** The weight of events in one delivery. */
export type Load = { events: number; fileBytes: number; dataBytes: number };

/** The load with one more event. Each argument of a command ends with a zero byte. */
export function withEvent(load: Load, event: Pick<StoredEvent, "subject" | "data">): Load {
  const fileBytes = event.subject === null ? 0 : Buffer.byteLength(event.subject) + 1;
  return {
    events: load.events + 1,
    fileBytes: load.fileBytes + fileBytes,
    dataBytes: load.dataBytes + event.data.length,
  };
}

/** Whether a load is more than one delivery takes in; one event alone always is a delivery. */
export function isTooMuch(load: Load): boolean {
  return (
    load.events > 1 &&
    (load.events > HOLD_LIMITS.events ||
      load.fileBytes > HOLD_LIMITS.fileBytes ||
      load.dataBytes > HOLD_LIMITS.dataBytes)
  );
}

export type Holds = {
  /** Takes in an event of a key. */
  add(key: string, event: StoredEvent): void;
  /** What came of all that were added. */
  changes(): Pick<Decision, "deliveries" | "joins">;
};

type Open = Load & {
  key: string;
  openedMs: number;
  dueMs: number;
  seqs: number[];
  /** What the ledger has of it already; null: it is new. */
  before: Hold | null;
};

/** Makes the holds of one decision. `holdOf`: the one that a key has in the ledger. Times are ms since 1970. */
export function makeHolds(
  debounce: { quietMs: number; maxMs: number },
  nowMs: number,
  holdOf: (key: string) => Hold | null,
): Holds {
  const open = new Map<string, Open>();
  const full: Open[] = [];

  const openOf = (key: string): Open => {
    const found = open.get(key);
    if (found !== undefined) return found;
    const before = holdOf(key);
    // Opened in the future: the clock was set back since; from here on it waits no longer than any other.
    const openedMs = Math.min(before?.openedMs ?? nowMs, nowMs);
    const { events, fileBytes, dataBytes } = before ?? { events: 0, fileBytes: 0, dataBytes: 0 };
    return { key, openedMs, dueMs: nowMs, seqs: [], before, events, fileBytes, dataBytes };
  };

  return {
    add(key, event) {
      let hold = openOf(key);
      if (isTooMuch(withEvent(hold, event))) {
        full.push({ ...hold, dueMs: nowMs });
        hold = { key, openedMs: nowMs, dueMs: nowMs, seqs: [], before: null, events: 0, fileBytes: 0, dataBytes: 0 };
      }
      Object.assign(hold, withEvent(hold, event));
      hold.seqs.push(event.seq);
      hold.dueMs = Math.min(hold.openedMs + debounce.maxMs, nowMs + debounce.quietMs);
      open.set(key, hold);
    },
    changes() {
      const deliveries: NewDelivery[] = [];
      const joins: Decision["joins"] = [];
      for (const { key, before, seqs, openedMs, dueMs, fileBytes, dataBytes } of [...full, ...open.values()]) {
        if (before === null) deliveries.push({ key, seqs, hold: { openedMs, dueMs, fileBytes, dataBytes } });
        else {
          const more = { fileBytes: fileBytes - before.fileBytes, dataBytes: dataBytes - before.dataBytes };
          joins.push({ deliveryId: before.deliveryId, seqs, openedMs, dueMs, ...more });
        }
      }
      return { deliveries, joins };
    },
  };
}
