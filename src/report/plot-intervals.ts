// Rows of single figures on one axis: a figure with the bounds between which it lies (a dot with whiskers), or a bar from zero.
import { html, type Markup } from "./markup.ts";
import { figure, intervalFigure, numberText } from "./page-figures.ts";
import { type PlotRow, placeOf, rowsPlot, type Tone } from "./plot-rows.ts";
import { linearScale, logScale, type Scale } from "./scale.ts";
import type { Interval } from "./shape.ts";

/** One row: `path` is where its interval is in the report. */
export type IntervalRow = { name: string; tone: Tone; path: string; interval: Interval };

export type IntervalsPlot = {
  id: string;
  title: string;
  rows: readonly IntervalRow[];
  /** Ratios beside 1 on an axis of tenfolds, or differences in ms from 0 on an even one. */
  kind: "ratio" | "added";
};

const HEIGHT_PX = 28;
const MIDDLE_PX = 14;

/** A dot where the figure is, whiskers where 95 of 100 resamplings end, and a line where there is no difference. */
export function intervalsPlot({ id, title, rows, kind }: IntervalsPlot): Markup {
  const none = kind === "ratio" ? 1 : 0;
  const values = [none, ...rows.flatMap(({ interval }) => [interval.low, interval.value, interval.high])];
  const scale = kind === "ratio" ? logScale(values) : linearScale(values, 5);
  const axis = kind === "ratio" ? "times publish, log axis" : "ms";
  const figuresOf = ({ path, interval }: IntervalRow) =>
    kind === "ratio"
      ? html`<b>${figure(`${path}.value`, interval.value)} ×</b> ${rangeOf(path, interval)}`
      : html`<b>${intervalFigure(`${path}`, { ...interval, low: interval.value, high: interval.value }, "+")} ms</b>
        ${rangeOf(path, interval)}`;
  return rowsPlot({
    id,
    title,
    axis,
    scale,
    heightPx: HEIGHT_PX,
    rows: rows.map((row): PlotRow => ({ ...row, strip: stripOf(row, scale, none), figures: figuresOf(row) })),
  });
}

function rangeOf(path: string, { value, low, high }: Interval): Markup | null {
  if (low === value && high === value) return null;
  return html`<small>${figure(`${path}.low`, low)} to ${figure(`${path}.high`, high)}</small>`;
}

function stripOf({ path, interval, name }: IntervalRow, scale: Scale, none: number): Markup {
  const [low, high] = [placeOf(scale, interval.low), placeOf(scale, interval.high)];
  const end = (at: string, which: "low" | "high") =>
    html`<line class="whisker" data-path="${path}.${which}" data-value="${interval[which]}" x1="${at}" x2="${at}"
      y1="${MIDDLE_PX - 5}" y2="${MIDDLE_PX + 5}"/>`;
  return html`<title>${name}: ${numberText(interval.value)} (${numberText(interval.low)} to ${numberText(interval.high)})</title><line class="reference"
    x1="${placeOf(scale, none)}" x2="${placeOf(scale, none)}" y1="0" y2="100%"/>
<line class="whisker" x1="${low}" x2="${high}" y1="${MIDDLE_PX}"
  y2="${MIDDLE_PX}"/>${end(low, "low")}${end(high, "high")}
<circle class="dot" data-path="${path}.value" data-value="${interval.value}" cx="${placeOf(scale, interval.value)}"
  cy="${MIDDLE_PX}" r="5"/>`;
}

/** One row of bars: `path` is where the figure is in the report. */
export type BarRow = { name: string; tone: Tone; path: string; valueMs: number; beside: Markup | null };

/** Bars from zero on an even axis of ms: how long each is, as it is felt. */
export function barsPlot(id: string, title: string, rows: readonly BarRow[]): Markup {
  const scale = linearScale(
    rows.map(({ valueMs }) => valueMs),
    5,
  );
  return rowsPlot({
    id,
    title,
    axis: "ms, median",
    scale,
    heightPx: HEIGHT_PX,
    rows: rows.map(({ name, tone, path, valueMs, beside }): PlotRow => {
      const mark = html`<rect class="long" data-path="${path}" data-value="${valueMs}" x="0" y="5"
        width="${placeOf(scale, valueMs)}" height="18" rx="2"/>`;
      const figures = html`<b>${figure(path, valueMs)} ms</b>
        ${beside === null ? null : html`<small>${beside}</small>`}`;
      return { name, tone, strip: mark, figures };
    }),
  });
}
