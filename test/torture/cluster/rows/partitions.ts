// The load spreads: eight partitions of a consumer with slow workers on four nodes. What is measured is the time from the first
// worker's begin to the last one's end; beside it stands what one node's worker slots can do at most: slots by the worker's time.
import { join } from "node:path";
import { partitionOf } from "../../../../src/cluster/shares.ts";
import type { Context, Row, Seen } from "../../row.ts";
import { drain } from "../drain.ts";
import { judgeRuns, placesIn, wrongStream } from "../history-check.ts";
import { openLoad } from "../load.ts";
import { areOwned, openCluster } from "../members.ts";
import { missingRedis, openRedis } from "../servers.ts";
import { within } from "../waiting.ts";
import { consumerText, openWorkLog, writeProgram } from "../work-log.ts";

const NODES = 4;
const PARTITIONS = 8;
const WORKERS = 2;
const TAKES_S = 0.25;
const LEAST_TIMES = 3;
/** So that order has something to keep. */
const EVENTS_A_KEY = 6;
const LIMIT_MS = 120_000;

/** So many keys of each partition, in turns: how evenly chance spreads keys is not what is measured here. */
function evenKeys(each: number): string[] {
  const found = Array.from({ length: PARTITIONS }, (): string[] => []);
  for (let number = 0; found.some((keys) => keys.length < each); number++) {
    const key = `/spread/${number}`;
    const keys = found[partitionOf(key, PARTITIONS)] ?? [];
    if (keys.length < each) keys.push(key);
  }
  return Array.from(
    { length: each * PARTITIONS },
    (_, at) => found[at % PARTITIONS]?.[Math.floor(at / PARTITIONS)] ?? "",
  );
}

async function spread(context: Context, nodes: number): Promise<Seen> {
  const { place, cases: events, dice, say, signal } = context;
  const server = await openRedis(context, "redis");
  const log = openWorkLog(join(place, "log"));
  const program = writeProgram(join(place, "slow"), log.path, TAKES_S);
  const consumer = consumerText({ scope: "cluster", program, partitions: PARTITIONS, concurrency: WORKERS });
  const cluster = openCluster(context, {
    count: nodes,
    urls: [server.url],
    consumers: { slow: consumer },
    workers: WORKERS,
  });
  await cluster.startAll();
  const among = cluster.members.map(({ name }) => name);
  await areOwned(context, server, { consumer: "slow", partitions: PARTITIONS, among }, cluster);

  const load = openLoad(context, dice);
  const keys = evenKeys(Math.ceil(events / EVENTS_A_KEY / PARTITIONS));
  for (let number = 0; number < events; number++)
    void load.publish(dice.pick(cluster.members), keys[number % keys.length] ?? "");
  const isUnderWay = () => log.lines().length > 0;
  await within(LIMIT_MS, signal, isUnderWay, 5);
  const beganMs = performance.now();
  let most = 0;
  const isDone = () => {
    const ended = log.ended("slow").size;
    most = Math.max(most, log.open("slow").length);
    say(`${ended} of ${events}`);
    return ended === events;
  };
  await within(LIMIT_MS + (events / 8) * 1000, signal, isDone, 10);
  const tookMs = performance.now() - beganMs;
  const { entries, findings } = await drain({ context, server, cluster, load, log, consumers: ["slow"] });
  findings.push(...(await cluster.stopAll()));

  const slots = nodes * WORKERS;
  const judged = judgeRuns({
    ...{ consumer: "slow", scope: "cluster", slots, sent: load.sent, places: placesIn(entries), lines: log.lines() },
  });
  findings.push(...judged.wrong, ...wrongStream(load.sent, entries));
  const perSecond = events / (tookMs / 1000);
  const oneNode = WORKERS / TAKES_S;
  const times = perSecond / oneNode;
  // Not `times < least`: NaN must not pass.
  if (!(times >= LEAST_TIMES))
    findings.push(
      `${perSecond.toFixed(1)} events/s are ${times.toFixed(2)} x one node's ${oneNode}, not ${LEAST_TIMES} x`,
    );
  return {
    counts: {
      nodes,
      events,
      "events/s": Number(perSecond.toFixed(1)),
      "one node's slots at most, events/s": oneNode,
      times: Number(times.toFixed(2)),
      "at once, at most": most,
      wrong: findings.length,
    },
    findings,
  };
}

export const row: Row = {
  name: "partitions",
  title: `events to ${PARTITIONS} partitions on ${NODES} nodes of ${WORKERS} workers that take ${TAKES_S} s each`,
  must: `at least ${LEAST_TIMES} x the throughput of one node's worker slots; order per key kept`,
  cases: 600,
  missing: missingRedis,
  run: (context) => spread(context, NODES),
  control: {
    title: "events to the same on two nodes",
    cases: 97,
    async run(context) {
      const { counts, findings } = await spread(context, 2);
      const others = findings.filter((finding) => !finding.includes("events/s are"));
      if (others.length > 0) throw new Error(`something else is wrong: ${others.slice(0, 5).join("\n")}`);
      return { counts, findings };
    },
  },
};
