// The part `hook` as text: what one hook costs the agent, publish beside what else could stand in its place.
import { countOf, msText, rangeText, sizeText, timesText } from "./figure-text.ts";
import { type Column, fittedTable } from "./fitted-table.ts";
import { histogramLines } from "./histogram.ts";
import { type Look, legend, painted } from "./look.ts";
import type { Hook, HookKind, HookLane } from "./shape.ts";
import { differenceOf } from "./statistics.ts";
import { conclusionLines, laneColumns, ratioTexts, titleLines } from "./text-lanes.ts";

/** The lanes, the quickest first. */
export function hookLines(hook: Hook, look: Look, isDoubtful: boolean): string[] {
  const lanes = hook.lanes.toSorted((a, b) => a.times.p50Ms - b.times.p50Ms);
  const how = `what the agent waits for at one hook: ${sizeText(hook.payloadBytes)} on stdin, ${countOf(hook.rounds, "round")} in turns after ${hook.warmUpRounds} to warm up`;
  return [
    ...titleLines("hook", how, look),
    ...conclusionLines(conclusions(hook.lanes, look).join(" "), look, isDoubtful),
    "",
    ...tableLines(lanes, look),
    "",
    ...histogramLines(
      lanes.map(({ name, kind, times }) => ({ name, timesMs: times.timesMs, isOurs: kind === "publish" })),
      look,
    ),
    "",
    ...legend(lanes, look),
    ...failedLines(lanes, look),
  ];
}

function tableLines(lanes: readonly HookLane[], look: Look): string[] {
  const { name, p50, p90, p99, max, runs } = laneColumns<HookLane>("hook");
  const texts = ratioTexts(lanes.map(({ beside }) => beside));
  const beside: Column<HookLane> = {
    title: "beside publish (95 %)",
    of: (lane) => texts[lanes.indexOf(lane)] ?? "",
    isText: true,
  };
  const layouts = [
    [name, p50, p90, p99, max, beside, runs],
    [name, p50, p90, p99, max, beside],
    [name, p50, p99, max, beside],
    [name, p50, p99, beside],
    [name, p50, beside],
  ];
  return fittedTable(lanes, layouts, look, ({ kind }) => (kind === "publish" ? "bold" : null)).lines;
}

function conclusions(lanes: readonly HookLane[], look: Look): string[] {
  const publish = slowest(lanes, "publish");
  if (publish === null) return ["publish was not measured."];
  const control = slowest(lanes, "null");
  const waited = slowest(lanes, "mine") ?? slowest(lanes, "against") ?? slowest(lanes, "sync");
  return [
    `publish takes ${msText(publish.times.p50Ms)}${control === null ? "" : `, ${besideNull(publish, control)}`}.`,
    ...(waited === null ? [] : [waitedText(waited, look)]),
  ];
}

/** Publish beside a program of the same runtime that does nothing: what the work itself costs. */
function besideNull(publish: HookLane, control: HookLane): string {
  const same = "a program of the same runtime that only reads and parses";
  const { value, low, high } = differenceOf(publish.times.timesMs, control.times.timesMs);
  const range = rangeText(low, high, msText);
  if (low > 0) return `${msText(value)} (${range}) above ${same}`;
  if (high < 0) return `${msText(-value)} (${rangeText(-high, -low, msText)}) below ${same}`;
  return `as long as ${same} (the difference is ${range})`;
}

function waitedText({ name, kind, times, beside }: HookLane, look: Look): string {
  const shown = look.oneLine(name);
  const who = kind === "mine" ? "Your own hook" : kind === "sync" ? "A hook that does the work itself" : "Beside it";
  return `${who}, ${shown}: ${msText(times.p50Ms)}, ${timesText(beside.value)} as long.`;
}

/** Of the lanes of a kind the one with the longest median: hooks of one event run side by side, and the last is waited for. */
function slowest(lanes: readonly HookLane[], kind: HookKind): HookLane | null {
  const those = lanes.filter((lane) => lane.kind === kind);
  return those.reduce<HookLane | null>(
    (worst, lane) => (worst === null || lane.times.p50Ms > worst.times.p50Ms ? lane : worst),
    null,
  );
}

/** A command that fails may have ended early: its times are then no times of its work. */
function failedLines(lanes: readonly HookLane[], look: Look): string[] {
  return lanes.flatMap(({ name, failed, times }) =>
    failed === 0
      ? []
      : painted(
          "yellow",
          `${look.oneLine(name)}: ${failed === times.runs ? "all" : `${failed} of`} ${countOf(times.runs, "run")} ended with another code than 0`,
          "  ",
          look,
        ),
  );
}
