// What people change in a cluster, from any node: the request, its owner's half (src/cluster/answer.ts), and the commands of the real
// binary against an owner that the test plays.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { applyOnce } from "../src/cluster/answer.ts";
import { forgetConsumer } from "../src/cluster/forget.ts";
import type { Request } from "../src/cluster/requests.ts";
import { partitionOf } from "../src/cluster/shares.ts";
import { ask } from "../src/fleet/ask.ts";
import { openPartition } from "../src/partition/partition.ts";
import { well } from "./either-way.ts";
import { keys, makeEvent, type Owner, openPlanted, type Planted } from "./planted-cluster.ts";
import { noRedis, redisProgram } from "./redis-server.ts";
import { until } from "./running.ts";

const OK = {
  ...{ outcome: "ok" as const, exitCode: 0, signal: null, durationMs: 12, stdout: "", stderr: "" },
  ...{ reason: null, counts: true },
};
const ALERT = 'on = ["render.*"]\nshell = "true"\nscope = "cluster"\nstart = "earliest"\n';

describe("an owner applies a request", () => {
  const openOne = () => {
    const partition = openPartition("alert", null, { now: Date.now, startAfterSeq: 0, createdMs: 0 });
    partition.stream.openGroup("alert", { start: "earliest", ordered: true });
    const apply = (id: string, request: Request) => applyOnce(partition, "alert", id, request);
    const states = () =>
      Array.from(
        partition.inspection().deliveries({ consumer: null, state: null, session: null, limit: null }),
        ({ key, state, replay, seqs }) => ({ key, state, replay, seqs }),
      );
    return { partition, apply, states };
  };
  const replayOf = (seq: number): Request => ({
    kind: "replay",
    ordered: true,
    events: [{ ...makeEvent({ id: `event-${seq}` }), seq }],
    deliveries: [{ key: "k", seqs: [seq], hold: null }],
  });

  test("once, however often it is there: the same id changes nothing more", () => {
    const { apply, states, partition } = openOne();
    const first = apply("r1", replayOf(7));
    expect(first).toMatchObject({ kind: "done", repeated: false, ids: [expect.stringMatching(/^d_/)] });
    expect(apply("r1", replayOf(7))).toMatchObject({ kind: "done", repeated: true, ids: [] });
    expect(states()).toEqual([{ key: "k", state: "ready", replay: true, seqs: [7] }]);
    expect(apply("r2", replayOf(7))).toMatchObject({ repeated: false });
    expect(states()).toHaveLength(2);
    partition.close();
  });

  test("and the next owner knows from the rows what the last one applied", () => {
    const { apply, partition } = openOne();
    apply("r1", { kind: "pause" });
    const rows = new Map(partition.changes()?.set);
    const next = openPartition("alert", rows, { now: Date.now, startAfterSeq: 0, createdMs: 0 });
    expect(next.inspect().paused).toBe(true);
    expect(applyOnce(next, "alert", "r1", { kind: "pause" })).toMatchObject({ repeated: true });
    expect(applyOnce(next, "alert", "r2", { kind: "resume" })).toMatchObject({ group: { paused: true } });
    expect(next.inspect().paused).toBe(false);
    partition.close();
    next.close();
  });

  test("and its mark moves neither the cursor nor what was decided", () => {
    const { apply, partition } = openOne();
    const before = partition.stream.placeOf("alert").cursor;
    apply("r1", { kind: "retry-dead", deliveries: ["d_nothing"] });
    expect(partition.stream.placeOf("alert").cursor).toBe(before);
    expect(partition.inspect()).toMatchObject({ pending: 0, ok: 0, skipped: 0 });
    partition.close();
  });

  test("what it does not know is refused, and leaves nothing behind", () => {
    const { apply, states, partition } = openOne();
    expect(apply("r1", { kind: "dance" } as never)).toMatchObject({
      kind: "refused",
      why: expect.stringContaining("older"),
    });
    expect(apply("r1", replayOf(1))).toMatchObject({ kind: "done", repeated: false });
    expect(states()).toHaveLength(1);
    partition.close();
  });
});

