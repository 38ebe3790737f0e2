// Time that only the test lets pass. Two clocks, as a machine has them: the wall's, which may be set forward or back, and the
// steady one, by which timers run. Knows nothing of offhook.

export type VirtualClock = {
  /** Wall time in ms since 1970. */
  now(): number;
  /** Calls back once after so many ms of steady time; what it gives calls it off. */
  later(ms: number, call: () => void): () => void;
  /** In how many ms the next timer is due; null: none is set. */
  nextInMs(): number | null;
  /** Goes to the first timer that is due within so many ms and calls it; false when there is none: then all of them have passed. */
  passUntilTimer(ms: number): { passedMs: number } | null;
  /** Sets the wall clock forward, or back; no timer notices. */
  step(ms: number): void;
  /** Forgets all timers: their process is dead. */
  dropTimers(): void;
};

type Timer = { dueMs: number; number: number; call: () => void };

/** A clock that shows `startMs`. Timers that are due at the same time are called in the order in which they were set. */
export function makeVirtualClock(startMs: number): VirtualClock {
  let steadyMs = 0;
  let offsetMs = startMs;
  let count = 0;
  const timers = new Set<Timer>();

  const first = (): Timer | null => {
    let found: Timer | null = null;
    for (const timer of timers) {
      if (found === null || timer.dueMs < found.dueMs || (timer.dueMs === found.dueMs && timer.number < found.number))
        found = timer;
    }
    return found;
  };

  return {
    now: () => steadyMs + offsetMs,
    later(ms, call) {
      const timer = { dueMs: steadyMs + Math.max(0, Math.ceil(ms)), number: count++, call };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    nextInMs() {
      const next = first();
      return next === null ? null : Math.max(0, next.dueMs - steadyMs);
    },
    passUntilTimer(ms) {
      const next = first();
      if (next === null || next.dueMs > steadyMs + ms) {
        steadyMs += ms;
        return null;
      }
      const passedMs = Math.max(0, next.dueMs - steadyMs);
      steadyMs += passedMs;
      timers.delete(next);
      next.call();
      return { passedMs };
    },
    step(ms) {
      offsetMs += ms;
    },
    dropTimers: () => timers.clear(),
  };
}
