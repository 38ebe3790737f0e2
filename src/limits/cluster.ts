// What two nodes make of a Redis: events that one forwards and the other reads and settles, beside what redis-benchmark appends to a
// stream of the same server; and how long it is from the start of publish on one node to the start of a worker on the other.
//
// 1. redis-benchmark, 50 clients, a value of 1 KB. Then nodes A and B with one consumer of kind none, which only B has.
// 2. Turns: writes to Redis wait (CLIENT PAUSE) while A takes in a backlog; then they are let go, and the clock runs until B has
//    settled the last event, as Redis knows it. Of the turns the median counts, and the first is not counted.
// 3. A publishes one event after the other, B's consumer runs `date`: latency.ts has that measurement for one node.
import { join } from "node:path";
import { EXIT, OffhookError } from "../errors.ts";
import { writeBacklog } from "../measure/backlog.ts";
import { type Daemon, startDaemon } from "../measure/daemon.ts";
import { hasNanoseconds, nextMillisecond } from "../measure/latency.ts";
import { timeOne } from "../measure/measure.ts";
import { payloadsOf } from "../measure/payload.ts";
import type { Scratch } from "../measure/scratch.ts";
import { isTakenIn } from "../measure/spooled.ts";
import { percentile } from "../report/statistics.ts";
import type { Compared } from "./comparison.ts";
import { hasRedis, type Redis, startRedis } from "./redis.ts";

export type ClusterPlan = { appends: number; events: number; turns: number; latencies: number };

export const CLUSTER: ClusterPlan = { appends: 200_000, events: 40_009, turns: 3, latencies: 200 };
export const SMALL_CLUSTER: ClusterPlan = { appends: 20_000, events: 3_001, turns: 1, latencies: 40 };

const SIZE_BYTES = 1024;
const CLIENTS = 50;
const LEAST_SHARE = 0.25;
const MOST_LATENCY_MS = 25;
/** Between two publishes, as in latency.ts. */
const PAUSE_MS = 40;
const LIMIT_MS = 60_000;
const LOOK_EVERY_MS = 5;
const KEYS = "{offhook}:";
const NONE = 'on = ["PostToolUse"]\nstart = "earliest"\nscope = "cluster"\nbuiltin = "none"\n';
const STAMP = 'on = ["bench.stamp"]\nstart = "earliest"\nscope = "cluster"\nrun = ["date", "+%s%N"]\n';

/** Measures it. `measured` is null without a redis-server here. Errors: a daemon that fails, a turn of more than a minute (1). */
export async function measureCluster(
  plan: ClusterPlan,
  offhook: string,
  scratch: Scratch,
  recorded: string,
): Promise<Compared> {
  const figures = hasRedis() ? await figuresOf(plan, offhook, scratch, recorded) : null;
  return {
    name: "cluster",
    title: "two nodes and a Redis",
    baseName: "beside",
    measuredName: "offhook",
    rows: [
      {
        figure: `events of 1 KB, forwarded by A, read and settled by B; beside: XADD of redis-benchmark, ${CLIENTS} clients`,
        base: figures?.appendsPerSecond ?? Number.NaN,
        measured: figures?.eventsPerSecond ?? null,
        unit: "/s",
        aim: { kind: "share", least: LEAST_SHARE },
      },
      {
        figure: "start of A's publish to start of B's worker, p50; beside: nothing",
        base: 0,
        measured: figures?.latencyMs ?? null,
        unit: "ms",
        aim: { kind: "more", most: MOST_LATENCY_MS },
      },
    ],
  };
}

type Figures = { appendsPerSecond: number; eventsPerSecond: number; latencyMs: number | null };

