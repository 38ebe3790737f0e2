// How fast the daemon takes in a backlog, what it weighs afterwards, and what it costs when nothing happens.
//
// 1. A backlog is written into the spool of a new home and synced; then the daemon is started. The clock runs from there.
// 2. Files are committed in the order of their names, and go only after that: when the last is gone, all are in.
// 3. Counted by id from `offhook events`: none missing, none foreign.
// 4. The consumers settle what they got, within a limit; then the daemon is looked at while it has nothing to do.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { EXIT, OffhookError } from "../errors.ts";
import { writeBacklog } from "./backlog.ts";
import { type Daemon, startDaemon } from "./daemon.ts";
import { type Idle, type IdlePlan, lookWhileIdle } from "./idle.ts";
import { payloadsOf } from "./payload.ts";
import { type Memory, memoryOf } from "./process-figures.ts";
import type { Scratch } from "./scratch.ts";

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

const SIZE_BYTES = 997;
const INTAKE_LIMIT_MS = 120_000;
const SETTLE_LIMIT_MS = 120_000;
const CONSUMER = 'on = ["PostToolUse"]\nstart = "earliest"\nbuiltin = "none"\n';

export type IntakePlan = { events: number; consumers: number; idle: IdlePlan | null };

/** Measures one backlog, in at most 4 minutes and its idling. Errors: an event that is missing or foreign afterwards, a dead daemon (1). */
export async function measureIntake(
  plan: IntakePlan,
  offhook: string,
  scratch: Scratch,
  recorded: string,
): Promise<Intake> {
  const names = Array.from({ length: plan.consumers }, (_, index) => `none-${index + 1}`);
  const home = scratch.makeHome(Object.fromEntries(names.map((name) => [name, CONSUMER])));
  const ids = writeBacklog(home, plan.events, payloadsOf(recorded, SIZE_BYTES));
  // On the disk, as publish leaves them. That is no detail: deleting a file that never got there costs a tenth (ext4).
  Bun.spawnSync(["sync"]);
  const spool = join(home, "spool", "new");
  const last = join(spool, ids.at(-1) ?? "");

  const beganMs = performance.now();
  const daemon = startDaemon(offhook, home, scratch);
  try {
    const isIn = await daemon.within(INTAKE_LIMIT_MS, 5, () => !existsSync(last));
    const tookMs = performance.now() - beganMs;
    const left = isIn ? 0 : readdirSync(spool).length;
    const settled = plan.consumers === 0 ? null : await settle(daemon, plan, beganMs);
    const memory = memoryOf(daemon.pid);
    if (isIn) await countById(daemon, ids);
    const idle = plan.idle === null ? null : await lookWhileIdle(daemon, plan.idle);
    return {
      consumers: plan.consumers,
      events: plan.events,
      tookMs,
      perSecond: ((plan.events - left) / tookMs) * 1000,
      left,
      settled,
      memory,
      idle,
    };
  } finally {
    await daemon.stop();
  }
}

/** Waits until every consumer has settled every event, or the limit: then `left` says what is still to do. */
async function settle(daemon: Daemon, plan: IntakePlan, beganMs: number): Promise<Intake["settled"]> {
  const wanted = plan.events * plan.consumers;
  let ok = 0;
  await daemon.within(SETTLE_LIMIT_MS, 1000, async () => {
    ok = (await daemon.status()).consumers.reduce((sum, consumer) => sum + consumer.ok, 0);
    return ok >= wanted;
  });
  const tookMs = performance.now() - beganMs;
  return { deliveries: ok, tookMs, perSecond: (ok / tookMs) * 1000, left: wanted - ok };
}

async function countById(daemon: Daemon, ids: readonly string[]): Promise<void> {
  const missing = new Set(ids);
  let events = 0;
  for (const line of (await daemon.ask(["events", "--json"])).split("\n")) {
    if (line === "") continue;
    events++;
    missing.delete(JSON.parse(line).id);
  }
  if (missing.size === 0 && events === ids.length) return;
  throw new OffhookError(
    EXIT.failed,
    `of ${ids.length} events ${missing.size} are missing, and the stream holds ${events}`,
  );
}
