// Runs as bars, a lane a line, all over one scale: what is ten times as long stands as far to the right wherever it begins.
// Logarithmic: a hook of 6 ms and one of 2 s are both to be seen.
import { msText } from "./figure-text.ts";
import { cut, type Look } from "./look.ts";

/** Bins of equal width in the logarithm, from `leastMs` to `mostMs`, both inside. */
export type Ruler = { leastMs: number; mostMs: number; bins: number };

/** Shorter runs than this stand in the first bin: a logarithm has no zero. */
const LEAST_MS = 0.001;
const BARS = "▁▂▃▄▅▆▇█";

/** The scale over which all lanes are seen, a little air at both ends. */
export function rulerOf(lanes: readonly (readonly number[])[], bins: number): Ruler {
  let [least, most] = [Number.POSITIVE_INFINITY, LEAST_MS];
  for (const ms of lanes.flat()) {
    least = Math.min(least, Math.max(ms, LEAST_MS));
    most = Math.max(most, ms);
  }
  if (least > most) least = most;
  // Of equal runs too there is something to both sides.
  const air = Math.max(1.02, (most / least) ** 0.02);
  return { leastMs: least / air, mostMs: most * air, bins: Math.max(1, bins) };
}

/** In which bin a run stands, from 0. */
export function binOf(ms: number, { leastMs, mostMs, bins }: Ruler): number {
  const share = Math.log(Math.max(ms, LEAST_MS) / leastMs) / Math.log(mostMs / leastMs);
  return Math.min(bins - 1, Math.max(0, Math.floor(share * bins)));
}

/** How many runs stand in each bin: each run in one. */
export function binsOf(timesMs: readonly number[], ruler: Ruler): number[] {
  const bins = Array.from({ length: ruler.bins }, () => 0);
  for (const ms of timesMs) {
    const bin = binOf(ms, ruler);
    bins[bin] = (bins[bin] ?? 0) + 1;
  }
  return bins;
}

/** Bars of eight heights, the fullest bin the highest; a bin with a single run is seen, an empty one is blank. */
export function barsOf(bins: readonly number[]): string {
  const most = Math.max(...bins);
  return bins.map((runs) => (runs === 0 ? " " : (BARS[Math.ceil((runs / most) * 8) - 1] ?? "█"))).join("");
}

/** Where figures stand on the axis, in ms: as many of 1, 2, 5 and their tens as have room for their text. */
export function ticksOf(ruler: Ruler): number[] {
  for (const steps of [[1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 5], [1, 3], [1]]) {
    const ticks = ticksOn(ruler, steps);
    if (haveRoom(ticks, ruler)) return ticks;
  }
  const tens = ticksOn(ruler, [1]);
  const step = tens.findIndex(
    (_, every) =>
      every > 0 &&
      haveRoom(
        tens.filter((_, index) => index % every === 0),
        ruler,
      ),
  );
  return tens.filter((_, index) => index % Math.max(1, step) === 0);
}

function ticksOn({ leastMs, mostMs }: Ruler, steps: readonly number[]): number[] {
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(leastMs)); 10 ** power <= mostMs; power++) {
    for (const step of steps) {
      const ms = power < 0 ? step / 10 ** -power : step * 10 ** power;
      if (ms >= leastMs && ms <= mostMs) ticks.push(ms);
    }
  }
  return ticks;
}

function haveRoom(ticks: readonly number[], ruler: Ruler): boolean {
  return ticks.every((ms, index) => {
    const next = ticks[index + 1];
    return next === undefined || binOf(ms, ruler) + tickText(ms).length + 2 <= binOf(next, ruler);
  });
}

/** "5 ms", "1 s", not "5.0 ms". */
function tickText(ms: number): string {
  const [value = "", unit = ""] = msText(ms).split(" ");
  return `${Number(value.replaceAll(",", ""))} ${unit}`;
}

/** The axis and its figures, two lines. */
export function axisOf(ruler: Ruler): [string, string] {
  const line = Array.from({ length: ruler.bins }, () => "─");
  let texts = "";
  for (const ms of ticksOf(ruler)) {
    const bin = binOf(ms, ruler);
    line[bin] = "┴";
    const text = tickText(ms);
    // The last one may stand too far to the right for what it says.
    const at = Math.min(bin, ruler.bins - text.length);
    if (at > texts.length || texts === "") texts = texts.padEnd(Math.max(0, at)) + text;
  }
  return [line.join(""), cut(texts, ruler.bins)];
}

/** A histogram for each lane over one axis; names from elsewhere. `isOurs`: the lane that stands out. */
export function histogramLines(
  lanes: readonly { name: string; timesMs: readonly number[]; isOurs: boolean }[],
  look: Look,
): string[] {
  const widest = Math.max(0, ...lanes.map(({ name }) => Bun.stringWidth(look.oneLine(name))));
  const nameColumns = Math.min(widest, Math.max(8, Math.floor(look.columns / 4)));
  const ruler = rulerOf(
    lanes.map(({ timesMs }) => timesMs),
    Math.max(10, look.columns - nameColumns - 4),
  );
  const rows = lanes.map(({ name, timesMs, isOurs }) => {
    const shown = cut(look.oneLine(name), nameColumns);
    const space = " ".repeat(Math.max(0, nameColumns - Bun.stringWidth(shown)));
    const line = `  ${shown}${space}  ${barsOf(binsOf(timesMs, ruler))}`.trimEnd();
    return isOurs ? look.paint("bold", line) : line;
  });
  const indent = " ".repeat(nameColumns + 4);
  return [...rows, ...axisOf(ruler).map((line) => look.paint("dim", indent + line))];
}
