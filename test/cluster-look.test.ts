// What people see of a cluster from any node: status, nodes, ping, events, dead letters and deliveries, with states planted in a real
// Redis. None of it needs a daemon.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { neededInCluster, withCluster } from "../src/commands/status-cluster.ts";
import type { Status } from "../src/daemon/status.ts";
import { type Here, pictureOf, type Seen, unseenPicture } from "../src/fleet/picture.ts";
import { well } from "./either-way.ts";
import { controlCharacters } from "./guarded.ts";
import { keys, openPlanted, type Planted } from "./planted-cluster.ts";
import { freePort, noRedis, redisProgram, startRedis } from "./redis-server.ts";
import { until } from "./running.ts";

const OK = {
  ...{ outcome: "ok" as const, exitCode: 0, signal: null, durationMs: 12, stdout: "sent\n", stderr: "" },
  ...{ reason: null, counts: true },
};

const NONE = { lag: 0, pending: 0, held: 0, dead: 0, ok: 0, findings: 0, failed: 0, skipped: 0 };

describe("what is needed", () => {
  const counts = { lag: 0, pending: 0, held: 0, ready: 0, running: 0, backoff: 0, dead: 0, ok: 0, findings: 0 };
  const group = (over = {}) => ({
    ...{ consumer: "alert", paused: false, waiting: null, ...counts, failed: 0, skipped: 0 },
    ...{ oldestMs: null, lastOutcomeMs: null, removedMs: null, ...over },
  });
  const record = (name: string, over = {}) => ({
    ...{ name, seenMs: 100_000, ledger: name, instance: name, version: "1", startedMs: 0, silentAfterMs: 5_000 },
    ...{ consumers: { alert: "h" }, forward: { lag: 0, trouble: null }, local: { lag: 0, pending: 0, dead: 0 } },
    ...{ owned: {}, ...over },
  });
  const seen = (over: Partial<Seen> = {}, state = {}, owner: string | null = "a"): Seen => ({
    ...{ nowMs: 101_000, lastSeq: 9, events: 9, lossMs: null, nodes: [record("here"), record("a")] },
    consumers: [
      {
        name: "alert",
        record: { partitions: 1, hash: "h", beganMs: 0, beganSeq: 0, goneMs: null },
        partitions: [{ partition: 0, owner, state: group(state), skips: [], asked: 0 }],
      },
    ],
    ...over,
  });
  const daemon = {
    trouble: null,
    forward: { lag: 0, oldestMs: null, trouble: null, isFull: false },
    owned: [],
    nodes: 2,
  };
  const here = (over: Partial<Here> = {}): Here => ({
    ...{ node: "here", addresses: ["redis://r:6379"], cap: 100, daemon, unsent: 0, files: new Map() },
    ...over,
  });
  const status: Status = {
    ...{ version: "1", node: "here", home: "/home", configError: null },
    daemon: { running: true, pid: 1, startedAt: null, answers: true },
    spool: { waiting: 0, bad: 0, newer: 0, oldestMs: null },
    stream: { events: 0, firstSeq: null, lastSeq: null },
    ...{ trouble: null, damagedLedgers: [], projectFiles: [], consumers: [] },
  };
  const needs = (seenNow: Seen, hereNow: Here = here()) =>
    neededInCluster(withCluster(status, pictureOf(hereNow, seenNow), () => false)).join("\n");

  test("is nothing where all is well", () => {
    expect(needs(seen())).toBe("");
    expect(needs(seen({}, { paused: true, lag: 9 }))).toBe("");
  });

  test("is said of a node that is silent for more than a minute, with both ways out", () => {
    const nodes = (seenMs: number) => [record("here"), record("a"), record("old", { seenMs })];
    expect(needs(seen({ nodes: nodes(50_000) }))).toBe("");
    expect(needs(seen({ nodes: nodes(-200_000) }))).toBe(
      "old is silent for 5 min. Start it, or where it is gone for good: offhook cluster forget old",
    );
  });

  test("is said of dead letters of a consumer that has no row of its own here", () => {
    expect(needs(seen({}, { dead: 2 }))).toContain("alert has 2 dead letters. See why: offhook dead-letters list");
  });

  test("is said of a partition that nobody can own, and not of one that is free for a moment", () => {
    expect(needs(seen({}, {}, null))).toBe("");
    const nodes = [record("here", { consumers: {} }), record("a", { seenMs: 90_000 })];
    expect(needs(seen({ nodes }, {}, null))).toContain("alert runs nowhere (partition 0): no live node can");
  });

  test("is said of another text of the file, by the node that has it, and only noted of a node without it", () => {
    const nodes = [record("here"), record("a"), record("b", { consumers: { alert: "x" } })];
    expect(needs(seen({ nodes }))).toContain("alert has another file on b, which cannot take it over");
    const without = [record("here"), record("a"), record("b", { consumers: {} })];
    expect(needs(seen({ nodes: without }))).toBe("");
    expect(pictureOf(here(), seen({ nodes: without })).consumers[0]?.noFile).toEqual(["b"]);
  });

  test("is said of another number of partitions in the file here, with how to change it", () => {
    const files = new Map([["alert", { hash: "h", partitions: 4 }]]);
    expect(needs(seen(), here({ files }))).toMatch(
      /1 partition in the cluster, and its file here says 4.*offhook forget/,
    );
  });

  test("is said at four fifths of the cap, with who is behind", () => {
    expect(needs(seen({ events: 79 }))).toBe("");
    expect(needs(seen({ events: 80 }, { lag: 70 }))).toMatch(/80 % .*80 of 100.*alert is behind by 70 events/);
  });

  test("is said of trouble that lasts, of a name that is taken at once, of a daemon without its part", () => {
    const alone = { nodes: [record("a")] };
    const with_ = (over: object) => needs(seen(alone), here({ daemon: { ...daemon, ...over } }));
    const forward = { lag: 3, oldestMs: 59_000, trouble: "no answer", isFull: false };
    expect(with_({ forward })).toBe("");
    expect(with_({ forward: { ...forward, oldestMs: 90_000 } })).toMatch(
      /For 2 min nothing reaches.*no answer.*3 events/,
    );
    expect(with_({ trouble: "r:6379 cannot be reached", troubleMs: 30_000 })).toBe("");
    expect(with_({ trouble: "r:6379 cannot be reached", troubleMs: 61_000 })).toContain("offhook cluster ping");
    const taken = { ...daemon, trouble: 'another machine is the node "here"', troubleMs: 6_000 };
    expect(needs(seen(), here({ daemon: taken }))).toBe('another machine is the node "here".');
    expect(needs(seen(), here({ daemon: null }))).toContain("started before config.toml had [cluster]");
  });

  test("is nothing of a Redis that cannot be seen just now", () => {
    expect(neededInCluster(withCluster(status, unseenPicture(here(), "no answer"), () => false))).toEqual([]);
  });
});

