// Who owns a partition, against a real Redis: one owner at a time, commits whole or not at all, a Redis that lost what it had.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { copyFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { type Keys, makeKeys, type PartitionKeys, partitionKeys } from "../src/partition/keys.ts";
import { commit, type Holder, loadRows, peek, release, type Taken, take } from "../src/partition/lease.ts";
import { type Changes, openPartition, type Partition } from "../src/partition/partition.ts";
import { type Connection, connect, RedisTrouble } from "../src/redis/connection.ts";
import { isUp, needsRedis, plain, QUICK } from "./redis-client.ts";
import { noRedis, type RedisServer, startRedis } from "./redis-server.ts";
import { until } from "./running.ts";
import { FAILED, makeEvent, NOTHING, OK } from "./stream-verbs.ts";

/** No test lets a lease of this length run out. */
const LONG = { leaseMs: 60_000, graceMs: 0 };

let server: RedisServer;
let connection: Connection;
let keys: Keys;
let its: PartitionKeys;

const useServer = (options: Parameters<typeof startRedis>[0] = {}) => {
  beforeAll(async () => {
    server = await startRedis(options);
    connection = connect(plain(server), QUICK);
  });
  afterAll(async () => {
    connection.close();
    await server.stop();
  });
  beforeEach(() => {
    keys = makeKeys(`test-${crypto.randomUUID()}`);
    its = partitionKeys(keys, "alert", 0);
  });
};

/** A node that owns the partition, as far as it knows. */
type Owner = { holder: Holder; version: number; partition: Partition; leaseMs: number };
const owners: Owner[] = [];
afterEach(() => {
  for (const { partition } of owners.splice(0)) partition.close();
});

const own = (node: string, taken: Taken, leaseMs = LONG.leaseMs): Owner => {
  if (taken.kind !== "taken") throw new Error(`held by ${taken.node}`);
  const partition = openPartition("alert", taken.rows, { now: Date.now, startAfterSeq: 0, createdMs: 0 });
  partition.stream.openGroup("alert", { start: "earliest", ordered: true });
  const owner = { holder: { node, instance: node, epoch: taken.epoch }, version: taken.version, partition, leaseMs };
  owners.push(owner);
  return owner;
};
const takeAs = (node: string, lease = LONG) => take(connection, its, { node, instance: node, ...lease });
const sit = async (node: string): Promise<Owner> => own(node, await takeAs(node));
/** Events of one origin; gives the ids of the deliveries that they become. */
const work = ({ partition }: Owner, ...seqs: number[]): string[] => {
  const entries = seqs.map((seq) => ({
    seq,
    event: makeEvent({ timeMs: seq }),
    origin: "n/l",
    originSeq: seq,
    again: false,
  }));
  partition.take(
    entries.map((entry) => ({ entry, wanted: true })),
    seqs.at(-1) ?? 0,
  );
  const deliveries = seqs.map((seq) => ({ key: `k${seq}`, seqs: [seq], hold: null }));
  const rest = { joins: [], skips: [], accepted: [] };
  partition.stream.decide({
    consumer: "alert",
    ordered: true,
    cursor: partition.stream.lastSeq(),
    deliveries,
    ...rest,
  });
  const made = partition.stream.startable("alert", 9_999);
  return seqs.flatMap((seq) => made.find((delivery) => delivery.key === `k${seq}`)?.id ?? []);
};
const end = ({ partition: { stream } }: Owner, id: string, isWell = true) =>
  stream.settle(
    id,
    stream.begin(id, null),
    isWell ? OK : FAILED,
    isWell ? { state: "ok" } : { state: "dead", reason: "exit 3" },
    NOTHING,
  );
const tell = (owner: Owner, changes: Changes | null, over: Connection = connection) =>
  commit(over, its, { ...owner.holder, leaseMs: owner.leaseMs, versionBefore: owner.version, changes });
