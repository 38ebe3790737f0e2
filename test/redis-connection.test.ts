import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { connect, connectOnce } from "../src/redis/connection.ts";
import { endWithTest, isUp, outcomes, plain, QUICK, roleCalls, testOnRedis, troubleOf } from "./redis-client.ts";
import { freePort, startRedis } from "./redis-server.ts";
import { until } from "./running.ts";

testOnRedis("the first command waits for the connecting, and says no more than it was asked", async () => {
  const server = await startRedis();
  const connection = endWithTest(connect(plain(server), QUICK));
  expect(await connection.send("SET", ["a", 1])).toBe("OK");
  expect(await connection.send("INCRBY", ["a", 41])).toBe(42);
  expect(connection.address()?.shown).toBe(`127.0.0.1:${server.port}`);
  await expect(connection.send("INCR", [])).rejects.toThrow(/^ERR wrong number of arguments/);
  const notWords = [undefined, {}] as unknown as string[];
  await expect(connection.send("SET", notWords)).rejects.toThrow(TypeError);
  expect(await connection.send("GET", ["a"])).toBe("42");
});

testOnRedis("a server that is killed in the middle of many commands settles each, and is found again", async () => {
  // Not everysec: while an fsync is slow Redis answers first and writes later, so a kill may lose what it confirmed.
  const server = await startRedis({ appendonly: true, config: ["appendfsync always"] });
  const lines: string[] = [];
  const seen: boolean[] = [];
  const connection = endWithTest(connect(plain(server), { ...QUICK, log: (line) => lines.push(line) }));
  connection.onChange((up) => seen.push(up));
  for (let round = 1; round <= 3; round++) {
    await isUp(connection);
    const sent = Array.from({ length: 5000 }, (_, at) => connection.send("XADD", ["s", "*", "n", `${round}-${at}`]));
    const settled = outcomes(sent);
    await sent[100];
    await server.kill9();
    const counts = await settled;
    const { ok = 0, closed = 0, unreachable = 0 } = Object.fromEntries(counts);
    expect(ok).toBeGreaterThan(100);
    expect(ok + closed + unreachable).toBe(5000);
    await until(
      () => !connection.isUp(),
      () => "still up",
    );
    expect(connection.upSinceMs()).toBeNull();
    await expect(connection.send("PING", [])).rejects.toMatchObject({ kind: "unreachable", isPassing: true });
    await server.restart();
    await isUp(connection);
    expect(await connection.send("XLEN", ["s"])).toBeGreaterThanOrEqual(ok);
  }
  expect(seen).toEqual([true, false, true, false, true, false, true]);
  expect(lines.filter((line) => line.includes("again"))).toHaveLength(3);
});

testOnRedis("a server that is away for far more tries than Bun's client makes is found when it comes", async () => {
  const port = await freePort();
  const settings = { urls: [`redis://127.0.0.1:${port}`], user: null, password: null, ca: null };
  const lines: string[] = [];
  let rounds = 0;
  const later = (ms: number, call: () => void) => {
    const timer = setTimeout(() => {
      rounds++;
      call();
    }, ms);
    return () => clearTimeout(timer);
  };
  const connection = endWithTest(connect(settings, { ...QUICK, retryMs: 0.5, later, log: (line) => lines.push(line) }));
  await until(
    () => rounds > 20,
    () => `${rounds} tries`,
  );
  const before = openFiles();
  await until(
    () => rounds > 200,
    () => `${rounds} tries`,
  );
  expect(openFiles()).toBeLessThan(before + 10);
  expect(lines).toEqual([`redis: 127.0.0.1:${port} cannot be reached: ECONNREFUSED`]);
  await startRedis({ port });
  await isUp(connection);
  expect(await connection.send("PING", [])).toBe("PONG");
});

/** Descriptors of this process, where the system shows them. */
function openFiles(): number {
  return process.platform === "linux" ? readdirSync("/proc/self/fd").length : 0;
}

testOnRedis("a frozen server is a timeout, also for what waits behind; it works again when it is back", async () => {
  const server = await startRedis();
  const connection = endWithTest(connect(plain(server), QUICK));
  await connection.send("SET", ["a", "1"]);
  server.freeze();
  const [slow, behind] = await Promise.all(
    [300, 60_000].map((timeoutMs) => troubleOf(connection.send("INCR", ["a"], { timeoutMs }))),
  );
  expect(slow?.message).toContain("did not answer INCR within 300 ms");
  expect(slow?.kind).toBe("timeout");
  expect([behind?.kind, behind?.isPassing]).toEqual(["closed", true]);
  expect(behind?.message).toContain("did not answer INCR within 300 ms");
  await until(
    () => connection.trouble()?.message.includes("does not answer") === true,
    () => `${connection.trouble()}`,
  );
  await expect(connection.send("PING", [])).rejects.toMatchObject({ kind: "unreachable" });
  server.thaw();
  await isUp(connection);
  // Both were sent, so both may have been applied: the caller has to know.
  expect(["1", "2", "3"]).toContain((await connection.send("GET", ["a"])) as string);
});

