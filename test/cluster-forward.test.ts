// Forwarding, with real ledgers and real Redis servers: every event of every ledger is in the stream once and in its ledger's order,
// whatever happens to Redis, to the node, and to their data. What arrived is told by ids, not by counts.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Event } from "../src/event/event.ts";
import type { Entry } from "../src/partition/entry.ts";
import { makeBatch } from "../src/relay/batch.ts";
import { entriesIn, type ForwardingNode, idsIn, keys, type NodeOptions, openNode } from "./forwarding-node.ts";
import { endServers, noRedis, type RedisServer, redisProgram, startRedis } from "./redis-server.ts";
import { until } from "./running.ts";
import { DAY } from "./scratch-ledger.ts";

let redis: RedisServer;
let nodes: ForwardingNode[] = [];
afterEach(async () => {
  const failures = nodes.flatMap((node) => node.failures);
  for (const node of nodes) await node.end();
  nodes = [];
  endServers();
  expect(failures).toEqual([]);
});

function open(options: NodeOptions = {}, server = redis): ForwardingNode {
  const node = openNode(server, options);
  nodes.push(node);
  return node;
}

/** One that forwards. */
function begun(options: NodeOptions = {}, server = redis): ForwardingNode {
  const node = open(options, server);
  node.begin();
  return node;
}

/** Every event of these nodes is there once, and those of one origin in their order. */
async function hasEach(server: RedisServer, ...ids: string[][]): Promise<void> {
  expect(repeatsIn(await hasEachForReaders(server, ...ids))).toEqual([]);
}

/** The same for whoever passes over what it had of an origin already, as partitions do. Gives all that is there. */
async function hasEachForReaders(server: RedisServer, ...ids: string[][]): Promise<Entry[]> {
  const entries = await entriesIn(server);
  const repeats = new Set(repeatsIn(entries));
  const taken = entries.filter((entry) => !repeats.has(entry));
  expect(taken.map((entry) => entry.event.id).sort()).toEqual(ids.flat().sort());
  // What repeats an origin's seq is the same event, and not another one that would be passed over.
  const known = new Map(taken.map((entry) => [`${entry.origin} ${entry.originSeq}`, entry.event.id]));
  for (const { origin, originSeq, event } of repeats) expect(known.get(`${origin} ${originSeq}`)).toBe(event.id);
  return entries;
}

/** Entries whose origin was further already. */
function repeatsIn(entries: readonly Entry[]): Entry[] {
  const marks = new Map<string, number>();
  return entries.filter(({ origin, originSeq }) => {
    if (originSeq <= (marks.get(origin) ?? 0)) return true;
    marks.set(origin, originSeq);
    return false;
  });
}

