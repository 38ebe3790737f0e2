// The parts `delivery` and `drain` on the page: from a hook to its worker, and a backlog that is worked off. Pure.

import { count, countOf } from "./figure-text.ts";
import { html, type Markup } from "./markup.ts";
import { figure, intervalFigure, tickText } from "./page-figures.ts";
import { lossOf, type Section } from "./page-section.ts";
import { numbers, type TableRow, tableOf } from "./page-table.ts";
import { type Line, panelOf } from "./plot-panel.ts";
import { type RunsRow, runsPlot } from "./plot-runs.ts";
import { chosenScale, linearScale } from "./scale.ts";
import type { Delivery, Drained, Spread } from "./shape.ts";

export function deliverySection(delivery: Delivery): Section {
  const { poller, toWorker, toOutcome, events } = delivery;
  const rows: RunsRow[] = [
    { name: "publish to worker", tone: "ours", path: "delivery.toWorker", times: toWorker },
    { name: "publish to outcome", tone: "ours", path: "delivery.toOutcome", times: toOutcome },
    {
      name: `polled every ${poller.everyMs} ms`,
      tone: "other",
      path: "delivery.poller.toWorker",
      times: poller.toWorker,
    },
  ];
  const table = rows.map(({ name, path, times }): TableRow => {
    const isPoller = path === "delivery.poller.toWorker";
    return {
      head: html`<span>${name}</span>`,
      cells: [
        ...(["p50Ms", "p90Ms", "p99Ms", "maxMs"] as const).map((end) => figure(`${path}.${end}`, times[end])),
        figure(`${path}.runs`, times.runs, { text: count }),
        isPoller ? intervalFigure("delivery.poller.beside", poller.beside) : html`<span class="none">–</span>`,
      ],
    };
  });
  return {
    part: "delivery",
    short: "To the worker",
    title: "From the hook to the worker",
    lead: html`A worker begins <b>${figure("delivery.toWorker.p50Ms", toWorker.p50Ms)} ms</b> after its hook (median
      of ${countOf(toWorker.runs, "event")}), and its outcome is stored after
      ${figure("delivery.toOutcome.p50Ms", toOutcome.p50Ms)} ms. A program that looks into the directory every
      ${figure("delivery.poller.everyMs", poller.everyMs, { text: count })} ms begins after
      ${figure("delivery.poller.toWorker.p50Ms", poller.toWorker.p50Ms)} ms.`,
    how: html`${countOf(events, "event")}. From just before publish is started until the worker’s own code reads the
      clock, and until its outcome is stored.`,
    body: html`${runsPlot("delivery-runs", "Every event", rows)}
${tableOf("from", numbers("p50 ms", "p90 ms", "p99 ms", "max ms", "runs", "times publish to worker"), table)}`,
    alarms: [],
  };
}

/** Null where no backlog was measured. */
export function drainSection(drained: readonly Drained[]): Section | null {
  const largest = [...drained.entries()].toSorted(([, a], [, b]) => b.events - a.events)[0];
  if (largest === undefined) return null;
  const [at, most] = largest;
  const held =
    most.peakMib === null
      ? null
      : html`, and holds at most ${figure(`drain.${at}.peakMib.median`, most.peakMib.median)} MiB of memory`;
  const panels = [
    spreadPanel(drained, "perSecond", "Settled", "events/s"),
    spreadPanel(drained, "peakMib", "Most memory", "MiB"),
    spreadPanel(drained, "cpuMsPerEvent", "Processor", "ms an event"),
  ].filter((panel) => panel !== null);
  return {
    part: "drain",
    short: "Backlog",
    title: "Working off a backlog",
    lead: html`The daemon works off ${figure(`drain.${at}.events`, most.events, { text: count })} waiting events at
      <b>${figure(`drain.${at}.perSecond.median`, most.perSecond.median)} a second</b>${held}.`,
    how: html`From the start of the daemon until a builtin consumer has settled the last event. Dots: the median of
      the turns; whiskers, and brackets in the table: the least and the most.`,
    body: html`<div class="panels three">${panels}</div>
${tableOfDrained(drained)}`,
    alarms: drained.flatMap((one) => lossOf(`a backlog of ${count(one.events)}`, one)),
  };
}

type SpreadKey = "perSecond" | "peakMib" | "cpuMsPerEvent";

/** A panel of what is told; nothing where this system tells it of no backlog. */
function spreadPanel(drained: readonly Drained[], key: SpreadKey, title: string, unit: string): Markup | null {
  const told = drained.flatMap((one, index) => {
    const spread = one[key];
    return spread === null ? [] : [{ x: one.events, spread, path: `drain.${index}.${key}` }];
  });
  told.sort((a, b) => a.x - b.x);
  if (told.length === 0) return null;
  const line: Line = {
    series: 1,
    pathOf: (at) => (at === "*" ? told.map(({ path }) => `${path}.median`).join(" ") : `${told[at]?.path}.median`),
    bounds: ["least", "most"],
    points: told.map(({ x, spread }) => ({ x, y: spread.median, low: spread.least, high: spread.most })),
  };
  return panelOf({
    id: `drain-${key}`,
    title,
    unit,
    lines: [line],
    x: chosenScale(
      drained.map(({ events }) => events),
      { before: 0.08, after: 0.1 },
    ),
    y: linearScale(told.map(({ spread }) => spread.most)),
    xText: (events) => (events >= 1000 && events % 1000 === 0 ? `${tickText(events / 1000)}k` : tickText(events)),
    xUnit: "events waiting",
    heightPx: 200,
    hasMarks: true,
  });
}

function tableOfDrained(drained: readonly Drained[]): Markup {
  const spread = (path: string, value: Spread | null) =>
    value === null
      ? [figure(path, null)]
      : [
          html`${figure(`${path}.median`, value.median)} <span class="range">(${figure(`${path}.least`, value.least)}
            to ${figure(`${path}.most`, value.most)})</span>`,
        ];
  const rows = drained.map((one, index): TableRow => {
    const path = `drain.${index}`;
    return {
      head: html`<span>${figure(`${path}.events`, one.events, { text: count })} events</span>`,
      cells: [
        ...spread(`${path}.perSecond`, one.perSecond),
        ...spread(`${path}.peakMib`, one.peakMib),
        ...spread(`${path}.cpuMsPerEvent`, one.cpuMsPerEvent),
        figure(`${path}.perSecond.turns.length`, one.perSecond.turns.length, { text: count }),
        figure(`${path}.missing`, one.missing, { text: count }),
        figure(`${path}.foreign`, one.foreign, { text: count }),
      ],
    };
  });
  return tableOf(
    "backlog",
    numbers("events/s", "most memory, MiB", "processor, ms an event", "turns", "missing", "foreign"),
    rows,
  );
}
