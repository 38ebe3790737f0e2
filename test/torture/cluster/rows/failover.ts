// A replica lags and catches up; then the primary dies while its replica lags, and the replica is promoted. What a node counts as
// forwarded (its ledger's cursor) must be in the replica already: forwarding waits for it. Looked for before the promotion, so that
// nobody can have sent it again.
import { Database } from "bun:sqlite";
import { join } from "node:path";
import type { RedisServer } from "../../../redis-server.ts";
import type { Context, Row, Seen } from "../../row.ts";
import { drain } from "../drain.ts";
import { judgeRuns, placesOnNodes, wrongStream } from "../history-check.ts";
import { openLine } from "../lagging.ts";
import { flow, openLoad } from "../load.ts";
import { areOwned, openCluster } from "../members.ts";
import { controlOf, plantedBuild } from "../planted-build.ts";
import { lastSeq, readEntries } from "../redis-eye.ts";
import { missingRedis, openRedis } from "../servers.ts";
import { pause, within } from "../waiting.ts";
import { consumerText, openWorkLog, writeProgram } from "../work-log.ts";

const NODES = 2;
const PARTITIONS = 2;
const PER_SECOND = 60;
/** Of a node's own: what the dead primary alone had is sent again in another order among nodes, in the same order of each. */
const KEYS_OF_A_NODE = 41;
const LAGS_MS = { least: 300, most: 1500 };
/** A lag that passes: longer than a node waits for a replica (1 s), so that it sends the same again. */
const PASSES_MS = 1300;
/** What was answered before the primary's death is in the ledger by then. */
const NOTED_MS = 250;
const RESUMES_MS = 20_000;

/** `replicas`: how many must have an event before it counts as forwarded. */
async function failOver(context: Context, replicas: number): Promise<Seen> {
  const { place, cases, dice, say, undo, signal } = context;
  let primary = await openRedis(context, "redis-0");
  let line = openLine(primary.port);
  undo(() => void line.drop());
  let replica = await openRedis(context, "redis-1", { replicaOf: line });
  await isInStep(replica, signal);
  const log = openWorkLog(join(place, "log"));
  const program = writeProgram(join(place, "work"), log.path, 0);
  const cluster = openCluster(context, {
    count: NODES,
    urls: [primary.url, replica.url],
    consumers: { work: consumerText({ scope: "cluster", program, partitions: PARTITIONS }) },
    more: `replicas = ${replicas}\n`,
  });
  await cluster.startAll();
  const among = cluster.members.map(({ name }) => name);
  await areOwned(context, primary, { consumer: "work", partitions: PARTITIONS, among }, cluster);

  const load = openLoad(context, dice);
  const findings: string[] = [];
  const counts = {
    failovers: 0,
    "bytes that the replica never got": 0,
    acknowledged: 0,
    "acknowledged and lost": 0,
    "slowest to resume, ms": 0,
  };
  let isOver = false;
  const throws = dice.fork("load");
  const keyOf = ({ name }: { name: string }) => `/${name}/${throws.below(KEYS_OF_A_NODE)}`;
  const flowing = flow(
    { load, members: cluster.members, perSecond: PER_SECOND, keyOf, dice: throws },
    () => isOver || signal.aborted,
  );
  while (counts.failovers < cases && !signal.aborted && findings.length === 0) {
    line.hold();
    await pause(PASSES_MS, signal);
    line.release();
    await pause(1000, signal);
    line.hold();
    await pause(dice.between(LAGS_MS.least, LAGS_MS.most), signal);
    await primary.kill9();
    counts["bytes that the replica never got"] += line.drop();
    await pause(NOTED_MS, signal);

    const acknowledged = cluster.members.flatMap(({ home }) => forwardedOf(home));
    const there = new Set((await readEntries(replica)).map(({ name }) => name));
    const lost = acknowledged.filter((name) => !there.has(name));
    counts.acknowledged = acknowledged.length;
    counts["acknowledged and lost"] += lost.length;
    if (lost.length > 0) findings.push(`${lost.length} were acknowledged and are lost: ${lost.slice(0, 20)}`);
    if (acknowledged.length === 0) findings.push(`nothing was forwarded before the primary's death\n${cluster.said()}`);

    await replica.cli("REPLICAOF", "NO", "ONE");
    counts.failovers++;
    const promotedMs = performance.now();
    line = openLine(replica.port);
    const { port } = primary;
    primary = replica;
    replica = await openRedis(context, `redis-${counts.failovers + 1}`, { replicaOf: line, port });
    await isInStep(replica, signal);
    const before = await lastSeq(primary);
    const resumes = async () => (await lastSeq(primary)) > before;
    if (!(await within(RESUMES_MS, signal, resumes, 50)) && !signal.aborted)
      findings.push(`nothing is forwarded ${RESUMES_MS / 1000} s after the promotion\n${cluster.said()}`);
    counts["slowest to resume, ms"] = Math.max(
      counts["slowest to resume, ms"],
      Math.round(performance.now() - promotedMs),
    );
    say(`${counts.failovers} of ${cases} failovers`);
  }
  isOver = true;
  await flowing;
  const drained = await drain({
    context,
    server: primary,
    cluster,
    load,
    log,
    isBroken: findings.length > 0,
    consumers: ["work"],
  });
  findings.push(...drained.findings, ...(await cluster.stopAll()), ...wrongStream(load.sent, drained.entries));
  const judged = judgeRuns({
    ...{ consumer: "work", scope: "cluster", slots: PARTITIONS, sent: load.sent, lines: log.lines() },
    places: placesOnNodes(load.sent),
  });
  // What the dead primary alone knew of an owner's work may be done once more by the next owner: counted, not judged.
  const isJudged = (sentence: string) => judged.extra === 0 || sentence.includes("has no run that came to its end");
  findings.push(...judged.wrong.filter(isJudged));
  return {
    counts: { ...counts, events: load.sent.length, "extra runs": judged.extra, wrong: findings.length },
    findings,
  };
}