describe.skipIf(redisProgram === null)(`forwarding${noRedis}`, () => {
  beforeEach(async () => {
    redis = await startRedis();
  });

  test("sends what is new since it began, in order, with seqs from 1 and without gaps", async () => {
    const node = open();
    const before = node.publish(3);
    await node.restart();
    const after = node.publish(450);
    await node.done();
    expect(await idsIn(redis)).toEqual([...before, ...after]);
    const entries = await entriesIn(redis);
    expect(entries.map((entry) => entry.seq)).toEqual(entries.map((_, at) => at + 1));
    expect(entries.map((entry) => entry.originSeq)).toEqual(entries.map((_, at) => at + 1));
    expect(new Set(entries.map((entry) => entry.origin))).toEqual(new Set([`n1/${node.on.stream.ledgerId()}`]));
    expect(entries.some((entry) => entry.again)).toBe(false);
    expect(node.forwarder.state()).toMatchObject({
      lag: 0,
      oldestMs: null,
      trouble: null,
      forwarded: 453,
      isFull: false,
    });
  });

  test("sends nothing of what was there before the node was in a cluster, whatever Redis loses, and no double firing", async () => {
    const outside = open();
    await outside.stop();
    const { on } = outside;
    on.stream.forget("@cluster");
    on.append(...Array(30).fill(on.now));
    await outside.restart();
    const firing = { toolUseId: "toolu_1", sessionId: "s9", type: "claude-code.PreToolUse" };
    const [first] = outside.publish(1, firing);
    outside.publish(1, firing);
    const [last] = outside.publish(1);
    await outside.done();
    expect(on.sql("SELECT id FROM events WHERE duplicate_of IS NOT NULL")).toHaveLength(1);
    expect(await idsIn(redis)).toEqual([first, last] as string[]);
    // Whatever Redis loses.
    await redis.cli("FLUSHALL");
    const [later] = outside.publish(1);
    await outside.done();
    expect(await idsIn(redis)).toEqual([first, last, later] as string[]);
  });

  test("sends what is wanted, and what is not wanted passes for no loss", async () => {
    const picky = begun({ wants: (event) => event.subject === "/wanted" });
    picky.publish(300);
    const wanted = picky.publish(2, { subject: "/wanted" });
    picky.publish(300);
    await picky.done();
    await picky.restart();
    await picky.done();
    expect(await idsIn(redis)).toEqual(wanted);
    expect(await redis.cli("HEXISTS", keys.meta, "lossMs")).toBe("0");
  });

  test("keeps events for Redis from the start on, and sends them when it is there", async () => {
    await redis.kill9();
    const node = begun();
    const ids = node.publish(20);
    node.on.now += DAY;
    expect(node.on.stream.prune({ settledBeforeMs: node.on.now, deadBeforeMs: null, most: 100 }).events).toBe(0);
    await until(
      () => node.forwarder.state().trouble !== null,
      () => "no trouble",
    );
    expect(node.forwarder.state()).toMatchObject({ lag: 20, oldestMs: DAY });
    await redis.restart();
    await node.done();
    expect(await idsIn(redis)).toEqual(ids);
    expect(node.forwarder.state().trouble).toBe(null);
    expect(node.on.stream.prune({ settledBeforeMs: node.on.now, deadBeforeMs: null, most: 100 }).events).toBe(19);
  });

  test("goes on under another node's name as another origin, from where it was", async () => {
    const node = begun();
    const ids = node.publish(10);
    await node.done();
    await node.stop();
    // The same ledger under another name.
    node.on.sql("UPDATE forwarding SET origin = 'old/name'");
    await node.restart();
    ids.push(...node.publish(10));
    await node.done();
    expect(await idsIn(redis)).toEqual(ids);
  });

  test("sends one event that is larger than a batch, and those around it", async () => {
    const node = begun();
    const data = JSON.stringify({ pad: "x".repeat(3_000_000) });
    const ids = [...node.publish(5), ...node.publish(2, { data }), ...node.publish(5)];
    await node.done();
    expect(await idsIn(redis)).toEqual(ids);
    expect((await entriesIn(redis))[5]?.event.data).toBe(data);
  }, 20_000);

  test("sends no more than a megabyte at once", () => {
    const { on, forwarder } = open();
    for (const kilobytes of [100, 200, 300, 1500, 10]) {
      const data = JSON.stringify({ pad: "x".repeat(kilobytes * 1000) });
      on.appendEvents(...Array.from({ length: 12 }, () => ({ data })));
    }
    const deps = {
      stream: on.stream,
      wants: () => true,
      outgoing: (event: Event) => event,
      settings: { cap: 100_000 },
    };
    const place = { origin: "n1/x", againSeq: 30, fromSeq: () => 0 };
    const seqs: string[] = [];
    for (let at = 0; at < on.stream.lastSeq(); ) {
      const batch = makeBatch(deps, at, place);
      const characters = batch.entries.flat().reduce((sum, field) => sum + field.length, 0);
      if (batch.entries.length > 1) expect(characters).toBeLessThanOrEqual(1_000_000);
      expect(batch).toMatchObject({ afterSeq: at, looked: batch.throughSeq - at });
      for (const fields of batch.entries) {
        seqs.push(fields[7] ?? "");
        expect(fields.slice(8)).toEqual(Number(fields[7]) <= 30 ? ["a", "1"] : []);
      }
      at = batch.throughSeq;
    }
    expect(seqs).toEqual(Array.from({ length: 60 }, (_, at) => String(at + 1)));
    expect(forwarder.state().lag).toBe(60);
  });

  test("of two machines with the same name keeps their ledgers apart", async () => {
    const [one, two] = [begun(), begun()];
    const sent: string[][] = [[], []];
    for (let round = 0; round < 20; round++) {
      sent[0]?.push(...one.publish(37));
      sent[1]?.push(...two.publish(41));
    }
    await Promise.all([one.done(), two.done()]);
    await hasEach(redis, ...sent);
    expect(await redis.cli("HLEN", keys.origins)).toBe("2");
  });
});

