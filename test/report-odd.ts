// Reports that a page must bear: names that want to be code, or are as wide as can be, and figures at the ends of what there is.
import type { Interval, Report, Spread } from "../src/report/shape.ts";
import { ratioOf, timesOf } from "../src/report/statistics.ts";
import { aReport } from "./report-fixtures.ts";

/** Each would do something, or go somewhere, if it were not text. */
export const HOSTILE = [
  '</script><script>document.title = "gone"</script>',
  '<img src="http://127.0.0.1:9/x" onerror="document.title = 1">',
  '"><svg onload="document.title = 1"></svg>',
  "'; } </style><style>*{display:none}",
  "&lt;b&gt; &amp; <!-- ]]> ${'$'}{nothing}",
  "eslint\u202e.tset\u0000\u001b[31m\n\ttwo lines",
  "half a pair \ud83d of surrogates",
];

/** Wide, tall, without a place to break, or from right to left. */
export const WIDE = [
  `cd "$CLAUDE_PROJECT_DIR" && ${"node_modules/.bin/eslint --format stylish ".repeat(80)}`,
  "x".repeat(3000),
  "漢字仮名交じり文".repeat(60),
  "👩‍👩‍👧‍👦🏳️‍🌈".repeat(80),
  "مرحبا بالعالم ".repeat(30),
  "שלום עולם (x) ".repeat(30),
  `Z${"\u0301\u0489".repeat(400)}algo`,
  "﷽".repeat(40),
  "W".repeat(90),
];

/** One for all tests: its intervals take a moment to resample. */
export const WHOLE: Report = aReport();

/** The whole report with each of these as a lane's and a kind's name and text, and everywhere else that text comes from outside. */
export function withNames(names: readonly string[]): Report {
  const { hook, claude, machine, load } = WHOLE;
  const nameOf = (index: number) => names[index % names.length]!;
  const named = <T>(things: readonly T[]) =>
    Array.from({ length: Math.max(things.length, names.length) }, (_, index) => {
      return { ...things[index % things.length]!, name: nameOf(index), what: nameOf(index + 1) };
    });
  const [one = ""] = names;
  return {
    ...WHOLE,
    offhook: nameOf(1),
    bun: nameOf(2),
    startedAt: nameOf(3),
    machine: { ...machine, name: one, system: nameOf(4), cpu: nameOf(5), platform: nameOf(6), disk: nameOf(7) },
    load: { ...load, doubts: [...names] },
    hook: { ...hook!, lanes: named(hook!.lanes).map((lane) => ({ ...lane, failed: 1 })) },
    claude: { ...claude!, version: nameOf(8), kinds: named(claude!.kinds) },
  };
}

const SAME: Interval = { value: 1, low: 1, high: 1 };
const spread = (...turns: number[]): Spread => ({
  median: turns[0]!,
  least: Math.min(...turns),
  most: Math.max(...turns),
  turns,
});

/** One run, all runs the same, a nanosecond and hours, nothing told, gaps, negative differences, events that are missing. */
export function oddFigures(): Report {
  const { hook, claude, soak, delivery, publishers } = WHOLE;
  const lane = hook!.lanes[0]!;
  const runs = [[0.001], [4, 4, 4, 4], [0.4, 90_000, 7_200_000], [9.9996], [99.96, 99.94]];
  const kind = claude!.kinds[1]!;
  return {
    ...WHOLE,
    isQuick: true,
    machine: { ...WHOLE.machine, cpu: null, disk: null, isRealDisk: false, cores: 1 },
    load: { before: 0, busy: null, others: null, stolen: null, samples: [], doubts: [] },
    hook: {
      ...hook!,
      lanes: runs.map((times, index) => ({
        ...lane,
        name: `odd ${index}`,
        kind: index === 1 ? "publish" : "sync",
        times: timesOf(times),
        beside: index === 1 ? SAME : ratioOf(times, runs[1]!),
      })),
    },
    publishers: [
      {
        ...publishers![0]!,
        publishers: 3,
        perSecond: spread(0.004),
        acknowledged: 9,
        arrived: 6,
        missing: 4,
        refused: 2,
        foreign: 1,
      },
    ],
    delivery: { ...delivery!, toWorker: timesOf([5]), toOutcome: timesOf([5]) },
    drain: [{ events: 1500, perSecond: spread(1e7, 1), peakMib: null, cpuMsPerEvent: null, missing: 1, foreign: 0 }],
    soak: {
      ...soak!,
      samples: soak!.samples.slice(0, 7).map((sample, index) => ({
        ...sample,
        p50Ms: index % 3 === 1 ? null : sample.p50Ms,
        p99Ms: index > 2 ? null : sample.p99Ms,
        rssMib: null,
        openFiles: null,
        lag: 0,
        pending: 0,
        perSecond: index === 3 ? 0 : 1_234_567,
      })),
    },
    claude: {
      ...claude!,
      kinds: [claude!.kinds[0]!, { ...kind, addedMs: { value: -0.4, low: -2.1, high: 0.3 } }],
    },
  };
}

/** The parts of a report that are measured, the others null. */
export function onlyOf(...parts: (keyof Report)[]): Report {
  const none = { hook: null, publishers: null, delivery: null, drain: null, soak: null, claude: null };
  return { ...WHOLE, ...none, ...Object.fromEntries(parts.map((part) => [part, WHOLE[part]])) };
}
