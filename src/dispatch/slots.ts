// How many commands run at once on this node, over all consumers. No consumer takes the last free slot while it already has
// one: a slow consumer with a high concurrency leaves room for the others.

/** The node's slots for commands. */
export type Slots = {
  /** Takes a slot for a consumer that already holds `held`; false when it has to wait. */
  take(held: number): boolean;
  /** Gives a slot back and lets those who wait try again. */
  release(): void;
};

/** Makes `count` slots; `onFree` is called after each release. */
export function makeSlots(count: number, onFree: () => void): Slots {
  let free = count;
  return {
    take(held) {
      const reserved = held > 0 && count > 1 ? 1 : 0;
      if (free <= reserved) return false;
      free--;
      return true;
    },
    release() {
      free++;
      onFree();
    },
  };
}