/** Commits as a writer does: a snapshot where Redis is behind. */
const write = async (owner: Owner): Promise<string> => {
  const { partition } = owner;
  let answer = await tell(owner, partition.changes());
  const first = answer.kind;
  if (first === "behind") {
    partition.fail();
    answer = await tell(owner, partition.snapshot());
    expect(answer.kind).toBe("ok");
  }
  if (answer.kind !== "ok") {
    partition.fail();
    return first;
  }
  owner.version = answer.version;
  partition.confirm();
  return first;
};
/** Everything under the prefix, but for times. */
const everything = async () => {
  const names = ((await connection.send("KEYS", [`${keys.named("")}*`])) as string[]).sort();
  const dumps = names.map(async (name) => [
    name,
    name === its.lease ? await peek(connection, its) : await connection.send("DUMP", [name]),
  ]);
  return JSON.stringify(await Promise.all(dumps), (key, value) => (key === "untilInMs" ? value > 0 : value));
};
const outcomes = () => connection.send("XLEN", [its.outcomes]);
const stateOf = async () => {
  const partition = openPartition("alert", await loadRows(connection, its), {
    now: Date.now,
    startAfterSeq: 0,
    createdMs: 0,
  });
  const state = partition.inspect();
  partition.close();
  return state;
};

describe.skipIf(needsRedis)(`a lease${noRedis}`, () => {
  useServer();

  test("goes to exactly one of many who take it at once", async () => {
    const nodes = Array.from({ length: 20 }, (_, at) => `n${at}`);
    const others = nodes.map(() => connect(plain(server), QUICK));
    const taken = await Promise.all(
      nodes.map((node, at) => take(others[at] ?? connection, its, { node, instance: node, ...LONG })),
    );
    for (const other of others) other.close();
    const kinds = taken.map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === "taken")).toHaveLength(1);
    const winner = nodes[kinds.indexOf("taken")] ?? "";
    for (const one of taken) if (one.kind === "held") expect(one.node).toBe(winner);
    expect(await peek(connection, its)).toMatchObject({ node: winner, epoch: 1, version: 0 });
  });

  test("that is given back goes to the next at once, under a higher epoch, with what was written", async () => {
    const first = await sit("a");
    work(first, 1);
    expect(await write(first)).toBe("ok");
    expect(await takeAs("b")).toMatchObject({ kind: "held", node: "a" });
    expect(await release(connection, its, first.holder)).toBe(true);
    const next = await sit("b");
    expect([next.holder.epoch, next.version]).toEqual([2, 1]);
    expect(next.partition.inspect()).toMatchObject({ ready: 1, pending: 1 });
    expect(await release(connection, its, first.holder)).toBe(false);
    expect(await takeAs("c")).toMatchObject({ kind: "held", node: "b" });
  });

  test("that was taken and nobody heard of it is taken again by the same", async () => {
    await takeAs("a");
    expect(await takeAs("a")).toMatchObject({ kind: "taken", epoch: 2 });
    expect(await takeAs("b")).toMatchObject({ kind: "held" });
  });

  test("runs out by the clock of Redis, whatever that of a node says, and not before its grace", async () => {
    const clock = async () => {
      const [seconds, micros] = (await connection.send("TIME", [])) as [string, string];
      return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
    };
    const ofNode = Date.now;
    try {
      // A node whose clock is a day ahead takes nothing earlier, and one that is behind nothing later.
      Date.now = () => ofNode() + 86_400_000;
      const before = await clock();
      await takeAs("a", { leaseMs: 300, graceMs: 0 });
      const after = await clock();
      let held = 0;
      let lastHeld = 0;
      let isTaken = false;
      let takenAt = 0;
      while (!isTaken) {
        Date.now = () => ofNode() + (held % 2 === 0 ? 86_400_000 : -86_400_000);
        const asked = await clock();
        const taken = await takeAs("b", { leaseMs: 300, graceMs: 200 });
        isTaken = taken.kind === "taken";
        takenAt = await clock();
        if (isTaken) break;
        held++;
        lastHeld = asked;
      }
      expect(held).toBeGreaterThan(0);
      expect(lastHeld).toBeLessThan(after + 500);
      expect(takenAt).toBeGreaterThanOrEqual(before + 500);
    } finally {
      Date.now = ofNode;
    }
  });

  test("is renewed by a commit with nothing in it, which changes nothing else", async () => {
    const owner = own("a", await takeAs("a", { leaseMs: 1_000, graceMs: 0 }), 90_000);
    await write(owner);
    const before = await loadRows(connection, its);
    expect(await tell(owner, null)).toEqual({ kind: "ok", version: 1, lossMs: null });
    expect((await peek(connection, its))?.untilInMs).toBeGreaterThan(60_000);
    expect(await loadRows(connection, its)).toEqual(before);
  });

  test("tells when Redis was found to have lost data", async () => {
    await connection.send("HSET", [keys.meta, "lossMs", 1234]);
    const taken = await takeAs("a");
    expect(taken).toMatchObject({ lossMs: 1234 });
    const owner = own("a", taken);
    expect(await tell(owner, owner.partition.changes())).toMatchObject({ kind: "ok", lossMs: 1234 });
  });
});

