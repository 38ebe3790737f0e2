// Many runs in, a few figures out. Pure, but for the chance of resampling, which is handed in.
import type { Interval, Spread, Times } from "./shape.ts";

/** What a lane comes to; times in ms. */
export type Summary = { name: string; runs: number; p50Ms: number; p99Ms: number; maxMs: number };

/** The smallest of the values that at least `percent` of them do not exceed (nearest rank); NaN of none. */
export function percentile(values: readonly number[], percent: number): number {
  return ofSorted(sortedOf(values), percent);
}

/** As plain numbers of the machine: of millions that takes a tenth of the time. */
function sortedOf(values: readonly number[]): Float64Array {
  return Float64Array.from(values).sort();
}

function ofSorted(sorted: ArrayLike<number>, percent: number): number {
  const rank = Math.max(1, Math.ceil((sorted.length * percent) / 100));
  return sorted[rank - 1] ?? Number.NaN;
}

/** The figures of one lane. */
export function summaryOf({ name, timesMs }: { name: string; timesMs: readonly number[] }): Summary {
  return {
    name,
    runs: timesMs.length,
    p50Ms: percentile(timesMs, 50),
    p99Ms: percentile(timesMs, 99),
    maxMs: percentile(timesMs, 100),
  };
}

/** Runs in ms and what they come to, in whole microseconds. Throws without a run: there is nothing to say then. */
export function timesOf(timesMs: readonly number[]): Times {
  if (timesMs.length === 0) throw new Error("no run to make figures of");
  const rounded = timesMs.map((ms) => Math.round(ms * 1000) / 1000);
  const sorted = rounded.toSorted((a, b) => a - b);
  return {
    runs: rounded.length,
    p50Ms: ofSorted(sorted, 50),
    p90Ms: ofSorted(sorted, 90),
    p99Ms: ofSorted(sorted, 99),
    maxMs: ofSorted(sorted, 100),
    timesMs: rounded,
  };
}

/** What turns with a figure each come to; of an even number of turns the median is between the two in the middle. Throws without one. */
export function spreadOf(turns: readonly number[]): Spread {
  if (turns.length === 0) throw new Error("no turn to make figures of");
  return {
    median: middleOf(turns),
    least: percentile(turns, 0),
    most: percentile(turns, 100),
    turns: [...turns],
  };
}

/** Turns are few: the lower of two in the middle would be the least of two. */
function middleOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  const [low = Number.NaN, high = Number.NaN] = [sorted[Math.ceil(half) - 1], sorted[Math.floor(half)]];
  return (low + high) / 2;
}

const RESAMPLES = 1000;
const SEED = 0x0ff4_00c1;

/** The ratio of two medians, `of` to `base`, with its 95 % interval by bootstrap (percentile method, Efron 1979). */
export function ratioOf(of: readonly number[], base: readonly number[]): Interval {
  return resampled(of, base, (a, b) => a / b);
}

/** The difference of two medians, `of` less `base`, with its 95 % interval. */
export function differenceOf(of: readonly number[], base: readonly number[]): Interval {
  return resampled(of, base, (a, b) => a - b);
}

/** Both sides are drawn anew, with putting back, RESAMPLES times. The same runs give the same interval: the chance is seeded. */
function resampled(
  of: readonly number[],
  base: readonly number[],
  relation: (of: number, base: number) => number,
): Interval {
  const chance = seeded(SEED);
  const [drawOf, drawBase] = [medianDrawer(of), medianDrawer(base)];
  const values = Array.from({ length: RESAMPLES }, () => relation(drawOf(chance), drawBase(chance)));
  values.sort((a, b) => a - b);
  return {
    value: relation(percentile(of, 50), percentile(base, 50)),
    low: ofSorted(values, 2.5),
    high: ofSorted(values, 97.5),
  };
}

/** Of more values than these not each is drawn: of a soak of a week there are three million. */
const MOST_DRAWN = 20_000;

/** Draws as many of the values as there are and gives their median: how often each was drawn is counted, so nothing is sorted again. */
function medianDrawer(values: readonly number[]): (chance: () => number) => number {
  const sorted = sortedOf(values);
  if (sorted.length > MOST_DRAWN) return medianOfMany(sorted);
  const times = new Uint32Array(sorted.length);
  const half = Math.max(1, Math.ceil(sorted.length / 2));
  return (chance) => {
    times.fill(0);
    for (let drawn = 0; drawn < sorted.length; drawn++) {
      const index = Math.floor(chance() * sorted.length);
      times[index] = (times[index] ?? 0) + 1;
    }
    let at = 0;
    for (let seen = times[0] ?? 0; seen < half && at < sorted.length; ) seen += times[++at] ?? 0;
    return sorted[at] ?? Number.NaN;
  };
}

/**
 * The same by one draw: where the median of n draws stands among n sorted values is the middle of n numbers between 0 and 1, whose
 * distribution (beta) is normal for this many, with a variance of p (1 - p) / (n + 2). Normal by Box and Muller 1958.
 */
function medianOfMany(sorted: ArrayLike<number>): (chance: () => number) => number {
  const { length } = sorted;
  const middle = Math.ceil(length / 2) / (length + 1);
  const deviation = Math.sqrt((middle * (1 - middle)) / (length + 2));
  return (chance) => {
    const normal = Math.sqrt(-2 * Math.log(1 - chance())) * Math.cos(2 * Math.PI * chance());
    return sorted[Math.min(length - 1, Math.max(0, Math.floor((middle + normal * deviation) * length)))] ?? Number.NaN;
  };
}

/** Numbers of 0 to 1 from a seed: mulberry32 (Tommy Ettinger, public domain), its four steps. */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
