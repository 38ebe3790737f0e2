// status: what it says a person has to do, what it only notes, and what makes it exit 1.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { whatIsNeeded } from "../src/commands/status.ts";
import { blockOf, type Status, type StatusConsumer, standstillOf } from "../src/daemon/status.ts";
import { untilIts, well } from "./either-way.ts";
import { openGuarded } from "./guarded.ts";
import { type Running, until, wrote } from "./running.ts";

describe("what is needed", () => {
  const consumer = (over: Partial<StatusConsumer> = {}): StatusConsumer => ({
    ...{
      name: "lint",
      state: "active",
      error: null,
      paused: false,
      waiting: null,
      lag: 0,
      pending: 0,
      held: 0,
      ready: 0,
    },
    ...{
      running: 0,
      backoff: 0,
      dead: 0,
      ok: 0,
      findings: 0,
      failed: 0,
      skipped: 0,
      oldestMs: null,
      lastOutcomeAt: null,
    },
    ...{ holdingBack: null, ...over },
  });
  const status = (over: Partial<Status> = {}): Status => ({
    ...{ version: "1", node: "n", home: "/home", configError: null },
    daemon: { running: true, pid: 1, startedAt: null, answers: true },
    spool: { waiting: 0, bad: 0, newer: 0, oldestMs: null },
    stream: { events: 0, firstSeq: null, lastSeq: null },
    ...{ trouble: null, damagedLedgers: [], projectFiles: [], consumers: [consumer()], ...over },
  });
  const of = (over: Partial<StatusConsumer>) => whatIsNeeded(status({ consumers: [consumer(over)] })).join("\n");

  test("is nothing where all is well, and where a person wanted it so", () => {
    expect(whatIsNeeded(status())).toEqual([]);
    expect(of({ state: "paused", paused: true, lag: 9 })).toBe("");
    expect(of({ waiting: "rate", pending: 9 })).toBe("");
    expect(whatIsNeeded(status({ projectFiles: [{ path: "/p/.offhook.toml", error: "no" }] }))).toEqual([]);
  });

  test("is said of dead letters with where to look, but not of what is removed", () => {
    expect(of({ dead: 3 })).toBe("lint has 3 dead letters. See why: offhook dead-letters list --consumer lint");
    expect(of({ dead: 1 })).toContain("1 dead letter.");
    expect(of({ dead: 3, state: "removed" })).toBe("");
  });

  test("is said of a broken edit also while the consumer is paused", () => {
    expect(of({ state: "paused", error: "lint.toml:1: no" })).toContain("last good version");
    expect(of({ state: "stale", error: "lint.toml:1: no" })).toContain("lint.toml:1: no");
    expect(of({ state: "broken", error: "lint.toml:1: no" })).toContain("lint does not run");
  });

  test("is said of the disk once, and not of the spool that waits for it", () => {
    const trouble = { kind: "disk-full" as const, since: new Date().toISOString(), text: "the disk of /home is full" };
    const spool = { waiting: 5, bad: 0, newer: 0, oldestMs: 120_000 };
    expect(whatIsNeeded(status({ trouble, spool }))).toEqual([expect.stringContaining("the disk of /home is full")]);
    expect(whatIsNeeded(status({ spool }))).toEqual([expect.stringContaining("wait in the spool for 2 min")]);
  });

  test("is said of damaged ledgers and of who holds back for too long", () => {
    expect(whatIsNeeded(status({ damagedLedgers: ["/home/ledger.damaged-1.db"] })).join()).toContain("damaged-1.db");
    expect(of({ holdingBack: "lint holds back events for 9 d" })).toBe("lint holds back events for 9 d");
  });

  test("what does not move says why, and what to do", () => {
    const states = ["active", "stale", "disabled", "paused", "broken", "left-out", "removed"] as const;
    expect(states.filter((state) => blockOf(consumer({ state })) === null)).toEqual(["active", "stale", "disabled"]);
    expect(standstillOf(status(), "lint")).toBeNull();
    const asleep = status({ daemon: { running: false, pid: null, startedAt: null, answers: false } });
    expect(standstillOf(asleep, "lint")).toContain("offhook consume");
  });
});

let on: Running;
beforeEach(() => {
  on = openGuarded();
});
afterEach(() => on.end());

