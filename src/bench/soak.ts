// A daemon under a steady rate for minutes or days: whether what it holds grows, whether it falls behind, whether anything is lost.
//
// 1. Real publishes at fixed moments, whether those before have ended or not (publishing.ts); a builtin and a command consume them.
// 2. Every few seconds a sample: what was published since the last one, what the daemon holds, how far behind it is.
// 3. In the end, when all is settled, it is counted by id. The events are read from the stream sample by sample: of a soak of weeks
//    the ledger does not keep the first ones.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { EXIT, OffhookError } from "../errors.ts";
import type { Inspection } from "../ledger/inspect.ts";
import { countById, eventsAfter, inspectHome, isAllSettled } from "../measure/by-id.ts";
import { type Daemon, startDaemon } from "../measure/daemon.ts";
import type { Means } from "../measure/means.ts";
import { payloadsOf } from "../measure/payload.ts";
import { memoryOf, openFilesOf } from "../measure/process-figures.ts";
import { type Publishing, startPublishing } from "../measure/publishing.ts";
import type { Soak, SoakSample } from "../report/shape.ts";
import { percentile, timesOf } from "../report/statistics.ts";

export type SoakPlan = {
  minutes: number;
  perSecond: number;
  payloadBytes: number;
  /** At least so many ms between two samples, and at most so many samples. */
  sampleEveryMs: number;
  mostSamples: number;
  /** Aborted: it ends early, and gives what there is until then. */
  signal: AbortSignal;
};

/** What is not said when a person asks for a soak. */
export const SOAK: Omit<SoakPlan, "minutes" | "signal"> = {
  perSecond: 5,
  payloadBytes: 997,
  sampleEveryMs: 2_000,
  mostSamples: 300,
};

const CONSUMERS = {
  none: 'on = ["PostToolUse"]\nstart = "earliest"\nbuiltin = "none"\n',
  worker: 'on = ["PostToolUse"]\nstart = "earliest"\nrun = ["/bin/sh", "-c", "cat >/dev/null"]\n',
};
const LOOK_EVERY_MS = 50;
/** What the daemon gets in the end for what is still on its way. What is not in by then is missing. */
const SETTLE_LIMIT_MS = 20_000;

/** Runs it. Errors: a daemon that does not start or ends, a soak in which not one publish was acknowledged (1). */
export async function measureSoak(plan: SoakPlan, means: Means): Promise<Soak> {
  const { offhook, scratch, recorded } = means;
  const home = scratch.makeHome(CONSUMERS);
  // Ctrl-C is for this process, which has still to ask the daemon. Publishes are in groups of their own anyway.
  const daemon = startDaemon(offhook, home, scratch, { isApart: true });
  let inspection: Inspection | null = null;
  try {
    await daemon.ready();
    const ledger = inspectHome(home);
    inspection = ledger;
    const arrivals = readArrivals(ledger);
    const beganMs = performance.now();
    const publishing = startPublishing({
      perSecond: plan.perSecond,
      payloads: payloadsOf(recorded, plan.payloadBytes),
      program: { name: "publish", argv: [offhook, "publish"], env: scratch.envOf(home), cwd: scratch.path },
      scratch,
    });
    let samples: SoakSample[];
    try {
      samples = await watch(plan, means, { beganMs, publishing, daemon, inspection: ledger, arrivals });
    } finally {
      await publishing.stop();
    }
    const minutes = (performance.now() - beganMs) / 60_000;
    if (publishing.acknowledged.length === 0)
      throw new OffhookError(EXIT.failed, `no publish was acknowledged: ${publishing.firstRefusal}`);
    const isIn = () => readdirSync(join(home, "spool", "new")).length === 0;
    const { length } = Object.keys(CONSUMERS);
    await daemon.within(SETTLE_LIMIT_MS, LOOK_EVERY_MS, () => isIn() && isAllSettled(ledger, length));
    arrivals.readOn();
    // Not acknowledged and still there is neither lost nor foreign; twice it would be.
    const refused = new Set(publishing.refused);
    const found = arrivals.ids.filter((id) => !refused.delete(id));
    return {
      minutes,
      payloadBytes: plan.payloadBytes,
      wantedPerSecond: plan.perSecond,
      times: timesOf(publishing.timesMs),
      samples,
      ...countById(publishing.acknowledged, found),
      refused: publishing.refused.length,
      dead: sumOf(ledger, "dead"),
    };
  } finally {
    inspection?.close();
    await daemon.stop();
  }
}

