// How many commands a second a consumer runs, beside Bun.spawn with the same options and nothing around it.
//
// 1. For each concurrency a daemon of its own, with one consumer that runs /bin/true.
// 2. In turns: a backlog of so many events, of distinct files, then as many bare spawns. The backlog is taken in while the consumer
//    is paused and timed from the start of the first worker to the end of the last, as the ledger has them: the intake is not in it,
//    and deciding, starting, settling and the daemon's log are.
// 3. What a turn comes to is a rate; of the turns the median counts, and the first is not counted.
//
// Workers have a low priority and bare processes have none: beside other load the share says nothing.
import { join } from "node:path";
import { EXIT, OffhookError } from "../errors.ts";
import { writeBacklog } from "../measure/backlog.ts";
import { type Daemon, startDaemon } from "../measure/daemon.ts";
import { lookIntoLedger } from "../measure/ledgers.ts";
import type { Scratch } from "../measure/scratch.ts";
import { isTakenIn } from "../measure/spooled.ts";
import { percentile } from "../report/statistics.ts";
import { type Bare, spawnBare } from "./bare.ts";
import type { Compared } from "./comparison.ts";

export type DeliveriesPlan = { concurrency: number; events: number; turns: number };

/** Sizes are no multiples of the batches that the daemon works in, and large: a daemon lives for days, so its code is compiled. */
export const DELIVERIES: readonly DeliveriesPlan[] = [
  { concurrency: 1, events: 801, turns: 3 },
  { concurrency: 4, events: 1601, turns: 3 },
  { concurrency: 16, events: 1601, turns: 3 },
];
export const FEW_DELIVERIES: readonly DeliveriesPlan[] = DELIVERIES.map((plan) => ({ ...plan, events: 199 }));

const LEAST_SHARE = 0.7;
const PROGRAM = "/bin/true";
const CONSUMER = "true";
/** The event as a worker gets it on its stdin, about: the daemon's node has a name of its own. */
const STDIN_BYTES = 2_003;
const ATTRIBUTES_BYTES = 420;
const LIMIT_MS = 60_000;
/** Seldom: looking takes ms of a core, which the bare spawns have for themselves. The end is in the ledger. */
const LOOK_EVERY_MS = 250;

/** Measures the plans, one after the other. Errors: a daemon or a worker that fails, a turn of more than a minute (1). */
export async function measureDeliveries(
  plans: readonly DeliveriesPlan[],
  offhook: string,
  scratch: Scratch,
): Promise<Compared> {
  const rows: Compared["rows"][number][] = [];
  for (const plan of plans) {
    const { bare, ours } = await measureOne(plan, offhook, scratch);
    rows.push({
      figure: `${plan.concurrency} at once`,
      base: percentile(bare, 50),
      measured: percentile(ours, 50),
      unit: "/s",
      aim: { kind: "share", least: LEAST_SHARE },
    });
  }
  return {
    name: "deliveries",
    title: `deliveries of ${PROGRAM}`,
    baseName: "bare spawn",
    measuredName: "offhook",
    rows,
  };
}

type Rates = { bare: number[]; ours: number[] };

async function measureOne(plan: DeliveriesPlan, offhook: string, scratch: Scratch): Promise<Rates> {
  const { concurrency, events, turns } = plan;
  const home = scratch.makeHome({ [CONSUMER]: consumerOf(concurrency) });
  // No consumer takes the last free slot while it holds one.
  await Bun.write(join(home, "config.toml"), `name = "bench"\nworkers = ${concurrency + 1}\n`);
  const daemon = startDaemon(offhook, home, scratch);
  const rates: Rates = { bare: [], ours: [] };
  try {
    await daemon.ready();
    let done = 0;
    const look = lookIntoLedger(home);
    for (let turn = 0; turn <= turns; turn++) {
      const settled = async () => {
        done += events;
        const isDone = await daemon.within(LIMIT_MS, LOOK_EVERY_MS, () => look.settled() >= done);
        if (!isDone) throw new OffhookError(EXIT.failed, `not every worker ran well within ${LIMIT_MS / 1000} s`);
      };
      const tookMs = await timeBacklog(daemon, home, events, settled);
      const bareMs = await spawnBare(events, concurrency, await bareLike(daemon, home, scratch));
      if (turn === 0) continue;
      rates.ours.push((events / tookMs) * 1000);
      rates.bare.push((events / bareMs) * 1000);
    }
    look.close();
    return rates;
  } finally {
    await daemon.stop();
  }
}

function consumerOf(concurrency: number): string {
  return `on = ["bench.step"]\nstart = "earliest"\nrun = ["${PROGRAM}"]\nconcurrency = ${concurrency}\n`;
}

/** Ms from the first worker's start to the last one's end. */
async function timeBacklog(
  daemon: Daemon,
  home: string,
  events: number,
  settled: () => Promise<void>,
): Promise<number> {
  await daemon.ask(["pause", CONSUMER]);
  const text = "x".repeat(STDIN_BYTES - ATTRIBUTES_BYTES);
  const ids = writeBacklog(
    home,
    events,
    (number) => JSON.stringify({ step: number, text }),
    (number) => ["publish", "--type", "bench.step", "--subject", join(home, "files", `step-${number}`)],
  );
  if (!(await daemon.within(LIMIT_MS, 5, () => isTakenIn(home, ids))))
    throw new OffhookError(EXIT.failed, `${events} events were not taken in within ${LIMIT_MS / 1000} s`);
  await daemon.ask(["resume", CONSUMER]);
  await settled();
  return spanOf(await daemon.ask(["deliveries", "--limit", String(events), "--json"]), events);
}

/** From the start of the first attempt to the end of the last, in ms, of deliveries as `deliveries --json` gives them. */
export function spanOf(ndjson: string, events: number): number {
  const attempts = ndjson.split("\n").flatMap((line) => (line === "" ? [] : JSON.parse(line).attempts));
  if (attempts.length !== events)
    throw new OffhookError(EXIT.failed, `${attempts.length} attempts at ${events} deliveries`);
  const starts = attempts.map(({ startedAt }) => Date.parse(startedAt));
  const ends = attempts.map(({ startedAt, durationMs }) => Date.parse(startedAt) + durationMs);
  return Math.max(...ends) - Math.min(...starts);
}

/** A bare process that is given what a worker of this daemon is given: the same line on stdin, as many variables. */
async function bareLike(daemon: Daemon, home: string, scratch: Scratch): Promise<Bare> {
  const line = await daemon.ask(["events", "--limit", "1", "--json"]);
  const { id, subject, project = "" } = JSON.parse(line);
  const env = {
    ...scratch.envOf(home),
    PWD: scratch.path,
    OFFHOOK_CONSUMER: CONSUMER,
    OFFHOOK_DELIVERY_ID: "d_000000000000",
    OFFHOOK_ATTEMPT: "1",
    OFFHOOK_REPLAY: "",
    OFFHOOK_EVENT_ID: id,
    OFFHOOK_FILE: subject,
    OFFHOOK_PROJECT: project,
    OFFHOOK_SESSION_ID: "",
    OFFHOOK_DEPTH: "1",
  };
  return { argv: [PROGRAM], env, cwd: scratch.path, stdin: new TextEncoder().encode(line) };
}
