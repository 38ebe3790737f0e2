// A real Redis with a cluster's state planted in it, and a scratch home that belongs to that cluster: what tests of looking and asking
// stand on. Owners are played by the test: `owner` has a lease and answers requests as a daemon's seat does.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { answerRequests } from "../src/cluster/answer.ts";
import { beginGroup, type NodeRecord } from "../src/cluster/nodes.ts";
import type { Event } from "../src/event/event.ts";
import { entryFields, parseEntry } from "../src/partition/entry.ts";
import { makeKeys, partitionKeys } from "../src/partition/keys.ts";
import { commit, type Holder, release, take } from "../src/partition/lease.ts";
import { openPartition, type Partition } from "../src/partition/partition.ts";
import { type Connection, connectOnce } from "../src/redis/connection.ts";
import { entriesOf } from "../src/redis/replies.ts";
import type { AttemptEnd, Next } from "../src/stream/stream.ts";
import { openGuarded } from "./guarded.ts";
import { type RedisServer, startRedis } from "./redis-server.ts";
import type { Running } from "./running.ts";

export const keys = makeKeys("offhook");
const FAILED: AttemptEnd = {
  ...{ outcome: "failed", exitCode: 3, signal: null, durationMs: 12, stdout: "said\n", stderr: "" },
  ...{ reason: null, counts: true },
};

export type Planted = {
  on: Running;
  redis: RedisServer;
  connection: Connection;
  /** Writes config.toml of the home; `cluster`: more lines of [cluster]. */
  configure(cluster?: string, urls?: string[]): void;
  /** A node's record, alive for a minute. */
  node(name: string, over?: Partial<NodeRecord>): Promise<void>;
  /** Events of a type in the stream, each about its own subject; gives their seqs. */
  events(count: number, over?: Partial<Event>): Promise<number[]>;
  group(name: string, partitions: number, hash?: string): Promise<void>;
  owner(consumer: string, partition: number, node?: string): Promise<Owner>;
  /** The content hash of a consumer file of the home. */
  hashOf(name: string): Promise<string>;
  end(): Promise<void>;
};

/** Somebody who owns a partition. */
export type Owner = {
  partition: Partition;
  /** Takes in what is in the stream, and makes one delivery of each event, of this key. */
  deliver(key: string): string[];
  die(id: string): void;
  settle(id: string, end: AttemptEnd, next: Next): void;
  commit(): Promise<boolean>;
  /** Answers requests, as a seat does, until `stop`. Gives how often it had something to do. */
  serve(): { stop(): Promise<number> };
  /** One round of that. */
  answer(): Promise<boolean>;
  release(): Promise<void>;
};

