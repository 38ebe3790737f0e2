// The stream's contract: each sentence on each backend, but for what only the node's own ledger does.
import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openInspection } from "../src/ledger/inspect.ts";
import { openLedger } from "../src/ledger/ledger.ts";
import { openScratch, type Scratch } from "./scratch-ledger.ts";
import { type Backend, onEachBackend } from "./stream-backend.ts";
import { FAILED, makeEvent, NOTHING, OK } from "./stream-verbs.ts";

const LONGEST = { retryMs: 60_000, holdMs: 1_000 };

onEachBackend((backend) => {
  let on: Backend;
  beforeEach(() => {
    on = backend();
  });
  const deliver = (consumer: string, keys: string[], ordered = true) =>
    on.deliver(
      consumer,
      keys.map((key) => ({ key, seqs: [on.stream.lastSeq()] })),
      ordered,
    );
  const backOff = (id: string, dueMs: number) =>
    on.stream.settle(id, on.stream.begin(id, null), FAILED, { state: "backoff", reason: "exit 3", dueMs }, NOTHING);

  describe("what was appended", () => {
    test("comes in the order in which it came", () => {
      const events = [1, 2, 3].map(() => makeEvent({ timeMs: on.now }));
      expect(on.appendAll(events)).toBe(3);
      expect(on.stream.read(0, 10).map((event) => event.id)).toEqual(events.map((event) => event.id));
      expect(on.stream.read(2, 10).map((event) => event.seq)).toEqual([3]);
      expect(on.stream.read(1, 1).map((event) => event.seq)).toEqual([2]);
      expect(on.stream.eventsOf([1, 3]).map((event) => event.seq)).toEqual([1, 3]);
    });

    test("comes once, however often it is sent", () => {
      const event = makeEvent({ timeMs: on.now });
      on.appendAll([event]);
      expect(on.appendAll([event, makeEvent({ timeMs: on.now })])).toBe(1);
      expect(on.stream.read(0, 10).length).toBe(2);
      expect(on.stream.read(0, 10).every((one) => one.duplicateOf === null)).toBe(true);
    });

    test("has its data as it came, also large, and with integers beyond 2^53", async () => {
      const small = '{"n":9007199254740993, "x" : 1.0}';
      const large = `{"n":9007199254740993,"text":"${"ü-line\\n".repeat(90_001)}"}`;
      const first = makeEvent({ timeMs: on.now, data: small });
      on.group("lint");
      on.appendAll([first, makeEvent({ timeMs: on.now, data: large })]);
      expect(on.stream.read(0, 10).map((event) => event.data)).toEqual([small, large]);
      on.deliver("lint", [{ key: "a", seqs: [1, 2] }]);
      await on.reopen();
      const [delivery] = on.stream.startable("lint", 1);
      const events = on.stream.eventsOf(delivery?.seqs ?? []);
      expect(events.map((event) => event.data)).toEqual([small, large]);
      expect({ ...events[0] }).toEqual({ ...first, seq: 1 });
    });
  });

  describe("a group", () => {
    test("begins after the last event, or before the first", () => {
      on.append(on.now, on.now);
      expect(on.group("now", "now")).toEqual({ cursor: 2, paused: false });
      expect(on.group("earliest", "earliest").cursor).toBe(0);
    });

    test("keeps its cursor over a restart", async () => {
      on.append(on.now, on.now, on.now);
      on.group("lint");
      on.decide({ consumer: "lint", cursor: 2 });
      await on.reopen();
      expect(on.group("lint").cursor).toBe(2);
      expect(on.stateOf("lint").lag).toBe(1);
      expect(on.stream.read(2, 10).map((event) => event.seq)).toEqual([3]);
    });

    test("counts outcomes and skips since it began", async () => {
      on.append();
      on.group("lint", "now");
      deliver("lint", ["a", "b"]);
      on.decide({ consumer: "lint", cursor: 1, skips: [{ seq: 1, key: "a", reason: "depth" }] });
      for (const delivery of on.stream.startable("lint", 9))
        on.stream.settle(delivery.id, on.stream.begin(delivery.id, null), OK, { state: "ok" }, NOTHING);
      const counts = { ok: 2, failed: 0, skipped: 1, pending: 0, lastOutcomeMs: on.now };
      expect(on.stateOf("lint")).toMatchObject(counts);
      await on.reopen();
      expect(on.stateOf("lint")).toMatchObject(counts);
      expect(on.skipCounts("lint")).toEqual([["depth", 1]]);
    });
  });

  describe("order", () => {
    beforeEach(() => {
      on.append();
      on.group("lint", "now");
    });
    const keys = () => on.stream.startable("lint", 99).map((delivery) => delivery.key);

    test("one key never overlaps itself, others go on", async () => {
      deliver("lint", ["a", "a", "b"]);
      expect(keys()).toEqual(["a", "b"]);
      on.stream.begin(on.stream.startable("lint", 1)[0]?.id ?? "", null);
      expect(keys()).toEqual(["b"]);
      await on.reopen();
      expect(keys()).toEqual(["b"]);
    });

    test("a retry in backoff holds its key, and a settled one lets the next go", async () => {
      const [id = "", next = ""] = deliver("lint", ["a", "a"]);
      backOff(id, on.now + 1000);
      expect(keys()).toEqual([]);
      await on.reopen();
      on.now += 999;
      expect(on.stream.wake("lint", LONGEST)).toEqual({ anyWaits: true, retryInMs: 1, holdInMs: null });
      on.now += 1;
      expect(on.stream.wake("lint", LONGEST)).toEqual({ anyWaits: true, retryInMs: null, holdInMs: null });
      expect(on.stream.startable("lint", 9).map((delivery) => [delivery.id, delivery.counted])).toEqual([[id, 1]]);
      on.stream.settle(id, on.stream.begin(id, null), FAILED, { state: "dead", reason: "exit 3" }, NOTHING);
      expect(on.startable("lint")).toEqual([next]);
      await on.reopen();
      expect(on.startable("lint")).toEqual([next]);
      expect(on.stateOf("lint")).toMatchObject({ dead: 1, failed: 2, ready: 1 });
    });

    test("without order every ready delivery may start, also after the file changed its mind", () => {
      deliver("lint", ["a", "a"]);
      on.group("lint", "now", false);
      deliver("lint", ["a"], false);
      expect(keys()).toEqual(["a", "a", "a"]);
      on.group("lint", "now", true);
      expect(keys()).toEqual(["a"]);
    });

    test("a delivery whose file is gone becomes a skip and frees its key", async () => {
      const [, next = ""] = deliver("lint", ["a", "a"]);
      on.stream.skip(on.stream.startable("lint", 1)[0]?.id ?? "", "file-gone");
      expect(on.startable("lint")).toEqual([next]);
      expect(on.skipCounts("lint")).toEqual([["file-gone", 1]]);
      await on.reopen();
      expect(on.skipCounts("lint")).toEqual([["file-gone", 1]]);
      expect(on.startable("lint")).toEqual([next]);
    });

    test("a clock set back does not make a backoff or a hold longer than the longest of its kind", () => {
      const [id = ""] = deliver("lint", ["a"]);
      backOff(id, on.now + 5000);
      const hold = { openedMs: on.now, dueMs: on.now + 200, fileBytes: 0, dataBytes: 0 };
      on.deliver("lint", [{ key: "b", seqs: [on.stream.lastSeq()], hold }]);
      on.now -= 24 * 3600 * 1000;
      expect(on.stream.wake("lint", LONGEST)).toEqual({ anyWaits: true, retryInMs: 60_000, holdInMs: 1000 });
    });
  });

  describe("what a group remembers for its next decision", () => {
    beforeEach(() => void on.group("lint"));

    test("of a key, when it was last accepted and when it last cooled, is there after a restart", async () => {
      on.append();
      on.decide({ consumer: "lint", accepted: [{ key: "it's", timeMs: 77 }] });
      const [id = ""] = deliver("lint", ["b"]);
      on.stream.settle(id, on.stream.begin(id, null), OK, { state: "ok" }, { cools: true, events: [] });
      await on.reopen();
      expect(on.stream.acceptedMs("lint", "it's")).toBe(77);
      expect(on.stream.cooledMs("lint", "it's")).toBeNull();
      expect([on.stream.acceptedMs("lint", "b"), on.stream.cooledMs("lint", "b")]).toEqual([null, on.now]);
    });

    test("is forgotten when no rule asks for it, the oldest first, and stays forgotten", async () => {
      on.append();
      const accepted = [1, 2, 3, 4].map((timeMs) => ({ key: `k${timeMs}`, timeMs }));
      on.decide({ consumer: "lint", accepted });
      on.stream.forgetMarks("lint", 2, 0, 2);
      await on.reopen();
      expect(accepted.map(({ key }) => on.stream.acceptedMs("lint", key))).toEqual([null, null, 3, 4]);
      expect((await on.tables("lint")).marks).toHaveLength(2);
    });

    test("a delivery that is held takes in more events of its key, until it is due", async () => {
      const [first = 0, second = 0] = on.append(on.now, on.now);
      const hold = { openedMs: on.now, dueMs: on.now + 500, fileBytes: 1, dataBytes: 10 };
      on.decide({ consumer: "lint", cursor: first, deliveries: [{ key: "a", seqs: [first], hold }] });
      const id = on.stream.hold("lint", "a")?.deliveryId ?? "";
      await on.reopen();
      expect(on.stream.hold("lint", "a")).toEqual({
        deliveryId: id,
        openedMs: on.now,
        events: 1,
        fileBytes: 1,
        dataBytes: 10,
      });
      const join = {
        deliveryId: id,
        openedMs: on.now,
        dueMs: on.now + 900,
        fileBytes: 2,
        dataBytes: 20,
        seqs: [second],
      };
      on.decide({ consumer: "lint", joins: [join] });
      await on.reopen();
      expect(on.stream.hold("lint", "a")).toMatchObject({ events: 2, fileBytes: 3, dataBytes: 30 });
      expect(on.startable("lint")).toEqual([]);
      on.now += 900;
      expect(on.stream.startable("lint", 9)).toMatchObject([{ id, seqs: [first, second], state: "held" }]);
      on.stream.closeHolds([id]);
      await on.reopen();
      expect(on.stream.hold("lint", "a")).toBeNull();
      expect(on.delivery(id).state).toBe("ready");
    });

    test("how many attempts began within its rate's window is there after a restart, and no longer than that", async () => {
      on.stream.noteStarts("lint", 2, 60_000);
      on.now += 30_000;
      on.stream.noteStarts("lint", 1, 60_000);
      await on.reopen();
      expect(on.stream.starts("lint", 60_000)).toEqual({ count: 3, oldestMs: on.now - 30_000 });
      on.now += 30_000;
      on.stream.noteStarts("lint", 1, 60_000);
      await on.reopen();
      expect(on.stream.starts("lint", 60_000)).toEqual({ count: 2, oldestMs: on.now - 30_000 });
      on.now -= 3_600_000;
      expect(on.stream.starts("lint", 60_000)).toEqual({ count: 2, oldestMs: on.now });
      await on.reopen();
      expect(on.stream.starts("lint", 60_000)).toEqual({ count: 2, oldestMs: on.now });
    });
  });

  describe("what a dead daemon left", () => {
    test("is listed with what is known of its process, and is ready again without counting", async () => {
      on.append();
      on.group("lint", "now");
      const [id = ""] = deliver("lint", ["a"]);
      on.stream.noteGroup(id, on.stream.begin(id, "boot-1"), 4711, "99");
      await on.reopen();
      expect(on.stream.unfinished()).toEqual([
        {
          deliveryId: id,
          consumer: "lint",
          key: "a",
          seqs: [1],
          number: 1,
          cutOffs: 0,
          bootId: "boot-1",
          groupId: 4711,
          leaderStart: "99",
        },
      ]);
      on.stream.settle(id, 1, { ...FAILED, outcome: "killed", counts: false }, { state: "ready" }, NOTHING);
      expect(
        on.stream.startable("lint", 1).map(({ attempts, counted, cutOffs }) => [attempts, counted, cutOffs]),
      ).toEqual([[1, 0, 1]]);
      await on.reopen();
      expect(on.stream.unfinished()).toEqual([]);
      expect(on.stateOf("lint").failed).toBe(0);
    });
  });

  describe("a transaction", () => {
    test("that throws leaves nothing of its verbs", async () => {
      on.append();
      on.group("lint");
      const [id = ""] = on.deliver("lint", [{ key: "a", seqs: [1] }]);
      const fails = () =>
        on.stream.together(() => {
          on.stream.settle(
            id,
            on.stream.begin(id, null),
            FAILED,
            { state: "dead", reason: "exit 3" },
            {
              cools: true,
              events: [makeEvent({ type: "offhook.dead-letter" })],
            },
          );
          on.stream.noteStarts("lint", 1, 60_000);
          throw new Error("after all not");
        });
      expect(fails).toThrow("after all not");
      await on.reopen();
      expect(on.stream.startable("lint", 9)).toMatchObject([{ id, attempts: 0 }]);
      expect(on.stateOf("lint")).toMatchObject({ dead: 0, failed: 0, ready: 1 });
      const { attempts, starts, marks } = await on.tables("lint");
      expect([attempts, starts, marks]).toEqual([[], [], []]);
      expect(on.seqs()).toEqual([1]);
    });
  });

  describe("deliveries that ran inside the daemon", () => {
    test("are settled together, and those that failed are tried again", async () => {
      on.append();
      on.group("log", "earliest", false);
      const [first = "", second = "", third = ""] = deliver("log", ["a", "b", "c"], false);
      on.stream.settleAtOnce([first, second], OK, { state: "ok" }, { cools: true, events: [] });
      on.stream.settleAtOnce([third], FAILED, { state: "backoff", reason: "disk", dueMs: on.now + 1 }, NOTHING);
      await on.reopen();
      expect(on.stateOf("log")).toMatchObject({ ok: 2, failed: 1, backoff: 1, pending: 1 });
      expect(on.stream.cooledMs("log", "b")).toBe(on.now);
      on.now += 1;
      on.stream.wake("log", LONGEST);
      expect(on.stream.startable("log", 9)).toMatchObject([{ id: third, attempts: 1, counted: 1 }]);
    });
  });
});

