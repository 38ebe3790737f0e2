// What docs/cluster.md and the doctor tell people to write into redis.conf: Redis starts with it, offhook may do what it does, nobody
// else gets in, and what offhook wrote outlives a restart. Needs redis-server.
import { afterEach, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { connectOnce, script } from "../src/redis/connection.ts";
import { aclRule, checkServer } from "../src/redis/server-check.ts";
import { readServerFacts } from "../src/redis/server-facts.ts";
import { examineRedis } from "../src/setup/examine-redis.ts";
import { noRedis, type RedisServer, redisProgram, startRedis } from "./redis-server.ts";

const DOC = readFileSync(join(import.meta.dir, "..", "docs", "cluster.md"), "utf8");
const blocks = [...DOC.matchAll(/^```\n(.*?)^```$/gms)].map(([, text = ""]) => text.trimEnd().split("\n"));
const settings = blocks.find((lines) => lines.includes("appendonly yes")) ?? [];
const users = blocks.find((lines) => lines.some((line) => line.startsWith("user offhook "))) ?? [];
/** Where the test's server listens, and its certificate, are its own. */
const OWN = /^(#|port |tls-port |tls-(cert|key)-file )/;

let redis: RedisServer | null = null;
afterEach(async () => {
  await redis?.stop();
  redis = null;
});

const BOTH = script("both", "redis.call('SET', KEYS[1], '1'); return redis.call('SET', KEYS[2], '2')");
const KEYS = ["{offhook}:a", "{offhook}:b"];

describe.skipIf(redisProgram === null)(`redis.conf as it is told${noRedis}`, () => {
  test("Redis starts with it; offhook may write, nobody else gets in, and a restart loses nothing", async () => {
    expect([settings.length, users.length]).toEqual([expect.any(Number), 2]);
    const acl = users.map((line) => line.replace(/^user /, "").replace(">PASSWORD", ">right"));
    const server = await startRedis({ tls: true, acl, config: settings.filter((line) => !OWN.test(line)) });
    redis = server;
    const reach = { urls: [server.url], user: "offhook", password: "right", ca: server.ca };
    const examined = await examineRedis(reach, { prefix: "offhook", timeoutMs: 5_000 });
    expect(examined).toMatchObject({ kind: "reached", findings: [{ text: expect.stringContaining("no replica") }] });
    const nobody = { ...reach, user: null, password: null };
    expect(await examineRedis(nobody, { prefix: "offhook", timeoutMs: 5_000 })).toMatchObject({ isRefused: true });

    const before = await connectOnce(reach, { timeoutMs: 5_000 });
    await before.run(BOTH, KEYS, []);
    before.close();
    await server.restart();
    const after = await connectOnce(reach, { timeoutMs: 5_000 });
    expect(await after.send("MGET", KEYS)).toEqual(["1", "2"]);
    after.close();
  });

  test("the rules are those that a finding names for a server that lets everybody in", async () => {
    expect(users[1]).toBe(aclRule("offhook", "offhook"));
    redis = await startRedis({ appendonly: true });
    const reach = { urls: [redis.url], user: null, password: null, ca: null };
    const connection = await connectOnce(reach, { timeoutMs: 5_000 });
    const facts = await readServerFacts(connection, reach, { timeoutMs: 5_000 });
    connection.close();
    const hint = checkServer(facts).find(({ text }) => text.includes("lets everybody in"))?.hint;
    expect(hint).toEndWith(`${users[1]}; then: ${users[0]}`);
  });
});