type Arrivals = { ids: string[]; readOn(): void };
type Run = {
  beganMs: number;
  publishing: Publishing;
  daemon: Daemon;
  inspection: Inspection;
  arrivals: Arrivals;
};

/** Takes the samples until the time is over or nobody wants more; one at least, and the last one at the end. */
async function watch(plan: SoakPlan, { progress }: Means, run: Run): Promise<SoakSample[]> {
  const { beganMs, publishing, daemon } = run;
  const wantedMs = plan.minutes * 60_000;
  const everyMs = Math.max(plan.sampleEveryMs, Math.ceil(wantedMs / plan.mostSamples));
  const sinceMs = () => performance.now() - beganMs;
  const isOver = () => {
    const done = Math.floor(Math.min(sinceMs(), wantedMs) / 1000);
    const doing = `${publishing.acknowledged.length.toLocaleString("en")} published`;
    progress({ part: "soak", done, of: Math.ceil(wantedMs / 1000), doing });
    return plan.signal.aborted || sinceMs() >= wantedMs;
  };
  const samples: SoakSample[] = [];
  let before = { atMs: 0, timed: 0 };
  for (let number = 1, isLast = false; !isLast; number++) {
    await daemon.within(everyMs * number - sinceMs(), LOOK_EVERY_MS, isOver);
    isLast = isOver();
    const now = { atMs: Math.round(sinceMs()), timed: publishing.timesMs.length };
    // A moment says nothing of a rate.
    if (samples.length > 0 && now.atMs - before.atMs < everyMs / 2) continue;
    samples.push(sampleOf(before, now, run));
    before = now;
    run.arrivals.readOn();
  }
  return samples;
}

type Moment = { atMs: number; timed: number };

/** What happened between two moments, and what is at the second. */
function sampleOf(before: Moment, now: Moment, { publishing, daemon, inspection }: Run): SoakSample {
  const timesMs = publishing.timesMs.slice(before.timed, now.timed);
  const orNull = (percent: number) => (timesMs.length === 0 ? null : rounded(percentile(timesMs, percent)));
  return {
    atMs: now.atMs,
    published: now.timed,
    perSecond: rounded((timesMs.length / Math.max(1, now.atMs - before.atMs)) * 1000),
    p50Ms: orNull(50),
    p99Ms: orNull(99),
    rssMib: rounded(memoryOf(daemon.pid).rssKib / 1024),
    openFiles: openFilesOf(daemon.pid),
    // How far the last consumer is behind; what all of them have to do.
    lag: Math.max(0, ...inspection.groups(Date.now()).map((group) => group.lag)),
    pending: sumOf(inspection, "pending"),
  };
}

/** More digits say nothing, and a long soak has many of them. */
function rounded(figure: number): number {
  return Math.round(figure * 1000) / 1000;
}

function sumOf(inspection: Inspection, figure: "pending" | "dead"): number {
  return inspection.groups(Date.now()).reduce((sum, group) => sum + group[figure], 0);
}

/** The events of the stream as they come, by their tool_use_id. */
function readArrivals(inspection: Inspection): Arrivals {
  const ids: string[] = [];
  let last = 0;
  return {
    ids,
    readOn() {
      for (const { seq, id, toolUseId } of eventsAfter(inspection, last)) {
        last = seq;
        ids.push(toolUseId ?? id);
      }
    },
  };
}
