// The part `hook` as text: what one hook costs the agent, publish beside what else could stand in its place.
import { countOf, msText, rangeText, sizeText, timesText } from "./figure-text.ts";
import { type Column, fittedTable } from "./fitted-table.ts";
import { histogramLines } from "./histogram.ts";
import { type Look, legend, painted, wrapped } from "./look.ts";
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
    ...failedLines(lanes, look),
    "",
    ...histogramLines(
      lanes.map(({ name, kind, times }) => ({ name, timesMs: times.timesMs, isOurs: kind === "publish" })),
      look,
    ),
    "",
    ...legend(
      lanes.filter((lane) => !isUsers(lane)),
      look,
    ),
    ...usersLines(hook.lanes.filter(isUsers), look),
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
  const colour = ({ kind, failed }: HookLane) => (kind === "publish" ? "bold" : failed > 0 ? "yellow" : null);
  return fittedTable(lanes, layouts, look, colour).lines;
}

const USERS_NAME_COLUMNS = 28;
const isUsers = ({ kind }: HookLane) => kind === "against" || kind === "mine";

/** The user's commands, whole and in their order: they are long, and a name may be the beginning of its command. */
function usersLines(lanes: readonly HookLane[], look: Look): string[] {
  if (lanes.length === 0) return [];
  const isBegun = ({ name, what }: HookLane) => look.oneLine(what).startsWith(look.oneLine(name).replace(/…$/, ""));
  return [
    "",
    look.paint("dim", "  your commands"),
    ...lanes.filter(isBegun).flatMap(({ what }) => hanging(look.oneLine(what), look)),
    ...legend(
      lanes.filter((lane) => !isBegun(lane)),
      look,
      USERS_NAME_COLUMNS,
    ),
  ];
}

/** Wrapped, all lines but the first by two columns further in. */
function hanging(text: string, look: Look): string[] {
  const [first = "", ...rest] = wrapped(text, " ".repeat(4), look);
  return [first.slice(2), ...rest];
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
  return `not to be told from ${same} by these runs (the difference is ${range})`;
}

function waitedText({ name, kind, times, beside, failed }: HookLane, look: Look): string {
  const shown = look.oneLine(name);
  const who =
    kind === "sync"
      ? "A hook that does the work itself"
      : kind === "mine"
        ? "Your slowest hook"
        : "Your slowest command";
  const failing = failed === times.runs ? ", and never ended with 0" : "";
  return `${who} (${shown}) takes ${msText(times.p50Ms)}, ${timesText(beside.value)} as long${failing}.`;
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
          `${look.oneLine(name)}: ${failed === times.runs ? "all" : `${failed} of`} ${countOf(times.runs, "run")} ended with another code than 0. Did it do its work?`,
          "  ",
          look,
        ),
  );
}
