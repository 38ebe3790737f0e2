// The stream's contract, on a real SQLite file. A second backend runs the same sentences.
import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Event } from "../src/event/event.ts";
import { openInspection } from "../src/ledger/inspect.ts";
import { openLedger } from "../src/ledger/ledger.ts";
import type { AttemptEnd, Decision, Stream } from "../src/stream/stream.ts";

let directory: string;
let path: string;
let now: number;
let stream: Stream;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "offhook-stream-"));
  path = join(directory, "ledger.db");
  now = Date.parse("2026-11-20T12:00:00Z");
  stream = open(path);
});
afterEach(() => {
  stream.close();
  rmSync(directory, { recursive: true });
});

const open = (file: string) => openLedger(file, { now: () => now, durability: "power" });

function makeEvent(over: Partial<Event> = {}): Event {
  return {
    id: Bun.randomUUIDv7(),
    source: "/n1/claude-code",
    type: "claude-code.PostToolUse",
    timeMs: now,
    subject: "/p/a.py",
    node: "n1",
    sessionId: "s1",
    agentId: null,
    tool: "Write",
    toolUseId: Bun.randomUUIDv7(),
    project: "/p",
    depth: 0,
    duplicateOf: null,
    contentType: "application/json",
    data: `{"n":${Math.random()}}`,
    ...over,
  };
}

const OK: AttemptEnd = {
  outcome: "ok",
  exitCode: 0,
  signal: null,
  durationMs: 12,
  stdout: "fine",
  stderr: "",
  reason: null,
  counts: true,
};
const NOTHING = { cools: false, events: [] };
const LONGEST = { retryMs: 60_000, holdMs: 1_000 };
const FAILED: AttemptEnd = { ...OK, outcome: "failed", exitCode: 3, stdout: "" };

const group = (name: string) =>
  openInspection(path)!
    .groups(now)
    .find((one) => one.consumer === name)!;
const deliver = (consumer: string, keys: string[], ordered = true) =>
  stream.decide({
    consumer,
    ordered,
    cursor: stream.lastSeq(),
    deliveries: keys.map((key) => ({ key, seqs: [stream.lastSeq()], hold: null })),
    joins: [],
    skips: [],
    accepted: [],
  });
/** A decision without anything in it. */
const decision = (over: Partial<Decision>): Decision => ({
  consumer: "lint",
  ordered: true,
  cursor: stream.lastSeq(),
  deliveries: [],
  joins: [],
  skips: [],
  accepted: [],
  ...over,
});

describe("append", () => {
  test("gives each event a seq in the order it came", () => {
    const events = [makeEvent(), makeEvent(), makeEvent()];
    expect(stream.append(events)).toBe(3);
    expect(stream.read(0, 10).map((event) => event.id)).toEqual(events.map((event) => event.id));
    expect(stream.read(2, 10).map((event) => event.seq)).toEqual([3]);
  });

  test("takes an id once, however often it is sent", () => {
    const event = makeEvent();
    stream.append([event]);
    expect(stream.append([event, makeEvent()])).toBe(1);
    expect(stream.read(0, 10).length).toBe(2);
    expect(stream.read(0, 10).every((one) => one.duplicateOf === null)).toBe(true);
  });

  test("gives back the data as it came, also large and compressed, and with integers beyond 2^53", () => {
    const small = '{"n":9007199254740993, "x" : 1.0}';
    const large = `{"n":9007199254740993,"text":"${"ü-line\\n".repeat(90_001)}"}`;
    stream.append([makeEvent({ data: small }), makeEvent({ data: large })]);
    expect(stream.read(0, 10).map((event) => event.data)).toEqual([small, large]);
    const stored = new Database(path, { readonly: true })
      .query("SELECT typeof(data) AS kind FROM events ORDER BY seq")
      .all();
    expect(stored).toEqual([{ kind: "text" }, { kind: "blob" }]);
  });

  test("marks the second firing of one tool call as a duplicate of the first, and keeps it", () => {
    const first = makeEvent({ toolUseId: "toolu_1" });
    const second = makeEvent({ toolUseId: "toolu_1", timeMs: now + 40 });
    const third = makeEvent({ toolUseId: "toolu_1", timeMs: now + 50 });
    stream.append([first]);
    stream.append([second, third]);
    expect(stream.read(0, 10).map((event) => event.duplicateOf)).toEqual([null, first.id, first.id]);
  });

  test("does not mistake another hook, session or subagent of the same tool call for a duplicate", () => {
    stream.append([
      makeEvent({ toolUseId: "t" }),
      makeEvent({ toolUseId: "t", type: "claude-code.PreToolUse" }),
      makeEvent({ toolUseId: "t", sessionId: "s2" }),
      makeEvent({ toolUseId: "t", agentId: "a" }),
    ]);
    expect(stream.read(0, 10).every((event) => event.duplicateOf === null)).toBe(true);
  });

  test("without a tool call, takes the same bytes within 2 s for one firing, and not later", () => {
    const stop = { toolUseId: null, type: "claude-code.Stop", data: '{"stop":1}' };
    stream.append([
      makeEvent({ ...stop }),
      makeEvent({ ...stop, timeMs: now + 1999 }),
      makeEvent({ ...stop, timeMs: now + 2001 }),
    ]);
    expect(stream.read(0, 10).map((event) => event.duplicateOf !== null)).toEqual([false, true, false]);
  });

  test("never takes what a program published for a double firing", () => {
    const tick = { source: "/n1/program", type: "tick", toolUseId: null, data: "{}" };
    stream.append([makeEvent(tick), makeEvent(tick)]);
    expect(stream.read(0, 10).every((event) => event.duplicateOf === null)).toBe(true);
  });
});

