// From figures to places on an axis, and the ticks that a reader expects there (1, 2, 5 and their tenfolds). Pure.

export type Scale = {
  readonly kind: "linear" | "log";
  /** In rising order; the first and the last need not be the ends of the axis. */
  readonly ticks: readonly number[];
  /** Where a value is, 0 to 1 of the axis. */
  at(value: number): number;
  /** The value at a place: the other way round. */
  valueAt(place: number): number;
};

/** How much room an axis leaves at both ends, as a share of it: for marks that have a width. */
export type Margin = { before: number; after: number };
const NONE: Margin = { before: 0, after: 0 };

/** An even axis from 0 (or below, where a value is) to a round figure above the largest, with about `wanted` ticks. */
export function linearScale(values: readonly number[], wanted = 4): Scale {
  const [low, high] = [leastOf([0, ...values]), mostOf([0, ...values])];
  const step = roundStep((high - low || wanted) / wanted);
  const from = Math.floor(round(low / step));
  const to = Math.max(Math.ceil(round(high / step)), from + 1);
  const ticks = Array.from({ length: to - from + 1 }, (_, index) => round((from + index) * step));
  return evenly(from * step, to * step, ticks);
}

/** Math.min and Math.max of a list that may be longer than a call can have arguments. */
function leastOf(values: readonly number[]): number {
  return values.reduce((a, b) => Math.min(a, b));
}
function mostOf(values: readonly number[]): number {
  return values.reduce((a, b) => Math.max(a, b));
}

/** An even axis with these ends exactly, and round ticks between them. */
export function spanScale(from: number, to: number, wanted = 5): Scale {
  const step = roundStep((to - from || 1) / wanted);
  const first = Math.ceil(round(from / step));
  const count = Math.floor(round(to / step)) - first + 1;
  const ticks = Array.from({ length: Math.max(0, count) }, (_, index) => round((first + index) * step));
  return evenly(from, to > from ? to : from + 1, ticks);
}

function evenly(from: number, to: number, ticks: readonly number[]): Scale {
  return {
    kind: "linear",
    ticks,
    at: (value) => (value - from) / (to - from),
    valueAt: (place) => from + place * (to - from),
  };
}

/** The smallest of 1, 2, 5 and their tenfolds that is not below `atLeast`. */
function roundStep(atLeast: number): number {
  const power = 10 ** Math.floor(Math.log10(atLeast));
  return power * ([1, 2, 5].find((factor) => factor * power >= atLeast * 0.999_999) ?? 10);
}

/** So that 0.1 * 3 is 0.3: twelve digits, more than any figure here has. */
function round(value: number): number {
  return Number(value.toPrecision(12));
}

/** An axis on which every tenfold is equally long, from a round figure below the smallest to one above the largest. Zero and less
 *  have no place on it: they stand at its beginning. */
export function logScale(values: readonly number[]): Scale {
  const above = values.filter((value) => value > 0);
  const least = above.length === 0 ? 1 : leastOf(above);
  const most = above.length === 0 ? 10 : mostOf(above);
  const from = roundSteps(least).findLast((step) => step <= least * 1.000_001) ?? least;
  let to = roundSteps(most).find((step) => step >= most * 0.999_999) ?? most;
  if (to <= from) to = roundSteps(from).find((step) => step > from * 1.000_001) ?? from * 10;
  const decades = Math.log10(to / from);
  const all = range(Math.floor(Math.log10(from)), Math.ceil(Math.log10(to))).flatMap((power) =>
    (decades > 3.5 ? [1] : [1, 2, 5]).map((factor) => round(factor * 10 ** power)),
  );
  const ticks = [...new Set([from, ...all.filter((tick) => tick > from && tick < to), to])];
  return logarithmic(from, to, ticks, NONE);
}

/** An axis with these figures as its only ticks, every tenfold equally long. */
export function chosenScale(values: readonly number[], margin: Margin): Scale {
  const ticks = [...new Set(values)].sort((a, b) => a - b);
  const [first = 1, last = first] = [ticks[0], ticks.at(-1)];
  const isOne = last <= first;
  return logarithmic(isOne ? first / 2 : first, isOne ? first * 2 : last, ticks, margin);
}

function logarithmic(from: number, to: number, ticks: readonly number[], { before, after }: Margin): Scale {
  const decades = Math.log(to / from);
  const inner = 1 - before - after;
  return {
    kind: "log",
    ticks,
    at: (value) => before + inner * (value <= 0 ? 0 : Math.log(value / from) / decades),
    valueAt: (place) => from * Math.exp(((place - before) / inner) * decades),
  };
}

function roundSteps(near: number): number[] {
  const power = Math.floor(Math.log10(near));
  return [power - 1, power, power + 1].flatMap((exponent) => [1, 2, 5].map((factor) => round(factor * 10 ** exponent)));
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

/** Room that a tick's label takes along the axis, in px: by its text, or the height of a line. */
type Extent = (label: string) => number;

/** Text of 11 px in a wide font (7 px a character), and the gap to the next one. */
export const ALONG: Extent = (label) => 7 * label.length + 8;
export const UPRIGHT: Extent = () => 16;

/** Which ticks can have their label on an axis of `lengthPx` without touching another or leaving it: the tenfolds first, then
 *  the ends, then the rest. A label stands on its tick's middle, but at the very ends it begins or ends there. */
export function labelled(
  scale: Scale,
  lengthPx: number,
  textOf: (tick: number) => string,
  extent: Extent,
): Set<number> {
  const taken: { from: number; to: number }[] = [];
  const kept = new Set<number>();
  for (const tick of scale.ticks.toSorted((a, b) => rankOf(a, scale) - rankOf(b, scale))) {
    const size = extent(textOf(tick));
    const before = { start: 0, middle: size / 2, end: size }[extent === UPRIGHT ? "middle" : anchorOf(scale.at(tick))];
    const from = scale.at(tick) * lengthPx - before;
    const to = from + size;
    if (extent !== UPRIGHT && (from < -4 || to > lengthPx + 4)) continue;
    if (taken.some((other) => from < other.to && other.from < to)) continue;
    taken.push({ from, to });
    kept.add(tick);
  }
  return kept;
}

/** The end of a label that stands at its tick. */
export function anchorOf(place: number): "start" | "middle" | "end" {
  if (place < 0.001) return "start";
  return place > 0.999 ? "end" : "middle";
}

function rankOf(tick: number, scale: Scale): number {
  if (scale.kind === "linear") return tick === 0 ? 0 : 1;
  if (Number.isInteger(round(Math.log10(tick)))) return 0;
  return tick === scale.ticks[0] || tick === scale.ticks.at(-1) ? 1 : 2;
}
