// Publishing knows nothing of the cluster: in homes whose Redis is up, gone and frozen, with their daemons running, it opens no socket
// (strace) and takes as long in one as in another.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { shuffled, timeOne } from "../../../../src/measure/measure.ts";
import { percentile } from "../../../../src/report/statistics.ts";
import { publisherEnv } from "../../publisher.ts";
import type { Context, Row, Seen } from "../../row.ts";
import { callsIn, missingStrace, STRACE } from "../../strace.ts";
import { areOwned, openCluster } from "../members.ts";
import { controlOf } from "../planted-build.ts";
import { missingRedis, openRedis } from "../servers.ts";
import { pause } from "../waiting.ts";

const STATES = ["up", "gone", "frozen"] as const;
type State = (typeof STATES)[number];
const WARM_UP = 5;
/** The daemon takes the event in meanwhile. */
const BETWEEN_MS = 12;
const MOST_RATIO = 1.15;
const TRIES = 3;
const PAYLOAD = `${JSON.stringify({ session_id: "s", cwd: "/", hook_event_name: "Stop", note: "x".repeat(900) })}\n`;

/** The words that publish in a home of this state, and the port of its Redis. */
type Command = (state: State, binary: string, port: number) => string[];

async function publishInAll(context: Context, commandOf: Command): Promise<Seen> {
  const { binary, place, cases, say, signal } = context;
  const homes = new Map<State, { home: string; command: string[] }>();
  for (const state of STATES) {
    const server = await openRedis(context, `redis-${state}`);
    const cluster = openCluster(context, {
      count: 1,
      urls: [server.url],
      consumers: { none: 'on = ["**"]\nscope = "cluster"\nbuiltin = "none"\n' },
      name: state,
    });
    await cluster.startAll();
    await areOwned(context, server, { consumer: "none", partitions: 1, among: ["n1"] }, cluster);
    if (state === "gone") await server.kill9();
    if (state === "frozen") server.freeze();
    const home = cluster.member("n1").home;
    homes.set(state, { home, command: commandOf(state, binary, server.port) });
  }

  const findings: string[] = [];
  let traced = 0;
  for (const [state, { home, command }] of homes) {
    for (const words of [[], ["--type", "load.saved", "--subject", "/a", "--data", "{}"]]) {
      const calls = await networkCalls([...command, ...words], home, join(place, `trace-${state}-${traced}`));
      traced++;
      if (calls.length > 0) findings.push(`publish${words.length > 0 ? " --type" : ""} with Redis ${state}: ${calls}`);
    }
  }

  let best = { ratio: Number.POSITIVE_INFINITY, medians: [] as number[] };
  let tries = 0;
  while (tries < TRIES && !(best.ratio <= MOST_RATIO) && !signal.aborted) {
    tries++;
    const times = new Map<State, number[]>(STATES.map((state) => [state, []]));
    for (let round = -WARM_UP; round < cases && !signal.aborted; round++) {
      for (const index of shuffled(STATES.length)) {
        const state = STATES[index] as State;
        const { home, command } = homes.get(state) as { home: string; command: string[] };
        const contestant = { name: `publish with Redis ${state}`, argv: command, env: publisherEnv(home, "s") };
        const tookMs = await timeOne(contestant, Buffer.from(PAYLOAD));
        if (round >= 0) times.get(state)?.push(tookMs);
        await pause(BETWEEN_MS, signal);
      }
      say(`round ${round} of ${cases}, try ${tries}`);
    }
    const medians = STATES.map((state) => percentile(times.get(state) ?? [], 50));
    const ratio = Math.max(...medians) / Math.min(...medians);
    if (!(ratio >= best.ratio)) best = { ratio, medians };
  }
  // Not `ratio > most`: NaN must not pass.
  if (!(best.ratio <= MOST_RATIO) && !signal.aborted)
    findings.push(
      `medians of ${best.medians.map((ms) => ms.toFixed(2))} ms (${STATES}): ${best.ratio.toFixed(2)} x, best of ${tries}`,
    );
  const inUs = (ms: number | undefined) => Math.round((ms ?? Number.NaN) * 1000);
  return {
    counts: {
      traced,
      "calls of the network": findings.filter((finding) => finding.startsWith("publish")).length,
      ...Object.fromEntries(STATES.map((state, at) => [`median ${state}, us`, inUs(best.medians[at])])),
      "slowest by fastest, %": Math.round(best.ratio * 100),
      tries,
    },
    findings,
  };
}

/** Names of the calls of the network that a command makes, in any of its threads. */
async function networkCalls(command: string[], home: string, trace: string): Promise<string[]> {
  const child = Bun.spawn([STRACE ?? "strace", "-f", "-o", trace, "--trace=network", ...command], {
    env: publisherEnv(home, "s"),
    cwd: "/",
    stdin: Buffer.from(PAYLOAD),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stderr, exitCode] = await Promise.all([child.stderr.text(), child.exited]);
  if (exitCode !== 0) throw new Error(`${command.join(" ")} ended with ${exitCode}: ${stderr}`);
  return callsIn(readFileSync(trace, "utf8")).flatMap((thread) => [...thread.keys()]);
}

export const row: Row = {
  name: "publish-untouched",
  title: "rounds of publish in three homes: Redis up, gone, frozen, each with its daemon",
  must: `no socket is opened; medians of interleaved rounds within ${Math.round((MOST_RATIO - 1) * 100)} %`,
  cases: 101,
  missing: () => missingRedis() ?? missingStrace(),
  run: (context) => publishInAll(context, (_, binary) => [binary, "publish"]),
  control: controlOf(11, [
    {
      what: "rounds of one that knocks at Redis where it is up",
      says: /^publish(| --type) with Redis up: .*socket/,
      run: (context) =>
        publishInAll(context, (state, binary, port) => withShell(state === "up" ? knock(port) : ":", binary)),
    },
    {
      what: "rounds of one that takes 6 ms longer where Redis is frozen",
      says: /^medians of/,
      run: (context) =>
        publishInAll(context, (state, binary) => withShell(state === "frozen" ? "sleep 0.006" : ":", binary)),
    },
  ]),
};

const knock = (port: number) => `redis-cli -p ${port} PING </dev/null >/dev/null`;

/** The words that do something before they publish. Not bash: it asks who the user is, over a socket. */
function withShell(before: string, binary: string): string[] {
  return ["/bin/sh", "-c", `${before}; exec "$0" publish "$@"`, binary];
}
