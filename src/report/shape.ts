// What `offhook bench --json` gives, and --compare and --out read again: the only place that knows its shape. It changes by
// addition only. Times are in ms, with the single runs beside what they come to: a comparison needs them.
import * as v from "valibot";

const figure = v.nullable(v.pipe(v.number(), v.finite()));
const number = v.pipe(v.number(), v.finite());
const count = v.pipe(v.number(), v.integer(), v.minValue(0));

/** Many runs of one thing: the runs in their order, and what they come to (nearest rank). */
const Times = v.object({
  runs: count,
  p50Ms: number,
  p90Ms: number,
  p99Ms: number,
  maxMs: number,
  timesMs: v.array(number),
});

/** A figure with the bounds between which it lies in 95 of 100 resamplings of the runs (bootstrap). */
const Interval = v.object({ value: number, low: number, high: number });

/** Turns of one thing that has a figure each: their median, the least and the most, and the turns themselves. */
const Spread = v.object({ median: number, least: number, most: number, turns: v.array(number) });

const Machine = v.object({
  /** The node's name where config.toml has one, else the host's. */
  name: v.string(),
  /** "linux x64". */
  platform: v.string(),
  /** The operating system's own version. */
  system: v.string(),
  cpu: v.nullable(v.string()),
  cores: count,
  memoryBytes: count,
  /** The file system of the scratch files. False: they are in memory, and fsync costs nothing. */
  disk: v.nullable(v.string()),
  isRealDisk: v.boolean(),
});

/** How busy the machine was, and whether the figures can be trusted. Shares are of all cores, 0 to 1. */
const Load = v.object({
  /** The load average of the minute before. */
  before: number,
  /** Of the processor's time during the run: all of it, that of other programs, and what a host below took away. */
  busy: figure,
  others: figure,
  stolen: figure,
  /** Busy shares of others, evenly over the run. */
  samples: v.array(v.object({ atMs: number, others: figure })),
  /** Why the figures are not to be trusted, a sentence each; none: they are. */
  doubts: v.array(v.string()),
});

/** What is timed in `hook`. floor: cat, what starting a process costs at all. null: offhook's runtime that reads, parses, exits. */
const HookKind = v.picklist(["floor", "null", "publish", "publish-shell", "python", "sync", "against", "mine"]);

const HookLane = v.object({
  name: v.string(),
  kind: HookKind,
  /** A sentence: what it is, or the command itself. */
  what: v.string(),
  times: Times,
  /** Its median beside that of publish in exec form, 1 for that itself. */
  beside: Interval,
  /** Of the timed runs, those that ended with another code than 0; only commands of the user's may. */
  failed: count,
});

const Hook = v.object({ payloadBytes: count, rounds: count, warmUpRounds: count, lanes: v.array(HookLane) });

const LoadCell = v.object({
  publishers: count,
  payloadBytes: count,
  times: Times,
  perSecond: Spread,
  /** Events by id: publish ended with 0; found in the stream; acknowledged and not found; found and never published, or again. */
  acknowledged: count,
  arrived: count,
  missing: count,
  foreign: count,
  /** Publishes that ended with another code than 0, or did not take the whole event: not in the times. */
  refused: count,
});

const Delivery = v.object({
  events: count,
  /** From just before publish is started until the worker's own code reads the clock, and until its outcome is stored. */
  toWorker: Times,
  toOutcome: Times,
  /** The same publish and worker, and between them a program that looks into the directory every so many ms. */
  poller: v.object({ everyMs: count, toWorker: Times, beside: Interval }),
});

const Drained = v.object({
  events: count,
  /** From the start of the daemon to the last event settled by a builtin consumer. */
  perSecond: Spread,
  /** The most that the daemon's process held, and its processor time. */
  peakMib: v.nullable(Spread),
  cpuMsPerEvent: v.nullable(Spread),
  missing: count,
  foreign: count,
});

const SoakSample = v.object({
  atMs: number,
  published: count,
  perSecond: number,
  p50Ms: figure,
  p99Ms: figure,
  rssMib: figure,
  openFiles: v.nullable(count),
  lag: count,
  pending: count,
});

const Soak = v.object({
  minutes: number,
  payloadBytes: count,
  wantedPerSecond: number,
  times: Times,
  samples: v.array(SoakSample),
  acknowledged: count,
  arrived: count,
  missing: count,
  foreign: count,
  /** Publishes that ended with another code than 0: not in the times. */
  refused: count,
  /** Deliveries that were given up, at the end. */
  dead: count,
});

const ClaudeKind = v.object({
  name: v.string(),
  what: v.string(),
  /** From an answer that calls one Write to the next request: the tool, and every hook that was waited for. */
  gaps: Times,
  /** What its median adds to that of no hooks, in ms. */
  addedMs: Interval,
});

const Claude = v.object({ version: v.string(), writes: count, rounds: count, kinds: v.array(ClaudeKind) });

export const Report = v.object({
  v: v.literal(1),
  what: v.literal("offhook bench"),
  offhook: v.string(),
  bun: v.string(),
  startedAt: v.string(),
  tookMs: number,
  /** Fewer runs: rougher figures. */
  isQuick: v.boolean(),
  machine: Machine,
  load: Load,
  /** Null: not measured. */
  hook: v.nullable(Hook),
  publishers: v.nullable(v.array(LoadCell)),
  delivery: v.nullable(Delivery),
  drain: v.nullable(v.array(Drained)),
  soak: v.nullable(Soak),
  claude: v.nullable(Claude),
});

export type Report = v.InferOutput<typeof Report>;
export type Times = v.InferOutput<typeof Times>;
export type Interval = v.InferOutput<typeof Interval>;
export type Spread = v.InferOutput<typeof Spread>;
export type Machine = v.InferOutput<typeof Machine>;
export type Load = v.InferOutput<typeof Load>;
export type HookKind = v.InferOutput<typeof HookKind>;
export type HookLane = v.InferOutput<typeof HookLane>;
export type Hook = v.InferOutput<typeof Hook>;
export type LoadCell = v.InferOutput<typeof LoadCell>;
export type Delivery = v.InferOutput<typeof Delivery>;
export type Drained = v.InferOutput<typeof Drained>;
export type Soak = v.InferOutput<typeof Soak>;
export type SoakSample = v.InferOutput<typeof SoakSample>;
export type Claude = v.InferOutput<typeof Claude>;
export type ClaudeKind = v.InferOutput<typeof ClaudeKind>;

/** The parts of a benchmark by the names that people use for them, in the order in which they are measured. */
export const PARTS = ["hook", "load", "delivery", "drain", "soak", "claude"] as const;
export type Part = (typeof PARTS)[number];
