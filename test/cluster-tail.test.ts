// The tail of the stream on real Redis servers: what readers at different places are given, and what wakes them.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Entry } from "../src/partition/entry.ts";
import type { Connection } from "../src/redis/connection.ts";
import { makeTail, type Tail } from "../src/relay/tail.ts";
import { type ForwardingNode, idsIn, keys, link, openNode } from "./forwarding-node.ts";
import { endServers, noRedis, type RedisServer, redisProgram, startRedis } from "./redis-server.ts";
import { until } from "./running.ts";

let redis: RedisServer;
let node: ForwardingNode;
let connection: Connection;
let tail: Tail;
let news: number;
/** Commands that went over the connection for pages. */
let asked: number;

async function begin(options: Parameters<typeof startRedis>[0] = {}, timeoutMs?: number): Promise<void> {
  redis = await startRedis(options);
  node = openNode(redis, timeoutMs === undefined ? {} : { timeoutMs });
  node.begin();
  connection = link([redis.url], timeoutMs);
  const { run } = connection;
  asked = 0;
  connection.run = (...all) => {
    asked++;
    return run(...all);
  };
  tail = makeTail({ connection, blocking: link([redis.url], timeoutMs), keys });
  news = 0;
  tail.onNew(() => void news++);
}

afterEach(async () => {
  await tail.stop();
  connection.close();
  await node.end();
  endServers();
});

/** Reads on from a seq to the end, as a partition does. */
async function readOn(from: number, limit = 100): Promise<{ entries: Entry[]; throughSeq: number; missing: boolean }> {
  const read = { entries: [] as Entry[], throughSeq: from, missing: false };
  for (;;) {
    const page = await tail.after(read.throughSeq, limit);
    if (page === null) throw new Error("Redis does not answer");
    expect(page.entries.length).toBeLessThanOrEqual(limit);
    read.missing ||= page.missing;
    if (page.throughSeq <= read.throughSeq) return read;
    read.entries.push(...page.entries);
    read.throughSeq = page.throughSeq;
  }
}

const idsOf = (entries: readonly Entry[]) => entries.map((entry) => entry.event.id);

async function toldOfNews(since = news): Promise<void> {
  await until(
    () => news > since,
    () => "nothing is told",
  );
}

