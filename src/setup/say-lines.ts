// Prints the lines of a plan: on a terminal broken between words, with what is broken indented.
import { flush, print } from "../cli/print.ts";
import { isTerminal } from "../system/libc.ts";

const HANGING = "      ";

/** Prints lines, and what they hold is on the terminal when this returns. */
export function sayLines(lines: readonly string[]): void {
  for (const line of lines) print(fitted(line));
  flush();
}

function fitted(line: string): string {
  const width = (process.stdout.columns ?? 80) - HANGING.length;
  return isTerminal(1)
    ? Bun.wrapAnsi(line, Math.max(20, width), { trim: false }).replaceAll("\n", `\n${HANGING}`)
    : line;
}
