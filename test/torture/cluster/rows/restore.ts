// Redis loses what it had, under a load and with live owners: it comes back with an older dump, or somebody flushes it. The nodes
// notice, send again from their ledgers what is missing, and nobody runs anything twice.
import { join } from "node:path";
import type { RedisServer } from "../../../redis-server.ts";
import type { Context, Row, Seen } from "../../row.ts";
import { drain } from "../drain.ts";
import { type History, judgeRuns, placesOnNodes, wrongStream } from "../history-check.ts";
import { flow, openLoad } from "../load.ts";
import { areOwned, openCluster } from "../members.ts";
import { controlOf, plantedBuild } from "../planted-build.ts";
import { lossMs, readEntries } from "../redis-eye.ts";
import { missingRedis, openRedis } from "../servers.ts";
import { spoiledPart, type Told } from "../spoiled.ts";
import { pause, within } from "../waiting.ts";
import { consumerText, openWorkLog, writeProgram } from "../work-log.ts";

const NODES = 2;
const PARTITIONS = 2;
const PER_SECOND = 30;
/** Of a node's own: what is sent again comes in another order among nodes, in the same order of each. */
const KEYS_OF_A_NODE = 41;
const OLDER_MS = 1500;
const NOTICED_MS = 15_000;

const LOSSES: readonly { what: string; lose(server: RedisServer, context: Context): Promise<void> }[] = [
  {
    what: "an older dump",
    async lose(server, { signal, dice }) {
      await server.cli("SAVE");
      await pause(300 + dice.real() * OLDER_MS, signal);
      // Nothing else is on the disk: it starts from the dump.
      await server.restart();
    },
  },
  {
    what: "FLUSHALL",
    async lose(server) {
      await server.cli("FLUSHALL");
    },
  },
];

async function loseData(context: Context): Promise<Told> {
  const { place, cases, dice, say, signal } = context;
  const server = await openRedis(context, "redis", { appendonly: false });
  const log = openWorkLog(join(place, "log"));
  const program = writeProgram(join(place, "work"), log.path, 0.02);
  const cluster = openCluster(context, {
    count: NODES,
    urls: [server.url],
    consumers: { work: consumerText({ scope: "cluster", program, partitions: PARTITIONS }) },
  });
  await cluster.startAll();
  const among = cluster.members.map(({ name }) => name);
  await areOwned(context, server, { consumer: "work", partitions: PARTITIONS, among }, cluster);

  const load = openLoad(context, dice);
  const findings: string[] = [];
  const counts = { losses: 0, "entries that were gone": 0, "slowest to refill, ms": 0 };
  let isOver = false;
  const throws = dice.fork("load");
  const flowing = flow(
    {
      ...{ load, members: cluster.members, perSecond: PER_SECOND, dice: throws },
      keyOf: ({ name }) => `/${name}/${throws.below(KEYS_OF_A_NODE)}`,
    },
    () => isOver || signal.aborted,
  );
  while (counts.losses < cases && !signal.aborted && findings.length === 0) {
    await pause(1500, signal);
    const loss = LOSSES[counts.losses % LOSSES.length] as (typeof LOSSES)[number];
    const before = (await readEntries(server)).map(({ name }) => name);
    const noticedBefore = await lossMs(server);
    await loss.lose(server, context);
    const lostMs = performance.now();
    counts.losses++;
    const left = new Set((await readEntries(server)).map(({ name }) => name));
    counts["entries that were gone"] += before.filter((name) => !left.has(name)).length;
    const isNoticed = async () => {
      const at = await lossMs(server);
      return at !== null && at !== noticedBefore;
    };
    if (!(await within(NOTICED_MS, signal, isNoticed, 50)) && !signal.aborted)
      findings.push(`${loss.what} was not noticed within ${NOTICED_MS / 1000} s\n${cluster.said()}`);
    const isRefilled = async () => {
      const now = new Set((await readEntries(server)).map(({ name }) => name));
      return before.every((name) => now.has(name));
    };
    if (!(await within(NOTICED_MS, signal, isRefilled, 50)) && !signal.aborted)
      findings.push(
        `after ${loss.what} not everything is there again within ${NOTICED_MS / 1000} s\n${cluster.said()}`,
      );
    counts["slowest to refill, ms"] = Math.max(counts["slowest to refill, ms"], Math.round(performance.now() - lostMs));
    say(`${counts.losses} of ${cases} losses`);
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
    consumers: ["work"],
  });
  findings.push(...drained.findings, ...(await cluster.stopAll()), ...wrongStream(load.sent, drained.entries));
  const history: History = {
    ...{ consumer: "work", scope: "cluster", slots: PARTITIONS, sent: load.sent, lines: log.lines() },
    places: placesOnNodes(load.sent),
  };
  const judged = judgeRuns(history);
  findings.push(...judged.wrong);
  const again = drained.entries.filter(({ isAgain }) => isAgain).length;
  const seen: Seen = {
    counts: {
      ...counts,
      events: load.sent.length,
      "sent again": again,
      "extra runs": judged.extra,
      wrong: findings.length,
    },
    findings,
  };
  return { seen, gathered: { sent: load.sent, entries: drained.entries, histories: [history] } };
}

export const row: Row = {
  name: "restore",
  title: `times Redis loses data under ${PER_SECOND} events/s with live owners: an older dump and FLUSHALL in turns`,
  must: "noticed, refilled from the ledgers, 0 lost, no event run twice",
  cases: 4,
  missing: missingRedis,
  run: async (context) => (await loseData(context)).seen,
  control: controlOf(2, [
    spoiledPart(loseData),
    plantedBuild("trusts-redis", {
      what: "losses, with a forwarder that goes on where Redis says, whatever Redis had before",
      says: /was not noticed|not everything is there again/,
      cases: 1,
      replacements: [
        {
          file: "src/relay/append.ts",
          from: "if joins and mark < known then mark = known end",
          to: "if mark < known then mark = known end",
        },
      ],
      play: async (context) => (await loseData(context)).seen,
    }),
  ]),
};
