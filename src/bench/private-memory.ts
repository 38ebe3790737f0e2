// Whether a daemon that delivers and delivers grows. Private memory is what ending it would free: no shared pages of the program.
//
// 1. Wave after wave of events comes through the spool, each when the one before is settled by all consumers.
// 2. A sample is taken each time so many more deliveries are settled: evenly by work, not by time.
// 3. The median of the last quarter of the samples beside that of the first. Not the maximum: between two collections of garbage
//    the heap climbs by more than the limit, in any quarter, and one sample more or less near the top would decide.
import { EXIT, OffhookError } from "../errors.ts";
import { writeBacklog } from "./backlog.ts";
import type { Compared } from "./comparison.ts";
import { startDaemon } from "./daemon.ts";
import type { Ledgers } from "./ledgers.ts";
import { payloadsOf } from "./payload.ts";
import { percentile } from "./percentile.ts";
import { memoryOf } from "./process-figures.ts";
import type { Scratch } from "./scratch.ts";

export type MemoryPlan = { waves: number; events: number; consumers: number; samples: number };

/** 200,100 deliveries. */
export const MEMORY: MemoryPlan = { waves: 20, events: 2_001, consumers: 5, samples: 80 };
export const LITTLE_MEMORY: MemoryPlan = { waves: 10, events: 601, consumers: 5, samples: 40 };

const MOST_MIB = 10;
const SIZE_BYTES = 997;
const WAVE_LIMIT_MS = 60_000;
const CONSUMER = 'on = ["PostToolUse"]\nstart = "earliest"\nbuiltin = "none"\n';

/** Measures it. Errors: a daemon that fails, a wave that takes more than a minute (1). */
export async function measureMemory(
  plan: MemoryPlan,
  offhook: string,
  scratch: Scratch,
  recorded: string,
  ledgers: Ledgers,
): Promise<Compared> {
  const names = Array.from({ length: plan.consumers }, (_, index) => `none-${index + 1}`);
  const home = scratch.makeHome(Object.fromEntries(names.map((name) => [name, CONSUMER])));
  const deliveries = plan.waves * plan.events * plan.consumers;
  const samplesMib: (number | null)[] = [];
  const daemon = startDaemon(offhook, home, scratch);
  try {
    await daemon.ready();
    const look = ledgers.look(home);
    const payloads = payloadsOf(recorded, SIZE_BYTES);
    for (let wave = 0; wave < plan.waves; wave++) {
      writeBacklog(home, plan.events, (number) => payloads(wave * plan.events + number));
      const wanted = (wave + 1) * plan.events * plan.consumers;
      const isSettled = () => {
        const settled = look.settled();
        if (settled >= (deliveries / plan.samples) * (samplesMib.length + 1)) samplesMib.push(privateMibOf(daemon.pid));
        return settled >= wanted;
      };
      if (!(await daemon.within(WAVE_LIMIT_MS, 5, isSettled)))
        throw new OffhookError(EXIT.failed, `a wave was not settled within ${WAVE_LIMIT_MS / 1000} s`);
    }
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
