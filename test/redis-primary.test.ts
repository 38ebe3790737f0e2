import { expect, test } from "bun:test";
import { connect, connectOnce } from "../src/redis/connection.ts";
import { readRole } from "../src/redis/primary.ts";
import { endWithTest, isUp, plain, QUICK, roleCalls, testOnRedis, troubleOf } from "./redis-client.ts";
import { freePort, type RedisServer, startRedis } from "./redis-server.ts";
import { until } from "./running.ts";

/** A primary and a replica that follows it. */
async function pair(): Promise<{ primary: RedisServer; replica: RedisServer }> {
  const primary = await startRedis();
  const replica = await startRedis({ replicaOf: primary });
  // Not before does the primary count it.
  await until(
    async () => (await primary.cli("INFO", "replication")).includes("state=online"),
    () => replica.log(),
  );
  return { primary, replica };
}

test("ROLE is read in both its shapes, and what is neither is said", () => {
  expect(readRole(["master", 10, [["10.0.0.2", "6379", "10"]]])).toEqual({ kind: "primary", replicas: 1 });
  expect(readRole(["slave", "10.0.0.1", 6379, "connected", 10])).toEqual({ kind: "replica", of: "10.0.0.1:6379" });
  expect(readRole(["sentinel", ["mymaster"]])).toEqual({ kind: "other", text: "sentinel" });
  expect(readRole(null)).toEqual({ kind: "other", text: "nothing" });
});

testOnRedis("addresses that are down, frozen or replicas are passed over for the primary", async () => {
  const { primary, replica } = await pair();
  const settings = plain(replica, primary);
  const frozen = await startRedis();
  frozen.freeze();
  settings.urls.unshift(`redis://127.0.0.1:${await freePort()}`, frozen.url);
  const connection = endWithTest(connect(settings, QUICK));
  expect(await connection.send("SET", ["a", "1"])).toBe("OK");
  expect(connection.address()?.port).toBe(primary.port);
  // Known by now: the others are not asked again.
  const asked = await roleCalls(replica);
  const since = connection.upSinceMs();
  await primary.cli("CLIENT", "KILL", "TYPE", "normal");
  await until(
    () => connection.isUp() && connection.upSinceMs() !== since,
    () => "not connected again",
  );
  expect([connection.address()?.port, await roleCalls(replica)]).toEqual([primary.port, asked]);
});

testOnRedis("replicas only: it says whose they are, and no command goes there", async () => {
  const { primary, replica } = await pair();
  const trouble = await troubleOf(connectOnce(plain(replica), { timeoutMs: 5000 }));
  expect(trouble.kind).toBe("not-primary");
  expect(trouble.isPassing).toBe(true);
  expect(trouble.message).toBe(`127.0.0.1:${replica.port} is a replica of 127.0.0.1:${primary.port}`);
});

testOnRedis("replicas are counted as they come and go", async () => {
  const { primary, replica } = await pair();
  const connection = endWithTest(connect(plain(primary), QUICK));
  const has = (count: number) =>
    until(
      () => connection.replicas() === count,
      () => `${connection.replicas()} replicas`,
    );
  await has(1);
  await replica.kill9();
  await has(0);
  await replica.restart();
  await has(1);
});

testOnRedis("a primary that is made a replica is left at its first refusal of a write", async () => {
  const { primary, replica } = await pair();
  const connection = endWithTest(connect(plain(primary, replica), { ...QUICK, lookMs: 3_600_000 }));
  await connection.send("SET", ["a", "1"]);
  await replica.cli("REPLICAOF", "NO", "ONE");
  await primary.cli("REPLICAOF", "127.0.0.1", String(replica.port));
  const trouble = await troubleOf(connection.send("SET", ["a", "2"]));
  expect(trouble.kind).toBe("not-primary");
  await isUp(connection);
  expect(connection.address()?.port).toBe(replica.port);
  expect(await connection.send("SET", ["a", "3"])).toBe("OK");
});

testOnRedis("a primary that is made a replica is left also when nobody writes, and when a reader blocks", async () => {
  const { primary, replica } = await pair();
  const settings = plain(primary, replica);
  const idle = endWithTest(connect(settings, QUICK));
  const reader = endWithTest(connect(settings, { ...QUICK, lookMs: 3_600_000 }));
  await Promise.all([isUp(idle), isUp(reader)]);
  const read = troubleOf(reader.send("XREAD", ["BLOCK", 0, "STREAMS", "s", "$"], { timeoutMs: 60_000 }));
  await until(
    async () => (await primary.cli("INFO", "clients")).includes("blocked_clients:1"),
    () => "nobody blocks",
  );
  await replica.cli("REPLICAOF", "NO", "ONE");
  await primary.cli("REPLICAOF", "127.0.0.1", String(replica.port));
  expect((await read).kind).toBe("not-primary");
  for (const connection of [idle, reader]) {
    await until(
      () => connection.address()?.port === replica.port,
      () => `at ${connection.address()?.shown}, ${connection.trouble()?.message}`,
    );
  }
});

testOnRedis("after the primary's death the promoted replica is found", async () => {
  const { primary, replica } = await pair();
  const connection = endWithTest(connect(plain(primary, replica), QUICK));
  await connection.send("SET", ["a", "1"]);
  await until(
    async () => (await replica.cli("GET", "a")) === "1",
    () => "not replicated",
  );
  await primary.kill9();
  await until(
    () => connection.trouble()?.kind === "not-primary",
    () => `${connection.trouble()?.message}`,
  );
  await replica.cli("REPLICAOF", "NO", "ONE");
  await isUp(connection);
  expect(await connection.send("GET", ["a"])).toBe("1");
});

testOnRedis("a primary without the replicas it must have refuses writes in words, and takes them again", async () => {
  const { primary, replica } = await pair();
  await primary.cli("CONFIG", "SET", "min-replicas-to-write", "1");
  const connection = endWithTest(connect(plain(primary), QUICK));
  expect(await connection.send("SET", ["a", "1"])).toBe("OK");
  await replica.kill9();
  await until(
    async () => (await primary.cli("INFO", "replication")).includes("connected_slaves:0"),
    () => "still connected",
  );
  const trouble = await troubleOf(connection.send("SET", ["a", "2"]));
  expect(trouble.message).toContain("fewer replicas than its min-replicas-to-write");
  expect(trouble.isPassing).toBe(true);
  expect(connection.isUp()).toBe(true);
});
