// The daemon's own troubles can be consumed, and nothing that consumers cause runs away.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { consumerOf } from "./guarded.ts";
import { BINARY, openRunning, type Running, until, wrote } from "./running.ts";

let on: Running;
beforeEach(() => {
  on = openRunning();
});
afterEach(() => on.end());

const types = async () => (await on.ndjson(["events"])).map((event) => event.type);
const seen = (name: string): any[] =>
  readFileSync(join(on.home, name), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

test("a dead letter alerts, and an alert that fails does not alert about itself", async () => {
  on.consumer("lint", `on = ["PostToolUse"]\nshell = "exit 100"\n`);
  on.consumer("alert", `on = ["offhook.dead-letter"]\nshell = 'cat >> "$OFFHOOK_HOME/alerts"; exit 100'\n`);
  await on.start();
  const file = on.file("shop/a.py");
  await on.publish(wrote(file));
  await until(
    async () => consumerOf(await on.status(), "alert").dead === 1,
    () => "no alert",
  );
  await on.settled();
  const [dead] = await on.ndjson(["deliveries", "--consumer", "lint"]);
  expect(seen("alerts")).toMatchObject([
    {
      type: "offhook.dead-letter",
      subject: file,
      depth: 0,
      data: { consumer: "lint", deliveryId: dead.id, key: file, reason: "exit 100", attempts: 1 },
    },
  ]);
  // The alert's own dead letter is an event too, one deeper, which nobody is called for.
  expect(await types()).toEqual(["claude-code.PostToolUse", "offhook.dead-letter", "offhook.dead-letter"]);
  expect(consumerOf(await on.status(), "alert")).toMatchObject({ dead: 1, skipped: 1, lag: 0 });
});

test("a broken consumer and its mending can be consumed", async () => {
  on.consumer("watch", `on = ["offhook.*"]\nshell = 'cat >> "$OFFHOOK_HOME/troubles"'\n`);
  on.consumer("lint", `on = ["PostToolUse"]\nshell = "true"\n`);
  await on.start();
  on.consumer("lint", `on = ["PostToolUse"]\nshel = "true"\n`);
  await until(
    async () => consumerOf(await on.status(), "watch").ok === 1,
    () => "not told of the broken one",
  );
  on.consumer("lint", `on = ["PostToolUse"]\nshell = "true"\ntimeout = "5s"\n`);
  await until(
    async () => consumerOf(await on.status(), "watch").ok === 2,
    () => "not told of the mended one",
  );
  const [broken, mended] = seen("troubles");
  expect(broken).toMatchObject({ type: "offhook.consumer-broken", data: { consumer: "lint" } });
  expect(broken.data.errors[0]).toContain("shel");
  expect(mended).toMatchObject({ type: "offhook.recovered", data: { what: "consumer", consumer: "lint" } });
});

test("what ran when the daemon was killed is ready again, and its recovery can be consumed", async () => {
  on.consumer(
    "slow",
    `on = ["PostToolUse"]\nshell = 'test -e "$OFFHOOK_HOME/go" || { touch "$OFFHOOK_HOME/go"; sleep 60; }'\n`,
  );
  on.consumer("watch", `on = ["offhook.recovered"]\nshell = 'cat >> "$OFFHOOK_HOME/troubles"'\n`);
  const daemon = await on.start();
  await on.publish(wrote(on.file("a.py")));
  await until(
    async () => consumerOf(await on.status(), "slow").running === 1,
    () => "not running",
  );
  await daemon.stop("SIGKILL");
  await on.start();
  await on.settled();
  expect(seen("troubles")).toMatchObject([{ data: { what: "daemon", deliveries: 1 } }]);
  expect(consumerOf(await on.status(), "slow")).toMatchObject({ ok: 1, failed: 0 });
});

test("a consumer that publishes in response to every event does not run away", async () => {
  on.consumer("echo", `on = ["**"]\nshell = '"${BINARY}" publish --type echo --data "{}"'\nkey = "{type}"\n`);
  await on.start();
  for (let i = 0; i < 3; i++) await on.publish(wrote(on.file(`${i}.py`)));
  await until(
    async () => (await on.status()).stream.events === 6,
    () => "not 6 events",
  );
  await on.settled();
  expect((await types()).filter((type) => type === "echo").length).toBe(3);
  expect(consumerOf(await on.status(), "echo")).toMatchObject({ ok: 3, skipped: 3 });
});

test("ten attempts in a row that the daemon's end cut off are a dead letter, and say so", async () => {
  on.consumer("poison", `on = ["PostToolUse"]\nshell = "kill -9 $PPID; sleep 60"\n`);
  await on.publish(wrote(on.file("a.py")));
  for (let i = 0; i < 10; i++) {
    const daemon = await on.start();
    await until(
      () => !isThere(daemon.pid),
      () => `daemon ${i} lives: ${daemon.output()}`,
    );
  }
  await on.start();
  const [first] = await on.ndjson(["deliveries", "--consumer", "poison"]);
  expect(first).toMatchObject({ state: "dead", reason: "cut off by the daemon's end 10 times in a row" });
  expect(first.attempts.map((attempt: any) => attempt.outcome)).toEqual(Array(10).fill("killed"));
});

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
