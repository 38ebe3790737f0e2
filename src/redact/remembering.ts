// Remembers what a pure function gave for texts that come again and again: names of fields, directories, sessions. Bounded.

/** The same function, asked once for each text of at most `longest` characters as long as there are not too many of them. */
export function remembering<R>(work: (text: string) => R, { most, longest }: { most: number; longest: number }) {
  let known = new Map<string, R>();
  return (text: string): R => {
    if (text.length > longest) return work(text);
    const before = known.get(text);
    if (before !== undefined || known.has(text)) return before as R;
    // What comes all the time is soon there again.
    if (known.size >= most) known = new Map();
    const result = work(text);
    known.set(text, result);
    return result;
  };
}
