// What people ask of a ledger: pause, dead letters, replay, forget. Checked by id, on a real SQLite file.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { openScratch, type Scratch } from "./scratch-ledger.ts";

let on: Scratch;
beforeEach(() => {
  on = openScratch();
});
afterEach(() => on.end());

/** How many rows of a table belong to a delivery. */
const rowsOf = (table: "attempts" | "delivery_events") =>
  on.sql<{ id: string }>(`SELECT d.id FROM ${table} t LEFT JOIN deliveries d ON d.ordinal = t.delivery`);

describe("pause", () => {
  test("is shown, is known when the group is opened again, and survives a restart", () => {
    on.append();
    on.group("lint");
    expect(on.stream.setPaused("lint", true)).toBe(true);
    expect(on.stateOf("lint").paused).toBe(true);
    on.reopen();
    expect(on.stream.openGroup("lint", { start: "now", ordered: true })).toEqual({ cursor: 0, paused: true });
    expect(on.stream.setPaused("lint", false)).toBe(true);
    expect(on.stream.openGroup("lint", { start: "now", ordered: true })).toEqual({ cursor: 0, paused: false });
    expect(on.stateOf("lint").paused).toBe(false);
  });

  test("of a group that is none says so", () => {
    expect(on.stream.setPaused("nobody", true)).toBe(false);
  });

  test("that is asked for twice keeps the time of the first", () => {
    on.group("lint");
    const since = on.now;
    on.stream.setPaused("lint", true);
    on.now += 1000;
    on.stream.setPaused("lint", true);
    expect(on.sql("SELECT paused_ms FROM groups")).toEqual([{ paused_ms: since }]);
  });
});

describe("a dead letter", () => {
  beforeEach(() => on.group("lint"));
  const dead = (key: string) => {
    const [seq = 0] = on.append();
    const [id = ""] = on.deliver("lint", [{ key, seqs: [seq] }]);
    on.die(id);
    return id;
  };

  test("that is retried has all its tries again, and its attempts go on in number", () => {
    const id = dead("a");
    expect(on.stream.retryDead([id])).toBe(1);
    expect(on.stream.startable("lint", 9)).toMatchObject([{ id, attempts: 1, counted: 0, cutOffs: 0 }]);
    expect(on.stateOf("lint")).toMatchObject({ dead: 0, ready: 1 });
    expect(on.delivery(id)).toMatchObject({ state: "ready", reason: null });
    expect(on.stream.begin(id, null)).toBe(2);
    expect(on.delivery(id).attempts.map((attempt) => [attempt.number, attempt.outcome])).toEqual([
      [1, "failed"],
      [2, null],
    ]);
  });

  test("is retried once, however often its id is said, and what is none is left alone", () => {
    const id = dead("a");
    const [fine = "", waits = ""] = on.deliver("lint", [
      { key: "b", seqs: [1] },
      { key: "c", seqs: [1] },
    ]);
    on.succeed(fine);
    expect(on.stream.retryDead([id, id, fine, waits, "d_nobody"])).toBe(1);
    expect(on.delivery(fine).state).toBe("ok");
    expect(on.stream.retryDead([id])).toBe(0);
  });

  test("that is retried waits for what runs of its key, then goes before what waits", () => {
    const id = dead("a");
    const [runs = "", waits = ""] = on.deliver("lint", [
      { key: "a", seqs: [1] },
      { key: "a", seqs: [1] },
    ]);
    const number = on.stream.begin(runs, null);
    on.stream.retryDead([id]);
    expect(on.startable("lint")).toEqual([]);
    expect(on.delivery(id).reason).toBe("order");
    const end = {
      outcome: "ok",
      exitCode: 0,
      signal: null,
      durationMs: 1,
      stdout: "",
      stderr: "",
      reason: null,
    } as const;
    on.stream.settle(runs, number, { ...end, counts: true }, { state: "ok" }, { cools: false, events: [] });
    expect(on.startable("lint")).toEqual([id]);
    on.succeed(id);
    expect(on.startable("lint")).toEqual([waits]);
  });

  test("and another of its key are tried one after the other, the older one first", () => {
    const [older, newer] = [dead("a"), dead("a")];
    on.stream.retryDead([newer, older]);
    expect(on.startable("lint")).toEqual([older]);
    on.succeed(older);
    expect(on.startable("lint")).toEqual([newer]);
  });

  test("waits for none of its key where there is no order", () => {
    on.group("free", "now", false);
    const [seq = 0] = on.append();
    const same = [1, 2, 3].map(() => ({ key: "a", seqs: [seq] }));
    const dead = on.deliver("free", same, false).slice(0, 2);
    for (const id of dead) on.die(id);
    const [waits = ""] = on.startable("free");
    on.stream.retryDead(dead);
    expect(on.startable("free")).toEqual([...dead, waits]);
  });

  test("that is purged takes its attempts along, and nothing else goes", () => {
    const [id, kept] = [dead("a"), dead("b")];
    const [waits = ""] = on.deliver("lint", [{ key: "c", seqs: [1] }]);
    expect(on.stream.purgeDead([id, waits, id, "d_nobody"])).toBe(1);
    expect([on.hasDelivery(id), on.hasDelivery(kept), on.hasDelivery(waits)]).toEqual([false, true, true]);
    expect(rowsOf("attempts")).toEqual([{ id: kept }]);
    expect(
      rowsOf("delivery_events")
        .map((row) => row.id)
        .sort(),
    ).toEqual([kept, waits].sort());
    expect(on.seqs()).toEqual([1, 2]);
  });
});

