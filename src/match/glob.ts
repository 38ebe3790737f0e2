// Globs over text that is no path: event types, tools, values of the payload. For paths there is Bun.Glob.
// `*` is any run of characters, `?` any one, and neither takes the stop where there is one; `**` takes everything.
//
// Two places to go back to are enough: the last `*`, and where that may not grow any more, the last `**`. What came before
// a star never needs another look, since a match that ends earliest leaves the most room. So the time is text x pattern.

/** Compiles a glob to a test. `stop` is the one character that `*` and `?` do not take; null: they take all. */
export function compileGlob(pattern: string, stop: string | null): (text: string) => boolean {
  if (!/[*?]/.test(pattern)) return (text) => text === pattern;
  const parts = pattern.match(/\*+|[^*]/gu) ?? [];
  const glob = parts.map((part) => (part.startsWith("*") ? (part === "*" && stop !== null ? "*" : "**") : part));
  // By characters, not by the halves that an emoji has in a string.
  return (text) => matches(glob, [...text], stop);
}

function matches(glob: readonly string[], text: readonly string[], stop: string | null): boolean {
  let at = 0;
  let part = 0;
  let star: { part: number; at: number } | null = null;
  let deepStar: { part: number; at: number } | null = null;
  while (at < text.length || part < glob.length) {
    const wanted = glob[part];
    if (wanted === "**") {
      part++;
      deepStar = { part, at };
      star = null;
    } else if (wanted === "*") {
      part++;
      star = { part, at };
    } else if (at < text.length && (wanted === text[at] || (wanted === "?" && text[at] !== stop))) {
      part++;
      at++;
    } else {
      // The star nearest takes one character more; it may not take the stop, nor what is beyond the end.
      if (star !== null && (star.at >= text.length || text[star.at] === stop)) star = null;
      const back: { part: number; at: number } | null = star ?? deepStar;
      if (back === null || back.at >= text.length) return false;
      back.at++;
      ({ part, at } = back);
    }
  }
  return true;
}
