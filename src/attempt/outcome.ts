// What an attempt came to, and what follows from it. Pure: the only place that decides between settled, retry and dead letter.

/** How one attempt ended. A closed set: everything that counts or prints outcomes switches over these. */
export type Outcome = "ok" | "findings" | "failed" | "killed" | "timeout" | "not-started";

/** One finished attempt, whatever ran: a command, a request or a builtin. Output is bounded by whoever ran it. */
export type AttemptResult = {
  outcome: Outcome;
  /** Of a command: its exit code. Of a webhook: null. */
  exitCode: number | null;
  /** The signal that ended a command, for instance "SIGKILL". */
  signal: string | null;
  durationMs: number;
  stdout: string;
  stderr: string;
  /** One line for people where there was no exit code to show: "ruff: not found on PATH", "HTTP 503". */
  reason: string | null;
  /** A server's Retry-After: the next attempt waits at least this long. */
  retryAfterMs: number | null;
};

export type RetryPolicy = { max: number; backoffMs: number; maxBackoffMs: number };

/** What becomes of the delivery. `dueInMs` counts from now. */
export type Verdict =
  | { state: "ok" | "findings"; reason: null }
  | { state: "backoff"; reason: string; dueInMs: number }
  | { state: "dead"; reason: string };

/** A worker's exit code that asks for another try (EX_TEMPFAIL of sysexits.h). */
export const EXIT_RETRY = 75;
/** A worker's exit code that gives up at once (qmail-command's "permanent"). */
export const EXIT_DEAD = 100;

/** The outcome of a command that ran to its end; 75 and 100 are failures whose verdict differs. */
export function outcomeOfExit(exitCode: number, findings: readonly number[]): Outcome {
  if (exitCode === 0) return "ok";
  return findings.includes(exitCode) ? "findings" : "failed";
}

/**
 * What follows from an attempt. `counted` is how many attempts count so far, this one included; retry.max is how many more
 * are made after the first. `random` is in [0, 1) and spreads the backoff.
 */
export function verdict(result: AttemptResult, retry: RetryPolicy, counted: number, random: number): Verdict {
  if (result.outcome === "ok" || result.outcome === "findings") return { state: result.outcome, reason: null };
  const reason = reasonOf(result);
  if (result.exitCode === EXIT_DEAD) return { state: "dead", reason };
  if (counted > retry.max) return { state: "dead", reason };
  const waitMs = Math.max(backoffMs(retry, counted, random), result.retryAfterMs ?? 0);
  return { state: "backoff", reason, dueInMs: waitMs };
}

/** After so many attempts in a row that the daemon's own end cut off, the delivery may be what ends it. */
export const MOST_CUT_OFFS = 10;

/** What follows from an attempt that the daemon's own end cut off; `cutOffs` counts those in a row, this one included. */
export function verdictOfCutOff(cutOffs: number): { state: "ready" } | { state: "dead"; reason: string } {
  if (cutOffs < MOST_CUT_OFFS) return { state: "ready" };
  return { state: "dead", reason: `cut off by the daemon's end ${cutOffs} times in a row` };
}

/** Exponential from `backoffMs`, capped at `maxBackoffMs`, the last half of it left to chance so that retries spread. */
export function backoffMs(retry: RetryPolicy, counted: number, random: number): number {
  const full = Math.min(retry.backoffMs * 2 ** Math.max(0, counted - 1), retry.maxBackoffMs);
  return Math.round(full / 2 + (full / 2) * random);
}

/** One line that says why an attempt was no success. */
export function reasonOf(result: AttemptResult): string {
  if (result.reason !== null) return result.reason;
  switch (result.outcome) {
    case "ok":
    case "findings":
      return result.outcome;
    case "failed":
      return `exit ${result.exitCode}`;
    case "killed":
      return `ended by ${result.signal}`;
    case "timeout":
      return "timed out";
    case "not-started":
      return "could not be started";
    default:
      return result.outcome satisfies never;
  }
}
