import { expect, test } from "bun:test";
import { connectOnce } from "../src/redis/connection.ts";
import { isPrivate } from "../src/redis/private-address.ts";
import { checkServer, type ServerFinding } from "../src/redis/server-check.ts";
import { factsOf, readInfo, readServerFacts, type ServerFacts } from "../src/redis/server-facts.ts";
import { endWithTest, plain, testOnRedis } from "./redis-client.ts";
import { type RedisServer, startRedis } from "./redis-server.ts";

/** A server about which there is nothing to say. */
const WELL: ServerFacts = {
  at: "redis.example:6379",
  kind: "redis",
  version: "7.0.15",
  role: "primary",
  replicas: 1,
  minReplicasToWrite: 1,
  appendonly: true,
  appendfsync: "everysec",
  maxmemoryBytes: 0,
  maxmemoryPolicy: "noeviction",
  isTls: true,
  isPrivate: false,
  isOpen: false,
  user: "offhook",
};

function findings(over: Partial<ServerFacts>): ServerFinding[] {
  return checkServer({ ...WELL, ...over });
}

async function factsOfServer(server: RedisServer, user: string | null = null, password: string | null = null) {
  const settings = { ...plain(server), user, password };
  const connection = endWithTest(await connectOnce(settings, { timeoutMs: 5000 }));
  return readServerFacts(connection, settings);
}

test("each way in which a server is not what we need has its level and the words to write", () => {
  expect(findings({})).toEqual([]);
  const rows: [Partial<ServerFacts>, ServerFinding["level"], RegExp, RegExp][] = [
    [{ version: "6.2.14" }, "refused", /Redis 6\.2\.14, and offhook needs Redis 7\.0/, /later/],
    [{ role: "replica" }, "refused", /is a replica/, /url of \[cluster\]/],
    [{ maxmemoryPolicy: "allkeys-lru" }, "unsafe", /drops keys/, /maxmemory-policy noeviction in redis\.conf/],
    [{ appendonly: false }, "unsafe", /restarts \(appendonly no\)/, /CONFIG SET appendonly yes/],
    [{ appendfsync: "no" }, "unsafe", /appendfsync no/, /appendfsync everysec/],
    [{ isTls: false }, "unsafe", /plain text/, /tls-port.*rediss:/],
    [{ replicas: 0 }, "advice", /no replica/, /replicaof redis\.example 6379/],
    [{ minReplicasToWrite: 0 }, "advice", /goes on alone/, /min-replicas-to-write 1/],
    [{ isOpen: true }, "advice", /lets everybody in/, /user offhook on >PASSWORD .*user default off/],
    [{ version: null }, "advice", /INFO/, /ACL SETUSER offhook \+info/],
    [{ appendfsync: null }, "advice", /CONFIG GET/, /\+config\|get/],
  ];
  for (const [over, level, text, hint] of rows) {
    const found = findings(over);
    expect(found.map((one) => one.level)).toEqual([level]);
    expect(found[0]?.text).toMatch(text);
    expect(found[0]?.hint).toMatch(hint);
  }
});

test("what is right, or cannot be otherwise, is no finding", () => {
  for (const over of [
    { kind: "valkey", version: "8.1.1" },
    { version: "8.0.6" },
    { version: "10.0.0" },
    { isTls: false, isPrivate: true },
    { appendfsync: "always" },
    { isOpen: null },
    { minReplicasToWrite: 2, replicas: 3 },
  ] as Partial<ServerFacts>[]) {
    expect(findings(over)).toEqual([]);
  }
  // Only one of two that say the same: without the file it does not matter how it is flushed.
  expect(findings({ appendonly: false, appendfsync: "no" })).toHaveLength(1);
});

test("a Valkey is told about valkey.conf, and known by its own version", () => {
  const info = readInfo(
    "# Server\r\nredis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.1\r\nrole:master\r\n",
  );
  const facts = factsOf(info, new Map());
  expect([facts.kind, facts.version, facts.role, facts.appendonly]).toEqual(["valkey", "8.1.1", "primary", null]);
  const [finding] = findings({
    ...facts,
    appendfsync: "no",
    appendonly: true,
    minReplicasToWrite: 1,
    maxmemoryPolicy: null,
  });
  expect(finding?.hint).toContain("valkey.conf");
  expect(finding?.hint).toContain("valkey-cli CONFIG SET");
});

test("private addresses are those that the internet does not reach", () => {
  const near = ["127.0.0.1", "::1", "10.1.2.3", "172.31.0.1", "192.168.1.1", "100.100.1.1", "fd00::1", "fe80::1%eth0"];
  const far = ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2001:db8::1", "::ffff:8.8.8.8"];
  expect([...near, "::ffff:10.0.0.1"].filter((address) => !isPrivate(address))).toEqual([]);
  expect(far.filter(isPrivate)).toEqual([]);
});

testOnRedis("a real server's facts, as it comes and as it should be", async () => {
  const bare = await startRedis({ config: ["maxmemory 100mb", "maxmemory-policy allkeys-lru"] });
  const facts = await factsOfServer(bare);
  expect(facts.version).toMatch(/^\d+\.\d+\.\d+$/);
  expect(facts).toMatchObject({
    at: `127.0.0.1:${bare.port}`,
    role: "primary",
    replicas: 0,
    minReplicasToWrite: 0,
    appendonly: false,
    appendfsync: "everysec",
    maxmemoryBytes: 104_857_600,
    maxmemoryPolicy: "allkeys-lru",
    isTls: false,
    isPrivate: true,
    isOpen: true,
    user: null,
  });
  expect(checkServer(facts).map(({ level }) => level)).toEqual(["unsafe", "unsafe", "advice", "advice"]);

  const well = await startRedis({ tls: true, appendonly: true, acl: ["default off", "app on >x ~* +@all"] });
  const wellFacts = await factsOfServer(well, "app", "x");
  expect(wellFacts).toMatchObject({ appendonly: true, isTls: true, isOpen: false, user: "app" });
  expect(checkServer(wellFacts).map(({ text }) => text)).toEqual([expect.stringContaining("no replica")]);
});

testOnRedis("what our user may not ask is unknown, and the finding says what to permit", async () => {
  const server = await startRedis({ appendonly: true, acl: ["app on >x ~* +@all -config -info"] });
  const facts = await factsOfServer(server, "app", "x");
  expect(facts).toMatchObject({
    version: null,
    role: null,
    appendonly: null,
    appendfsync: null,
    maxmemoryPolicy: null,
  });
  const advice = checkServer({ ...facts, replicas: 1, isOpen: false });
  expect(advice.map(({ hint }) => hint)).toEqual(["ACL SETUSER app +info", "ACL SETUSER app +config|get"]);
});

testOnRedis("each setting that a finding tells to write is one that the server takes, and mends it", async () => {
  const server = await startRedis({ config: ["maxmemory-policy allkeys-lru", "appendfsync no"] });
  for (let round = 0; round < 5; round++) {
    const settings = checkServer(await factsOfServer(server)).flatMap(
      ({ hint }) => /CONFIG SET (\S+) (\S+)$/.exec(hint)?.slice(1) ?? [],
    );
    if (settings.length === 0) break;
    await server.cli("CONFIG", "SET", ...settings);
  }
  const facts = await factsOfServer(server);
  expect([facts.maxmemoryPolicy, facts.appendonly, facts.appendfsync]).toEqual(["noeviction", true, "everysec"]);
});
