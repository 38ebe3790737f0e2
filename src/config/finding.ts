// What is wrong in a config file: found by path in the table, told by line.
import type { Toml } from "./toml.ts";

/** Something wrong: where in the table, and a whole sentence. */
export type Finding = { path: readonly PropertyKey[]; text: string };

/** The findings as lines for people, in the order of the file, each once: "consumers/lint.toml:3: unknown key ...". */
export function toLines(findings: readonly Finding[], label: string, lineOf: Toml["lineOf"]): string[] {
  const placed = findings.map(({ path, text }) => ({ line: lineOf(path), text }));
  placed.sort((a, b) => a.line - b.line);
  return [...new Set(placed.map(({ line, text }) => `${label}:${line}: ${text}`))];
}
