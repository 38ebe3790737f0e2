// Pausing, resuming and forgetting a consumer, through the daemon and without one.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inThisWay, untilIts, WAYS, well } from "./either-way.ts";
import { consumerOf, haveArrived, openGuarded } from "./guarded.ts";
import { type Daemon, type Running, until, wrote } from "./running.ts";

let on: Running;
let daemon: Daemon;
beforeEach(async () => {
  on = openGuarded();
  on.consumer("lint", `on = ["PostToolUse"]\nshell = 'echo "$OFFHOOK_FILE" >> "$OFFHOOK_HOME/ran"'\n`);
  on.consumer("log", `on = ["**"]\nbuiltin = "log"\n`);
  daemon = await on.start();
});
afterEach(() => on.end());

const ran = () =>
  existsSync(join(on.home, "ran")) ? readFileSync(join(on.home, "ran"), "utf8").trim().split("\n") : [];
const write = (name: string) => on.publish(wrote(on.file(name)));

describe.each(WAYS)("%s", (way) => {
  test("a paused consumer keeps its place over restarts, and goes on where it was when it is resumed", async () => {
    await write("1.py");
    await untilIts(on, "lint", { ok: 1 });
    await inThisWay(way, daemon);
    expect(await well(on, ["pause", "lint"])).toMatch(/^lint is paused: its events wait\.\n.*offhook resume lint\n$/);
    if (way === "without a daemon") daemon = await on.start();
    await write("2.py");
    await write("3.py");
    await untilIts(on, "log", { ok: 3 });
    expect(consumerOf(await on.status(), "lint")).toMatchObject({ state: "paused", paused: true, lag: 2, ok: 1 });

    expect(await daemon.stop()).toBe(0);
    daemon = await on.start();
    await write("4.py");
    await untilIts(on, "log", { ok: 4 });
    expect(consumerOf(await on.status(), "lint")).toMatchObject({ state: "paused", lag: 3, ok: 1 });

    await inThisWay(way, daemon);
    expect(await well(on, ["resume", "lint"])).toContain("lint goes on: 3 events to decide on.");
    if (way === "without a daemon") await on.start();
    await untilIts(on, "lint", { state: "active", ok: 4, lag: 0 });
    expect(ran()).toEqual([1, 2, 3, 4].map((name) => join(on.root, `${name}.py`)));
  });

  test("pausing twice and resuming twice is no mistake, and is said", async () => {
    await inThisWay(way, daemon);
    await well(on, ["pause", "lint"]);
    expect(await well(on, ["pause", "lint"])).toContain("lint is paused already");
    await well(on, ["resume", "lint"]);
    expect(await well(on, ["resume", "lint"])).toContain("lint was not paused");
  });

  test("a name that never ran here is told, with those that did", async () => {
    await inThisWay(way, daemon);
    for (const verb of ["pause", "resume", "forget"]) {
      const { exitCode, stderr } = await on.offhook([verb, "nobody"]);
      expect(exitCode).toBe(66);
      expect(stderr).toMatch(/^error: .*nobody[^]*try: there are: lint, log/);
    }
  });

  test("forget waits for the file to go, then the consumer was never there", async () => {
    await write("1.py");
    await untilIts(on, "lint", { ok: 1 });
    const refused = await on.offhook(["forget", "lint"]);
    expect([refused.exitCode, refused.stderr]).toEqual([78, expect.stringContaining("consumers/lint.toml")]);

    rmSync(join(on.home, "consumers", "lint.toml"));
    await untilIts(on, "lint", { state: "removed" });
    await inThisWay(way, daemon);
    expect(await well(on, ["forget", "lint"])).toContain("lint is forgotten");
    expect(consumerOf(await on.status(), "lint")).toBeUndefined();
    expect(await on.ndjson(["deliveries", "--consumer", "lint"])).toEqual([]);
    expect((await on.offhook(["forget", "lint"])).exitCode).toBe(66);

    // A file of that name is a new consumer, which begins after what was there.
    on.consumer("lint", `on = ["PostToolUse"]\nbuiltin = "none"\n`);
    if (way === "without a daemon") await on.start();
    await untilIts(on, "lint", { state: "active" });
    await write("2.py");
    await untilIts(on, "lint", { ok: 1, lag: 0 });
  });
});

