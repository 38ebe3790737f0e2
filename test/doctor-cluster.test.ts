// The doctor on a home with [cluster]: a real Redis that is well, unsafe, gone, frozen or refuses; the judgements that would need
// another clock or other nodes are tested alone.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { clusterFindings } from "../src/doctor/cluster-checks.ts";
import type { ClusterFacts } from "../src/doctor/cluster-facts.ts";
import type { Finding } from "../src/doctor/finding.ts";
import { type Installation, openInstallation } from "./installation.ts";
import { noRedis, redisProgram, startRedis } from "./redis-server.ts";

let on: Installation;
beforeEach(() => {
  on = openInstallation();
});
afterEach(() => on.end());

const SAFE = { appendonly: true, config: ["maxmemory-policy noeviction"] };
const clustered = (url: string, more = "") =>
  on.write(".offhook/config.toml", `name = "mine"\n[cluster]\nurl = "${url}"\n${more}`);
const ofCluster = async () => (await on.doctor()).findings.filter(({ group }: any) => group === "cluster");
const told = (findings: Finding[]) => findings.map(({ level, check }) => `${level} ${check}`);

test("a home without [cluster] has nothing said about one", async () => {
  on.write(".offhook/config.toml", 'name = "mine"\n');
  expect(await ofCluster()).toEqual([]);
});

describe.skipIf(redisProgram === null)(`the Redis of [cluster]${noRedis}`, () => {
  test("is well where it is, and nothing stays there of the look", async () => {
    const redis = await startRedis(SAFE);
    clustered(redis.url);
    const findings = await ofCluster();
    expect(told(findings).filter((one) => one !== "warning redis-advice")).toEqual(["ok redis", "ok clock"]);
    expect(findings[0].what).toMatch(/^Redis \d+\.\d+\.\d+ at 127\.0\.0\.1:\d+ answers/);
    expect(await redis.cli("DBSIZE")).toBe("0");
  });
  test("is a warning where what it confirmed may be lost, with what to write", async () => {
    clustered((await startRedis({ config: ["maxmemory-policy allkeys-lru"] })).url);
    const unsafe = (await ofCluster()).filter(({ check }: Finding) => check === "redis-unsafe");
    expect(unsafe.map(({ level, mend }: Finding) => [level, mend])).toEqual([
      ["warning", expect.stringContaining("maxmemory-policy noeviction")],
      ["warning", expect.stringContaining("appendonly yes")],
    ]);
  });
  test("is an error where it is gone, and well again once it is back", async () => {
    const redis = await startRedis(SAFE);
    clustered(redis.url);
    await redis.kill9();
    const [gone] = await ofCluster();
    expect(gone).toMatchObject({ level: "error", check: "redis" });
    expect(gone.what).toContain("cannot be reached: ECONNREFUSED");
    await redis.restart();
    expect(told(await ofCluster())[0]).toBe("ok redis");
  });
  test("is an error in time where it is frozen, and the rest is looked at all the same", async () => {
    const redis = await startRedis(SAFE);
    clustered(redis.url);
    redis.freeze();
    const { findings } = await on.doctor();
    redis.thaw();
    expect(findings.find(({ check }: Finding) => check === "redis")?.what).toMatch(/does not answer within \d+ ms/);
    expect(findings.some(({ group }: Finding) => group === "service")).toBe(true);
  });
  test("is an error where it refuses the password, which is not shown", async () => {
    const redis = await startRedis({ ...SAFE, acl: ["default off", "app on >right ~* +@all"] });
    on.write(".offhook/secrets.env", "REDIS_PASSWORD=wr0ng\n");
    clustered(redis.url, 'user = "app"\npassword = "${REDIS_PASSWORD}"\n');
    const { findings, stdout } = await on.doctor();
    const [refused] = findings.filter(({ group }: Finding) => group === "cluster");
    expect(refused).toMatchObject({ level: "error", check: "redis" });
    expect(refused.what).toContain('refuses user "app"');
    expect(stdout).not.toContain("wr0ng");
  });
});

test("a secret that [cluster] names and that is not there is an error, with the line to add", async () => {
  clustered("redis://127.0.0.1:9", 'password = "${REDIS_PASSWORD}"\n');
  expect(await ofCluster()).toMatchObject([
    { level: "error", check: "cluster", mend: "add the line REDIS_PASSWORD=... to secrets.env, beside config.toml" },
  ]);
});

describe("of the cluster alone", () => {
  const reached = (skewMs: number): ClusterFacts => ({
    kind: "looked",
    redis: { kind: "reached", at: "r:6379", server: "Redis 7.0.15", findings: [], skewMs },
  });
  const daemon = (cluster?: object) => ({ pid: 1, version: "1", startedAt: "", consumers: [], cluster }) as any;
  const nothing = { lag: 0, oldestMs: null, trouble: null, isFull: false };
  const of = (state: any, facts = reached(0)) =>
    clusterFindings(facts, state, "/h/config.toml").filter(({ level }) => level !== "ok");

  test("clocks that are more than 2 s apart, either way, are a warning", () => {
    expect(of(null, reached(1_999))).toEqual([]);
    expect(of(null, reached(-1_999))).toEqual([]);
    expect(of(null, reached(9_000))[0]).toMatchObject({ level: "warning", check: "clock" });
    expect(of(null, reached(9_000))[0]?.what).toContain("9.0 s ahead of");
    expect(of(null, reached(-9_000))[0]?.what).toContain("9.0 s behind");
  });
  test("a daemon that takes part is well; one that began before is a warning; one that cannot is an error, with why", () => {
    expect(of(daemon({ trouble: null, forward: nothing, owned: [], nodes: 2 }))).toEqual([]);
    expect(told(of(daemon()))).toEqual(["warning member"]);
    const taken = {
      trouble: 'another machine is the node "a"',
      isNameTaken: true,
      forward: nothing,
      owned: [],
      nodes: 0,
    };
    expect(of(daemon(taken))).toMatchObject([
      { level: "error", check: "member", mend: expect.stringContaining("another name") },
    ]);
  });
  test("events that do not get away are said: because Redis is full, or for longer than a minute", () => {
    const member = (forward: object) =>
      daemon({ trouble: null, forward: { ...nothing, ...forward }, owned: [], nodes: 1 });
    expect(of(member({ lag: 5, oldestMs: 59_000 }))).toEqual([]);
    // Nothing waits: that Redis is away is a finding of its own.
    expect(of(member({ trouble: "cannot be reached" }))).toEqual([]);
    expect(of(member({ lag: 1, trouble: "cannot be reached" }))).toMatchObject([
      { level: "warning", check: "forward" },
    ]);
    expect(of(member({ lag: 5, oldestMs: 61_000 }))).toMatchObject([{ level: "warning", check: "forward" }]);
    expect(of(member({ lag: 5, oldestMs: 61_000, isFull: true }))).toMatchObject([
      { level: "error", check: "forward", mend: expect.stringContaining("cap") },
    ]);
  });
});
