// The part `claude` as text: what hooks add to each tool call of the real Claude Code.
import { countOf, msText, rangeText } from "./figure-text.ts";
import { type Column, fittedTable } from "./fitted-table.ts";
import { histogramLines } from "./histogram.ts";
import { type Look, legend } from "./look.ts";
import type { Claude, ClaudeKind } from "./shape.ts";
import { conclusionLines, laneColumns, titleLines } from "./text-lanes.ts";

type Lane = ClaudeKind & { times: ClaudeKind["gaps"] };

/** One row a kind of hooks, as they come: none, publish, others. */
export function claudeLines(claude: Claude, look: Look, isDoubtful: boolean): string[] {
  const lanes = claude.kinds.map((kind) => ({ ...kind, times: kind.gaps }));
  const { name, p50, p90, p99, max, runs } = laneColumns<Lane>("hooks");
  const added: Column<Lane> = { title: "added (95 %)", of: ({ addedMs }) => addedText(addedMs) };
  const how = `a tool call in Claude Code ${look.oneLine(claude.version)}, from the answer that asks for a Write to the next request: ${countOf(claude.rounds, "session")} with each kind of hooks, ${countOf(claude.writes, "Write")} in each`;
  const conclusion = conclusionOf(claude.kinds, look);
  return [
    ...titleLines("claude", how, look),
    ...(conclusion === "" ? [] : conclusionLines(conclusion, look, isDoubtful)),
    "",
    ...fittedTable(
      lanes,
      [
        [name, p50, p90, p99, max, added, runs],
        [name, p50, p90, p99, max, added],
        [name, p50, p99, added],
        [name, p50, added],
      ],
      look,
      (lane) => (isOurs(lane) ? "bold" : null),
    ).lines,
    "",
    ...histogramLines(
      lanes.map((lane) => ({ name: lane.name, timesMs: lane.gaps.timesMs, isOurs: isOurs(lane) })),
      look,
    ),
    "",
    ...legend(lanes, look),
  ];
}

const isOurs = ({ name }: { name: string }) => name === "publish";

/** "14.2 ms (13.9–14.6 ms)"; for no hooks itself nothing. */
function addedText({ value, low, high }: ClaudeKind["addedMs"]): string {
  return value === 0 && low === 0 && high === 0 ? "" : `${msText(value)} (${rangeText(low, high, msText)})`;
}

/** Where the runs do not show that anything was added. */
function unsureText({ low, high }: ClaudeKind["addedMs"]): string {
  return low > 0 || high < 0 ? "" : ` (not certain: ${rangeText(low, high, msText)})`;
}

function conclusionOf(kinds: readonly ClaudeKind[], look: Look): string {
  const said = kinds.flatMap(({ name, addedMs }) =>
    addedText(addedMs) === "" ? [] : [`${look.oneLine(name)} ${msText(addedMs.value)}${unsureText(addedMs)}`],
  );
  return said.length === 0 ? "" : `Added to each tool call: ${said.join(", ")}.`;
}
