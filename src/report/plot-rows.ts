// A plot of rows on one axis: on the left what it is, then a strip as wide as there is room, then its figures. Names are text of
// the page, so they wrap; a strip is SVG with places in percent, so that it needs no script and no second copy for a phone.
import { html, type Markup, named, shortened } from "./markup.ts";
import { tickText } from "./page-figures.ts";
import { ALONG, anchorOf, labelled, type Scale } from "./scale.ts";

/** The colours of the page by what is shown: what offhook does, what is there to compare, what the agent waits for. */
export type Tone = "ours" | "control" | "other";

export type PlotRow = { name: string; tone: Tone; strip: Markup; figures: Markup };

export type RowsPlot = {
  /** Unique on the page. */
  id: string;
  title: string;
  /** Figures of runs are two lines; others are one. */
  look?: "runs";
  /** What the axis counts: "ms, log axis". */
  axis: string;
  scale: Scale;
  heightPx: number;
  rows: readonly PlotRow[];
  key?: Markup | null;
};

/** The narrowest that a strip gets, in px: on a phone 320 px wide, and on a desk where the layout changes (page-style.ts). */
const PHONE_PX = 288;
const DESK_PX = 380;
const MANY_ROWS = 5;
const NAME_CHARACTERS = 48;

/** The place of a value along a strip, "37.125%". */
export function placeOf(scale: Scale, value: number): string {
  return `${(scale.at(value) * 100).toFixed(3)}%`;
}

/** The whole plot with its axis below, and above too where there are many rows. */
export function rowsPlot(plot: RowsPlot): Markup {
  const { id, title, axis, scale, heightPx, rows, key = null, look = "one-line" } = plot;
  return html`<figure class="plot ${look}" data-plot="${id}" data-scale="${scale.kind}">
<figcaption><b>${title}</b> <span class="unit">${axis}</span>${key}</figcaption>
${rows.length > MANY_ROWS ? axisOf(scale) : null}
${rows.map((row) => rowOf(row, scale, heightPx))}
${axisOf(scale)}
</figure>
`;
}

function rowOf({ name, tone, strip, figures }: PlotRow, scale: Scale, heightPx: number): Markup {
  return html`<div class="row ${tone}"><div class="name">${named(shortened(name, NAME_CHARACTERS))}</div>
<svg class="strip" height="${heightPx}" aria-hidden="true">${gridOf(scale)}${strip}</svg>
<div class="figures">${figures}</div></div>
`;
}

function gridOf(scale: Scale): Markup[] {
  return scale.ticks.map((tick) => {
    const at = placeOf(scale, tick);
    return html`<line class="grid" x1="${at}" x2="${at}" y1="0" y2="100%"/>`;
  });
}

function axisOf(scale: Scale): Markup {
  const onPhone = labelled(scale, PHONE_PX, tickText, ALONG);
  const onDesk = labelled(scale, DESK_PX, tickText, ALONG);
  const ticks = scale.ticks.map((tick) => {
    const at = placeOf(scale, tick);
    const line = html`<line class="tick" data-tick="${tick}" x1="${at}" x2="${at}" y1="0" y2="4"/>`;
    if (!onPhone.has(tick) && !onDesk.has(tick)) return line;
    const where = onPhone.has(tick) === onDesk.has(tick) ? "both" : onPhone.has(tick) ? "phone" : "desk";
    return html`${line}<text class="${where}" x="${at}" y="16"
      text-anchor="${anchorOf(scale.at(tick))}">${tickText(tick)}</text>`;
  });
  return html`<div class="row axis"><div></div><svg class="strip" height="20"
    aria-hidden="true">${ticks}</svg><div></div></div>
`;
}
