// What a partition tells Redis and when, and how it finds its place in a stream that may have lost its end. No Redis here: what it is
// told is kept in a map; leases and scripts are in partition-lease.test.ts, the stream's contract in stream.test.ts.
import { beforeEach, describe, expect, test } from "bun:test";
import type { Event } from "../src/event/event.ts";
import type { Entry } from "../src/partition/entry.ts";
import { type Changes, openPartition, type Partition } from "../src/partition/partition.ts";
import { FAILED, makeEvent, NOTHING, OK } from "./stream-verbs.ts";

const BEGAN = Date.parse("2026-11-20T12:00:00Z");
let now: number;
let rows: Map<string, string>;
let partition: Partition;

beforeEach(() => {
  now = BEGAN;
  rows = new Map();
  partition = open(null);
});

const open = (from: Map<string, string> | null, startAfterSeq = 0): Partition => {
  const opened = openPartition("lint", from, { now: () => now, startAfterSeq, createdMs: BEGAN });
  opened.stream.openGroup("lint", { start: "now", ordered: true });
  return opened;
};
const entry = (seq: number, originSeq: number, over: Partial<Event> = {}, again = false): Entry => ({
  seq,
  event: makeEvent({ timeMs: now, ...over }),
  origin: "n1/ledger",
  originSeq,
  again,
});
const take = (entries: Entry[], through = entries.at(-1)?.seq ?? 0) =>
  partition.take(
    entries.map((one) => ({ entry: one, wanted: true })),
    through,
  );
const applied = (changes: Changes | null): Changes => {
  if (changes === null) throw new Error("nothing to be told");
  if (changes.full) rows.clear();
  for (const [field, text] of changes.set) rows.set(field, text);
  for (const field of changes.del) rows.delete(field);
  return changes;
};
const commit = (): Changes => {
  const changes = applied(partition.changes());
  partition.confirm();
  return changes;
};
const nextOwner = () => {
  partition.close();
  partition = open(new Map(rows), 0);
};
const undecidedIds = () => partition.stream.read(partition.stream.placeOf("lint").cursor, 99).map(({ id }) => id);
/** Decides up to a seq, a delivery of each event; gives their ids. */
const decide = (through = partition.stream.lastSeq()): string[] => {
  const { cursor } = partition.stream.placeOf("lint");
  const events = partition.stream.read(cursor, 99).filter(({ seq }) => seq <= through);
  const deliveries = events.map(({ seq }) => ({ key: `k${seq}`, seqs: [seq], hold: null }));
  const last = events.at(-1)?.seq ?? cursor;
  const rest = { joins: [], skips: [], accepted: [] };
  partition.stream.decide({ consumer: "lint", ordered: true, cursor: last, deliveries, ...rest });
  return partition.stream
    .startable("lint", 99)
    .filter(({ seqs }) => seqs.some((seq) => events.some((event) => event.seq === seq)))
    .map(({ id }) => id);
};
const settle = (id: string, end = OK, next: Parameters<Partition["stream"]["settle"]>[3] = { state: "ok" }) =>
  partition.stream.settle(id, partition.stream.begin(id, null), end, next, NOTHING);
const kinds = () => [...rows.keys()].map((field) => field.split(":")[0] ?? "").sort();

