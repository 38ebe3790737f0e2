// The part `load` as text: many publishers at once, with payloads of several sizes, and whether every event arrived.
import { count, countOf, eventsText, msText, rangeText, rateText, sizeText } from "./figure-text.ts";
import { type Column, fittedTable } from "./fitted-table.ts";
import { type Look, painted } from "./look.ts";
import type { LoadCell } from "./shape.ts";
import { conclusionLines, countedLines, titleLines } from "./text-lanes.ts";

/** One row a cell, publishers within payloads. */
export function loadLines(cells: readonly LoadCell[], look: Look, isDoubtful: boolean): string[] {
  const sorted = cells.toSorted((a, b) => a.payloadBytes - b.payloadBytes || a.publishers - b.publishers);
  const best = sorted.reduce<LoadCell | null>(
    (most, cell) => (most === null || cell.perSecond.median > most.perSecond.median ? cell : most),
    null,
  );
  const peak =
    best === null
      ? []
      : conclusionLines(`At most ${eventsText(best.perSecond.median)}: ${cellText(best)} each.`, look, isDoubtful);
  const counted = sorted.map((cell) => ({ ...cell, of: cellText(cell) }));
  const refused = sorted.filter((cell) => cell.refused > 0);
  return [
    ...titleLines("load", "many publishers at once; what each waits for, and whether every event arrived", look),
    ...peak,
    ...(sorted.length === 0 ? [] : countedLines(counted, look)),
    ...refused.flatMap((cell) =>
      painted(
        "red",
        `REFUSED: ${countOf(cell.refused, "publish", "publishes")} failed (${cellText(cell)})`,
        "  ",
        look,
      ),
    ),
    "",
    ...tableLines(sorted, look),
  ];
}

/** "16 publishers, 20 KB". */
export function cellText({ publishers, payloadBytes }: Pick<LoadCell, "publishers" | "payloadBytes">): string {
  return `${countOf(publishers, "publisher")}, ${sizeText(payloadBytes)}`;
}

function tableLines(cells: readonly LoadCell[], look: Look): string[] {
  const column = (title: string, of: (cell: LoadCell) => string): Column<LoadCell> => ({ title, of });
  const isFirst = (cell: LoadCell) => cells[cells.indexOf(cell) - 1]?.payloadBytes !== cell.payloadBytes;
  const payload = { ...column("payload", (cell) => (isFirst(cell) ? sizeText(cell.payloadBytes) : "")), isText: true };
  const publishers = column("publishers", (cell) => count(cell.publishers));
  const p50 = column("p50", ({ times }) => msText(times.p50Ms));
  const p99 = column("p99", ({ times }) => msText(times.p99Ms));
  const max = column("max", ({ times }) => msText(times.maxMs));
  const rate = column("events", ({ perSecond }) => rateText(perSecond.median));
  const spread = column("least–most", ({ perSecond }) => rangeText(perSecond.least, perSecond.most, rateText));
  const acknowledged = column("acknowledged", (cell) => count(cell.acknowledged));
  const arrived = column("arrived", (cell) => count(cell.arrived));
  const missing = column("missing", (cell) => count(cell.missing));
  const foreign = column("foreign", (cell) => count(cell.foreign));
  const layouts = [
    [payload, publishers, p50, p99, max, rate, spread, acknowledged, arrived, missing, foreign],
    [payload, publishers, p50, p99, rate, spread, acknowledged, arrived, missing, foreign],
    [payload, publishers, p50, p99, rate, spread, arrived, missing],
    [payload, publishers, p50, p99, rate, arrived, missing],
    [payload, publishers, p50, p99, rate, missing],
  ];
  return fittedTable(cells, layouts, look, ({ missing, foreign, refused }) =>
    missing + foreign + refused > 0 ? "red" : null,
  ).lines;
}
