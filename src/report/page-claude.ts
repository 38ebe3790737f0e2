// The part `claude` on the page: how long a tool call of the real Claude Code takes, with each kind of hooks. Pure.

import { count, countOf } from "./figure-text.ts";
import { html, type Markup, named, shortened } from "./markup.ts";
import { figure, intervalFigure } from "./page-figures.ts";
import type { Section } from "./page-section.ts";
import { headOf, numbers, type TableRow, tableOf } from "./page-table.ts";
import { intervalsPlot } from "./plot-intervals.ts";
import type { Tone } from "./plot-rows.ts";
import { runsPlot } from "./plot-runs.ts";
import type { Claude, ClaudeKind } from "./shape.ts";

const NAME_CHARACTERS = 64;

export function claudeSection(claude: Claude): Section {
  const kinds = claude.kinds.map((kind, index) => ({ ...kind, tone: toneOf(kind), path: `claude.kinds.${index}` }));
  const rows = kinds.map(({ name, tone, path, gaps }) => ({ name, tone, path: `${path}.gaps`, times: gaps }));
  const added = kinds.filter((kind) => !isBase(kind));
  const intervals = added.map(({ name, tone, path, addedMs }) => {
    return { name, tone, path: `${path}.addedMs`, interval: addedMs };
  });
  const table = kinds.map(({ name, what, path, gaps, addedMs }): TableRow => {
    return {
      head: headOf(name, what),
      cells: [
        ...(["p50Ms", "p90Ms", "p99Ms", "maxMs"] as const).map((end) => figure(`${path}.gaps.${end}`, gaps[end])),
        figure(`${path}.gaps.runs`, gaps.runs, { text: count }),
        intervalFigure(`${path}.addedMs`, addedMs, "+"),
      ],
    };
  });
  const adds = added.map(({ name, path, addedMs }, index) => {
    const longer = figure(`${path}.addedMs.value`, addedMs.value);
    const unsure = unsureOf(path, addedMs);
    if (index > 0) return html`; with ${named(shortened(name, NAME_CHARACTERS))}, ${longer} ms${unsure}`;
    return html`With ${named(shortened(name, NAME_CHARACTERS))}, a tool call of Claude Code takes <b>${longer} ms</b>
      longer than with no hooks${unsure}`;
  });
  return {
    part: "claude",
    short: "In Claude Code",
    title: "In Claude Code itself",
    lead: html`${added.length === 0 ? "How long a tool call of Claude Code takes with no hooks" : adds}.`,
    how: html`Claude Code ${named(shortened(claude.version, NAME_CHARACTERS))}, driven offline:
      ${countOf(claude.rounds, "round")} of ${countOf(claude.writes, "Write call")}. A gap is the time from an answer
      that calls one Write until the next request: the tool, and every hook that was waited for.`,
    body: html`${runsPlot("claude-gaps", "Gap of a tool call", rows)}
${added.length === 0 ? null : intervalsPlot({ id: "claude-added", title: "Added to the median of no hooks", rows: intervals, kind: "added" })}
${tableOf("hooks", numbers("p50 ms", "p90 ms", "p99 ms", "max ms", "calls", "added ms"), table)}`,
    alarms: [],
  };
}

/** Where the runs do not show that anything was added. */
function unsureOf(path: string, { low, high }: ClaudeKind["addedMs"]): Markup | null {
  if (low > 0 || high < 0) return null;
  return html` (not certain: ${figure(`${path}.addedMs.low`, low)} to ${figure(`${path}.addedMs.high`, high)})`;
}

/** What the others are compared with adds nothing to itself. */
function isBase({ addedMs }: ClaudeKind): boolean {
  return addedMs.value === 0 && addedMs.low === 0 && addedMs.high === 0;
}

function toneOf(kind: ClaudeKind): Tone {
  if (isBase(kind)) return "control";
  return kind.name.startsWith("publish") ? "ours" : "other";
}
