// What the daemon does by itself with a ledger: what a dead one left, room, what was held back for too long, who is furthest
// behind. Checked by id, on a real SQLite file.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { DAY, HOUR, openScratch, type Scratch } from "./scratch-ledger.ts";

let on: Scratch;
beforeEach(() => {
  on = openScratch();
});
afterEach(() => on.end());

describe("groups without a file", () => {
  test("are known by when they were first missing, and not any more when the file is back", () => {
    for (const name of ["a", "b", "c"]) on.group(name);
    on.stream.markRemoved(["c"]);
    on.now += HOUR;
    on.stream.markRemoved(["c"]);
    on.group("b");
    expect(on.stream.removedBefore(on.now)).toEqual(["a"]);
    expect(on.stream.removedBefore(on.now - HOUR)).toEqual([]);
    expect(on.stream.groupsByPlace()).toEqual(["b", "c"]);
  });
});

test("an attempt that a dead daemon left is known with what was cut off before it", () => {
  on.group("lint");
  const [id = ""] = on.deliver("lint", [{ key: "a", seqs: on.append() }]);
  const cutOff = { outcome: "killed", exitCode: null, signal: "SIGKILL", durationMs: null } as const;
  const end = { ...cutOff, stdout: "", stderr: "", reason: null, counts: false };
  on.stream.settle(id, on.stream.begin(id, "boot"), end, { state: "ready" }, { cools: false, events: [] });
  on.stream.noteGroup(id, on.stream.begin(id, "boot"), 4711, "99");
  on.reopen();
  expect(on.stream.unfinished()).toEqual([
    {
      deliveryId: id,
      consumer: "lint",
      key: "a",
      seqs: [1],
      number: 2,
      cutOffs: 1,
      bootId: "boot",
      groupId: 4711,
      leaderStart: "99",
    },
  ]);
});

describe("room", () => {
  test("that is used is less when something went", () => {
    on.group("lint");
    on.appendEvents(...Array.from({ length: 200 }, () => ({ data: JSON.stringify("x".repeat(5000)) })));
    on.skip("lint");
    const before = on.stream.usedBytes();
    expect(before).toBeGreaterThan(200 * 5000);
    on.stream.prune({ settledBeforeMs: null, deadBeforeMs: 0, most: 1000 });
    expect(on.stream.usedBytes()).toBeLessThan(before - 190 * 5000);
  });

  test("that is held back is the share of what the group furthest behind has not done", () => {
    expect(on.stream.heldBackBytes()).toBe(0);
    for (const name of ["done", "half", "gone"]) on.group(name);
    on.append(...Array(100).fill(on.now));
    expect(on.stream.heldBackBytes()).toBe(on.stream.usedBytes());
    on.decide({ consumer: "done" });
    on.decide({ consumer: "half", cursor: 60 });
    on.stream.markRemoved(["done", "half"]);
    const share = () => on.stream.heldBackBytes() / on.stream.usedBytes();
    expect(share()).toBeCloseTo(0.4, 3);
    on.deliver(
      "half",
      Array.from({ length: 25 }, (_, n) => ({ key: `${n}`, seqs: [n + 1] })),
    );
    expect(share()).toBeCloseTo(0.25, 3);
    for (const id of on.startable("half")) on.succeed(id);
    expect(share()).toBe(0);
  });
});

