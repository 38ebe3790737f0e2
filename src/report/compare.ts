// Two reports, figure by figure: b beside a, how sure that is, and what else differs between them. JSON-able and a promise: it
// changes by addition only. Pure; the words are in compare-text.ts.
//
// 1. Figures that both have are joined by part, name and figure; the rest is listed.
// 2. The ratio of their medians with its 95 % interval; for a hook also that of their ratios to each machine's own control,
//    since a machine that starts processes slowly is slow with all of them.
// 3. A verdict from the interval. Where one report is doubtful every verdict is marked.
import { type Comparable, comparablesOf, keyOf, type Unit } from "./comparable.ts";
import { differencesOf } from "./differences.ts";
import { type Judged, judge, quotientOf, relationOf } from "./relation.ts";
import type { Part, Report } from "./shape.ts";

/** Which report it is, and why its figures are doubtful. */
export type Side = {
  name: string;
  offhook: string;
  bun: string;
  startedAt: string;
  isQuick: boolean;
  doubts: string[];
};

export type ComparedRow = {
  part: Part;
  name: string;
  figure: string;
  unit: Unit;
  a: number;
  b: number;
  p99: { a: number; b: number } | null;
  runs: { a: number; b: number };
  /** b to a: how many times as much, and what is to be held of it. */
  ratio: Judged;
  /** The same after each is divided by its own machine's control. Null: it has none. */
  perNull: Judged | null;
  /** One of the reports is doubtful, and so is this. */
  doubtful: boolean;
};

export type Compared = {
  v: 1;
  what: "offhook bench --compare";
  a: Side;
  b: Side;
  doubtful: boolean;
  /** What differs beside the figures, a sentence each. */
  differences: string[];
  rows: ComparedRow[];
  /** Figures that only one has: "hook: curl". */
  onlyA: string[];
  onlyB: string[];
};

/** What `b` is beside `a`. */
export function compare(a: Report, b: Report): Compared {
  const [ofA, ofB] = [comparablesOf(a), comparablesOf(b)];
  const byKey = new Map(ofB.map((one) => [keyOf(one), one]));
  const keysOfA = new Set(ofA.map(keyOf));
  const doubtful = a.load.doubts.length > 0 || b.load.doubts.length > 0;
  return {
    v: 1,
    what: "offhook bench --compare",
    a: sideOf(a),
    b: sideOf(b),
    doubtful,
    differences: differencesOf(a, b),
    rows: ofA.flatMap((one) => {
      const other = byKey.get(keyOf(one));
      return other === undefined ? [] : [rowOf(one, other, doubtful)];
    }),
    onlyA: ofA.filter((one) => !byKey.has(keyOf(one))).map(nameOf),
    onlyB: ofB.filter((one) => !keysOfA.has(keyOf(one))).map(nameOf),
  };
}

function rowOf(a: Comparable, b: Comparable, doubtful: boolean): ComparedRow {
  const { part, name, figure, unit } = a;
  const ratio = relationOf(a, b);
  const perNull = a.control === null || b.control === null ? null : quotientOf(a, b, a.control, b.control);
  return {
    part,
    name,
    figure,
    unit,
    a: ratio.a,
    b: ratio.b,
    p99: a.p99 === null || b.p99 === null ? null : { a: a.p99, b: b.p99 },
    runs: { a: a.values.length, b: b.values.length },
    ratio: judge(ratio, a.word),
    perNull: perNull === null ? null : judge(perNull, a.word),
    doubtful,
  };
}

function sideOf({ machine, offhook, bun, startedAt, isQuick, load }: Report): Side {
  return { name: machine.name, offhook, bun, startedAt, isQuick, doubts: load.doubts };
}

function nameOf({ part, name, figure }: Comparable): string {
  return `${part}: ${name}, ${figure}`;
}
