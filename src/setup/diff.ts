// What would change in a text file, line by line, for eyes. Pure.
//
// 1. What both begin and end with is left out. 2. Of the rest, the longest common run of lines stays; a rest that is too large
// for that is shown as replaced whole. 3. Three lines around each change are shown, and what is left out in between is counted.

export type DiffLine = { kind: "same" | "added" | "removed"; text: string } | { kind: "left-out"; count: number };

const CONTEXT = 3;
/** A table of more cells takes longer than anybody wants to wait. */
const MOST_CELLS = 4_000_000;

/** The lines of a change from one text to the other; null is a file that is not there. Empty where nothing changes. */
export function diffOf(before: string | null, after: string | null): DiffLine[] {
  if (before === after) return [];
  const old = linesOf(before);
  const young = linesOf(after);
  let head = 0;
  while (head < Math.min(old.length, young.length) && old[head] === young[head]) head++;
  let tail = 0;
  while (tail < Math.min(old.length, young.length) - head && old.at(-1 - tail) === young.at(-1 - tail)) tail++;
  const same = (texts: string[]): DiffLine[] => texts.map((text) => ({ kind: "same", text }));
  return shortened([
    ...same(old.slice(0, head)),
    ...middleOf(old.slice(head, old.length - tail), young.slice(head, young.length - tail)),
    ...same(old.slice(old.length - tail)),
  ]);
}

/** A line that ends without a newline, or with CR, is another line. */
function linesOf(text: string | null): string[] {
  return text === null || text === "" ? [] : text.split(/(?<=\n)/);
}

function middleOf(old: readonly string[], young: readonly string[]): DiffLine[] {
  const removed = (text: string): DiffLine => ({ kind: "removed", text });
  const added = (text: string): DiffLine => ({ kind: "added", text });
  if (old.length * young.length > MOST_CELLS) return [...old.map(removed), ...young.map(added)];
  const width = young.length + 1;
  // lengths[i * width + j]: the longest common run of what follows i in the one and j in the other.
  const lengths = new Uint32Array((old.length + 1) * width);
  const at = (i: number, j: number) => lengths[i * width + j] ?? 0;
  for (let i = old.length - 1; i >= 0; i--)
    for (let j = young.length - 1; j >= 0; j--)
      lengths[i * width + j] = old[i] === young[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  const lines: DiffLine[] = [];
  let i = 0;
  let j = 0;
  while (i < old.length || j < young.length) {
    const [left, right] = [old[i], young[j]];
    if (left !== undefined && left === right) {
      lines.push({ kind: "same", text: left });
      i++;
      j++;
    } else if (left !== undefined && (right === undefined || at(i + 1, j) >= at(i, j + 1))) {
      lines.push(removed(left));
      i++;
    } else if (right !== undefined) {
      lines.push(added(right));
      j++;
    }
  }
  return lines;
}

function shortened(lines: readonly DiffLine[]): DiffLine[] {
  const near = lines.map((_, at) =>
    lines.slice(Math.max(0, at - CONTEXT), at + CONTEXT + 1).some((line) => line.kind !== "same"),
  );
  const kept: DiffLine[] = [];
  for (const [at, line] of lines.entries()) {
    const last = kept.at(-1);
    if (near[at]) kept.push(line);
    else if (last?.kind === "left-out") last.count++;
    else kept.push({ kind: "left-out", count: 1 });
  }
  return kept;
}
