// Which of the words that we know was meant by one that we do not. Pure.

/**
 * The known word nearest to a mistyped one; null when none is near: at most one edit in three letters, case aside. Of two that
 * are as near, the one with the same first letter: that is the letter that people get right.
 */
export function nearest(word: string, known: readonly string[]): string | null {
  if (word.length > 40) return null;
  const typed = word.toLowerCase();
  const mostEdits = Math.max(1, Math.floor(word.length / 3));
  let best: string | null = null;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const edits = editsBetween(typed, candidate.toLowerCase());
    const distance = edits + (candidate[0]?.toLowerCase() === typed[0] ? 0 : 0.5);
    if (edits > mostEdits || distance >= bestDistance) continue;
    best = candidate;
    bestDistance = distance;
  }
  return best;
}

/** How many letters to insert, remove, replace or swap with the next one (optimal string alignment). */
function editsBetween(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, column) => column)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let edits = Math.min(
        (rows[i - 1]?.[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (rows[i - 1]?.[j - 1] ?? 0) + (same ? 0 : 1),
      );
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) edits = Math.min(edits, (rows[i - 2]?.[j - 2] ?? 0) + 1);
      row.push(edits);
    }
    rows.push(row);
  }
  return rows[a.length]?.[b.length] ?? 0;
}
