// The daemon goes on: without a reader of its log, with files that come and go, with many groups and a backlog.

import { Database } from "bun:sqlite";
import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { consumerOf } from "./guarded.ts";
import { BINARY, openRunning, type Running, until, wrote } from "./running.ts";

let on: Running;
beforeEach(() => {
  on = openRunning();
});
afterEach(() => on.end());

test("whoever reads its log may go away: the work goes on, and TERM still ends it well", async () => {
  on.consumer("c", `on = ["PostToolUse"]\nshell = "true"\n`);
  const child = Bun.spawn([BINARY, "consume"], {
    env: { PATH: process.env.PATH ?? "", HOME: on.root, OFFHOOK_HOME: on.home },
    cwd: on.root,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const reader = child.stdout.getReader();
  await reader.read();
  await reader.cancel();
  for (let i = 0; i < 3; i++) await on.publish(wrote(on.file(`${i}.py`)));
  expect(consumerOf(await on.settled(), "c").ok).toBe(3);
  child.kill("SIGTERM");
  expect(await child.exited).toBe(0);
});

test("a consumer file that goes away while its worker runs and comes back: nothing overlaps, nothing is stuck", async () => {
  on.consumer(
    "c",
    `on = ["PostToolUse"]\nshell = 'mkdir "$OFFHOOK_HOME/busy" || exit 100; sleep 0.4; rmdir "$OFFHOOK_HOME/busy"'\n`,
  );
  await on.start();
  const file = on.file("a.py");
  for (let i = 0; i < 3; i++) await on.publish(wrote(file));
  await until(
    async () => consumerOf(await on.status(), "c").running === 1,
    () => "not running",
  );
  const [here, away] = [join(on.home, "consumers", "c.toml"), join(on.root, "c.toml")];
  renameSync(here, away);
  await until(
    async () => consumerOf(await on.status(), "c").state === "removed",
    () => "not removed",
  );
  renameSync(away, here);
  await until(
    async () => consumerOf(await on.status(), "c").state === "active",
    () => "not back",
  );
  expect(consumerOf(await on.settled(), "c")).toMatchObject({ ok: 3, dead: 0, failed: 0 });
});

test("a worker whose consumer file is gone is ended with the daemon, and its delivery is kept", async () => {
  on.consumer("c", `on = ["PostToolUse"]\nshell = 'sleep 0.5; touch "$OFFHOOK_HOME/ended"'\n`);
  const daemon = await on.start();
  await on.publish(wrote(on.file("a.py")));
  await until(
    async () => consumerOf(await on.status(), "c").running === 1,
    () => "not running",
  );
  renameSync(join(on.home, "consumers", "c.toml"), join(on.root, "c.toml"));
  await until(
    async () => consumerOf(await on.status(), "c").state === "removed",
    () => "not removed",
  );
  expect(await daemon.stop()).toBe(0);
  expect(await on.ndjson(["deliveries"])).toMatchObject([{ state: "ok", attempts: [{ outcome: "ok" }] }]);
});

test("a reload while another program has locked the ledger waits, and happens", async () => {
  on.consumer("c", `on = ["PostToolUse"]\nshell = "true"\n`);
  const daemon = await on.start();
  const other = new Database(join(on.home, "ledger.db"));
  other.run("BEGIN IMMEDIATE");
  on.consumer("d", `on = ["PostToolUse"]\nshell = "true"\n`);
  await until(
    () => daemon.output().includes("locked the ledger"),
    () => daemon.output(),
  );
  other.run("ROLLBACK");
  other.close();
  await until(
    async () => consumerOf(await on.status(), "d")?.state === "active",
    () => daemon.output(),
  );
  await on.publish(wrote(on.file("a.py")));
  expect(consumerOf(await on.settled(), "d").ok).toBe(1);
});

test("a reload while the daemon is ending starts nothing new", async () => {
  on.consumer(
    "c",
    `on = ["PostToolUse"]\nshell = 'while test -d "$OFFHOOK_HOME" -a ! -e "$OFFHOOK_HOME/go"; do sleep 0.02; done'\n`,
  );
  const daemon = await on.start();
  await on.publish(wrote(on.file("a.py")));
  await until(
    async () => consumerOf(await on.status(), "c").running === 1,
    () => "not running",
  );
  const ended = daemon.stop();
  await until(
    () => daemon.output().includes("taking in nothing more"),
    () => daemon.output(),
  );
  on.consumer("late", `on = ["PostToolUse"]\nstart = "earliest"\nshell = 'touch "$OFFHOOK_HOME/began"'\n`);
  process.kill(daemon.pid, "SIGHUP");
  writeFileSync(join(on.home, "go"), "");
  expect(await ended).toBe(0);
  expect(existsSync(join(on.home, "began"))).toBe(false);
});

test("a file that comes back as it was, after its group was forgotten, begins anew", async () => {
  const toml = `on = ["PostToolUse"]\nstart = "earliest"\nbuiltin = "none"\n`;
  on.consumer("c", toml);
  await on.start();
  await on.publish(wrote(on.file("a.py")));
  await on.settled();
  const path = join(on.home, "consumers", "c.toml");
  renameSync(path, join(on.root, "c.toml"));
  await until(
    async () => (await on.offhook(["forget", "c"])).exitCode === 0,
    () => "not forgotten",
  );
  on.consumer("c", toml);
  await until(
    async () => consumerOf(await on.status(), "c")?.ok === 1,
    () => "it did not begin anew",
  );
  expect((await on.offhook(["pause", "c"])).exitCode).toBe(0);
});

test("a server that asks for more patience than max_backoff gets it", async () => {
  const times: number[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch() {
      times.push(performance.now());
      return times.length === 1 ? new Response("", { status: 429, headers: { "Retry-After": "1" } }) : new Response("");
    },
  });
  on.consumer(
    "c",
    `on = ["PostToolUse"]\nwebhook = { url = "${server.url}" }\nretry = { max = 3, backoff = "10ms", max_backoff = "20ms" }\n`,
  );
  await on.start();
  await on.publish(wrote(on.file("a.py")));
  expect(consumerOf(await on.settled(), "c")).toMatchObject({ ok: 1, failed: 1 });
  const [first = 0, second = 0] = times;
  expect(second - first).toBeGreaterThan(990);
  await server.stop(true);
});

test("with many consumers and a backlog every event is decided by each, and the daemon answers meanwhile", async () => {
  const names = Array.from({ length: 23 }, (_, index) => `c${index}`);
  for (const name of names) on.consumer(name, `on = ["tick"]\nbuiltin = "none"\n`);
  const count = 61;
  for (let i = 0; i < count; i++) await on.offhook(["publish", "--type", "tick", "--data", String(i)]);
  await on.start();
  let answered = 0;
  await until(
    async () => {
      const status = await on.status();
      if (status.daemon.answers) answered++;
      return status.consumers.every((one: any) => one.ok === count);
    },
    () => "not decided",
  );
  expect(answered).toBeGreaterThan(0);
});
