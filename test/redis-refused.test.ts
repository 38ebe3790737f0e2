import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Connection, connect, connectOnce, type RedisSettings, script } from "../src/redis/connection.ts";
import { aclRule } from "../src/redis/server-check.ts";
import { endWithTest, isUp, plain, QUICK, testOnRedis, troubleOf } from "./redis-client.ts";
import { type RedisServer, startRedis } from "./redis-server.ts";
import { until } from "./running.ts";

const PASSWORD = "p@ss:w/ord%41?#é";

/** As a user of that server. */
function as(server: RedisServer, user: string | null, password: string | null): RedisSettings {
  return { ...plain(server), user, password };
}

/** What a command that connects says where it cannot. */
function refusal(settings: RedisSettings) {
  return troubleOf(connectOnce(settings, { timeoutMs: 5000 }));
}

/** Whether a text gives a password away, as it is or as it stands in a url. */
function tells(text: string): boolean {
  return text.includes(PASSWORD) || text.includes(encodeURIComponent(PASSWORD)) || text.includes("p@ss");
}

testOnRedis("TLS by the authority that is named, by an address and by a name", async () => {
  const server = await startRedis({ tls: true });
  for (const url of [server.url, server.url.replace("127.0.0.1", "localhost")]) {
    const connection = endWithTest(await connectOnce({ ...plain(server), urls: [url] }, { timeoutMs: 5000 }));
    expect(await connection.send("PING", [])).toBe("PONG");
    expect(connection.address()?.isTls).toBe(true);
  }
});

testOnRedis("a certificate that nobody vouches for, or that is another's, is refused", async () => {
  const server = await startRedis({ tls: true });
  const other = await startRedis({ tls: { name: "redis.example" } });
  const unknown = await refusal({ ...plain(server), ca: null });
  expect(unknown.message).toContain("a certificate that is not trusted");
  expect(unknown.message).toContain('ca = "FILE"');
  const wrongCa = await refusal({ ...plain(server), ca: other.ca });
  expect(wrongCa.message).toContain("the file of ca does not hold who signed it");
  const wrongName = await refusal(plain(other));
  expect(wrongName.message).toContain("ERR_TLS_CERT_ALTNAME_INVALID");
  const noCa = await refusal({ ...plain(server), ca: "no certificate" });
  for (const trouble of [unknown, wrongCa, wrongName, noCa]) {
    expect([trouble.kind, trouble.isPassing]).toEqual(["refused", false]);
  }
});

testOnRedis("plain text to a TLS port, and TLS to a plain port, are told", async () => {
  const tls = await startRedis({ tls: true });
  const bare = await startRedis();
  const toTls = await refusal({ ...plain(tls), urls: [tls.url.replace("rediss", "redis")] });
  expect(toTls.message).toBe(`127.0.0.1:${tls.port} closes the connection; does it want TLS (rediss://)?`);
  const settings = { ...plain(bare), urls: [bare.url.replace("redis", "rediss")] };
  const toBare = await troubleOf(connectOnce(settings, { timeoutMs: 500 }));
  expect(toBare.message).toContain("does it speak TLS?");
});

testOnRedis("every character of a password goes through, from the settings and from a url", async () => {
  const server = await startRedis({
    acl: ["default off", `app on >${PASSWORD} ~* +@all`, "key on nopass ~* +@all"],
    config: [],
  });
  const login = `redis://app:${encodeURIComponent(PASSWORD)}@127.0.0.1:${server.port}`;
  const ways = [as(server, "app", PASSWORD), { ...plain(server), urls: [login] }, as(server, "key", null)];
  for (const settings of ways) {
    const connection = endWithTest(await connectOnce(settings, { timeoutMs: 5000 }));
    expect(await connection.send("ACL", ["WHOAMI"])).toBe(settings === ways[2] ? "key" : "app");
    expect(tells(JSON.stringify(connection.address()))).toBe(false);
  }
  const old = await startRedis({ config: [`requirepass ${PASSWORD}`] });
  const connection = endWithTest(await connectOnce(as(old, null, PASSWORD), { timeoutMs: 5000 }));
  expect(await connection.send("ACL", ["WHOAMI"])).toBe("default");
});

testOnRedis("a wrong password is refused by the user's name, never by the password", async () => {
  const server = await startRedis({ acl: ["default off", "app on >right ~* +@all"] });
  const wrong = await refusal(as(server, "app", PASSWORD));
  expect(wrong.message).toBe(
    `127.0.0.1:${server.port} refuses user "app": WRONGPASS invalid username-password pair or user is disabled.`,
  );
  const inUrl = { ...plain(server), urls: [`redis://app:${encodeURIComponent(PASSWORD)}@127.0.0.1:${server.port}`] };
  const none = await refusal(plain(server));
  expect(none.message).toContain("refuses us");
  for (const trouble of [wrong, await refusal(inUrl), none]) {
    expect([trouble.kind, trouble.isPassing]).toEqual(["refused", false]);
    expect(tells(`${trouble.message} ${trouble.stack} ${Bun.inspect(trouble)}`)).toBe(false);
  }
});

testOnRedis("who was refused is let in by itself once that is mended, and it was said once", async () => {
  const server = await startRedis({ acl: ["default off", "app on >other ~* +@all"] });
  const lines: string[] = [];
  const changes: boolean[] = [];
  let tries = 0;
  const later = (ms: number, call: () => void) => {
    const timer = setTimeout(() => {
      tries++;
      call();
    }, ms);
    return () => clearTimeout(timer);
  };
  const deps = { ...QUICK, retryMs: 0.1, later, log: (line: string) => lines.push(line) };
  const connection = endWithTest(connect(as(server, "app", PASSWORD), deps));
  connection.onChange((up) => changes.push(up));
  await until(
    () => tries >= 3,
    () => `${tries} tries`,
  );
  await expect(connection.send("PING", [])).rejects.toMatchObject({ kind: "refused", isPassing: false });
  await server.cli("ACL", "SETUSER", "app", `>${PASSWORD}`);
  await isUp(connection);
  expect(lines).toHaveLength(2);
  expect(changes).toEqual([false, true]);
  expect(tells(lines.join())).toBe(false);
});

