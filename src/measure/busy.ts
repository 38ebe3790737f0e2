// How busy the machine is while something is measured, and how much of that is not ours: samples of the processor's time, which
// is told as ticks since the boot (proc_stat(5)), less what this process, its ended children and the scratch directory's
// processes have used. Only where there is a /proc; elsewhere the load average is all that is known.
import { readFileSync } from "node:fs";
import { loadavg } from "node:os";
import type { Load } from "../report/shape.ts";
import type { Scratch } from "./scratch.ts";

export type Watch = {
  /** Ends the watching and says what was seen. */
  end(): Omit<Load, "doubts">;
};

/** Ticks of all cores: `busy` of any program, `stolen` by a host below (a virtual machine's steal), `all` with idling. */
export type Ticks = { all: number; busy: number; stolen: number; ours: number };

const EVERY_MS = 1_000;
/** Of a soak of hours not every second is kept. */
const MOST_SAMPLES = 240;

/** Begins to watch. The load average is that of now: what was before the run. */
export function watchLoad(scratch: Pick<Scratch, "pids">): Watch {
  const before = loadavg()[0] ?? 0;
  const beganMs = performance.now();
  const first = ticks(scratch);
  let last = first;
  const samples: Load["samples"] = [];
  const timer = setInterval(() => {
    const now = ticks(scratch);
    samples.push({ atMs: Math.round(performance.now() - beganMs), others: sharesBetween(last, now)?.others ?? null });
    last = now;
  }, EVERY_MS);
  timer.unref();
  return {
    end() {
      clearInterval(timer);
      const whole = sharesBetween(first, ticks(scratch));
      const nth = Math.ceil(samples.length / MOST_SAMPLES);
      return {
        before: Math.round(before * 100) / 100,
        busy: whole?.busy ?? null,
        others: whole?.others ?? null,
        stolen: whole?.stolen ?? null,
        samples: samples.filter((_, index) => index % nth === 0),
      };
    },
  };
}

/** Shares of all cores between two looks, 0 to 1; null where they are not known, or no tick has passed. */
export function sharesBetween(
  from: Ticks | null,
  to: Ticks | null,
): { busy: number; others: number; stolen: number } | null {
  if (from === null || to === null || to.all <= from.all) return null;
  const all = to.all - from.all;
  const share = (ticks: number) => Math.round(Math.min(1, Math.max(0, ticks / all)) * 1000) / 1000;
  const busy = to.busy - from.busy;
  // A child's ticks count when it has ended, so those of a short moment can be more than all.
  return { busy: share(busy), others: share(busy - (to.ours - from.ours)), stolen: share(to.stolen - from.stolen) };
}

function ticks(scratch: Pick<Scratch, "pids">): Ticks | null {
  if (process.platform !== "linux") return null;
  const { all, busy, stolen } = machineTicks(readFileSync("/proc/stat", "utf8"));
  const ours = [process.pid, ...scratch.pids()].reduce((sum, pid) => sum + ticksOf(pid), 0);
  return { all, busy, stolen, ours };
}

/** The first line of /proc/stat: user nice system idle iowait irq softirq steal, then two that are in user and nice already. */
export function machineTicks(stat: string): Omit<Ticks, "ours"> {
  const fields = (/^cpu +(.*)$/m.exec(stat)?.[1] ?? "").split(" ").slice(0, 8).map(Number);
  const all = fields.reduce((sum, field) => sum + field, 0);
  const [idle = 0, iowait = 0, stolen = 0] = [fields[3], fields[4], fields[7]];
  return { all, busy: all - idle - iowait - stolen, stolen };
}

/** Of a process and its children that have ended: fields 14 to 17 of /proc/PID/stat. 0 for one that is gone. */
function ticksOf(pid: number): number {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return 0;
    throw error;
  }
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
}
