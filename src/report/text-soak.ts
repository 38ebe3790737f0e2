// The part `soak` as text: what stays as it is over minutes, and what grows, as lines of bars.
import { count, countOf, eventsText, mibText, msText, rangeText, rateText, sizeText } from "./figure-text.ts";
import { type Look, legend, painted, wrapped } from "./look.ts";
import type { Soak, SoakSample } from "./shape.ts";
import { boundsOf, sparkline } from "./sparkline.ts";
import { percentile } from "./statistics.ts";
import { conclusionLines, countedLines, titleLines } from "./text-lanes.ts";

type Row = {
  name: string;
  of(sample: SoakSample): number | null;
  worst: "least" | "most";
  /** The figure is a count: one of them more is one bar more at the most. */
  isCount?: true;
  text(value: number): string;
};

const ROWS: readonly Row[] = [
  { name: "events", of: ({ perSecond }) => perSecond, worst: "least", text: rateText },
  { name: "publish p50", of: ({ p50Ms }) => p50Ms, worst: "most", text: msText },
  { name: "publish p99", of: ({ p99Ms }) => p99Ms, worst: "most", text: msText },
  { name: "memory", of: ({ rssMib }) => rssMib, worst: "most", text: mibText },
  {
    name: "open files",
    of: ({ openFiles }) => openFiles,
    worst: "most",
    isCount: true,
    text: count,
  },
  { name: "lag", of: ({ lag }) => lag, worst: "most", isCount: true, text: (value) => `${count(value)} events` },
  {
    name: "pending",
    of: ({ pending }) => pending,
    worst: "most",
    isCount: true,
    text: (value) => `${count(value)} deliveries`,
  },
];

const WORDS = [
  { name: "memory, open files", what: "of the daemon" },
  { name: "lag", what: "events that the daemon has not decided on" },
  { name: "pending", what: "deliveries that wait or run" },
];

/** One line a figure, with its least and its most. */
export function soakLines(soak: Soak, look: Look, isDoubtful: boolean): string[] {
  const how = `${minutesText(soak.minutes)} at ${eventsText(soak.wantedPerSecond)} of ${sizeText(soak.payloadBytes)} each, ${countOf(soak.samples.length, "sample")}`;
  const { p50Ms, p99Ms, maxMs } = soak.times;
  return [
    ...titleLines("soak", how, look),
    ...conclusionLines(
      `publish takes ${msText(p50Ms)} (p50), ${msText(p99Ms)} (p99), at most ${msText(maxMs)}. ${growth(soak)}`,
      look,
      isDoubtful,
    ),
    ...countedLines([{ ...soak, of: `${minutesText(soak.minutes)} of soak` }], look),
    ...troubleTexts(soak).flatMap((text) => painted("red", text, "  ", look)),
    "",
    ...ROWS.flatMap((row) => rowLines(row, soak.samples, look)),
    "",
    ...legend(WORDS, look),
  ];
}

function troubleTexts({ refused, dead }: Soak): string[] {
  return [
    ...(refused > 0 ? [`REFUSED: ${countOf(refused, "publish", "publishes")} failed`] : []),
    ...(dead > 0 ? [`DEAD: ${countOf(dead, "delivery", "deliveries")} given up`] : []),
  ];
}

function rowLines({ name, of, worst, isCount, text }: Row, samples: readonly SoakSample[], look: Look): string[] {
  const values = samples.map(of);
  const bounds = boundsOf(values);
  const said = bounds === null ? "not seen on this machine" : rangeText(bounds.least, bounds.most, text);
  const begin = `  ${name.padEnd(11)}  `;
  const room = look.columns - begin.length - 2 - Bun.stringWidth(said);
  // A line of bars that is shorter than this says less than its figures do.
  if (room < 10 || bounds === null) return wrapped(said, begin, look);
  return [
    `${begin}${sparkline(values, Math.min(room, look.columns - begin.length - 26), worst, isCount ? 7 : 0)}  ${said}`,
  ];
}

/** Memory at both ends: whether it grows is what a soak is for. */
function growth({ samples }: Soak): string {
  const known = samples.flatMap(({ rssMib }) => (rssMib === null ? [] : [rssMib]));
  const tenth = Math.ceil(known.length / 10);
  if (known.length < 10) return "";
  const [first, last] = [percentile(known.slice(0, tenth), 50), percentile(known.slice(-tenth), 50)];
  return `Memory: ${mibText(first)} in the first tenth, ${mibText(last)} in the last.`;
}

function minutesText(minutes: number): string {
  if (minutes < 1) return countOf(Math.round(minutes * 60), "second");
  return minutes === 1 ? "1 minute" : `${Number(minutes.toPrecision(3))} minutes`;
}
