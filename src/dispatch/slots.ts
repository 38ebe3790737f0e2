// How many commands run at once on this node, over all consumers. No consumer takes the last free slot while it already has
// one: a slow consumer with a high concurrency leaves room for the others.

/** The node's slots for commands. */
export type Slots = {
  /** Whether a consumer that already holds `held` may take one more. */
  isFree(held: number): boolean;
  /** Takes a slot; what it gives must be called once, when the command has ended. */
  take(): () => void;
};

/** Makes `count` slots; `onFree` is called after each release. */
export function makeSlots(count: number, onFree: () => void): Slots {
  let free = count;
  return {
    isFree: (held) => free > (held > 0 && count > 1 ? 1 : 0),
    take() {
      free--;
      return () => {
        free++;
        onFree();
      };
    },
  };
}
