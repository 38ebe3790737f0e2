// A node that forwards: a ledger of its own and the real forwarder, in this process, to a real Redis.

import { later } from "../src/daemon/time.ts";
import type { Event } from "../src/event/event.ts";
import { type Entry, parseEntry } from "../src/partition/entry.ts";
import { makeKeys } from "../src/partition/keys.ts";
import { type Connection, connect } from "../src/redis/connection.ts";
import { makeForwarder } from "../src/relay/forward.ts";
import type { RedisServer } from "./redis-server.ts";
import { until } from "./running.ts";
import { openScratch } from "./scratch-ledger.ts";

export const keys = makeKeys("offhook");

export type NodeOptions = {
  name?: string;
  cap?: number;
  replicas?: number | null;
  wants?(event: Event): boolean;
  /** Servers to look for the primary among. Default: the one. */
  urls?: string[];
  /** How long a command may take, in ms. */
  timeoutMs?: number;
};

export type ForwardingNode = ReturnType<typeof openNode>;

/** Opens a node with an empty ledger; it forwards from `begin` on. */
export function openNode(redis: RedisServer, options: NodeOptions = {}) {
  const { name = "n1", cap = 1_000_000, replicas = null, wants = () => true, urls = [redis.url], timeoutMs } = options;
  const on = openScratch();
  const said: string[] = [];
  const failures: unknown[] = [];
  let running = begun();

  /** A forwarder as a daemon's start makes it. */
  function begun(watch: (stream: typeof on.stream) => typeof on.stream = (stream) => stream) {
    const connection = link(urls, timeoutMs);
    const forwarder = makeForwarder({
      stream: watch(on.stream),
      connection,
      keys,
      node: name,
      wants,
      outgoing: (event) => event,
      settings: { cap, replicas },
      later,
      now: () => on.now,
      log: (line) => void said.push(line),
      onTrouble: (error) => void said.push(`trouble: ${error}`),
      fail: (error) => void failures.push(error),
    });
    return { connection, forwarder };
  }

  const node = {
    on,
    said,
    failures,
    get forwarder() {
      return running.forwarder;
    },
    /** Appends so many events and tells the forwarder; gives their ids. */
    publish(count: number, over: Partial<Event> = {}): string[] {
      const before = on.stream.lastSeq();
      for (let at = 0; at < count; at += 100)
        on.appendEvents(
          ...Array.from({ length: Math.min(100, count - at) }, () => ({ ...over, id: Bun.randomUUIDv7() })),
        );
      running.forwarder.wake();
      return on.stream.read(before, count).map((event) => event.id);
    },
    begin: () => running.forwarder.begin(),
    async stop() {
      await running.forwarder.stop();
      running.connection.close();
    },
    /** Another daemon on the same ledger, whatever the first one was at. `watch` stands between it and its ledger. */
    async restart(watch?: Parameters<typeof begun>[0]) {
      await node.stop();
      running = begun(watch);
      running.forwarder.begin();
    },
    /** Waits until all is forwarded. */
    done: () =>
      until(
        () => running.forwarder.state().lag === 0 || failures.length > 0,
        () => `not forwarded: ${JSON.stringify(running.forwarder.state())}\n${said.join("\n")}`,
      ).then(() => {
        if (failures.length > 0) throw failures[0];
      }),
    /** All ids that are in its ledger, in order. */
    ids: () => on.sql<{ id: string }>("SELECT id FROM events ORDER BY seq").map((row) => row.id),
    async end() {
      await node.stop();
      on.end();
    },
  };
  return node;
}

/** A connection to the servers. */
export function link(urls: string[], timeoutMs?: number): Connection {
  return connect({ urls, user: null, password: null, ca: null }, timeoutMs === undefined ? {} : { timeoutMs });
}

/** Everything in the stream, by redis-cli and not by the code under test. */
export async function entriesIn(redis: RedisServer): Promise<Entry[]> {
  const reply = JSON.parse(await redis.cli("--json", "XRANGE", keys.events, "-", "+")) as [string, string[]][];
  return reply.map(([id, fields]) => {
    const pairs = new Map<string, string>();
    for (let at = 0; at + 1 < fields.length; at += 2) pairs.set(fields[at] ?? "", fields[at + 1] ?? "");
    return parseEntry(id, pairs);
  });
}

/** Ids in the stream, in its order. */
export async function idsIn(redis: RedisServer): Promise<string[]> {
  return (await entriesIn(redis)).map((entry) => entry.event.id);
}
