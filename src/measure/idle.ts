// What a daemon costs while nothing happens.
import type { Daemon } from "./daemon.ts";
import { cpuMsOf, type Memory, memoryOf } from "./process-figures.ts";

/** Processor time within a stretch with nothing to do, both in ms, and the memory at its end; `cpuMs` null where it cannot be read. */
export type Idle = { lookedMs: number; cpuMs: number | null; memory: Memory };

/** How long to let it calm down, and how long to look then, in ms. */
export type IdlePlan = { calmMs: number; lookMs: number };

/** Bun 1.4.5 collects garbage every second until the heap has kept its size for 30 of them (GarbageCollectionController). */
export const THOROUGH: IdlePlan = { calmMs: 35_000, lookMs: 20_000 };
export const ROUGH: IdlePlan = { calmMs: 1_000, lookMs: 5_000 };

/** Looks at a daemon that has nothing to do. Throws when it has ended. */
export async function lookWhileIdle(daemon: Daemon, plan: IdlePlan): Promise<Idle> {
  await Bun.sleep(plan.calmMs);
  const before = cpuMsOf(daemon.pid);
  const beganMs = performance.now();
  await Bun.sleep(plan.lookMs);
  const lookedMs = performance.now() - beganMs;
  const after = cpuMsOf(daemon.pid);
  return { lookedMs, cpuMs: before === null || after === null ? null : after - before, memory: memoryOf(daemon.pid) };
}