describe.skipIf(redisProgram === null)(`a node that ends between sending and noting it${noRedis}`, () => {
  beforeEach(async () => {
    redis = await startRedis();
  });

  test("sends nothing twice, wherever that is", async () => {
    const node = begun();
    const ids = node.publish(10);
    await node.done();
    for (let round = 0; round < 5; round++) {
      ids.push(...node.publish(250 * round + 3));
      // Its ledger takes nothing any more: what it sends it cannot note.
      await node.restart((stream) => ({
        ...stream,
        together: () => {
          throw Object.assign(new Error("database or disk is full"), { code: "SQLITE_FULL" });
        },
      }));
      await until(
        () => node.said.some((line) => line.includes("the ledger cannot be written")),
        () => node.said.join("\n"),
      );
      node.said.length = 0;
      await node.restart();
      await node.done();
    }
    await hasEach(redis, ids);
    expect((await entriesIn(redis)).some((entry) => entry.again)).toBe(false);
  }, 30_000);
});

describe.skipIf(redisProgram === null)(`a Redis that${noRedis}`, () => {
  test("is killed ten times while two nodes send has every event once", async () => {
    redis = await startRedis({ appendonly: true });
    const two = [begun(), begun({ name: "n2" })] as const;
    const sent: string[][] = [[], []];
    for (let kill = 0; kill < 10; kill++) {
      const target = Number(await redis.cli("XLEN", keys.events)) + 150;
      for (const [at, node] of two.entries()) sent[at]?.push(...node.publish(800));
      await until(
        async () => Number(await redis.cli("XLEN", keys.events)) > target,
        () => "nothing arrives",
      );
      await redis.kill9();
      for (const [at, node] of two.entries()) sent[at]?.push(...node.publish(20));
      await redis.restart();
    }
    await Promise.all(two.map((node) => node.done()));
    // Redis 7.0.15 keeps the head of a step that was cut off in its file: it is carried out at the start after the next, beside the
    // step that was sent again. And what it has acknowledged it may write up to two seconds later, while its disk is slow.
    const entries = await hasEachForReaders(redis, ...sent);
    expect(new Set(entries.map((entry) => entry.seq)).size).toBe(entries.length);
  }, 60_000);

  test("is frozen for longer than a command may take has every event once afterwards", async () => {
    redis = await startRedis();
    const node = begun({ timeoutMs: 300 });
    const ids = node.publish(50);
    await node.done();
    for (let round = 0; round < 3; round++) {
      redis.freeze();
      ids.push(...node.publish(500));
      await until(
        () => node.forwarder.state().trouble !== null,
        () => "no trouble",
      );
      redis.thaw();
      await node.done();
    }
    await hasEach(redis, ids);
  }, 30_000);

  test("is emptied gets everything again that the ledgers have, marked, and gives no seq twice", async () => {
    redis = await startRedis();
    const two = [begun(), begun({ name: "n2" })] as const;
    const sent = two.map((node) => node.publish(700));
    await Promise.all(two.map((node) => node.done()));
    const last = (await entriesIn(redis)).at(-1)?.seq ?? 0;
    await redis.cli("FLUSHALL");
    const later = two.map((node) => node.publish(5));
    await Promise.all(two.map((node) => node.done()));
    const entries = await entriesIn(redis);
    await hasEach(redis, ...sent, ...later);
    expect(entries[0]?.seq).toBeGreaterThan(last);
    const again = entries.filter((entry) => entry.again).map((entry) => entry.event.id);
    expect(new Set(again)).toEqual(new Set(sent.flat()));
    expect(await redis.cli("HEXISTS", keys.meta, "lossMs")).toBe("1");
    expect(two[0].said.filter((line) => line.includes("Redis has lost events"))).toHaveLength(1);
  }, 30_000);

  test("is emptied while nothing happens here gets everything again all the same", async () => {
    redis = await startRedis();
    const node = begun();
    const ids = node.publish(50);
    await node.done();
    await redis.cli("FLUSHALL");
    await until(
      async () => (await redis.cli("XLEN", keys.events)) === "50",
      () => node.said.join("\n"),
    );
    await hasEach(redis, ids);
  }, 20_000);

  test("is emptied, and then first meets a node that was never there before, gets everything as well", async () => {
    redis = await startRedis();
    const known = begun();
    const sent = known.publish(300);
    await known.done();
    await known.stop();
    await redis.cli("FLUSHALL");
    const fresh = begun({ name: "n2" });
    const first = fresh.publish(50);
    await fresh.done();
    await known.restart();
    await known.done();
    // What the new one sent had seqs that were given before: it comes again, by itself.
    await until(
      async () => (await idsIn(redis)).length === 400,
      () => fresh.said.join("\n"),
    );
    const entries = await entriesIn(redis);
    expect(new Set(entries.map((entry) => entry.event.id))).toEqual(new Set([...sent, ...first]));
    const above = entries.filter((entry) => entry.seq > 300).map((entry) => entry.event.id);
    expect([...above].sort()).toEqual([...sent, ...first].sort());
  }, 30_000);

  for (const [what, key] of [
    ["its stream", keys.events],
    ["the marks of origins", keys.origins],
    ["all it knew beside the stream", keys.meta],
    ["its counter", keys.seq],
  ] as const)
    test(`loses ${what} alone is sent what it may lack, and gives no seq twice`, async () => {
      redis = await startRedis();
      const node = begun();
      const ids = node.publish(300);
      await node.done();
      await redis.cli("DEL", key);
      await node.restart();
      ids.push(...node.publish(10));
      await node.done();
      const entries = await entriesIn(redis);
      expect(new Set(entries.map((entry) => entry.event.id))).toEqual(new Set(ids));
      expect(new Set(entries.map((entry) => entry.seq)).size).toBe(entries.length);
      const last = entries.slice(-10);
      expect(last.map((entry) => entry.event.id)).toEqual(ids.slice(-10));
      expect(last[0]?.seq).toBeGreaterThan(300);
      expect(node.forwarder.state().trouble).toBe(null);
    });

  test("comes back with an older dump has every event once, and gives no seq twice", async () => {
    redis = await startRedis();
    const two = [begun(), begun({ name: "n2" })] as const;
    const sent: string[][] = [[], []];
    const publish = (count: number) => {
      for (const [at, node] of two.entries()) sent[at]?.push(...node.publish(count));
      return Promise.all(two.map((node) => node.done()));
    };
    await publish(400);
    await redis.cli("SAVE");
    const dump = join(redis.dir, "dump.rdb");
    copyFileSync(dump, `${dump}.old`);
    for (let round = 0; round < 3; round++) {
      await publish(300);
      const before = new Map((await entriesIn(redis)).map((entry) => [entry.seq, entry.event.id]));
      await redis.kill9();
      copyFileSync(`${dump}.old`, dump);
      await redis.restart();
      await publish(7);
      await hasEach(redis, ...sent);
      for (const entry of await entriesIn(redis)) {
        const other = before.get(entry.seq) ?? entry.event.id;
        expect(other).toBe(entry.event.id);
      }
    }
  }, 60_000);

  test("lost events that the ledger has no more is told of, once, with how many", async () => {
    redis = await startRedis();
    const node = begun();
    node.publish(250);
    await node.done();
    const { on } = node;
    on.now += DAY;
    on.stream.prune({ settledBeforeMs: on.now, deadBeforeMs: null, most: 100 });
    const left = node.ids();
    await redis.cli("FLUSHALL");
    await node.restart();
    await until(
      () => node.said.some((line) => line.includes("no longer in the ledger")),
      () => node.said.join("\n"),
    );
    expect(await idsIn(redis)).toEqual(left);
    expect(node.said.filter((line) => line.includes("no longer in the ledger"))).toEqual([
      "100 of the events that Redis lost are no longer in the ledger",
    ]);
  });

  test("is full by its cap takes nothing more until there is room, and then all", async () => {
    redis = await startRedis();
    const node = begun({ cap: 100 });
    const ids = node.publish(250);
    await until(
      () => node.forwarder.state().isFull,
      () => JSON.stringify(node.forwarder.state()),
    );
    expect(await redis.cli("XLEN", keys.events)).toBe("100");
    expect(node.forwarder.state()).toMatchObject({ lag: 150, trouble: expect.stringContaining("full") });
    const seen: string[] = [];
    while (node.forwarder.state().lag > 0) {
      seen.push(...(await idsIn(redis)));
      await redis.cli("XTRIM", keys.events, "MAXLEN", "0");
      const { lag } = node.forwarder.state();
      await until(
        async () => node.forwarder.state().lag < lag || (await redis.cli("XLEN", keys.events)) === "100",
        () => JSON.stringify(node.forwarder.state()),
      );
      await until(
        () => node.forwarder.state().lag === 0 || node.forwarder.state().isFull,
        () => JSON.stringify(node.forwarder.state()),
      );
    }
    seen.push(...(await idsIn(redis)));
    expect(seen).toEqual(ids);
    expect(node.forwarder.state().trouble).toBe(null);
  }, 30_000);

  test("has no memory left takes nothing more until it has, and then all", async () => {
    redis = await startRedis({ config: ["maxmemory-policy noeviction"] });
    const node = begun();
    const ids = node.publish(20);
    await node.done();
    await redis.cli("CONFIG", "SET", "maxmemory", "1");
    ids.push(...node.publish(300));
    await until(
      () => node.forwarder.state().isFull,
      () => JSON.stringify(node.forwarder.state()),
    );
    await redis.cli("CONFIG", "SET", "maxmemory", "0");
    await node.done();
    await hasEach(redis, ids);
  }, 30_000);
});

