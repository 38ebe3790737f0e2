// Whether a daemon that delivers and delivers grows. Private memory is what ending it would free: no shared pages of the program.
//
// 1. Events come through the spool, a few hundred at a time, as fast as they are delivered: a daemon that has always something to do.
// 2. A sample is taken each time so many more deliveries are settled: evenly by work, not by time.
// 3. The median of the last quarter of the samples beside that of the first. Not the maximum: from one collection of garbage to the
//    next the heap climbs by more than the limit (here from 76 to 91 MiB), and one sample near the top would decide.
import { EXIT, OffhookError } from "../errors.ts";
import { writeBacklog } from "../measure/backlog.ts";
import { startDaemon } from "../measure/daemon.ts";
import { lookIntoLedger } from "../measure/ledgers.ts";
import { payloadsOf } from "../measure/payload.ts";
import { memoryOf } from "../measure/process-figures.ts";
import type { Scratch } from "../measure/scratch.ts";
import { percentile } from "../report/statistics.ts";
import type { Compared } from "./comparison.ts";

export type MemoryPlan = { events: number; consumers: number; samples: number };

/** 200,070 deliveries. */
export const MEMORY: MemoryPlan = { events: 20_007, consumers: 10, samples: 80 };
export const LITTLE_MEMORY: MemoryPlan = { events: 3_001, consumers: 10, samples: 40 };

const MOST_MIB = 10;
const SIZE_BYTES = 997;
/** Events written at once, and at most on their way. */
const AT_ONCE = 203;
const UNDER_WAY = 1_009;
const STEP_LIMIT_MS = 60_000;
const CONSUMER = 'on = ["PostToolUse"]\nstart = "earliest"\nbuiltin = "none"\n';

/** Measures it. Errors: a daemon that fails, or stands still for a minute (1). */
export async function measureMemory(
  plan: MemoryPlan,
  offhook: string,
  scratch: Scratch,
  recorded: string,
): Promise<Compared> {
  const names = Array.from({ length: plan.consumers }, (_, index) => `none-${index + 1}`);
  const home = scratch.makeHome(Object.fromEntries(names.map((name) => [name, CONSUMER])));
  const deliveries = plan.events * plan.consumers;
  const samplesMib: (number | null)[] = [];
  const daemon = startDaemon(offhook, home, scratch);
  try {
    await daemon.ready();
    const look = lookIntoLedger(home);
    const payloads = payloadsOf(recorded, SIZE_BYTES);
    const until = async (wanted: number) => {
      const isSettled = () => {
        const settled = look.settled();
        if (settled >= (deliveries / plan.samples) * (samplesMib.length + 1)) samplesMib.push(privateMibOf(daemon.pid));
        return settled >= wanted;
      };
      if (await daemon.within(STEP_LIMIT_MS, 5, isSettled)) return;
      throw new OffhookError(EXIT.failed, `the daemon stands still for ${STEP_LIMIT_MS / 1000} s`);
    };
    for (let written = 0; written < plan.events; ) {
      const before = written;
      written += writeBacklog(home, Math.min(AT_ONCE, plan.events - before), (number) =>
        payloads(before + number),
      ).length;
      await until((written - UNDER_WAY) * plan.consumers);
    }
    await until(deliveries);
    look.close();
  } finally {
    await daemon.stop();
  }
  const { first, last } = quartersOf(samplesMib.filter((sample) => sample !== null));
  return {
    name: "memory",
    title: `private memory over ${deliveries.toLocaleString("en")} deliveries`,
    baseName: "first quarter",
    measuredName: "last quarter",
    rows: [
      {
        figure: `median of ${Math.floor(samplesMib.length / 4)} samples each`,
        base: first,
        measured: samplesMib.includes(null) ? null : last,
        unit: "MiB",
        aim: { kind: "more", most: MOST_MIB },
      },
    ],
  };
}

/** The medians of the first and of the last quarter of samples, which are in order; NaN of none. */
export function quartersOf(samples: readonly number[]): { first: number; last: number } {
  const size = Math.max(1, Math.floor(samples.length / 4));
  return { first: percentile(samples.slice(0, size), 50), last: percentile(samples.slice(-size), 50) };
}

function privateMibOf(pid: number): number | null {
  const { privateKib } = memoryOf(pid);
  return privateKib === null ? null : privateKib / 1024;
}
