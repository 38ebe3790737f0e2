// Where the statements of a TOML text start: `key = value` and `[table]`, with the whole path of each and its line.
// It skips over strings, comments and brackets so that what looks like a key inside a value is not taken for one.
// It checks nothing: Bun.TOML does. On a text that is wrong it is right up to the first wrong statement.

export type Statement = { line: number; path: string[] };

/** The statements of a text in order; a key of a `[table]` has the table's path in front. Lines are 1-based. */
export function statementsOf(text: string): Statement[] {
  const statements: Statement[] = [];
  let table: string[] = [];
  let at = text.startsWith("\uFEFF") ? 1 : 0;
  let line = 1;
  while (at < text.length) {
    const indent = /[ \t\r]*/y;
    indent.lastIndex = at;
    indent.exec(text);
    const start = indent.lastIndex;
    const end = endOfStatement(text, start);
    const source = text.slice(start, end);
    if (source.startsWith("[")) {
      table = keysOf(source.replace(/^\[\[?[ \t]*/, ""));
      statements.push({ line, path: table });
    } else if (source.trim() !== "" && !source.startsWith("#")) {
      statements.push({ line, path: [...table, ...keysOf(source)] });
    }
    line += source.split("\n").length;
    at = end + 1;
  }
  return statements;
}

/** The offset of the newline that ends the statement that starts at an offset, or of the end of the text. */
function endOfStatement(text: string, start: number): number {
  let depth = 0;
  let at = start;
  while (at < text.length) {
    const char = text[at];
    if (char === "\n" && depth === 0) return at;
    if (char === "#") at = endOfLine(text, at);
    else if (char === '"' || char === "'") at = endOfString(text, at, char);
    else {
      if (char === "[" || char === "{") depth++;
      if (char === "]" || char === "}") depth = Math.max(0, depth - 1);
      at++;
    }
  }
  return text.length;
}

function endOfLine(text: string, start: number): number {
  const end = text.indexOf("\n", start);
  return end < 0 ? text.length : end;
}

/** Past a string's closing quote; a one-line string that is not closed ends with its line. */
function endOfString(text: string, start: number, quote: '"' | "'"): number {
  const isLong = text.startsWith(quote.repeat(3), start);
  let at = start + (isLong ? 3 : 1);
  while (at < text.length) {
    const char = text[at];
    if (char === "\\" && quote === '"') at += 2;
    else if (!isLong && char === "\n") return at;
    else if (char === quote && !isLong) return at + 1;
    else if (char === quote && text.startsWith(quote.repeat(3), at)) {
      // Up to two quotes may stand right before the closing three.
      let end = at + 3;
      while (end < at + 5 && text[end] === quote) end++;
      return end;
    } else at++;
  }
  return text.length;
}

/** The dotted key that a source starts with, as its parts. Escapes in a quoted key are left as they are. */
function keysOf(source: string): string[] {
  const parts: string[] = [];
  const part = /[ \t]*(?:([A-Za-z0-9_-]+)|"((?:[^"\\\n]|\\.)*)"|'([^'\n]*)')[ \t]*(\.?)/y;
  for (;;) {
    const found = part.exec(source);
    if (found === null) return parts;
    const [, bare, basic, literal, dot] = found;
    parts.push(bare ?? literal ?? basic ?? "");
    if (dot === "") return parts;
  }
}
