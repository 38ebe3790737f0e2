// Crash points: a test build, whose every marked place in src/ ends the process when it is told so, dies at each of them in turn.
// At the publisher's points publishers die, at the daemon's the daemon, at its n-th pass; then the plain start, and everything is
// looked at by id: what was published, what was stored, which deliveries there are, what their workers say they did.
import { utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { crashAt, crashCode, DAEMON_POINTS, PUBLISHER_POINTS } from "../crash-code.ts";
import type { Dice } from "../dice.ts";
import { inLanes } from "../lanes.ts";
import { isSettled, readDeadLedger, readLedger, wrongWith } from "../ledger-check.ts";
import { comes, type Node, openNode } from "../node.ts";
import { type Ended, type Sent, sentOf } from "../publisher.ts";
import type { Context, Row, Seen } from "../row.ts";
import { type Death, linesOf, runsIn, runWriter, wrongLines, wrongRuns } from "../runs-check.ts";
import { namesIn } from "../spool-check.ts";
import { makeVariant, type Replacement } from "../variant.ts";

const AT_ONCE = 4;
const POINTS = [...PUBLISHER_POINTS, ...DAEMON_POINTS];
const CONSUMERS = ["work", "kept"];
const CONCURRENCY = 2;
const FILES = 4;
/** So many events are published at most until the daemon comes to its point. */
const MOST_EVENTS = 40;
/** Between two events of one publisher's lane. */
const PAUSE_MS = { least: 5, most: 60 };
/** Files of dead publishers in tmp/ are left alone for a minute. */
const OLD_S = 3600;

/** A worker whose daemon died must still run when the next one starts; those of the next one have no such need. */
const longUntil = (death: string) => `$(test -e ${death} && echo 0.01 || echo 1.5)`;

type Counts = { acknowledged: number; "ended at a point": number; "run again": number; lost: number; corrupt: number };

/** A case under way. */
type Case = {
  node: Node;
  dice: Dice;
  /** What the workers wrote, and what tells them that the daemon died. */
  runs: string;
  death: string;
  sent: Map<string, Sent>;
  acknowledged: string[];
  wrong: string[];
};

function openCase({ place, undo }: Context, binary: string, name: string, dice: Dice, isLong: boolean): Case {
  const node = openNode(join(place, name, "home"), binary, undo);
  const [runs, death] = [join(node.home, "runs"), join(node.home, "dead")];
  const takesS = isLong ? longUntil(death) : dice.pick(["0.01", "0.05", "0.2"]);
  node.consumer(
    "work",
    `on = ["PostToolUse"]\nstart = "earliest"\nconcurrency = ${CONCURRENCY}\nshell = '${runWriter(runs, takesS)}'\n`,
  );
  node.consumer("kept", `on = ["PostToolUse"]\nstart = "earliest"\nbuiltin = "log"\n`);
  return { node, dice, runs, death, sent: new Map(), acknowledged: [], wrong: [] };
}

/** Publishes the next event of a case. Acknowledged is what exits 0, or says "stored" as a wrong build does. */
async function publishNext(
  one: Case,
  env: Record<string, string> = {},
): Promise<Ended & { pid: number; name: string }> {
  const name = `event-${one.sent.size}`;
  const throws = one.dice.fork(name);
  const file = join(one.node.home, `f${throws.below(FILES)}.py`);
  const padding = Buffer.from(throws.bytes(throws.pick([7, 997, 20_011, 150_001]))).toString("base64");
  const body = new TextEncoder().encode(
    JSON.stringify({
      session_id: name,
      hook_event_name: "PostToolUse",
      tool_name: "Write",
      tool_input: { file_path: file, content: padding },
      tool_use_id: `toolu_${name}`,
    }),
  );
  one.sent.set(name, sentOf(name, body));
  const ended = await one.node.publish(name, body, env);
  if (ended.exitCode === 0 || ended.stdout === "stored\n") one.acknowledged.push(name);
  else if (ended.signal !== "SIGKILL")
    one.wrong.push(`${name} ended with ${ended.exitCode ?? ended.signal}: ${ended.stderr}`);
  return { ...ended, name };
}

/** Lets a plain daemon do the rest, twice: the second must find nothing to do. Then looks at everything. */
async function settleAndLook(one: Case, death: Death | null, counts: Counts): Promise<void> {
  const { node, wrong } = one;
  const daemon = await node.start();
  if (!(await comes(() => daemon.end() !== null || isSettled(node.home, CONSUMERS))))
    wrong.push(`not settled: ${(await node.run("status")).stdout}\n${daemon.output()}`);
  const ended = await daemon.stop();
  if (ended !== 0) wrong.push(`the next daemon ended with ${ended}: ${daemon.output()}`);
  const lines = linesOf(one.runs);
  const second = await node.start();
  const status = await node.run("status");
  if (status.exitCode !== 0) wrong.push(`status exits ${status.exitCode}: ${status.stdout}${status.stderr}`);
  if (second.output().includes("ready again")) wrong.push(`the second start finds something: ${second.output()}`);
  const secondEnd = await second.stop();
  if (secondEnd !== 0) wrong.push(`the second daemon ended with ${secondEnd}: ${second.output()}`);
  if (linesOf(one.runs).length !== lines.length) wrong.push("the second daemon ran something again");

  const after = readLedger(node.home);
  if (after === null) throw new Error("no ledger after all");
  const { sent, acknowledged } = one;
  wrong.push(...wrongWith(node.home, after, { sent, acknowledged, consumers: CONSUMERS }));
  const runs = wrongRuns({ consumer: "work", concurrency: CONCURRENCY, runs: runsIn(lines), death, after });
  wrong.push(...runs.wrong, ...wrongLines("kept", join(node.home, "logs", "kept.ndjson"), death, after));
  counts.acknowledged += acknowledged.length;
  counts["run again"] += runs.extra;
  counts.lost += wrong.filter((sentence) => sentence.endsWith("is lost")).length;
  counts.corrupt += wrong.filter((sentence) => sentence.includes("other bytes")).length;
}

/** The daemon dies at its n-th pass of a point, while events come. */
async function endDaemon(one: Case, point: string, pass: number, counts: Counts): Promise<void> {
  for (let early = one.dice.between(1, 4); early > 0; early--) await publishNext(one);
  const daemon = await one.node.start(crashAt(point, pass));
  const publishing = async () => {
    while (daemon.end() === null && one.sent.size < MOST_EVENTS) {
      await publishNext(one);
      await Bun.sleep(one.dice.between(PAUSE_MS.least, PAUSE_MS.most));
    }
  };
  await Promise.all([publishing(), publishing()]);
  await comes(() => daemon.end() !== null);
  const lines = linesOf(one.runs).length;
  writeFileSync(one.death, "");
  if (daemon.end() === "SIGKILL") counts["ended at a point"]++;
  else one.wrong.push(`the daemon did not come to this point: ${daemon.end()}, ${daemon.output()}`);
  const death: Death = { ledger: readDeadLedger(one.node.home), lines };
  await publishNext(one);
  await settleAndLook(one, death, counts);
}

/** Some publishers die at a point, before a daemon and beside it. What they had not renamed nobody sees; what they had is an event. */
async function endPublishers(one: Case, point: string, pass: number, counts: Counts): Promise<void> {
  const { node, wrong } = one;
  const isStored = point === "after-rename";
  const orphans: string[] = [];
  const victims: string[] = [];
  const round = async () => {
    for (let at = 1; at <= pass; at++) await publishNext(one);
    const { signal, pid, name, stderr } = await publishNext(one, crashAt(point, 1));
    if (signal !== "SIGKILL") return void wrong.push(`${name} did not come to this point: ${signal}, ${stderr}`);
    counts["ended at a point"]++;
    victims.push(name);
    if (!isStored) orphans.push(String(pid));
  };
  await round();
  const daemon = await node.start();
  await Promise.all([round(), round()]);
  const ended = await daemon.stop();
  if (ended !== 0) wrong.push(`the daemon ended with ${ended}: ${daemon.output()}`);

  const left = namesIn(node.home, "tmp");
  const pids = left.map((name) => name.split(".")[1] ?? "");
  if (pids.sort().join() !== orphans.sort().join()) wrong.push(`in tmp/ are ${left}, the dead were ${orphans}`);
  const old = Date.now() / 1000 - OLD_S;
  for (const name of left) utimesSync(join(node.home, "spool", "tmp", name), old, old);
  await settleAndLook(one, null, counts);
  const names = new Set(readLedger(node.home)?.events.map((event) => event.name));
  for (const name of victims)
    if (names.has(name) !== isStored && !one.acknowledged.includes(name))
      wrong.push(`${name} died ${point} and is ${isStored ? "not there" : "there"}`);
  const swept = namesIn(node.home, "tmp");
  if (swept.length > 0) wrong.push(`in tmp/ are still ${swept}, an hour later`);
}

async function crashEverywhere(
  context: Context,
  points: readonly string[],
  changes: readonly Replacement[],
): Promise<Seen> {
  const { cases, dice, place, say, signal } = context;
  const name = changes.length === 0 ? "crash-points" : `crash-points-wrong-${points.join("-")}`;
  const binary = await makeVariant({ name, replacements: [...crashCode(), ...changes], place });
  const counts: Counts = { acknowledged: 0, "ended at a point": 0, "run again": 0, lost: 0, corrupt: 0 };
  const findings: string[] = [];
  await inLanes({ count: cases, atOnce: AT_ONCE, signal }, async (number) => {
    const point = points[number % points.length] ?? "";
    const throws = dice.fork(`${point}/${Math.floor(number / points.length)}`);
    // A wrong build loses what the first pass finds: what waited in the spool.
    const pass = changes.length === 0 ? throws.between(1, 4) : 1;
    const one = openCase(context, binary, `${point}-${number}`, throws, point === "after-spawn");
    const isPublishers = (PUBLISHER_POINTS as readonly string[]).includes(point);
    await (isPublishers ? endPublishers : endDaemon)(one, point, pass, counts);
    findings.push(...one.wrong.map((sentence) => `${point}, pass ${pass}, case ${number}: ${sentence}`));
    say(`${number} of ${cases}, ${point}`);
  });
  return { counts, findings };
}

/** Two steps in the wrong order each, and the point at which that must show. */
const WRONG: { point: string; what: string; changes: Replacement[] }[] = [
  {
    point: "before-commit",
    what: "deleted from the spool before the commit",
    changes: [
      {
        file: "src/daemon/ingest.ts",
        from: "const added = deps.stream.append(",
        to: "await deps.spool.remove(read.files.map((file) => file.name));\nconst added = deps.stream.append(",
      },
    ],
  },
  {
    point: "before-rename",
    what: "said to be stored before the rename",
    changes: [
      {
        file: "src/spool/append.ts",
        from: "files.close(fd);",
        to: 'files.close(fd);\nfiles.writeAll(1, new TextEncoder().encode("stored\\n"));',
      },
    ],
  },
];

export const row: Row = {
  name: "crash-points",
  title: `crashes at ${POINTS.length} named points of publish and consume, in a test build`,
  must: "0 acknowledged lost, 0 corrupt, nothing run again but what was cut off, the next start clean",
  cases: POINTS.length * 3,
  missing: () => null,
  run: (context) => crashEverywhere(context, POINTS, []),
  control: {
    title: `crashes of builds with two steps exchanged: ${WRONG.map(({ what }) => what).join("; ")}`,
    cases: WRONG.length * 4,
    async run(context) {
      const seen: Seen = { counts: {}, findings: [] };
      for (const { point, what, changes } of WRONG) {
        const cases = context.cases / WRONG.length;
        const { counts, findings } = await crashEverywhere({ ...context, cases }, [point], changes);
        if (counts.lost === 0) throw new Error(`not seen: ${what}; ${findings.join("\n")}`);
        seen.counts[what] = counts.lost ?? 0;
        seen.findings.push(...findings.map((finding) => `${what}: ${finding}`));
      }
      return seen;
    },
  },
};