describe.skipIf(redisProgram === null)(`a ledger that${noRedis}`, () => {
  beforeEach(async () => {
    redis = await startRedis();
  });

  test("was brought back from a copy is another one for Redis: what is new in it is not taken for what was sent", async () => {
    const node = begun();
    const { on } = node;
    const ids = node.publish(100);
    await node.done();
    await node.stop();
    on.sql("VACUUM INTO ?", `${on.path}.copy`);
    await node.restart();
    ids.push(...node.publish(60));
    await node.done();
    const first = on.stream.ledgerId();
    for (const count of [10, 200]) {
      await node.stop();
      on.stream.close();
      for (const suffix of ["-wal", "-shm"]) rmSync(on.path + suffix, { force: true });
      copyFileSync(`${on.path}.copy`, on.path);
      on.reopen();
      expect(on.stream.ledgerId()).toBe(first);
      // Once fewer than were sent since the copy was made, once more.
      const late = on.stream.lastSeq();
      on.append(...Array(count).fill(on.now));
      ids.push(...on.stream.read(late, count).map((event) => event.id));
      await node.restart();
      await node.done();
      await hasEach(redis, ids);
      expect(on.stream.ledgerId()).not.toBe(first);
    }
    expect(node.said.filter((line) => line.includes("it is n1/"))).toHaveLength(2);
  }, 30_000);

  test("was copied together with its machine, which runs twice now, becomes another one in one of them", async () => {
    const node = begun();
    const ids = node.publish(100);
    await node.done();
    const twin = open();
    await twin.stop();
    twin.on.stream.close();
    for (const suffix of ["", "-wal", "-shm"]) rmSync(twin.on.path + suffix, { force: true });
    node.on.sql("VACUUM INTO ?", twin.on.path);
    twin.on.reopen();
    await twin.restart();
    const sent: string[][] = [ids, []];
    for (let round = 0; round < 10; round++) {
      sent[0]?.push(...node.publish(30));
      sent[1]?.push(...twin.publish(30));
      await Promise.all([node.done(), twin.done()]);
    }
    await hasEach(redis, ...sent);
    expect(node.on.stream.ledgerId()).not.toBe(twin.on.stream.ledgerId());
    expect(node.said.concat(twin.said).filter((line) => line.includes("it is n1/"))).toHaveLength(1);
  }, 30_000);

  test("gave up on events that Redis did not take for too long goes on after them, and nothing passes for a loss", async () => {
    const node = begun();
    const { on } = node;
    const ids = node.publish(20);
    await node.done();
    await redis.kill9();
    node.publish(30);
    on.now += DAY;
    expect(on.stream.expire("@cluster", on.now, 1000)).toBe(30);
    await node.restart();
    const late = node.publish(5);
    await redis.restart();
    await node.done();
    // Without a file Redis began anew: what it lost comes again.
    expect((await idsIn(redis)).slice(-5)).toEqual(late);
    expect(new Set(await idsIn(redis))).toEqual(new Set([...ids, ...node.ids()]));
    expect(on.look((inspection) => inspection.skips({ consumer: null, session: null, limit: null }))).toEqual([]);
  }, 30_000);
});

