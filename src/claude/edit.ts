// Edits of a JSON text that leave everything else as it stands: values put in, taken out, replaced, in the style of their
// surroundings. Pure. An edit is one place; the text is read again between two edits.
import type { SettingsNode } from "./settings-text.ts";

/** `length` UTF-16 units at `offset` become `text`. */
export type Edit = { offset: number; length: number; text: string };

/** What a file looks like. `isLines`: a value gets lines of its own, otherwise all stands in one. */
type Style = { isLines: boolean; indent: string; newline: string; colon: string; comma: string };

/** The text after edits, which stand in different places; of two at one place the first comes first. */
export function applied(body: string, edits: readonly Edit[]): string {
  // From the end, so that the places before it stay where they are.
  const backwards = [...edits].reverse().sort((a, b) => b.offset - a.offset);
  return backwards.reduce(
    (text, edit) => text.slice(0, edit.offset) + edit.text + text.slice(edit.offset + edit.length),
    body,
  );
}

/** Puts children at the end of an object (`key` given) or an array (`key` null). */
export function adding(body: string, container: SettingsNode, children: readonly Child[]): Edit {
  const style = styleOf(body, container);
  const last = container.children?.at(-1);
  if (last === undefined) return filling(body, container, children, style);
  const offset = last.offset + last.length;
  const margin = marginAt(body, last.offset);
  const isOwnLine = isFirstOnLine(body, last.offset);
  const isInline = isOwnLine ? isDense(body, last, container) : !hasLines(body, container);
  const between = isOwnLine ? style.newline + margin : style.comma.slice(1);
  const pad = padOf(body, last);
  const text = children.map((child) => `,${between}${written(child, style, isInline ? { pad } : { margin })}`).join("");
  return { offset, length: 0, text };
}

/** Puts a key in front of the others of an object that has some. */
export function addingFirst(body: string, container: SettingsNode, child: Child): Edit {
  const style = styleOf(body, container);
  const first = container.children?.[0];
  if (first === undefined) return adding(body, container, [child]);
  const isOwnLine = isFirstOnLine(body, first.offset);
  const margin = marginAt(body, first.offset);
  const after = isOwnLine ? style.newline + margin : style.comma.slice(1);
  return { offset: first.offset, length: 0, text: `${written(child, style, { pad: "" })},${after}` };
}

/** Takes a child out of its object or array, and with it the comma and the white space that came with it. `inside`: what stands in an empty one. */
export function removing(child: SettingsNode, inside = ""): Edit {
  const container = child.parent;
  const siblings = container?.children ?? [];
  const at = siblings.indexOf(child);
  const before = siblings[at - 1];
  const next = siblings[at + 1];
  if (container === undefined || at < 0) throw new Error("what is taken out stands nowhere");
  if (next !== undefined) return { offset: child.offset, length: next.offset - child.offset, text: "" };
  if (before === undefined) return { offset: container.offset + 1, length: container.length - 2, text: inside };
  const end = before.offset + before.length;
  return { offset: end, length: child.offset + child.length - end, text: "" };
}

/** Puts another value in a value's place. */
export function replacing(body: string, node: SettingsNode, value: unknown): Edit {
  const style = styleOf(body, node);
  const isInline = node.parent === undefined || !hasLines(body, node.parent.parent ?? node.parent);
  const text = written({ key: null, value }, style, isInline ? { pad: "" } : { margin: marginAt(body, node.offset) });
  return { offset: node.offset, length: node.length, text };
}

/** A property, or with `key` null an element. */
export type Child = { key: string | null; value: unknown };

type Layout = { pad: string } | { margin: string };

function filling(body: string, container: SettingsNode, children: readonly Child[], style: Style): Edit {
  const offset = container.offset + 1;
  const length = container.length - 2;
  if (!style.isLines) {
    return { offset, length, text: children.map((child) => written(child, style, { pad: "" })).join(style.comma) };
  }
  const margin = marginAt(body, container.offset);
  const inner = margin + style.indent;
  const lines = children.map((child) => inner + written(child, style, { margin: inner }));
  const text = `${style.newline}${lines.join(`,${style.newline}`)}${style.newline}${margin}`;
  return { offset, length, text };
}

