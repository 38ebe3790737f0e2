// How a report reaches a terminal: its width, its colours, whether its letters are known. Handed in, so that text stays pure.
// Here too: cutting and wrapping by columns, which every text of this room does the same way.

/** What a terminal can do. `table`, `oneLine` and `paint` are those of cli/print.ts. */
export type Look = {
  columns: number;
  /** No UTF-8: bars, dashes and µ become ASCII. */
  isAscii: boolean;
  paint(colour: Colour, text: string): string;
  /** Makes text from elsewhere safe for one line: control characters are shown, not sent. */
  oneLine(text: string): string;
  /** Lines of an aligned table, the header first; the columns named in `right` hold numbers. */
  table(header: readonly string[], rows: readonly (readonly string[])[], right?: readonly string[]): string[];
};

export type Colour = "red" | "green" | "yellow" | "dim" | "bold";

/** One column wide each, so that what fits in UTF-8 fits in ASCII. */
const ASCII: Readonly<Record<string, string>> = {
  "…": "~",
  "–": "-",
  "−": "-",
  µ: "u",
  "─": "-",
  "┴": "+",
  "▁": ".",
  "▂": ":",
  "▃": "-",
  "▄": "=",
  "▅": "+",
  "▆": "*",
  "▇": "%",
  "█": "#",
};

/** Lines as they are printed: in letters that the terminal knows, nothing at their end, and none wider than it. */
export function finished(lines: readonly string[], look: Look): string[] {
  return lines.map((line) => {
    const known = look.isAscii ? line.replace(/[…–−µ─┴▁-█]/g, (char) => ASCII[char] ?? "?") : line;
    return cut(known.trimEnd(), look.columns, look.isAscii ? "~" : "…");
  });
}

/** Text of at most so many columns; what is cut off ends in the mark. */
export function cut(text: string, columns: number, mark = "…"): string {
  return Bun.stringWidth(text) <= columns ? text : Bun.sliceAnsi(text, 0, Math.max(1, columns), mark);
}

/** Text in lines of at most `look.columns`, each begun with the indent; words that are too long are broken. */
export function wrapped(text: string, indent: string, look: Look): string[] {
  const room = Math.max(10, look.columns - Bun.stringWidth(indent));
  // A number is not parted from its unit: a no-break space while it is wrapped.
  const kept = text.replace(/(\d) (?=(ms|µs|s|min|x|%|B|KB|MB|MiB|GiB)\b|%)/g, "$1\u00a0");
  return Bun.wrapAnsi(kept, room, { hard: true })
    .split("\n")
    .map((line) => indent + line.replaceAll("\u00a0", " "));
}

/** Wrapped text that stands out: each line is painted alone, or a colour would end with the first. */
export function painted(colour: Colour, text: string, indent: string, look: Look): string[] {
  return wrapped(text, indent, look).map((line) => look.paint(colour, line));
}

/** Names with what they are, whole, in two columns: the second is wrapped, and a name of more columns than `most` gets a line of its own. */
export function legend(entries: readonly { name: string; what: string }[], look: Look, most = 20): string[] {
  const widest = Math.max(0, ...entries.map(({ name }) => Bun.stringWidth(look.oneLine(name))));
  const room = Math.min(widest, most);
  const indent = " ".repeat(2 + room + 2);
  return entries.flatMap(({ name, what }) => {
    const shown = look.oneLine(name);
    const said = look.oneLine(what);
    if (said === shown || said === "") return wrapped(shown, "  ", look);
    const width = Bun.stringWidth(shown);
    const lines = wrapped(said, indent, look);
    if (width > room) return [...wrapped(shown, "  ", look), ...lines];
    return [`  ${shown}${" ".repeat(room - width + 2)}${lines[0]?.slice(indent.length) ?? ""}`, ...lines.slice(1)];
  });
}
