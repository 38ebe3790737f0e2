// Who may use the daemon's one thread next. Groups ask for a turn and get it in the order they asked; between slices of a few
// milliseconds the loop serves intake, commands and signals. So neither a backlog nor many groups hold anybody up.

/** How long turns may follow each other before the loop looks at everything else. */
const SLICE_MS = 8;

export type Turns = {
  /** Asks for one turn; asking again before it came changes nothing. */
  ask(work: () => void): void;
};

/** Makes the queue of turns of a daemon. */
export function makeTurns(): Turns {
  const waiting = new Set<() => void>();
  let isUnderway = false;
  const take = () => {
    const untilMs = performance.now() + SLICE_MS;
    for (const work of waiting) {
      waiting.delete(work);
      work();
      if (performance.now() >= untilMs) break;
    }
    isUnderway = waiting.size > 0;
    if (isUnderway) setImmediate(take);
  };
  return {
    ask(work) {
      waiting.add(work);
      if (isUnderway) return;
      isUnderway = true;
      setImmediate(take);
    },
  };
}
