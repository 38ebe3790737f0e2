// How many times as much one figure is as another, how sure that is, and what is to be held of it.
//
// - Runs, and turns from five on: the ratio of medians, its 95 % interval by bootstrap (statistics.ts).
// - Three or four turns: too few for an interval. They differ where their ranges lie farther apart than either is wide: of
//   100,000 pairs of three turns of the same figure that was so in fewer than 1 of 100 (normal and with a long tail).
// - One or two: nothing is held.
// - Beside the controls: the intervals of both ratios to their control, joined in the logarithm (MOVER: Zou and Donner 2008).
import type { Comparable } from "./comparable.ts";
import { percentile, ratioOf } from "./statistics.ts";

/** faster, slower: times and rates. less, more: memory, processor time. */
export type Verdict = "same" | "faster" | "slower" | "less" | "more" | "unsure";

/** `low` and `high` are null where there are too few turns; `why` says so, else it is null. `value` null: no ratio (of 0). */
export type Judged = {
  value: number | null;
  low: number | null;
  high: number | null;
  verdict: Verdict;
  why: string | null;
};

type Ratio = { value: number; low: number | null; high: number | null; why: string | null };
export type Relation = Ratio & { a: number; b: number; isSameRuns: boolean; differs: boolean };

const LEAST_FOR_INTERVAL = 5;
const LEAST_FOR_RANGES = 3;
/** What is nearer to 1 is no difference, however sure: two runs on one machine differ by as much. */
const EQUAL = 1.03;
/** Nor is it said to be none where the interval is wider than this. */
const NARROW = 1.05;

/** `b` to `a`. */
export function relationOf(a: Comparable, b: Comparable): Relation {
  const [medianA, medianB] = [percentile(a.values, 50), percentile(b.values, 50)];
  const fewest = Math.min(a.values.length, b.values.length);
  // The very same runs are the same measurement: resampled apart they would seem to be two.
  const isSameRuns = areSame(a.values, b.values);
  const both = { a: medianA, b: medianB, isSameRuns };
  if (fewest >= LEAST_FOR_INTERVAL && a.sort !== "one") {
    return { ...both, ...ratioOf(b.values, a.values), differs: false, why: null };
  }
  const value = medianB / medianA;
  const why = `${a.sort === "one" ? "one figure of each" : `only ${a.values.length} and ${b.values.length} ${a.sort}`}: too few for an interval`;
  const differs = fewest >= LEAST_FOR_RANGES && areFarApart(a.values, b.values);
  return { ...both, value, low: null, high: null, differs, why };
}

/** `b` beside the control of its machine, to `a` beside that of its own. */
export function quotientOf(
  a: Comparable,
  b: Comparable,
  controlA: readonly number[],
  controlB: readonly number[],
): Relation {
  const relation = relationOf(a, b);
  const isSameRuns = relation.isSameRuns && areSame(controlA, controlB);
  const [ofA, ofB] = [ratioOf(a.values, controlA), ratioOf(b.values, controlB)];
  const value = ofB.value / ofA.value;
  if (relation.low === null || Math.min(controlA.length, controlB.length) < LEAST_FOR_INTERVAL) {
    return { ...relation, isSameRuns, value, low: null, high: null, why: "too few runs for an interval" };
  }
  const below = Math.hypot(Math.log(ofB.value / ofB.low), Math.log(ofA.high / ofA.value));
  const above = Math.hypot(Math.log(ofB.high / ofB.value), Math.log(ofA.value / ofA.low));
  return { ...relation, isSameRuns, value, low: value * Math.exp(-below), high: value * Math.exp(above), why: null };
}

/** What is to be held of a relation. */
export function judge(relation: Relation, word: Comparable["word"]): Judged {
  const { value, low, high, why } = relation;
  const verdict = verdictOf(relation, word);
  return { value: known(value), low: known(low), high: known(high), verdict, why };
}

function verdictOf({ value, low, high, isSameRuns, differs }: Relation, word: Comparable["word"]): Verdict {
  if (isSameRuns) return "same";
  if (low === null || high === null) return differs ? inWord(value, word) : "unsure";
  const isApart = low > 1 || high < 1;
  if (isApart && Math.abs(Math.log(value)) > Math.log(EQUAL)) return inWord(value, word);
  return low >= 1 / NARROW && high <= NARROW ? "same" : "unsure";
}

function inWord(value: number, word: Comparable["word"]): Verdict {
  switch (word) {
    case "time":
      return value > 1 ? "slower" : "faster";
    case "rate":
      return value > 1 ? "faster" : "slower";
    case "amount":
      return value > 1 ? "more" : "less";
    default:
      return word satisfies never;
  }
}

/** A ratio of or by 0 is none: JSON has no word for it. */
function known(value: number | null): number | null {
  return value !== null && Number.isFinite(value) ? value : null;
}

function areSame(a: readonly number[], b: readonly number[]): boolean {
  return a.length > 0 && a.length === b.length && a.every((value, index) => value === b[index]);
}

function areFarApart(a: readonly number[], b: readonly number[]): boolean {
  const [leastA, mostA, leastB, mostB] = [Math.min(...a), Math.max(...a), Math.min(...b), Math.max(...b)];
  return Math.max(leastB - mostA, leastA - mostB) > Math.max(mostA - leastA, mostB - leastB);
}
