import { expect } from "bun:test";
import { join } from "node:path";
import { connect } from "../src/redis/connection.ts";
import { endWithTest, isUp, plain, QUICK, testOnRedis, troubleOf } from "./redis-client.ts";
import { freePort, startRedis } from "./redis-server.ts";

const CONNECTION = join(import.meta.dir, "..", "src", "redis", "connection.ts");

/** Runs a program that makes `c`, a connection whose every wait is longer than this test's patience; gives what it printed. */
async function program(url: string, body: string): Promise<string> {
  const settings = JSON.stringify({ urls: [url], user: null, password: null, ca: null });
  const text = `
    const { connect, connectOnce } = await import(${JSON.stringify(CONNECTION)});
    const settings = ${settings};
    const deps = { retryMs: 60_000, dialMs: 60_000, timeoutMs: 60_000, lookMs: 60_000 };
    ${body}
    console.log("closed");`;
  const child = Bun.spawn([process.execPath, "-e", text], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: 20_000,
    killSignal: "SIGKILL",
  });
  const [out, said] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return `${out.trim()} ${child.exitCode}${child.signalCode === null ? "" : child.signalCode}${said}`;
}

testOnRedis("a closed connection keeps no process alive, whatever it was doing", async () => {
  const server = await startRedis();
  const nobody = `redis://127.0.0.1:${await freePort()}`;
  const connected = `const c = connect(settings, deps); await c.send("PING", []);`;
  const failed = `const c = connect(settings, deps); await new Promise((done) => c.onChange(done));`;
  // A server that takes connections and says nothing.
  const silent = `
    const { promise, resolve } = Promise.withResolvers();
    const mute = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { open: resolve, data() {} } });
    const c = connect({ ...settings, urls: ["redis://127.0.0.1:" + mute.port] }, deps);
    (await promise).unref();
    mute.unref();`;
  const runs = {
    idle: program(server.url, `${connected} c.close();`),
    blocking: program(
      server.url,
      `${connected} const read = c.send("XREAD", ["BLOCK", 0, "STREAMS", "s", "$"]).catch((e) => e.kind);
       c.close(); console.log(await read);`,
    ),
    atOnce: program(server.url, `const c = connect(settings, deps); c.close(); c.close();`),
    connecting: program(nobody, `${silent} c.close();`),
    waitingToTry: program(nobody, `${failed} console.log(c.trouble()?.kind); c.close();`),
    once: program(nobody, `console.log(await connectOnce(settings, { timeoutMs: 5000 }).catch((e) => e.kind));`),
    onceUsed: program(server.url, `const c = await connectOnce(settings, { timeoutMs: 5000 }); c.close();`),
  };
  const seen: Record<string, string> = {};
  for (const [name, run] of Object.entries(runs)) seen[name] = await run;
  expect(seen).toEqual({
    idle: "closed 0",
    blocking: "closed\nclosed 0",
    atOnce: "closed 0",
    connecting: "closed 0",
    waitingToTry: "unreachable\nclosed 0",
    once: "unreachable\nclosed 0",
    onceUsed: "closed 0",
  });
});

testOnRedis("after close nothing is sent, said or connected again", async () => {
  const server = await startRedis();
  const lines: string[] = [];
  const changes: boolean[] = [];
  const connection = endWithTest(connect(plain(server), { ...QUICK, log: (line) => lines.push(line) }));
  connection.onChange((up) => changes.push(up));
  await isUp(connection);
  const reading = troubleOf(connection.send("XREAD", ["BLOCK", 0, "STREAMS", "s", "$"], { timeoutMs: 60_000 }));
  connection.close();
  expect((await reading).kind).toBe("closed");
  const trouble = await troubleOf(connection.send("SET", ["a", "1"]));
  expect([trouble.kind, trouble.isPassing]).toEqual(["closed", false]);
  expect([connection.isUp(), connection.upSinceMs(), connection.replicas()]).toEqual([false, null, 0]);
  await server.restart();
  expect(await server.cli("INFO", "clients")).toContain("connected_clients:1"); // the one that asks
  expect([lines.length, changes]).toEqual([1, [true]]);
});