async function figuresOf(plan: ClusterPlan, offhook: string, scratch: Scratch, recorded: string): Promise<Figures> {
  const redis = await startRedis(scratch);
  const daemons: Daemon[] = [];
  try {
    const appendsPerSecond = await redis.appends({ entries: plan.appends, clients: CLIENTS, sizeBytes: SIZE_BYTES });
    const homeA = await makeNode(scratch, redis, "a", {});
    const homeB = await makeNode(scratch, redis, "b", { none: NONE, stamp: STAMP });
    for (const home of [homeA, homeB]) daemons.push(startDaemon(offhook, home, scratch));
    const [a, b] = daemons as [Daemon, Daemon];
    await Promise.all([a.ready(), b.ready()]);
    await mustCome(
      b,
      "B did not take its consumers",
      async () => (await isOwned(redis, "none")) && (await isOwned(redis, "stamp")),
    );
    await mustCome(a, "A did not join", async () => Number(await redis.send("HLEN", `${KEYS}nodes`)) === 2);

    const rates: number[] = [];
    let settled = 0;
    for (let turn = 0; turn <= plan.turns; turn++) {
      settled += plan.events;
      const tookMs = await timeTurn(redis, { a, b, homeA }, plan.events, settled, recorded);
      if (turn > 0) rates.push((plan.events / tookMs) * 1000);
    }
    const latencyMs = hasNanoseconds()
      ? await measureStamps(plan.latencies, redis, b, { offhook, scratch, homeA })
      : null;
    return { appendsPerSecond, eventsPerSecond: percentile(rates, 50), latencyMs };
  } finally {
    for (const daemon of daemons) await daemon.stop();
    await redis.stop();
  }
}

/** A home with its settings. A long lease: nobody is to lose one while writes wait. */
async function makeNode(
  scratch: Scratch,
  redis: Redis,
  name: string,
  consumers: Record<string, string>,
): Promise<string> {
  const home = scratch.makeHome(consumers);
  await Bun.write(join(home, "config.toml"), `name = "${name}"\n\n[cluster]\nurl = "${redis.url}"\nlease = "2m"\n`);
  return home;
}

async function isOwned(redis: Redis, consumer: string): Promise<boolean> {
  return (await redis.send("HGET", `${KEYS}lease:${consumer}/0`, "node")) === "b";
}

/** Ms from the moment when writes to Redis are let go until B has settled all. */
async function timeTurn(
  redis: Redis,
  { a, b, homeA }: { a: Daemon; b: Daemon; homeA: string },
  events: number,
  settled: number,
  recorded: string,
): Promise<number> {
  await redis.send("CLIENT", "PAUSE", String(LIMIT_MS), "WRITE");
  // Other numbers than in the turns before: a tool's call that comes twice is not sent on.
  const payloads = payloadsOf(recorded, SIZE_BYTES);
  const ids = writeBacklog(homeA, events, (number) => payloads(settled + number));
  await mustCome(a, "not all was taken in", () => isTakenIn(homeA, ids));
  const beganMs = performance.now();
  await redis.send("CLIENT", "UNPAUSE");
  await mustCome(b, "not all was settled", async () => (await settledBy(redis, "none")) >= settled);
  return performance.now() - beganMs;
}

/** Deliveries that ended ok, as the owner has told Redis. */
async function settledBy(redis: Redis, consumer: string): Promise<number> {
  const row = (await redis.send("HGET", `${KEYS}part:${consumer}/0`, "g")) as string | null;
  return row === null ? 0 : Number(JSON.parse(row).row.ok);
}

/** The median of the times from just before A's publish is started until B's worker reads the clock, in ms. */
async function measureStamps(
  count: number,
  redis: Redis,
  b: Daemon,
  { offhook, scratch, homeA }: { offhook: string; scratch: Scratch; homeA: string },
): Promise<number> {
  const argv = [offhook, "publish", "--type", "bench.stamp"];
  const publish = { name: "publish", argv, env: scratch.envOf(homeA) };
  const startsMs: number[] = [];
  for (let number = 0; number < count; number++) {
    await Bun.sleep(PAUSE_MS);
    startsMs.push(nextMillisecond());
    await timeOne(publish, Buffer.from('{"stamp":true}'));
  }
  await mustCome(b, "not every worker ran well", async () => (await settledBy(redis, "stamp")) >= count);
  const told = (await redis.send("XRANGE", `${KEYS}outcomes:stamp`, "-", "+")) as [string, string[]][];
  const stamps = told
    .map(([, [, json = ""]]) => Number(JSON.parse(json).attempts[0].stdout) / 1e6)
    .sort((x, y) => x - y);
  if (stamps.length !== count) throw new OffhookError(EXIT.failed, `${stamps.length} stamps of ${count} events`);
  return percentile(
    stamps.map((ms, index) => ms - (startsMs[index] ?? Number.NaN)),
    50,
  );
}

async function mustCome(daemon: Daemon, otherwise: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  if (await daemon.within(LIMIT_MS, LOOK_EVERY_MS, isSo)) return;
  throw new OffhookError(EXIT.failed, `${otherwise} within ${LIMIT_MS / 1000} s`);
}
