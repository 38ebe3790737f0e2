// Reads a regular expression of the user into a graph of states. Pure.
//
// The syntax is JavaScript's, without what no automaton can do: looking ahead or behind, and back references. One character (a
// letter, a class, an escape) is left to JavaScript's own RegExp, so it means what it means there.

/** Between two characters: ^ $ \b \B. */
export type Edge = "^" | "$" | "b" | "B";

/** A state: reads a character that `set` has; goes on without reading; goes on where the edge holds; or is the end. */
export type State =
  | { kind: "read"; set: number; to: number }
  | { kind: "free"; to: readonly number[] }
  | { kind: "edge"; edge: Edge; to: number }
  | { kind: "end" };

/** `sets`: sources of one character each. `ignoreCase`: the pattern began with (?i). State 0 is the end. */
export type Graph = { states: readonly State[]; start: number; sets: readonly string[]; ignoreCase: boolean };

const MAX_STATES = 2000;
const MAX_SETS = 120;

/** The graph of a pattern; a text: why the pattern cannot be used. */
export function readPattern(pattern: string): Graph | string {
  const ignoreCase = pattern.startsWith("(?i)");
  const source = ignoreCase ? pattern.slice(4) : pattern;
  try {
    new RegExp(source, "u");
  } catch (error) {
    return `it is no regular expression: ${error instanceof Error ? error.message.replace(/^Invalid regular expression: /, "") : String(error)}`;
  }
  try {
    return { ...graphOf(source), ignoreCase };
  } catch (error) {
    if (error instanceof Unusable) return error.message;
    throw error;
  }
}

class Unusable extends Error {}

/** Builds a part so that it leads to a state; gives the state in which the part begins. */
type Part = (to: number) => number;

function graphOf(source: string): Omit<Graph, "ignoreCase"> {
  const states: State[] = [{ kind: "end" }];
  const sets: string[] = [];
  let at = 0;

  const add = (state: State): number => {
    if (states.length >= MAX_STATES) throw new Unusable("it is too large: write smaller numbers in {}");
    return states.push(state) - 1;
  };

  const choice = (): Part => {
    const parts = [sequence()];
    while (source[at] === "|") {
      at++;
      parts.push(sequence());
    }
    return parts.length === 1 && parts[0] !== undefined
      ? parts[0]
      : (to) => add({ kind: "free", to: parts.map((part) => part(to)) });
  };

  const sequence = (): Part => {
    const parts: Part[] = [];
    while (at < source.length && source[at] !== "|" && source[at] !== ")") parts.push(repeated(single()));
    return (to) => parts.reduceRight((next, part) => part(next), to);
  };

  const repeated = (part: Part): Part => {
    const found = /^(?:[*+?]|\{(\d+)(?:(,)(\d*))?\})\??/.exec(source.slice(at));
    if (found === null) return part;
    at += found[0].length;
    const [whole, low, comma, high] = found;
    const least = low !== undefined ? Number(low) : whole.startsWith("+") ? 1 : 0;
    const isOpen = low === undefined ? !whole.startsWith("?") : comma !== undefined && high === "";
    const most = low === undefined ? 1 : comma === undefined ? least : Number(high);
    if (Math.max(least, isOpen ? 0 : most) > MAX_STATES)
      throw new Unusable("it is too large: write smaller numbers in {}");
    return (to) => {
      let next = to;
      if (isOpen) {
        const loop = add({ kind: "free", to: [] });
        states[loop] = { kind: "free", to: [part(loop), to] };
        next = loop;
      } else for (let count = least; count < most; count++) next = add({ kind: "free", to: [part(next), to] });
      for (let count = 0; count < least; count++) next = part(next);
      return next;
    };
  };

  const single = (): Part => {
    const character = source[at] ?? "";
    if (character === "(") return group();
    if (character === "^" || character === "$") {
      at++;
      return (to) => add({ kind: "edge", edge: character, to });
    }
    if (character === "[") return reading(classEnd());
    if (character === "\\") return escaped();
    return reading(at + String.fromCodePoint(source.codePointAt(at) ?? 0).length);
  };

  const group = (): Part => {
    const opening = /^\((?:\?:|\?<(?![=!])[^>]*>)?(?!\?)/.exec(source.slice(at))?.[0];
    if (opening === undefined)
      throw new Unusable(
        `it has ${source.slice(at, at + 3)}, which patterns here do not have: write what stands there as a part of the pattern`,
      );
    at += opening.length;
    const inside = choice();
    at++;
    return inside;
  };

  const escaped = (): Part => {
    const next = source[at + 1] ?? "";
    if (next === "b" || next === "B") {
      at += 2;
      return (to) => add({ kind: "edge", edge: next, to });
    }
    if (/[1-9k]/.test(next)) throw new Unusable(`it has \\${next}, which refers back: patterns here do not have that`);
    const length =
      /^\\(?:u\{[^}]*\}|u[dD][89abAB]..\\u[dD][c-fC-F]..|u....|x..|c.|[pP]\{[^}]*\}|.)/u.exec(source.slice(at))?.[0]
        .length ?? 2;
    return reading(at + length);
  };

  const classEnd = (): number => {
    let end = at + 1;
    while (source[end] !== "]") end += source[end] === "\\" ? 2 : 1;
    return end + 1;
  };

  const reading = (end: number): Part => {
    const text = source.slice(at, end);
    at = end;
    const known = sets.indexOf(text);
    const set = known >= 0 ? known : sets.push(text) - 1;
    if (set >= MAX_SETS) throw new Unusable("it has too many different characters: make two patterns of it");
    return (to) => add({ kind: "read", set, to });
  };

  const start = choice()(0);
  return { states, start, sets };
}
