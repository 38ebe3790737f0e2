// Trimming on a real Redis: what a consumer of the cluster has not passed is never gone, whatever groups come, go, and go back.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { later } from "../src/daemon/time.ts";
import type { Connection } from "../src/redis/connection.ts";
import { alarmOf, makeTrimmer, type TrimFacts, trim } from "../src/relay/trim.ts";
import { keys, link } from "./forwarding-node.ts";
import { endServers, noRedis, type RedisServer, redisProgram, startRedis } from "./redis-server.ts";
import { until } from "./running.ts";

let redis: RedisServer;
let connection: Connection;
let last: number;

describe.skipIf(redisProgram === null)(`trimming${noRedis}`, () => {
  beforeAll(async () => {
    redis = await startRedis();
    connection = link([redis.url]);
  });
  beforeEach(async () => {
    await redis.cli("FLUSHALL");
    last = 0;
  });
  afterAll(() => {
    connection.close();
    endServers();
  });

  const NOW = { keepMs: 0, cap: 1000, everyMs: 0 };

  async function add(count: number): Promise<void> {
    const added = Array.from({ length: count }, () => connection.send("XADD", [keys.events, `${++last}-0`, "e", "{}"]));
    await Promise.all([...added, connection.send("SET", [keys.seq, last])]);
  }
  const group = (name: string, partitions: number) =>
    connection.send("HSET", [
      keys.groups,
      name,
      JSON.stringify({ partitions, hash: "h", beganMs: 1, beganSeq: 0, goneMs: null }),
    ]);
  const passed = (name: string, partition: number, seq: number) =>
    connection.send("HSET", [
      keys.part(name, partition),
      "meta",
      JSON.stringify({ format: 1, resumeAfter: seq, origins: {} }),
    ]);

  async function seqs(): Promise<number[]> {
    const reply = (await connection.send("XRANGE", [keys.events, "-", "+"])) as [string, string[]][];
    return reply.map(([id]) => Number.parseInt(id, 10));
  }
  const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => from + at);

  test("without a consumer goes by age alone", async () => {
    await add(10);
    const facts = await trim(connection, keys, NOW);
    expect(facts).toEqual({ length: 0, firstSeq: null, lastSeq: 10, heldBy: null, removed: 10, goesOn: false });
    expect(await connection.send("HGET", [keys.meta, "trimmedSeq"])).toBe("10");
  });

  test("goes as far as the partition that is furthest behind, and says which that is", async () => {
    await add(30);
    await group("alerts", 2);
    await group("log", 1);
    await passed("alerts", 0, 20);
    await passed("alerts", 1, 12);
    await passed("log", 0, 30);
    const facts = await trim(connection, keys, NOW);
    expect(facts).toMatchObject({ removed: 12, firstSeq: 13, heldBy: { name: "alerts/1", afterSeq: 12 } });
    expect(await seqs()).toEqual(range(13, 30));
    expect(await trim(connection, keys, NOW)).toMatchObject({ removed: 0, goesOn: false });
  });

  test("waits for a partition that has no state yet, or one that cannot be read, as if it were at the beginning", async () => {
    await add(10);
    await group("alerts", 3);
    await passed("alerts", 0, 10);
    await passed("alerts", 1, 10);
    expect(await trim(connection, keys, NOW)).toMatchObject({ removed: 0, heldBy: { name: "alerts/2", afterSeq: 0 } });
    await connection.send("HSET", [keys.part("alerts", 2), "meta", "not JSON"]);
    expect((await trim(connection, keys, NOW)).removed).toBe(0);
    await passed("alerts", 2, 4);
    expect((await trim(connection, keys, NOW)).removed).toBe(4);
    await connection.send("HSET", [keys.groups, "broken", "not JSON"]);
    expect((await trim(connection, keys, NOW)).removed).toBe(0);
  });

  test("waits no more for a consumer that was forgotten", async () => {
    await add(10);
    await group("old", 1);
    await group("log", 1);
    await passed("log", 0, 8);
    expect((await trim(connection, keys, NOW)).removed).toBe(0);
    await connection.send("HDEL", [keys.groups, "old"]);
    expect((await trim(connection, keys, NOW)).removed).toBe(8);
  });

  test("waits when Redis has lost data, and groups with them", async () => {
    await add(10);
    await connection.send("HSET", [keys.meta, "lossMs", String(Date.now() - 300_000)]);
    expect((await trim(connection, keys, NOW)).removed).toBe(0);
    await connection.send("HSET", [keys.meta, "lossMs", String(Date.now() - 601_000)]);
    expect((await trim(connection, keys, NOW)).removed).toBe(10);
  });

  test("goes over seqs that were never given", async () => {
    await add(5);
    last += 2 ** 20;
    await add(5);
    await group("log", 1);
    await passed("log", 0, last - 2);
    let facts: TrimFacts;
    let rounds = 0;
    do {
      facts = await trim(connection, keys, { ...NOW, piece: 3 });
      rounds++;
    } while (facts.goesOn);
    expect(await seqs()).toEqual([last - 1, last]);
    expect(rounds).toBe(3);
  });

  test("is done once in a while, whoever asks, unless the clock was set back", async () => {
    const slow = { ...NOW, everyMs: 3_600_000 };
    await add(10);
    expect((await trim(connection, keys, slow)).removed).toBe(10);
    await add(10);
    expect(await trim(connection, keys, slow)).toMatchObject({ removed: 0, length: 10 });
    await connection.send("HSET", [keys.meta, "trimMs", String(Date.now() + 7_200_000)]);
    expect((await trim(connection, keys, slow)).removed).toBe(10);
  });

  test("leaves what is younger than `keep`, by Redis's clock", async () => {
    const keepMs = 400;
    const addedMs = new Map<number, number>();
    let gone = 0;
    for (let round = 0; gone < 20; round++) {
      if (round < 40) {
        await add(3);
        for (const seq of range(last - 2, last)) addedMs.set(seq, Date.now());
      }
      await trim(connection, keys, { keepMs, cap: 1000, everyMs: 0 });
      const nowMs = Date.now();
      const there = new Set(await seqs());
      for (const [seq, ms] of addedMs) if (!there.has(seq)) expect(nowMs - ms).toBeGreaterThanOrEqual(keepMs - 1);
      gone = addedMs.size - there.size;
    }
  });

  test("never takes what a group has not passed, and all else, with random groups", async () => {
    let seed = Number(process.env.OFFHOOK_SEED ?? Date.now() % 1_000_000);
    const told = `OFFHOOK_SEED=${seed}`;
    const random = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return Math.floor((seed / 2 ** 31) * below);
    };
    const places = new Map<string, (number | null)[]>();
    const added = new Set<number>();
    const floorNow = () => Math.min(last, ...[...places.values()].flat().map((seq) => seq ?? 0));
    let removed = 0;
    for (let step = 0; step < 600; step++) {
      const names = [...places.keys()];
      const name = names[random(names.length)];
      switch (random(10)) {
        case 0:
          if (names.length < 5) {
            const made = `g${step}`;
            const partitions = 1 + random(3);
            places.set(made, Array(partitions).fill(null));
            await group(made, partitions);
          }
          break;
        case 1:
          if (name !== undefined && random(3) === 0) {
            places.delete(name);
            await connection.send("HDEL", [keys.groups, name]);
          }
          break;
        case 2:
          if (random(5) === 0) last += 1 + random(100_000);
          break;
        case 3:
        case 4:
        case 5: {
          const from = last + 1;
          await add(1 + random(20));
          for (const seq of range(from, last)) added.add(seq);
          break;
        }
        case 6:
        case 7:
        case 8: {
          const partitions = name === undefined ? undefined : places.get(name);
          if (name === undefined || partitions === undefined) break;
          const partition = random(partitions.length);
          const before = partitions[partition] ?? 0;
          // Mostly on, now and then back.
          const seq = random(8) === 0 ? random(before + 1) : before + random(last - before + 1);
          partitions[partition] = seq;
          await passed(name, partition, seq);
          break;
        }
        default: {
          const floor = floorNow();
          const facts = await trim(connection, keys, { ...NOW, piece: 1 + random(30) });
          const there = new Set(await seqs());
          for (const seq of added) {
            if (there.has(seq)) continue;
            if (seq > floor) throw new Error(`${told}: ${seq} is gone, but ${JSON.stringify([...places])} need it`);
            added.delete(seq);
            removed++;
          }
          const left = [...there].filter((seq) => seq <= floor);
          if (left.length > 0 !== facts.goesOn)
            throw new Error(`${told}: ${left} are left, and it goes on: ${facts.goesOn}`);
        }
      }
    }
    expect(removed).toBeGreaterThan(0);
  }, 30_000);

  test("a stream that is nearly full is told of, and who is furthest behind", async () => {
    await add(85);
    await group("alerts", 1);
    await passed("alerts", 0, 3);
    const said: string[] = [];
    const settings = { keepMs: 0, cap: 100, everyMs: 20 };
    const trimmer = makeTrimmer({ connection, keys, settings, later, log: (line) => void said.push(line) });
    await until(
      () => trimmer.alarm() !== null,
      () => JSON.stringify(trimmer.facts()),
    );
    expect(trimmer.alarm()).toBe(
      "the cluster's stream holds 82 of at most 100 events (cap), then forwarding waits. Furthest behind is alerts/0",
    );
    await passed("alerts", 0, 80);
    await until(
      () => trimmer.alarm() === null,
      () => JSON.stringify(trimmer.facts()),
    );
    expect(trimmer.facts()).toMatchObject({ length: 5, firstSeq: 81 });
    expect(said).toHaveLength(1);
    trimmer.stop();
  });

  test("a stream that is kept full by `keep` alone is said to be that", () => {
    const facts = { length: 90, firstSeq: 1, lastSeq: 90, heldBy: null, removed: 0, goesOn: false };
    expect(alarmOf(facts, 100)).toContain("kept for so long by keep");
    expect(alarmOf({ ...facts, length: 79 }, 100)).toBe(null);
  });
});
