// Rows of runs: how long each of many runs took, as bars along the axis, with what they come to (median, p90, p99, slowest).
import { html, type Markup } from "./markup.ts";
import { figure, numberText } from "./page-figures.ts";
import { type PlotRow, placeOf, type RowsPlot, rowsPlot, type Tone } from "./plot-rows.ts";
import { logScale, type Scale } from "./scale.ts";
import type { Times } from "./shape.ts";
import { percentile } from "./statistics.ts";

/** One row: `path` is where its times are in the report. */
export type RunsRow = { name: string; tone: Tone; path: string; times: Times };

const BARS = 120;
const HEIGHT_PX = 46;
const BASE_PX = 40;
const TALLEST_PX = 31;

const KEY = html`<span class="key"><span><svg width="14" height="12" class="ours" aria-hidden="true"><path class="bar"
  d="M0 12V8h3V2h3v3h3v4h3v3z"/></svg>runs</span>
<span><svg width="8" height="12" class="ours" aria-hidden="true"><path class="median" d="M4 2v10"/><path
  class="median-top" d="M0.5 0h7L4 5z"/></svg>median</span>
<span><svg width="14" height="12" aria-hidden="true"><path class="p90" d="M3 2v10"/><path class="p99"
  d="M10 6v6"/></svg>p90, p99</span>
<span><svg width="10" height="12" aria-hidden="true"><circle class="slowest" cx="5" cy="7"
  r="3"/></svg>slowest</span></span>`;

/** Distributions on one axis of ms; in each row the tallest bar is equally tall. */
export function runsPlot(id: string, title: string, rows: readonly RunsRow[]): Markup {
  const scale = logScale(rows.flatMap(({ times }) => times.timesMs));
  const plot: RowsPlot = {
    id,
    title,
    look: "runs",
    axis: "ms, log axis",
    scale,
    heightPx: HEIGHT_PX,
    key: KEY,
    rows: rows.map((row): PlotRow => ({ ...row, strip: stripOf(row, scale), figures: figuresOf(row) })),
  };
  return rowsPlot(plot);
}

function figuresOf({ path, times }: RunsRow): Markup {
  return html`<b>${figure(`${path}.p50Ms`, times.p50Ms)} ms</b> <small>p90 ${figure(`${path}.p90Ms`, times.p90Ms)} ·
    p99 ${figure(`${path}.p99Ms`, times.p99Ms)}</small>`;
}

function stripOf({ path, times, name }: RunsRow, scale: Scale): Markup {
  const upright = (kind: string, end: string, value: number, topPx: number) => {
    const at = placeOf(scale, value);
    return html`<line class="${kind}" data-path="${path}.${end}" data-value="${value}" x1="${at}" x2="${at}"
      y1="${topPx}" y2="${HEIGHT_PX - 2}"/>`;
  };
  const [least, most] = [percentile(times.timesMs, 0), times.maxMs];
  return html`<title>${name}: median ${numberText(times.p50Ms)} ms of ${times.runs} runs</title><line class="extent"
    x1="${placeOf(scale, least)}" x2="${placeOf(scale, most)}" y1="${BASE_PX}" y2="${BASE_PX}"/>
${barsOf(times, path, scale)}
${upright("median", "p50Ms", times.p50Ms, 2)}<svg x="${placeOf(scale, times.p50Ms)}" y="0" width="1" height="1"
  overflow="visible"><path class="median-top"
  d="M-3.5 0h7L0 5z"/></svg>${upright("p90", "p90Ms", times.p90Ms, 22)}${upright("p99", "p99Ms", times.p99Ms, 30)}
<circle class="slowest" data-path="${path}.maxMs" data-value="${times.maxMs}" cx="${placeOf(scale, times.maxMs)}"
  cy="${BASE_PX}" r="3"/>`;
}

/** The runs in equal steps along the axis: a bar for each step that has any, as tall as it has runs. */
function barsOf({ timesMs }: Times, path: string, scale: Scale): Markup[] {
  const counts = new Array<number>(BARS).fill(0);
  for (const ms of timesMs) {
    const bar = Math.min(BARS - 1, Math.max(0, Math.floor(scale.at(ms) * BARS)));
    counts[bar] = (counts[bar] ?? 0) + 1;
  }
  const most = Math.max(...counts);
  return counts.flatMap((count, bar) => {
    if (count === 0) return [];
    const heightPx = Number(((count / most) * TALLEST_PX).toFixed(2));
    const [from, to] = [scale.valueAt(bar / BARS), scale.valueAt((bar + 1) / BARS)].map((ms) => ms.toPrecision(4));
    return html`<rect class="bar" data-bar="${path}" data-count="${count}" data-from="${from ?? ""}"
      data-to="${to ?? ""}" x="${((bar * 100) / BARS).toFixed(3)}%" width="${(100 / BARS).toFixed(3)}%"
      y="${BASE_PX - heightPx}" height="${heightPx}"/>`;
  });
}