describe("what Redis is told", () => {
  test("is nothing when nothing changed", () => {
    commit();
    expect(partition.changes()).toBeNull();
    nextOwner();
    commit();
    expect(partition.changes()).toBeNull();
  });

  test("has of a settled delivery its outcome, and keeps nothing of it but the counts", () => {
    const one = entry(1, 1);
    take([one]);
    const [id = ""] = decide();
    settle(id, { ...OK, stdout: "x".repeat(5000) });
    const { outcomes, set } = commit();
    expect(set.map(([field]) => field).sort()).toEqual(["g", "meta"]);
    expect(kinds()).toEqual(["g", "meta"]);
    expect(outcomes.map((text) => JSON.parse(text))).toMatchObject([
      { id, consumer: "lint", key: "k1", seqs: [1], eventIds: [one.event.id], state: "ok", settledMs: now },
    ]);
    const [{ attempts }] = outcomes.map((text) => JSON.parse(text));
    expect(attempts).toMatchObject([{ number: 1, outcome: "ok", exitCode: 0 }]);
    expect(attempts[0].stdout).toHaveLength(1000);
    expect(partition.inspect()).toMatchObject({ ok: 1, pending: 0, lag: 0 });
  });

  test("has no outcome of what ran inside the daemon", () => {
    take([entry(1, 1), entry(2, 2)]);
    partition.stream.settleAtOnce(decide(), OK, { state: "ok" }, NOTHING);
    const { outcomes, del } = commit();
    expect([outcomes, del, kinds()]).toEqual([[], [], ["g", "meta"]]);
    expect(partition.inspect()).toMatchObject({ ok: 2, pending: 0 });
  });

  test("has of a pending delivery its event, once, until it is settled", () => {
    take([entry(1, 1)]);
    const [id = ""] = decide();
    expect(commit().set.map(([field]) => field)).toEqual(["d:1", "ev:1", "g", "meta"]);
    const number = partition.stream.begin(id, "boot");
    expect(commit().set.map(([field]) => field)).toEqual(["d:1"]);
    nextOwner();
    expect(partition.stream.unfinished()).toMatchObject([{ deliveryId: id, number, bootId: "boot" }]);
    partition.stream.settle(id, number, OK, { state: "ok" }, NOTHING);
    expect(commit().del.sort()).toEqual(["d:1", "ev:1"]);
    expect(kinds()).toEqual(["g", "meta"]);
  });

  test("keeps a dead letter with its event, until it is retried and well, or purged", () => {
    take([entry(1, 1), entry(2, 2)]);
    const ids = decide();
    for (const id of ids) settle(id, FAILED, { state: "dead", reason: "exit 3" });
    commit();
    nextOwner();
    expect(partition.inspect()).toMatchObject({ dead: 2, pending: 0 });
    expect(partition.stream.eventsOf([1, 2]).map(({ seq }) => seq)).toEqual([1, 2]);
    expect(partition.stream.retryDead(ids.slice(0, 1))).toBe(1);
    settle(ids[0] ?? "");
    expect(partition.stream.purgeDead(ids.slice(1))).toBe(1);
    commit();
    expect(kinds()).toEqual(["g", "meta"]);
  });

  test("of what failed comes again with what changed since, and says after which commits it may come", () => {
    take([entry(1, 1), entry(2, 2)]);
    const [id = ""] = decide(1);
    settle(id);
    const first = partition.changes();
    partition.fail();
    const [later = ""] = decide(2);
    const second = partition.changes();
    expect(second?.after).toEqual(["", first?.id ?? "none"]);
    expect(second?.outcomes).toEqual(first?.outcomes ?? []);
    expect(second?.outcomesBefore).toBe(0);
    expect(second?.set.map(([field]) => field).sort()).toEqual(["d:2", "ev:2", "g", "meta"]);
    partition.confirm();
    settle(later);
    const third = partition.changes();
    expect([third?.after, third?.outcomesBefore, third?.outcomes.length]).toEqual([[second?.id ?? ""], 1, 1]);
    expect(third?.del.sort()).toEqual(["d:2", "ev:2"]);
  });

  test("of a field that came and went while nothing was confirmed is that it is gone", () => {
    take([entry(1, 1)]);
    const [id = ""] = decide();
    partition.changes();
    partition.fail();
    settle(id);
    const changes = partition.changes();
    expect(changes?.set.map(([field]) => field).sort()).toEqual(["g", "meta"]);
    // It may have been carried out.
    expect([...(changes?.del ?? [])].sort()).toEqual(["d:1", "ev:1"]);
  });

  test("cannot be asked for while the last is open", () => {
    partition.changes();
    take([entry(1, 1)]);
    decide();
    expect(() => partition.changes()).toThrow("neither confirmed nor failed");
  });

  test("has the daemon's own events, again until they are confirmed, also by the next owner", () => {
    take([entry(1, 1)]);
    const [id = ""] = decide();
    const own = makeEvent({ type: "offhook.dead-letter", timeMs: now });
    const dead = { state: "dead", reason: "exit 3" } as const;
    partition.stream.settle(id, partition.stream.begin(id, null), FAILED, dead, { cools: false, events: [own] });
    expect(partition.changes()?.ownEvents).toEqual([own]);
    partition.fail();
    const changes = applied(partition.changes());
    expect(changes.ownEvents).toEqual([own]);
    nextOwner();
    expect(commit().ownEvents).toEqual([own]);
    const after = commit();
    expect([after.ownEvents, after.del]).toEqual([[], [`own:${own.id}`]]);
    expect(partition.stream.read(0, 9)).toEqual([]);
  });

  test("is everything when Redis has lost what it had", () => {
    take([entry(1, 1), entry(2, 2), entry(3, 3)]);
    const [first = "", second = ""] = decide(2);
    settle(first, FAILED, { state: "dead", reason: "exit 3" });
    partition.stream.noteStarts("lint", 1, 60_000);
    const nothing = { deliveries: [], joins: [], skips: [] };
    const accepted = [{ key: "k1", timeMs: now }];
    partition.stream.decide({ consumer: "lint", ordered: true, cursor: 2, ...nothing, accepted });
    commit();
    settle(second);
    rows = new Map([["d:9", "from an older time"]]);
    const { full, outcomes } = applied(partition.snapshot());
    expect([full, outcomes.length]).toEqual([true, 1]);
    partition.confirm();
    expect(kinds()).toEqual(["d", "ev", "g", "m", "meta", "s"]);
    nextOwner();
    expect(partition.inspect()).toMatchObject({ dead: 1, ok: 1, failed: 1, pending: 0 });
  });

  test("that a newer offhook wrote is refused with advice", () => {
    take([entry(1, 1)]);
    commit();
    const meta = JSON.parse(rows.get("meta") ?? "");
    rows.set("meta", JSON.stringify({ ...meta, ledgerVersion: 99 }));
    expect(nextOwner).toThrow(/newer offhook \(version 99/);
  });

  test("with a row that is none says which", () => {
    commit();
    rows.set("d:7", "{");
    expect(nextOwner).toThrow(/the row d:7 cannot be read/);
    rows.set("d:7", JSON.stringify({ row: { ordinal: 7, "id) VALUES (1); --": 1 }, seqs: [], attempts: [] }));
    expect(nextOwner).toThrow(/no column id\) VALUES/);
  });

  test("of a row of an older offhook, which lacks a column, gets that column's default", () => {
    take([entry(1, 1)]);
    decide();
    commit();
    const delivery = JSON.parse(rows.get("d:1") ?? "");
    const { cut_offs: _, ...older } = delivery.row;
    rows.set("d:1", JSON.stringify({ ...delivery, row: older }));
    nextOwner();
    expect(partition.stream.startable("lint", 1)).toMatchObject([{ key: "k1", cutOffs: 0 }]);
  });
});