/** Starts a Redis, and makes a home that belongs to its cluster as node "here". */
export async function openPlanted(): Promise<Planted> {
  const on = openGuarded();
  const redis = await startRedis();
  const connection = await connectOnce(
    { urls: [redis.url], user: null, password: null, ca: null },
    { timeoutMs: 10_000 },
  );
  const version = (await on.offhook(["--version"])).stdout.trim();
  const open: Owner[] = [];
  let last = 0;

  const planted: Planted = {
    on,
    redis,
    connection,
    configure(cluster = "", urls = [redis.url]) {
      const text = `name = "here"\n[cluster]\nurl = ${JSON.stringify(urls)}\n${cluster}\n`;
      writeFileSync(join(on.home, "config.toml"), text, { mode: 0o600 });
    },
    async node(name, over = {}) {
      const record: Omit<NodeRecord, "seenMs"> = {
        ...{ name, ledger: `${name}-ledger`, instance: name, version, startedMs: Date.now(), silentAfterMs: 60_000 },
        ...{ consumers: {}, forward: { lag: 0, trouble: null }, local: { lag: 0, pending: 0, dead: 0 }, owned: {} },
      };
      const [seconds] = (await connection.send("TIME", [])) as [string, string];
      const whole: NodeRecord = { seenMs: Number(seconds) * 1000, ...record, ...over };
      await connection.send("HSET", [keys.nodes, name, JSON.stringify(whole)]);
    },
    async events(count, over = {}) {
      const seqs: number[] = [];
      for (let at = 0; at < count; at++) {
        const seq = ++last;
        const event = makeEvent({ subject: `/p/${seq}.py`, ...over });
        await connection.send("XADD", [keys.events, `${seq}-0`, ...entryFields(event, "beta/l", seq)]);
        await connection.send("SET", [keys.seq, seq]);
        seqs.push(seq);
      }
      return seqs;
    },
    async group(name, partitions, hash = "h") {
      await beginGroup(connection, keys, name, { partitions, hash, beganMs: 0, beganSeq: 0, goneMs: null });
    },
    async owner(consumer, number, node = "beta") {
      const its = partitionKeys(keys, consumer, number);
      const lease = { node, instance: `${node}-${Bun.randomUUIDv7()}`, leaseMs: 120_000 };
      const taken = await take(connection, its, { ...lease, graceMs: 0 });
      if (taken.kind !== "taken") throw new Error(`${consumer}/${number} is held by ${taken.node}`);
      const holder: Holder = { ...lease, epoch: taken.epoch };
      const partition = openPartition(consumer, taken.rows, { now: Date.now, startAfterSeq: 0, createdMs: 0 });
      const { stream } = partition;
      stream.openGroup(consumer, { start: "earliest", ordered: true });
      const entries = entriesOf(await connection.send("XRANGE", [keys.events, "-", "+"]));
      let { version } = taken;

      const owner: Owner = {
        partition,
        deliver(key) {
          const all = entries.map(({ id, fields }) => ({ entry: parseEntry(id, fields), wanted: true }));
          const after = partition.resumeAfter();
          partition.take(
            all.filter(({ entry }) => entry.seq > after),
            Math.max(after, all.at(-1)?.entry.seq ?? 0),
          );
          const events = stream.read(stream.placeOf(consumer).cursor, 1_000);
          const deliveries = events.map(({ seq }) => ({ key, seqs: [seq], hold: null }));
          const cursor = events.at(-1)?.seq ?? stream.placeOf(consumer).cursor;
          stream.decide({ consumer, ordered: true, cursor, deliveries, joins: [], skips: [], accepted: [] });
          const pending = partition.inspection().deliveries({ consumer, state: "ready", session: null, limit: null });
          return Array.from(pending, (delivery) => delivery.id);
        },
        die: (id) => owner.settle(id, FAILED, { state: "dead", reason: "exit 3" }),
        settle: (id, end, next) => stream.settle(id, stream.begin(id, null), end, next, { cools: false, events: [] }),
        async commit() {
          const changes = partition.changes();
          const done = await commit(connection, its, { ...holder, leaseMs: 120_000, versionBefore: version, changes });
          if (done.kind !== "ok") {
            if (changes !== null) partition.fail();
            return false;
          }
          ({ version } = done);
          if (changes !== null) partition.confirm();
          return true;
        },
        answer: () =>
          answerRequests({
            connection,
            keys,
            place: { consumer, partition: number },
            partition,
            commit: owner.commit,
          }),
        serve() {
          let isStopping = false;
          const served = (async () => {
            let times = 0;
            for (; !isStopping; await Bun.sleep(10)) if (await owner.answer()) times++;
            return times;
          })();
          return {
            stop() {
              isStopping = true;
              return served;
            },
          };
        },
        async release() {
          await release(connection, its, holder);
        },
      };
      open.push(owner);
      return owner;
    },
    async hashOf(name) {
      const { loadConsumers } = await import("../src/config/load.ts");
      const found = loadConsumers(on.home, { values: {} }).consumers.find((one) => one.name === name);
      if (found === undefined) throw new Error(`no well file of ${name}`);
      return found.hash;
    },
    async end() {
      for (const one of open) one.partition.close();
      connection.close();
      await on.end();
      await redis.stop();
    },
  };
  planted.configure();
  return planted;
}

export function makeEvent(over: Partial<Event> = {}): Event {
  return {
    ...{ id: Bun.randomUUIDv7(), source: "/beta/program", type: "render.finished", timeMs: Date.now() },
    ...{ subject: null, node: "beta", sessionId: "s1", agentId: null, tool: null, toolUseId: null, project: null },
    ...{ depth: 0, duplicateOf: null, contentType: "application/json" as const, data: "{}" },
    ...over,
  };
}
