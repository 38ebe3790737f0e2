// How long it is from the start of publish to the start of a worker, through a real daemon.
//
// The consumer runs `date +%s%N`, which prints the wall clock; the daemon keeps what it prints. So the figure ends where
// the worker's own code reads the clock: the exec of date, about 1 ms, is in it. publish is started right after the wall
// clock's millisecond has changed: JavaScript tells it in whole milliseconds only.
import { EXIT, OffhookError } from "../errors.ts";
import { startDaemon } from "./daemon.ts";
import { type Idle, type IdlePlan, lookWhileIdle } from "./idle.ts";
import { timeOne } from "./measure.ts";
import { payloadsOf } from "./payload.ts";
import type { Scratch } from "./scratch.ts";

export type Latency = {
  /** In ms from just before the spawn of publish, in the order published; null where they cannot be measured. */
  timesMs: number[] | null;
  /** The same daemon afterwards, with nothing to do. */
  idle: Idle;
};

const CONSUMER = "stamp";
const CONSUMER_FILE = 'on = ["PostToolUse"]\nrun = ["date", "+%s%N"]\n';
const SIZE_BYTES = 997;
/** Between two publishes: about an agent's pace, and long enough for one to be over before the next. */
const PAUSE_MS = 40;
const SETTLE_LIMIT_MS = 30_000;

export type LatencyPlan = { events: number; idle: IdlePlan };

/** Publishes events one after the other, then looks at the idle daemon. Errors: a publish that fails, a missing worker (1). */
export async function measureLatency(
  plan: LatencyPlan,
  offhook: string,
  scratch: Scratch,
  recorded: string,
): Promise<Latency> {
  const home = scratch.makeHome({ [CONSUMER]: CONSUMER_FILE });
  const payloads = payloadsOf(recorded, SIZE_BYTES);
  const publish = { name: "publish", argv: [offhook, "publish"], env: scratch.envOf(home) };
  const daemon = startDaemon(offhook, home, scratch);
  try {
    await daemon.ready();
    const startsMs: number[] = [];
    for (let number = 0; number < plan.events; number++) {
      await Bun.sleep(PAUSE_MS);
      startsMs.push(nextMillisecond());
      await timeOne(publish, Buffer.from(payloads(number)));
    }
    const isDone = await daemon.within(SETTLE_LIMIT_MS, 200, async () => {
      const consumer = (await daemon.status()).consumers.find(({ name }) => name === CONSUMER);
      return consumer?.ok === plan.events;
    });
    if (!isDone) throw new OffhookError(EXIT.failed, `not every worker ran well within ${SETTLE_LIMIT_MS / 1000} s`);
    const deliveries = await daemon.ask(["deliveries", "--consumer", CONSUMER, "--json"]);
    return {
      timesMs: hasNanoseconds() ? fromDeliveries(deliveries, startsMs) : null,
      idle: await lookWhileIdle(daemon, plan.idle),
    };
  } finally {
    await daemon.stop();
  }
}

/** Pairs the n-th publish with the delivery of the n-th seq: they were published one after the other. */
export function fromDeliveries(ndjson: string, startsMs: readonly number[]): number[] {
  const stamps: { seq: number; ms: number }[] = [];
  for (const line of ndjson.split("\n")) {
    if (line === "") continue;
    const { seqs, attempts } = JSON.parse(line);
    stamps.push({ seq: seqs[0], ms: Number(attempts[0].stdout) / 1e6 });
  }
  if (stamps.length !== startsMs.length)
    throw new OffhookError(EXIT.failed, `${stamps.length} deliveries for ${startsMs.length} events`);
  stamps.sort((a, b) => a.seq - b.seq);
  return stamps.map(({ ms }, index) => ms - (startsMs[index] ?? Number.NaN));
}

/** Waits, busy, for the wall clock's next millisecond and gives it: exact to a few microseconds. */
export function nextMillisecond(): number {
  const before = Date.now();
  let now = before;
  while (now === before) now = Date.now();
  return now;
}

/** A program that prints the wall clock in ns since 1970 and is there on this machine; null: none. perl takes some ms to start. */
export function clockWorker(): string[] | null {
  if (hasNanoseconds()) return ["date", "+%s%N"];
  const perl = ["perl", "-MTime::HiRes=time", "-e", 'printf "%d\\n", time * 1e9'];
  if (Bun.which("perl") === null) return null;
  return /^\d{19}$/.test(Bun.spawnSync(perl, { stdin: "ignore" }).stdout.toString().trim()) ? perl : null;
}

/** GNU date prints nanoseconds; the one of older macOS prints an N. */
export function hasNanoseconds(): boolean {
  if (Bun.which("date") === null) return false;
  return /^\d{19}$/.test(Bun.spawnSync(["date", "+%s%N"], { stdin: "ignore" }).stdout.toString().trim());
}