describe("in the node's ledger alone:", () => {
  let on: Scratch;
  beforeEach(() => {
    on = openScratch();
  });
  afterEach(() => on.end());
  const duplicates = () => on.stream.read(0, 10).map((event) => event.duplicateOf);

  test("large data is stored compressed", () => {
    on.appendEvents({}, { data: `{"text":"${"ü-line\\n".repeat(90_001)}"}` });
    expect(on.sql("SELECT typeof(data) AS kind FROM events ORDER BY seq")).toEqual([
      { kind: "text" },
      { kind: "blob" },
    ]);
  });

  test("the second firing of one tool call is marked as a duplicate of the first, and kept", () => {
    const first = makeEvent({ toolUseId: "toolu_1", timeMs: on.now });
    on.stream.append([first]);
    on.appendEvents({ toolUseId: "toolu_1", timeMs: on.now + 40 }, { toolUseId: "toolu_1", timeMs: on.now + 50 });
    expect(duplicates()).toEqual([null, first.id, first.id]);
  });

  test("another hook, session or subagent of the same tool call is no duplicate", () => {
    on.appendEvents(
      { toolUseId: "t" },
      { toolUseId: "t", type: "claude-code.PreToolUse" },
      { toolUseId: "t", sessionId: "s2" },
      { toolUseId: "t", agentId: "a" },
    );
    expect(duplicates()).toEqual([null, null, null, null]);
  });

  test("without a tool call, the same bytes within 2 s are one firing, and not later", () => {
    const stop = { toolUseId: null, type: "claude-code.Stop", data: '{"stop":1}' };
    on.appendEvents({ ...stop }, { ...stop, timeMs: on.now + 1999 }, { ...stop, timeMs: on.now + 2001 });
    expect(duplicates().map((id) => id !== null)).toEqual([false, true, false]);
  });

  test("what a program published is never a double firing", () => {
    const tick = { source: "/n1/program", type: "tick", toolUseId: null, data: "{}" };
    on.appendEvents(tick, tick);
    expect(duplicates()).toEqual([null, null]);
  });

  test("a group that no file names any more is removed, and back when the file is", () => {
    on.group("a", "now");
    on.group("b", "now");
    on.stream.markRemoved(["b"]);
    expect([on.stateOf("a").removedMs, on.stateOf("b").removedMs]).toEqual([on.now, null]);
    on.group("a", "now");
    expect(on.stateOf("a").removedMs).toBeNull();
  });

  test("a skip is listed with its event, key and reason", () => {
    on.append();
    on.group("lint", "now");
    const [id = ""] = on.deliver("lint", [{ key: "a", seqs: [1] }]);
    on.stream.skip(id, "file-gone");
    expect(on.skips("lint")).toEqual([[1, "a", "file-gone"]]);
  });
});

describe("the file", () => {
  let directory: string;
  let path: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "offhook-stream-"));
    path = join(directory, "ledger.db");
  });
  afterEach(() => rmSync(directory, { recursive: true }));
  const open = (file: string) => openLedger(file, { now: Date.now, durability: "power" });

  test("of a newer version is refused with advice, for writing and for looking", () => {
    open(path).close();
    const version = (to: number) => new Database(path).run(`PRAGMA user_version = ${to}`);
    version(99);
    for (const attempt of [() => open(path), () => openInspection(path)]) {
      expect(attempt).toThrow(/newer offhook \(version 99/);
    }
    version(3);
    open(path).close();
  });

  test("that is no database is refused with advice", () => {
    const other = join(directory, "other.db");
    writeFileSync(other, "this is a shopping list, not a ledger\n".repeat(100));
    expect(() => open(other)).toThrow(/is damaged: file is not a database/);
  });
});
