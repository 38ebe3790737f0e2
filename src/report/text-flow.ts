// The parts `delivery` and `drain` as text: how soon after a hook its worker runs, and how fast a backlog is worked off.
import { boundsText, count, countOf, mibText, msText, rangeText, rateText, timesText } from "./figure-text.ts";
import { type Column, fittedTable } from "./fitted-table.ts";
import { histogramLines } from "./histogram.ts";
import type { Look } from "./look.ts";
import type { Delivery, Drained, Spread } from "./shape.ts";
import { conclusionLines, countedLines, laneColumns, titleLines } from "./text-lanes.ts";

/** From the start of publish to the worker and to its outcome, beside a program that looks from time to time. */
export function deliveryLines(delivery: Delivery, look: Look, isDoubtful: boolean): string[] {
  const { toWorker, toOutcome, poller } = delivery;
  const every = `a ${msText(poller.everyMs).replace(".0", "")} poller`;
  const lanes = [
    { name: "worker", times: toWorker, isOurs: true },
    { name: "outcome stored", times: toOutcome, isOurs: false },
    { name: `by ${every}`, times: poller.toWorker, isOurs: false },
  ];
  const { name, p50, p90, p99, max, runs } = laneColumns<(typeof lanes)[number]>("from publish to");
  const besideText = `${timesText(poller.beside.value)} as long (${boundsText(poller.beside)})`;
  const conclusion = `A worker begins ${msText(toWorker.p50Ms)} after its hook; with ${every} it would be ${msText(poller.toWorker.p50Ms)}, ${besideText}.`;
  return [
    ...titleLines(
      "delivery",
      `from the hook to its worker: ${countOf(delivery.events, "event")}, one after another; a poller looks for new events from time to time`,
      look,
    ),
    ...conclusionLines(conclusion, look, isDoubtful),
    "",
    ...fittedTable(
      lanes,
      [
        [name, p50, p90, p99, max, runs],
        [name, p50, p99, max],
      ],
      look,
      ({ isOurs }) => (isOurs ? "bold" : null),
    ).lines,
    "",
    ...histogramLines(
      lanes.map(({ name, times, isOurs }) => ({ name, timesMs: times.timesMs, isOurs })),
      look,
    ),
  ];
}

/** One row a backlog. */
export function drainLines(drained: readonly Drained[], look: Look, isDoubtful: boolean): string[] {
  const sorted = drained.toSorted((a, b) => a.events - b.events);
  const largest = sorted.at(-1);
  const conclusion =
    largest === undefined
      ? []
      : conclusionLines(
          `${count(largest.events)} events that wait are worked off in ${msText((largest.events / largest.perSecond.median) * 1000)}.`,
          look,
          isDoubtful,
        );
  const counted = sorted.map((cell) => ({
    ...cell,
    acknowledged: cell.events,
    of: `a backlog of ${count(cell.events)}`,
  }));
  return [
    ...titleLines("drain", "a backlog, from the daemon's start until the last event is settled", look),
    ...conclusion,
    ...(sorted.length === 0 ? [] : countedLines(counted, look)),
    "",
    ...drainTable(sorted, look),
  ];
}

function drainTable(drained: readonly Drained[], look: Look): string[] {
  const column = (title: string, of: (cell: Drained) => string): Column<Drained> => ({ title, of });
  const spread = (of: Spread | null, text: (value: number) => string) =>
    of === null ? "not seen" : rangeText(of.least, of.most, text);
  const median = (of: Spread | null, text: (value: number) => string) => (of === null ? "not seen" : text(of.median));
  const backlog = { ...column("backlog", ({ events }) => countOf(events, "event")), isText: true };
  const rate = column("settled", ({ perSecond }) => rateText(perSecond.median));
  const rates = column("least–most", ({ perSecond }) => spread(perSecond, rateText));
  const memory = column("peak memory", ({ peakMib }) => median(peakMib, mibText));
  const memories = column("least–most of it", ({ peakMib }) => spread(peakMib, mibText));
  const processor = column("cpu/event", ({ cpuMsPerEvent }) => median(cpuMsPerEvent, msText));
  const turns = column("turns", ({ perSecond }) => count(perSecond.turns.length));
  const missing = column("missing", (cell) => count(cell.missing));
  const foreign = column("foreign", (cell) => count(cell.foreign));
  const layouts = [
    [backlog, rate, rates, memory, memories, processor, turns, missing, foreign],
    [backlog, rate, rates, memory, processor, turns],
    [backlog, rate, memory, processor],
  ];
  return fittedTable(drained, layouts, look, ({ missing, foreign }) => (missing + foreign > 0 ? "red" : null)).lines;
}
