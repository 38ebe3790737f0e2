// What a ledger lets go of, and what it keeps however old it is. Checked by id, on a real SQLite file.
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
/** The same until nothing goes any more. */
const pruneAll = () => {
  for (let piece = prune(); piece.events + piece.deliveries > 0; ) piece = prune();
};
const pruneForRoom = (most = 1000) => on.stream.prune({ settledBeforeMs: null, deadBeforeMs: on.now - 30 * DAY, most });

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
    expect(prune()).toMatchObject({ deliveries: 1, events: 2 });
    expect([old, young, last].map(({ id }) => on.hasDelivery(id))).toEqual([false, true, true]);
    expect(on.seqs()).toEqual([young.seq, last.seq]);
    expect(on.skips("lint")).toEqual([]);
    expect(on.sql("SELECT delivery FROM attempts")).toHaveLength(2);
    expect(on.stateOf("lint")).toMatchObject({ ok: 3, skipped: 1, lag: 0 });
    expect(prune()).toMatchObject({ deliveries: 0, events: 0 });
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
    expect(prune()).toMatchObject({ deliveries: 0, events: 1 });
    expect(on.seqs()).toEqual([pending, settled, dead, last]);
    expect(free).toBe(4);
    on.now += 8 * DAY;
    on.append();
    pruneAll();
    expect(on.seqs()).toEqual([pending, dead, last + 1]);
    on.stream.purgeDead([letter]);
    on.succeed(waits);
    on.now += 8 * DAY;
    on.append();
    on.skip("lint");
    pruneAll();
    expect(on.seqs()).toEqual([last + 2]);
  });

  test("keeps what a group has not decided on, and not what only a removed one has not", () => {
    on.append(on.now, on.now, on.now);
    on.group("slow");
    on.decide({ consumer: "slow", cursor: 1 });
    on.decide({ consumer: "lint" });
    on.now += 8 * DAY;
    expect(pruneForRoom()).toMatchObject({ deliveries: 0, events: 1 });
    expect(on.seqs()).toEqual([2, 3]);
    on.stream.markRemoved(["lint"]);
    expect(pruneForRoom()).toMatchObject({ deliveries: 0, events: 1 });
    expect(on.seqs()).toEqual([3]);
  });

  test("never takes the last event, so that lag and the next seq stay right", () => {
    on.append(on.now, on.now);
    on.decide({ consumer: "lint", cursor: 1 });
    on.now += 8 * DAY;
    expect(prune()).toMatchObject({ deliveries: 0, events: 1 });
    on.decide({ consumer: "lint", cursor: 2 });
    expect(pruneForRoom()).toMatchObject({ deliveries: 0, events: 0 });
    expect([on.stateOf("lint").lag, on.stream.lastSeq()]).toEqual([0, 2]);
    on.append();
    expect(on.stateOf("lint").lag).toBe(1);
    expect(prune()).toMatchObject({ deliveries: 0, events: 1 });
    expect(on.seqs()).toEqual([3]);
  });

  test("without any group goes by age alone", () => {
    on.stream.forget("lint");
    on.append(on.now - 8 * DAY, on.now - 8 * DAY, on.now);
    expect(prune()).toMatchObject({ deliveries: 0, events: 2 });
  });

  test("for room takes what is settled whatever its age, the oldest first, but no dead letter", () => {
    const [first, second, third] = [done(), done(), done()];
    const [dead = ""] = on.deliver("lint", [{ key: "b", seqs: on.append() }]);
    on.die(dead);
    on.append();
    on.skip("lint");
    expect(pruneForRoom(1)).toMatchObject({ deliveries: 1, events: 1 });
    expect([first, second, third].map(({ id }) => on.hasDelivery(id))).toEqual([false, true, true]);
    expect(on.seqs()).toEqual([2, 3, 4, 5]);
    expect(pruneForRoom()).toMatchObject({ deliveries: 2, events: 2 });
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
    expect(prune()).toMatchObject({ deliveries: 1, events: 1 });
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
    expect(pieces[0]).toMatchObject({ deliveries: 0, events: 0 });
    // All but the last event, which tells the largest seq.
    expect([sum("deliveries"), sum("events")]).toEqual([500, 499]);
    expect(on.stateOf("lint").dead).toBe(staying);
  });

  test("begins with the oldest dead letter when they all may go, wherever it was before", () => {
    plant(21_000, () => ({ state: "dead", timeMs: on.now - 8 * DAY }));
    prune();
    expect(on.stream.prune({ settledBeforeMs: null, deadBeforeMs: null, most: 2 })).toEqual({
      deliveries: 2,
      deadLetters: 2,
      events: 2,
    });
    expect(on.seqs()[0]).toBe(3);
  });

  test("comes back to what has become free behind it", () => {
    plant(30, (n) => ({ state: n === 1 ? "dead" : "ok", timeMs: on.now - 8 * DAY }));
    expect(prune(10)).toMatchObject({ deliveries: 10, events: 10 });
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
     ${values("n, 'd_planted' || n, 'lint', 'k', state, 1, 1, time, time + n")}`,
    all,
  );
  on.sql(`INSERT INTO delivery_events ${values("n, n")}`, all);
  on.sql("UPDATE totals SET count = (SELECT count(*) FROM events) WHERE name = 'events'");
  on.sql("UPDATE groups SET cursor = (SELECT max(seq) FROM events)");
  // A new start knows nothing of where the last piece ended.
  on.reopen();
}