describe.skipIf(redisProgram === null)(`the tail${noRedis}`, () => {
  beforeEach(() => begin());

  test("gives every reader what is after its place, in order, up to the end", async () => {
    const ids = node.publish(1234);
    await node.done();
    for (const [from, limit] of [
      [0, 500],
      [0, 7],
      [1, 100],
      [617, 33],
      [1233, 500],
      [1234, 500],
    ] as const) {
      const read = await readOn(from, limit);
      expect(idsOf(read.entries)).toEqual(ids.slice(from));
      expect([read.throughSeq, read.missing]).toEqual([1234, false]);
    }
    const page = await tail.after(3, 2);
    expect(page).toMatchObject({ throughSeq: 5, lastSeq: 1234, missing: false });
    expect(idsOf(page?.entries ?? [])).toEqual(ids.slice(3, 5));
  });

  test("fetches a page once, for however many readers", async () => {
    node.publish(800);
    await node.done();
    await readOn(0);
    const before = asked;
    await Promise.all(Array.from({ length: 16 }, (_, at) => readOn(at * 40)));
    // Each looks whether there is more at the end.
    expect(asked - before).toBeLessThanOrEqual(16);
    tail.forget();
    const again = asked;
    await Promise.all(Array.from({ length: 16 }, () => tail.after(0, 500)));
    expect(asked - again).toBe(1);
  });

  test("wakes when something is new, also where several come at once, and gives it then", async () => {
    await toldOfNews(0);
    let from = 0;
    const ids: string[] = [];
    const found: string[] = [];
    for (let round = 0; round < 30; round++) {
      const since = news;
      ids.push(...node.publish(1 + (round % 3)));
      await toldOfNews(since);
      await until(
        async () => {
          const read = await readOn(from);
          from = read.throughSeq;
          found.push(...idsOf(read.entries));
          return found.length === ids.length;
        },
        () => `${found.length} of ${ids.length}`,
      );
    }
    expect(found).toEqual(ids);
  });

  test("gives what is new to whoever comes after the news, also when a page from before them is still on its way", async () => {
    await toldOfNews(0);
    const gate = Promise.withResolvers<void>();
    const { send } = connection;
    let isHeld = false;
    connection.send = async (...all) => {
      const reply = await send(...all);
      isHeld = true;
      await gate.promise;
      return reply;
    };
    const early = tail.after(0, 10);
    await until(
      () => isHeld,
      () => "nothing was asked",
    );
    connection.send = send;
    const since = news;
    const ids = node.publish(5);
    await node.done();
    await toldOfNews(since);
    expect(idsOf((await tail.after(0, 10))?.entries ?? [])).toEqual(ids);
    gate.resolve();
    expect((await early)?.entries).toEqual([]);
  });

  test("gives large events a few at a time", async () => {
    const data = JSON.stringify({ pad: "x".repeat(600_000) });
    const ids = node.publish(12, { data });
    await node.done();
    const page = await tail.after(0, 500);
    expect(page?.entries.length).toBeLessThan(6);
    expect(idsOf((await readOn(0, 500)).entries)).toEqual(ids);
  });

  test("says when events are gone that a reader has not had", async () => {
    const ids = node.publish(100);
    await node.done();
    await readOn(0);
    await redis.cli("XTRIM", keys.events, "MINID", "51-0");
    await redis.cli("HSET", keys.meta, "trimmedSeq", "50");
    tail.forget();
    const behind = await readOn(20);
    expect([idsOf(behind.entries), behind.missing]).toEqual([ids.slice(50), true]);
    const beside = await readOn(50);
    expect([idsOf(beside.entries), beside.missing]).toEqual([ids.slice(50), false]);
    expect((await tail.after(30, 10))?.missing).toBe(true);
  });

  test("goes on after a stream that was emptied, over seqs that were never given", async () => {
    const before = node.publish(300);
    await node.done();
    expect(idsOf((await readOn(0)).entries)).toEqual(before);
    await redis.cli("FLUSHALL");
    const since = news;
    const after = node.publish(3);
    await node.done();
    await toldOfNews(since);
    const read = await readOn(300);
    expect(idsOf(read.entries)).toEqual([...before, ...after]);
    expect(read.entries[0]?.again).toBe(true);
    expect((await readOn(read.throughSeq)).entries).toEqual([]);
    // From the beginning there is what is there now, and nothing of what was kept.
    expect(idsOf((await readOn(0)).entries)).toEqual(await idsIn(redis));
  });
});

describe.skipIf(redisProgram === null)(`when Redis is away${noRedis}`, () => {
  test("the tail says so, and wakes everybody when it is back", async () => {
    await begin({ appendonly: true });
    const ids = node.publish(50);
    await node.done();
    expect(idsOf((await readOn(0)).entries)).toEqual(ids);
    await redis.kill9();
    await until(
      async () => (await tail.after(50, 10)) === null,
      () => "it is not away",
    );
    // What is kept is given all the same.
    expect(idsOf((await tail.after(0, 500))?.entries ?? [])).toEqual(ids);
    ids.push(...node.publish(10));
    const since = news;
    await redis.restart();
    await node.done();
    await toldOfNews(since);
    await until(
      async () => (await tail.after(50, 100))?.entries.length === 10,
      () => "it does not come back",
    );
    expect(idsOf((await readOn(0)).entries)).toEqual(ids);
  }, 20_000);

  test("frozen, and it thaws: the same", async () => {
    await begin({}, 500);
    const ids = node.publish(5);
    await node.done();
    redis.freeze();
    ids.push(...node.publish(5));
    await until(
      async () => (await tail.after(5, 10)) === null,
      () => "it answers",
    );
    redis.thaw();
    await node.done();
    await until(
      async () => (await tail.after(0, 500))?.throughSeq === 10,
      () => "it does not come back",
    );
    const since = news;
    ids.push(...node.publish(1));
    await toldOfNews(since);
    expect(idsOf((await readOn(0)).entries)).toEqual(ids);
  }, 30_000);
});