test("a server that repeats what it was told does not make us tell it", async () => {
  // As a Redis before 6 answers HELLO 3 AUTH app PASSWORD.
  const echo = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(socket, bytes) {
        socket.write(`-ERR unknown command \`HELLO\`, with args: ${bytes.toString().replace(/\r\n/g, " ")}\r\n`);
      },
    },
  });
  try {
    const settings = { urls: [`redis://127.0.0.1:${echo.port}`], user: "app", password: PASSWORD, ca: null };
    const lines: string[] = [];
    const connection = endWithTest(connect(settings, { ...QUICK, log: (line) => lines.push(line) }));
    const trouble = await troubleOf(connection.send("PING", []));
    expect(trouble.message).toContain("HELLO");
    expect(trouble.message).toContain("***");
    expect(tells(`${trouble.message} ${lines.join()}`)).toBe(false);
  } finally {
    echo.stop(true);
  }
});

test("a server of another kind is told", async () => {
  const web = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("no") });
  try {
    const settings = { urls: [`redis://127.0.0.1:${web.port}`], user: null, password: null, ca: null };
    expect((await refusal(settings)).message).toContain("does not answer as a Redis does");
    const database = await refusal({ ...settings, urls: [`redis://127.0.0.1:${web.port}/mine`] });
    expect([database.kind, database.message]).toEqual(["refused", expect.stringContaining("Invalid database number")]);
  } finally {
    await web.stop(true);
  }
});

test("a url that is none is refused without being shown", async () => {
  for (const url of [`http://app:${encodeURIComponent(PASSWORD)}@host`, "redis://", `app:${PASSWORD}`, ""]) {
    const trouble = await refusal({ urls: [url], user: null, password: null, ca: null });
    expect(trouble.kind).toBe("refused");
    expect(trouble.message).toBe("an address of Redis is redis://HOST:PORT or rediss://HOST:PORT");
  }
});

testOnRedis("a user that may not do something is refused in the server's words, and stays connected", async () => {
  const server = await startRedis({ acl: ["app on >x ~{offhook}:* +@all -xadd", "blind on >x ~* +@all -role"] });
  const connection = endWithTest(connect(as(server, "app", "x"), QUICK));
  expect(await connection.send("SET", ["{offhook}:a", "1"])).toBe("OK");
  const add = script("add", "return redis.call('XADD', KEYS[1], '*', 'a', 'b')");
  for (const sent of [
    connection.send("XADD", ["{offhook}:s", "*", "a", "b"]),
    connection.send("SET", ["foreign", "1"]),
    connection.run(add, ["{offhook}:s"], []),
  ]) {
    const trouble = await troubleOf(sent);
    expect(trouble.kind).toBe("refused");
    expect(trouble.message).toMatch(/permission/);
  }
  expect(connection.isUp()).toBe(true);
  expect((await refusal(as(server, "blind", "x"))).message).toMatch(/refuses user "blind": .*'role'/);
});

/** Every command that stands in our source: in a script, and sent. */
function commandsOfSource(): string[] {
  const found = new Set<string>();
  const src = join(import.meta.dir, "..", "src");
  for (const file of readdirSync(src, { recursive: true, encoding: "utf8" })) {
    if (!file.endsWith(".ts")) continue;
    const text = readFileSync(join(src, file), "utf8");
    for (const [, name = ""] of text.matchAll(/redis\.p?call\(["'](\w+)["']/g)) found.add(name);
    for (const [, name = ""] of text.matchAll(/\bsend\(\s*"([A-Z]+)"/g)) found.add(name);
  }
  return [...found].sort();
}

testOnRedis(
  "the rule that we tell people to write permits each command of ours, and none that harms others",
  async () => {
    const server = await startRedis({
      acl: [
        aclRule("offhook", "offhook")
          .replace(/^user /, "")
          .replace("PASSWORD", "x"),
      ],
    });
    const mayRun = async (...command: string[]) =>
      !(await server.cli("ACL", "DRYRUN", "offhook", ...command).catch(String)).includes("no permissions");
    const commands = commandsOfSource().filter((name) => name !== "CONFIG");
    expect(commands).toEqual(expect.arrayContaining(["EVALSHA", "EVAL", "ROLE", "XADD", "HSET", "TIME"]));
    for (const name of commands) {
      expect([name, await mayRun(name)]).toEqual([name, true]);
    }
    expect([await mayRun("INFO"), await mayRun("CONFIG", "GET", "appendfsync")]).toEqual([true, true]);
    const harms = [
      "FLUSHALL",
      "FLUSHDB",
      "KEYS *",
      "CONFIG SET maxmemory 1",
      "SHUTDOWN",
      "SCRIPT FLUSH",
      "FUNCTION FLUSH",
    ];
    for (const command of [...harms, "DEBUG SLEEP 1", "ACL LIST", "SET foreign 1", "CLIENT KILL TYPE normal"]) {
      expect([command, await mayRun(...command.split(" "))]).toEqual([command, false]);
    }
    const connection: Connection = endWithTest(await connectOnce(as(server, "offhook", "x"), { timeoutMs: 5000 }));
    expect(await connection.run(script("t", "return redis.call('TIME')[1]"), ["{offhook}:a"], [])).toMatch(/^\d+$/);
  },
);
