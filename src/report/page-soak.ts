// The part `soak` on the page: how it goes on over time, as small plots above each other on one axis of time. Pure.

import { count, countOf } from "./figure-text.ts";
import { html, type Markup } from "./markup.ts";
import { figure, plainText } from "./page-figures.ts";
import { lossOf, type Section } from "./page-section.ts";
import { COUNTED, numbers, tableOf } from "./page-table.ts";
import { keyOf, type Line, type Panel, panelOf } from "./plot-panel.ts";
import { linearScale, logScale, type Scale, spanScale } from "./scale.ts";
import type { Soak, SoakSample } from "./shape.ts";

/** Units of time that an axis is written in, the first that the span has at least two of. */
const UNITS = [
  { ms: 3_600_000, name: "hours" },
  { ms: 60_000, name: "minutes" },
  { ms: 1000, name: "seconds" },
] as const;

/** The unit for an axis of time until `lastMs`, and its scale in that unit. */
export function timeAxis(lastMs: number): { unitMs: number; name: string; scale: Scale } {
  const { ms, name } = UNITS.find(({ ms }) => lastMs >= 2 * ms) ?? { ms: 1000, name: "seconds" };
  return { unitMs: ms, name, scale: spanScale(0, lastMs / ms) };
}

export function soakSection(soak: Soak): Section {
  const { times } = soak;
  return {
    part: "soak",
    short: "Over time",
    title: "Over time",
    lead: html`For ${lengthOf(soak)} at
      ${figure("soak.wantedPerSecond", soak.wantedPerSecond, { text: plainText })} events a second, publish takes
      <b>${figure("soak.times.p50Ms", times.p50Ms)} ms</b> in the median and
      ${figure("soak.times.p99Ms", times.p99Ms)} ms in its slowest hundredth. Of
      ${figure("soak.acknowledged", soak.acknowledged, { text: count })} acknowledged events
      ${soak.missing === 0 ? "none" : count(soak.missing)} ${soak.missing > 1 ? "are" : "is"} missing.`,
    how: html`${countOf(soak.samples.length, "sample")}; memory and open files are the daemon’s. Lag: events that it
      has not decided on; pending: deliveries that wait or run.`,
    body: html`${panelsOf(soak.samples)}${tablesOf(soak)}`,
    alarms: lossOf(`${plainText(soak.minutes)} minutes`, soak),
  };
}

/** "24 seconds", "1 minute", "60 minutes". */
function lengthOf({ minutes }: Soak): Markup {
  if (minutes < 1) return html`${figure("soak.minutes", minutes, { text: wholeText, times: 60 })} seconds`;
  return html`${figure("soak.minutes", minutes, { text: plainText })} minute${minutes === 1 ? "" : "s"}`;
}

function wholeText(value: number): string {
  return count(Math.round(value));
}

type Key = Exclude<keyof SoakSample, "atMs" | "published">;
type Small = {
  id: string;
  title: string;
  unit: string;
  keys: readonly Key[];
  isLog?: boolean;
  names?: readonly string[];
};

const SMALL: readonly Small[] = [
  { id: "rate", title: "Published", unit: "events/s", keys: ["perSecond"] },
  {
    id: "times",
    title: "Time of publish",
    unit: "ms",
    keys: ["p50Ms", "p99Ms"],
    isLog: true,
    names: ["median", "p99"],
  },
  { id: "memory", title: "Memory", unit: "MiB", keys: ["rssMib"] },
  { id: "files", title: "Open files", unit: "files", keys: ["openFiles"] },
  { id: "lag", title: "Waiting", unit: "events", keys: ["lag", "pending"], names: ["lag", "pending"] },
];

function panelsOf(samples: readonly SoakSample[]): Markup | null {
  const last = samples.at(-1);
  if (last === undefined) return null;
  const { unitMs, name, scale } = timeAxis(last.atMs);
  const told = SMALL.filter(({ keys }) => samples.some((sample) => keys.some((key) => sample[key] !== null)));
  const panels = told.map(({ id, title, unit, keys, isLog = false, names }, index): Markup => {
    const lines = keys.map((key, series): Line => {
      return {
        series: series + 1,
        pathOf: (at) => `soak.samples.${at}.${key}`,
        points: samples.map((sample) => ({ x: sample.atMs / unitMs, y: sample[key] })),
      };
    });
    const values = lines.flatMap(({ points }) => points.flatMap(({ y }) => (y === null ? [] : [y])));
    const panel: Panel = {
      id: `soak-${id}`,
      title,
      unit,
      lines,
      x: scale,
      y: isLog ? logScale(values) : linearScale(values, 3),
      xUnit: index === told.length - 1 ? name : null,
      heightPx: 104,
      hasMarks: false,
    };
    return html`${panelOf({ ...panel, key: names === undefined ? null : keyOf(names, false) })}`;
  });
  return html`<div class="over-time" data-unit-ms="${unitMs}">${panels}</div>`;
}

function tablesOf(soak: Soak): Markup {
  const { times } = soak;
  const timed = [
    ...(["p50Ms", "p90Ms", "p99Ms", "maxMs"] as const).map((end) => figure(`soak.times.${end}`, times[end])),
    figure("soak.times.runs", times.runs, { text: count }),
  ];
  const counted = [...COUNTED, "dead" as const].map((key) => figure(`soak.${key}`, soak[key], { text: count }));
  return html`${tableOf("times", numbers("p50 ms", "p90 ms", "p99 ms", "max ms", "runs timed"), [{ head: html`<span>publish</span>`, cells: timed }])}
${tableOf("by id", numbers(...COUNTED, "given up"), [{ head: html`<span>events</span>`, cells: counted }])}`;
}
