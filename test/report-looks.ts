// Terminals for tests of what shows reports: so wide, with colours as they are sent, in UTF-8 or not.
import { oneLine, table } from "../src/cli/print.ts";
import type { Look } from "../src/report/look.ts";

const CODES = { red: 31, green: 32, yellow: 33, dim: 2, bold: 1 };

export function aLook(columns: number, { isAscii = false, isColoured = false } = {}): Look {
  const paint: Look["paint"] = (colour, text) => (isColoured ? `\x1b[${CODES[colour]}m${text}\x1b[0m` : text);
  return { columns, isAscii, paint, oneLine, table };
}

/** The widest of the lines, in columns. */
export function widthOf(lines: readonly string[]): number {
  return Math.max(0, ...lines.map((line) => Bun.stringWidth(line)));
}