test("what runs when its consumer is paused goes on to its end", async () => {
  on.consumer(
    "slow",
    `on = ["Stop"]\nshell = 'echo $$ > "$OFFHOOK_HOME/began"; while [ -d "$OFFHOOK_HOME" ] && [ ! -e "$OFFHOOK_HOME/go" ]; do sleep 0.02; done'\n`,
  );
  await untilIts(on, "slow", { state: "active" });
  await on.publish(wrote(on.file("1.py"), { hook_event_name: "Stop" }));
  await on.publish(wrote(on.file("2.py"), { hook_event_name: "Stop" }));
  await until(
    () => existsSync(join(on.home, "began")),
    () => daemon.output(),
  );
  expect(await well(on, ["pause", "slow"])).toContain("What runs goes on to its end");
  writeFileSync(join(on.home, "go"), "");
  await untilIts(on, "slow", { ok: 1, running: 0 });
  await write("3.py");
  await untilIts(on, "log", { ok: 3 });
  expect(consumerOf(await on.status(), "slow")).toMatchObject({ ok: 1, pending: 1 });
  await well(on, ["resume", "slow"]);
  await untilIts(on, "slow", { ok: 2, pending: 0 });
});

test("a consumer of which something still runs is not forgotten", async () => {
  on.consumer(
    "slow",
    `on = ["Stop"]\nshell = 'while [ -d "$OFFHOOK_HOME" ] && [ ! -e "$OFFHOOK_HOME/go" ]; do sleep 0.02; done'\n`,
  );
  await untilIts(on, "slow", { state: "active" });
  await on.publish(wrote(on.file("1.py"), { hook_event_name: "Stop" }));
  await untilIts(on, "slow", { running: 1 });
  rmSync(join(on.home, "consumers", "slow.toml"));
  await untilIts(on, "slow", { state: "removed" });
  const refused = await on.offhook(["forget", "slow"]);
  expect([refused.exitCode, refused.stderr]).toEqual([75, expect.stringContaining("still runs")]);
  writeFileSync(join(on.home, "go"), "");
  await untilIts(on, "slow", { running: 0 });
  expect(await well(on, ["forget", "slow"])).toContain("slow is forgotten");
});

test("what a dead daemon left running is not forgotten either: the next daemon must find it to end it", async () => {
  on.consumer(
    "slow",
    `on = ["Stop"]\nshell = 'while [ -d "$OFFHOOK_HOME" ] && [ ! -e "$OFFHOOK_HOME/go" ]; do sleep 0.02; done'\n`,
  );
  await untilIts(on, "slow", { state: "active" });
  await on.publish(wrote(on.file("1.py"), { hook_event_name: "Stop" }));
  await untilIts(on, "slow", { running: 1 });
  await daemon.stop("SIGKILL");
  rmSync(join(on.home, "consumers", "slow.toml"));
  expect(await on.offhook(["forget", "slow"])).toMatchObject({ exitCode: 75 });
  await on.start();
  await untilIts(on, "slow", { state: "removed", running: 0 });
  await well(on, ["forget", "slow"]);
});

test("status says who is paused and how it goes on, and that alone needs no person", async () => {
  await well(on, ["pause", "lint"]);
  const status = await on.offhook(["status"]);
  expect(status.stdout).toMatch(/^lint +paused/m);
  expect(status.stdout).toContain("- lint is paused. Go on: offhook resume lint");
  expect(status.exitCode).toBe(0);
});

test("a paused consumer may be edited, and stays paused", async () => {
  await well(on, ["pause", "lint"]);
  on.consumer("lint", `on = ["PostToolUse"]\nbuiltin = "none"\n`);
  await until(
    () => daemon.output().includes("lint: the changed file is in use"),
    () => daemon.output(),
  );
  await write("1.py");
  await haveArrived(on, 1);
  expect(consumerOf(await on.status(), "lint")).toMatchObject({ state: "paused", lag: 1 });
  await well(on, ["resume", "lint"]);
  await untilIts(on, "lint", { ok: 1 });
  expect(ran()).toEqual([]);
});

test("resuming says what still keeps it", async () => {
  await well(on, ["pause", "lint"]);
  on.consumer("lint", `on = ["PostToolUse"]\nrn = ["true"]\n`);
  expect(await daemon.stop()).toBe(0);
  expect(await well(on, ["resume", "lint"])).toContain("But lint does not run, its file is broken");
});