testOnRedis("when we were held up ourselves, the server is not taken for frozen", async () => {
  const server = await startRedis();
  const connection = endWithTest(connect(plain(server), QUICK));
  await isUp(connection);
  const since = connection.upSinceMs();
  for (let round = 1; round <= 3; round++) {
    const sent = connection.send("INCR", ["a"], { timeoutMs: 150 });
    Bun.sleepSync(400);
    expect(await sent).toBe(round);
  }
  expect(connection.upSinceMs()).toBe(since);
});

testOnRedis("a server that freezes while nothing is asked is noticed", async () => {
  const server = await startRedis();
  const connection = endWithTest(connect(plain(server), { ...QUICK, timeoutMs: 300 }));
  await isUp(connection);
  server.freeze();
  await until(
    () => !connection.isUp(),
    () => "still up",
  );
  expect(connection.trouble()?.kind).toBe("timeout");
});

testOnRedis("a look at the server does not wait behind a command that blocks", async () => {
  const server = await startRedis();
  const connection = endWithTest(connect(plain(server), { ...QUICK, timeoutMs: 300, lookMs: 50 }));
  await isUp(connection);
  const since = connection.upSinceMs();
  const asked = await roleCalls(server);
  for (let round = 0; round < 3; round++) {
    const args = ["BLOCK", 600, "STREAMS", "s", "$"];
    expect(await connection.send("XREAD", args, { timeoutMs: 5000 })).toBeNull();
  }
  expect(connection.upSinceMs()).toBe(since);
  expect(await roleCalls(server)).toBeGreaterThanOrEqual(asked + 2);
});

test("a server that still loads its data is not taken for ready", async () => {
  // As Redis 7.0.15 does with a large append-only file: it says who it is, and does nothing else.
  let refusals = 3;
  const answers: Record<string, () => string> = {
    HELLO: () => "%1\r\n$6\r\nserver\r\n$5\r\nredis\r\n",
    ROLE: () => "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n",
    PING: () => (refusals-- > 0 ? "-LOADING Redis is loading the dataset in memory\r\n" : "+PONG\r\n"),
  };
  const loading = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(socket, bytes) {
        for (const [word] of bytes.toString().matchAll(/HELLO|ROLE|PING/g)) socket.write(answers[word]?.() ?? "");
      },
    },
  });
  try {
    const settings = { urls: [`redis://127.0.0.1:${loading.port}`], user: null, password: null, ca: null };
    const lines: string[] = [];
    const connection = endWithTest(connect(settings, { ...QUICK, log: (line) => lines.push(line) }));
    const trouble = await troubleOf(connection.send("GET", ["a"]));
    expect([trouble.kind, trouble.isPassing]).toEqual(["unreachable", true]);
    await isUp(connection);
    expect(refusals).toBe(-1);
    expect(lines).toEqual([
      `redis: 127.0.0.1:${loading.port} is not ready: the server is still loading its data`,
      `redis: connected to 127.0.0.1:${loading.port} again`,
    ]);
  } finally {
    loading.stop(true);
  }
});

testOnRedis("a command's connection is there or rejects in time", async () => {
  const server = await startRedis();
  const connection = endWithTest(await connectOnce(plain(server), { timeoutMs: 5000 }));
  expect(await connection.send("PING", [])).toBe("PONG");
  const frozen = await startRedis();
  frozen.freeze();
  await expect(connectOnce(plain(frozen), { timeoutMs: 300 })).rejects.toMatchObject({ kind: "timeout" });
  const gone = { ...plain(server), urls: [`redis://127.0.0.1:${await freePort()}`, "redis://nowhere.invalid"] };
  const trouble = await troubleOf(connectOnce(gone, { timeoutMs: 5000 }));
  expect(trouble.message).toMatch(
    /ECONNREFUSED; nowhere\.invalid:6379 cannot be reached: (ENOTFOUND|EAI_AGAIN|DNS\w+)/,
  );
  expect(trouble.kind).toBe("unreachable");
});
