// Changes that people ask for, on a real ledger in this process: long ones give way, cut ones say how far they came. And the
// way to them: a daemon that does not answer, and somebody else who holds the home.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { applyChange, type Change } from "../src/daemon/change.ts";
import type { ChangeDeps } from "../src/daemon/change-deps.ts";
import { takeLock } from "../src/daemon/lock.ts";
import { OffhookError } from "../src/errors.ts";
import { openInspection } from "../src/ledger/inspect.ts";
import { openLedger } from "../src/ledger/ledger.ts";
import type { Decision, Stream } from "../src/stream/stream.ts";
import { untilIts, well } from "./either-way.ts";
import { consumerWith, storedEvent } from "./fixtures/delivery.ts";
import { openGuarded } from "./guarded.ts";
import { type Running, wrote } from "./running.ts";

const lint = consumerWith({ kind: "run", argv: ["true"] });

describe("on a ledger", () => {
  let directory: string;
  let stream: Stream;
  let asked: string[];
  let now: number;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "offhook-test-"));
    now = storedEvent().timeMs + 1000;
    stream = openLedger(join(directory, "ledger.db"), { now: () => now, durability: "process" });
    asked = [];
  });
  afterEach(() => {
    stream.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const deps = (over: Partial<ChangeDeps> = {}): ChangeDeps => ({
    stream,
    inspect: () => openInspection(join(directory, "ledger.db")),
    consumerNamed: (name) => (name === "lint" ? lint : null),
    fileNames: () => ["lint"],
    isOff: () => false,
    isRunning: () => false,
    realPath: (path) => path,
    now: () => now,
    forgotten: (name) => asked.push(`forgotten ${name}`),
    reopen: (name) => asked.push(`reopen ${name}`),
    advance: () => asked.push("advance"),
    ...over,
  });
  const replayAll: Change & { kind: "replay" } = {
    kind: "replay",
    consumer: "lint",
    selection: { fromSeq: null, throughSeq: null, sinceMs: null, session: null, type: null, seqs: null },
    dryRun: false,
  };
  const pendingOf = () => {
    const inspection = openInspection(join(directory, "ledger.db"));
    const pending = inspection?.groups(now)[0]?.pending;
    inspection?.close();
    return pending;
  };

  /** So many events in lint's past; `over` is what lint made of them. */
  function past(count: number, over: Partial<Decision> = {}): void {
    stream.openGroup("lint", { start: "earliest", ordered: true });
    const event = (at: number) => storedEvent({ id: `id-${at}`, subject: `/p/${at % 7}`, toolUseId: `t-${at}` });
    stream.append(Array.from({ length: count }, (_, at) => event(at)));
    const decision = {
      consumer: "lint",
      ordered: true,
      cursor: count,
      deliveries: [],
      joins: [],
      skips: [],
      accepted: [],
    };
    stream.decide({ ...decision, ...over });
  }

  /** Makes a dead letter of lint's only delivery that can start. */
  function settleFirst(state: "dead" | "ok"): void {
    const [delivery] = stream.startable("lint", 1);
    if (delivery === undefined) throw new Error("nothing can start");
    const end = {
      outcome: "ok",
      exitCode: 0,
      signal: null,
      durationMs: 1,
      stdout: "",
      stderr: "",
      reason: null,
    } as const;
    const next = state === "dead" ? ({ state, reason: "no" } as const) : { state };
    stream.settle(delivery.id, stream.begin(delivery.id, null), { ...end, counts: true }, next, {
      cools: false,
      events: [],
    });
  }

  test("a long replay gives way to everything else, again and again", async () => {
    past(3_000);
    let turns = 0;
    let isOver = false;
    const turn = () => {
      turns++;
      if (!isOver) setImmediate(turn);
    };
    setImmediate(turn);
    const made = await applyChange(replayAll, deps());
    isOver = true;
    expect(made).toMatchObject({ deliveries: 3_000, events: 3_000 });
    expect(made.ids).toHaveLength(3_000);
    expect(pendingOf()).toBe(3_000);
    expect(turns).toBeGreaterThan(15);
    expect(asked).toEqual(["advance"]);
  });

  test("a replay that meets a full disk says how much of it was made, and what was made runs", async () => {
    past(1_200);
    let pages = 0;
    const full = Object.assign(new Error("database or disk is full"), { code: "SQLITE_FULL" });
    const replay: Stream["replay"] = (...given) => {
      if (++pages === 2) throw full;
      return stream.replay(...given);
    };
    const cut = await applyChange(replayAll, deps({ stream: { ...stream, replay } })).catch((error) => error);
    expect(cut).toBeInstanceOf(OffhookError);
    expect(cut).toMatchObject({ exitCode: 1, hint: "make room on its disk" });
    expect(cut.message).toBe(`only ${pendingOf()} deliveries were made, then: database or disk is full`);
    expect(pendingOf()).toBe(200);
    expect(asked).toEqual(["advance"]);
  });

  test("any other change on a full disk is refused with what to do", async () => {
    past(1);
    const setPaused = () => {
      throw Object.assign(new Error("database or disk is full"), { code: "SQLITE_FULL" });
    };
    const refused = applyChange({ kind: "pause", consumer: "lint" }, deps({ stream: { ...stream, setPaused } }));
    expect(await refused.catch((error) => error)).toMatchObject({ exitCode: 1, hint: "make room on its disk" });
    expect(asked).toEqual([]);
  });

  test("an event that was let go of between looking and writing is in no delivery", async () => {
    past(20);
    const debounced = { ...lint, debounce: { quietMs: 1, maxMs: 1 }, key: "{project}" };
    const inspect = () => {
      const inspection = openInspection(join(directory, "ledger.db"));
      if (inspection === null) return null;
      return {
        ...inspection,
        *events(filter: Parameters<typeof inspection.events>[0]) {
          yield* inspection.events(filter);
          stream.prune({ settledBeforeMs: null, deadBeforeMs: null, most: 15 });
        },
      };
    };
    const made = await applyChange(replayAll, deps({ inspect, consumerNamed: () => debounced }));
    expect(made).toMatchObject({ deliveries: 1, events: 5, first: [{ seqs: [16, 17, 18, 19, 20] }] });
    expect(stream.startable("lint", 9).map((delivery) => delivery.seqs)).toEqual([[16, 17, 18, 19, 20]]);
  });

  test("prune finds what may go behind any number of events that stay", async () => {
    const kept = Array.from({ length: 45_000 }, (_, at) => at + 1);
    past(45_300, { deliveries: [{ key: "k", seqs: kept, hold: null }] });
    settleFirst("dead");
    const gone = await applyChange({ kind: "prune", beforeMs: now + 1 }, deps());
    expect(gone).toMatchObject({ events: 299, deliveries: 0 });
  });

  test("more dead letters than one page takes are all ready again, and each once", async () => {
    const letters = 1_100;
    past(letters, {
      deliveries: Array.from({ length: letters }, (_, at) => ({ key: `${at}`, seqs: [at + 1], hold: null })),
    });
    for (let count = 0; count < letters; count++) settleFirst("dead");
    const inspection = openInspection(join(directory, "ledger.db"));
    const filter = { consumer: null, state: "dead", session: null, limit: null };
    const deliveries = [...(inspection?.deliveries(filter) ?? [])].map((letter) => letter.id);
    inspection?.close();
    const change = { kind: "retry-dead" as const, deliveries: [...deliveries, ...deliveries.slice(0, 9)] };
    expect(await applyChange(change, deps())).toEqual({ count: letters });
    expect([pendingOf(), asked]).toEqual([letters, ["advance"]]);
    expect(await applyChange(change, deps())).toEqual({ count: 0 });
  });

  test("nothing is forgotten of a consumer that runs something inside the daemon", async () => {
    past(1);
    const gone = { fileNames: () => [] };
    const forget = (over: Partial<ChangeDeps>) =>
      applyChange({ kind: "forget", consumer: "lint" }, deps({ ...gone, ...over })).catch((error) => error);
    expect(await forget({ isRunning: () => true })).toMatchObject({ exitCode: 75 });
    expect(await forget({})).toMatchObject({ consumer: "lint", lag: 0 });
  });

  test("pausing tells the loop, which looks again where it stands", async () => {
    past(1);
    await applyChange({ kind: "pause", consumer: "lint" }, deps());
    expect([asked, stream.openGroup("lint", { start: "now", ordered: true }).paused]).toEqual([["reopen lint"], true]);
  });

  test("what a newer command asks for is refused, not ignored", async () => {
    const unknown = { kind: "rewind", consumer: "lint" } as unknown as Change;
    expect(await applyChange(unknown, deps()).catch((error) => error)).toMatchObject({ exitCode: 75 });
  });
});

