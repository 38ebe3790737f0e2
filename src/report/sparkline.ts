// A figure over time as one line of bars.

const BARS = "▁▂▃▄▅▆▇█";
/** What moves by less than this share of itself is drawn level: a line that jumps would say more than there is. */
const LEVEL_SHARE = 0.05;

/** The least and the most of those that are known; null where none is. */
export function boundsOf(values: readonly (number | null)[]): { least: number; most: number } | null {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (value === null) continue;
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  return least > most ? null : { least, most };
}

/**
 * At most `columns` bars, the lowest for the least value, the highest for the most. Where several values share a bar it shows
 * the `worst` of them, so that no peak is averaged away. `leastSpan`: from the lowest bar to the highest at least so much. A
 * blank: not known then.
 */
export function sparkline(
  values: readonly (number | null)[],
  columns: number,
  worst: "least" | "most",
  leastSpan = 0,
): string {
  const bounds = boundsOf(values);
  if (bounds === null) return "";
  const { least, most } = bounds;
  const span = Math.max(most - least, leastSpan);
  const isLevel = most - least <= LEVEL_SHARE * Math.abs(most);
  const bars = Math.max(1, Math.min(columns, values.length));
  return Array.from({ length: bars }, (_, bar) => {
    const from = Math.floor((bar * values.length) / bars);
    const those = boundsOf(values.slice(from, Math.floor(((bar + 1) * values.length) / bars)));
    if (those === null) return " ";
    if (isLevel) return most === 0 ? BARS[0] : BARS[3];
    return BARS[Math.round(((those[worst] - least) / span) * 7)];
  }).join("");
}
