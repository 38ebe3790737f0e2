// The attempts of a world's daemon: nothing runs, each ends when and as the test says.
import { type Attempt, resultOf } from "../../src/attempt/attempt.ts";
import type { AttemptResult } from "../../src/attempt/outcome.ts";
import type { Plan } from "../../src/attempt/plan.ts";

/** An attempt under way. */
export type Underway = {
  /** From 0, over all lives of the world. */
  number: number;
  deliveryId: string;
  attempt: number;
  plan: Plan;
  /** Ends it by itself. */
  finish(result: Partial<AttemptResult> & Pick<AttemptResult, "outcome">): void;
};

export type Attempts = {
  start(delivery: { id: string; attempt: number }, plan: Plan): Attempt;
  /** Those that have not ended, in the order in which they began. */
  underway(): Underway[];
  /** Nobody will hear of them any more: their daemon is dead. */
  drop(): void;
};

/**
 * Makes the list of one daemon's life. `onEnd` is told of each end first; `endInside` says how what runs in the daemon ends;
 * `number` gives the next number.
 */
export function makeAttempts(
  number: () => number,
  onEnd: (underway: Underway, result: AttemptResult, isCutOff: boolean) => void,
  endInside: (plan: Plan) => AttemptResult,
): Attempts {
  const all = new Set<Underway>();
  return {
    start({ id, attempt }, plan) {
      const { promise, resolve } = Promise.withResolvers<AttemptResult>();
      const end = (result: AttemptResult, isCutOff: boolean) => {
        if (!all.delete(underway)) return;
        onEnd(underway, result, isCutOff);
        resolve(result);
      };
      const underway: Underway = {
        number: number(),
        deliveryId: id,
        attempt,
        plan,
        finish: (result) => end(resultOf(result), false),
      };
      all.add(underway);
      // As the real ones do it: these have ended before anybody could end them.
      if (plan.kind === "impossible") underway.finish({ outcome: "not-started", reason: plan.reason });
      if (plan.kind === "none" || plan.kind === "log") underway.finish(endInside(plan));
      return { pid: null, done: promise, end: () => end(resultOf({ outcome: "killed", signal: "SIGTERM" }), true) };
    },
    underway: () => [...all],
    drop: () => all.clear(),
  };
}
