// publish beside the hooks that people write by hand, and beside those of other projects: two races, since heavy ones leave cold
// caches to whoever follows. Every contestant gets the same events, in a project with git, and must show that it stored them.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Contestant, race } from "../src/measure/measure.ts";
import { payloadsOf } from "../src/measure/payload.ts";
import { findPython, PYTHON_POST, PYTHON_PUBLISHER } from "../src/measure/python.ts";
import { empty, type Scratch } from "../src/measure/scratch.ts";
import { ratioOf, timesOf } from "../src/report/statistics.ts";
import type { Beside, Lane } from "./benchmarks-page.ts";
import { contestantOf, PEERS, type Peer, strayFiles, tidyTmp } from "./benchmarks-peers.ts";

export type Plan = { rounds: number; limitMs: number };
export type Programs = { offhook: string; null: string };
/** `stored`: how many events it has stored by now, or since it was asked last when `isEmptied`. */
type Storing = { stored?(): number; isEmptied?: true };
type Watched = Contestant & Storing;

/** As Claude Code 2.1.329 sends it after a Write; no power of two. */
export const EVENT_BYTES = 997;
const WARM_UP_ROUNDS = 3;
/** In the recorded payloads this is the project's directory. */
const RECORDED_PROJECT = "/home/dev/shop";

/** Reads stdin, parses it, writes one file and waits for no disk, as PYTHON_PUBLISHER does. */
const NODE_PUBLISHER = `const { readFileSync, writeFileSync } = require("node:fs");
const event = readFileSync(0);
JSON.parse(event);
writeFileSync(process.argv[2] + "/" + process.hrtime.bigint() + "-" + process.pid + ".json", event, { flag: "wx" });
`;

/** The project that the events are about, and the events: each call gives another one. */
export function makeStage(
  scratch: Scratch,
  name: string,
  recordedPath: string,
): { project: string; next: () => Uint8Array } {
  const project = join(scratch.path, name);
  mkdirSync(project);
  writeFileSync(join(project, "cart.py"), "total = 0\n");
  const git = (...words: string[]) =>
    Bun.spawnSync(["git", "-C", project, "-c", "user.name=shop", "-c", "user.email=shop@example.com", ...words], {
      env: { PATH: process.env.PATH ?? "", HOME: scratch.path, GIT_CONFIG_NOSYSTEM: "1" },
    });
  if (Bun.which("git") !== null)
    for (const words of [
      ["init", "-q"],
      ["add", "."],
      ["commit", "-qm", "first"],
    ])
      git(...words);
  const payloads = payloadsOf(readFileSync(recordedPath, "utf8").replaceAll(RECORDED_PROJECT, project), EVENT_BYTES);
  let number = 0;
  return { project, next: () => Buffer.from(payloads(number++)) };
}

