// The figures of a report that can be set beside those of another: each with its runs or turns, and a name under which the
// other has it too.
import { countOf } from "./figure-text.ts";
import type { Part, Report } from "./shape.ts";
import { percentile } from "./statistics.ts";
import { cellText } from "./text-load.ts";

export type Unit = "ms" | "/s" | "MiB";

/** One figure: the median of its values. `sort`: single runs, turns that have a figure each, or one figure without either. */
export type Comparable = {
  part: Part;
  name: string;
  figure: string;
  unit: Unit;
  /** Time and rate are quick or slow; memory and processor time are less or more. */
  word: "time" | "rate" | "amount";
  sort: "runs" | "turns" | "one";
  values: readonly number[];
  p99: number | null;
  /** The runs of this machine's own control (the lane `null`) beside which a hook lane can be seen. */
  control: readonly number[] | null;
};

/** All of them in the order of the parts; of two of the same name in a part the second is "NAME (2)". */
export function comparablesOf(report: Report): Comparable[] {
  const seen = new Map<string, number>();
  return [...ofHook(report), ...ofLoad(report), ...ofFlow(report), ...ofSoak(report), ...ofClaude(report)].map(
    (one) => {
      const key = keyOf(one);
      const times = (seen.get(key) ?? 0) + 1;
      seen.set(key, times);
      return times === 1 ? one : { ...one, name: `${one.name} (${times})` };
    },
  );
}

/** Under what two reports have the same figure. */
export function keyOf({ part, name, figure }: Pick<Comparable, "part" | "name" | "figure">): string {
  return JSON.stringify([part, name, figure]);
}

type Runs = { p99Ms: number; timesMs: readonly number[] };

function runsOf(part: Part, name: string, times: Runs, figure = "p50"): Comparable {
  const { p99Ms, timesMs } = times;
  return { part, name, figure, unit: "ms", word: "time", sort: "runs", values: timesMs, p99: p99Ms, control: null };
}

type Turns = { turns: readonly number[] } | null;

function turnsOf(
  part: Part,
  name: string,
  figure: string,
  unit: Unit,
  word: Comparable["word"],
  of: Turns,
): Comparable[] {
  if (of === null) return [];
  return [{ part, name, figure, unit, word, sort: "turns", values: of.turns, p99: null, control: null }];
}

function ofHook({ hook }: Report): Comparable[] {
  const control = hook?.lanes.find(({ kind }) => kind === "null")?.times.timesMs ?? null;
  return (hook?.lanes ?? []).map(({ name, kind, times }) => ({
    ...runsOf("hook", name, times),
    control: kind === "null" ? null : control,
  }));
}

function ofLoad({ publishers }: Report): Comparable[] {
  return (publishers ?? []).flatMap((cell) => [
    runsOf("load", cellText(cell), cell.times),
    ...turnsOf("load", cellText(cell), "events", "/s", "rate", cell.perSecond),
  ]);
}

function ofFlow({ delivery, drain }: Report): Comparable[] {
  const delivered =
    delivery === null
      ? []
      : [
          runsOf("delivery", "worker", delivery.toWorker),
          runsOf("delivery", "outcome stored", delivery.toOutcome),
          runsOf("delivery", `worker, a ${delivery.poller.everyMs} ms poller`, delivery.poller.toWorker),
        ];
  const drained = (drain ?? []).flatMap((one) => {
    const name = countOf(one.events, "event");
    return [
      ...turnsOf("drain", name, "settled", "/s", "rate", one.perSecond),
      ...turnsOf("drain", name, "peak memory", "MiB", "amount", one.peakMib),
      ...turnsOf("drain", name, "cpu/event", "ms", "amount", one.cpuMsPerEvent),
    ];
  });
  return [...delivered, ...drained];
}

/** Samples of one soak follow one another: resampling them would promise more than they hold, so memory is one figure. */
function ofSoak({ soak }: Report): Comparable[] {
  if (soak === null) return [];
  const memory = soak.samples.flatMap(({ rssMib }) => (rssMib === null ? [] : [rssMib]));
  const median = memory.length === 0 ? null : { turns: [percentile(memory, 50)] };
  const held = turnsOf("soak", "daemon", "median memory", "MiB", "amount", median);
  return [runsOf("soak", "publish", soak.times), ...held.map((one) => ({ ...one, sort: "one" as const }))];
}

function ofClaude({ claude }: Report): Comparable[] {
  return (claude?.kinds ?? []).map(({ name, gaps }) => runsOf("claude", name, gaps, "p50 of the gap"));
}
