// What several parts show alike: lanes of runs in a table and a histogram, a title, a conclusion, and events counted by id.
import { boundsText, count, countOf, msText, timesText } from "./figure-text.ts";
import type { Column } from "./fitted-table.ts";
import { type Look, painted, wrapped } from "./look.ts";
import type { Interval, Times } from "./shape.ts";

/** The title of a part, and how it was measured. */
export function titleLines(name: string, how: string, look: Look): string[] {
  const [first = "", ...rest] = wrapped(how, " ".repeat(name.length + 2), look);
  return [
    `${look.paint("bold", name)}  ${look.paint("dim", first.slice(name.length + 2))}`,
    ...rest.map((line) => look.paint("dim", line)),
  ];
}

/** A sentence on what was found; of doubtful figures it says so first. */
export function conclusionLines(text: string, look: Look, isDoubtful: boolean): string[] {
  return isDoubtful ? painted("yellow", `Doubtful: ${text}`, "  ", look) : wrapped(text, "  ", look);
}

type Lane = { name: string; times: Times };

/** The columns of a lane: its name, and what its runs come to. */
export function laneColumns<L extends Lane>(
  title: string,
): Record<"name" | "p50" | "p90" | "p99" | "max" | "runs", Column<L>> {
  return {
    name: { title, of: ({ name }) => name, isText: true },
    p50: { title: "p50", of: ({ times }) => msText(times.p50Ms) },
    p90: { title: "p90", of: ({ times }) => msText(times.p90Ms) },
    p99: { title: "p99", of: ({ times }) => msText(times.p99Ms) },
    max: { title: "max", of: ({ times }) => msText(times.maxMs) },
    runs: { title: "runs", of: ({ times }) => count(times.runs) },
  };
}

/** Texts of ratios, one under the other: "5.25 x (5.18–5.38)". The one that the others stand beside is "1 x". */
export function ratioTexts(ratios: readonly Interval[]): string[] {
  const values = ratios.map((ratio) => (isItself(ratio) ? "1 x" : timesText(ratio.value)));
  const widest = Math.max(0, ...values.map((text) => text.length));
  return ratios.map((ratio, index) => {
    const value = (values[index] ?? "").padStart(widest);
    return isItself(ratio) ? value : `${value} (${boundsText(ratio)})`;
  });
}

const isItself = ({ value, low, high }: Interval) => value === 1 && low === 1 && high === 1;

type Counted = { acknowledged: number; missing: number; foreign: number };

/** Whether every event that was acknowledged arrived and none was of elsewhere: loud where not, each in its own line. */
export function countedLines(counted: readonly (Counted & { of: string })[], look: Look): string[] {
  const wrong = counted.flatMap(({ acknowledged, missing, foreign, of }) => [
    ...(missing > 0 ? [`MISSING: ${count(missing)} of ${count(acknowledged)} events did not arrive (${of})`] : []),
    ...(foreign > 0 ? [`FOREIGN: ${countOf(foreign, "event")} arrived that nobody published, or twice (${of})`] : []),
  ]);
  if (wrong.length > 0) return wrong.flatMap((text) => painted("red", text, "  ", look));
  const all = counted.reduce((sum, { acknowledged }) => sum + acknowledged, 0);
  const text = `All ${count(all)} acknowledged events arrived, counted by id: each once, none is missing.`;
  return painted("green", text, "  ", look);
}
