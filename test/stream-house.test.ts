// What the daemon does by itself with a ledger: what may be let go of, what was held back for too long, who is furthest behind.
// Checked by id, on a real SQLite file.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { DAY, HOUR, openScratch, type Scratch } from "./scratch-ledger.ts";

let on: Scratch;
beforeEach(() => {
  on = openScratch();
});
afterEach(() => on.end());

/** Lets go of what is older than 7 days, and of dead letters older than 30. */
const prune = (most = 1000) =>
  on.stream.prune({ settledBeforeMs: on.now - 7 * DAY, deadBeforeMs: on.now - 30 * DAY, most });
const pruneForRoom = (most = 1000) => on.stream.prune({ settledBeforeMs: null, deadBeforeMs: on.now - 30 * DAY, most });

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
    { deliveryId: id, consumer: "lint", number: 2, cutOffs: 1, bootId: "boot", groupId: 4711, leaderStart: "99" },
  ]);
});

describe("prune", () => {
  beforeEach(() => on.group("lint"));
  /** An event with a settled delivery. */
  const done = (key = "a") => {
    const [seq = 0] = on.append();
    const [id = ""] = on.deliver("lint", [{ key, seqs: [seq] }]);
    on.succeed(id);
    return { seq, id };
  };

  test("lets go of what was settled long ago, with its events and their skips, and not of what is young", () => {
    const old = done();
    const [skipped = 0] = on.append();
    on.skip("lint", { seq: skipped, key: "b", reason: "duplicate" });
    on.now += 6 * DAY;
    const young = done();
    on.now += DAY + HOUR;
    const last = done();
    expect(prune()).toEqual({ deliveries: 1, events: 2 });
    expect([old, young, last].map(({ id }) => on.hasDelivery(id))).toEqual([false, true, true]);
    expect(on.seqs()).toEqual([young.seq, last.seq]);
    expect(on.skips("lint")).toEqual([]);
    expect(on.sql("SELECT delivery FROM attempts")).toHaveLength(2);
    expect(on.stateOf("lint")).toMatchObject({ ok: 3, skipped: 1, lag: 0 });
    expect(prune()).toEqual({ deliveries: 0, events: 0 });
  });

  test("keeps an event as long as a delivery of it is kept: pending, settled a moment ago, or dead", () => {
    const [pending = 0, settled = 0, dead = 0, free = 0] = on.append(...Array(4).fill(on.now));
    const [waits = "", late = "", letter = ""] = on.deliver("lint", [
      { key: "a", seqs: [pending] },
      { key: "b", seqs: [settled] },
      { key: "c", seqs: [dead, pending] },
    ]);
    on.now += 8 * DAY;
    on.succeed(late);
    on.die(letter);
    const { seq: last } = done();
    expect(prune()).toEqual({ deliveries: 0, events: 1 });
    expect(on.seqs()).toEqual([pending, settled, dead, last]);
    expect(free).toBe(4);
    on.now += 8 * DAY;
    on.append();
    expect(prune()).toEqual({ deliveries: 2, events: 1 });
    expect(on.seqs()).toEqual([pending, dead, last, last + 1]);
    on.stream.purgeDead([letter]);
    on.succeed(waits);
    on.now += 8 * DAY;
    on.skip("lint");
    on.append();
    expect(prune()).toEqual({ deliveries: 1, events: 4 });
  });

  test("keeps what a group has not decided on, and not what only a removed one has not", () => {
    on.append(on.now, on.now, on.now);
    on.group("slow");
    on.decide({ consumer: "slow", cursor: 1 });
    on.decide({ consumer: "lint" });
    on.now += 8 * DAY;
    expect(pruneForRoom()).toEqual({ deliveries: 0, events: 1 });
    expect(on.seqs()).toEqual([2, 3]);
    on.stream.markRemoved(["lint"]);
    expect(pruneForRoom()).toEqual({ deliveries: 0, events: 1 });
    expect(on.seqs()).toEqual([3]);
  });

  test("never takes the last event, so that lag and the next seq stay right", () => {
    on.append(on.now, on.now);
    on.decide({ consumer: "lint", cursor: 1 });
    on.now += 8 * DAY;
    expect(prune()).toEqual({ deliveries: 0, events: 1 });
    on.decide({ consumer: "lint", cursor: 2 });
    expect(pruneForRoom()).toEqual({ deliveries: 0, events: 0 });
    expect([on.stateOf("lint").lag, on.stream.lastSeq()]).toEqual([0, 2]);
    on.append();
    expect(on.stateOf("lint").lag).toBe(1);
    expect(prune()).toEqual({ deliveries: 0, events: 1 });
    expect(on.seqs()).toEqual([3]);
  });

  test("without any group goes by age alone", () => {
    on.stream.forget("lint");
    on.append(on.now - 8 * DAY, on.now - 8 * DAY, on.now);
    expect(prune()).toEqual({ deliveries: 0, events: 2 });
  });

  test("for room takes what is settled whatever its age, the oldest first, but no dead letter", () => {
    const [first, second, third] = [done(), done(), done()];
    const [dead = ""] = on.deliver("lint", [{ key: "b", seqs: on.append() }]);
    on.die(dead);
    on.append();
    on.skip("lint");
    expect(pruneForRoom(1)).toEqual({ deliveries: 1, events: 1 });
    expect([first, second, third].map(({ id }) => on.hasDelivery(id))).toEqual([false, true, true]);
    expect(on.seqs()).toEqual([2, 3, 4, 5]);
    expect(pruneForRoom()).toEqual({ deliveries: 2, events: 2 });
    expect(on.seqs()).toEqual([4, 5]);
    expect(on.hasDelivery(dead)).toBe(true);
  });

  test("takes dead letters by their own age, with their events, the oldest first", () => {
    const dead = [0, 1, 2].map(() => {
      const [id = ""] = on.deliver("lint", [{ key: "a", seqs: on.append() }]);
      on.die(id);
      on.now += HOUR;
      return id;
    });
    on.append();
    on.skip("lint");
    on.now += 30 * DAY - 2 * HOUR;
    expect(prune()).toEqual({ deliveries: 1, events: 1 });
    expect(dead.map(on.hasDelivery)).toEqual([false, true, true]);
    expect(on.stream.prune({ settledBeforeMs: null, deadBeforeMs: null, most: 1 }).deliveries).toBe(1);
    expect(dead.map(on.hasDelivery)).toEqual([false, false, true]);
    expect(on.stateOf("lint").dead).toBe(1);
  });

  test("gets behind what has to stay, however much of it is in front, a bounded piece at a time", () => {
    const staying = 45_000;
    plant(staying + 500, (n) => ({ state: n <= staying ? "dead" : "ok", timeMs: on.now - 8 * DAY }));
    const pieces = Array.from({ length: 8 }, () => prune(400));
    const sum = (of: "events" | "deliveries") => pieces.reduce((total, piece) => total + piece[of], 0);
    expect(pieces[0]).toEqual({ deliveries: 0, events: 0 });
    // All but the last event, which tells the largest seq.
    expect([sum("deliveries"), sum("events")]).toEqual([500, 499]);
    expect(on.stateOf("lint").dead).toBe(staying);
  });

  test("comes back to what has become free behind it", () => {
    plant(30, (n) => ({ state: n === 1 ? "dead" : "ok", timeMs: on.now - 8 * DAY }));
    expect(prune(10)).toEqual({ deliveries: 10, events: 10 });
    on.stream.purgeDead(["d_planted1"]);
    const pieces = Array.from({ length: 4 }, () => prune(10));
    expect(pieces.map((piece) => piece.events)).toEqual([10, 8, 1, 0]);
    expect(on.seqs()).toEqual([30]);
  });

  test("is not stopped by many events that a wrong clock has dated ahead", () => {
    plant(2500, () => ({ state: "ok", timeMs: on.now + 20_000 * DAY }));
    const old = on.append(on.now - 8 * DAY, on.now - 8 * DAY);
    on.append();
    on.skip("lint");
    prune();
    expect(on.seqs()).not.toContain(old[0]);
    expect(on.seqs()).toHaveLength(2501);
  });
});

