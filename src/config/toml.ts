// A TOML text to its table, with the line of every key and of the error, which Bun.TOML (1.4.5) does not give.
// The values are Bun's alone. Our scan only finds where statements start, and need be right only up to the first error.
//
// The line of an error: of the statements that start in the text, the first whose end Bun cannot reach holds it (bisection:
// up to it every beginning of the text parses, from it on none does). Within it, the first line that gives the same error.
import { statementsOf } from "./toml-scan.ts";

/** A problem of a config file; line is 1-based. */
export type Problem = { line: number; text: string };

export type TomlTable = Record<string, unknown>;

/** A parsed text. `lineOf` gives the line of a key's path, or of the nearest table that holds it, or 1. */
export type Toml = { table: TomlTable; lineOf(path: readonly PropertyKey[]): number };

// Bun's parser takes the square of the number of keys: 30,000 of them are a second, in which the daemon would stand still.
const MOST_STATEMENTS = 2_000;

// What comes after may walk a table by recursion.
const DEEPEST = 40;
const TOO_DEEP = `tables and lists are nested more than ${DEEPEST} deep`;

/** Parses a TOML text; returns the one problem that keeps it from being read. Refuses `__proto__` and deep nesting. */
export function parseToml(text: string): Toml | Problem {
  const statements = statementsOf(text);
  const excess = statements[MOST_STATEMENTS];
  if (excess !== undefined)
    return { line: excess.line, text: `more than ${MOST_STATEMENTS} keys; no file that is written by hand has them` };
  const outcome = attempt(text);
  if (typeof outcome === "string")
    return { line: errorLine(text, outcome), text: `this is not TOML: ${lowerFirst(outcome)}` };
  const lines = new Map<string, number>();
  for (const { path, line } of statements) {
    // No deeper than what is let through: a key of 30,000 dots would take their square.
    for (let length = 1; length <= Math.min(path.length, DEEPEST + 1); length++) {
      const key = JSON.stringify(path.slice(0, length));
      if (!lines.has(key)) lines.set(key, line);
    }
  }
  const lineOf = (path: readonly PropertyKey[]): number => {
    for (let length = path.length; length > 0; length--) {
      const line = lines.get(JSON.stringify(path.slice(0, length)));
      if (line !== undefined) return line;
    }
    return 1;
  };
  const unsafe = unsafePlace(outcome, []);
  if (unsafe !== null) return { line: lineOf(unsafe.path), text: unsafe.text };
  return { table: outcome, lineOf };
}

/** Whether `parseToml` found a problem. */
export function isProblem(parsed: Toml | Problem): parsed is Problem {
  return !("table" in parsed);
}

/** The table, or the text of Bun's error. */
function attempt(text: string): TomlTable | string {
  try {
    return Bun.TOML.parse(text) as TomlTable;
  } catch (error) {
    if (error instanceof RangeError) return TOO_DEEP;
    if (error instanceof SyntaxError) return error.message.replace(/^TOML Parse error: /, "");
    throw error;
  }
}

function errorLine(text: string, message: string): number {
  const lines = text.split("\n");
  const upTo = (count: number) => (count < lines.length ? `${lines.slice(0, count).join("\n")}\n` : text);
  const starts = [1, ...statementsOf(text).map((statement) => statement.line), lines.length + 1];
  let good = 0;
  let bad = starts.length - 1;
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (typeof attempt(upTo((starts[middle] ?? 1) - 1)) === "string") bad = middle;
    else good = middle;
  }
  const first = starts[good] ?? 1;
  // A statement that goes on for hundreds of lines is one unclosed bracket or quote: its start is the place to look.
  const last = Math.min((starts[bad] ?? 1) - 1, first + 200);
  for (let line = first; line <= last; line++) {
    if (attempt(upTo(line)) === message) return line;
  }
  return first;
}

function unsafePlace(
  value: unknown,
  path: readonly PropertyKey[],
): { path: readonly PropertyKey[]; text: string } | null {
  if (typeof value !== "object" || value === null) return null;
  if (path.length > DEEPEST) return { path, text: TOO_DEEP };
  for (const [key, inner] of Object.entries(value)) {
    const at = [...path, key];
    const found = key === "__proto__" ? { path: at, text: "the key __proto__ cannot be used" } : unsafePlace(inner, at);
    if (found !== null) return found;
  }
  return null;
}

/** Every text within a value of TOML, keys not included. */
export function textsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
