// Alerts come once. Four nodes save the same files within a window again and again; the alert is deduplicated over the whole
// cluster, so each key has exactly one alert a window, whichever node saw it first.
import { join } from "node:path";
import type { Dice } from "../../dice.ts";
import type { Context, Row, Seen } from "../../row.ts";
import { drain, LAST_KEYS } from "../drain.ts";
import { type Burst, type Sent, wrongAlerts, wrongStream } from "../history-check.ts";
import { openLoad } from "../load.ts";
import { areOwned, openCluster } from "../members.ts";
import { missingRedis, openRedis } from "../servers.ts";
import { pause } from "../waiting.ts";
import { consumerText, openWorkLog, writeProgram } from "../work-log.ts";

const NODES = 4;
const PARTITIONS = 4;
const BURSTS_A_SECOND = 10;
const SAVES = 4;
const SPREAD_MS = 400;
const DEDUP_MS = 3000;
/** So many bursts later a key comes again: twice the window. */
const KEYS = (BURSTS_A_SECOND * 2 * DEDUP_MS) / 1000;
/** Of the bursts that this machine may have published too slowly to be one window. */
const BLURRED_SHARE = 0.05;

type Planned = { atMs: number; node: number; burst: number };

/** When which node saves what: each burst by two nodes at least. */
function plan(seconds: number, dice: Dice): Planned[] {
  const planned: Planned[] = [];
  for (let burst = 0; burst < seconds * BURSTS_A_SECOND; burst++) {
    const nodes = dice.shuffled(Array.from({ length: NODES }, (_, node) => node));
    for (let save = 0; save < SAVES; save++) {
      const node = save < 2 ? nodes[save] : dice.pick(nodes);
      planned.push({ atMs: (burst * 1000) / BURSTS_A_SECOND + dice.below(SPREAD_MS), node: node ?? 0, burst });
    }
  }
  return planned.sort((a, b) => a.atMs - b.atMs);
}

/** Bursts as they were published: those that were one window each, and how many were not. */
function windowsOf(bursts: readonly (readonly Sent[])[]): { windows: Burst[]; blurred: Sent[][] } {
  const lastMs = new Map<string, number>();
  const windows: Burst[] = [];
  const blurred: Sent[][] = [];
  for (const saves of bursts) {
    const key = saves[0]?.key ?? "";
    const fromMs = Math.min(...saves.map(({ beganMs }) => beganMs));
    const untilMs = Math.max(...saves.map(({ endedMs }) => endedMs));
    const isOne = untilMs - fromMs < DEDUP_MS && fromMs - (lastMs.get(key) ?? 0) > DEDUP_MS;
    if (isOne) windows.push({ key, names: saves.map(({ name }) => name) });
    else blurred.push([...saves]);
    lastMs.set(key, untilMs);
  }
  return { windows, blurred };
}

async function saveEverywhere(context: Context, scope: "cluster" | "node"): Promise<Seen> {
  const { place, cases: seconds, dice, say, signal } = context;
  const server = await openRedis(context, "redis");
  const log = openWorkLog(join(place, "log"));
  const program = writeProgram(join(place, "alert"), log.path, 0);
  const more = `dedup = "${DEDUP_MS / 1000}s"\n`;
  const partitions = scope === "cluster" ? PARTITIONS : undefined;
  const cluster = openCluster(context, {
    count: NODES,
    urls: [server.url],
    consumers: { alert: consumerText({ scope, program, partitions, more }) },
  });
  await cluster.startAll();
  const among = cluster.members.map(({ name }) => name);
  if (scope === "cluster")
    await areOwned(context, server, { consumer: "alert", partitions: PARTITIONS, among }, cluster);

  const load = openLoad(context, dice);
  const bursts: Promise<Sent>[][] = [];
  const beganMs = performance.now();
  for (const { atMs, node, burst } of plan(seconds, dice.fork("plan"))) {
    await pause(beganMs + atMs - performance.now(), signal);
    if (signal.aborted) break;
    const member = cluster.members[node];
    if (member === undefined) throw new Error(`no node ${node}`);
    const saves = bursts[burst] ?? [];
    bursts[burst] = saves;
    saves.push(load.publish(member, `/saved/${burst % KEYS}`));
    say(`${(atMs / 1000).toFixed(0)} of ${seconds} s`);
  }
  const published = await Promise.all(bursts.filter(Boolean).map((saves) => Promise.all(saves)));
  const saved = load.sent.length;
  const { entries, findings } = await drain({
    ...{ context, server, cluster, load, log },
    consumers: ["alert"],
    wants: () => false,
    lastKeys: LAST_KEYS,
  });
  findings.push(...(await cluster.stopAll()));

  const { windows, blurred } = windowsOf(published);
  if (blurred.length > published.length * BLURRED_SHARE)
    findings.push(`${blurred.length} of ${published.length} bursts were published too slowly to be one window each`);
  const last = load.sent.slice(saved).map(({ key, name }) => ({ key, names: [name] }));
  const left = new Set(blurred.flat().map(({ name }) => name));
  const lines = log.lines().filter((line) => line.kind !== "begin" || !left.has(line.name));
  const wrong = wrongAlerts([...windows, ...last], "alert", lines);
  findings.push(...wrong, ...wrongStream(load.sent, entries));
  const ran = new Set(lines.flatMap((line) => (line.kind === "begin" ? [line.node] : [])));
  return {
    counts: {
      nodes: NODES,
      saves: saved,
      windows: windows.length,
      "too slow for one window": blurred.length,
      "nodes that alerted": ran.size,
      "not exactly one": wrong.length,
    },
    findings,
  };
}

export const row: Row = {
  name: "alerts-once",
  title: `seconds of ${BURSTS_A_SECOND * SAVES} events/s on ${NODES} nodes, each key saved ${SAVES} times on several nodes within the window`,
  must: "alerts per key and window: exactly 1",
  cases: 60,
  missing: missingRedis,
  run: (context) => saveEverywhere(context, "cluster"),
  control: {
    title: "seconds of the same with an alert of scope node: each node alerts for itself",
    cases: 8,
    async run(context) {
      const { counts, findings } = await saveEverywhere(context, "node");
      const others = findings.filter((finding) => !/: \d+ alerts for one window/.test(finding));
      if (others.length > 0) throw new Error(`something else is wrong: ${others.slice(0, 5).join("\n")}`);
      return { counts, findings };
    },
  },
};