describe("a group", () => {
  test("begins after the last event, or before the first", () => {
    stream.append([makeEvent(), makeEvent()]);
    expect(stream.openGroup("now", { start: "now", ordered: true })).toEqual({ cursor: 2, paused: false });
    expect(stream.openGroup("earliest", { start: "earliest", ordered: true }).cursor).toBe(0);
  });

  test("keeps its cursor over a restart", () => {
    stream.append([makeEvent(), makeEvent(), makeEvent()]);
    stream.openGroup("lint", { start: "earliest", ordered: true });
    stream.decide(decision({ cursor: 2 }));
    stream.close();
    stream = open(path);
    expect(stream.openGroup("lint", { start: "earliest", ordered: true }).cursor).toBe(2);
    expect(group("lint").lag).toBe(1);
  });

  test("that no file names any more is removed, and back when the file is", () => {
    stream.openGroup("a", { start: "now", ordered: true });
    stream.openGroup("b", { start: "now", ordered: true });
    stream.markRemoved(["b"]);
    expect([group("a").removedMs, group("b").removedMs]).toEqual([now, null]);
    stream.openGroup("a", { start: "now", ordered: true });
    expect(group("a").removedMs).toBeNull();
  });

  test("counts outcomes and skips since it began", () => {
    stream.append([makeEvent()]);
    stream.openGroup("lint", { start: "now", ordered: true });
    deliver("lint", ["a", "b"]);
    stream.decide(decision({ cursor: 1, skips: [{ seq: 1, key: "a", reason: "depth" }] }));
    for (const delivery of stream.startable("lint", 9))
      stream.settle(delivery.id, stream.begin(delivery.id, null), OK, { state: "ok" }, NOTHING);
    expect(group("lint")).toMatchObject({ ok: 2, failed: 0, skipped: 1, pending: 0, lastOutcomeMs: now });
  });
});

