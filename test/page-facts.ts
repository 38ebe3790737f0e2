// What a browser sees of a page (fixtures/page-facts.js), and the judging of it: texts, colours, and whether each figure and each
// mark says what the report says. Every function gives a sentence for each thing that is wrong.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "./chromium.ts";

type Box = { left: number; right: number; top: number; bottom: number };
type Placed = Box & { x: number; y: number };
type Text = { text: string; boxes: Box[]; svg: Box | null; colour: string; behind: string; sizePx: number };
type Tick = Placed & { value: number };

export type Plot = {
  id: string;
  scale: "linear" | "log";
  scaleX: "linear" | "log";
  isPanel: boolean;
  unitMs: number;
  times: number;
  ticks: Tick[];
  upright: Tick[];
  tickTexts: (Placed & { text: string })[];
  marks: (Placed & { path: string; value: string; x: number; look: string })[];
  bars: (Placed & { bar: string; count: string })[];
  lines: { line: string; from: string; points: { x: number; y: number }[] }[];
};

export type Facts = {
  width: number;
  scrollWidth: number;
  height: number;
  beyond: string[];
  cut: string[];
  texts: Text[];
  plots: Plot[];
  figures: { path: string; times: number; text: string }[];
  sections: string[];
  names: string[];
  doubts: string[];
  paper: string;
  colours: string[];
  tags: string[];
  attributes: string[];
  scripts: number;
  json: any;
};

const SCRIPT = readFileSync(join(import.meta.dir, "fixtures", "page-facts.js"), "utf8");

export function factsOf(page: Page): Promise<Facts> {
  // The comment at its top ends with its line; what follows is one function.
  return page.evaluate(`(${SCRIPT.slice(SCRIPT.indexOf("() =>")).trimEnd().replace(/;$/, "")})()`);
}

/** A figure of the report by its path: "hook.lanes.0.times.p50Ms". */
export function valueAt(json: any, path: string): any {
  return path.split(".").reduce((value, key) => value?.[key], json);
}

/** Text that is cut, leaves the page or its plot, or stands on other text. */
export function textTroubles({ width, scrollWidth, beyond, cut, texts }: Facts): string[] {
  const troubles = [...cut.map((what) => `cut: ${what}`), ...beyond.map((what) => `beyond the page: ${what}`)];
  if (scrollWidth > width) troubles.push(`the page is ${scrollWidth} px wide on a screen of ${width}`);
  for (const { text, boxes, svg } of texts) {
    const isOutside = ({ left, right, top, bottom }: Box) =>
      svg !== null && (left < svg.left - 1 || right > svg.right + 1 || top < svg.top - 1 || bottom > svg.bottom + 1);
    if (boxes.some(({ left, right }) => left < -0.5 || right > width + 0.5))
      troubles.push(`beyond the page: "${text}"`);
    if (boxes.some(isOutside)) troubles.push(`outside its drawing: "${text}"`);
  }
  return [...troubles, ...overlaps(texts)];
}

/** A line of text has room above and below its letters, which may touch: two px of it do not count. */
function overlaps(texts: readonly Text[]): string[] {
  const boxes = texts.flatMap(({ text, boxes }, index) => boxes.map((box) => ({ ...box, text, index })));
  boxes.sort((a, b) => a.top - b.top);
  const found: string[] = [];
  for (const [at, one] of boxes.entries()) {
    for (let next = at + 1; next < boxes.length; next++) {
      const other = boxes[next]!;
      if (other.top > one.bottom - 3) break;
      const isBeside = other.left > one.right - 1 || one.left > other.right - 1;
      if (!isBeside && other.index !== one.index && other.bottom - 3 > one.top) {
        found.push(`"${one.text}" and "${other.text}" overlap`);
      }
    }
  }
  return found;
}

/** Text with less than 4.5 : 1 to what is behind it, what is drawn with less than 3 : 1 (WCAG 2.2, 1.4.3 and 1.4.11). */
export function colourTroubles({ texts, colours, paper }: Facts): string[] {
  const ofText = texts.flatMap(({ text, colour, behind }) => {
    const ratio = contrast(colour, behind);
    return ratio >= 4.5 ? [] : [`"${text}": ${colour} on ${behind} is ${ratio.toFixed(2)} : 1`];
  });
  const drawn = colours.flatMap((colour) => {
    const ratio = contrast(colour, paper);
    return ratio >= 3 ? [] : [`${colour} on ${paper} is ${ratio.toFixed(2)} : 1`];
  });
  return [...new Set([...ofText, ...drawn])];
}

/** The contrast of two opaque colours by WCAG 2.2's definition of relative luminance. */
export function contrast(one: string, other: string): number {
  const [a, b] = [luminance(one), luminance(other)];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}

function luminance(colour: string): number {
  const digits = colour.startsWith("#") ? colour.slice(1).match(colour.length === 4 ? /./g : /../g) : null;
  const parts = digits
    ? digits.map((part) => Number.parseInt(part.length === 1 ? part + part : part, 16))
    : (colour
        .match(/^rgb\((\d+), (\d+), (\d+)\)$/)
        ?.slice(1)
        .map(Number) ?? []);
  if (parts.length !== 3) throw new Error(`not an opaque colour: ${colour}`);
  const [red, green, blue] = parts.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
}

/** Figures that are not what the report says, rounded as they are shown. */
export function figureTroubles({ figures, json }: Facts): string[] {
  return figures.flatMap(({ path, times, text }) => {
    const plain = text.replaceAll(",", "").replace("−", "-").replace("+", "");
    const value = valueAt(json, path) * times;
    const half = 0.5 * 10 ** -(plain.split(".")[1]?.length ?? 0);
    const isRight = /^-?\d+(\.\d+)?$/.test(plain) && Math.abs(Number(plain) - value) <= half * 1.000_001;
    return isRight ? [] : [`${path} is ${value} and shown as "${text}"`];
  });
}

