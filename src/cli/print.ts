// What goes to the terminal: buffered lines on stdout, aligned tables, colour only for eyes.
// Written with writeSync: process.stdout alone costs 10 ms at start.
import { writeSync } from "node:fs";
import { isatty } from "node:tty";

/** Thrown when the reader of our output has gone (`offhook events | head`); main.ts ends quietly with 0. */
export class ReaderGone extends Error {
  override readonly name = "ReaderGone";
}

const FLUSH_AT_CHARS = 65_536;
let buffered = "";

/** Prints one line, with those printed before it at the latest when `flush` is called. */
export function print(line: string): void {
  buffered += `${line}\n`;
  if (buffered.length >= FLUSH_AT_CHARS) flush();
}

/** Writes what was printed. Errors: ReaderGone. */
export function flush(): void {
  const bytes = Buffer.from(buffered);
  buffered = "";
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(1, bytes, at);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EPIPE") throw new ReaderGone();
      if (code !== "EAGAIN") throw error;
      Bun.sleepSync(1); // A non-blocking pipe that is full.
    }
  }
}

let coloured: boolean | null = null;

/** Whether stdout is looked at by somebody who wants colour (NO_COLOR: no-color.org). Found out once. */
export function isColoured(): boolean {
  coloured ??= isatty(1) && !process.env.NO_COLOR && process.env.TERM !== "dumb";
  return coloured;
}

const CODES = { red: 31, green: 32, yellow: 33, dim: 2, bold: 1 } as const;

/** Colours text for eyes; plain into a pipe. */
export function paint(colour: keyof typeof CODES, text: string): string {
  return isColoured() ? `\x1b[${CODES[colour]}m${text}\x1b[0m` : text;
}

/** Lines of an aligned table; the columns named in `right` hold numbers. Cells must hold no colour. */
export function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly string[] = [],
): string[] {
  const widths = header.map((title, column) =>
    Math.max(Bun.stringWidth(title), ...rows.map((row) => Bun.stringWidth(row[column] ?? ""))),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => {
        const space = " ".repeat(Math.max(0, (widths[column] ?? 0) - Bun.stringWidth(cell)));
        return right.includes(header[column] ?? "") ? space + cell : cell + space;
      })
      .join("  ")
      .trimEnd();
  return [line(header), ...rows.map(line)];
}

/** A number with its noun: "1 event", "3 events", "2 deliveries". */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}

/** Shows a line on the terminal of stderr in place of the one before it; null takes it away. Nothing where that is no terminal. */
export function printProgress(line: string | null): void {
  if (!isatty(2)) return;
  try {
    writeSync(2, `\r\x1b[K${line ?? ""}`);
  } catch {
    // Nobody looks any more.
  }
}

/** Says a line on stderr: what is worth knowing beside what a command gives, which may go into a pipe. */
export function printNote(line: string): void {
  try {
    writeSync(2, `${oneLine(line)}\n`);
  } catch {
    // Nobody looks any more.
  }
}

/** A length of time for eyes: "8 ms", "2.1 s", "3 min", "5 h", "2 d". */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)} min`;
  if (ms < 86_400_000) return `${Math.round(ms / 3_600_000)} h`;
  return `${Math.round(ms / 86_400_000)} d`;
}

/** Makes text from elsewhere (file names, outputs) safe for one line of a terminal: control characters are shown, not sent. */
export function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this is about
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g, (char) => {
    if (char === "\n") return "\\n";
    if (char === "\t") return "\\t";
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
