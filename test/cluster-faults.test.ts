// Three nodes and a reader under random faults of Redis, of its data, and of the nodes: the reader, which goes by origins as a
// partition does, has every event once in the end, and no seq ever means two events.
import { afterEach, expect, test } from "bun:test";
import type { Connection } from "../src/redis/connection.ts";
import { makeTail, type Tail } from "../src/relay/tail.ts";
import { type ForwardingNode, keys, link, openNode } from "./forwarding-node.ts";
import { endServers, noRedis, type RedisServer, redisProgram, startRedis } from "./redis-server.ts";
import { until } from "./running.ts";

/** How long a command may take, in ms: short, so that a frozen Redis is met. */
const TIMEOUT_MS = 400;
const STEPS = 15;

let redis: RedisServer;
let nodes: ForwardingNode[] = [];
let reader: Reader | null = null;
afterEach(async () => {
  await reader?.stop();
  for (const node of nodes) await node.end();
  nodes = [];
  endServers();
});

type Reader = { taken: Map<string, number>; wrong: string[]; stop(): Promise<void> };

/** Reads on for ever; from the beginning again when Redis was found to have lost data. */
function openReader(connection: Connection, tail: Tail): Reader {
  const taken = new Map<string, number>();
  const wrong: string[] = [];
  const marks = new Map<string, number>();
  const meant = new Map<number, string>();
  let place = 0;
  let loss: unknown = null;
  let isStopping = false;

  const readOn = async (): Promise<boolean> => {
    const lossNow = await connection.send("HGET", [keys.meta, "lossMs"]).catch(() => loss);
    if (lossNow !== loss && lossNow !== null) {
      place = 0;
      tail.forget();
    }
    loss = lossNow;
    const page = await tail.after(place, 500);
    if (page === null || page.throughSeq <= place) return false;
    for (const { seq, origin, originSeq, event } of page.entries) {
      const other = meant.get(seq) ?? event.id;
      if (other !== event.id) wrong.push(`${seq} was ${other} and is ${event.id}`);
      meant.set(seq, event.id);
      if (originSeq <= (marks.get(origin) ?? 0)) continue;
      marks.set(origin, originSeq);
      taken.set(event.id, (taken.get(event.id) ?? 0) + 1);
    }
    place = page.throughSeq;
    return true;
  };
  const reading = (async () => {
    while (!isStopping) if (!(await readOn())) await Bun.sleep(5);
  })();
  return {
    taken,
    wrong,
    async stop() {
      isStopping = true;
      await reading;
      await tail.stop();
      connection.close();
    },
  };
}

const isFailing = (chance: () => boolean) => (stream: ForwardingNode["on"]["stream"]) => ({
  ...stream,
  together: <R>(work: () => R): R => {
    if (chance()) throw Object.assign(new Error("database or disk is full"), { code: "SQLITE_FULL" });
    return stream.together(work);
  },
});

test.skipIf(redisProgram === null)(
  `every event is taken once, and no seq means two${noRedis}`,
  async () => {
    let seed = Number(process.env.OFFHOOK_SEED ?? Date.now() % 1_000_000);
    const told = `OFFHOOK_SEED=${seed}`;
    const random = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return Math.floor((seed / 2 ** 31) * below);
    };
    redis = await startRedis({ appendonly: random(2) === 0 });
    nodes = ["n1", "n2", "n3"].map((name) => openNode(redis, { name, timeoutMs: TIMEOUT_MS }));
    // All have been there before: what comes after one that was not, in an empty Redis, is a test of its own (cluster-forward).
    for (const node of nodes) node.begin();
    const sent = nodes.flatMap((node) => node.publish(5));
    for (const node of nodes) await node.done();
    const [connection, blocking] = [link([redis.url], TIMEOUT_MS), link([redis.url], TIMEOUT_MS)];
    reader = openReader(connection, makeTail({ connection, blocking, keys }));
    const { taken, wrong } = reader;

    for (let step = 0; step < STEPS; step++) {
      for (const node of nodes) sent.push(...node.publish(random(2) * random(300)));
      const node = nodes[random(3)] as ForwardingNode;
      switch (random(10)) {
        case 0:
        case 1:
          await redis.restart();
          break;
        case 2:
          redis.freeze();
          await Bun.sleep(random(2 * TIMEOUT_MS));
          redis.thaw();
          break;
        case 3:
          await redis.cli("FLUSHALL");
          break;
        case 4:
        case 5:
          await node.restart();
          break;
        case 6:
          await node.restart(isFailing(() => random(3) === 0));
          break;
        case 7:
          await redis.cli("DEL", [keys.seq, keys.meta, keys.origins, keys.events][random(4)] ?? "");
          break;
        case 8:
          await redis.cli("CLIENT", "KILL", "TYPE", "normal");
          break;
        default:
          await redis.cli("CONFIG", "SET", "maxmemory", "1");
          await Bun.sleep(random(100));
          await redis.cli("CONFIG", "SET", "maxmemory", "0");
      }
    }
    for (const node of nodes) await node.restart();
    await until(
      () => sent.every((id) => taken.has(id)) && nodes.every((node) => node.forwarder.state().lag === 0),
      () => `${told}: ${sent.filter((id) => !taken.has(id)).length} of ${sent.length} never came`,
    );
    const twice = [...taken].filter(([, times]) => times > 1).length;
    const failures = nodes.flatMap((one) => one.failures);
    expect({ told, twice, wrong, failures, more: taken.size - sent.length }).toEqual({
      told,
      twice: 0,
      wrong: [],
      failures: [],
      more: 0,
    });
  },
  60_000,
);