/** Half a pixel of a place that is written with three digits of a percent, and a little for the drawing. */
const EXACT_PX = 0.75;

/** Marks, bars, lines and ticks that do not stand where the axis has their value, or do not say what the report says. */
export function plotTroubles(plot: Plot, json: any): string[] {
  const across = axisOf(plot.ticks, plot.scaleX, "x");
  const up = plot.isPanel ? axisOf(plot.upright, plot.scale, "y") : null;
  const troubles: string[] = [];
  const check = (what: string, isPx: number, shouldPx: number) => {
    if (!(Math.abs(isPx - shouldPx) <= EXACT_PX)) troubles.push(`${plot.id}: ${what} at ${isPx} px, not ${shouldPx}`);
  };
  for (const { value, x } of plot.ticks) check(`tick ${value}`, x, across(value));
  for (const { value, y } of plot.upright) check(`upright tick ${value}`, y, up!(value));
  for (const { text, ...place } of plot.tickTexts) {
    const isUp = plot.upright.some(({ value, y }) => isWritten(text, value) && Math.abs(y - place.y) < 3);
    const isBelow = plot.ticks.some(
      ({ value, x }) => isWritten(text, value) && x > place.left - 1 && x < place.right + 1,
    );
    if (!isUp && !isBelow) troubles.push(`${plot.id}: no tick at its label ${text}`);
  }
  for (const { path, value, look, ...place } of plot.marks) {
    const said = valueAt(json, path);
    if (said !== Number(value)) troubles.push(`${plot.id}: ${path} is ${said}, its mark says ${value}`);
    if (up === null) check(`${look} ${path}`, look === "long" ? place.right : place.x, across(said));
    else {
      check(`${look} ${path}, upright`, (place.top + place.bottom) / 2, up(said));
      check(`${look} ${path}, across`, (place.left + place.right) / 2, across(xOf(json, path, plot)));
    }
  }
  for (const { line, from, points } of plot.lines) {
    const paths = line.includes("*")
      ? points.map((_, index) => line.replace("*", `${index + Number(from)}`))
      : line.split(" ");
    // A single point between gaps is drawn as a line from itself to itself.
    const isDot = points.length === 2 && points[0]!.x === points[1]!.x;
    for (const [index, point] of points.entries()) {
      const path = paths[isDot ? 0 : index]!;
      check(`line ${path}, upright`, point.y, up!(valueAt(json, path) * plot.times));
      check(`line ${path}, across`, point.x, across(xOf(json, path, plot)));
    }
  }
  return [...troubles, ...barTroubles(plot, json, across)];
}

/** What a point stands at: a time, a number of publishers, a backlog. */
function xOf(json: any, path: string, { unitMs }: Plot): number {
  const { atMs, publishers, events } = valueAt(
    json,
    path
      .split(".")
      .slice(0, path.startsWith("soak") || path.startsWith("load") ? 3 : 2)
      .join("."),
  );
  return atMs === undefined ? (publishers ?? events) : atMs / unitMs;
}

/** Bars that do not hold as many runs as the report has between their edges, or are not as tall as that. */
function barTroubles({ id, bars }: Plot, json: any, across: (value: number) => number): string[] {
  const paths = [...new Set(bars.map(({ bar }) => bar))];
  return paths.flatMap((path) => {
    const own = bars.filter(({ bar }) => bar === path);
    const places = (valueAt(json, path).timesMs as number[]).map(across);
    const tallest = own.reduce((a, b) => (Number(a.count) > Number(b.count) ? a : b));
    const troubles = own.flatMap(({ count, left, right, top, bottom }) => {
      const between = (byPx: number) => places.filter((x) => x >= left - byPx && x <= right + byPx).length;
      const height = ((tallest.bottom - tallest.top) * Number(count)) / Number(tallest.count);
      const isRight = between(-EXACT_PX) <= Number(count) && Number(count) <= between(EXACT_PX);
      if (!isRight) return [`${id}: a bar of ${path} says ${count}, the report ${between(0)}`];
      return Math.abs(bottom - top - height) <= EXACT_PX
        ? []
        : [`${id}: a bar of ${path} is not as tall as it should be`];
    });
    const all = own.reduce((sum, { count }) => sum + Number(count), 0);
    return all === places.length
      ? troubles
      : [...troubles, `${id}: ${all} runs of ${path} in bars, not ${places.length}`];
  });
}

/** From a value to its px, by the first and the last tick. */
function axisOf(ticks: readonly Tick[], scale: "linear" | "log", along: "x" | "y"): (value: number) => number {
  const [first, last] = [ticks[0], ticks.findLast(({ value }) => value !== ticks[0]?.value)];
  if (first === undefined || last === undefined) {
    // One tick: all that can be said is that what has its value stands there.
    return (value) => (value === first?.value ? first[along] : Number.NaN);
  }
  const place = (value: number) => (scale === "log" ? Math.log(value) : value);
  return (value) =>
    first[along] +
    ((place(value) - place(first.value)) / (place(last.value) - place(first.value))) * (last[along] - first[along]);
}

/** "10k" is 10,000. */
function isWritten(text: string, value: number): boolean {
  const [, digits = "", unit = ""] = /^([−\d.,]+)([kM]?)$/.exec(text) ?? [];
  const said = Number(digits.replaceAll(",", "").replace("−", "-")) * { "": 1, k: 1e3, M: 1e6 }[unit as "" | "k" | "M"];
  return Math.abs(said - value) <= Math.abs(value) * 1e-6;
}
