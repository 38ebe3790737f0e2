// How far a benchmark is: one line on the terminal of stderr, drawn again as it goes on; into a file one line for each part.
import { isatty } from "node:tty";
import { printNote, printProgress } from "../cli/print.ts";
import type { Step } from "../measure/means.ts";
import type { Part } from "../report/shape.ts";

const BAR_CELLS = 20;
/** Where there is little room for what is being done. */
const SHORT_BAR_CELLS = 10;
const ROOM_COLUMNS = 100;
const EVERY_MS = 100;
const FEWEST_COLUMNS = 40;

/** Draws steps of these parts, which are measured in this order. */
export function drawProgress(parts: readonly Part[]): (step: Step) => void {
  const beganMs = performance.now();
  const isSeen = isatty(2);
  let drawnMs = Number.NEGATIVE_INFINITY;
  let part: Part | null = null;
  return (step) => {
    const nowMs = performance.now();
    const isNew = step.part !== part;
    part = step.part;
    const place = `${parts.indexOf(part) + 1}/${parts.length} ${part}`;
    if (!isSeen) {
      if (isNew) printNote(`${place}: ${step.doing}`);
      return;
    }
    if (!isNew && nowMs - drawnMs < EVERY_MS) return;
    drawnMs = nowMs;
    printProgress(progressLine(place, step, nowMs - beganMs, process.stderr.columns || 80));
  };
}

/** One line of at most so many columns: the part, a bar, the time since the start, what is being done. */
export function progressLine(place: string, { done, of, doing }: Step, sinceMs: number, columns: number): string {
  const share = of === 0 ? 0 : Math.min(1, done / of);
  const cells = columns < ROOM_COLUMNS ? SHORT_BAR_CELLS : BAR_CELLS;
  const full = Math.round(share * cells);
  const bar = `[${"#".repeat(full)}${".".repeat(cells - full)}]`;
  const text = `${place.padEnd(12)} ${bar} ${`${Math.floor(share * 100)} %`.padStart(5)} ${sinceText(sinceMs).padStart(5)}  ${doing}`;
  return Bun.sliceAnsi(text, 0, Math.max(FEWEST_COLUMNS, columns) - 1);
}

/** In whole seconds: "7 s", "74 s", "12 min". Tenths would only flicker. */
function sinceText(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  return seconds < 120 ? `${seconds} s` : `${Math.floor(seconds / 60)} min`;
}

/** Takes the line away. */
export function endProgress(): void {
  printProgress(null);
}
