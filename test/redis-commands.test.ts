import { expect } from "bun:test";
import { connect, script } from "../src/redis/connection.ts";
import { endWithTest, isUp, outcomes, plain, QUICK, testOnRedis } from "./redis-client.ts";
import { startRedis } from "./redis-server.ts";
import { until } from "./running.ts";

testOnRedis("scripts run again after their cache was flushed and after a restart", async () => {
  const server = await startRedis();
  const connection = endWithTest(connect(plain(server), QUICK));
  const add = script("add", "return redis.call('INCRBY', KEYS[1], ARGV[1]) .. ''");
  expect(await connection.run(add, ["n"], [2])).toBe("2");
  expect(await connection.run(add, ["n"], [3])).toBe("5");
  await server.cli("SCRIPT", "FLUSH");
  expect(await connection.run(add, ["n"], [4])).toBe("9");
  await server.restart();
  await until(
    () => connection.upSinceMs() !== null && connection.trouble() === null,
    () => "down",
  );
  await until(
    async () => (await connection.run(add, ["n"], [1]).catch(() => null)) !== null,
    () => "no answer",
  );
  await expect(connection.run(script("bad", "return redis.error_reply('NOTHING here')"), [], [])).rejects.toThrow(
    /^NOTHING here/,
  );
});

testOnRedis("ten megabytes, NUL bytes and every alphabet go there and back", async () => {
  const server = await startRedis();
  const connection = endWithTest(connect(plain(server), { ...QUICK, timeoutMs: 20_000 }));
  const texts = ["", "a\0b\r\n$5\r\n", "Größe 汉字 🚀\u2028", "x".repeat(10_000_001), "é".repeat(5_000_001)];
  for (const text of texts) {
    await connection.send("SET", ["t", text]);
    expect((await connection.send("GET", ["t"])) === text).toBe(true);
  }
  const bytes = new Uint8Array([0, 255, 10, 13, 36]);
  await connection.send("SET", ["b", bytes]);
  expect(await connection.send("STRLEN", ["b"])).toBe(5);
  // Many large arguments of one script at once, and many entries in one reply.
  const push = script("push", "for _, v in ipairs(ARGV) do redis.call('XADD', KEYS[1], '*', 'v', v) end return #ARGV");
  const parts = Array.from({ length: 301 }, (_, at) => `${at}:${"y".repeat(33_333)}`);
  expect(await connection.run(push, ["s"], parts)).toBe(301);
  const entries = (await connection.send("XRANGE", ["s", "-", "+"])) as [string, [string, string]][];
  expect(entries.map(([, [, value]]) => value)).toEqual(parts);
});

testOnRedis("a server that is killed while a large script is sent settles it, each time", async () => {
  const server = await startRedis();
  const connection = endWithTest(connect(plain(server), { ...QUICK, timeoutMs: 20_000 }));
  const count = script("count", "return #ARGV");
  const parts = Array.from({ length: 294 }, () => "z".repeat(32_001));
  for (let round = 0; round < 4; round++) {
    await isUp(connection);
    const sent = [connection.run(count, [], parts), connection.run(count, [], parts), connection.send("PING", [])];
    const settled = outcomes(sent);
    if (round % 2 === 0) await sent[0];
    await server.kill9();
    const counts = await settled;
    expect([...counts.values()].reduce((sum, one) => sum + one, 0)).toBe(3);
    await server.restart();
  }
  await isUp(connection);
  expect(await connection.run(count, [], parts)).toBe(294);
});

testOnRedis("a full server says so, and takes writes again when there is room", async () => {
  const server = await startRedis({ config: ["maxmemory 3mb", "maxmemory-policy noeviction"] });
  const connection = endWithTest(connect(plain(server), QUICK));
  const write = script("write", "return redis.call('SET', KEYS[1], ARGV[1])");
  let full: unknown = null;
  for (let at = 0; full === null && at < 100; at++) {
    full = await connection.run(write, [`k${at}`], ["x".repeat(100_000)]).then(
      () => null,
      (error) => error,
    );
  }
  expect(full).toMatchObject({ kind: "full", isPassing: true });
  await expect(connection.send("SET", ["k", "x".repeat(100_000)])).rejects.toMatchObject({ kind: "full" });
  expect(connection.isUp()).toBe(true);
  await connection.send("FLUSHALL", []);
  expect(await connection.run(write, ["k"], ["x"])).toBe("OK");
});