describe("the place in the stream", () => {
  test("moves past what is decided or unwanted, never past what is not", () => {
    const entries = [1, 2, 3, 4, 5].map((seq) => entry(seq, seq));
    partition.take(
      entries.map((one) => ({ entry: one, wanted: one.seq !== 1 && one.seq !== 4 })),
      7,
    );
    expect([partition.resumeAfter(), partition.undecided()]).toEqual([7, 3]);
    const kept = () => JSON.parse(rows.get("meta") ?? "{}").resumeAfter;
    commit();
    expect(kept()).toBe(1);
    decide(3);
    commit();
    expect(kept()).toBe(4);
    nextOwner();
    expect([partition.resumeAfter(), partition.undecided()]).toEqual([4, 0]);
    take(entries.slice(4), 7);
    expect(undecidedIds()).toEqual([entries[4]?.event.id ?? ""]);
    decide();
    commit();
    expect(kept()).toBe(7);
  });

  test("passes over what comes twice under another seq, and takes what is new", () => {
    const [first, second, third] = [1, 2, 3].map((seq) => entry(seq, seq)) as [Entry, Entry, Entry];
    take([first, second]);
    decide();
    commit();
    nextOwner();
    take([
      { ...second, seq: 3, again: true },
      { ...third, seq: 4 },
    ]);
    expect(undecidedIds()).toEqual([third.event.id]);
    const other = { ...entry(5, 1), origin: "n2/ledger" };
    take([other]);
    expect(undecidedIds()).toEqual([third.event.id, other.event.id]);
  });

  test("is found again when the stream lost its end and gave its seqs to other events", () => {
    const old = [1, 2, 3, 4].map((seq) => entry(seq, seq));
    take(old);
    const [, , third = ""] = decide(3);
    commit();
    // Redis forgot 3 and 4. Another node's event has seq 3 now, and what was lost comes again behind it.
    const news = { ...entry(3, 1), origin: "n2/ledger" };
    const stream = [...old.slice(0, 2), news, ...old.slice(2).map((one, at) => ({ ...one, seq: 4 + at, again: true }))];
    applied(partition.snapshot());
    partition.confirm();
    expect(partition.resumeAfter()).toBe(0);
    take(stream);
    expect(undecidedIds()).toEqual([old[3]?.event.id ?? "", news.event.id]);
    const seqs = partition.stream.read(partition.stream.placeOf("lint").cursor, 9).map(({ seq }) => seq);
    expect(seqs).toEqual([4, 5]);
    expect(partition.stream.startable("lint", 9).find(({ id }) => id === third)?.seqs).toEqual([3]);
    expect(partition.stream.eventsOf([3])[0]?.id).toBe(old[2]?.event.id ?? "");
    decide();
    commit();
    nextOwner();
    expect(partition.resumeAfter()).toBe(5);
    take([entry(6, 5)]);
    expect(partition.undecided()).toBe(1);
    expect(partition.stream.read(0, 9).map(({ seq }) => seq)).toEqual([8]);
  });

  test("is found again by the next owner, when it was lost before anything was decided", () => {
    const old = [1, 2, 3].map((seq) => entry(seq, seq));
    take(old);
    decide(1);
    commit();
    applied(partition.snapshot());
    partition.confirm();
    nextOwner();
    expect(partition.resumeAfter()).toBe(0);
    take(old);
    expect(undecidedIds()).toEqual(old.slice(1).map(({ event }) => event.id));
  });

  test("of a group that began later is not moved before its beginning by a loss", () => {
    const before = [
      entry(1, 1, { timeMs: BEGAN - 1000 }),
      { ...entry(2, 1, { timeMs: BEGAN - 1000 }), origin: "n2/ledger" },
    ];
    partition.close();
    partition = open(null, 2);
    const mine = entry(3, 3);
    take([mine]);
    expect(partition.noteLoss(100)).toBe(false);
    expect(partition.noteLoss(200)).toBe(true);
    expect(partition.noteLoss(200)).toBe(false);
    expect(partition.resumeAfter()).toBe(0);
    take([...before, mine, { ...entry(4, 4, { timeMs: BEGAN - 500 }), again: true }, entry(5, 5)]);
    expect(partition.undecided()).toBe(2);
    expect(partition.stream.read(0, 9).map(({ timeMs }) => timeMs)).toEqual([BEGAN, BEGAN]);
  });

  test("takes no page that was asked for before a loss was noticed", () => {
    take([1, 2, 3].map((seq) => entry(seq, seq)));
    partition.noteLoss(100);
    const from = partition.resumeAfter();
    const page = [{ entry: entry(4, 4), wanted: true }];
    expect(partition.noteLoss(200)).toBe(true);
    partition.take(page, 4, from);
    expect([partition.resumeAfter(), partition.undecided()]).toEqual([0, 3]);
    partition.take(page, 4, 0);
    expect([partition.resumeAfter(), partition.undecided()]).toEqual([4, 4]);
  });

  test("knows of a loss that it was told of, also as the next owner", () => {
    partition.noteLoss(100);
    take([entry(1, 1)]);
    decide();
    commit();
    nextOwner();
    expect(partition.noteLoss(100)).toBe(false);
    expect(partition.noteLoss(300)).toBe(true);
  });
});

