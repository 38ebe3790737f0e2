// What people ask of a stream: pause, dead letters, replay, forget. Checked by id, on each backend.
import { beforeEach, describe, expect, test } from "bun:test";
import { type Backend, onEachBackend } from "./stream-backend.ts";
import { NOTHING, OK } from "./stream-verbs.ts";

onEachBackend((backend) => {
  let on: Backend;
  beforeEach(() => {
    on = backend();
  });

  /** The deliveries that the rows of a table belong to; null: one that is not there. */
  const rowsOf = async (table: "attempts" | "delivery_events", consumer = "lint") =>
    (await on.tables(consumer))[table].map((row): string | null => row.id);

  describe("pause", () => {
    test("is shown, is known when the group is opened again, and survives a restart", async () => {
      on.append();
      on.group("lint");
      expect(on.stream.setPaused("lint", true)).toBe(true);
      expect(on.stateOf("lint").paused).toBe(true);
      await on.reopen();
      expect(on.stream.openGroup("lint", { start: "now", ordered: true })).toEqual({ cursor: 0, paused: true });
      expect(on.stream.setPaused("lint", false)).toBe(true);
      expect(on.stream.openGroup("lint", { start: "now", ordered: true })).toEqual({ cursor: 0, paused: false });
      expect(on.stateOf("lint").paused).toBe(false);
    });

    test("of a group that is none says so", () => {
      expect(on.stream.setPaused("nobody", true)).toBe(false);
    });

    test("that is asked for twice keeps the time of the first", async () => {
      on.group("lint");
      const since = on.now;
      on.stream.setPaused("lint", true);
      on.now += 1000;
      on.stream.setPaused("lint", true);
      expect((await on.tables("lint")).groups).toMatchObject([{ paused_ms: since }]);
    });
  });

  describe("a dead letter", () => {
    beforeEach(() => void on.group("lint"));
    const dead = (key: string) => {
      const [seq = 0] = on.append();
      const [id = ""] = on.deliver("lint", [{ key, seqs: [seq] }]);
      on.die(id);
      return id;
    };

    test("that is retried has all its tries again, and its attempts go on in number", async () => {
      const id = dead("a");
      await on.reopen();
      expect(on.stream.retryDead([id])).toBe(1);
      await on.reopen();
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
      on.stream.settle(runs, number, OK, { state: "ok" }, NOTHING);
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

    test("that is purged takes its attempts along, and nothing else goes", async () => {
      const [id, kept] = [dead("a"), dead("b")];
      const [waits = ""] = on.deliver("lint", [{ key: "c", seqs: [1] }]);
      expect(on.stream.purgeDead([id, waits, id, "d_nobody"])).toBe(1);
      expect([on.hasDelivery(id), on.hasDelivery(kept), on.hasDelivery(waits)]).toEqual([false, true, true]);
      expect(await rowsOf("attempts")).toEqual([kept]);
      expect((await rowsOf("delivery_events")).sort()).toEqual([kept, waits].sort());
      expect(on.seqs()).toEqual([1, 2]);
      await on.reopen();
      expect([on.hasDelivery(id), on.hasDelivery(kept), on.hasDelivery(waits)]).toEqual([false, true, true]);
    });
  });

  describe("replay", () => {
    test("makes new deliveries behind what waits for their keys, and moves no cursor", async () => {
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
      await on.reopen();
      expect(new Set([past, waits, again, other]).size).toBe(4);
      expect(again).toMatch(/^d_[0-9a-z]{12}$/);
      expect(on.delivery(again)).toMatchObject({
        replay: true,
        seqs: [first, second],
        state: "ready",
        reason: "order",
      });
      expect(on.delivery(waits).replay).toBe(false);
      expect(on.delivery(past).state).toBe("ok");
      expect(on.startable("lint")).toEqual([waits, other]);
      on.succeed(waits);
      expect(on.stream.startable("lint", 1)).toMatchObject([{ id: again, replay: true, attempts: 0 }]);
      expect(on.stateOf("lint").lag).toBe(1);
      expect(on.stream.eventsOf([first, second]).map((event) => event.seq)).toEqual([first, second]);
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
    test("takes all that a group has, and nothing of another", async () => {
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
      const counts = async (name: string) => {
        const { groups, deliveries, skips, marks, starts } = await on.tables(name);
        return [groups.length, deliveries.length, skips, marks.length, starts.length];
      };
      expect(await counts("gone")).toEqual([0, 0, 0, 0, 0]);
      const settled = on.keepsSettled ? 1 : 0;
      expect(await counts("stays")).toEqual([1, 2 + settled, 1, 1, 3]);
      expect((await rowsOf("attempts", "stays")).length).toBe(1 + settled);
      expect((await rowsOf("delivery_events", "stays")).length).toBe(2 + settled);
      for (const table of ["attempts", "delivery_events"] as const) expect(await rowsOf(table, "gone")).toEqual([]);
      expect(on.seqs()).toEqual([1, 2]);
      expect(on.stream.forget("gone")).toBe(false);
    });

    test("makes a group of the same name a new one", async () => {
      on.append();
      on.group("lint");
      on.stream.setPaused("lint", true);
      on.stream.forget("lint");
      on.append();
      await on.reopen();
      expect(on.stream.openGroup("lint", { start: "now", ordered: true })).toEqual({ cursor: 2, paused: false });
    });
  });
});
