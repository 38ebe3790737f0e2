// drain: scripts wait until everything is settled, and learn why it cannot be.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { BINARY } from "./binary.ts";
import { untilIts, well } from "./either-way.ts";
import { consumerOf, openGuarded } from "./guarded.ts";
import { type Running, until, wrote } from "./running.ts";

let on: Running;
beforeEach(() => {
  on = openGuarded();
});
afterEach(() => on.end());

/** Runs until HOME/go is there. */
const SLOW = `shell = 'while [ -d "$OFFHOOK_HOME" ] && [ ! -e "$OFFHOOK_HOME/go" ]; do sleep 0.02; done'`;
const go = () => writeFileSync(join(on.home, "go"), "");
const write = (name: string) => on.publish(wrote(on.file(name)));
const drain = async (...args: string[]) => {
  const { exitCode, stdout } = await on.offhook(["drain", "--json", ...args]);
  return { exitCode, ...JSON.parse(stdout) };
};

test("everything that was published before is settled when it ends", async () => {
  on.consumer("slow", `on = ["PostToolUse"]\n${SLOW}\nconcurrency = 4\n`);
  on.consumer("held", `on = ["PostToolUse"]\nbuiltin = "none"\ndebounce = "300ms"\n`);
  await on.start();
  await Promise.all(Array.from({ length: 20 }, (_, index) => write(`${index}.py`)));
  const drained = drain();
  await until(
    async () => consumerOf(await on.status(), "slow").running > 0,
    () => "nothing runs",
  );
  go();
  expect(await drained).toMatchObject({ exitCode: 0, settled: true, timedOut: false, spool: 0, consumers: [] });
  const { spool, consumers } = await on.status();
  expect(spool.waiting).toBe(0);
  expect(consumers).toMatchObject([
    { name: "held", ok: 20, lag: 0, pending: 0 },
    { name: "slow", ok: 20, lag: 0, pending: 0 },
  ]);
  expect(await well(on, ["drain"])).toMatch(/^Everything is settled, after /);
});

test("dead letters are settled too, and told", async () => {
  on.consumer("lint", `on = ["PostToolUse"]\nshell = "exit 100"\n`);
  await on.start();
  await write("a.py");
  expect(await well(on, ["drain"])).toMatch(/settled, after .*\. 1 dead letter is there: offhook dead-letters list/);
});

test("what is not done in time is told, with exit 75", async () => {
  on.consumer("slow", `on = ["PostToolUse"]\n${SLOW}\n`);
  await on.start();
  await write("a.py");
  await untilIts(on, "slow", { running: 1 });
  const ran = await on.offhook(["drain", "--timeout", "200ms"]);
  expect([ran.exitCode, ran.stderr]).toEqual([75, ""]);
  expect(ran.stdout).toMatch(/^Not settled after .*: slow: 1 to do$/m);
  expect(await drain("--timeout", "200ms")).toMatchObject({
    exitCode: 75,
    settled: false,
    timedOut: true,
    consumers: [{ name: "slow", state: "active", pending: 1, stuck: null }],
  });
});

test("consumers that cannot move are named, and not waited for", async () => {
  on.consumer("lint", `on = ["PostToolUse"]\nbuiltin = "none"\n`);
  on.consumer("quiet", `on = ["PostToolUse"]\nbuiltin = "none"\n`);
  on.consumer("other", `on = ["PostToolUse"]\nbuiltin = "none"\n`);
  on.consumer("typo", `on = ["PostToolUse"]\nrn = ["true"]\n`);
  await on.start(["lint", "quiet", "typo"]);
  await well(on, ["pause", "quiet"]);
  await write("a.py");
  await untilIts(on, "lint", { ok: 1 });
  const ran = await on.offhook(["drain"]);
  expect(ran.exitCode).toBe(1);
  expect(ran.stdout).toMatch(/^All that can move is settled/);
  expect(ran.stdout).toMatch(/! quiet is paused\. Go on: offhook resume quiet \(\d to decide on\)/);
  expect(ran.stdout).toMatch(/! other is left out/);
  expect(ran.stdout).toMatch(/! typo does not run, its file is broken/);
  expect((await drain()).consumers.map((one: any) => one.name)).toEqual(["other", "quiet", "typo"]);
});

test("without a daemon there is nothing to wait for, or nobody who would do it", async () => {
  expect(await drain()).toMatchObject({ exitCode: 0, settled: true });
  await write("a.py");
  const ran = await on.offhook(["drain"]);
  expect([ran.exitCode, ran.stdout]).toEqual([69, ""]);
  expect(ran.stderr).toMatch(/^error: 1 event in the spool, and no daemon runs\ntry: offhook consume\n$/);
});

test("a daemon that ends meanwhile ends the wait", async () => {
  on.consumer("slow", `on = ["PostToolUse"]\n${SLOW}\n`);
  const daemon = await on.start();
  await write("a.py");
  await untilIts(on, "slow", { running: 1 });
  const drained = on.offhook(["drain"]);
  await daemon.stop("SIGKILL");
  expect((await drained).exitCode).toBe(69);
  go();
});

test("a person sees what is waited for, on one line that goes away", async () => {
  on.consumer("slow", `on = ["PostToolUse"]\n${SLOW}\n`);
  await on.start();
  await write("a.py");
  await untilIts(on, "slow", { running: 1 });
  let shown = "";
  const child = Bun.spawn([BINARY, "drain"], {
    env: { OFFHOOK_HOME: on.home, PATH: process.env.PATH!, TERM: "xterm", NO_COLOR: "1" },
    terminal: {
      data(_, bytes) {
        shown += Buffer.from(bytes).toString();
      },
    },
  });
  await until(
    () => shown.includes("slow: 1 to do; "),
    () => shown,
  );
  go();
  expect(await child.exited).toBe(0);
  await until(
    () => shown.includes("Everything is settled"),
    () => shown,
  );
  expect(shown.split("Everything")[0]).toEndWith("\r\x1b[K");
});