function written({ key, value }: Child, style: Style, layout: Layout): string {
  const name = key === null ? "" : `${JSON.stringify(key)}${style.colon}`;
  return name + ("margin" in layout ? inLines(value, style, layout.margin) : inOneLine(value, style, layout.pad));
}

/** As JSON.stringify indents, which is how Claude Code writes the file; `margin` is the white space before its first line. */
function inLines(value: unknown, style: Style, margin: string): string {
  const inner = margin + style.indent;
  const wrapped = (open: string, close: string, parts: string[]) =>
    `${open}${style.newline}${parts.map((part) => inner + part).join(`,${style.newline}`)}${style.newline}${margin}${close}`;
  if (Array.isArray(value)) {
    return value.length === 0
      ? "[]"
      : wrapped(
          "[",
          "]",
          value.map((one) => inLines(one, style, inner)),
        );
  }
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const parts = Object.entries(value).map(
    ([key, one]) => `${JSON.stringify(key)}${style.colon}${inLines(one, style, inner)}`,
  );
  return parts.length === 0 ? "{}" : wrapped("{", "}", parts);
}

function inOneLine(value: unknown, style: Style, pad: string): string {
  if (Array.isArray(value)) return `[${value.map((one) => inOneLine(one, style, pad)).join(style.comma)}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const parts = Object.entries(value).map(
    ([key, one]) => `${JSON.stringify(key)}${style.colon}${inOneLine(one, style, pad)}`,
  );
  return parts.length === 0 ? "{}" : `{${pad}${parts.join(style.comma)}${pad}}`;
}

/** The habits of the file that a node stands in, taken from its first key, else the usual ones. */
function styleOf(body: string, node: SettingsNode): Style {
  let root = node;
  while (root.parent !== undefined) root = root.parent;
  const [first] = root.children ?? [];
  const newline = /\r\n|\n|\r/.exec(body)?.[0] ?? "\n";
  if (first === undefined) return { isLines: true, indent: "  ", newline, colon: ": ", comma: ", " };
  const [key, value] = first.children ?? [];
  const colon = key !== undefined && value?.offset === key.offset + key.length + 1 ? ":" : ": ";
  const margin = marginAt(body, root.offset);
  const deeper = isFirstOnLine(body, first.offset) ? marginAt(body, first.offset).slice(margin.length) : "";
  const indent = deeper === "" ? "  " : deeper;
  const isLines = hasLines(body, root);
  return { isLines, indent, newline, colon, comma: colon === ":" && !isLines ? "," : ", " };
}

/** Whether a neighbour in lines of its own keeps what is in it in one line, below the top of the file. */
function isDense(body: string, neighbour: SettingsNode, container: SettingsNode): boolean {
  if (container.parent === undefined) return false;
  const value = neighbour.type === "property" ? neighbour.children?.[1] : neighbour;
  return (value?.children?.length ?? 0) > 0 && !hasLines(body, neighbour);
}

/** The space that a neighbour has inside its braces, where it has one. */
function padOf(body: string, neighbour: SettingsNode): string {
  const written = body.slice(neighbour.offset, neighbour.offset + neighbour.length);
  return /\{ +"/.test(written) ? " " : "";
}

function hasLines(body: string, { offset, length }: SettingsNode): boolean {
  return /[\r\n]/.test(body.slice(offset, offset + length));
}

function lineStart(body: string, offset: number): number {
  return Math.max(body.lastIndexOf("\n", offset - 1), body.lastIndexOf("\r", offset - 1)) + 1;
}

function isFirstOnLine(body: string, offset: number): boolean {
  const start = lineStart(body, offset);
  return start > 0 && /^[ \t]*$/.test(body.slice(start, offset));
}

/** The white space at the beginning of the line that an offset is in. */
function marginAt(body: string, offset: number): string {
  return /^[ \t]*/.exec(body.slice(lineStart(body, offset)))?.[0] ?? "";
}
