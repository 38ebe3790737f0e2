// How many commands run at once on this node, over all consumers. No consumer takes the last free slot while it already has
// one: a slow consumer with a high concurrency leaves room for the others.

/** The node's slots for commands. */
export type Slots = {
  /**
   * Whether a consumer that already holds `held`, and is about to take `chosen`, may take one more. Where not, `whenFree` is
   * called once, after the next release.
   */
  isFree(held: number, chosen: number, whenFree: () => void): boolean;
  /** Takes a slot; what it gives must be called once, when the command has ended. */
  take(): () => void;
};

/** Makes `count` slots. */
export function makeSlots(count: number): Slots {
  const waiting = new Set<() => void>();
  let free = count;
  return {
    isFree(held, chosen, whenFree) {
      if (free - chosen > (held + chosen > 0 && count > 1 ? 1 : 0)) return true;
      waiting.add(whenFree);
      return false;
    },
    take() {
      free--;
      return () => {
        free++;
        for (const call of waiting) {
          waiting.delete(call);
          call();
        }
      };
    },
  };
}