describe.skipIf(needsRedis)(`a commit${noRedis}`, () => {
  useServer({ appendonly: true, config: ["appendfsync always"] });

  test("of an owner that lost the partition is refused, and nothing of it is written", async () => {
    const stale = await sit("a");
    const [id = ""] = work(stale, 1);
    await write(stale);
    await release(connection, its, stale.holder);
    const next = await sit("b");
    work(next, 2);
    await write(next);
    const before = await everything();
    end(stale, id);
    work(stale, 3);
    expect(await write(stale)).toBe("lost");
    expect(await tell(stale, null)).toEqual({ kind: "lost" });
    // Also one that is too large for one call, and everything at once.
    stale.partition.keep([{ ...makeEvent({ data: JSON.stringify("x".repeat(2_000_000)) }), seq: 9 }]);
    stale.partition.stream.replay("alert", true, [{ key: "big", seqs: [9], hold: null }]);
    expect(await write(stale)).toBe("lost");
    expect(await tell(stale, stale.partition.snapshot())).toEqual({ kind: "lost" });
    expect(await everything()).toBe(before);
    end(next, work(next, 4)[0] ?? "");
    expect(await write(next)).toBe("ok");
  });

  test("whose reply was lost with the server counts once when it is sent again", async () => {
    const owner = await sit("a");
    const [id = ""] = work(owner, 1);
    await write(owner);
    end(owner, id);
    const changes = owner.partition.changes();
    const deaf: Connection = {
      ...connection,
      async run(...call) {
        await connection.run(...call);
        await server.kill9();
        throw new RedisTrouble("closed", "the server went away");
      },
    };
    await expect(tell(owner, changes, deaf)).rejects.toThrow("the server went away");
    await until(
      () => !connection.isUp(),
      () => "still up",
    );
    await server.restart();
    await isUp(connection);
    expect(await tell(owner, changes)).toMatchObject({ kind: "ok", version: 2 });
    expect(await tell(owner, changes)).toMatchObject({ kind: "ok", version: 2 });
    expect(await outcomes()).toBe(1);
    expect(await stateOf()).toMatchObject({ ok: 1, pending: 0 });
  });

  test("whose reply was lost counts once when a larger one follows", async () => {
    const owner = await sit("a");
    const [first = "", second = "", third = ""] = work(owner, 1, 2, 3);
    await write(owner);
    end(owner, first);
    // Carried out, and nobody hears of it.
    await tell(owner, owner.partition.changes());
    owner.partition.fail();
    end(owner, second);
    await tell(owner, owner.partition.changes());
    owner.partition.fail();
    end(owner, third, false);
    expect(await write(owner)).toBe("ok");
    expect(await outcomes()).toBe(2);
    expect(await stateOf()).toMatchObject({ ok: 2, dead: 1, pending: 0 });
    end(owner, work(owner, 4)[0] ?? "");
    expect(await write(owner)).toBe("ok");
    expect(await outcomes()).toBe(3);
  });

  test("that comes late, after the one that was sent after it, changes nothing", async () => {
    const owner = await sit("a");
    const [first = "", second = ""] = work(owner, 1, 2);
    await write(owner);
    end(owner, first);
    const late = owner.partition.changes();
    owner.partition.fail();
    end(owner, second);
    const stale = { ...owner };
    expect(await write(owner)).toBe("ok");
    const before = await everything();
    expect(await tell(stale, late)).toEqual({ kind: "lost" });
    expect(await everything()).toBe(before);
    expect(await tell(owner, null)).toMatchObject({ kind: "ok" });
  });

  test("to a server that is frozen counts once, whenever it is carried out", async () => {
    const owner = await sit("a");
    const [first = "", second = ""] = work(owner, 1, 2);
    await write(owner);
    end(owner, first);
    server.freeze();
    const trouble = await tell(owner, owner.partition.changes()).catch((error: unknown) => error);
    owner.partition.fail();
    server.thaw();
    expect(trouble).toBeInstanceOf(RedisTrouble);
    end(owner, second);
    let answer = "";
    await until(
      async () => {
        answer = await write(owner).catch((error: unknown) => {
          if (!(error instanceof RedisTrouble)) throw error;
          owner.partition.fail();
          return error.kind;
        });
        return answer === "ok";
      },
      () => answer,
    );
    expect(await outcomes()).toBe(2);
    expect(await stateOf()).toMatchObject({ ok: 2, pending: 0 });
  });

  test("that is too large for one call is there whole, or not at all", async () => {
    const owner = await sit("a");
    await write(owner);
    const big = (seq: number) => ({
      ...makeEvent({ timeMs: 0, data: JSON.stringify(String(seq).repeat(400_000)) }),
      seq,
    });
    const events = [1, 2, 3, 4, 5, 6, 7, 8].map(big);
    const before = await loadRows(connection, its);
    owner.partition.keep(events);
    owner.partition.stream.replay(
      "alert",
      true,
      events.map(({ seq }) => ({ key: `k${seq}`, seqs: [seq], hold: null })),
    );
    const sent: number[] = [];
    const breaks = (after: number): Connection => ({
      ...connection,
      async run(script, runKeys, args) {
        if (sent.length === after) throw new RedisTrouble("closed", "it broke");
        sent.push(args.reduce<number>((sum, arg) => sum + String(arg).length, 0));
        return connection.run(script, runKeys, args);
      },
    });
    const changes = owner.partition.changes();
    await expect(tell(owner, changes, breaks(3))).rejects.toThrow("it broke");
    expect(sent.length).toBe(3);
    expect(await loadRows(connection, its)).toEqual(before);
    owner.partition.fail();
    sent.length = 0;
    expect(await tell(owner, owner.partition.changes(), breaks(99))).toMatchObject({ kind: "ok", version: 2 });
    expect(sent.length).toBeGreaterThan(3);
    expect(Math.max(...sent)).toBeLessThan(1_100_000);
    owner.version = 2;
    owner.partition.confirm();
    expect(await connection.send("EXISTS", [its.draft])).toBe(0);
    expect(await connection.send("TTL", [its.part])).toBe(-1);
    await release(connection, its, owner.holder);
    const next = await sit("b");
    expect(next.partition.stream.eventsOf([1, 8]).map((event) => event.data)).toEqual([
      events[0]?.data ?? "",
      events[7]?.data ?? "",
    ]);
    expect(await tell(next, next.partition.snapshot())).toMatchObject({ kind: "ok", version: 3 });
    expect(await connection.send("TTL", [its.part])).toBe(-1);
    expect(await stateOf()).toMatchObject({ ready: 8 });
  });

  test("of thousands of rows is there whole", async () => {
    const owner = await sit("a");
    const seqs = Array.from({ length: 5_000 }, (_, at) => at + 1);
    const ids = work(owner, ...seqs);
    expect(await write(owner)).toBe("ok");
    expect((await loadRows(connection, its))?.size).toBe(2 * 5_000 + 2);
    for (const id of ids) end(owner, id);
    expect(await write(owner)).toBe("ok");
    expect((await loadRows(connection, its))?.size).toBe(2);
    expect(await stateOf()).toMatchObject({ ok: 5_000, pending: 0 });
  });
});