async function isInStep(replica: RedisServer, signal: AbortSignal): Promise<void> {
  const isUp = async () => (await replica.cli("INFO", "replication")).includes("master_link_status:up");
  if (!(await within(20_000, signal, isUp, 50)))
    throw new Error(`the replica is not in step: ${replica.log().slice(-800)}`);
}

/** Names of a node's events that it counts as forwarded: those up to the cursor of its own group for that. */
function forwardedOf(home: string): string[] {
  const db = new Database(join(home, "ledger.db"), { readonly: true });
  try {
    db.run("PRAGMA busy_timeout = 5000");
    const rows = db
      .query(
        `SELECT session FROM events WHERE type LIKE 'load.%'
         AND seq <= (SELECT cursor FROM groups WHERE consumer = '@cluster') ORDER BY seq`,
      )
      .all() as { session: string }[];
    return rows.map(({ session }) => session);
  } finally {
    db.close();
  }
}

export const row: Row = {
  name: "failover",
  title: `the primary killed while its replica lags by ${LAGS_MS.least} to ${LAGS_MS.most} ms, under ${PER_SECOND} events/s; the replica promoted`,
  must: "0 acknowledged lost with WAIT, 0 lost and 0 duplicates in the end",
  cases: 3,
  missing: missingRedis,
  run: (context) => failOver(context, 1),
  control: controlOf(1, [
    {
      what: "the same with replicas = 0: forwarding waits for no replica",
      says: /were acknowledged and are lost/,
      run: (context) => failOver(context, 0),
    },
    plantedBuild("no-mark", {
      what: "failovers, with an append that does not look whether Redis has the events already",
      says: /is in the stream \d+ times/,
      cases: 1,
      replacements: [
        {
          file: "src/relay/append.ts",
          from: "if mark > known then return out('ahead',",
          to: "if false then return out('ahead',",
        },
      ],
      play: (context) => failOver(context, 1),
    }),
  ]),
};
