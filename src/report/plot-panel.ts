// A small plot of lines over one axis: the upright axis in a column of its own, the drawing as wide as there is room. Upright
// places are px, level ones percent, so that lines keep their width and text its size on every screen.
import { html, type Markup } from "./markup.ts";
import { tickText } from "./page-figures.ts";
import { placeOf } from "./plot-rows.ts";
import { ALONG, anchorOf, labelled, type Scale, UPRIGHT } from "./scale.ts";

/** A figure at x, with its bounds where it has any; null: there was none, and the line has a gap. */
export type Point = { x: number; y: number | null; low?: number; high?: number };

export type Line = {
  /** Which of the four colours and marks, 1 to 4. */
  series: number;
  /** Where the point with this index has its figure in the report; with "*" for all of them. */
  pathOf(index: number | "*"): string;
  /** What is behind that for the bounds of a point: ["least", "most"]. */
  bounds?: readonly [string, string];
  points: readonly Point[];
};

export type Panel = {
  id: string;
  title: string;
  /** What the upright axis counts: "events/s". */
  unit: string;
  lines: readonly Line[];
  x: Scale;
  y: Scale;
  xText?: (tick: number) => string;
  /** What the level axis counts; null: another panel below says it. */
  xUnit: string | null;
  heightPx: number;
  /** What its lines mean, where they are this panel's own. */
  key?: Markup | null;
  /** A mark at each point, or a line only where there are many. */
  hasMarks: boolean;
};

/** The column of the upright axis, and the narrowest drawing beside it, three on a desk that is 900 px wide. */
const UPRIGHT_PX = 46;
const NARROWEST_PX = 205;
/** Room above and below the drawing, for half a label. */
const EDGE_PX = 8;

/** The marks of the four series about (0, 0): told apart without colour too. */
const MARKS = ["", "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z", "M-4-4h8v8h-8z", "M0-5L5 4H-5z", "M0-5.5L5 0 0 5.5-5 0z"];

export function panelOf(panel: Panel): Markup {
  const { id, title, unit, x, y, lines, heightPx, xUnit, key = null } = panel;
  return html`<figure class="panel" data-plot="${id}" data-scale="${y.kind}" data-scale-x="${x.kind}">
<figcaption><b>${title}</b> <span
  class="unit">${unit}${y.kind === "log" ? ", log axis" : null}</span>${key}</figcaption>
<div class="drawing"><svg class="upright" width="${UPRIGHT_PX}" height="${heightPx}"
  aria-hidden="true">${uprightTicks(y, heightPx)}</svg>
<svg class="area" height="${heightPx}"
  aria-hidden="true">${gridOf(x, y, heightPx)}${lines.map((line) => lineOf(line, panel))}</svg>
<div></div>${levelAxis(panel)}</div>
${xUnit === null ? null : html`<div class="level unit">${xUnit}</div>`}</figure>
`;
}

/** What the colours of the series mean, and their marks where they have any, in their order from 1. */
export function keyOf(names: readonly string[], hasMarks: boolean): Markup {
  const entries = names.map((name, index) => {
    const sign = html`<svg class="s${index + 1}" width="22" height="12" aria-hidden="true"><path class="line"
      d="M0 6h22"/>${hasMarks ? html`<path class="mark" transform="translate(11 6)" d="${MARKS[index + 1] ?? ""}"/>` : null}</svg>`;
    return html`<span>${sign}${name}</span>`;
  });
  return html`<span class="key">${entries}</span>`;
}

function heightAt(y: Scale, value: number, heightPx: number): string {
  return (heightPx - EDGE_PX - y.at(value) * (heightPx - 2 * EDGE_PX)).toFixed(2);
}

function uprightTicks(y: Scale, heightPx: number): Markup[] {
  const kept = labelled(y, heightPx - 2 * EDGE_PX, tickText, UPRIGHT);
  return y.ticks.map((tick) => {
    const at = heightAt(y, tick, heightPx);
    const text = html`<text x="${UPRIGHT_PX - 7}" y="${at}" dy="0.35em" text-anchor="end">${tickText(tick)}</text>`;
    return html`<line class="tick" data-tick-y="${tick}" x1="${UPRIGHT_PX - 4}" x2="${UPRIGHT_PX}" y1="${at}"
      y2="${at}"/>${kept.has(tick) ? text : null}`;
  });
}