describe.skipIf(needsRedis)(`a Redis that lost what it had${noRedis}`, () => {
  useServer();

  /** Loses everything since `act` began, once `act` is done. */
  const restoring = async (act: () => Promise<void>) => {
    const [dump, copy] = [join(server.dir, "dump.rdb"), join(server.dir, "older.rdb")];
    await server.cli("SAVE");
    copyFileSync(dump, copy);
    await act();
    await server.kill9();
    expect(existsSync(copy)).toBe(true);
    copyFileSync(copy, dump);
    await until(
      () => !connection.isUp(),
      () => "still up",
    );
    await server.restart();
    await isUp(connection);
  };
  /** Settles what the older state has as pending, and brings something new. */
  const worked = async (owner: Owner) => {
    end(owner, owner.partition.stream.startable("alert", 1)[0]?.id ?? "");
    const [, runs = ""] = work(owner, 3, 4);
    owner.partition.stream.begin(runs, "boot");
    expect(await write(owner)).toBe("ok");
  };
  const WORKED = { dead: 1, ok: 1, failed: 1, ready: 1, running: 1, pending: 2 };
  const started = async () => {
    const owner = await sit("a");
    const [dead = ""] = work(owner, 1, 2);
    end(owner, dead, false);
    expect(await write(owner)).toBe("ok");
    return owner;
  };
  const nextSees = async (owner: Owner, state: object) => {
    await release(connection, its, owner.holder);
    const next = await sit("b");
    expect(next.holder.epoch).toBeGreaterThan(owner.holder.epoch);
    expect(next.partition.inspect()).toMatchObject(state);
    // It reads the stream again, and takes nothing twice.
    expect(next.partition.resumeAfter()).toBe(0);
    const seen = [1, 2, 3, 4].map((seq) => ({ seq, event: makeEvent({}), origin: "n/l", originSeq: seq, again: true }));
    next.partition.take(
      seen.map((entry) => ({ entry, wanted: true })),
      4,
    );
    expect(next.partition.undecided()).toBe(0);
    expect(next.partition.stream.unfinished()).toMatchObject([{ bootId: "boot" }]);
    expect(await write(next)).toBe("ok");
  };

  test("since an older backup gets everything from its owner, and the next owner sees all of it", async () => {
    const owner = await started();
    await restoring(async () => {
      await worked(owner);
      end(owner, work(owner, 5)[0] ?? "");
      await write(owner);
    });
    expect(await stateOf()).toMatchObject({ dead: 1, pending: 1, ok: 0 });
    expect(await tell(owner, null)).toEqual({ kind: "behind" });
    expect(await write(owner)).toBe("behind");
    expect(await write(owner)).toBe("ok");
    await nextSees(owner, { ...WORKED, ok: 2 });
  });

  test("all of it, by FLUSHALL, gets everything from its owner, also when another node took the empty partition", async () => {
    const owner = await started();
    await release(connection, its, owner.holder);
    const second = await sit("c");
    await worked(second);
    await connection.send("FLUSHALL", []);
    const other = await sit("b");
    expect(other.holder.epoch).toBe(1);
    work(other, 1);
    expect(await write(other)).toBe("ok");
    expect(await write(second)).toBe("behind");
    expect(await write(other)).toBe("lost");
    await nextSees(second, WORKED);
  });

  test("and gave the same epoch to another node, goes on with who told it more", async () => {
    const first = await started();
    await release(connection, its, first.holder);
    let owner = first;
    await restoring(async () => {
      owner = await sit("c");
      await worked(owner);
    });
    const other = await sit("b");
    expect(other.holder.epoch).toBe(owner.holder.epoch);
    expect(await write(owner)).toBe("behind");
    expect(await write(other)).toBe("lost");
    await nextSees(owner, WORKED);
  });

  test("keeps refusing an owner that had lost the partition before", async () => {
    const stale = await started();
    await release(connection, its, stale.holder);
    let owner = stale;
    await restoring(async () => {
      owner = await sit("c");
      await worked(owner);
    });
    expect(await write(owner)).toBe("behind");
    work(stale, 9);
    expect(await write(stale)).toBe("lost");
    await nextSees(owner, WORKED);
  });

  test("of a snapshot whose reply was lost counts once", async () => {
    const owner = await started();
    await worked(owner);
    await connection.send("FLUSHALL", []);
    expect(await tell(owner, owner.partition.changes())).toEqual({ kind: "behind" });
    // Carried out, and nobody hears of it.
    expect(await tell(owner, owner.partition.snapshot())).toMatchObject({ kind: "ok" });
    owner.partition.fail();
    end(owner, work(owner, 5)[0] ?? "");
    expect(await write(owner)).toBe("ok");
    expect(await stateOf()).toMatchObject({ ...WORKED, ok: 2 });
    expect(await outcomes()).toBe(1);
  });
});

describe.skipIf(needsRedis)(`a Redis that is full${noRedis}`, () => {
  useServer({ config: ["maxmemory 3mb", "maxmemory-policy noeviction"] });

  test("still takes what moves a partition on, and its renewal", async () => {
    const owner = await sit("a");
    const [id = ""] = work(owner, 1, 2);
    await write(owner);
    const fill = () => connection.send("SET", [keys.named(`fill-${crypto.randomUUID()}`), "x".repeat(100_000)]);
    const filled = async () => {
      for (;;) await fill();
    };
    expect((await filled().catch((error: unknown) => error)) as RedisTrouble).toMatchObject({ kind: "full" });
    expect(await tell(owner, null)).toMatchObject({ kind: "ok" });
    end(owner, id);
    owner.partition.keep([{ ...makeEvent({ data: JSON.stringify("x".repeat(1_500_000)) }), seq: 9 }]);
    owner.partition.stream.replay("alert", true, [{ key: "big", seqs: [9], hold: null }]);
    expect(await write(owner)).toBe("ok");
    expect(await stateOf()).toMatchObject({ ok: 1, ready: 2 });
    expect(await release(connection, its, owner.holder)).toBe(true);
    expect(await takeAs("b")).toMatchObject({ kind: "taken" });
  });
});
