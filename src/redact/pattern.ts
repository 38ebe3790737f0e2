// The user's patterns, in time that grows with the text alone: a RegExp of JavaScript may try for ever (`(a+)+b`), this does not try.
//
// 1. Backwards over the text: for each place the set of states from which the end can be reached by what follows. Sets are
//    remembered by number, and each step from one to the next is worked out once.
// 2. Forwards: the set of states in which a match that began somewhere can be; a character belongs to a match where one of these
//    reads it and leads into the set of the next place.
// So all that can match is found, whatever the order of the alternatives; where matches touch they are one.
import { EXIT, OffhookError } from "../errors.ts";
import { type Edge, type Graph, readPattern } from "./pattern-syntax.ts";
import type { Finder } from "./span.ts";

/** The kind of a character for edges. */
const NONE = 0;
const WORD = 1;
const BREAK = 2;
const OTHER = 3;
/** The second half of a character that takes two places. */
const HALF = 255;
const MAX_NUMBERS = 4000;

/** Why a pattern cannot be used; null: it can. */
export function patternProblem(pattern: string): string | null {
  const graph = readPattern(pattern);
  if (typeof graph === "string") return graph;
  return canBeEmpty(graph) ? "it matches an empty text, so it would redact everything" : null;
}

/** Finds all that a pattern matches. ^ and $ are the beginning and the end of a line. Error (78): the pattern cannot be used. */
export function patternFinder(pattern: string, kind: string): Finder {
  const problem = patternProblem(pattern);
  const graph = readPattern(pattern);
  if (problem !== null || typeof graph === "string")
    throw new OffhookError(
      EXIT.config,
      `redact: the pattern "${pattern}" cannot be used: ${problem}`,
      "mend it in config.toml",
    );
  let machine = makeMachine(graph);
  return (text, add) => {
    const { isFull } = machine.find(text, (start, end) => add(start, end, kind));
    if (!isFull) return;
    // Too many sets for this text: it does not leave as it is. The next one is judged by itself.
    add(0, text.length, kind);
    machine = makeMachine(graph);
  };
}

function canBeEmpty({ states, start }: Graph): boolean {
  const seen = new Set<number>();
  const visit = (index: number): boolean => {
    if (seen.has(index)) return false;
    seen.add(index);
    const state = states[index];
    if (state === undefined || state.kind === "read") return false;
    if (state.kind === "end") return true;
    return state.kind === "free" ? state.to.some(visit) : visit(state.to);
  };
  return visit(start);
}

type Machine = { find(text: string, add: (start: number, end: number) => void): { isFull: boolean } };

/** Sets of states by number, with the steps between them as far as they are known. */
type Numbers = { sets: Set<number>[]; of: Map<string, number>; steps: Int32Array[] };

