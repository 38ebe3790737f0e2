// What more consumers cost the daemon in processor time: one and five builtins of kind none on the same events, and the intake
// alone with none, one and five.
//
// 1. The ledger of a new home is made with its groups, paused: they decide nothing, whatever comes, as a person's pause has it.
// 2. A daemon starts on an empty spool and ends again: what starting costs. Then the backlog is written and a daemon takes it in,
//    with its consumers at rest: the intake alone is what that takes more.
// 3. The consumers are resumed, one after the other: what they take from there until all is settled is the deliveries' cost.
// 4. Rounds: none, one and five in a new order each time; of each figure the least counts: noise only ever adds to it.
import { EXIT, OffhookError } from "../errors.ts";
import { writeBacklog } from "../measure/backlog.ts";
import { type Daemon, startDaemon } from "../measure/daemon.ts";
import { fillLedger, lookIntoLedger } from "../measure/ledgers.ts";
import { shuffled } from "../measure/measure.ts";
import { payloadsOf } from "../measure/payload.ts";
import type { ProcessorClock } from "../measure/processor-clock.ts";
import type { Scratch } from "../measure/scratch.ts";
import { isTakenIn } from "../measure/spooled.ts";
import type { Compared } from "./comparison.ts";

export type FanOutPlan = { events: number; rounds: number };

export const FAN_OUT: FanOutPlan = { events: 10_007, rounds: 2 };
export const SMALL_FAN_OUT: FanOutPlan = { events: 3_001, rounds: 1 };

const COUNTS = [0, 1, 5] as const;
const SIZE_BYTES = 997;
const LIMIT_MS = 60_000;
const CONSUMER = 'on = ["PostToolUse"]\nstart = "earliest"\nbuiltin = "none"\n';
/** What a daemon does right after the last thing that is waited for. */
const CALM_MS = 100;

/** Processor time of a daemon, in ms: the intake alone, and all deliveries of its consumers. */
type Cost = { intakeMs: number; deliveringMs: number };

/** Measures it; `clock` is null where the system does not tell. Errors: a daemon that fails, or takes more than a minute (1). */
export async function measureFanOut(
  plan: FanOutPlan,
  offhook: string,
  scratch: Scratch,
  recorded: string,
  clock: ProcessorClock | null,
): Promise<Compared> {
  const costs = new Map<number, Cost[]>(COUNTS.map((count) => [count, []]));
  for (let round = 0; clock !== null && round < plan.rounds; round++) {
    for (const index of shuffled(COUNTS.length)) {
      const count = COUNTS[index] ?? 0;
      costs.get(count)?.push(await costOf(count, plan.events, { offhook, scratch, recorded, clock }));
    }
  }
  const least = (count: number, figure: keyof Cost) => {
    const values = (costs.get(count) ?? []).map((cost) => cost[figure]);
    return values.length === 0 ? null : Math.min(...values);
  };
  const row = (figure: string, of: keyof Cost, [few, many]: [number, number], even: number, most: number) => ({
    figure,
    base: least(few, of) ?? Number.NaN,
    measured: least(many, of),
    unit: "ms" as const,
    aim: { kind: "times" as const, even, most },
  });
  return {
    name: "fanout",
    title: `processor time of the daemon, ${plan.events.toLocaleString("en")} events`,
    baseName: "few",
    measuredName: "many",
    rows: [
      row("deliveries of none: 1 consumer, 5 consumers", "deliveringMs", [1, 5], 5, 5.5),
      row("intake alone: no consumer, 1 paused", "intakeMs", [0, 1], 1, 1.2),
      row("intake alone: no consumer, 5 paused", "intakeMs", [0, 5], 1, 1.2),
    ],
  };
}

type Means = { offhook: string; scratch: Scratch; recorded: string; clock: ProcessorClock };

async function costOf(count: number, events: number, means: Means): Promise<Cost> {
  const { offhook, scratch, recorded, clock } = means;
  const names = Array.from({ length: count }, (_, index) => `none-${index + 1}`);
  const home = scratch.makeHome(Object.fromEntries(names.map((name) => [name, CONSUMER])));
  fillLedger(home, { groups: names, arePaused: true, batches: [], deliveredOneOf: 1 });
  const start = () => startDaemon(offhook, home, scratch);
  const usedBy = async (daemon: Daemon) => {
    await Bun.sleep(CALM_MS);
    return clock(daemon.pid);
  };

  const idle = start();
  let startingMs: number;
  try {
    await idle.ready();
    startingMs = await usedBy(idle);
  } finally {
    await idle.stop();
  }

  const ids = writeBacklog(home, events, payloadsOf(recorded, SIZE_BYTES));
  const daemon = start();
  try {
    await mustCome(daemon, "not all was taken in", () => isTakenIn(home, ids));
    const takenInMs = await usedBy(daemon);
    const intakeMs = takenInMs - startingMs;
    if (count === 0) return { intakeMs, deliveringMs: 0 };
    const look = lookIntoLedger(home);
    if (look.settled() > 0) throw new OffhookError(EXIT.failed, "a paused consumer has delivered");
    for (const name of names) await daemon.ask(["resume", name]);
    await mustCome(daemon, "not all was delivered", () => look.settled() >= events * count);
    look.close();
    return { intakeMs, deliveringMs: (await usedBy(daemon)) - takenInMs };
  } finally {
    await daemon.stop();
  }
}

async function mustCome(daemon: Daemon, otherwise: string, isSo: () => boolean): Promise<void> {
  if (await daemon.within(LIMIT_MS, 5, isSo)) return;
  throw new OffhookError(EXIT.failed, `${otherwise} within ${LIMIT_MS / 1000} s`);
}