describe("expire", () => {
  beforeEach(() => on.group("lint"));
  const old = () => on.now - 31 * DAY;
  const expire = (most = 100) => on.stream.expire("lint", on.now - 30 * DAY, most);

  test("skips what was not decided on, in order, up to the first event that is young", () => {
    const [first = 0, second = 0, young = 0] = on.append(old(), old(), on.now, old());
    expect(expire(1)).toBe(1);
    expect(on.skips("lint")).toEqual([[first, "-", "expired"]]);
    expect(expire()).toBe(1);
    expect(expire()).toBe(0);
    expect(on.skips("lint").map(([seq]) => seq)).toEqual([first, second]);
    expect(on.stateOf("lint")).toMatchObject({ lag: 2, skipped: 2 });
    expect(on.stream.openGroup("lint", { start: "now", ordered: true }).cursor).toBe(young - 1);
  });

  test("whatever their age skips the oldest", () => {
    on.append(on.now, on.now, on.now);
    expect(on.stream.expire("lint", null, 2)).toBe(2);
    expect(on.stateOf("lint")).toMatchObject({ lag: 1, skipped: 2 });
    expect(on.stream.expire("lint", null, 2)).toBe(1);
    expect(on.stream.expire("lint", null, 2)).toBe(0);
  });

  test("of a group that is none does nothing", () => {
    expect(on.stream.expire("nobody", null, 9)).toBe(0);
  });

  test("skips pending deliveries under their own keys, but none that runs", () => {
    const [a = 0, b = 0, c = 0, d = 0] = on.append(old(), old(), old(), old());
    const hold = { openedMs: on.now, dueMs: on.now + 1000, fileBytes: 1, dataBytes: 1 };
    const [runs = "", backsOff = "", held = "", ready = ""] = on.deliver("lint", [
      { key: "a", seqs: [a] },
      { key: "b", seqs: [b] },
      { key: "c", seqs: [c, d], hold },
      { key: "d", seqs: [d] },
    ]);
    on.stream.begin(runs, null);
    on.backOff(backsOff, on.now + 1000);
    expect(expire()).toBe(4);
    expect([runs, backsOff, held, ready].map(on.hasDelivery)).toEqual([true, false, false, false]);
    expect(on.skips("lint")).toEqual([
      [b, "b", "expired"],
      [c, "c", "expired"],
      [d, "c", "expired"],
    ]);
    expect(on.stateOf("lint")).toMatchObject({ pending: 1, running: 1, skipped: 4 });
    expect(on.sql("SELECT delivery FROM attempts")).toHaveLength(1);
  });

  test("leaves a delivery with a young event alone", () => {
    const [a = 0, b = 0] = on.append(old(), on.now);
    const [id = ""] = on.deliver("lint", [{ key: "a", seqs: [a, b] }]);
    expect(expire()).toBe(0);
    expect(on.hasDelivery(id)).toBe(true);
  });

  test("takes a replay for as old as the wish", () => {
    const [seq = 0] = on.append(old());
    on.skip("lint");
    const [id = ""] = on.stream.replay("lint", true, [{ key: "a", seqs: [seq], hold: null }]);
    expect(expire()).toBe(0);
    on.now += 31 * DAY;
    expect(expire()).toBe(1);
    expect(on.hasDelivery(id)).toBe(false);
  });

  test("lets the next of a key go when the first went, also when both went", () => {
    const [a = 0, b = 0, c = 0] = on.append(old(), old(), on.now);
    const [, , young = ""] = on.deliver(
      "lint",
      [a, b, c].map((seq) => ({ key: "a", seqs: [seq] })),
    );
    expect(expire()).toBe(2);
    expect(on.startable("lint")).toEqual([young]);
  });

  test("lets none of a key overlap what runs of it", () => {
    const [a = 0, b = 0, c = 0] = on.append(old(), old(), on.now);
    const [runs = "", went = "", young = ""] = on.deliver(
      "lint",
      [a, b, c].map((seq) => ({ key: "a", seqs: [seq] })),
    );
    on.stream.begin(runs, null);
    expect(expire()).toBe(1);
    expect(on.hasDelivery(went)).toBe(false);
    expect([on.startable("lint"), on.delivery(young).reason]).toEqual([[], "order"]);
  });

  test("gives a key no second one that may start, when a dead letter waits behind one that is tried again", () => {
    const [a = 0, b = 0, c = 0] = on.append(on.now, on.now, old());
    const [letter = "", again = "", went = ""] = on.deliver(
      "lint",
      [a, b, c].map((seq) => ({ key: "a", seqs: [seq] })),
    );
    on.die(letter);
    on.backOff(again, on.now + 1000);
    on.stream.retryDead([letter]);
    expect(expire()).toBe(1);
    expect([on.hasDelivery(went), on.startable("lint")]).toEqual([false, []]);
    on.succeed(again);
    expect(on.startable("lint")).toEqual([letter]);
  });

  test("does a piece at a time, deliveries whole and before what is undecided", () => {
    const seqs = on.append(...Array(6).fill(old()));
    on.decide({
      consumer: "lint",
      cursor: 4,
      deliveries: [seqs.slice(0, 2), seqs.slice(2, 4)].map((of) => ({ key: `${of[0]}`, seqs: of, hold: null })),
    });
    expect([expire(3), expire(3), expire(3), expire(3)]).toEqual([2, 3, 1, 0]);
    expect(on.skips("lint").map(([seq, key]) => [seq, key])).toEqual([
      [1, "1"],
      [2, "1"],
      [3, "3"],
      [4, "3"],
      [5, "-"],
      [6, "-"],
    ]);
  });
});

test("groups come by the oldest event that each has not done, undecided or pending", () => {
  for (const name of ["ahead", "behind", "pending"]) on.group(name);
  on.append(on.now, on.now, on.now, on.now);
  on.decide({ consumer: "ahead" });
  on.decide({ consumer: "behind", cursor: 2 });
  on.decide({ consumer: "pending", deliveries: [{ key: "a", seqs: [2], hold: null }] });
  expect(on.stream.groupsByPlace()).toEqual(["pending", "behind", "ahead"]);
  on.succeed(on.startable("pending")[0] ?? "");
  expect(on.stream.groupsByPlace()).toEqual(["behind", "ahead", "pending"]);
  // A dead letter that waits behind what runs of its key is the older one.
  const [letter = "", runs = ""] = on.deliver(
    "ahead",
    [1, 4].map((seq) => ({ key: "a", seqs: [seq] })),
  );
  on.die(letter);
  on.stream.begin(runs, null);
  on.stream.retryDead([letter]);
  expect(on.stream.groupsByPlace()).toEqual(["ahead", "behind", "pending"]);
});
