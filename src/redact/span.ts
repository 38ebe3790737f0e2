// Stretches of a text that are to be replaced: kept in order, joined where they overlap, and put into effect. Pure.

/** A stretch of a text, and what it is: `kind` stands in the brackets that replace it. */
export type Span = { start: number; end: number; kind: string };

/** Finds secrets in a text and adds each as a span, in any order; they may overlap. Its time must grow with length alone. */
export type Finder = (text: string, add: (start: number, end: number, kind: string) => void) => void;

/** Runs the finders over a text; the spans come in order, apart from one another. */
export function spansOf(text: string, finders: readonly Finder[]): Span[] {
  const found: Span[] = [];
  const add = (start: number, end: number, kind: string) => {
    if (end > start) found.push({ start, end, kind });
  };
  for (const find of finders) find(text, add);
  if (found.length < 2) return found;
  // Of those that begin together the longest names the stretch.
  found.sort((a, b) => a.start - b.start || b.end - a.end);
  const apart: Span[] = [];
  let last: Span | undefined;
  for (const span of found) {
    if (last !== undefined && span.start < last.end) {
      if (span.end > last.end) last.end = span.end;
      continue;
    }
    last = span;
    apart.push(span);
  }
  return apart;
}

/** The text with each span replaced. Spans in order and apart. */
export function replaced(text: string, spans: readonly Span[]): string {
  if (spans.length === 0) return text;
  let at = 0;
  const pieces: string[] = [];
  for (const { start, end, kind } of spans) {
    pieces.push(text.slice(at, start), markOf(kind));
    at = end;
  }
  pieces.push(text.slice(at));
  return pieces.join("");
}

/** What stands in the place of a secret. */
export function markOf(kind: string): string {
  return `[redacted:${kind}]`;
}
