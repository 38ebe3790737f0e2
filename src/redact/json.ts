// JSON as text: its strings are decoded, searched as one text, and only those that change are written anew, so numbers, order and
// white space stay as they were. Pure. The text must be valid JSON; the caller has tried.
//
// 1. Collect the strings, keys too, each with its place in the raw text; note values whose key calls them secrets.
// 2. Join them with seams and search that once: a search for each string by itself would cost much more.
// 3. Cut what was found into the strings again and write those.
import { nameStrength } from "./names.ts";
import { SEAM } from "./seam.ts";
import { markOf, replaced, type Span } from "./span.ts";
import { isSecretValue } from "./worth.ts";

/** A string of the JSON text: its place with its quotes, what it says, and where that begins in the joined text. */
type Piece = { start: number; end: number; text: string; at: number };

type Scanned = { pieces: Piece[]; named: Piece[]; numbers: { start: number; end: number }[] };

const NUMBER = /-?\d{4,}[\d.eE+-]*/y;
const SPACE = /[ \t\r\n]*/y;

/** The JSON text with what `find` finds in its strings replaced; and values of members that are named like secrets. */
export function redactJson(json: string, find: (text: string) => Span[]): string {
  const { pieces, named, numbers } = scan(json);
  const spans = find(pieces.map((piece) => piece.text).join(SEAM));
  if (spans.length === 0 && named.length === 0 && numbers.length === 0) return json;

  const isNamed = new Set(named);
  const changes = numbers.map(({ start, end }) => ({ start, end, text: JSON.stringify(markOf("named-secret")) }));
  let next = 0;
  for (const piece of pieces) {
    const pieceEnd = piece.at + piece.text.length;
    while (next < spans.length && (spans[next]?.end ?? 0) <= piece.at) next++;
    const mine: Span[] = [];
    for (let index = next; index < spans.length; index++) {
      const span = spans[index];
      if (span === undefined || span.start >= pieceEnd) break;
      const start = Math.max(span.start, piece.at) - piece.at;
      const end = Math.min(span.end, pieceEnd) - piece.at;
      if (end > start) mine.push({ start, end, kind: span.kind });
    }
    const isWhole = isNamed.has(piece) && mine[0]?.end !== piece.text.length;
    const text = isWhole ? markOf("named-secret") : replaced(piece.text, mine);
    if (isWhole || mine.length > 0) changes.push({ start: piece.start, end: piece.end, text: JSON.stringify(text) });
  }
  changes.sort((a, b) => a.start - b.start);

  let at = 0;
  const written: string[] = [];
  for (const change of changes) {
    written.push(json.slice(at, change.start), change.text);
    at = change.end;
  }
  return written.join("") + json.slice(at);
}

function scan(json: string): Scanned {
  const found: Scanned = { pieces: [], named: [], numbers: [] };
  let joinedAt = 0;
  let key: string | null = null;
  let listKey: string | null = null;
  let last = 0;
  for (let start = json.indexOf('"'); start >= 0; start = json.indexOf('"', last)) {
    // A list under a secret's name: each text in it, until it ends or something else begins.
    if (listKey !== null && /[\]{[]/.test(json.slice(last, start))) listKey = null;
    const end = stringEnd(json, start);
    const raw = json.slice(start, end);
    const text = raw.includes("\\") ? (JSON.parse(raw) as string) : raw.slice(1, -1);
    const piece = { start, end, text, at: joinedAt };
    found.pieces.push(piece);
    joinedAt += text.length + SEAM.length;
    const after = skipSpace(json, end);
    last = end;
    if (json.charAt(after) === ":") {
      const valueAt = skipSpace(json, after + 1);
      const first = json.charAt(valueAt);
      key = first === '"' ? text : null;
      listKey = first === "[" ? text : null;
      last = first === "[" ? valueAt + 1 : valueAt;
      NUMBER.lastIndex = valueAt;
      if (/[-\d]/.test(first) && nameStrength(text) === "sure" && NUMBER.test(json))
        found.numbers.push({ start: valueAt, end: NUMBER.lastIndex });
      continue;
    }
    const name = key ?? listKey;
    const strength = name === null ? null : nameStrength(name);
    if (strength !== null && isSecretValue(text, strength, "wide")) found.named.push(piece);
    key = null;
  }
  return found;
}

/** Where a string ends that begins here, behind its quote. */
export function stringEnd(json: string, start: number): number {
  let at = start + 1;
  for (;;) {
    const quote = json.indexOf('"', at);
    if (quote < 0) return json.length; // It was no JSON after all.
    let slashes = 0;
    while (json.charAt(quote - 1 - slashes) === "\\") slashes++;
    at = quote + 1;
    if (slashes % 2 === 0) return at;
  }
}

/** The next place that is no white space. */
export function skipSpace(json: string, at: number): number {
  SPACE.lastIndex = at;
  SPACE.test(json);
  return SPACE.lastIndex;
}