describe("room", () => {
  test("that is used is less when something went", () => {
    on.group("lint");
    on.appendEvents(...Array.from({ length: 200 }, () => ({ data: JSON.stringify("x".repeat(5000)) })));
    on.skip("lint");
    const before = on.stream.usedBytes();
    expect(before).toBeGreaterThan(200 * 5000);
    pruneForRoom();
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
});

/** Writes many events with a settled delivery each, past the verbs: by them it would take long. Ids: d_planted1 and so on. */
function plant(count: number, make: (n: number) => { state: "ok" | "dead"; timeMs: number }): void {
  const rows = Array.from({ length: count }, (_, index) => ({ n: index + 1, ...make(index + 1) }));
  const all = JSON.stringify(rows);
  const values = (columns: string) => `SELECT ${columns} FROM (SELECT value ->> 'n' AS n, value ->> 'state' AS state,
    value ->> 'timeMs' AS time FROM json_each(?))`;
  on.sql(
    `INSERT INTO events (seq, id, time_ms, source, type, node, depth, content_type, data)
     ${values("n, 'e' || n, time, 's', 't', 'n1', 0, 'text/plain', ''")}`,
    all,
  );
  on.sql(
    `INSERT INTO deliveries (ordinal, id, consumer, key, state, head, attempts, created_ms, settled_ms)
     ${values("n, 'd_planted' || n, 'lint', 'k', state, 1, 1, time, min(time, 1700000000000 + n)")}`,
    all,
  );
  on.sql(`INSERT INTO delivery_events ${values("n, n")}`, all);
  on.sql("UPDATE totals SET count = (SELECT count(*) FROM events) WHERE name = 'events'");
  on.sql("UPDATE groups SET cursor = (SELECT max(seq) FROM events)");
  // A new start knows nothing of where the last piece ended.
  on.reopen();
}
