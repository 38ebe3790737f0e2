// What can be looked at in a ledger: why a delivery waits, what was skipped for which reason, and lists that end where they should.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { DeliveryFilter } from "../src/ledger/inspect.ts";
import { ALL, openScratch, type Scratch } from "./scratch-ledger.ts";

let on: Scratch;
beforeEach(() => {
  on = openScratch();
});
afterEach(() => on.end());

describe("why a delivery waits", () => {
  test("is its quiet, the one before it of its key, a pause, or the rate, and else what its last attempt said", () => {
    on.group("lint");
    const [seq = 0] = on.append();
    // Whoever looks goes by the clock on the wall.
    const dueMs = Date.now() + 3_600_000;
    const hold = { openedMs: on.now, dueMs, fileBytes: 1, dataBytes: 1 };
    const [ready = "", behind = "", held = "", fails = "", overdue = ""] = on.deliver("lint", [
      { key: "a", seqs: [seq] },
      { key: "a", seqs: [seq] },
      { key: "b", seqs: [seq], hold },
      { key: "c", seqs: [seq] },
      { key: "a", seqs: [seq], hold: { ...hold, dueMs: Date.now() - 1000 } },
    ]);
    on.backOff(fails, on.now + 7000);
    const seen = (id: string) => {
      const { state, reason, dueMs } = on.delivery(id);
      return [state, reason, dueMs];
    };
    expect(seen(ready)).toEqual(["ready", null, null]);
    expect(seen(behind)).toEqual(["ready", "order", null]);
    expect(seen(held)).toEqual(["held", "debounce", dueMs]);
    expect(seen(overdue).slice(0, 2)).toEqual(["held", "order"]);
    expect(seen(fails)).toEqual(["backoff", "exit 3", on.now + 7000]);

    on.stream.setWaiting("lint", "rate");
    expect([seen(ready), seen(behind)]).toEqual([
      ["ready", "rate", null],
      ["ready", "order", null],
    ]);
    expect(on.stateOf("lint")).toMatchObject({
      waiting: "rate",
      paused: false,
      held: 2,
      ready: 2,
      backoff: 1,
      pending: 5,
    });
    on.stream.setPaused("lint", true);
    expect(seen(ready)).toEqual(["ready", "paused", null]);
    on.stream.setPaused("lint", false);
    on.stream.setWaiting("lint", null);
    expect(seen(ready)).toEqual(["ready", null, null]);

    on.stream.begin(ready, null);
    expect(seen(ready)).toEqual(["running", null, null]);
  });

  test("is nothing any more once it is settled", () => {
    on.group("lint");
    const [id = ""] = on.deliver("lint", [{ key: "a", seqs: on.append() }]);
    on.succeed(id);
    on.stream.setPaused("lint", true);
    on.stream.setWaiting("lint", "rate");
    expect(on.delivery(id)).toMatchObject({ state: "ok", reason: null, dueMs: null, replay: false });
  });
});

test("the oldest that a group has to do counts from its first undecided event or its first pending delivery", () => {
  on.group("lint");
  const [first = 0, second = 0] = on.append(on.now - 5000, on.now - 3000, on.now - 1000);
  expect(on.stateOf("lint").oldestMs).toBe(5000);
  on.decide({ consumer: "lint", cursor: second, deliveries: [{ key: "a", seqs: [first, second], hold: null }] });
  expect(on.stateOf("lint").oldestMs).toBe(5000);
  on.succeed(on.startable("lint")[0] ?? "");
  expect(on.stateOf("lint").oldestMs).toBe(1000);
  on.decide({ consumer: "lint" });
  expect(on.stateOf("lint").oldestMs).toBeNull();
});

describe("deliveries", () => {
  const list = (filter: Partial<DeliveryFilter>) =>
    on.look((inspection) => [...inspection.deliveries({ ...ALL, ...filter })]).map((delivery) => delivery.id);

  test("of any state, consumer and session are found, alone and together, the last ones with a limit", () => {
    on.appendEvents({ sessionId: "s1" }, { sessionId: "s2" }, { sessionId: "s2" });
    const hold = { openedMs: on.now, dueMs: on.now + 5000, fileBytes: 1, dataBytes: 1 };
    const made = ["lint", "tests"].flatMap((name) => {
      on.group(name);
      const ids = on.deliver(name, [
        { key: "a", seqs: [1] },
        { key: "b", seqs: [2] },
        { key: "c", seqs: [3] },
        { key: "d", seqs: [1, 2], hold },
        { key: "e", seqs: [1] },
      ]);
      on.succeed(ids[0] ?? "");
      on.die(ids[1] ?? "");
      on.stream.begin(ids[2] ?? "", null);
      return ids;
    });
    const at = (...places: number[]) => places.map((place) => made[place] ?? "");
    expect(list({})).toEqual(made);
    expect(list({ limit: 3 })).toEqual(at(7, 8, 9));
    expect(list({ consumer: "tests" })).toEqual(at(5, 6, 7, 8, 9));
    for (const [state, place] of [
      ["ok", 0],
      ["dead", 1],
      ["running", 2],
      ["held", 3],
      ["ready", 4],
    ] as const) {
      expect(list({ state })).toEqual(at(place, place + 5));
      expect(list({ state, limit: 1 })).toEqual(at(place + 5));
      expect(list({ state, limit: 1, consumer: "lint" })).toEqual(at(place));
    }
    expect(list({ state: "backoff" })).toEqual([]);
    expect(list({ session: "s2" })).toEqual(at(1, 2, 3, 6, 7, 8));
    expect(list({ session: "s2", limit: 2, consumer: "lint" })).toEqual(at(2, 3));
    expect(list({ session: "s2", state: "held" })).toEqual(at(3, 8));
    expect(list({ session: "nobody" })).toEqual([]);
  });

  test("are all listed, however many pages that is", () => {
    on.group("lint");
    const [seq = 0] = on.append();
    const ids = on.deliver(
      "lint",
      Array.from({ length: 1203 }, (_, n) => ({ key: `${n}`, seqs: [seq] })),
    );
    expect(list({})).toEqual(ids);
    expect(list({ state: "ready", consumer: "lint", session: "s1" })).toEqual(ids);
  });

  test("are found by the end of an id, one by its whole id, several as several", () => {
    on.group("lint");
    const [id = ""] = on.deliver("lint", [{ key: "a", seqs: on.append() }]);
    const found = (ending: string) => on.look((inspection) => inspection.deliveriesEnding(ending)).map((one) => one.id);
    expect([found(id), found(id.slice(-5)), found("nope")]).toEqual([[id], [id], []]);
    on.sql("UPDATE deliveries SET id = 'd_x' || ordinal || '_same'");
    on.deliver(
      "lint",
      Array.from({ length: 4 }, (_, n) => ({ key: `${n}`, seqs: [1] })),
    );
    on.sql("UPDATE deliveries SET id = 'd_x' || ordinal || '_same'");
    expect(found("_same")).toEqual(["d_x1_same", "d_x2_same", "d_x3_same"]);
  });
});

