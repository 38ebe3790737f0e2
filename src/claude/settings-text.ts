// Reads the text of a settings file strictly, as Claude Code does: JSON without comments and trailing commas, at most 2 MiB.
// What does not parse is told by line and column. Pure: nothing is mended, a byte order mark is kept.
import { type Node, type ParseError, parseTree, printParseErrorCode } from "jsonc-parser";

/** A value of the file with its place in the text: `offset` and `length` in UTF-16 units. */
export type SettingsNode = Node;

/** `text` is what stands in the file, with its byte order mark; `body` begins behind it, and offsets count in it. `root` null: nothing but white space. */
export type SettingsTree = { text: string; mark: string; body: string; root: SettingsNode | null };

/** Line and column count from 1, the column in UTF-16 units. */
export type Unreadable = { kind: "unreadable"; line: number; column: number; message: string };

export type ParsedSettings = { kind: "ok"; tree: SettingsTree } | Unreadable;

/** Claude Code (2.1.329) does not load a larger file. */
export const LARGEST_SETTINGS_BYTES = 2 * 1024 * 1024;

const DEEPEST = 200;
const BYTE_ORDER_MARK = "\uFEFF";

/** Reads the bytes of a settings file. */
export function parseSettings(bytes: Uint8Array): ParsedSettings {
  if (bytes.length > LARGEST_SETTINGS_BYTES) return tooLarge(bytes.length);
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  return text.includes("\uFFFD") && !isSame(text, bytes) ? notUtf8(bytes, text) : parseSettingsText(text);
}

/** The same for text, of any length. */
export function parseSettingsText(text: string): ParsedSettings {
  const mark = text.startsWith(BYTE_ORDER_MARK) ? BYTE_ORDER_MARK : "";
  const body = text.slice(mark.length);
  if (/^[ \t\r\n]*$/.test(body)) return { kind: "ok", tree: { text, mark, body, root: null } };
  const deep = tooDeep(body);
  if (deep !== null) return unreadable(body, deep, `it is nested more than ${DEEPEST} levels deep`);
  const errors: ParseError[] = [];
  const root = parseTree(body, errors, { disallowComments: true, allowTrailingComma: false });
  const [first] = errors;
  if (first !== undefined || root === undefined) {
    const offset = first?.offset ?? 0;
    return unreadable(body, offset, first === undefined ? "it is no JSON" : wordsFor(first, body));
  }
  const twice = doubled(root);
  if (twice !== null) {
    const { line } = placeOf(body, twice.first);
    const message = `the key ${JSON.stringify(twice.key)} is there twice (line ${line} too): Claude Code would take only the last one; keep one`;
    return unreadable(body, twice.offset, message);
  }
  return { kind: "ok", tree: { text, mark, body, root } };
}

/** What is said of a file because of its size alone. */
export function tooLarge(sizeBytes: number): Unreadable {
  return unreadable("", 0, `it is larger than 2 MiB (${sizeBytes} bytes): Claude Code does not load it either`);
}

/** Line and column of an offset, both from 1. */
export function placeOf(body: string, offset: number): { line: number; column: number } {
  const before = body.slice(0, offset);
  const lines = before.split(/\r\n|\r|\n/);
  return { line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 };
}

/** The value of an object's key; null when it is not there or `node` is no object. */
export function valueAt(node: SettingsNode | null, key: string): SettingsNode | null {
  return propertyAt(node, key)?.children?.[1] ?? null;
}

/** An object's key with its value, as one node. */
export function propertyAt(node: SettingsNode | null, key: string): SettingsNode | null {
  return membersOf(node).find((property) => keyOf(property) === key) ?? null;
}

/** The properties of an object; none for anything else. */
export function membersOf(node: SettingsNode | null): SettingsNode[] {
  return node?.type === "object" ? (node.children ?? []) : [];
}

/** The elements of an array; none for anything else. */
export function elementsOf(node: SettingsNode | null): SettingsNode[] {
  return node?.type === "array" ? (node.children ?? []) : [];
}

/** The key of a property. */
export function keyOf(property: SettingsNode): string {
  return String(property.children?.[0]?.value ?? "");
}

/** The value of a node, as JSON.parse gives it. */
export function plainValue(body: string, node: SettingsNode): unknown {
  return JSON.parse(body.slice(node.offset, node.offset + node.length));
}

