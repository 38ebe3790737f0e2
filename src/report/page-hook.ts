// The part `hook` on the page: what one hook costs the agent, beside what is there to compare. Pure.

import { count, countOf, sizeText } from "./figure-text.ts";
import { html, type Markup, named, shortened } from "./markup.ts";
import { figure, intervalFigure } from "./page-figures.ts";
import type { Section } from "./page-section.ts";
import { headOf, numbers, type TableRow, tableOf } from "./page-table.ts";
import { type BarRow, barsPlot, intervalsPlot } from "./plot-intervals.ts";
import type { Tone } from "./plot-rows.ts";
import { runsPlot } from "./plot-runs.ts";
import type { Hook, HookKind, HookLane } from "./shape.ts";

type Placed = HookLane & { path: string; tone: Tone };

const NAME_CHARACTERS = 64;

export function hookSection(hook: Hook): Section {
  const placed = hook.lanes.map((lane, index): Placed => {
    return { ...lane, path: `hook.lanes.${index}`, tone: toneOf(lane.kind) };
  });
  const lanes = placed.toSorted((a, b) => a.times.p50Ms - b.times.p50Ms);
  const { publish, control, slowest } = mattering(lanes);
  const rows = lanes.map(({ name, tone, path, times }) => ({ name, tone, path: `${path}.times`, times }));
  const ratios = lanes.map(({ name, tone, path, beside }) => ({
    name,
    tone,
    path: `${path}.beside`,
    interval: beside,
  }));
  return {
    part: "hook",
    short: "One hook",
    title: "What one hook costs the agent",
    lead: leadOf(publish, control, slowest),
    how: html`The agent waits until the process of a hook has ended. ${countOf(hook.rounds, "round")} after
      ${count(hook.warmUpRounds)} of warming up; in a round each has its turn, in random order. Payload:
      ${sizeText(hook.payloadBytes)}.`,
    body: html`${barsOf(publish, control, slowest)}
${runsPlot("hook-runs", "Every run", rows)}
${intervalsPlot({ id: "hook-beside", title: "Median beside that of publish", rows: ratios, kind: "ratio" })}
${tableOf("hook", numbers("p50 ms", "p90 ms", "p99 ms", "max ms", "runs", "times publish"), lanes.map(rowOf))}`,
    alarms: [],
  };
}

function toneOf(kind: HookKind): Tone {
  switch (kind) {
    case "publish":
    case "publish-shell":
      return "ours";
    case "floor":
    case "null":
      return "control";
    case "python":
    case "sync":
    case "against":
    case "mine":
      return "other";
    default:
      return kind satisfies never;
  }
}

type Mattering = { publish: Placed | null; control: Placed | null; slowest: Placed | null };

/** What the first sentence is about: publish, the same runtime doing nothing, and the slowest of the reader's own hooks, or else of ours that wait. */
function mattering(lanes: readonly Placed[]): Mattering {
  const slowestOf = (...kinds: HookKind[]) => {
    const some = lanes.filter(({ kind }) => kinds.includes(kind));
    return some.toSorted((a, b) => b.times.p50Ms - a.times.p50Ms)[0] ?? null;
  };
  return {
    publish: lanes.find(({ kind }) => kind === "publish") ?? null,
    control: lanes.find(({ kind }) => kind === "null") ?? null,
    slowest: slowestOf("mine") ?? slowestOf("against") ?? slowestOf("sync") ?? slowestOf("python"),
  };
}

function leadOf(publish: Placed | null, control: Placed | null, slowest: Placed | null): Markup {
  const ms = ({ path, times }: Placed) => html`${figure(`${path}.times.p50Ms`, times.p50Ms)} ms`;
  const lane = ({ name }: Placed) => named(shortened(name, NAME_CHARACTERS));
  if (publish === null) return html`How long each of these keeps the agent waiting.`;
  const beside =
    control === null
      ? html``
      : html`; the same program that only reads, parses and exits (${lane(control)}) takes ${ms(control)}`;
  const waited =
    slowest === null
      ? html``
      : html` ${whoIs(slowest.kind)}, ${lane(slowest)}, takes ${ms(slowest)}:
        ${intervalFigure(`${slowest.path}.beside`, slowest.beside)} times as
        long${slowest.failed === slowest.times.runs ? ", and never ended with 0" : ""}.`;
  return html`A hook with publish keeps the agent waiting for <b>${ms(publish)}</b> (median of
    ${countOf(publish.times.runs, "run")})${beside}.${waited}`;
}

function whoIs(kind: HookKind): string {
  if (kind === "mine") return "The slowest of your hooks";
  if (kind === "against") return "The slowest of your commands";
  return kind === "sync" ? "A hook that does the work itself" : "A publisher in another language";
}

function barsOf(publish: Placed | null, control: Placed | null, slowest: Placed | null): Markup | null {
  const shown = [control, publish, slowest].filter((lane) => lane !== null);
  if (publish === null || shown.length < 2) return null;
  const rows = shown.map(({ name, tone, path, times, beside }): BarRow => {
    const ratio = name === publish.name ? null : html`${figure(`${path}.beside.value`, beside.value)} × publish`;
    return { name, tone, path: `${path}.times.p50Ms`, valueMs: times.p50Ms, beside: ratio };
  });
  return barsPlot("hook-wait", "How long the agent waits", rows);
}

function rowOf({ name, what, path, times, beside, failed }: Placed): TableRow {
  const notes = failed === 0 ? [] : [`${count(failed)} of ${countOf(times.runs, "run")} did not end with 0`];
  return {
    head: headOf(name, what, notes),
    cells: [
      ...(["p50Ms", "p90Ms", "p99Ms", "maxMs"] as const).map((end) => figure(`${path}.times.${end}`, times[end])),
      figure(`${path}.times.runs`, times.runs, { text: count }),
      intervalFigure(`${path}.beside`, beside),
    ],
  };
}
