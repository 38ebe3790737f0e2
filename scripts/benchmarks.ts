// The figures of docs/benchmarks.md as people ask for them (through scripts/benchmarks): what is measured in which order, and where
// the result goes. Packages of others are fetched first; then everything runs where only this machine can be reached, if that can be had.
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { watchLoad } from "../src/measure/busy.ts";
import { machineFacts } from "../src/measure/machine-facts.ts";
import { makeScratch } from "../src/measure/scratch.ts";
import { doubtsOf } from "../src/report/doubts.ts";
import type { Hook } from "../src/report/shape.ts";
import { EVENT_BYTES, measureByHand, measurePeers, plainPython } from "./benchmarks-beside.ts";
import { bring, cacheOf } from "./benchmarks-fetch.ts";
import { measureInside } from "./benchmarks-inside.ts";
import { type Beside, type Measured, pageWith, SECTIONS, textsOf } from "./benchmarks-page.ts";
import { PEERS, type Peer, strayFiles, tidyTmp } from "./benchmarks-peers.ts";
import { versionOfPackage } from "./compile.ts";

const USAGE = `usage: scripts/benchmarks [--write] [--quick] [--json]

Measures publish beside other hooks, some of them from npm, and where its milliseconds go. 3 to 5 minutes.

  --write   put the tables into docs/benchmarks.md; without it they are printed
  --quick   fewer runs: rougher figures
  --json    one object of JSON instead, with every run`;

const ROOT = resolve(import.meta.dir, "..");
const PAGE = join(ROOT, "docs/benchmarks.md");
const RECORDED = join(ROOT, "test/fixtures/claude-code-2.1.329.jsonl");
/** Said to itself in the environment when it is where only this machine can be reached. */
const CUT_OFF = "OFFHOOK_BENCHMARKS_CUT_OFF";

const PLANS = {
  whole: {
    byHand: { rounds: 300, limitMs: 75_000 },
    peers: { rounds: 80, limitMs: 150_000 },
    inside: { rounds: 300, limitMs: 60_000 },
  },
  quick: {
    byHand: { rounds: 20, limitMs: 15_000 },
    peers: { rounds: 5, limitMs: 30_000 },
    inside: { rounds: 20, limitMs: 15_000 },
  },
} as const;

type Asked = { write: boolean; quick: boolean; json: boolean; help: boolean };
type Files = { path: string } | { why: string };

async function main(argv: string[]): Promise<number> {
  const asked = askedBy(argv);
  if (typeof asked === "string") {
    console.error(`error: ${asked}\n\n${USAGE}`);
    return 64;
  }
  if (asked.help) {
    console.log(USAGE);
    return 0;
  }
  const files = new Map(PEERS.map((peer) => [peer.name, broughtOrWhy(peer)]));
  const words = process.env[CUT_OFF] === undefined ? wordsToBeCutOff() : null;
  if (words !== null) {
    const inside = Bun.spawn([...words, process.execPath, "--no-env-file", import.meta.path, ...argv], {
      env: { ...process.env, [CUT_OFF]: "1" },
      stdio: ["ignore", "inherit", "inherit"],
    });
    const leave = () => inside.kill("SIGTERM");
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, leave);
    return await inside.exited;
  }
  const measured = await measure(asked.quick, (peer) => files.get(peer.name) ?? { why: "it is not known" });
  if (asked.json) console.log(JSON.stringify(measured));
  const texts = textsOf(measured);
  if (asked.write) {
    writeFileSync(`${PAGE}.new`, pageWith(readFileSync(PAGE, "utf8"), texts));
    renameSync(`${PAGE}.new`, PAGE);
    console.error("written: docs/benchmarks.md");
  } else if (!asked.json) console.log(SECTIONS.map((section) => texts[section]).join("\n\n"));
  return 0;
}

