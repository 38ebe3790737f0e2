// A disk that says no to `consume`: calls about the files of its home fail, for a while or from some moment on, at any moment of its
// life. It goes on by itself when the fault is over, or it ends with a clear line; the next start is well, and everything that was
// acknowledged, before the fault or during it, is settled. Never exit code 2, and no sound ledger is taken for a damaged one.
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { endAllOf, type Life, startConsume } from "../consume.ts";
import { callsOf, type DaemonFault, faultFrom, nameOf, spoiledIn, watched } from "../daemon-faults.ts";
import { lostOrTwice, type Published } from "../delivery-check.ts";
import { inLanes } from "../lanes.ts";
import { comesToRest, leftToDo, readLedger } from "../ledger-seen.ts";
import { comes, openNode } from "../node.ts";
import { startPublisher } from "../publisher.ts";
import type { Context, Row, Seen } from "../row.ts";
import { readRuns, writeWorker } from "../runs.ts";
import { missingStrace } from "../strace.ts";
import { makeVariant } from "../variant.ts";

const AT_ONCE = 4;
const BEFORE = 7;
const DURING = 5;
const LASTING_MS = 3000;
const MOST_LINES = 150;
const CONSUMERS = [
  { name: "steady", wants: () => true },
  { name: "log", wants: () => true },
];
const FILES = ["ledger.db", "ledger.db-wal", "ledger.db-shm", "daemon.lock", "config.toml", "secrets.env", "ballast"]
  .concat(["consumers", "consumers/log.toml", "consumers/steady.toml", "logs", "logs/log.ndjson"])
  .concat(["spool", "spool/new", "spool/tmp", "spool/bad"]);

type Counts = {
  faults: number;
  "calls made to fail": number;
  "went on": number;
  "ended by itself": number;
  lines: number;
};

/** `isMeant`: which system calls are made to fail. */
async function spoilDaemons(
  { binary, place, cases, dice, say, undo, signal }: Context,
  isMeant: (call: string) => boolean = () => true,
): Promise<Seen> {
  const counts: Counts = { faults: 0, "calls made to fail": 0, "went on": 0, "ended by itself": 0, lines: 0 };
  const findings: string[] = [];
  const run = async (number: number, faultOf: ((throws: typeof dice) => DaemonFault) | null): Promise<string> => {
    const throws = dice.fork(number);
    const directory = join(place, String(number));
    mkdirSync(directory, { mode: 0o700 });
    const [home, runs, trace] = ["home", "runs", "trace"].map((name) => join(directory, name)) as [
      string,
      string,
      string,
    ];
    const node = openNode(home, binary, undo);
    undo(() => endAllOf(home));
    const retry = `retry = { max = 1000, backoff = "50ms", max_backoff = "400ms" }\n`;
    const words = writeWorker(join(directory, "steady"), runs, "steady");
    node.consumer("steady", `on = ["PostToolUse"]\nstart = "earliest"\nrun = ${JSON.stringify(words)}\n${retry}`);
    node.consumer("log", `on = ["PostToolUse"]\nstart = "earliest"\nbuiltin = "log"\n${retry}`);
    const wrong: string[] = [];
    const published: Published[] = [];
    const publish = async () => {
      const name = `${published.length}.${throws.chance(0.3) ? "slow" : "ok"}`;
      const body = new TextEncoder().encode(`${JSON.stringify(payload(name, throws.below(3)))}\n`);
      const beganMs = performance.now();
      const { exitCode, stderr } = await startPublisher({ command: [binary, "publish"], home, name, body }).ended;
      if (exitCode !== 0) wrong.push(`${name} is not published: ${stderr}`);
      published.push({ name, key: "", beganMs, endedMs: performance.now(), isAcknowledged: exitCode === 0 });
    };
    for (let i = 0; i < BEFORE; i++) await publish();

    const waiting = readdirSync(join(home, "spool", "new")).map((id) => `spool/new/${id}`);
    const paths = ["", ...FILES, ...waiting].map((name) => join(home, name));
    const fault = faultOf?.(throws) ?? null;
    const life = startConsume(binary, home, watched(trace, paths, fault));
    await comes(() => life.output().includes("ready:") || life.end() !== null);
    for (let i = 0; i < DURING; i++) await publish();
    wrong.push(...(await outlived(life, home, fault)));
    const spoiled = spoiledIn(readFileSync(trace, "utf8"));
    if (fault !== null && spoiled > 0) counts.faults++;
    counts["calls made to fail"] += spoiled;
    counts[life.output().includes("taking in nothing more") ? "went on" : "ended by itself"]++;
    counts.lines += life.output().split("\n").length - 1;

    const next = startConsume(binary, home);
    if (!(await next.isReady())) wrong.push(`the next start ended with ${next.end()}: ${next.output()}`);
    else if (!(await comesToRest(home, next)))
      wrong.push(`then not settled: ${JSON.stringify(leftToDo(home))}: ${next.output()}`);
    next.signal("SIGTERM");
    if ((await next.ended) !== 0) wrong.push(`the next one ended with ${next.end()}: ${next.output()}`);
    wrong.push(...wrongAtTheEnd(home, runs, published));
    const what = fault === null ? "no fault" : nameOf(fault);
    if (wrong.length > 0) wrong.push(`it had said: ${life.output()}`);
    findings.push(...wrong.map((words) => `case ${number}, ${what}: ${words}`));
    return readFileSync(trace, "utf8");
  };

  const calls = new Map([...callsOf(await run(cases, null))].filter(([call]) => isMeant(call)));
  if (findings.length > 0) throw new Error(`without a fault: ${findings.join("\n")}`);
  await inLanes({ count: cases, atOnce: AT_ONCE, signal }, async (number) => {
    await run(number, (throws) => faultFrom(calls, throws));
    say(`${number} of ${cases}`);
  });
  return { counts, findings };
}

