// Reports as a machine with two cores would give them, for tests of what shows reports: every part is there, and the same seed
// gives the same figures. The distributions have the shape of measured ones: a floor, a body that leans to the left, a long tail.
import type { Claude, Delivery, Drained, Hook, HookLane, LoadCell, Report, Soak } from "../src/report/shape.ts";
import { differenceOf, ratioOf, spreadOf, timesOf } from "../src/report/statistics.ts";
import { type Dice, makeDice } from "./torture/dice.ts";

/** A whole report; `over` replaces what a test is about. `seed` gives other runs of the same machine. */
export function aReport(over: Partial<Report> = {}, seed = "a report"): Report {
  const report = made.get(seed) ?? make(seed);
  made.set(seed, report);
  return { ...structuredClone(report), ...over };
}

/** The intervals take a while, so a report is made once a seed. */
const made = new Map<string, Report>();

function make(seed: string): Report {
  const dice = makeDice(seed);
  return {
    v: 1,
    what: "offhook bench",
    offhook: "0.1.0",
    bun: "1.4.5",
    startedAt: "2026-10-14T09:12:44.120Z",
    tookMs: 48_312,
    isQuick: false,
    machine: {
      name: "atlas",
      platform: "linux x64",
      system: "Debian GNU/Linux 12 (bookworm), kernel 6.18.44",
      cpu: "AMD EPYC",
      cores: 2,
      memoryBytes: 8_200_000_000,
      disk: "ext4",
      isRealDisk: true,
    },
    load: aLoad(dice.fork("load")),
    hook: aHook(dice.fork("hook")),
    publishers: somePublishers(dice.fork("publishers")),
    delivery: aDelivery(dice.fork("delivery")),
    drain: aDrain(dice.fork("drain")),
    soak: aSoak(dice.fork("soak")),
    claude: aClaude(dice.fork("claude")),
  };
}

/** `count` runs in ms that are never below `leastMs` and have about the median `medianMs`; of a hundred, two stand far out. */
export function someTimes(dice: Dice, count: number, medianMs: number, leastMs = medianMs * 0.85): number[] {
  return Array.from({ length: count }, () => {
    const body = leastMs + (medianMs - leastMs) * Math.exp(0.45 * normal(dice));
    return dice.chance(0.02) ? body * (1.4 + 1.6 * dice.real()) : body;
  });
}

/** A number about 0 with a deviation of 1 (Box and Muller). */
export function normal(dice: Dice): number {
  return Math.sqrt(-2 * Math.log(1 - dice.real())) * Math.cos(2 * Math.PI * dice.real());
}

/** A machine that had little else to do; with a share of others above 0.2 the report says so, as the real one does. */
export function aLoad(dice: Dice, others = 0.03): Report["load"] {
  return {
    before: 0.41,
    busy: 0.62,
    others,
    stolen: 0.004,
    samples: Array.from({ length: 48 }, (_, index) => ({
      atMs: index * 1000,
      others: Math.max(0, others + 0.02 * normal(dice)),
    })),
    doubts:
      others > 0.2 ? [`other programs took ${Math.round(others * 100)} % of the processor while it was measured`] : [],
  };
}

const LANES: readonly Pick<HookLane, "name" | "kind" | "what">[] = [
  { name: "cat", kind: "floor", what: "cat: what starting a process costs at all" },
  { name: "null", kind: "null", what: "the same runtime: reads the payload, parses it, exits" },
  { name: "publish", kind: "publish", what: "offhook publish, as the hook runs it" },
  { name: "publish, shell", kind: "publish-shell", what: "offhook publish by sh -c" },
  { name: "python", kind: "python", what: "a publisher in Python: reads, parses, writes a file, fsync, rename" },
  { name: "lint + alert", kind: "sync", what: "a hook that lints the file and sends an alert, and the agent waits" },
  { name: "curl", kind: "against", what: "curl -s --data-binary @- http://127.0.0.1:8125/hook" },
  {
    name: "user: PostToolUse",
    kind: "mine",
    what: 'cd "$CLAUDE_PROJECT_DIR" && node_modules/.bin/eslint --format stylish --max-warnings 0 "src/**/*.ts"',
  },
];
const MEDIANS_MS = [1.1, 5.9, 6.4, 7.3, 34.2, 412, 14.6, 1310];

/** The part `hook`: eight lanes; `timesOfLane` gives a lane's runs where a test wants others. */
export function aHook(dice: Dice, timesOfLane: (lane: number) => number[] | null = () => null): Hook {
  const runs = LANES.map(
    ({ name }, lane) => timesOfLane(lane) ?? someTimes(dice.fork(name), lane === 7 ? 40 : 200, MEDIANS_MS[lane]!),
  );
  const publish = runs[2]!;
  return {
    payloadBytes: 997,
    rounds: 200,
    warmUpRounds: 3,
    lanes: LANES.map((lane, index) => ({
      ...lane,
      times: timesOf(runs[index]!),
      beside: index === 2 ? { value: 1, low: 1, high: 1 } : ratioOf(runs[index]!, publish),
      failed: lane.kind === "mine" ? 3 : 0,
    })),
  };
}