describe("order", () => {
  beforeEach(() => {
    stream.append([makeEvent()]);
    stream.openGroup("lint", { start: "now", ordered: true });
  });
  const keys = () => stream.startable("lint", 99).map((delivery) => delivery.key);

  test("one key never overlaps itself, others go on", () => {
    deliver("lint", ["a", "a", "b"]);
    expect(keys()).toEqual(["a", "b"]);
    stream.begin(stream.startable("lint", 1)[0]!.id, null);
    expect(keys()).toEqual(["b"]);
  });

  test("a retry in backoff holds its key, and a settled one lets the next go", () => {
    deliver("lint", ["a", "a"]);
    const first = stream.startable("lint", 1)[0]!;
    stream.settle(
      first.id,
      stream.begin(first.id, null),
      FAILED,
      {
        state: "backoff",
        reason: "exit 3",
        dueMs: now + 1000,
      },
      NOTHING,
    );
    expect(keys()).toEqual([]);
    now += 1000;
    expect(stream.wake("lint", LONGEST)).toEqual({ anyWaits: true, retryInMs: null, holdInMs: null });
    expect(stream.startable("lint", 9).map((delivery) => [delivery.id, delivery.counted])).toEqual([[first.id, 1]]);
    stream.settle(first.id, stream.begin(first.id, null), FAILED, { state: "dead", reason: "exit 3" }, NOTHING);
    expect(stream.startable("lint", 9).map((delivery) => delivery.id)).not.toContain(first.id);
    expect(keys()).toEqual(["a"]);
    expect(group("lint")).toMatchObject({ dead: 1, failed: 2, ready: 1 });
  });

  test("without order every ready delivery may start, also after the file changed its mind", () => {
    deliver("lint", ["a", "a"]);
    stream.openGroup("lint", { start: "now", ordered: false });
    deliver("lint", ["a"], false);
    expect(keys()).toEqual(["a", "a", "a"]);
    stream.openGroup("lint", { start: "now", ordered: true });
    expect(keys()).toEqual(["a"]);
  });

  test("a delivery whose file is gone becomes a skip and frees its key", () => {
    deliver("lint", ["a", "a"]);
    stream.skip(stream.startable("lint", 1)[0]!.id, "file-gone");
    expect(keys()).toEqual(["a"]);
    expect(
      openInspection(path)!
        .skips({ consumer: "lint", session: null, limit: null })
        .map((skip) => skip.reason),
    ).toEqual(["file-gone"]);
  });

  test("a clock set back does not make a backoff or a hold longer than the longest of its kind", () => {
    deliver("lint", ["a"]);
    const first = stream.startable("lint", 1)[0]!;
    stream.settle(
      first.id,
      stream.begin(first.id, null),
      FAILED,
      {
        state: "backoff",
        reason: "exit 3",
        dueMs: now + 5000,
      },
      NOTHING,
    );
    const hold = { openedMs: now, dueMs: now + 200, fileBytes: 0, dataBytes: 0 };
    stream.decide(decision({ deliveries: [{ key: "b", seqs: [stream.lastSeq()], hold }] }));
    now -= 24 * 3600 * 1000;
    expect(stream.wake("lint", LONGEST)).toEqual({ anyWaits: true, retryInMs: 60_000, holdInMs: 1000 });
  });
});

describe("what a dead daemon left", () => {
  test("is listed with what is known of its process, and is ready again without counting", () => {
    stream.append([makeEvent()]);
    stream.openGroup("lint", { start: "now", ordered: true });
    deliver("lint", ["a"]);
    const { id } = stream.startable("lint", 1)[0]!;
    stream.noteGroup(id, stream.begin(id, "boot-1"), 4711, "99");
    stream.close();
    stream = open(path);
    expect(stream.unfinished()).toEqual([
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
    stream.settle(id, 1, { ...FAILED, outcome: "killed", counts: false }, { state: "ready" }, NOTHING);
    expect(stream.startable("lint", 1).map((delivery) => [delivery.attempts, delivery.counted])).toEqual([[1, 0]]);
    expect(group("lint").failed).toBe(0);
  });
});

describe("the file", () => {
  test("of a newer version is refused with advice, for writing and for looking", () => {
    stream.close();
    new Database(path).run("PRAGMA user_version = 99");
    for (const attempt of [() => open(path), () => openInspection(path)]) {
      expect(attempt).toThrow(/newer offhook \(version 99/);
    }
    new Database(path).run("PRAGMA user_version = 2");
    stream = open(path);
  });

  test("that is no database is refused with advice", () => {
    const other = join(directory, "other.db");
    writeFileSync(other, "this is a shopping list, not a ledger\n".repeat(100));
    expect(() => open(other)).toThrow(/is damaged: file is not a database/);
  });
});
