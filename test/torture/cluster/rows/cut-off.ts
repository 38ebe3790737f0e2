// A node is cut off the network and comes back: four nodes in network namespaces of their own, Redis on the bridge between them, the
// cable of one unplugged; once for a moment, once for longer than any window there is (dedup, lease, a client's patience).
import { join } from "node:path";
import type { Context, Row, Seen } from "../../row.ts";
import { drain } from "../drain.ts";
import { type History, type Judged, judgeRuns, placesIn, placesOnNodes, wrongStream } from "../history-check.ts";
import { flow, openLoad } from "../load.ts";
import { areOwned, LEASE_MS, openCluster } from "../members.ts";
import { missingNet, openNet } from "../net.ts";
import { controlOf, plantedBuild } from "../planted-build.ts";
import { readEntries } from "../redis-eye.ts";
import { missingRedis, openRedis } from "../servers.ts";
import { spoiledPart, type Told } from "../spoiled.ts";
import { pause, within } from "../waiting.ts";
import { consumerText, openWorkLog, writeProgram } from "../work-log.ts";

const NODES = 4;
const PARTITIONS = 4;
const CONCURRENCY = 2;
/** In flight on a node at most: all partitions may be its own. */
const SLOTS = PARTITIONS * CONCURRENCY;
const TAKES_S = 0.1;
const PER_SECOND = 16;
const KEYS = 37;
const MOMENT_MS = 700;
/** Above the lease, the limit of a command (5 s) and the next tries to connect (2 s). */
const LONG_MS = 6 * LEASE_MS;
const LOCAL_MS = 8000;
const BACK_MS = 20_000;

async function cutOff(context: Context): Promise<Told> {
  const { place, cases, dice, say, signal } = context;
  const net = openNet(context, NODES);
  const server = await openRedis(context, "redis", {
    config: [`bind 127.0.0.1 ${net.address}`, "protected-mode no"],
  });
  const log = openWorkLog(join(place, "log"));
  const work = writeProgram(join(place, "work"), log.path, TAKES_S);
  const local = writeProgram(join(place, "local"), log.path, 0);
  const cluster = openCluster(context, {
    count: NODES,
    urls: [`redis://${net.address}:${server.port}`],
    workers: SLOTS + CONCURRENCY + 2,
    consumers: {
      work: consumerText({ scope: "cluster", program: work, partitions: PARTITIONS, concurrency: CONCURRENCY }),
      local: consumerText({ scope: "node", program: local, concurrency: CONCURRENCY }),
    },
    before: (number) => net.inside(number),
  });
  await cluster.startAll();
  const among = cluster.members.map(({ name }) => name);
  await areOwned(context, server, { consumer: "work", partitions: PARTITIONS, among }, cluster);

  const load = openLoad(context, dice);
  const findings: string[] = [];
  const counts = { cuts: 0, "published while cut off": 0, "slowest to catch up, ms": 0 };
  let isOver = false;
  const throws = dice.fork("load");
  const keyOf = () => `/cut/${throws.below(KEYS)}`;
  const flowing = flow(
    { load, members: cluster.members, perSecond: PER_SECOND, keyOf, dice: throws },
    () => isOver || signal.aborted,
  );
  const cutOne = async (number: number, forMs: number): Promise<void> => {
    const member = cluster.members[number];
    if (member === undefined) throw new Error(`no node ${number}`);
    const first = load.sent.length;
    net.plug(number, false);
    log.mark("gone", member.name);
    counts.cuts++;
    await pause(forMs, signal);
    const own = load.sent.slice(first).flatMap(({ node, name }) => (node === member.name ? [name] : []));
    counts["published while cut off"] += own.length;
    const worksOn = () => own.every((name) => log.ended("local").has(name));
    // A moment is too short to say anything of what goes on in it.
    if (forMs >= LONG_MS && !(await within(LOCAL_MS, signal, worksOn)))
      findings.push(
        `${member.name} did not go on by itself while it was cut off: ${own.filter((name) => !log.ended("local").has(name))}\n${member.life()?.output().slice(-2000)}`,
      );
    log.mark("back", member.name);
    net.plug(number, true);
    const backMs = performance.now();
    const caughtUp = async () => {
      const names = new Set((await readEntries(server)).map(({ name }) => name));
      return own.every((name) => names.has(name));
    };
    if (!(await within(BACK_MS, signal, caughtUp, 50)) && !signal.aborted)
      findings.push(`${member.name} did not catch up within ${BACK_MS} ms\n${member.life()?.output().slice(-2000)}`);
    counts["slowest to catch up, ms"] = Math.max(
      counts["slowest to catch up, ms"],
      Math.round(performance.now() - backMs),
    );
    say(`${counts.cuts} of ${cases} cuts`);
  };
  for (let cut = 0; cut < cases && !signal.aborted && findings.length === 0; cut++) {
    await pause(1000, signal);
    await cutOne(dice.below(NODES), cut % 2 === 0 ? MOMENT_MS : LONG_MS);
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
  const lines = log.lines();
  const histories: History[] = [
    { sent: load.sent, lines, consumer: "work", scope: "cluster", slots: SLOTS, places: placesIn(drained.entries) },
    {
      ...{ sent: load.sent, consumer: "local", scope: "node", slots: CONCURRENCY, places: placesOnNodes(load.sent) },
      // What it does by itself needs no network: nothing of it may run twice.
      lines: lines.filter(({ kind }) => kind === "begin" || kind === "end"),
    },
  ];
  const [shared, own] = histories.map(judgeRuns) as [Judged, Judged];
  findings.push(...shared.wrong, ...own.wrong);
  const seen: Seen = {
    counts: { nodes: NODES, ...counts, events: load.sent.length, "extra runs": shared.extra, wrong: findings.length },
    findings,
  };
  return { seen, gathered: { sent: load.sent, entries: drained.entries, histories } };
}

export const row: Row = {
  name: "cut-off",
  title: `times a node of ${NODES}, each in a network namespace of its own, is cut off: ${MOMENT_MS} ms and ${LONG_MS / 1000} s in turns`,
  must: "it goes on by itself, catches up when it is back, order per key kept, 0 duplicates, extra runs at most what was in flight",
  cases: 4,
  missing: () => missingRedis() ?? missingNet(),
  run: async (context) => (await cutOff(context)).seen,
  control: controlOf(1, [
    spoiledPart(cutOff),
    plantedBuild("no-fence", {
      what: "cuts, with a Redis half that takes a partition's state also from who has lost it",
      says: /ran again|ran after|at the same time/,
      cases: 2,
      replacements: [
        {
          file: "src/partition/lease-scripts.ts",
          from: "if stored > epoch then return 'lost' end",
          to: "",
        },
        {
          file: "src/partition/lease-scripts.ts",
          from: "if stored == epoch and by ~= instance and at >= version then return 'lost' end",
          to: "",
        },
      ],
      play: async (context) => (await cutOff(context)).seen,
    }),
  ]),
};
