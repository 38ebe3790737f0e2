// Many times in, a few figures out. Pure.
import type { Lane } from "./measure.ts";

/** What a lane comes to; times in ms. */
export type Summary = { name: string; runs: number; p50Ms: number; p99Ms: number; maxMs: number };

/** The smallest of the values that at least `percent` of them do not exceed (nearest rank); NaN of none. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const rank = Math.max(1, Math.ceil((sorted.length * percent) / 100));
  return sorted[rank - 1] ?? Number.NaN;
}

/** The figures of one lane. */
export function summaryOf({ name, timesMs }: Lane): Summary {
  return {
    name,
    runs: timesMs.length,
    p50Ms: percentile(timesMs, 50),
    p99Ms: percentile(timesMs, 99),
    maxMs: percentile(timesMs, 100),
  };
}
