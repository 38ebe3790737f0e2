// Which deliveries a replay makes of past events. Pure: reading the events and writing the deliveries is somebody else's.
// A debounced consumer gets one delivery of all events of a key, as if they had come together; any other one of each event.
import type { Consumer } from "../config/schema.ts";
import type { StoredEvent } from "../event/event.ts";
import { keyOf } from "../match/key.ts";
import type { NewDelivery } from "../stream/stream.ts";
import { isTooMuch, type Load, withEvent } from "./holds.ts";

export type Replay = {
  /** Takes the next event that is replayed, in the order of the stream. Gives the delivery that is complete now; null: none. */
  take(event: StoredEvent): NewDelivery | null;
  /** The deliveries that were not complete yet, by their first events. Called once, at the end. */
  rest(): NewDelivery[];
};

/** Whether a past event is replayed at all: wanted, not a second firing, and not caused by too many others. */
export function isReplayed(consumer: Consumer, wants: (event: StoredEvent) => boolean, event: StoredEvent): boolean {
  return event.duplicateOf === null && event.depth <= consumer.maxDepth && wants(event);
}

/** Makes the replay of one consumer. */
export function makeReplay(consumer: Consumer): Replay {
  if (consumer.debounce === null)
    return { take: (event) => deliveryOf(keyOf(consumer, event), [event.seq]), rest: () => [] };

  const open = new Map<string, Load & { seqs: number[] }>();
  return {
    take(event) {
      const key = keyOf(consumer, event);
      const before = open.get(key) ?? { seqs: [], events: 0, fileBytes: 0, dataBytes: 0 };
      const load = withEvent(before, event);
      if (!isTooMuch(load)) {
        before.seqs.push(event.seq);
        open.set(key, { ...load, seqs: before.seqs });
        return null;
      }
      // Taken out first: its next delivery begins later than those of other keys that are open.
      open.delete(key);
      open.set(key, { ...withEvent({ events: 0, fileBytes: 0, dataBytes: 0 }, event), seqs: [event.seq] });
      return deliveryOf(key, before.seqs);
    },
    rest: () => Array.from(open, ([key, { seqs }]) => deliveryOf(key, seqs)),
  };
}

function deliveryOf(key: string, seqs: number[]): NewDelivery {
  return { key, seqs, hold: null };
}
