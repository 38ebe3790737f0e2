// How fast a daemon drains a backlog that waits for it, and what that takes of the machine.
//
// 1. Turns: each backlog once, in an order of chance, each with a home and a daemon of its own (intake.ts has one such draining).
// 2. The clock runs from the start of the daemon to the last event settled by a builtin of kind none: its start is in all figures,
//    a tenth of a second of processor time that the smallest backlog shows most.
// 3. All backlogs are written before the first turn where there are not too many files: ext4 without a journal looks through every
//    inode that was deleted a moment ago to make a new one (find_inode_bit in fs/ext4/ialloc.c), here 4 s for 10,000 files.
import { EXIT, OffhookError } from "../errors.ts";
import { type Backlog, type Draining, drainBacklog, makeBacklog } from "../measure/intake.ts";
import type { Means } from "../measure/means.ts";
import { shuffled } from "../measure/measure.ts";
import { openProcessorClock } from "../measure/processor-clock.ts";
import type { Drained, Spread } from "../report/shape.ts";
import { spreadOf } from "../report/statistics.ts";

export type DrainPlan = {
  /** Events of each. */
  backlogs: readonly number[];
  turns: number;
  /** No new turn begins after so many ms, unless fewer than `least` are done. */
  limitMs: number;
  least: number;
};

export const DRAIN: DrainPlan = { backlogs: [1_000, 10_000], turns: 3, limitMs: 6_000, least: 2 };
export const LARGE_DRAIN: DrainPlan = { ...DRAIN, backlogs: [1_000, 10_000, 100_000], limitMs: 120_000, least: 3 };
export const QUICK_DRAIN: DrainPlan = { ...DRAIN, turns: 2, least: 2 };

const CONSUMERS = 1;
const MOST_AHEAD = 50_000;

/** Measures it, a row for each backlog. Errors: a daemon that ends or stands still (1). Events that are lost are none: they are counted. */
export async function measureDrain(plan: DrainPlan, means: Means): Promise<Drained[]> {
  const { scratch, recorded, progress } = means;
  const how = { ...means, clock: openProcessorClock() };
  const endMs = performance.now() + plan.limitMs;
  const write = (events: number) => makeBacklog({ events, consumers: CONSUMERS }, scratch, recorded);
  const sizes = plan.backlogs.map((events) => ({ events, ahead: [] as Backlog[], turns: [] as Draining[] }));
  const of = plan.turns * sizes.length;
  const say = (done: number, doing: string) => progress({ part: "drain", done, of, doing });
  if (plan.least * plan.backlogs.reduce((sum, events) => sum + events, 0) <= MOST_AHEAD) {
    say(0, "writing backlogs");
    for (const { events, ahead } of sizes) while (ahead.length < plan.least) ahead.push(await write(events));
  }
  let done = 0;
  for (let turn = 0; turn < plan.turns; turn++) {
    if (turn >= plan.least && performance.now() > endMs) break;
    for (const index of shuffled(sizes.length)) {
      const { events, ahead, turns } = sizes[index] as (typeof sizes)[number];
      say(done++, `a backlog of ${events.toLocaleString("en")} events`);
      turns.push(await drainBacklog(ahead.pop() ?? (await write(events)), how, (draining) => draining));
    }
  }
  say(of, "done");
  return sizes.map(({ events, turns }) => drainedOf(events, turns));
}

/** What the turns of one backlog come to. Errors: a turn that did not come to its end (1). */
export function drainedOf(events: number, turns: readonly Draining[]): Drained {
  const standing = turns.find(({ isAllSettled, deliveries, counted }) => {
    // Settled, and not ok: that would be another measurement.
    return !isAllSettled || counted === null || deliveries < counted.arrived;
  });
  if (standing !== undefined)
    throw new OffhookError(
      EXIT.failed,
      `the daemon stands still: of ${events} events ${standing.left} were not taken in, and ${standing.deliveries} settled`,
    );
  const sum = (figure: "missing" | "foreign") =>
    turns.reduce((total, { counted }) => total + (counted?.[figure] ?? 0), 0);
  return {
    events,
    // Of what was settled: an event that was lost has taken no time.
    perSecond: spreadOf(turns.map(({ deliveries, settledMs }) => (deliveries / settledMs) * 1000)),
    peakMib: spreadOrNull(
      turns.map(({ memory }) => memory.peakRssKib),
      1 / 1024,
    ),
    cpuMsPerEvent: spreadOrNull(
      turns.map(({ cpuMs }) => cpuMs),
      1 / events,
    ),
    missing: sum("missing"),
    foreign: sum("foreign"),
  };
}

/** Null where the system does not tell a figure. */
function spreadOrNull(figures: readonly (number | null)[], factor: number): Spread | null {
  const told = figures.filter((figure) => figure !== null);
  return told.length < figures.length ? null : spreadOf(told.map((figure) => figure * factor));
}