describe("replay", () => {
  test("makes new deliveries behind what waits for their keys, and moves no cursor", () => {
    on.group("lint");
    const [first = 0, second = 0] = on.append(on.now, on.now);
    const [past = ""] = on.deliver("lint", [{ key: "a", seqs: [first] }]);
    on.succeed(past);
    const [waits = ""] = on.deliver("lint", [{ key: "a", seqs: [second] }]);
    on.append();
    const [again = "", other = ""] = on.stream.replay("lint", true, [
      { key: "a", seqs: [first, second], hold: null },
      { key: "b", seqs: [second], hold: null },
    ]);
    expect(new Set([past, waits, again, other]).size).toBe(4);
    expect(again).toMatch(/^d_[0-9a-z]{12}$/);
    expect(on.delivery(again)).toMatchObject({ replay: true, seqs: [first, second], state: "ready", reason: "order" });
    expect(on.delivery(waits).replay).toBe(false);
    expect(on.delivery(past).state).toBe("ok");
    expect(on.startable("lint")).toEqual([waits, other]);
    on.succeed(waits);
    expect(on.stream.startable("lint", 1)).toMatchObject([{ id: again, replay: true, attempts: 0 }]);
    expect(on.stateOf("lint").lag).toBe(1);
  });

  test("waits for no quiet and, where there is no order, for nobody", () => {
    on.group("free", "now", false);
    const [seq = 0] = on.append();
    const hold = { openedMs: on.now, dueMs: on.now + 60_000, fileBytes: 1, dataBytes: 1 };
    const held = on.deliver("free", [{ key: "a", seqs: [seq], hold }], false);
    const ids = on.stream.replay("free", false, [{ key: "a", seqs: [seq], hold }]);
    expect(on.startable("free")).toEqual(ids);
    expect(on.delivery(held[0] ?? "").state).toBe("held");
  });

  test("of a group that is none is refused", () => {
    expect(() => on.stream.replay("nobody", true, [{ key: "a", seqs: [1], hold: null }])).toThrow("no group nobody");
  });
});

describe("forget", () => {
  test("takes all that a group has, and nothing of another", () => {
    for (const name of ["gone", "stays"]) {
      on.group(name);
      const [seq = 0] = on.append();
      const [ok = "", dead = ""] = on.deliver(name, [
        { key: "a", seqs: [seq] },
        { key: "b", seqs: [seq] },
        { key: "c", seqs: [seq] },
      ]);
      on.succeed(ok);
      on.die(dead);
      on.decide({
        consumer: name,
        skips: [{ seq, key: "d", reason: "duplicate" }],
        accepted: [{ key: "a", timeMs: on.now }],
      });
      on.stream.noteStarts(name, 3, 60_000);
    }
    expect(on.stream.forget("gone")).toBe(true);
    const counts = (name: string) =>
      ["groups", "deliveries", "skips", "marks", "starts"].map(
        (table) => on.sql<{ n: number }>(`SELECT count(*) AS n FROM ${table} WHERE consumer = ?`, name)[0]?.n,
      );
    expect(counts("gone")).toEqual([0, 0, 0, 0, 0]);
    expect(counts("stays")).toEqual([1, 3, 1, 1, 3]);
    expect([rowsOf("attempts").length, rowsOf("delivery_events").length]).toEqual([2, 3]);
    expect(rowsOf("attempts").some((row) => row.id === null)).toBe(false);
    expect(on.seqs()).toEqual([1, 2]);
    expect(on.stream.forget("gone")).toBe(false);
  });

  test("makes a group of the same name a new one", () => {
    on.append();
    on.group("lint");
    on.stream.setPaused("lint", true);
    on.stream.forget("lint");
    on.append();
    expect(on.stream.openGroup("lint", { start: "now", ordered: true })).toEqual({ cursor: 2, paused: false });
  });
});
