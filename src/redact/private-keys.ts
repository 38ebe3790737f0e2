// Finds private keys in PEM and PGP armour: whole ones, with line breaks or with \n in their place, also where each line is a text of
// its own (a diff, a notebook); one whose end was cut off; the last lines of one whose beginning was cut off. Pure.
import { SEAM } from "./seam.ts";
import type { Finder } from "./span.ts";
import { endOf } from "./tokens.ts";

const DASHES = "-----";
const HEAD = /-----BEGIN[ A-Z0-9]{0,40}PRIVATE KEY(?: BLOCK)?-----/y;
const TAIL = /-----END[ A-Z0-9]{0,40}PRIVATE KEY(?: BLOCK)?-----/y;
/** A 16,384 bit RSA key has 12,900 characters. */
const MAX_KEY = 20_000;
/** What stands between the lines of a key that is spread over several texts. */
const SPREAD = new RegExp(`[A-Za-z0-9+/=\\s\\\\:,.\\uffff-]{0,${MAX_KEY}}`, "y");
/** Line numbers, marks of diffs and lists, quotes, indents. */
const EDGES = /^[\s\d→+>|"'`,\\-]*?(?=[A-Za-z0-9+/=]*[\s"'`,\\+]*$)|[\s"'`,\\+]+$/g;
const BREAK = /\r?\n|\\+r\\+n|\\+n/g;

export const findPrivateKeys: Finder = (text, add) => {
  let done = 0;
  for (let at = text.indexOf(DASHES); at >= 0; at = text.indexOf(DASHES, Math.max(done, at + 1))) {
    const headEnd = endOf(HEAD, text, at);
    if (headEnd > at) {
      done = keyEnd(text, headEnd);
      add(at, done, "private-key");
      continue;
    }
    const tailEnd = endOf(TAIL, text, at);
    if (tailEnd === at) continue;
    add(lastLinesBefore(text, at, done), tailEnd, "private-key");
    done = tailEnd;
  }
};

/** Where a key ends whose first line ends here. */
function keyEnd(text: string, from: number): number {
  const dashes = text.indexOf(DASHES, from);
  const tailEnd = dashes < 0 || dashes - from > MAX_KEY ? dashes : endOf(TAIL, text, dashes);
  const seam = text.slice(from, from + MAX_KEY).indexOf(SEAM);
  const isOneText = seam < 0 || from + seam > dashes;
  if (tailEnd > dashes && (isOneText || endOf(SPREAD, text, from) >= dashes)) return tailEnd;

  // Cut off: as far as its lines go.
  const part = text.slice(from, Math.min(from + MAX_KEY, dashes < 0 ? text.length : dashes));
  let end = 0;
  for (const [index, line] of linesOf(part).entries()) {
    if (index > 0 && !isKeyLine(line.text)) break;
    end = line.end;
  }
  return from + end;
}

/** Where the lines begin that belong to an END without a BEGIN. */
function lastLinesBefore(text: string, at: number, notBefore: number): number {
  const from = Math.max(notBefore, at - MAX_KEY);
  const lines = linesOf(text.slice(from, at)).reverse();
  let start = at - from;
  for (const [index, line] of lines.entries()) {
    if (index > 1 && !isKeyLine(line.text)) break;
    if (index === 1 && !/^[A-Za-z0-9+/=]*$/.test(bare(line.text))) break;
    if (index > 0) start = line.start;
  }
  return from + start;
}

type Line = { start: number; end: number; text: string };

function linesOf(part: string): Line[] {
  const lines: Line[] = [];
  let start = 0;
  for (const found of part.matchAll(BREAK)) {
    lines.push({ start, end: found.index, text: part.slice(start, found.index) });
    start = found.index + found[0].length;
  }
  lines.push({ start, end: part.length, text: part.slice(start) });
  return lines;
}

function isKeyLine(line: string): boolean {
  const text = bare(line);
  return (
    text === "" ||
    text === "\uffff" ||
    /^[A-Za-z0-9+/]{32,}={0,2}$|^=[A-Za-z0-9+/]{4}$|^[A-Za-z0-9+/]{1,63}={1,2}$|^(?:Proc-Type|DEK-Info|Version|Comment):/.test(
      text,
    )
  );
}

function bare(line: string): string {
  return line.length > 2000 ? line : line.replace(EDGES, "");
}