/** What is written by hand: what starting a process costs at all, and the usual ways to keep an event. */
export async function measureByHand(
  plan: Plan,
  programs: Programs,
  scratch: Scratch,
  recordedPath: string,
  say: Say,
): Promise<Beside> {
  const { project, next } = makeStage(scratch, "by-hand", recordedPath);
  const home = scratch.makeHome({});
  const kept = join(home, "kept");
  mkdirSync(kept);
  const script = (name: string, text: string) => {
    writeFileSync(join(home, name), text);
    return join(home, name);
  };
  const env = scratch.envOf(home);
  const missing: Beside["missing"] = [];
  const lane = (name: string, [program, ...words]: [string | null, ...string[]], how: Storing = {}): Watched[] => {
    if (program !== null) return [{ name, argv: [program, ...words], env, cwd: project, ...how }];
    missing.push({ name, why: "there is no such program here" });
    return [];
  };
  const spool = join(home, "spool/new");

  const appended = join(home, "appended.jsonl");
  const posted = join(home, "posted.jsonl");
  const server = Bun.spawn([process.execPath, join(import.meta.dir, "benchmarks-server.ts"), posted], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  scratch.own(server);
  const url = `http://127.0.0.1:${await firstLine(server.stdout)}/`;
  const contestants = [
    ...lane("cat", ["cat"]),
    ...lane("null", [programs.null]),
    ...lane("publish", [programs.offhook, "publish"], filesIn(spool)),
    ...lane("publish, no fsync", [programs.offhook, "publish", "--durability", "process"], filesIn(spool)),
    ...lane("sh: cat >> file", ["sh", "-c", 'cat >> "$1"', "sh", appended], linesIn(appended)),
    ...lane("python3", [plainPython(), script("publisher.py", PYTHON_PUBLISHER), kept], filesIn(kept)),
    ...lane("node", [nodePath(), script("publisher.cjs", NODE_PUBLISHER), kept], filesIn(kept)),
    ...lane(
      "curl to a local server",
      [Bun.which("curl"), "-sS", "--fail", "--data-binary", "@-", url],
      linesIn(posted),
    ),
    ...lane("python3 to a local server", [plainPython(), script("post.py", PYTHON_POST), url], linesIn(posted)),
  ];
  const lanes = await raced(contestants, next, plan, "by hand", scratch, say);
  await server.stdin.end();
  await server.exited;
  return { lanes, missing };
}

/** Hooks of other projects, each in a home of its own. `filesOf` gives where a peer's files are, or why they are not there. */
export async function measurePeers(
  plan: Plan,
  programs: Programs,
  scratch: Scratch,
  recordedPath: string,
  filesOf: (peer: Peer) => { path: string } | { why: string },
  say: Say,
): Promise<Beside> {
  const { project, next } = makeStage(scratch, "peers", recordedPath);
  const home = scratch.makeHome({});
  const env = scratch.envOf(home);
  const spool = join(home, "spool/new");
  const contestants: Watched[] = [
    { name: "null", argv: [programs.null], env, cwd: project },
    { name: "publish", argv: [programs.offhook, "publish"], env, cwd: project, ...filesIn(spool) },
  ];
  const missing: Beside["missing"] = [];
  const before = strayFiles();
  try {
    for (const peer of PEERS) {
      const files = filesOf(peer);
      const lacking = peer.needs.filter((program) => Bun.which(program) === null);
      if ("why" in files) missing.push({ name: peer.name, why: files.why });
      else if (lacking.length > 0) missing.push({ name: peer.name, why: `there is no ${lacking.join(", no ")} here` });
      else {
        const peerHome = scratch.makeHome({});
        const stand = { files: files.path, home: peerHome, env: envOfPeer(peerHome), port: freePort(), scratch };
        try {
          contestants.push(contestantOf(peer, stand, project));
        } catch (error) {
          missing.push({
            name: peer.name,
            why: `it could not be set up: ${error instanceof Error ? error.message : error}`,
          });
        }
      }
    }
    return { lanes: await raced(contestants, next, plan, "peers", scratch, say), missing };
  } finally {
    tidyTmp(before);
  }
}

type Say = (what: string, done: number) => void;

async function raced(
  contestants: Watched[],
  next: () => Uint8Array,
  plan: Plan,
  what: string,
  scratch: Scratch,
  say: Say,
): Promise<Lane[]> {
  const before = new Map<string, number>();
  const lanes = await race<Watched>({
    contestants: contestants.map((one) => withStdin(one, next)),
    stdin: new Uint8Array(),
    rounds: plan.rounds,
    limitMs: plan.limitMs,
    warmUpRounds: WARM_UP_ROUNDS,
    concurrency: 1,
    scratch,
    afterTurn({ name, stored, isEmptied = false }) {
      if (stored === undefined) return;
      const now = stored();
      const events = now - (isEmptied ? 0 : (before.get(name) ?? 0));
      if (events !== 1) throw new Error(`${name} stored ${events} events, not 1`);
      before.set(name, now);
    },
    onRound: (done) => say(what, done),
  });
  const publish = lanes.find(({ name }) => name === "publish")?.timesMs ?? [];
  return lanes.map(({ name, timesMs }) => ({ name, times: timesOf(timesMs), beside: ratioOf(timesMs, publish) }));
}

function withStdin(contestant: Watched, next: () => Uint8Array): Watched {
  return {
    ...contestant,
    get stdin() {
      return next();
    },
  };
}

/** Nothing of the user's but where programs are: this Bun, the real python3 behind a version manager's shim, node. */
function envOfPeer(home: string): Record<string, string> {
  const programs = [process.execPath, plainPython(), nodePath()]
    .filter((path) => path !== null)
    .map((path) => dirname(path));
  return {
    PATH: [...new Set([...programs, "/usr/local/bin", "/usr/bin", "/bin"])].join(":"),
    HOME: home,
    DO_NOT_TRACK: "1",
  };
}

/** The system's python3 where there is one: those of version managers may load more than their own at each start. */
export function plainPython(): string | null {
  return existsSync("/usr/bin/python3") ? "/usr/bin/python3" : findPython();
}

function nodePath(): string | null {
  const found = Bun.which("node");
  if (found === null) return null;
  const asked = Bun.spawnSync([found, "-p", "process.execPath"], { stdin: "ignore" });
  return asked.exitCode === 0 ? asked.stdout.toString().trim() : null;
}

/** A directory that holds one file for each event; it is emptied, since one that grows would make later runs another measurement. */
function filesIn(directory: string): Storing {
  return { stored: () => empty(directory), isEmptied: true };
}

/** A file with a line for each event; it is emptied too, so that several can share it. */
function linesIn(path: string): Storing {
  return {
    stored() {
      const lines = readFileSync(path, "utf8").split("\n").length - 1;
      writeFileSync(path, "");
      return lines;
    },
    isEmptied: true,
  };
}

function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  const { port } = listener;
  listener.stop(true);
  return port;
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  for await (const chunk of stream) return new TextDecoder().decode(chunk).trim();
  throw new Error("the local server said no port");
}
