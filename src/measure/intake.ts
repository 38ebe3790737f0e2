// How fast the daemon takes in a backlog and settles it, what it weighs afterwards, and what it costs when nothing happens.
//
// 1. A backlog is written into the spool of a new home and synced; then the daemon is started. The clock runs from there.
// 2. Files are committed in the order of their names, and go only after that: when the last is gone, all are in.
// 3. The consumers settle what they got, within a limit. Then it is counted by id what is in the stream.
// 4. The daemon may be looked at while it has nothing to do.
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { EXIT, OffhookError } from "../errors.ts";
import type { Inspection } from "../ledger/inspect.ts";
import { writeLargeBacklog } from "./backlog.ts";
import { type Counted, countById, idsIn, inspectHome, isAllSettled } from "./by-id.ts";
import { type Daemon, startDaemon } from "./daemon.ts";
import { type Idle, type IdlePlan, lookWhileIdle } from "./idle.ts";
import { payloadsOf } from "./payload.ts";
import { type Memory, memoryOf } from "./process-figures.ts";
import type { ProcessorClock } from "./processor-clock.ts";
import type { Scratch } from "./scratch.ts";
import { isTakenIn } from "./spooled.ts";

export type Intake = {
  consumers: number;
  events: number;
  /** From the start of the daemon until the last spool file is gone, or the time is up: then `left` are not in. In ms. */
  tookMs: number;
  perSecond: number;
  left: number;
  /** Deliveries ended ok and the time since the daemon's start until then, in ms; null without consumers. */
  settled: { deliveries: number; tookMs: number; perSecond: number; left: number } | null;
  /** When it has taken all in and settled all. */
  memory: Memory;
  /** After all that; null: not measured. ext4 keeps a directory as large as it has been, so looking into the spool costs more. */
  idle: Idle | null;
};

/** One backlog and what became of it. Times are in ms from the start of the daemon. */
export type Draining = {
  takenInMs: number;
  /** Not taken in when the time was up. */
  left: number;
  /** Deliveries that ended ok, and when the last was settled or the time was up. */
  deliveries: number;
  settledMs: number;
  isAllSettled: boolean;
  /** Right after that. `cpuMs`: all that the daemon has used, its start too; null where the system does not tell. */
  memory: Memory;
  cpuMs: number | null;
  /** Null where not all was taken in. */
  counted: Counted | null;
};

const SIZE_BYTES = 997;
const INTAKE_LIMIT_MS = 120_000;
const SETTLE_LIMIT_MS = 120_000;
const LOOK_EVERY_MS = 5;
const CONSUMER = 'on = ["PostToolUse"]\nstart = "earliest"\nbuiltin = "none"\n';

export type IntakePlan = { events: number; consumers: number; idle: IdlePlan | null };

/** Measures one backlog, in at most 4 minutes and its idling. Errors: an event that is missing or foreign afterwards, a dead daemon (1). */
export async function measureIntake(
  plan: IntakePlan,
  offhook: string,
  scratch: Scratch,
  recorded: string,
): Promise<Intake> {
  const { events, consumers } = plan;
  const wanted = events * consumers;
  const backlog = await makeBacklog(plan, scratch, recorded);
  const { draining, idle } = await drainBacklog(
    backlog,
    { offhook, scratch, clock: null },
    async (draining, daemon) => {
      refuseLost(draining, events);
      return { draining, idle: plan.idle === null ? null : await lookWhileIdle(daemon, plan.idle) };
    },
  );
  const { takenInMs, left, deliveries, settledMs, memory } = draining;
  return {
    consumers,
    events,
    tookMs: takenInMs,
    perSecond: ((events - left) / takenInMs) * 1000,
    left,
    settled:
      consumers === 0
        ? null
        : { deliveries, tookMs: settledMs, perSecond: (deliveries / settledMs) * 1000, left: wanted - deliveries },
    memory,
    idle,
  };
}

/** A home with its consumers, and a backlog in its spool that no daemon has seen; `ids` in the order of the spool. */
export type Backlog = { home: string; consumers: number; ids: string[] };

/** Writes one, not synced. */
export async function makeBacklog(
  { events, consumers }: { events: number; consumers: number },
  scratch: Scratch,
  recorded: string,
): Promise<Backlog> {
  const names = Array.from({ length: consumers }, (_, index) => `none-${index + 1}`);
  const home = scratch.makeHome(Object.fromEntries(names.map((name) => [name, CONSUMER])));
  return { home, consumers, ids: await writeLargeBacklog(home, events, payloadsOf(recorded, SIZE_BYTES)) };
}

/**
 * Lets a daemon drain a backlog and looks what became of it, in at most 4 minutes; then `look` may look at the daemon. The home is
 * gone afterwards. `clock` is null where nobody asks for the processor time. Errors: a daemon that ends (1).
 */
export async function drainBacklog<T>(
  { home, consumers, ids }: Backlog,
  { offhook, scratch, clock }: { offhook: string; scratch: Scratch; clock: ProcessorClock | null },
  look: (draining: Draining, daemon: Daemon) => Promise<T> | T,
): Promise<T> {
  // On the disk, as publish leaves them. That is no detail: deleting a file that never got there costs a tenth (ext4).
  await Bun.spawn(["sync"], { stdin: "ignore", stdout: "ignore", stderr: "ignore" }).exited;

  const beganMs = performance.now();
  const daemon = startDaemon(offhook, home, scratch);
  let inspection: Inspection | null = null;
  try {
    const isIn = await daemon.within(INTAKE_LIMIT_MS, LOOK_EVERY_MS, () => isTakenIn(home, ids));
    const takenInMs = performance.now() - beganMs;
    const ledger = inspectHome(home);
    inspection = ledger;
    const areSettled = await daemon.within(SETTLE_LIMIT_MS, LOOK_EVERY_MS, () => isAllSettled(ledger, consumers));
    const settledMs = performance.now() - beganMs;
    const cpuMs = clock === null ? null : clock(daemon.pid);
    const draining = {
      takenInMs,
      left: isIn ? 0 : readdirSync(join(home, "spool", "new")).length,
      deliveries: ledger.groups(Date.now()).reduce((sum, { ok }) => sum + ok, 0),
      settledMs,
      isAllSettled: isIn && areSettled,
      memory: memoryOf(daemon.pid),
      cpuMs,
      counted: isIn ? countById(ids, idsIn(ledger)) : null,
    };
    return await look(draining, daemon);
  } finally {
    inspection?.close();
    await daemon.stop();
    rmSync(home, { recursive: true, force: true });
  }
}

function refuseLost({ counted }: Draining, events: number): void {
  if (counted === null || (counted.missing === 0 && counted.foreign === 0)) return;
  const { arrived, missing, foreign } = counted;
  throw new OffhookError(
    EXIT.failed,
    `of ${events} events ${missing} are missing, and the stream holds ${arrived + foreign}`,
  );
}