test("held, rated and paused are columns, states and notes, and need nobody", async () => {
  on.consumer("held", `on = ["PostToolUse"]\nbuiltin = "none"\ndebounce = "1h"\n`);
  on.consumer("rated", `on = ["PostToolUse"]\nshell = "true"\nkey = "{type}"\nrate = "1/h"\n`);
  on.consumer("quiet", `on = ["PostToolUse"]\nbuiltin = "none"\n`);
  await on.start();
  await well(on, ["pause", "quiet"]);
  for (const name of ["a.py", "b.py"]) await on.publish(wrote(on.file(name)));
  await untilIts(on, "held", { held: 2, pending: 2, lag: 0 });
  await untilIts(on, "rated", { ok: 1, ready: 1, waiting: "rate" });
  const shown = await well(on, ["status"]);
  expect(shown).toMatch(/^consumer +state +lag +held +pending/m);
  expect(shown).toMatch(/^held +active +0 +2 +2 /m);
  expect(shown).toMatch(/^quiet +paused +2 +0 +0 /m);
  expect(shown).toContain("- rated waits for its rate");
  expect(shown).not.toContain("! ");
  const waiting = await on.ndjson(["deliveries", "--state", "ready"]);
  expect(waiting).toMatchObject([{ consumer: "rated", reason: "rate" }]);
  expect(await well(on, ["deliveries", "--state", "held"])).toMatch(/debounce, due in (60 min|1 h)/);
});

test("what was skipped is counted by reason", async () => {
  on.consumer("twice", `on = ["PostToolUse"]\nbuiltin = "none"\nkey = "{type}"\ndedup = "1h"\n`);
  await on.start();
  for (const name of ["a.py", "b.py", "c.py"]) await on.publish(wrote(on.file(name)));
  await untilIts(on, "twice", { ok: 1, skipped: 2 });
  expect((await on.status()).consumers[0].skippedBy).toEqual({ duplicate: 2 });
  expect(await well(on, ["deliveries", "--skipped"])).toMatch(/\nIn all:\n {2}twice: 2 duplicate\n$/);
});

test("a project's file that asks for more than silence is noted, and silences nothing", async () => {
  on.consumer("lint", `on = ["PostToolUse"]\nshell = "true"\n`);
  await on.start();
  mkdirSync(join(on.root, "shop", ".git"), { recursive: true });
  const file = on.file("shop/.offhook.toml", `disabled = true\nrun = ["touch", "/tmp/no"]\n`);
  await on.publish(wrote(on.file("shop/a.py")));
  await untilIts(on, "lint", { ok: 1 });
  const status = await on.offhook(["status"]);
  expect(status.exitCode).toBe(0);
  expect(status.stdout).toContain(`- refused, so that it silences nothing: ${file}:2: `);
  expect((await on.status()).projectFiles).toMatchObject([{ path: file }]);
});

test("a ledger that was set aside is named until it is moved away", async () => {
  const daemon = await on.start();
  expect(await daemon.stop()).toBe(0);
  for (const suffix of ["-wal", "-shm"]) rmSync(join(on.home, `ledger.db${suffix}`), { force: true });
  writeFileSync(join(on.home, "ledger.db"), "this was a database once");
  const again = await on.start();
  const [aside] = (await on.status()).damagedLedgers;
  const status = await on.offhook(["status"]);
  expect([status.exitCode, status.stdout]).toEqual([1, expect.stringContaining(`! A damaged ledger was set aside`)]);
  rmSync(aside);
  await until(
    async () => (await on.offhook(["status"])).exitCode === 0,
    () => again.output(),
  );
});

test("a consumer that is switched off in config.toml is disabled, with a daemon and without one", async () => {
  on.consumer("lint", `on = ["PostToolUse"]\nshell = "true"\n`);
  writeFileSync(join(on.home, "config.toml"), `disabled = ["lint"]\n`, { mode: 0o600 });
  expect((await on.status()).consumers).toMatchObject([{ name: "lint", state: "disabled" }]);
  await on.start();
  expect((await on.status()).consumers).toMatchObject([{ name: "lint", state: "disabled" }]);
  const ran = await on.offhook(["replay", "--consumer", "lint", "--all"]);
  expect([ran.exitCode, ran.stderr]).toEqual([78, expect.stringContaining("disabled in config.toml")]);
});
