// The terminal that a benchmark is told on.
import { oneLine, paint, table } from "../cli/print.ts";
import type { Look } from "../report/look.ts";

/** Into a pipe: as for a terminal of usual width. */
const USUAL_COLUMNS = 100;
const FEWEST_COLUMNS = 40;

export function terminalLook(): Look {
  // A terminal that was never told its size says 0.
  const columns = Math.max(FEWEST_COLUMNS, process.stdout.columns || USUAL_COLUMNS);
  return { columns, isAscii: !isUtf8(), paint, oneLine, table };
}

/** The first of these that is set decides (locale(7)). */
function isUtf8(): boolean {
  const { LC_ALL, LC_CTYPE, LANG } = process.env;
  return /utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || "");
}
