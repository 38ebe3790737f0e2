// How long it is from the start of publish until its worker runs and until the outcome is stored, beside a program that looks into
// a directory every half second.
//
// 1. Two homes: a daemon in one; in the other nobody but the poller (poller.ts), which looks into its spool.
// 2. In each round one event for each of them, in an order of chance, after a pause of chance: so both meet the same machine, and
//    the poller's events come at any moment between two of its looks. Nobody waits for an outcome.
// 3. toWorker ends where the worker's own code reads the wall clock; the exec of it is in the figure (latency.ts). toOutcome ends
//    with the millisecond in which the daemon wrote the outcome: at most 1 ms too much, and never too little.
import { join } from "node:path";
import { EXIT, OffhookError } from "../errors.ts";
import { startDaemon } from "../measure/daemon.ts";
import { clockWorker, nextMillisecond } from "../measure/latency.ts";
import { lookIntoLedger } from "../measure/ledgers.ts";
import type { Means } from "../measure/means.ts";
import { type Contestant, shuffled, timeOne } from "../measure/measure.ts";
import { outcomesOf } from "../measure/outcomes.ts";
import { type Payloads, payloadsOf } from "../measure/payload.ts";
import type { Delivery } from "../report/shape.ts";
import { ratioOf, timesOf } from "../report/statistics.ts";
import { type Polled, startPoller } from "./poller.ts";

export type DeliveryPlan = {
  /** Events of each of both that count, and those before them that do not. */
  events: number;
  warmUpEvents: number;
  /** No new round begins after so many ms, unless fewer than `least` events are done. */
  limitMs: number;
  least: number;
  everyMs: number;
  /** Between two publishes, of chance. */
  pauseMs: { least: number; most: number };
  /** What the last ones get to come to their end. */
  settleLimitMs: number;
};

export const DELIVERY: DeliveryPlan = {
  events: 64,
  warmUpEvents: 3,
  limitMs: 13_000,
  least: 20,
  everyMs: 500,
  pauseMs: { least: 50, most: 120 },
  settleLimitMs: 30_000,
};
export const QUICK_DELIVERY: DeliveryPlan = { ...DELIVERY, events: 20, limitMs: 5_000, least: 10 };

const CONSUMER = "stamp";
const SIZE_BYTES = 997;

/** Why this part cannot be measured on this machine, for people; null: it can. */
export function whyNoDelivery(): string | null {
  return clockWorker() === null
    ? "no program here tells the time in parts of a millisecond (GNU date, or perl with Time::HiRes)"
    : null;
}

/** Measures it. Errors: no program that tells the time (whyNoDelivery), a publish, daemon or worker that fails (1). */
export async function measureDelivery(plan: DeliveryPlan, means: Means): Promise<Delivery> {
  const { offhook, scratch, recorded, progress } = means;
  const argv = clockWorker();
  if (argv === null) throw new OffhookError(EXIT.failed, `delivery cannot be measured: ${whyNoDelivery()}`);
  const payloads = payloadsOf(recorded, SIZE_BYTES);
  const ours = scratch.makeHome({ [CONSUMER]: `on = ["PostToolUse"]\nrun = ${JSON.stringify(argv)}\n` });
  const polled = scratch.makeHome({});
  const lanes = [ours, polled].map(
    (home): Lane => ({
      publish: { name: "publish", argv: [offhook, "publish"], env: scratch.envOf(home) },
      startsMs: [],
    }),
  );
  const daemon = startDaemon(offhook, ours, scratch);
  const poller = startPoller({
    directory: join(polled, "spool", "new"),
    everyMs: plan.everyMs,
    worker: { argv, env: scratch.envOf(polled) },
  });
  try {
    await daemon.ready();
    const done = await publishInTurns(plan, lanes, payloads, progress);
    const look = lookIntoLedger(ours);
    const isDone = await daemon.within(plan.settleLimitMs, 20, () => look.settled() >= done);
    look.close();
    if (!isDone) throw new OffhookError(EXIT.failed, `not every worker ran well within ${plan.settleLimitMs / 1000} s`);
    const ids = Array.from({ length: done }, (_, number) => toolUseIdOf(payloads(number)));
    const spans = (lane: number, endsMs: ReadonlyMap<string, number>) =>
      spansOf(ids, lanes[lane]?.startsMs ?? [], endsMs).slice(plan.warmUpEvents);
    const outcomes = outcomesOf(ours, CONSUMER);
    const toWorker = spans(0, new Map(Array.from(outcomes, ([id, { stdout }]) => [id, Number(stdout) / 1e6])));
    // The clock tells whole ms: it was written before the next one.
    const toOutcome = spans(0, new Map(Array.from(outcomes, ([id, { settledMs }]) => [id, settledMs + 1])));
    const pollerToWorker = spans(1, stampsOf(await poller.until(done, plan.settleLimitMs)));
    return {
      events: toWorker.length,
      toWorker: timesOf(toWorker),
      toOutcome: timesOf(toOutcome),
      poller: { everyMs: plan.everyMs, toWorker: timesOf(pollerToWorker), beside: ratioOf(pollerToWorker, toWorker) },
    };
  } finally {
    await poller.stop();
    await daemon.stop();
  }
}

/** `startsMs`: when each publish was started, by its number, in ms since 1970. */
type Lane = { publish: Contestant; startsMs: number[] };

/** Publishes to both, warm-up too, and gives how many there were for each of them. */
async function publishInTurns(
  plan: DeliveryPlan,
  lanes: readonly Lane[],
  payloads: Payloads,
  progress: Means["progress"],
): Promise<number> {
  const of = plan.warmUpEvents + plan.events;
  const doing = `beside a ${plan.everyMs} ms poller, in turns`;
  const { least, most } = plan.pauseMs;
  const endMs = performance.now() + plan.limitMs;
  let done = 0;
  for (; done < of; done++) {
    if (done >= plan.warmUpEvents + plan.least && performance.now() > endMs) break;
    progress({ part: "delivery", done, of, doing });
    for (const index of shuffled(lanes.length)) {
      const { publish, startsMs } = lanes[index] as Lane;
      await Bun.sleep(least + Math.random() * (most - least));
      startsMs.push(nextMillisecond());
      await timeOne(publish, Buffer.from(payloads(done)));
    }
  }
  progress({ part: "delivery", done: of, of, doing });
  return done;
}

/** From the start of each publish to the end that its event has, in ms, in the order published. Errors: an event without (1). */
export function spansOf(
  ids: readonly string[],
  startsMs: readonly number[],
  endsMs: ReadonlyMap<string, number>,
): number[] {
  const missing = ids.filter((id) => !Number.isFinite(endsMs.get(id)));
  if (missing.length > 0)
    throw new OffhookError(EXIT.failed, `of ${ids.length} events ${missing.length} have no worker that told the time`);
  return ids.map((id, index) => (endsMs.get(id) ?? Number.NaN) - (startsMs[index] ?? Number.NaN));
}

/** Spool files are a line of header and the payload. */
function stampsOf(polled: readonly Polled[]): Map<string, number> {
  return new Map(
    polled.map(({ text, workerMs }) => [toolUseIdOf(text.slice(text.indexOf("\n") + 1)), workerMs] as const),
  );
}

function toolUseIdOf(payload: string): string {
  return JSON.parse(payload).tool_use_id;
}