describe("skips", () => {
  beforeEach(() => {
    on.appendEvents({ sessionId: "s1" }, { sessionId: "s2" }, { sessionId: "s1" });
    for (const name of ["lint", "tests"]) on.group(name);
    on.skip(
      "lint",
      { seq: 1, key: "a", reason: "duplicate" },
      { seq: 2, key: "b", reason: "cooldown" },
      { seq: 3, key: "c", reason: "duplicate" },
    );
    on.skip("tests", { seq: 1, key: "a", reason: "silenced" }, { seq: 3, key: "c", reason: "silenced" });
  });
  const list = (filter: Partial<Omit<DeliveryFilter, "state">>) =>
    on
      .look((inspection) => inspection.skips({ ...ALL, ...filter }))
      .map(({ seq, consumer, reason }) => `${seq} ${consumer} ${reason}`);

  test("are listed in the order of events, with a limit the last ones, of a consumer or a session or both", () => {
    expect(list({})).toEqual([
      "1 lint duplicate",
      "1 tests silenced",
      "2 lint cooldown",
      "3 lint duplicate",
      "3 tests silenced",
    ]);
    expect(list({ limit: 2 })).toEqual(["3 lint duplicate", "3 tests silenced"]);
    expect(list({ consumer: "lint", limit: 2 })).toEqual(["2 lint cooldown", "3 lint duplicate"]);
    expect(list({ session: "s2" })).toEqual(["2 lint cooldown"]);
    expect(list({ session: "s1", consumer: "tests", limit: 1 })).toEqual(["3 tests silenced"]);
    const [skip] = on.look((inspection) => inspection.skipsOf(2));
    expect(skip).toEqual({
      consumer: "lint",
      seq: 2,
      eventId: on.look((inspection) => inspection.eventAt(2))?.id ?? "",
      key: "b",
      reason: "cooldown",
      atMs: on.now,
    });
  });

  test("are counted by reason, the commonest first", () => {
    const counts = (consumer: string | null) => on.look((inspection) => inspection.skipCounts(consumer));
    expect(counts(null)).toEqual([
      { consumer: "lint", reason: "duplicate", count: 2 },
      { consumer: "lint", reason: "cooldown", count: 1 },
      { consumer: "tests", reason: "silenced", count: 2 },
    ]);
    expect(counts("tests")).toEqual([{ consumer: "tests", reason: "silenced", count: 2 }]);
    expect(counts("nobody")).toEqual([]);
  });
});

describe("events", () => {
  test("are counted with their first and last, also when the first are gone", () => {
    const stream = () => on.look((inspection) => inspection.stream());
    expect(stream()).toEqual({ events: 0, firstSeq: null, lastSeq: null });
    on.append(on.now, on.now, on.now);
    expect(stream()).toEqual({ events: 3, firstSeq: 1, lastSeq: 3 });
    on.stream.prune({ settledBeforeMs: null, deadBeforeMs: 0, most: 1 });
    expect(stream()).toEqual({ events: 2, firstSeq: 2, lastSeq: 3 });
  });

  test("that are wanted are found behind many that are not, and no more than asked for", () => {
    on.appendEvents(...Array.from({ length: 1300 }, (_, n) => ({ type: n % 400 === 7 ? "rare" : "common" })));
    const last = (limit: number, type: string | null) =>
      on
        .look((inspection) =>
          inspection.lastEvents(
            {
              afterSeq: 0,
              throughSeq: null,
              sinceMs: null,
              session: null,
              wants: (event) => type === null || event.type === type,
            },
            limit,
          ),
        )
        .map((event) => event.seq);
    expect(last(3, null)).toEqual([1298, 1299, 1300]);
    expect(last(0, null)).toEqual([]);
    expect(last(2, "rare")).toEqual([808, 1208]);
    expect(last(9, "rare")).toEqual([8, 408, 808, 1208]);
    expect(last(5000, null)).toHaveLength(1300);
  });
});