describe("past events that are kept for a replay", () => {
  test("are not decided on, and go when their delivery is settled", () => {
    take([entry(5, 5)]);
    decide();
    const past = { ...makeEvent({ timeMs: now }), seq: 3 };
    const ahead = { ...makeEvent({ timeMs: now }), seq: 8 };
    partition.keep([past, ahead]);
    const [id = ""] = partition.stream.replay("lint", true, [{ key: "a", seqs: [3, 8], hold: null }]);
    commit();
    nextOwner();
    expect(partition.undecided()).toBe(0);
    expect(partition.stream.read(0, 9)).toEqual([]);
    expect(partition.stream.eventsOf([3, 8]).map((event) => event.id)).toEqual([past.id, ahead.id]);
    take([entry(7, 7), { ...entry(8, 8), event: ahead }]);
    expect(partition.stream.read(5, 9).map(({ seq }) => seq)).toEqual([7, 8]);
    settle(id);
    commit();
    expect(partition.stream.eventsOf([3])).toEqual([]);
    expect(partition.undecided()).toBe(2);
  });

  test("are not lost to the group's own decision, when that comes after the replay", () => {
    const one = entry(5, 5);
    take([one]);
    partition.keep([{ ...one.event, seq: 5 }]);
    commit();
    partition.keep([{ ...one.event, seq: 5 }]);
    const [id = ""] = partition.stream.replay("lint", true, [{ key: "a", seqs: [5], hold: null }]);
    settle(id);
    commit();
    expect(undecidedIds()).toEqual([one.event.id]);
    const [own = ""] = decide();
    commit();
    nextOwner();
    expect(partition.stream.startable("lint", 9)).toMatchObject([{ id: own, seqs: [5] }]);
    expect(partition.stream.eventsOf([5])).toHaveLength(1);
  });

  test("that are other events by now are refused", () => {
    take([entry(5, 5)]);
    decide();
    expect(() => partition.keep([{ ...makeEvent({ timeMs: now }), seq: 5 }])).toThrow("event 5 is not the one it was");
  });

  test("are let go of when nothing names them", () => {
    partition.keep([{ ...makeEvent({ timeMs: now }), seq: 3 }]);
    commit();
    expect(partition.stream.eventsOf([3])).toEqual([]);
    expect(kinds()).toEqual(["g", "meta"]);
  });
});