/** The part `load`: 1, 4, 16 and 64 publishers with 1 KB, 20 KB, 200 KB and 5 MB. */
export function somePublishers(dice: Dice): LoadCell[] {
  return [997, 20_011, 200_003, 5_000_011].flatMap((payloadBytes, size) =>
    [1, 4, 16, 64].map((publishers) => {
      const events = size === 3 ? 64 : 256;
      const medianMs = [6.4, 7.1, 9.6, 41][size]! * Math.max(1, publishers / 2);
      const perSecond = (1000 * publishers) / medianMs;
      return {
        publishers,
        payloadBytes,
        times: timesOf(someTimes(dice.fork(`${payloadBytes} ${publishers}`), events, medianMs)),
        perSecond: aSpread(dice, perSecond, 5),
        acknowledged: events,
        arrived: events,
        missing: 0,
        foreign: 0,
        refused: 0,
      };
    }),
  );
}

/** The part `delivery`: 100 events, beside a poller that looks every 500 ms. */
export function aDelivery(dice: Dice): Delivery {
  const toWorker = someTimes(dice, 100, 17.9);
  const polled = Array.from({ length: 40 }, () => 40 + 500 * dice.real());
  return {
    events: 100,
    toWorker: timesOf(toWorker),
    toOutcome: timesOf(toWorker.map((ms) => ms + 3.1 + dice.real())),
    poller: { everyMs: 500, toWorker: timesOf(polled), beside: ratioOf(polled, toWorker) },
  };
}

/** The part `drain`: three backlogs, three turns each. */
export function aDrain(dice: Dice): Drained[] {
  return [1000, 10_000, 100_000].map((events, index) => ({
    events,
    perSecond: aSpread(dice, [9200, 21_400, 23_100][index]!, 3),
    peakMib: aSpread(dice, [61, 74, 96][index]!, 3),
    cpuMsPerEvent: aSpread(dice, [0.09, 0.052, 0.049][index]!, 3),
    missing: 0,
    foreign: 0,
  }));
}

/** The part `soak`: ten minutes at 50 events a second, a sample every five seconds. */
export function aSoak(dice: Dice): Soak {
  const samples = Array.from({ length: 120 }, (_, index) => ({
    atMs: (index + 1) * 5000,
    published: 250 * (index + 1),
    perSecond: 50 + 1.5 * normal(dice),
    p50Ms: 6.5 + 0.2 * normal(dice),
    p99Ms: 11 + Math.abs(2 * normal(dice)),
    rssMib: 58 + 8 * (1 - Math.exp(-index / 20)) + 0.3 * normal(dice),
    openFiles: 23 + dice.below(3),
    lag: dice.chance(0.1) ? dice.below(40) : dice.below(4),
    pending: dice.below(3),
  }));
  return {
    minutes: 10,
    payloadBytes: 997,
    wantedPerSecond: 50,
    times: timesOf(someTimes(dice, 2000, 6.5)),
    samples,
    acknowledged: 30_000,
    arrived: 30_000,
    missing: 0,
    foreign: 0,
    refused: 0,
    dead: 0,
  };
}

/** The part `claude`: the gap of a tool call with no hooks, with publish, and with the user's own. */
export function aClaude(dice: Dice): Claude {
  const none = someTimes(dice, 60, 38);
  const kinds: [string, string, number[]][] = [
    ["no hooks", "no hook at all", none],
    ["publish", "offhook publish on PreToolUse and PostToolUse", someTimes(dice, 60, 53)],
    ["lint + alert", "a hook that lints the file and sends an alert", someTimes(dice, 60, 468)],
    ["yours", "the hooks of your settings, as they are", someTimes(dice, 24, 1372)],
  ];
  return {
    version: "2.1.329",
    writes: 12,
    rounds: 5,
    kinds: kinds.map(([name, what, timesMs]) => ({
      name,
      what,
      gaps: timesOf(timesMs),
      addedMs: timesMs === none ? { value: 0, low: 0, high: 0 } : differenceOf(timesMs, none),
    })),
  };
}

/** Turns about a figure, some percent to both sides. */
function aSpread(dice: Dice, about: number, turns: number) {
  const values = Array.from({ length: turns }, () => about * (1 + 0.04 * normal(dice)));
  return spreadOf(values.map((value) => Math.round(value * 1000) / 1000));
}

/** The same report with every run of the hook part `factor` times as long: a machine that is slower, or faster. */
export function stretched(report: Report, factor: number, kinds: readonly string[] | null = null): Report {
  const { hook } = report;
  if (hook === null) return report;
  const runs = hook.lanes.map(({ kind, times }) =>
    kinds === null || kinds.includes(kind) ? times.timesMs.map((ms) => ms * factor) : times.timesMs,
  );
  const publish = runs[hook.lanes.findIndex(({ kind }) => kind === "publish")] ?? [];
  const lanes = hook.lanes.map((lane, index) => ({
    ...lane,
    times: timesOf(runs[index]!),
    beside: lane.kind === "publish" ? lane.beside : ratioOf(runs[index]!, publish),
  }));
  return { ...report, hook: { ...hook, lanes } };
}
