// Why the figures of a run may say less of offhook than of the machine: sentences, from what was seen. Pure.
import type { Hook, Load, Machine } from "./shape.ts";
import { percentile } from "./statistics.ts";

/** Shares of all cores. What a quiet laptop or a virtual machine among others shows stays below. */
const MOST_OTHERS = 0.1;
const MOST_STOLEN = 0.05;
/** Only where shares are not told: a load average beside the number of cores. */
const MOST_LOAD = 0.5;
/** The control does the same each time: the slowest tenth of its runs takes so much longer, or one half of them than the other. */
const MOST_SPREAD = 1.6;
const MOST_DRIFT = 1.15;
const LEAST_RUNS = 30;

/** Why these figures are not to be trusted; none: they are. */
export function doubtsOf(load: Omit<Load, "doubts">, machine: Machine, hook: Hook | null): string[] {
  const doubts: string[] = [];
  if (load.others !== null && load.others > MOST_OTHERS)
    doubts.push(`other programs used ${percent(load.others)} of the processor during the run`);
  if (load.stolen !== null && load.stolen > MOST_STOLEN)
    doubts.push(`the host below this virtual machine took ${percent(load.stolen)} of the processor's time away`);
  if (load.others === null && load.before > machine.cores * MOST_LOAD)
    doubts.push(`the load average was ${load.before.toFixed(1)} on ${machine.cores} cores at the start`);
  const control = hook?.lanes.find(({ kind }) => kind === "null")?.times;
  if (control !== undefined && control.runs >= LEAST_RUNS) {
    if (control.p90Ms > control.p50Ms * MOST_SPREAD)
      doubts.push(
        `the control, which does the same each time, took ${control.p50Ms.toFixed(1)} ms in the median and ${control.p90Ms.toFixed(1)} ms in its slowest tenth: something else held it up`,
      );
    const drift = driftOf(control.timesMs);
    if (drift > MOST_DRIFT)
      doubts.push(`one half of the control's runs took ${percent(drift - 1)} longer than the other`);
  }
  if (control !== undefined && control.runs < LEAST_RUNS)
    doubts.push(`the time was up after ${control.runs} runs of the control; ${LEAST_RUNS} are the least`);
  if (!machine.isRealDisk)
    doubts.push("the scratch files were in memory: fsync cost nothing, and publish looks better than it is");
  return doubts;
}

/** How much longer the slower half of the runs took than the other, 1: even. Halves by time, not by size. */
function driftOf(timesMs: readonly number[]): number {
  const half = Math.floor(timesMs.length / 2);
  const [one, other] = [percentile(timesMs.slice(0, half), 50), percentile(timesMs.slice(half), 50)];
  return Math.max(one / other, other / one);
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}