test("old dead letters go, and what waits for too long is skipped", () => {
  take([entry(1, 1), entry(2, 2)]);
  const [dead = ""] = decide(1);
  settle(dead, FAILED, { state: "dead", reason: "exit 3" });
  commit();
  now += 1000;
  expect(partition.stream.prune({ settledBeforeMs: now, deadBeforeMs: now, most: 9 })).toMatchObject({
    deadLetters: 1,
  });
  expect(commit().del.sort()).toEqual(["d:1", "ev:1"]);
  expect(partition.stream.expire("lint", now, 9)).toBe(1);
  commit();
  expect(partition.inspect()).toMatchObject({ lag: 0, dead: 0, skipped: 1 });
  expect(partition.inspection().skipCounts("lint")).toMatchObject([{ reason: "expired", count: 1 }]);
  expect(JSON.parse(rows.get("meta") ?? "{}").resumeAfter).toBe(2);
});

test("events cannot be appended to a partition", () => {
  expect(() => partition.stream.append([makeEvent({})])).toThrow("from the cluster's stream");
});

test("who looks at a partition sees what is pending and dead there, with its events", () => {
  const one = entry(1, 1, { sessionId: "s7" });
  take([one, entry(2, 2)]);
  const [id = ""] = decide(1);
  settle(id, FAILED, { state: "dead", reason: "exit 3" });
  commit();
  nextOwner();
  const look = partition.inspection();
  const filter = { consumer: "lint", state: "dead", session: "s7", limit: null };
  expect([...look.deliveries(filter)]).toMatchObject([{ id, eventIds: [one.event.id], reason: "exit 3" }]);
  expect(look.eventAt(1)).toMatchObject({ id: one.event.id, sessionId: "s7" });
  look.close();
  now += 5000;
  take([entry(2, 2, { timeMs: now - 3000 })]);
  expect(partition.inspect()).toMatchObject({ dead: 1, lag: 1, oldestMs: 3000 });
});