describe.skipIf(redisProgram === null)(`through Redis${noRedis}`, () => {
  let planted: Planted;
  let owners: { stop(): Promise<number> }[];
  beforeEach(async () => {
    planted = await openPlanted();
    owners = [];
  });
  afterEach(async () => {
    for (const one of owners) await one.stop();
    await planted.end();
  });

  const serving = (owner: Owner): Owner => {
    owners.push(owner.serve());
    return owner;
  };
  /** An owner of alert/0 with so many dead letters. */
  const withDead = async (count: number): Promise<{ owner: Owner; dead: string[] }> => {
    await planted.events(count);
    await planted.group("alert", 1);
    const owner = await planted.owner("alert", 0);
    const dead = owner.deliver("k");
    for (const id of dead) owner.die(id);
    await owner.commit();
    return { owner, dead };
  };
  const asked = (partition = 0) => planted.connection.send("LLEN", [keys.ask("alert", partition)]) as Promise<number>;

  test("a request is answered after its commit, and taken out of the list", async () => {
    const { owner, dead } = await withDead(1);
    const answered = ask(
      planted.connection,
      keys,
      [{ place: { consumer: "alert", partition: 0 }, request: { kind: "retry-dead", deliveries: dead } }],
      20_000,
    );
    await until(
      async () => (await asked()) === 1,
      () => "not asked",
    );
    expect(await owner.answer()).toBe(true);
    expect(await answered).toMatchObject([{ kind: "done", count: 1, repeated: false }]);
    expect(await asked()).toBe(0);
    expect((await planted.on.ndjson(["deliveries"])).map((one) => one.state)).toEqual(["ready"]);
  });

  test("an owner that has lost its partition answers nothing, and the next one does it", async () => {
    const { owner, dead } = await withDead(1);
    const place = { consumer: "alert", partition: 0 };
    const answered = ask(
      planted.connection,
      keys,
      [{ place, request: { kind: "retry-dead", deliveries: dead } }],
      20_000,
    );
    await until(
      async () => (await asked()) === 1,
      () => "not asked",
    );
    await owner.release();
    const next = await planted.owner("alert", 0, "gamma");
    expect(await owner.answer()).toBe(false);
    expect(await asked()).toBe(1);
    expect(await next.answer()).toBe(true);
    expect(await answered).toMatchObject([{ kind: "done", count: 1 }]);
  });

  test("one that ended between its commit and its answer is not done twice", async () => {
    const { owner, dead } = await withDead(1);
    const [id = ""] = dead;
    const place = { consumer: "alert", partition: 0 };
    const request = { kind: "retry-dead" as const, deliveries: dead };
    expect(await ask(planted.connection, keys, [{ place, request }], 0)).toEqual([null]);
    const [text = ""] = (await planted.connection.send("LRANGE", [keys.ask("alert", 0), 0, -1])) as string[];
    // What it does, without the answer; then the delivery dies again.
    applyOnce(owner.partition, "alert", JSON.parse(text).id, request);
    owner.die(id);
    await owner.commit();
    await owner.release();
    const next = await planted.owner("alert", 0, "gamma");
    await next.answer();
    expect(await asked()).toBe(0);
    expect((await planted.on.ndjson(["dead-letters"])).map((one) => one.id)).toEqual([id]);
  });

  test("dead letters are retried and deleted by id and by consumer, whoever owns them", async () => {
    const { owner, dead } = await withDead(3);
    serving(owner);
    const { on } = planted;
    const [first = "", second = ""] = dead;
    const retried = await well(on, ["dead-letters", "retry", first.slice(-6)]);
    expect(retried).toContain(`1 dead letter is ready again, with all tries: ${first}`);
    expect(retried).toContain("See what comes of it: offhook deliveries --consumer alert");
    const purged = JSON.parse(await well(on, ["dead-letters", "purge", second, "--json"]));
    expect(purged).toEqual({ purged: 1, ids: [second] });
    expect(await well(on, ["dead-letters", "retry", "--consumer", "alert"])).toContain("1 dead letter is ready again");
    expect((await on.ndjson(["deliveries"])).map((one) => one.state)).toEqual(["ready", "ready"]);
    expect(await well(on, ["dead-letters", "retry", "--all"])).toBe("No dead letters.\n");
  });

  test("pause and resume are of all partitions", async () => {
    const { on } = planted;
    on.consumer("alert", `${ALERT}partitions = 2\n`);
    await planted.events(5);
    await planted.group("alert", 2);
    const both = [await planted.owner("alert", 0), await planted.owner("alert", 1)];
    for (const owner of both) await owner.commit();
    both.forEach(serving);
    expect(await well(on, ["pause", "alert"])).toContain("alert is paused: its events wait.");
    expect(both.map((owner) => owner.partition.inspect().paused)).toEqual([true, true]);
    expect((await on.status()).consumers[0]).toMatchObject({ name: "alert", state: "paused", paused: true });
    expect(await well(on, ["pause", "alert"])).toContain("alert is paused already.");
    expect(await well(on, ["resume", "alert"])).toContain("alert goes on: 5 events to decide on.");
    expect(await well(on, ["resume", "alert"])).toContain("alert was not paused.");
    expect((await on.status()).consumers[0].state).toBe("active");
  });

  test("without an owner it stays asked for, which is said, and the next owner does it", async () => {
    const { on } = planted;
    on.consumer("alert", ALERT);
    await planted.events(2);
    await planted.group("alert", 1, await planted.hashOf("alert"));
    const owner = await planted.owner("alert", 0);
    for (const id of owner.deliver("k")) owner.die(id);
    await owner.commit();
    await owner.release();
    const [paused, retried, replayed] = await Promise.all([
      on.offhook(["pause", "alert"]),
      on.offhook(["dead-letters", "retry", "--all"]),
      on.offhook(["replay", "--consumer", "alert", "--all"]),
    ]);
    expect([paused.exitCode, retried.exitCode, replayed.exitCode]).toEqual([75, 75, 75]);
    expect(paused.stderr).toMatch(/no owner of alert\/0 has answered within 15 s: it stays asked for/);
    expect(replayed.stderr).toMatch(/2 of 2 deliveries are asked for/);
    expect(await asked()).toBe(3);
    expect((await on.offhook(["status"])).stdout).toContain("- alert: 3 changes wait for the owner of a partition");
    const next = await planted.owner("alert", 0, "gamma");
    await next.answer();
    expect(await asked()).toBe(0);
    expect(next.partition.inspect()).toMatchObject({ paused: true, dead: 0, pending: 4 });
  }, 40_000);

  test("replay selects from what Redis has, and each key goes to its partition", async () => {
    const { on } = planted;
    on.consumer("alert", `${ALERT}partitions = 2\nkey = "{session}"\n`);
    await planted.group("alert", 2, await planted.hashOf("alert"));
    const sessions = Array.from({ length: 6 }, (_, at) => `s${at}`);
    for (const sessionId of sessions) await planted.events(1, { sessionId });
    await planted.events(1, { type: "other.thing" });
    const both = [await planted.owner("alert", 0), await planted.owner("alert", 1)];
    for (const owner of both) {
      for (const id of owner.deliver("k")) owner.settle(id, OK, { state: "ok" });
      // One key runs after the other.
      for (let pass = 0; pass < 7; pass++)
        for (const { id } of owner.partition.stream.startable("alert", 10)) owner.settle(id, OK, { state: "ok" });
      await owner.commit();
    }
    both.forEach(serving);
    const would = JSON.parse(await well(on, ["replay", "--consumer", "alert", "--all", "--dry-run", "--json"]));
    expect(would).toMatchObject({ dryRun: true, deliveries: 6, events: 6, ids: [], undecided: 0 });
    expect(would.first.map((one: any) => one.key).sort()).toEqual(sessions);
    expect(both.map((owner) => owner.partition.pending())).toEqual([0, 0]);

    const made = JSON.parse(await well(on, ["replay", "--consumer", "alert", "--all", "--json"]));
    expect([made.deliveries, made.events, made.ids.length, made.undecided]).toEqual([6, 6, 6, 0]);
    const found = await on.ndjson(["deliveries", "--consumer", "alert", "--state", "ready"]);
    expect(found.map((one) => one.id).sort()).toEqual(made.ids.sort());
    for (const one of found) expect(one).toMatchObject({ replay: true, partition: partitionOf(one.key, 2) });
    expect(new Set(found.map((one) => one.partition)).size).toBe(2);

    const deliveriesOf = async (...args: string[]) =>
      JSON.parse(await well(on, ["replay", "--consumer", "alert", "--dry-run", "--json", ...args])).deliveries;
    expect(await deliveriesOf("--seq", "2..4")).toBe(3);
    expect(await deliveriesOf("--session", "s3")).toBe(1);
    expect(await deliveriesOf("--type", "other.*")).toBe(0);
    expect(await deliveriesOf("--event", "3", "--event", "3", "--event", "7")).toBe(1);
    expect((await on.offhook(["replay", "--consumer", "alert", "--event", "no-such-event"])).exitCode).toBe(66);
  });

  test("what is not decided yet is not replayed: it comes by itself", async () => {
    const { on } = planted;
    on.consumer("alert", ALERT);
    await planted.group("alert", 1, await planted.hashOf("alert"));
    await planted.events(3);
    await (await planted.owner("alert", 0)).commit();
    const would = await well(on, ["replay", "--consumer", "alert", "--all", "--dry-run"]);
    expect(would).toContain("3 more events are not decided on yet");
  });

  test("replay needs the file that the cluster runs", async () => {
    const { on } = planted;
    await planted.group("alert", 1, "another");
    const without = await on.offhook(["replay", "--consumer", "alert", "--all"]);
    expect([without.exitCode, without.stderr]).toEqual([78, expect.stringContaining("no well file of alert")]);
    on.consumer("alert", ALERT);
    const other = await on.offhook(["replay", "--consumer", "alert", "--all"]);
    expect([other.exitCode, other.stderr]).toEqual([78, expect.stringContaining("not the one that the cluster runs")]);
  });

  test("forget lets go of a consumer that no live node has, and an owner that was cut off brings nothing back", async () => {
    const { on } = planted;
    const { owner } = await withDead(2);
    on.consumer("alert", ALERT);
    const withFile = await on.offhook(["forget", "alert"]);
    expect([withFile.exitCode, withFile.stderr]).toEqual([78, expect.stringContaining("has its file still")]);
    rmSync(join(on.home, "consumers", "alert.toml"));
    await planted.node("beta", { consumers: { alert: "h" } });
    const elsewhere = await on.offhook(["forget", "alert"]);
    expect([elsewhere.exitCode, elsewhere.stderr]).toEqual([
      78,
      expect.stringContaining("has its file still, on beta"),
    ]);
    await planted.node("beta", { consumers: {} });
    const owned = await on.offhook(["forget", "alert"]);
    expect([owned.exitCode, owned.stderr]).toEqual([
      75,
      expect.stringContaining("beta owns a partition of alert still"),
    ]);
    await planted.connection.send("HSET", [keys.lease("alert", 0), "untilMs", "1"]);
    expect(await well(on, ["forget", "alert"])).toBe(
      "alert is forgotten by the whole cluster, with 2 dead letters. A file of that name begins anew.\n",
    );
    expect(await owner.commit()).toBe(false);
    expect((await on.status()).cluster.consumers).toEqual([]);
    expect(await planted.connection.send("EXISTS", [keys.part("alert", 0), keys.outcomes("alert")])).toBe(0);
    expect((await on.offhook(["forget", "alert"])).exitCode).toBe(66);
    // And it can begin anew.
    await planted.group("alert", 1);
    expect((await planted.owner("alert", 0)).partition.inspect().dead).toBe(0);
    expect(await forgetConsumer(planted.connection, keys, "other", 1)).toMatchObject({ kind: "unknown" });
  });

  test("cluster forget takes a silent node away, and refuses a live or unknown one", async () => {
    const { on } = planted;
    await planted.connection.send("HSET", [keys.origins, "old/ledger", 41]);
    await planted.node("beta");
    await planted.node("old", { seenMs: 1_000, silentAfterMs: 10_000, forward: { lag: 5, trouble: null } });
    const alive = await on.offhook(["cluster", "forget", "beta"]);
    expect([alive.exitCode, alive.stderr]).toEqual([75, expect.stringContaining("beta is alive")]);
    const unknown = await on.offhook(["cluster", "forget", "gamma"]);
    expect([unknown.exitCode, unknown.stderr]).toEqual([66, expect.stringContaining("there are: beta, old")]);
    const gone = await well(on, ["cluster", "forget", "old"]);
    expect(gone).toContain("5 events of it had not been sent");
    expect((await on.ndjson(["cluster", "nodes"])).map((one) => one.name)).toEqual(["beta"]);
    // Its ledger may come back: then it must know how far it was.
    expect(await planted.connection.send("HGET", [keys.origins, "old/ledger"])).toBe("41");
  });

  test("a consumer of this node only is this node's, also beside one of the cluster", async () => {
    const { on } = planted;
    await planted.group("alert", 1);
    on.consumer("lint", 'on = ["PostToolUse"]\nshell = "true"\n');
    const daemonless = await on.offhook(["pause", "lint"]);
    expect([daemonless.exitCode, daemonless.stderr]).toEqual([66, expect.stringContaining("no daemon has run")]);
    const unknown = await on.offhook(["pause", "nobody"]);
    expect(unknown.exitCode).toBe(66);
  });

  test("without Redis what needs it says so, with 69", async () => {
    const { on } = planted;
    on.consumer("alert", ALERT);
    await planted.redis.kill9();
    for (const args of [
      ["pause", "alert"],
      ["replay", "--consumer", "alert", "--all"],
      ["cluster", "nodes"],
      ["cluster", "forget", "x"],
      ["events", "--cluster"],
    ]) {
      const ran = await on.offhook(args);
      expect([args, ran.exitCode, ran.stderr]).toEqual([args, 69, expect.stringContaining("Redis cannot be used")]);
    }
  });
});
