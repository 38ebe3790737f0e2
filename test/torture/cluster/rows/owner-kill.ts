// A node dies in the middle of its work: the daemon alone, or the daemon with all its workers as when a machine goes. What it owned
// goes on elsewhere; what only concerns its own node waits for it.
import { join } from "node:path";
import type { Dice } from "../../dice.ts";
import type { Context, Row, Seen } from "../../row.ts";
import { drain } from "../drain.ts";
import { type History, type Judged, judgeRuns, placesIn, placesOnNodes, wrongStream } from "../history-check.ts";
import { flow, type Load, openLoad } from "../load.ts";
import { areOwned, type Cluster, LEASE_MS, openCluster } from "../members.ts";
import { controlOf, plantedBuild } from "../planted-build.ts";
import { readEntries } from "../redis-eye.ts";
import { missingRedis, openRedis } from "../servers.ts";
import { spoiledPart, type Told } from "../spoiled.ts";
import { pause, within } from "../waiting.ts";
import { consumerText, type Line, openWorkLog, type WorkLog, writeProgram } from "../work-log.ts";

const NODES = 3;
const PARTITIONS = 3;
const CONCURRENCY = 2;
/** In flight on a node at most: all three partitions may be its own. */
const SLOTS = PARTITIONS * CONCURRENCY;
const TAKES_S = 0.3;
const LOCAL_TAKES_S = 0.05;
const PER_SECOND = 9;
const KEYS = 61;
const LEASES = 3;
/** So many that are not done are no heap: what is in flight, on its way, and a few behind others of their key. */
const HEAP = 2 * SLOTS;
const BEFORE_MS = 1500;
const PATIENCE_MS = 30_000;

type Counts = {
  kills: number;
  "with all its workers": number;
  "in flight at a kill": number;
  "slowest to settle, ms": number;
};

async function killOwners(context: Context): Promise<Told> {
  const { place, cases, dice, say, signal } = context;
  const server = await openRedis(context, "redis");
  const log = openWorkLog(join(place, "log"));
  const work = writeProgram(join(place, "work"), log.path, TAKES_S);
  const local = writeProgram(join(place, "local"), log.path, LOCAL_TAKES_S);
  const cluster = openCluster(context, {
    count: NODES,
    urls: [server.url],
    workers: SLOTS + CONCURRENCY + 2,
    consumers: {
      work: consumerText({ scope: "cluster", program: work, partitions: PARTITIONS, concurrency: CONCURRENCY }),
      local: consumerText({ scope: "node", program: local, concurrency: CONCURRENCY }),
    },
  });
  await cluster.startAll();
  const among = cluster.members.map(({ name }) => name);
  await areOwned(context, server, { consumer: "work", partitions: PARTITIONS, among }, cluster);

  const load = openLoad(context, dice);
  const counts: Counts = { kills: 0, "with all its workers": 0, "in flight at a kill": 0, "slowest to settle, ms": 0 };
  const findings: string[] = [];
  let isOver = false;
  const throws = dice.fork("load");
  const keyOf = () => `/owned/${throws.below(KEYS)}`;
  const flowing = flow(
    { load, members: cluster.members, perSecond: PER_SECOND, keyOf, dice: throws },
    () => isOver || signal.aborted,
  );
  while (counts.kills < cases && !signal.aborted && findings.length === 0) {
    await pause(dice.real() * BEFORE_MS, signal);
    findings.push(...(await killOne({ context, cluster, load, log, server, counts, dice: dice.fork(counts.kills) })));
    say(`${counts.kills} of ${cases} kills`);
  }
  isOver = true;
  await flowing;

  const drained = await drain({
    context,
    server,
    cluster,
    load,
    log,
    isBroken: findings.length > 0,
    consumers: ["work", "local"],
  });
  findings.push(...drained.findings, ...(await cluster.stopAll()), ...wrongStream(load.sent, drained.entries));
  const both = { sent: load.sent, lines: log.lines() };
  const histories: History[] = [
    { ...both, consumer: "work", scope: "cluster", slots: SLOTS, places: placesIn(drained.entries) },
    { ...both, consumer: "local", scope: "node", slots: CONCURRENCY, places: placesOnNodes(load.sent) },
  ];
  const [shared, own] = histories.map(judgeRuns) as [Judged, Judged];
  findings.push(...shared.wrong, ...own.wrong);
  if (shared.extra > counts["in flight at a kill"] + counts.kills * CONCURRENCY)
    findings.push(`${shared.extra} extra runs, and ${counts["in flight at a kill"]} were in flight at the kills`);
  const seen: Seen = {
    counts: {
      ...counts,
      events: load.sent.length,
      "extra runs": shared.extra,
      "extra runs of node deliveries": own.extra,
      wrong: findings.length,
    },
    findings,
  };
  return { seen, gathered: { sent: load.sent, entries: drained.entries, histories } };
}

