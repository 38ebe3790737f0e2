// Redis goes away under a load: killed and started again, frozen for half a minute, gone for longer than a client waits before it
// gives up (20 tries are 31 s in Bun's). Three clusters beside each other, one for each. Nobody is started again but Redis.
import { join } from "node:path";
import type { RedisServer } from "../../../redis-server.ts";
import type { Context, Row, Seen } from "../../row.ts";
import { drain } from "../drain.ts";
import { type History, judgeRuns, placesIn, wrongStream } from "../history-check.ts";
import { flow, openLoad } from "../load.ts";
import { areOwned, openCluster } from "../members.ts";
import { controlOf } from "../planted-build.ts";
import { lastSeq } from "../redis-eye.ts";
import { missingRedis, openRedis } from "../servers.ts";
import { spoiledPart, type Told } from "../spoiled.ts";
import { pause, within } from "../waiting.ts";
import { consumerText, openWorkLog, writeProgram } from "../work-log.ts";

const NODES = 2;
const PARTITIONS = 2;
const PER_SECOND = 30;
const KEYS = 97;
const FROZEN_MS = 30_000;
const DOWN_MS = 40_000;
const UP_MS = 1200;
const KILLED_MS = 700;
/** From the moment when Redis is back until something new is in the stream. */
const RESUMES_MS = 15_000;

type Trouble = { name: string; times: number; strike(server: RedisServer, context: Context): Promise<void> };

const strikes = (context: Context): Trouble[] => {
  const { cases, signal } = context;
  const dice = context.dice.fork("strikes");
  return [
    {
      name: "killed",
      times: cases,
      async strike(server) {
        await pause(dice.real() * UP_MS, signal);
        await server.kill9();
        await pause(dice.real() * KILLED_MS, signal);
        await server.restart();
      },
    },
    {
      name: "frozen",
      times: Math.ceil(cases / 10),
      async strike(server) {
        server.freeze();
        await pause(FROZEN_MS, signal);
        server.thaw();
      },
    },
    {
      name: "down",
      times: Math.ceil(cases / 10),
      async strike(server) {
        await server.kill9();
        await pause(DOWN_MS, signal);
        await server.restart();
      },
    },
  ];
};

/** One cluster, its load, and its trouble so many times. */
async function outlive(context: Context, { name, times, strike }: Trouble, onStrike: () => void): Promise<Told> {
  const { place, signal } = context;
  const dice = context.dice.fork(name);
  const server = await openRedis(context, `redis-${name}`);
  const log = openWorkLog(join(place, `log-${name}`));
  const program = writeProgram(join(place, `work-${name}`), log.path, 0);
  const cluster = openCluster(context, {
    count: NODES,
    urls: [server.url],
    consumers: { work: consumerText({ scope: "cluster", program, partitions: PARTITIONS }) },
    name,
  });
  await cluster.startAll();
  const among = cluster.members.map((one) => one.name);
  await areOwned(context, server, { consumer: "work", partitions: PARTITIONS, among }, cluster);

  const load = openLoad(context, dice);
  const findings: string[] = [];
  let [isOver, slowestMs] = [false, 0];
  const keyOf = () => `/kept/${dice.below(KEYS)}`;
  const flowing = flow(
    { load, members: cluster.members, perSecond: PER_SECOND, keyOf, dice: dice.fork("load") },
    () => isOver || signal.aborted,
  );
  for (let time = 0; time < times && !signal.aborted && findings.length === 0; time++) {
    await pause(500, signal);
    await strike(server, context);
    const backMs = performance.now();
    const before = await lastSeq(server);
    const resumes = async () => (await lastSeq(server)) > before;
    if (!(await within(RESUMES_MS, signal, resumes, 20)) && !signal.aborted)
      findings.push(`${name}: nothing is forwarded ${RESUMES_MS / 1000} s after Redis is back\n${cluster.said()}`);
    slowestMs = Math.max(slowestMs, Math.round(performance.now() - backMs));
    onStrike();
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
    ...{ consumer: "work", scope: "cluster", slots: PARTITIONS, sent: load.sent },
    places: placesIn(drained.entries),
    lines: log.lines(),
  };
  const judged = judgeRuns(history);
  // A lease that ran out while Redis was away is another's at first sight, and what was in flight then may run once more there.
  const isCounted = (sentence: string) => name !== "killed" && /ran again|more than 0 times/.test(sentence);
  findings.push(...judged.wrong.filter((sentence) => !isCounted(sentence)));
  const mostExtra = name === "killed" ? 0 : times * NODES * PARTITIONS;
  if (judged.extra > mostExtra) findings.push(`${name}: ${judged.extra} extra runs, more than ${mostExtra}`);
  const counts = {
    [`times ${name}`]: times,
    [`events, ${name}`]: load.sent.length,
    [`slowest to resume, ${name}, ms`]: slowestMs,
    [`extra runs, ${name}`]: judged.extra,
  };
  return {
    seen: { counts, findings: findings.map((finding) => `${name}: ${finding}`) },
    gathered: { sent: load.sent, entries: drained.entries, histories: [history] },
  };
}

async function outliveAll(context: Context): Promise<Seen> {
  const troubles = strikes(context);
  const done = new Map(troubles.map(({ name }) => [name, 0]));
  const told = await Promise.all(
    troubles.map((trouble) =>
      outlive({ ...context, say: () => {} }, trouble, () => {
        done.set(trouble.name, (done.get(trouble.name) ?? 0) + 1);
        context.say(troubles.map(({ name, times }) => `${name} ${done.get(name)} of ${times}`).join(", "));
      }),
    ),
  );
  const findings = told.flatMap(({ seen }) => seen.findings);
  return { counts: Object.assign({}, ...told.map(({ seen }) => seen.counts), { wrong: findings.length }), findings };
}

export const row: Row = {
  name: "redis-kill",
  title: `SIGKILL and restart of redis-server under ${PER_SECOND} events/s; beside it one frozen for ${FROZEN_MS / 1000} s, one gone for ${DOWN_MS / 1000} s`,
  must: "0 lost, 0 duplicates in the stream, order per node, forwarding resumes by itself",
  cases: 10,
  missing: missingRedis,
  run: outliveAll,
  control: controlOf(3, [
    spoiledPart((context) => {
      const [killed] = strikes(context);
      if (killed === undefined) throw new Error("no strike");
      return outlive(context, killed, () => {});
    }),
  ]),
};
