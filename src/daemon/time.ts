// The daemon's clocks beside the wall's: one that nobody sets, and calling back later.

/** Ms of a clock that nobody sets. */
export function steadyNow(): number {
  return performance.now();
}

/** Calls back once after so many ms, unless what it gives is called. */
export function later(ms: number, call: () => void): () => void {
  const timer = setTimeout(call, ms);
  return () => clearTimeout(timer);
}

/** Calls `round` at once, and again each time after as many ms as it gives, until what it gives is called. */
export function inRounds(round: () => number): () => void {
  let callOff = later(0, () => undefined);
  const next = () => {
    callOff = later(round(), next);
  };
  next();
  return () => callOff();
}

/** Lets everything else of this process have its turn. */
export function giveWay(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