type Killing = {
  context: Context;
  cluster: Cluster;
  load: Load;
  log: WorkLog;
  server: Awaited<ReturnType<typeof openRedis>>;
  counts: Counts;
  dice: Dice;
};

/** Kills a node that works, waits until what waited then is settled, and starts it again. */
async function killOne({ context, cluster, load, log, server, counts, dice }: Killing): Promise<string[]> {
  const { signal } = context;
  const busy = () => new Set(log.open("work").map(({ node }) => node));
  // Who was killed last has left a heap, which its next owner works off: how long that takes is a matter of workers, not of leases.
  const isCalm = () => busy().size > 0 && load.sent.length - log.ended("work").size <= HEAP;
  if (!(await within(PATIENCE_MS, signal, isCalm, 5))) return [`nobody works, or nobody is done\n${cluster.said()}`];
  const member = cluster.member(dice.pick([...busy()].sort()));
  const what = dice.pick(["daemon", "everything"] as const);
  const killedMs = performance.now();
  await member.kill(what);
  log.mark("gone", member.name);
  counts.kills++;
  if (what === "everything") counts["with all its workers"]++;

  const inFlight = log.open("work").filter(({ node }) => node === member.name);
  // In this order: what ends in between is not waited for.
  const before = log.lines().length;
  const endedBefore = new Set(log.ended("work"));
  counts["in flight at a kill"] += inFlight.length;
  const entries = await readEntries(server);
  const waiting = entries.flatMap(({ name, type }) =>
    type.startsWith("load.") && !endedBefore.has(name) ? [name] : [],
  );
  const notSettled = () => {
    const ends = log.lines().slice(before);
    const elsewhere = new Set(
      ends.flatMap((line) => (line.kind === "end" && line.node !== member.name ? [line.name] : [])),
    );
    return waiting.filter((name) => !elsewhere.has(name));
  };
  const limitMs = LEASES * LEASE_MS - (performance.now() - killedMs);
  const isSettled = await within(limitMs, signal, () => notSettled().length === 0, 10);
  const tookMs = Math.round(performance.now() - killedMs);
  counts["slowest to settle, ms"] = Math.max(counts["slowest to settle, ms"], tookMs);
  const findings =
    isSettled || signal.aborted
      ? []
      : [
          `${notSettled().length} of ${waiting.length} that waited when ${member.name} was killed (${what}) are not settled elsewhere after ${tookMs} ms: ${notSettled().slice(0, 20)} (${aboutThem(log.lines(), notSettled())})\n${cluster.said()}`,
        ];
  await member.start();
  log.mark("back", member.name);
  return findings;
}

/** What the log says of events, for people. */
function aboutThem(lines: readonly Line[], names: readonly string[]): string {
  const about = lines.filter((line) =>
    line.kind === "begin" || line.kind === "end" ? names.includes(line.name) : true,
  );
  return about.map((line) => Object.values(line).join(" ")).join(", ");
}

export const row: Row = {
  name: "owner-kill",
  title: `SIGKILL of a node that works, of ${NODES}: its daemon, or all its processes`,
  must: `cluster deliveries settled elsewhere within ${LEASES} leases of ${LEASE_MS / 1000} s, extra runs at most what was in flight, node deliveries done by their node`,
  cases: 10,
  missing: missingRedis,
  run: async (context) => (await killOwners(context)).seen,
  control: controlOf(2, [
    spoiledPart(killOwners),
    plantedBuild("leaves-running", {
      what: "kills, with a next owner that leaves what ran elsewhere as it is",
      says: /are not settled elsewhere/,
      cases: 3,
      replacements: [
        {
          file: "src/cluster/take-seat.ts",
          from: "const left = await deps.recover(partition.stream);",
          to: "const left = 0;",
        },
      ],
      play: async (context) => (await killOwners(context)).seen,
    }),
  ]),
};
