// The part `load` on the page: many publishers at once, by the size of what they publish. Pure.

import { count, countOf, sizeText } from "./figure-text.ts";
import { html, type Markup } from "./markup.ts";
import { figure } from "./page-figures.ts";
import { lossOf, type Section } from "./page-section.ts";
import { COUNTED, numbers, type TableRow, tableOf } from "./page-table.ts";
import { keyOf, type Line, panelOf } from "./plot-panel.ts";
import { chosenScale, logScale } from "./scale.ts";
import type { LoadCell } from "./shape.ts";

type Placed = LoadCell & { path: string };

/** Lines that can be told apart in one plot; more sizes are in the table alone. */
const MOST_LINES = 4;

/** Null where nothing was measured: there is nothing to show then. */
export function loadSection(cells: readonly LoadCell[]): Section | null {
  const placed = cells.map((cell, index): Placed => ({ ...cell, path: `publishers.${index}` }));
  const sizes = [...new Set(cells.map(({ payloadBytes }) => payloadBytes))].sort((a, b) => a - b);
  const best = placed.toSorted((a, b) => b.perSecond.median - a.perSecond.median)[0];
  if (best === undefined) return null;
  const all = { missing: sumOf(cells, "missing"), foreign: sumOf(cells, "foreign") };
  return {
    part: "load",
    short: "Many at once",
    title: "Many publishers at once",
    lead: html`${countOf(best.publishers, "publisher")} with ${sizeText(best.payloadBytes)} each store
      <b>${figure(`${best.path}.perSecond.median`, best.perSecond.median)} events a second</b>, with p99 at
      ${figure(`${best.path}.times.p99Ms`, best.times.p99Ms)} ms. Of ${count(sumOf(cells, "acknowledged"))}
      acknowledged events ${all.missing === 0 ? "none" : count(all.missing)} ${all.missing > 1 ? "are" : "is"}
      missing.`,
    how: html`As hooks are, each publish is a process of its own. Acknowledged: publish ended with 0. Arrived: found
      in the stream, by id. Refused: publish failed, and is not in the times. Whiskers: the least and the most of the
      turns.`,
    body: html`${plotsOf(placed, sizes)}${tableOfCells(placed)}`,
    alarms: placed.flatMap((cell) =>
      lossOf(`${countOf(cell.publishers, "publisher")} with ${sizeText(cell.payloadBytes)}`, cell),
    ),
  };
}

function sumOf(cells: readonly LoadCell[], key: "missing" | "foreign" | "acknowledged"): number {
  return cells.reduce((sum, cell) => sum + cell[key], 0);
}

function plotsOf(cells: readonly Placed[], sizes: readonly number[]): Markup {
  const shown = sizes.slice(0, MOST_LINES);
  const x = chosenScale(
    cells.map(({ publishers }) => publishers),
    { before: 0.05, after: 0.07 },
  );
  const lines = (key: "perSecond" | "p50Ms" | "p99Ms"): Line[] =>
    shown.map((size, index) => {
      const own = cells.filter((cell) => cell.payloadBytes === size).sort((a, b) => a.publishers - b.publishers);
      const end = key === "perSecond" ? "perSecond.median" : `times.${key}`;
      return {
        series: index + 1,
        pathOf: (at) => (at === "*" ? own.map(({ path }) => `${path}.${end}`).join(" ") : `${own[at]?.path}.${end}`),
        bounds: ["least", "most"],
        points: own.map(({ publishers, perSecond, times }) =>
          key === "perSecond"
            ? { x: publishers, y: perSecond.median, low: perSecond.least, high: perSecond.most }
            : { x: publishers, y: times[key] },
        ),
      };
    });
  const one = (key: "perSecond" | "p50Ms" | "p99Ms", title: string, unit: string) => {
    const drawn = lines(key);
    const values = drawn.flatMap(({ points }) => points.flatMap(({ y, low = y, high = y }) => [y, low, high]));
    const y = logScale(values.filter((value) => value !== null));
    return panelOf({
      id: `load-${key}`,
      title,
      unit,
      lines: drawn,
      x,
      y,
      xUnit: "publishers at once",
      heightPx: 220,
      hasMarks: true,
    });
  };
  return html`<div class="above">${keyOf(shown.map(sizeText), true)}</div>
<div
  class="panels three">${one("perSecond", "Stored", "events/s")}${one("p50Ms", "Median", "ms")}${one("p99Ms", "p99", "ms")}</div>
${sizes.length > MOST_LINES ? html`<p class="how">Drawn: the ${MOST_LINES} smallest payloads. The table has all.</p>` : null}`;
}

function tableOfCells(cells: readonly Placed[]): Markup {
  const columns = numbers("events/s (least to most)", "p50 ms", "p99 ms", ...COUNTED);
  const rows = cells.map(({ path, publishers, payloadBytes, perSecond, times, ...counts }): TableRow => {
    const rate = (end: "median" | "least" | "most") => figure(`${path}.perSecond.${end}`, perSecond[end]);
    return {
      head: html`<span>${countOf(publishers, "publisher")}, ${sizeText(payloadBytes)}</span>`,
      cells: [
        html`${rate("median")} <span class="range">(${rate("least")} to ${rate("most")})</span>`,
        figure(`${path}.times.p50Ms`, times.p50Ms),
        figure(`${path}.times.p99Ms`, times.p99Ms),
        ...COUNTED.map((key) => figure(`${path}.${key}`, counts[key], { text: count })),
      ],
    };
  });
  return tableOf("publishers, payload", columns, rows);
}