/** What was asked for; a text is what is wrong with it. */
function askedBy(argv: string[]): Asked | string {
  try {
    return parseArgs({
      args: argv,
      options: {
        write: { type: "boolean", default: false },
        quick: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    }).values;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function measure(isQuick: boolean, filesOf: (peer: Peer) => Files): Promise<Measured> {
  const plan = isQuick ? PLANS.quick : PLANS.whole;
  const programs = { offhook: join(ROOT, "dist/offhook"), null: join(ROOT, "dist/offhook-null") };
  const commit = commitOf();
  const date = new Date().toISOString().slice(0, 10);
  const scratch = makeScratch();
  const stray = strayFiles();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.once(signal, () => stop(scratch, stray, signal));
  const beganMs = performance.now();
  const watch = watchLoad(scratch);
  try {
    const inside = await measureInside(plan.inside, programs, scratch, RECORDED, progress);
    const byHand = await measureByHand(plan.byHand, programs, scratch, RECORDED, progress);
    const peers = await measurePeers(plan.peers, programs, scratch, RECORDED, filesOf, progress);
    const load = watch.end();
    // Without the name that people gave it: the page is for everybody.
    const machine = machineFacts("", scratch);
    const about = PEERS.map(({ name, packages, what, isWaitedFor }) => ({
      name,
      what,
      isWaitedFor,
      packages: packages.map((one) => `${one.name}@${one.version}`),
    }));
    return {
      commit,
      date,
      offhook: versionOfPackage(),
      versions: versions(),
      machine,
      load: { ...load, doubts: doubtsOf(load, machine, controlOf(byHand)) },
      isQuick,
      isCutOff: process.env[CUT_OFF] !== undefined,
      tookS: (performance.now() - beganMs) / 1000,
      eventBytes: EVENT_BYTES,
      byHand,
      peers: { ...peers, about },
      inside,
    };
  } finally {
    scratch.end();
  }
}

/** The control in the shape in which doubts are told of it: it does the same each time. */
function controlOf({ lanes }: Beside): Hook {
  const controls = lanes.filter(({ name }) => name === "null");
  return {
    payloadBytes: EVENT_BYTES,
    rounds: controls[0]?.times.runs ?? 0,
    warmUpRounds: 0,
    lanes: controls.map((lane) => ({ ...lane, kind: "null", what: "", failed: 0 })),
  };
}

function stop(scratch: { end(): void }, stray: ReadonlySet<string>, signal: NodeJS.Signals): void {
  scratch.end();
  tidyTmp(stray);
  process.kill(process.pid, signal);
}

let drawnAtMs = 0;
/** A line on stderr: one that is drawn anew on a terminal, else one every ten seconds. */
function progress(what: string, done: number): void {
  const nowMs = performance.now();
  const isScreen = process.stderr.isTTY === true;
  if (nowMs - drawnAtMs < (isScreen ? 200 : 10_000) && done < 1) return;
  drawnAtMs = nowMs;
  process.stderr.write(
    `${isScreen ? "\r\x1b[K" : ""}${what}: ${Math.round(done * 100)} %${isScreen && done < 1 ? "" : "\n"}`,
  );
}

function broughtOrWhy(peer: Peer): Files {
  try {
    return { path: bring(peer.packages, cacheOf(process.env)) };
  } catch (error) {
    return { why: error instanceof Error ? error.message : String(error) };
  }
}

/** The words before a command that run it where only the loopback interface is; null where that cannot be had. */
function wordsToBeCutOff(): string[] | null {
  if (Bun.which("unshare") === null || Bun.which("ip") === null) return null;
  for (const flags of ["-n", "-rn"]) {
    const words = ["unshare", flags, "sh", "-c", 'ip link set lo up && exec "$@"', "sh"];
    if (Bun.spawnSync([...words, "true"], { stdio: ["ignore", "ignore", "ignore"] }).exitCode === 0) return words;
  }
  return null;
}

function commitOf(): Measured["commit"] {
  const git = (...words: string[]) => Bun.spawnSync(["git", "-C", ROOT, ...words], { stderr: "ignore" });
  if (Bun.which("git") === null) return null;
  const head = git("rev-parse", "--short=12", "HEAD");
  if (head.exitCode !== 0) return null;
  const changed = git("status", "--porcelain", "--", ".", ":!docs/benchmarks.md").stdout.toString().trim();
  return { hash: head.stdout.toString().trim(), isDirty: changed !== "" };
}

/** The versions of what runs beside publish, as the programs say them. */
function versions(): Measured["versions"] {
  const asked: [name: string, program: string | null][] = [
    ["node", Bun.which("node")],
    ["python3", plainPython()],
    ["curl", Bun.which("curl")],
    ["git", Bun.which("git")],
    ["jq", Bun.which("jq")],
  ];
  const found = asked.flatMap(([name, program]) => {
    if (program === null) return [];
    const said = Bun.spawnSync([program, "--version"], { stderr: "ignore" }).stdout.toString();
    return [{ name, version: /\d+(\.\d+)+/.exec(said)?.[0] ?? "of a version that it does not say" }];
  });
  return [{ name: "Bun", version: Bun.version }, ...found];
}

process.exitCode = await main(process.argv.slice(2));