describe.skipIf(redisProgram === null)(`from any node${noRedis}`, () => {
  let planted: Planted;
  beforeEach(async () => {
    planted = await openPlanted();
  });
  afterEach(() => planted.end());

  const ALERT = 'on = ["render.*"]\nshell = "true"\nscope = "cluster"\npartitions = 2\nkey = "{file}"\n';
  const shownBy = async (args: string[]) => (await planted.on.offhook(args)).stdout;

  test("status shows nodes, owners and counts, in the rows of its own consumers too", async () => {
    const { on } = planted;
    on.consumer("alert", ALERT);
    on.consumer("lint", 'on = ["PostToolUse"]\nshell = "true"\n');
    const hash = await planted.hashOf("alert");
    await planted.events(3);
    await planted.group("alert", 2, hash);
    await planted.node("beta", { consumers: { alert: hash }, version: "9.9.9", forward: { lag: 7, trouble: null } });
    const owner = await planted.owner("alert", 0);
    const [first = "", second = ""] = owner.deliver("k");
    owner.die(first);
    owner.settle(second, OK, { state: "ok" });
    await owner.commit();
    await (await planted.owner("alert", 1)).commit();

    const status = await on.status();
    expect(status.cluster).toMatchObject({ unseen: null, events: 3, lastSeq: 3, addresses: [planted.redis.url] });
    expect(status.cluster.nodes).toMatchObject([{ name: "beta", alive: true, version: "9.9.9", isHere: false }]);
    const [alert, lint] = status.consumers;
    expect(alert).toMatchObject({
      name: "alert",
      scope: "cluster",
      seen: true,
      ok: 1,
      failed: 1,
      dead: 1,
      ready: 1,
      lag: 3,
    });
    expect(lint).toMatchObject({ name: "lint", scope: "node", lag: 0 });
    const [shared] = status.cluster.consumers;
    expect(shared).toMatchObject({
      name: "alert",
      state: "active",
      dead: 1,
      ok: 1,
      pending: 1,
      otherFile: [],
      wanted: null,
    });
    expect(shared.partitions.map((one: any) => [one.owner, one.lag, one.dead])).toEqual([
      ["beta", 0, 1],
      ["beta", 3, 0],
    ]);
    const shown = await shownBy(["status"]);
    expect(shown).toMatch(/^alert +active +3 +0 +1 +1 +1 +0 +1 /m);
    expect(shown).toMatch(/^cluster redis:\/\/127/m);
    expect(shown).toMatch(/^beta +alive +9\.9\.9 +7 /m);
    expect(shown).toContain("alert  active, 2 partitions\n  0-1 beta\n");
    expect(shown).toContain("! alert has 1 dead letter. ");
  });

  test("a consumer whose file is elsewhere only is in the cluster's part, with its dead letters", async () => {
    await planted.events(1);
    await planted.group("far", 1);
    await planted.node("beta", { consumers: { far: "h" } });
    const owner = await planted.owner("far", 0);
    for (const id of owner.deliver("k")) owner.die(id);
    await owner.commit();
    const shown = await shownBy(["status"]);
    expect(shown).toContain("far  active, beta\n");
    expect(shown).toContain("! far has 1 dead letter. ");
    expect((await planted.on.status()).consumers).toEqual([]);
  });

  test("without Redis everything local is shown, with why the cluster is not", async () => {
    const { on } = planted;
    on.consumer("alert", ALERT);
    on.consumer("lint", 'on = ["PostToolUse"]\nshell = "true"\n');
    planted.configure("", [`redis://127.0.0.1:${await freePort()}`]);
    const shown = await shownBy(["status"]);
    expect(shown).toMatch(/^lint +active +0 /m);
    expect(shown).toMatch(/^alert +active +[?] /m);
    expect(shown).toMatch(/cannot be seen from here: .*ECONNREFUSED/);
    const { cluster, consumers } = await on.status();
    expect(cluster).toMatchObject({ unseen: expect.stringContaining("ECONNREFUSED"), nodes: [], consumers: [] });
    expect(consumers[0]).toMatchObject({ name: "alert", scope: "cluster", seen: false });
  });

  test("a Redis that hangs keeps nobody for long", async () => {
    planted.redis.freeze();
    const shown = await shownBy(["status"]);
    planted.redis.thaw();
    expect(shown).toMatch(/cannot be seen from here: .*within/);
  });

  test("what is silent, drifted, unowned or nearly full makes status exit 1 with what to do", async () => {
    const { on } = planted;
    planted.configure("cap = 100");
    on.consumer("alert", ALERT);
    await planted.events(80);
    await planted.group("alert", 2, "h");
    await planted.node("old", { seenMs: 1_000, silentAfterMs: 10_000, consumers: { alert: "h" } });
    const shown = await on.offhook(["status"]);
    expect(shown.exitCode).toBe(1);
    expect(shown.stdout).toContain("! old is silent for");
    expect(shown.stdout).toContain("offhook cluster forget old");
    expect(shown.stdout).toContain("! alert runs nowhere (partitions 0-1): no live node can");
    expect(shown.stdout).toContain("! Redis holds 80 % of the events");
  });

  test("events --cluster: of all nodes in order, filtered, the last ones, and those that come", async () => {
    const { on } = planted;
    await planted.events(450, { node: "beta" });
    await planted.events(2, { node: "gamma", type: "other.thing", sessionId: "s2" });
    const all = await on.ndjson(["events", "--cluster"]);
    expect(all.map((event) => event.seq)).toEqual(Array.from({ length: 452 }, (_, at) => at + 1));
    const seqs = async (...args: string[]) =>
      (await on.ndjson(["events", "--cluster", ...args])).map((event) => event.seq);
    expect(await seqs("--type", "other.*")).toEqual([451, 452]);
    expect(await seqs("--type", "render.*", "--limit", "2")).toEqual([449, 450]);
    expect(await seqs("--session", "s2", "--limit", "1")).toEqual([452]);
    expect(await seqs("--since", "450")).toEqual([450, 451, 452]);
    expect(await seqs("--since", "0", "--limit", "1")).toEqual([452]);
    expect(await shownBy(["events", "--cluster", "--limit", "1"])).toMatch(
      /^ +452 {2}\d\d:\d\d:\d\d {2}gamma +other\.thing/,
    );
  });

  test("events --cluster --follow goes on over a Redis that went away", async () => {
    const { on, redis } = planted;
    await planted.events(1);
    const file = join(on.root, "followed");
    writeFileSync(file, "");
    const { BINARY } = await import("./running.ts");
    const child = Bun.spawn([BINARY, "events", "--cluster", "--follow", "--json"], {
      env: { PATH: process.env.PATH ?? "", HOME: on.root, OFFHOOK_HOME: on.home },
      stdin: "ignore",
      stdout: Bun.file(file),
      stderr: "pipe",
    });
    const seen = () =>
      readFileSync(file, "utf8")
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line).seq);
    const has = (...seqs: number[]) =>
      until(
        () => Bun.deepEquals(seen(), seqs),
        () => `followed ${seen()}`,
      );
    try {
      await has(1);
      await planted.events(1);
      await has(1, 2);
      await planted.redis.cli("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
      await until(
        () => planted.connection.isUp(),
        () => "not connected again",
      );
      await planted.events(1);
      await has(1, 2, 3);
    } finally {
      child.kill();
      await child.exited;
    }
    expect(redis.pid).toBeGreaterThan(0);
  });

  test("deliveries: pending ones, dead ones and those that were settled, with their partition", async () => {
    const { on } = planted;
    await planted.events(3);
    await planted.group("alert", 1);
    const owner = await planted.owner("alert", 0);
    const [ok = "", dead = "", ready = ""] = owner.deliver("k");
    owner.settle(ok, OK, { state: "ok" });
    owner.die(dead);
    await owner.commit();
    const found = await on.ndjson(["deliveries"]);
    expect(found.map((one) => [one.id, one.state, one.scope, one.partition]).sort()).toEqual(
      [
        [ok, "ok", "cluster", 0],
        [dead, "dead", "cluster", 0],
        [ready, "ready", "cluster", 0],
      ].sort(),
    );
    expect(found.find((one) => one.state === "ok").attempts).toMatchObject([{ outcome: "ok", stdout: "sent\n" }]);
    const ids = async (...args: string[]) => (await on.ndjson(["deliveries", ...args])).map((one) => one.id);
    expect(await ids("--state", "ok")).toEqual([ok]);
    expect(await ids("--state", "dead", "--session", "s1")).toEqual([dead]);
    expect(await ids("--state", "ok", "--session", "s1")).toEqual([ok]);
    expect(await ids("--session", "s2")).toEqual([]);
    expect(await ids("--consumer", "other")).toEqual([]);
    expect(await shownBy(["deliveries", "--limit", "1"])).toMatch(new RegExp(`^${ready} `, "m"));
    // And each can be shown by the end of its id.
    for (const id of [ok, dead, ready])
      expect(JSON.parse(await shownBy(["show", id.slice(-8), "--json"]))).toMatchObject({ id, partition: 0 });
    const event = JSON.parse(await shownBy(["show", "--cluster", "2", "--json"]));
    expect([event.event.seq, event.deliveries.map((one: any) => one.id)]).toEqual([2, [dead]]);
  });

  test("dead letters of the cluster and of this node are one list", async () => {
    const { on } = planted;
    await planted.events(2);
    await planted.group("alert", 1);
    const owner = await planted.owner("alert", 0);
    for (const id of owner.deliver("k")) owner.die(id);
    await owner.commit();
    const letters = await on.ndjson(["dead-letters", "list"]);
    expect(letters.map((one) => [one.consumer, one.scope, one.partition])).toEqual([
      ["alert", "cluster", 0],
      ["alert", "cluster", 0],
    ]);
    const listed = await shownBy(["dead-letters"]);
    expect(listed).toContain(`${letters[0].id}  alert (cluster), 1 try`);
    expect(listed).toContain("render.finished on /p/1.py");
    const shown = await well(on, ["dead-letters", "show", letters[0].id.slice(-6)]);
    expect(shown).toContain("stdout | said");
    expect((await on.offhook(["dead-letters", "list", "--consumer", "nobody"])).exitCode).toBe(66);
  });

  test("dead letters without Redis: this node's, and why no others", async () => {
    planted.configure("", [`redis://127.0.0.1:${await freePort()}`]);
    const listed = await planted.on.offhook(["dead-letters"]);
    expect([listed.exitCode, listed.stdout]).toEqual([1, "No dead letters.\n"]);
    expect(listed.stderr).toContain("only this node is shown");
    expect((await planted.on.offhook(["dead-letters", "show", "d_123456"])).exitCode).toBe(69);
  });

  test("cluster nodes and ping", async () => {
    const { on, redis } = planted;
    await planted.node("beta", { owned: {} });
    await planted.node("here", {});
    expect(await well(on, ["cluster", "nodes"])).toMatch(/^node +seen +unsent[^]*^beta +alive[^]*^here +here /m);
    expect((await on.ndjson(["cluster", "nodes"])).map((one) => one.name)).toEqual(["beta", "here"]);
    const down = `redis://127.0.0.1:${await freePort()}`;
    const replica = await startRedis({ replicaOf: redis });
    planted.configure("", [down, replica.url, redis.url]);
    const pinged = await on.offhook(["cluster", "ping", "--json"]);
    // Nothing is written to disk there.
    expect(pinged.exitCode).toBe(1);
    const { addresses } = JSON.parse(pinged.stdout);
    expect(addresses.map((one: any) => [one.address, one.role])).toEqual([
      [down, null],
      [replica.url, "replica"],
      [redis.url, "primary"],
    ]);
    expect(addresses[2].roundTripMs).toBeGreaterThan(0);
    expect(addresses[2].findings[0]).toMatchObject({ level: "unsafe", text: expect.stringContaining("appendonly no") });
    const exitOf = async (...urls: string[]) => {
      planted.configure("", urls);
      return (await on.offhook(["cluster", "ping"])).exitCode;
    };
    expect([await exitOf(down), await exitOf(down, replica.url)]).toEqual([69, 75]);
    planted.configure('password = "$' + '{NOT_THERE}"');
    expect((await on.offhook(["cluster", "ping"])).exitCode).toBe(78);
  });

  test("names and words that came through Redis reach no terminal as they are, nor a command that is to be typed", async () => {
    const { on, connection } = planted;
    const name = "e\u001b[31mvil\u202e";
    await planted.events(1, { type: `t${name}`, subject: name, node: name });
    await planted.group(name, 2);
    await planted.group("alert", 1);
    await planted.node(name);
    await planted.node("beta", {
      version: name,
      forward: { lag: 1, trouble: name },
      consumers: { [name]: name, alert: name },
      owned: { "alert/0": { ...NONE } },
    });
    await planted.node("x; id > /tmp/ran", { seenMs: 1_000, silentAfterMs: 10 });
    const owner = await planted.owner("alert", 0, name);
    for (const id of owner.deliver(name)) owner.die(id);
    await owner.commit();
    for (const args of [["status"], ["cluster", "nodes"], ["dead-letters"], ["deliveries"], ["events", "--cluster"]]) {
      const ran = await on.offhook(args);
      expect([args, controlCharacters(ran.stdout + ran.stderr)]).toEqual([args, []]);
      expect(ran.stdout + ran.stderr).toContain("vil");
      expect(ran.stdout + ran.stderr).not.toContain("forget x;");
    }
    await connection.send("DEL", [keys.nodes, keys.groups]);
  });

  test("what is no record is left out and told, and everything else is shown", async () => {
    const { on, connection } = planted;
    await planted.group("alert", 1);
    await planted.node("beta");
    const well = JSON.parse((await connection.send("HGET", [keys.nodes, "beta"])) as string);
    const group = JSON.parse((await connection.send("HGET", [keys.groups, "alert"])) as string);
    const deep = "[".repeat(5_000) + "]".repeat(5_000);
    const nodes = [
      "{cut",
      "null",
      "[1]",
      deep,
      '"a"',
      { ...well, name: "other" },
      { ...well, name: "n6", seenMs: "a" },
    ];
    const groups = [
      "{cut",
      "null",
      { ...group, partitions: 1e9 },
      { ...group, partitions: 1.5 },
      { ...group, beganMs: 1e300 },
    ];
    const plant = async (key: string, records: readonly unknown[]) => {
      for (const [at, one] of records.entries())
        await connection.send("HSET", [key, `n${at}`, typeof one === "string" ? one : JSON.stringify(one)]);
    };
    await plant(keys.nodes, nodes);
    await plant(keys.groups, groups);
    await connection.send("XADD", [keys.outcomes("alert"), "*", "d", "{cut"]);
    await connection.send("XADD", [keys.outcomes("alert"), "*", "d", '{"settledMs":1}']);
    const { cluster } = await on.status();
    expect([cluster.unseen, cluster.unreadable.length]).toEqual([null, nodes.length + groups.length]);
    expect(cluster.nodes.map((one: any) => one.name)).toEqual(["beta"]);
    expect(cluster.consumers.map((one: any) => one.name)).toEqual(["alert"]);
    const { stdout } = await on.offhook(["status"]);
    expect(stdout).toContain("! Redis has what this offhook cannot read: groups n0 and 11 more.");
    for (const args of [["deliveries"], ["dead-letters"], ["events", "--cluster"], ["cluster", "nodes"]])
      expect([args, (await on.offhook(args)).exitCode]).toEqual([args, 0]);
    await connection.send("HSET", [keys.part("alert", 0), "d:1", "{cut"]);
    const { exitCode, stderr } = await on.offhook(["dead-letters"]);
    expect([exitCode, stderr]).toEqual([
      1,
      expect.stringContaining("what Redis has of alert/0 cannot be read: the row d:1"),
    ]);
  });

  test("a home without [cluster] says so, and its status has no word of one", async () => {
    writeFileSync(join(planted.on.home, "config.toml"), 'name = "alone"\n', { mode: 0o600 });
    for (const args of [
      ["cluster", "ping"],
      ["cluster", "nodes"],
      ["cluster", "forget", "x"],
      ["events", "--cluster"],
    ]) {
      const ran = await planted.on.offhook(args);
      expect([ran.exitCode, ran.stderr]).toEqual([78, expect.stringContaining("no [cluster]")]);
    }
    expect(Object.keys(await planted.on.status())).not.toContain("cluster");
    expect(await shownBy(["status"])).not.toContain("cluster");
  });
});