function makeMachine({ states, start, sets, ignoreCase }: Graph): Machine {
  const tests = sets.map((source) => new RegExp(`^(?:${source})$`, ignoreCase ? "iu" : "u"));
  const symbols = new Map<string, number>();
  /** By symbol: which sets have it, and its kind. */
  const has: boolean[][] = [];
  const kinds: number[] = [];
  const known = new Uint8Array(0x10000).fill(HALF);

  const symbolOf = (codePoint: number): number => {
    const before = codePoint < 0x10000 ? (known[codePoint] ?? HALF) : HALF;
    if (before !== HALF) return before;
    const character = String.fromCodePoint(codePoint);
    const tested = tests.map((one) => one.test(character));
    const kind = /\w/.test(character) ? WORD : /[\n\r\u2028\u2029]/.test(character) ? BREAK : OTHER;
    const key = `${kind}${tested.map(Number).join("")}`;
    let symbol = symbols.get(key);
    if (symbol === undefined) {
      symbol = Math.min(symbols.size, HALF - 1);
      symbols.set(key, symbol);
      has[symbol] = tested;
      kinds[symbol] = kind;
    }
    if (codePoint < 0x10000) known[codePoint] = symbol;
    return symbol;
  };

  const makeNumbers = (): Numbers => ({ sets: [], of: new Map(), steps: [] });
  const numberOf = (numbers: Numbers, set: Set<number>): number => {
    const key = [...set].sort((a, b) => a - b).join();
    const before = numbers.of.get(key);
    if (before !== undefined) return before;
    const number = numbers.sets.push(set) - 1;
    numbers.of.set(key, number);
    numbers.steps.push(new Int32Array(256 * 4).fill(-1));
    return number;
  };

  const isEdge = (edge: Edge, before: number, after: number): boolean => {
    if (edge === "^") return before === NONE || before === BREAK;
    if (edge === "$") return after === NONE || after === BREAK;
    return ((before === WORD) !== (after === WORD)) === (edge === "b");
  };

  /** The states that lead into a set without reading, with it. A state is made after what it leads to, but for loops. */
  const closedBackward = (set: Set<number>, before: number, after: number): Set<number> => {
    for (let size = -1; size !== set.size; ) {
      size = set.size;
      for (const [index, state] of states.entries()) {
        if (set.has(index)) continue;
        if (state.kind === "free" && state.to.some((to) => set.has(to))) set.add(index);
        if (state.kind === "edge" && set.has(state.to) && isEdge(state.edge, before, after)) set.add(index);
      }
    }
    return set;
  };
  const closedForward = (from: Iterable<number>, before: number, after: number): Set<number> => {
    const set = new Set<number>();
    const visit = [...from];
    for (let index = visit.pop(); index !== undefined; index = visit.pop()) {
      if (set.has(index)) continue;
      set.add(index);
      const state = states[index];
      if (state?.kind === "free") visit.push(...state.to);
      if (state?.kind === "edge" && isEdge(state.edge, before, after)) visit.push(state.to);
    }
    return set;
  };

  const behind = makeNumbers();
  const ahead = makeNumbers();
  const reads = new Map<number, boolean>();

  const stepBack = (number: number, symbol: number, before: number): number => {
    const steps = behind.steps[number];
    const slot = symbol * 4 + before;
    const done = steps?.[slot] ?? -1;
    if (done >= 0) return done;
    const next = behind.sets[number];
    const set = new Set([0]);
    for (const [index, state] of states.entries())
      if (state.kind === "read" && has[symbol]?.[state.set] === true && next?.has(state.to) === true) set.add(index);
    const found = numberOf(behind, closedBackward(set, before, kinds[symbol] ?? OTHER));
    if (steps !== undefined) steps[slot] = found;
    return found;
  };
  const stepOn = (number: number, symbol: number, after: number): number => {
    const steps = ahead.steps[number];
    const slot = symbol * 4 + after;
    const done = steps?.[slot] ?? -1;
    if (done >= 0) return done;
    const to = [start];
    for (const index of ahead.sets[number] ?? []) {
      const state = states[index];
      if (state?.kind === "read" && has[symbol]?.[state.set] === true) to.push(state.to);
    }
    const found = numberOf(ahead, closedForward(to, kinds[symbol] ?? OTHER, after));
    if (steps !== undefined) steps[slot] = found;
    return found;
  };
  /** Whether a match reads this character: in the set before it, and on to the end from the set after it. */
  const isRead = (from: number, symbol: number, to: number): boolean => {
    const key = (from * MAX_NUMBERS + to) * 256 + symbol;
    const done = reads.get(key);
    if (done !== undefined) return done;
    let found = false;
    for (const index of ahead.sets[from] ?? []) {
      const state = states[index];
      found ||= state?.kind === "read" && has[symbol]?.[state.set] === true && behind.sets[to]?.has(state.to) === true;
    }
    reads.set(key, found);
    return found;
  };

  return {
    find(text, add) {
      const length = text.length;
      const line = new Uint8Array(length);
      for (let at = 0; at < length; at++) {
        const unit = text.charCodeAt(at);
        const codePoint = (unit & 0xfc00) === 0xd800 ? (text.codePointAt(at) ?? unit) : unit;
        line[at] = symbolOf(codePoint);
        if (codePoint > 0xffff) line[++at] = HALF;
      }
      const kindBefore = (at: number) =>
        at <= 0 ? NONE : (kinds[line[line[at - 1] === HALF ? at - 2 : at - 1] ?? 0] ?? OTHER);
      const kindAt = (at: number) => (at >= length ? NONE : (kinds[line[at] ?? 0] ?? OTHER));

      const numbers = new Uint16Array(length + 1);
      let number = numberOf(behind, closedBackward(new Set([0]), kindBefore(length), NONE));
      numbers[length] = number;
      let isAny = false;
      for (let at = length - 1; at >= 0; at--) {
        const symbol = line[at] ?? 0;
        if (symbol !== HALF) number = stepBack(number, symbol, kindBefore(at));
        numbers[at] = number;
        isAny ||= behind.sets[number]?.has(start) === true;
        if (behind.sets.length >= MAX_NUMBERS || symbols.size >= HALF - 1) return { isFull: true };
      }
      if (!isAny) return { isFull: false };

      let from = -1;
      number = numberOf(ahead, closedForward([start], NONE, kindAt(0)));
      for (let at = 0; at < length; ) {
        const symbol = line[at] ?? 0;
        const next = at + (line[at + 1] === HALF ? 2 : 1);
        const isIn = isRead(number, symbol, numbers[next] ?? 0);
        if (isIn && from < 0) from = at;
        if (!isIn && from >= 0) {
          add(from, at);
          from = -1;
        }
        number = stepOn(number, symbol, kindAt(next));
        if (ahead.sets.length >= MAX_NUMBERS) return { isFull: true };
        at = next;
      }
      if (from >= 0) add(from, length);
      return { isFull: false };
    },
  };
}
