// One try at a delivery while it runs, whatever runs it, and the results that need no running.
import type { AttemptResult } from "./outcome.ts";

/** A try under way. `pid` leads its process group; null where nothing of its own runs. `done` never rejects. */
export type Attempt = {
  pid: number | null;
  done: Promise<AttemptResult>;
  /** Ends it early: the outcome is `killed`, unless it has already ended or timed out. May be called again. */
  end(): void;
};

/** Why an attempt that was ended early did not go on. */
export const ENDED_EARLY = "ended by offhook";

/** A result with everything that is not given empty, and whole milliseconds. */
export function resultOf(result: Pick<AttemptResult, "outcome"> & Partial<AttemptResult>): AttemptResult {
  return {
    exitCode: null,
    signal: null,
    stdout: "",
    stderr: "",
    reason: null,
    retryAfterMs: null,
    ...result,
    durationMs: Math.round(result.durationMs ?? 0),
  };
}

/** An attempt that has its result already. */
export function finished(result: AttemptResult): Attempt {
  return { pid: null, done: Promise.resolve(result), end: () => undefined };
}

/** An attempt that could not begin; the reason is one line for people. */
export function notStarted(reason: string): Attempt {
  return finished(resultOf({ outcome: "not-started", reason }));
}