describe.skipIf(redisProgram === null)(`a replica${noRedis}`, () => {
  let replica: RedisServer;
  beforeEach(async () => {
    redis = await startRedis();
    replica = await startRedis({ replicaOf: redis });
    await until(
      async () => (await redis.cli("INFO", "replication")).includes("state=online"),
      () => "no replica",
    );
  });

  test("that is frozen has to confirm before an event counts as sent", async () => {
    const node = begun();
    const ids = node.publish(20);
    await node.done();
    replica.freeze();
    ids.push(...node.publish(20));
    await until(
      () => node.forwarder.state().trouble !== null,
      () => "no trouble",
    );
    expect(node.forwarder.state()).toMatchObject({ lag: 20, trouble: "0 of 1 replicas of Redis have confirmed" });
    replica.thaw();
    await node.done();
    expect(node.forwarder.state().trouble).toBe(null);
    await hasEach(redis, ids);
    await hasEach(replica, ids);
  }, 30_000);

  test("that is promoted when the primary dies has every event that counts as sent, and gets the others", async () => {
    const node = begun({ urls: [redis.url, replica.url], timeoutMs: 1000 });
    const ids = node.publish(2000);
    await until(
      () => node.forwarder.state().forwarded > 300,
      () => "nothing is sent",
    );
    replica.freeze();
    ids.push(...node.publish(300));
    await until(
      () => node.forwarder.state().trouble !== null,
      () => "no trouble",
    );
    await redis.kill9();
    replica.thaw();
    const sent = node.forwarder.state().forwarded;
    await replica.cli("REPLICAOF", "NO", "ONE");
    expect((await idsIn(replica)).slice(0, sent)).toEqual(ids.slice(0, sent));
    await node.done();
    await hasEach(replica, ids);
    expect((await entriesIn(replica)).some((entry) => entry.again)).toBe(false);
  }, 30_000);

  test("that is gone is not waited for, unless config.toml says so", async () => {
    const [any, one] = [begun(), begun({ name: "n2", replicas: 1 })];
    const ids = [any.publish(5), one.publish(5)];
    await Promise.all([any.done(), one.done()]);
    await replica.kill9();
    ids.push(any.publish(5), one.publish(5));
    await until(
      () => one.forwarder.state().trouble !== null,
      () => "no trouble",
    );
    await any.restart();
    await any.done();
    expect(one.forwarder.state()).toMatchObject({ lag: 5, trouble: "0 of 1 replicas of Redis have confirmed" });
    await replica.restart();
    await one.done();
    await hasEach(redis, ...ids);
  }, 30_000);
});