function gridOf(x: Scale, y: Scale, heightPx: number): Markup[] {
  const level = y.ticks.map((tick) => {
    const at = heightAt(y, tick, heightPx);
    return html`<line class="grid" x1="0" x2="100%" y1="${at}" y2="${at}"/>`;
  });
  const upright = x.ticks.map((tick) => {
    const at = placeOf(x, tick);
    return html`<line class="grid" x1="${at}" x2="${at}" y1="${EDGE_PX}" y2="${heightPx - EDGE_PX}"/>`;
  });
  return [...level, ...upright];
}

function levelAxis({ x, xText = tickText, xUnit }: Panel): Markup {
  const kept = xUnit === null ? new Set<number>() : labelled(x, NARROWEST_PX, xText, ALONG);
  const ticks = x.ticks.map((tick) => {
    const at = placeOf(x, tick);
    const text = html`<text x="${at}" y="16" text-anchor="${anchorOf(x.at(tick))}">${xText(tick)}</text>`;
    return html`<line class="tick" data-tick="${tick}" x1="${at}" x2="${at}" y1="0"
      y2="4"/>${kept.has(tick) ? text : null}`;
  });
  return html`<svg class="area" height="${xUnit === null ? 6 : 20}" aria-hidden="true">${ticks}</svg>`;
}

function lineOf(line: Line, { x, y, heightPx, hasMarks }: Panel): Markup {
  const { series, points, pathOf } = line;
  const marks = hasMarks ? points.map((point, index) => markOf(line, point, index, { x, y, heightPx })) : [];
  const drawn = runsOf(points).map((run) => {
    const places = run.map((point) => `${(x.at(point.x) * 100).toFixed(3)},${heightAt(y, point.y, heightPx)}`);
    // A single point between two gaps has no length: as a line to itself, the stroke's round ends make it a dot.
    const ends = places.length === 1 ? [...places, ...places] : places;
    return html`<polyline class="${places.length === 1 ? "line lone" : "line"}" data-line="${pathOf("*")}"
      data-from="${run[0]?.index ?? 0}" points="${ends.join(" ")}"/>`;
  });
  // A drawing that is stretched to the width there is; what is in it keeps its own width of line.
  return html`<g class="s${series}"><svg viewBox="0 0 100 ${heightPx}" preserveAspectRatio="none" width="100%"
    height="${heightPx}" overflow="visible">${drawn}</svg>${marks}</g>`;
}

/** The points in runs without a gap. */
function runsOf(points: readonly Point[]): { index: number; x: number; y: number }[][] {
  const runs: { index: number; x: number; y: number }[][] = [[]];
  for (const [index, { x, y }] of points.entries()) {
    if (y === null) runs.push([]);
    else runs.at(-1)?.push({ index, x, y });
  }
  return runs.filter((run) => run.length > 0);
}

function markOf(
  line: Line,
  point: Point,
  index: number,
  { x, y, heightPx }: Pick<Panel, "x" | "y" | "heightPx">,
): Markup {
  if (point.y === null) return html``;
  const at = placeOf(x, point.x);
  const path = line.pathOf(index);
  const { low = null, high = null } = point;
  const bound = (value: number, end: string) => {
    const level = heightAt(y, value, heightPx);
    return html`<svg x="${at}" y="${level}" width="1" height="1" overflow="visible"><path class="whisker" d="M-4 0h8"
      data-path="${path.replace(/[^.]+$/, end)}" data-value="${value}" data-x="${point.x}"/></svg>`;
  };
  const [least, most] = line.bounds ?? ["", ""];
  const whiskers =
    low === null || high === null || line.bounds === undefined
      ? null
      : html`<line class="whisker" x1="${at}" x2="${at}" y1="${heightAt(y, low, heightPx)}"
        y2="${heightAt(y, high, heightPx)}"/>${bound(low, least)}${bound(high, most)}`;
  return html`${whiskers}<svg x="${at}" y="${heightAt(y, point.y, heightPx)}" width="1" height="1"
    overflow="visible"><path class="mark" d="${MARKS[line.series] ?? ""}" data-path="${path}" data-value="${point.y}"
    data-x="${point.x}"/></svg>`;
}