describe("the way there", () => {
  let on: Running;
  beforeEach(() => {
    on = openGuarded();
    on.consumer("lint", `on = ["PostToolUse"]\nshell = "exit 100"\n`);
  });
  afterEach(() => on.end());

  test("a daemon that does not answer is not waited for", async () => {
    const daemon = await on.start();
    process.kill(daemon.pid, "SIGSTOP");
    try {
      const ran = await on.offhook(["pause", "lint"]);
      expect([ran.exitCode, ran.stdout]).toEqual([75, ""]);
      expect(ran.stderr).toContain(`held by pid ${daemon.pid}, which does not answer`);
    } finally {
      process.kill(daemon.pid, "SIGCONT");
    }
    expect(await well(on, ["pause", "lint"])).toContain("lint is paused");
  });

  test("a home that another command holds for a moment is left to it", async () => {
    const daemon = await on.start();
    await on.publish(wrote(on.file("a.py")));
    await untilIts(on, "lint", { dead: 1 });
    expect(await daemon.stop()).toBe(0);
    await takeLock(on.home, { pid: process.pid, startedAt: new Date().toISOString() });
    const ran = await on.offhook(["dead-letters", "purge", "--all"]);
    expect([ran.exitCode, ran.stdout]).toEqual([75, ""]);
    expect(await on.ndjson(["dead-letters", "list"])).toHaveLength(1);
  });

  test("before any daemon has run there is nothing to change, and it is said", async () => {
    for (const args of [
      ["pause", "lint"],
      ["replay", "--consumer", "lint", "--all"],
      ["forget", "lint"],
    ]) {
      const ran = await on.offhook(args);
      expect([args, ran.exitCode, ran.stdout]).toEqual([args, 66, ""]);
      expect(ran.stderr).toMatch(/no daemon has run in this home\ntry: offhook consume\n$/);
    }
  });

  test("changes from many commands at once are all made", async () => {
    await on.start();
    await Promise.all(Array.from({ length: 8 }, (_, at) => on.publish(wrote(on.file(`${at}.py`)))));
    await untilIts(on, "lint", { dead: 8 });
    const letters = await on.ndjson(["dead-letters", "list"]);
    await Promise.all(letters.map((letter) => well(on, ["dead-letters", "purge", letter.id])));
    expect(await on.ndjson(["dead-letters", "list"])).toEqual([]);
  });
});
