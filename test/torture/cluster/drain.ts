// The end of a row's load: everything is in the stream, and every consumer has come to the end of it. Seen from outside: the last
// events of many keys are published after all others, and where a consumer has run those it has decided on everything before them.
import type { RedisServer } from "../../redis-server.ts";
import type { Context } from "../row.ts";
import type { Load } from "./load.ts";
import { type Cluster, LEASE_MS } from "./members.ts";
import { type Entry, readEntries } from "./redis-eye.ts";
import { pause, within } from "./waiting.ts";
import type { WorkLog } from "./work-log.ts";

/** Keys of the last events: so many that each of 8 partitions has some (else once in 1e8). */
export const LAST_KEYS = 150;
const LIMIT_MS = 60_000;
/** Where something is wrong already. */
const BROKEN_LIMIT_MS = 5000;

export type Draining = {
  context: Pick<Context, "signal" | "say">;
  server: RedisServer;
  cluster: Cluster;
  load: Load;
  log: WorkLog;
  /** Consumers that run every event, or the last ones at least. */
  consumers: readonly string[];
  /** Names whose run is waited for; default: all that were published. */
  wants?(name: string): boolean;
  /** Something was found already: not everything will come. */
  isBroken?: boolean;
  /** Default: none. Where every event is waited for, nothing more is to be learned from the last ones. */
  lastKeys?: number;
};

/** Waits for all of it. Gives the stream, and a sentence for what did not come in time. */
export async function drain(draining: Draining): Promise<{ entries: Entry[]; findings: string[] }> {
  const {
    context,
    server,
    cluster,
    load,
    log,
    consumers,
    wants = () => true,
    lastKeys = 0,
    isBroken = false,
  } = draining;
  context.say("the rest of the load");
  const findings: string[] = [];
  const limitMs = isBroken ? BROKEN_LIMIT_MS : LIMIT_MS;
  let entries: Entry[] = [];
  const allAreIn = async () => {
    entries = await readEntries(server);
    const names = new Set(entries.map(({ name }) => name));
    return load.sent.every(({ name }) => names.has(name));
  };
  const untilIn = async (what: string) => {
    if (await within(limitMs, context.signal, allAreIn, 200)) return true;
    const names = new Set(entries.map(({ name }) => name));
    const missing = load.sent.filter(({ name }) => !names.has(name)).map(({ name }) => name);
    findings.push(`${what}: ${missing.length} are not in the stream: ${missing.slice(0, 20)}\n${cluster.said()}`);
    return false;
  };
  if (!(await untilIn("forwarding did not come to its end"))) return { entries, findings };

  const [member] = cluster.members;
  if (member === undefined) throw new Error("a cluster without nodes");
  const last = await Promise.all(Array.from({ length: lastKeys }, (_, n) => load.publish(member, `/last/${n}`)));
  const lastNames = new Set(last.map(({ name }) => name));
  const waited = load.sent.filter(({ name }) => lastNames.has(name) || wants(name)).map(({ name }) => name);
  const unsettled = () =>
    consumers.flatMap((consumer) => {
      const ended = log.ended(consumer);
      return waited.filter((name) => !ended.has(name)).map((name) => `${consumer} ${name}`);
    });
  if (!(await within(limitMs, context.signal, () => unsettled().length === 0, 100))) {
    const left = unsettled();
    findings.push(`${left.length} runs did not come to their end: ${left.slice(0, 20).join(", ")}\n${cluster.said()}`);
  }
  await untilIn("forwarding the last events did not come to its end");
  // What would run once more without need does so now.
  await pause(LEASE_MS, context.signal);
  return { entries, findings };
}
