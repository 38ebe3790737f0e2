// What nodes tell of themselves through a real Redis, who may have a name there, and when a partition is free.
import { describe, expect, test } from "bun:test";
import { groupNow } from "../src/cluster/groups.ts";
import { graceOf, type Lease, ownerOf } from "../src/cluster/leases.ts";
import {
  type Beat,
  beginGroup,
  changeGroup,
  heartbeat,
  isAlive,
  type NodeRecord,
  type View,
} from "../src/cluster/nodes.ts";
import { makeKeys } from "../src/partition/keys.ts";
import { connectOnce } from "../src/redis/connection.ts";
import { noRedis, redisProgram, startRedis } from "./redis-server.ts";

const record = (over: Partial<NodeRecord> = {}): Omit<NodeRecord, "seenMs"> => ({
  name: "a",
  ledger: "l1",
  instance: "i1",
  version: "0.1.0",
  startedMs: 1,
  silentAfterMs: 60_000,
  consumers: {},
  forward: { lag: 0, trouble: null },
  local: { lag: 0, pending: 0, dead: 0 },
  owned: {},
  ...over,
});
const viewOf = (beat: Beat): View => {
  if (beat.kind !== "ok") throw new Error(`taken by ${beat.by.instance}`);
  return beat.view;
};

async function open() {
  const server = await startRedis();
  const connection = await connectOnce(
    { urls: [server.url], user: null, password: null, ca: null },
    { timeoutMs: 5000 },
  );
  const keys = makeKeys("offhook");
  const beat = (over: Partial<NodeRecord> = {}, how: { seenSeq?: number; isFirst?: boolean } = {}) =>
    heartbeat(connection, keys, record(over), { seenSeq: 0, isFirst: true, ...how });
  return { server, connection, keys, beat, close: () => connection.close() };
}

describe.skipIf(redisProgram === null)(`heartbeat${noRedis}`, () => {
  test("brings back what all nodes told, empty lists as lists, with Redis's clock", async () => {
    const { server, beat, close } = await open();
    await beat({ name: "b", ledger: "l2", instance: "i2", consumers: { alerts: "h" } });
    const { nodes, nowMs, lossMs } = viewOf(await beat());
    const [time] = (await server.cli("TIME")).split("\n");
    expect(Math.abs(nowMs - Number(time) * 1000)).toBeLessThan(60_000);
    expect(lossMs).toBeNull();
    const { seenMs, ...b } = nodes.find((node) => node.name === "b")!;
    expect(b).toEqual(record({ name: "b", ledger: "l2", instance: "i2", consumers: { alerts: "h" } }));
    expect(seenMs).toBeGreaterThan(nowMs - 60_000);
    expect(nodes.every((node) => isAlive(node, nowMs))).toBe(true);
    close();
  });

  test("refuses the name of another live node, and gives that of a silent one", async () => {
    const { beat, close } = await open();
    await beat({ silentAfterMs: 600_000 });
    const second = await beat({ ledger: "l2", instance: "i2" });
    expect(second).toMatchObject({ kind: "taken", by: { ledger: "l1", instance: "i1" } });
    // It ended, and said so.
    await beat({ silentAfterMs: 0 });
    expect(viewOf(await beat({ ledger: "l2", instance: "i2" })).nodes).toHaveLength(1);
    close();
  });

  test("lets a new run of the same home go on at once, and refuses who runs beside a copy of it", async () => {
    const { beat, close } = await open();
    await beat({ instance: "i1" });
    expect((await beat({ instance: "i2" })).kind).toBe("ok");
    // The first one lives after all: it has seen itself replaced.
    expect((await beat({ instance: "i1" }, { isFirst: false })).kind).toBe("taken");
    expect((await beat({ instance: "i2" }, { isFirst: false })).kind).toBe("ok");
    close();
  });

  test("notices that Redis knows less than this node has seen, and gives no seq twice after it", async () => {
    const { server, keys, beat, close } = await open();
    await server.cli("SET", keys.seq, "41");
    expect(viewOf(await beat({}, { seenSeq: 41 })).lossMs).toBeNull();
    await server.cli("FLUSHALL");
    const { lossMs, lastSeq, nowMs } = viewOf(await beat({}, { seenSeq: 41 }));
    expect(lossMs).toBe(nowMs);
    expect(lastSeq).toBe(41);
    close();
  });

  test("a group begins once, and is changed by whoever knows its last text", async () => {
    const { connection, keys, beat, close } = await open();
    const first = { partitions: 2, hash: "h1", beganMs: 5, beganSeq: 7, goneMs: null };
    expect(await beginGroup(connection, keys, "alerts", first)).toEqual(first);
    expect(await beginGroup(connection, keys, "alerts", { ...first, partitions: 9 })).toEqual(first);
    await changeGroup(connection, keys, "alerts", { ...first, hash: "other" }, { ...first, hash: "h3" });
    expect(viewOf(await beat()).groups.get("alerts")).toEqual(first);
    await changeGroup(connection, keys, "alerts", first, { ...first, hash: "h2" });
    expect(viewOf(await beat()).groups.get("alerts")).toEqual({ ...first, hash: "h2" });
    close();
  });
});

describe("ownerOf", () => {
  const lease = (over: Partial<Lease> = {}): Lease => ({
    node: "b",
    instance: "i",
    epoch: 3,
    untilMs: 10_000,
    ...over,
  });
  const seeing = (nowMs: number, over: { upForMs?: number; lossMs?: number } = {}) => ({
    me: "a",
    view: { nowMs, lossMs: over.lossMs ?? null },
    leaseMs: 2_000,
    upForMs: over.upForMs ?? 60_000,
  });

  test("is the holder while the lease lasts, and a while longer", () => {
    expect(ownerOf(lease(), seeing(9_999))).toBe("b");
    expect(ownerOf(lease(), seeing(10_000 + graceOf(2_000)))).toBe("b");
    expect(ownerOf(lease(), seeing(10_001 + graceOf(2_000)))).toBeNull();
  });
  test("is nobody once it was given back", () => expect(ownerOf(lease({ untilMs: 0 }), seeing(1))).toBeNull());
  test("is nobody where an earlier run of this node had it", () =>
    expect(ownerOf(lease({ node: "a" }), seeing(1))).toBeNull());
  test("is still the holder for one that has just found Redis again: all leases ran out meanwhile", () =>
    expect(ownerOf(lease(), seeing(100_000, { upForMs: 100 }))).toBe("b"));
  test("is not known right after a loss of data, unless nobody ever had it", () => {
    expect(ownerOf(null, seeing(100_000, { lossMs: 99_000 }))).not.toBeNull();
    expect(ownerOf(null, seeing(100_000, { lossMs: 90_000 }))).toBeNull();
    expect(ownerOf(null, seeing(100_000))).toBeNull();
  });
});

describe("groupNow", () => {
  const before = { partitions: 1, hash: "h", beganMs: 0, beganSeq: 0, goneMs: null };
  const week = 7 * 86_400_000;
  test("goes by the version in use", () => {
    expect(groupNow(before, "h", 1)).toBe(before);
    expect(groupNow(before, "h2", 1)).toEqual({ ...before, hash: "h2" });
  });
  test("is forgotten a week after the last live node lost the file, and kept when it comes back", () => {
    const gone = groupNow(before, null, 1000)!;
    expect(gone.goneMs).toBe(1000);
    expect(groupNow(gone, null, 1000 + week)).toBe(gone);
    expect(groupNow(gone, null, 1001 + week)).toBeNull();
    expect(groupNow(gone, "h", 1001 + week)).toEqual(before);
  });
});
