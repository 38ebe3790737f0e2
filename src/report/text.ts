// A report as text for a terminal: first whether its figures can be trusted, then each part that was measured.
// Nothing is measured or judged here, and nothing is printed.
import { finished, type Look, painted } from "./look.ts";
import { PARTS, type Part, type Report } from "./shape.ts";
import { claudeLines } from "./text-claude.ts";
import { deliveryLines, drainLines } from "./text-flow.ts";
import { headLines, trustLines } from "./text-head.ts";
import { hookLines } from "./text-hook.ts";
import { loadLines } from "./text-load.ts";
import { soakLines } from "./text-soak.ts";

/** What was measured, without on what and when: all of a report that there is while it is being made. */
export type Measured = Pick<Report, "hook" | "publishers" | "delivery" | "drain" | "soak" | "claude">;

/** The whole report; where its figures are doubtful that is said at both ends. */
export function reportLines(report: Report, look: Look): string[] {
  const { doubts } = report.load;
  const parts = PARTS.map((part) => partLines(part, report, look, doubts)).filter((lines) => lines.length > 0);
  const nothing = parts.length === 0 ? [["", "Nothing was measured."]] : [];
  return [
    ...startLines(report, look),
    ...parts.flatMap((lines) => ["", ...lines]),
    ...nothing.flat(),
    ...(doubts.length === 0 || parts.length === 0 ? [] : ["", ...endLines(report, look)]),
    ...nextLines(report, look),
  ];
}

/** What a reader may want next, where none of their own hooks were measured. */
function nextLines({ hook }: Report, look: Look): string[] {
  if (hook === null || hook.lanes.some(({ kind }) => kind === "mine" || kind === "against")) return [];
  const text =
    "Your own hooks beside these: offhook bench --mine. As a page with plots: offhook bench --out bench.html.";
  return finished(["", ...painted("dim", text, "  ", look)], look);
}

/** On what, when and with what it was measured, and whether the figures can be trusted. */
export function startLines(report: Report, look: Look): string[] {
  return finished([...headLines(report, look), "", ...trustLines(report, look)], look);
}

/** Whether the figures can be trusted: for the end, when the parts were printed as they came. */
export function endLines(report: Report, look: Look): string[] {
  return finished(trustLines(report, look), look);
}

/** One part; none where it was not measured. With `doubts` its conclusions are doubtful, and say so. */
export function partLines(part: Part, measured: Measured, look: Look, doubts: readonly string[] = []): string[] {
  return finished(linesOf(part, measured, look, doubts.length > 0), look);
}

function linesOf(part: Part, measured: Measured, look: Look, isDoubtful: boolean): string[] {
  switch (part) {
    case "hook":
      return measured.hook === null ? [] : hookLines(measured.hook, look, isDoubtful);
    case "load":
      return measured.publishers === null ? [] : loadLines(measured.publishers, look, isDoubtful);
    case "delivery":
      return measured.delivery === null ? [] : deliveryLines(measured.delivery, look, isDoubtful);
    case "drain":
      return measured.drain === null ? [] : drainLines(measured.drain, look, isDoubtful);
    case "soak":
      return measured.soak === null ? [] : soakLines(measured.soak, look, isDoubtful);
    case "claude":
      return measured.claude === null ? [] : claudeLines(measured.claude, look, isDoubtful);
    default:
      return part satisfies never;
  }
}
