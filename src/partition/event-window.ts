// The events that a partition has in memory: those that wait for its decision, in order, and those that its deliveries name.
// No table: what is decided and done within a moment would only pass through it.
import type { StoredEvent } from "../event/event.ts";

export type EventWindow = {
  /** By seq. */
  all: ReadonlyMap<number, StoredEvent>;
  /** Adds one that is to be decided, behind all others. */
  push(event: StoredEvent): void;
  /** Adds one that is not to be decided. */
  keep(event: StoredEvent): void;
  /** To be decided, after a seq, in order. */
  read(afterSeq: number, limit: number): StoredEvent[];
  eventsOf(seqs: readonly number[]): StoredEvent[];
  undecided(cursor: number): number;
  /** Those up to the cursor are decided; gives those that were not known to be. */
  pass(cursor: number): number[];
  isUndecided(seq: number): boolean;
  drop(seq: number): void;
};

/** Makes the window over events that were loaded, all decided. */
export function makeWindow(events: Map<number, StoredEvent>): EventWindow {
  // Ascending; those before `first` are decided.
  let waiting: number[] = [];
  let first = 0;

  /** Where the first seq after this one is. */
  const after = (seq: number): number => {
    let [low, high] = [first, waiting.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((waiting[middle] ?? 0) <= seq) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const eventsOf = (seqs: readonly number[]) => seqs.flatMap((seq) => events.get(seq) ?? []);

  return {
    all: events,
    push(event) {
      events.set(event.seq, event);
      waiting.push(event.seq);
    },
    keep: (event) => void events.set(event.seq, event),
    read(afterSeq, limit) {
      const from = after(afterSeq);
      return from === waiting.length ? [] : eventsOf(waiting.slice(from, from + limit));
    },
    eventsOf,
    undecided: (cursor) => waiting.length - after(cursor),
    pass(cursor) {
      const end = after(cursor);
      const passed = waiting.slice(first, end);
      first = end;
      if (first > 4096 && first * 2 > waiting.length) {
        waiting = waiting.slice(first);
        first = 0;
      }
      return passed;
    },
    isUndecided: (seq) => waiting[after(seq - 1)] === seq,
    drop: (seq) => void events.delete(seq),
  };
}
