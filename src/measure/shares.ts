// How often each takes part in a race that has only so much time: the quick in every round, the slow in every second, tenth or
// thirtieth, so that one slow command does not cost the quick ones their runs. Pure.

/**
 * For each what a turn costs (ms) the number of rounds of which it takes part in one. Each gets the same share of the time; what
 * the quick leave of theirs goes to the slower. Nobody has fewer than `least` turns in all `rounds`, even if the time is too short.
 */
export function periodsOf(
  costsMs: readonly number[],
  { rounds, limitMs, least }: { rounds: number; limitMs: number; least: number },
): number[] {
  const longest = Math.max(1, Math.floor(rounds / Math.max(1, least)));
  const periods = costsMs.map(() => 1);
  let leftMs = limitMs;
  const byCost = [...costsMs.entries()].toSorted(([, a], [, b]) => a - b);
  for (const [place, [index, costMs]] of byCost.entries()) {
    const shareMs = leftMs / (byCost.length - place);
    const wanted = shareMs > 0 ? Math.ceil((costMs * rounds) / shareMs) : longest;
    const period = Math.min(Math.max(1, wanted), longest);
    periods[index] = period;
    leftMs = Math.max(0, leftMs - (costMs * rounds) / period);
  }
  return periods;
}
