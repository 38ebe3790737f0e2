// The daemon's end at a bad moment: in backoff, with a deaf worker, in the middle of a backlog, or with nobody
// reading its output. It ends, leaves nothing running, and its next start has everything.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { consumerOf, isRunning, neverTwo, openGuarded } from "./guarded.ts";
import { BINARY, type Running, until, wrote } from "./running.ts";

let on: Running;
beforeEach(() => {
  on = openGuarded();
});
afterEach(() => on.end());

const inHome = (...names: string[]) => join(on.home, ...names);
const publish = () => on.publish(wrote(on.file("a.py")));
const pidIn = async (name: string) => {
  await until(
    () => existsSync(inHome(name)) && readFileSync(inHome(name), "utf8").endsWith("\n"),
    () => `no ${name}`,
  );
  return Number(readFileSync(inHome(name), "utf8"));
};

test("SIGTERM during a backoff: ends at once, and the retry is made by the next daemon", async () => {
  on.consumer("c", `on = ["**"]\nshell = 'test "$OFFHOOK_ATTEMPT" = 2'\nretry = { max = 1, backoff = "2s" }\n`);
  const daemon = await on.start();
  await publish();
  await until(
    async () => consumerOf(await on.status(), "c").backoff === 1,
    () => daemon.output(),
  );
  expect(await daemon.stop()).toBe(0);
  expect(consumerOf(await on.status(), "c")).toMatchObject({ backoff: 1, running: 0, failed: 1, dead: 0 });
  await on.start();
  expect(consumerOf(await on.settled(), "c")).toMatchObject({ ok: 1, failed: 1, dead: 0 });
  const [{ attempts }] = await on.ndjson(["deliveries"]);
  expect(attempts.map((attempt: any) => attempt.outcome)).toEqual(["failed", "ok"]);
});

test("a second SIGTERM hurries: a worker that ignores TERM is killed, and its delivery runs again, uncounted", async () => {
  const deaf = `trap "" TERM; echo $$ > "$OFFHOOK_HOME/worker"; while :; do sleep 0.1; done`;
  on.consumer("deaf", `on = ["**"]\nretry = { max = 0 }\nshell = 'test "$OFFHOOK_ATTEMPT" = 2 && exit 0; ${deaf}'\n`);
  const daemon = await on.start();
  await publish();
  const worker = await pidIn("worker");
  process.kill(daemon.pid, "SIGTERM");
  await until(
    () => daemon.output().includes("SIGTERM: taking in nothing more; waiting for what runs"),
    () => daemon.output(),
  );
  await publish();
  expect(isRunning(worker)).toBe(true);
  expect(await daemon.stop("SIGTERM")).toBe(0);
  expect(daemon.output()).toContain("ending what still runs; it is ready again at the next start");
  expect(isRunning(worker)).toBe(false);
  expect(readdirSync(inHome("spool", "new")).length).toBe(1);
  expect(consumerOf(await on.status(), "deaf")).toMatchObject({ ready: 1, running: 0, failed: 0, dead: 0 });

  on.consumer("deaf", `on = ["**"]\nretry = { max = 0 }\nshell = "true"\n`);
  await on.start();
  expect(consumerOf(await on.settled(), "deaf")).toMatchObject({ ok: 2, failed: 0, dead: 0 });
  const [cutOff] = await on.ndjson(["deliveries"]);
  expect(cutOff.attempts.map((attempt: any) => attempt.outcome)).toEqual(["killed", "ok"]);
}, 30_000);

for (const signal of ["SIGTERM", "SIGINT", "SIGKILL"] as const) {
  test(`${signal} in the middle of a backlog: each event is in the stream once, in order, after the next start`, async () => {
    on.consumer("log", `on = ["**"]\nbuiltin = "log"\n`);
    const ids = Array.from({ length: 1501 }, (_, index) => Bun.randomUUIDv7("hex", Date.now() - 100_000 + index));
    const ready = join(on.root, "ready");
    mkdirSync(ready, { mode: 0o700 });
    for (const id of ids) {
      const header = {
        v: 1,
        id,
        time: new Date().toISOString(),
        pid: 1,
        args: ["--type", "backlog"],
        env: {},
        size: 2,
        flags: [],
      };
      writeFileSync(join(ready, id), `${JSON.stringify(header)}\n{}`, { mode: 0o600 });
    }
    const daemon = await on.start();
    rmSync(inHome("spool", "new"), { recursive: true });
    renameSync(ready, inHome("spool", "new"));
    await until(
      () => readdirSync(inHome("spool", "new")).length < ids.length,
      () => daemon.output(),
    );
    neverTwo(await daemon.stop(signal), "consume");
    const left = readdirSync(inHome("spool", "new")).length;
    await on.start();
    expect(consumerOf(await on.settled(), "log").ok).toBe(ids.length);
    expect((await on.ndjson(["events"])).map((event) => event.id)).toEqual(ids);
    console.log(`${signal}: ${left} of ${ids.length} were left in the spool`);
  });
}

test("with nobody reading its output any more it goes on, and ends well", async () => {
  on.consumer("loud", `on = ["**"]\nshell = "echo loud"\n`);
  const env = { PATH: process.env.PATH ?? "", HOME: on.root, OFFHOOK_HOME: on.home };
  const line = `{ "$0" consume; echo "exit $?" >&2; } | head -n 1 > /dev/null`;
  const child = Bun.spawn(["sh", "-c", line, BINARY], { env, stdout: "ignore", stderr: "pipe" });
  await until(
    async () => (await on.status()).daemon.answers === true,
    () => "no daemon",
  );
  for (let i = 1; i <= 3; i++) {
    await publish();
    expect(consumerOf(await on.settled(), "loud")).toMatchObject({ ok: i, failed: 0 });
  }
  process.kill((await on.status()).daemon.pid, "SIGTERM");
  expect(await child.stderr.text()).toBe("exit 0\n");
});