/** Lets a daemon live through its fault and ends it; gives what was wrong with that. */
async function outlived(life: Life, home: string, fault: DaemonFault | null): Promise<string[]> {
  const wrong: string[] = [];
  if (fault?.last === null) await Promise.race([Bun.sleep(LASTING_MS), life.ended]);
  else if (!(await comesToRest(home, life)) && life.end() === null)
    wrong.push(`it does not recover by itself: ${JSON.stringify(leftToDo(home))}`);
  const byItself = life.end();
  if (byItself === null) {
    life.signal("SIGTERM");
    if (!(await comes(() => life.end() !== null))) {
      wrong.push("it does not end on SIGTERM");
      life.signal("SIGKILL");
      await life.ended;
    } else if (![0, 1].includes(life.end() as number)) wrong.push(`on SIGTERM it ended with ${life.end()}`);
    // What fails for ever may also fail at its end.
    if (life.end() === 1) wrong.push(...unclear(life.output()));
  } else {
    if (typeof byItself !== "number" || byItself === 2 || byItself === 0) wrong.push(`it ended with ${byItself}`);
    wrong.push(...unclear(life.output()));
  }
  if (life.output().split("\n").length > MOST_LINES) wrong.push(`${life.output().split("\n").length} lines`);
  return wrong;
}

/** What is wrong with the last words of one that failed. */
function unclear(output: string): string[] {
  const error = output.split("\n").find((line) => line.startsWith("error: "));
  if (error === undefined) return ["it ended without a word"];
  return error.startsWith("error: internal") || error.length < 30 ? [`no clear words: ${error}`] : [];
}

function wrongAtTheEnd(home: string, runs: string, published: readonly Published[]): string[] {
  const ledger = readLedger(home);
  const wrong = lostOrTwice({ published, ledger, runs: [], consumers: CONSUMERS });
  if (ledger.integrity !== "ok") wrong.push(`the ledger: ${ledger.integrity}`);
  for (const { id, consumer, state, reason } of ledger.deliveries)
    if (state !== "ok") wrong.push(`${consumer}'s ${id} is ${state}: ${reason}`);
  const ended = new Set(readRuns(runs).flatMap(({ what, name }) => (what === "end" ? [name] : [])));
  const log = join(home, "logs", "log.ndjson");
  const logged = existsSync(log) ? readFileSync(log, "utf8") : "";
  for (const { name } of published) {
    if (!ended.has(name)) wrong.push(`${name}: its worker never came to its end`);
    if (!logged.includes(`"sessionid":"${name}"`)) wrong.push(`${name} is not in the log`);
  }
  for (const name of readdirSync(home)) if (name.includes("damaged")) wrong.push(`${name} was set aside`);
  for (const name of readdirSync(join(home, "spool", "bad"))) wrong.push(`spool/bad has ${name}`);
  return wrong;
}

function payload(name: string, key: number): Record<string, unknown> {
  const input = { file_path: `/key/${key}`, content: "x = 1\n".repeat(200) };
  return {
    session_id: name,
    cwd: "/",
    hook_event_name: "PostToolUse",
    tool_name: "Write",
    tool_input: input,
    tool_use_id: name,
  };
}

export const row: Row = {
  name: "consume-faults",
  title: "ENOSPC, EDQUOT, EACCES, EROFS, EMFILE, EIO at calls of consume about its home, for a while or from then on",
  must: "it recovers alone or ends with clear words, never 2; the next start is well, 0 acknowledged lost",
  cases: 20,
  missing: missingStrace,
  run: spoilDaemons,
  control: {
    title:
      "the same faults, at writes of the ledger alone, of a consume that deletes spool files also when their events could not be written",
    cases: 20,
    async run(context) {
      const append = "deps.stream.append(read.files.map((file) => makeEvent(file.header, file.body, deps.context)));";
      const binary = await makeVariant({
        name: "deaf",
        place: context.place,
        replacements: [
          {
            file: "src/daemon/ingest.ts",
            from: `const added = ${append}`,
            to: `let added = 0;\n        try {\n          added = ${append}\n        } catch {}`,
          },
        ],
      });
      const { counts, findings } = await spoilDaemons({ ...context, binary }, (call) => call === "pwrite64");
      return {
        counts,
        findings: findings.filter((finding) => finding.endsWith("was acknowledged and is not in the stream")),
      };
    },
  },
};