function unreadable(body: string, offset: number, message: string): Unreadable {
  return { kind: "unreadable", ...placeOf(body, offset), message };
}

/** Where the nesting goes beyond the limit; null when it does not. Before parsing: that goes down level by level. */
function tooDeep(body: string): number | null {
  let depth = 0;
  let isText = false;
  for (let at = 0; at < body.length; at++) {
    const char = body[at];
    if (isText) {
      if (char === "\\") at++;
      else if (char === '"' || char === "\n") isText = false;
    } else if (char === '"') isText = true;
    else if (char === "{" || char === "[") {
      if (++depth > DEEPEST) return at;
    } else if (char === "}" || char === "]") depth--;
  }
  return null;
}

function isSame(text: string, bytes: Uint8Array): boolean {
  return Buffer.from(text).equals(bytes);
}

function notUtf8(bytes: Uint8Array, text: string): Unreadable {
  const [first, second] = bytes;
  const isUtf16 = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  const again = Buffer.from(text);
  const wrong = again.findIndex((byte, at) => byte !== bytes[at]);
  const before = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(0, Math.max(0, wrong)));
  const is = isUtf16 ? "it is UTF-16 text" : "it is not UTF-8 text from here on";
  return unreadable(before, before.length, `${is}; save it as UTF-8`);
}

/** The first key that stands twice where Claude Code looks for hooks: `hooks` itself, an event, the parts of a group and an entry. */
function doubled(root: SettingsNode): { key: string; offset: number; first: number } | null {
  const hooks = membersOf(root).filter((property) => keyOf(property) === "hooks");
  const objects: SettingsNode[] = hooks.flatMap((property) => {
    const value = property.children?.[1] ?? null;
    const groups = membersOf(value).flatMap((event) => elementsOf(event.children?.[1] ?? null));
    const entries = groups.flatMap((group) => elementsOf(valueAt(group, "hooks")));
    return [...(value === null ? [] : [value]), ...groups, ...entries];
  });
  return twiceIn(hooks) ?? objects.map((object) => twiceIn(membersOf(object))).find((found) => found !== null) ?? null;
}

function twiceIn(properties: readonly SettingsNode[]): { key: string; offset: number; first: number } | null {
  const seen = new Map<string, number>();
  for (const property of properties) {
    const first = seen.get(keyOf(property));
    if (first !== undefined) return { key: keyOf(property), offset: property.offset, first };
    seen.set(keyOf(property), property.offset);
  }
  return null;
}

/** What is wrong, in words, after "line 3, column 5: ". */
function wordsFor({ error, offset, length }: ParseError, body: string): string {
  const found =
    offset >= body.length
      ? "the end of the file"
      : JSON.stringify(body.slice(offset, offset + Math.max(1, Math.min(length, 8))));
  const next = body.slice(offset).trimStart()[0];
  const name = printParseErrorCode(error);
  switch (name) {
    case "InvalidCommentToken":
    case "UnexpectedEndOfComment":
      return "a comment: JSON has none, and Claude Code would not load the file";
    case "PropertyNameExpected":
    case "ValueExpected":
      if ((next === "}" || next === "]") && /,\s*$/.test(body.slice(0, offset)))
        return `a comma before ${JSON.stringify(next)}: take it away`;
      return name === "ValueExpected"
        ? `a value is missing before ${found}`
        : `a key in double quotes is missing before ${found}`;
    case "InvalidSymbol":
      return `${found} is not JSON: texts and keys stand in double quotes, and there are only true, false, null and plain numbers beside them`;
    case "InvalidNumberFormat":
    case "UnexpectedEndOfNumber":
      return `${found} is no number of JSON`;
    case "ColonExpected":
      return `a colon is missing before ${found}`;
    case "CommaExpected":
      return `a comma is missing before ${found}`;
    case "CloseBraceExpected":
      return `a closing } is missing before ${found}`;
    case "CloseBracketExpected":
      return `a closing ] is missing before ${found}`;
    case "EndOfFileExpected":
      return `something stands behind the end: ${found}`;
    case "UnexpectedEndOfString":
      return "a text begins here and has no end on its line";
    case "InvalidUnicode":
    case "InvalidEscapeCharacter":
      return "a text with a backslash that JSON does not know";
    case "InvalidCharacter":
      return "a text with a control character (a tab is written \\t)";
    default:
      return `${found} is not expected here (${name})`;
  }
}
