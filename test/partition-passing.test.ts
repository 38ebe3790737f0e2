// A partition whose new deliveries are on their way past the tables does what one does that has them all in its tables: there every
// verb is followed by a look, which writes them down. Verbs at random; what a group's loop sees, and what Redis would have, is the same.
// OFFHOOK_SAME_SEEDS: how many sequences (default 8). A failure names its seed.
import { expect, test } from "bun:test";
import { type Entry, entryFields, parsePairs } from "../src/partition/entry.ts";
import { type Changes, openPartition, type Partition } from "../src/partition/partition.ts";
import type { AttemptEnd, Delivery, NewDelivery, Next } from "../src/stream/stream.ts";
import { ALL, FAILED, makeEvent, OK } from "./stream-verbs.ts";

const SEEDS = Number(process.env.OFFHOOK_SAME_SEEDS ?? 8);
const STEPS = 150;
const KEYS = ["a", "b", "c", "it's"];
const GROUP = "lint";
const PER_MS = 5_000;

/** `rows`: what Redis has. `begun`: what runs inside the daemon, by its ids; `running`: attempts that were begun, by their label. */
type Side = {
  partition: Partition;
  rows: Map<string, string>;
  begun: string[][];
  running: Map<string, { id: string; number: number }>;
  isLookedAt: boolean;
};

test.each(Array.from({ length: SEEDS }, (_, at) => at + 1))("passing by the tables is not seen, seed %d", (seed) => {
  const random = makeRandom(seed);
  const pick = <T>(from: readonly T[]): T => from[random(from.length)] as T;
  const entries: Entry[] = [];
  const replayed = new Set<string>();
  let now = Date.parse("2026-11-20T12:00:00Z");
  let lossMs: number | null = null;
  let ordered = random(5) === 0;
  let step = 0;
  const deps = { now: () => now, startAfterSeq: 0, createdMs: now };

  const open = (rows: Map<string, string> | null) => {
    const partition = openPartition(GROUP, rows, deps);
    partition.stream.openGroup(GROUP, { start: "earliest", ordered });
    return partition;
  };
  const sides = [true, false].map(
    (isLookedAt): Side => ({ partition: open(null), rows: new Map(), begun: [], running: new Map(), isLookedAt }),
  );
  const [first] = sides as [Side];
  /** Does it on both sides, and compares what it gives, or why it cannot be done. */
  const both = (what: string, act: (side: Side) => unknown) => {
    const [looked, passed] = sides.map((side) => {
      let given: unknown;
      try {
        given = act(side) ?? null;
      } catch (error) {
        given = (error as Error).message.replace(/delivery .*/, "delivery");
      }
      if (side.isLookedAt) {
        side.partition.inspect();
        side.partition.inspection();
      }
      return given;
    });
    expect({ step, what, given: passed }).toEqual({ step, what, given: looked });
  };

  const takeIn = ({ partition }: Side) => {
    const after = partition.resumeAfter();
    const left = entries.filter(({ seq }) => seq > after).map((entry) => ({ entry, wanted: entry.seq % 7 !== 0 }));
    partition.take(left, entries.length);
  };
  const apply = ({ rows }: Side, changes: Changes | null) => {
    if (changes?.full === true) rows.clear();
    for (const [field, text] of changes?.set ?? []) rows.set(field, text);
    for (const field of changes?.del ?? []) rows.delete(field);
  };
  const commit = (side: Side, changes: Changes | null) => {
    apply(side, changes);
    if (changes !== null) side.partition.confirm();
    return [told(changes), durable(side.rows)];
  };
  const reopen = (side: Side) => {
    side.partition.close();
    side.partition = open(new Map(side.rows));
    side.begun = [];
    side.running.clear();
    takeIn(side);
    const { stream } = side.partition;
    for (const { deliveryId, number } of stream.unfinished())
      stream.settle(deliveryId, number, { ...FAILED, counts: false }, { state: "ready" }, { cools: false, events: [] });
  };
  /** Labels of what may start and is not under way, the oldest first. */
  const free = () => {
    const busy = new Set(first.begun.flat());
    return startable(first).flatMap((one) => (busy.has(one.id) ? [] : [labelOf(one)]));
  };
  const idOf = (side: Side, label: string) => startable(side).find((one) => labelOf(one) === label)?.id ?? "none";
  /** Ids of these, of which none takes in more events from now on. */
  const chosen = (side: Side, labels: readonly string[]) => {
    const found = startable(side).filter((one) => labels.includes(labelOf(one)));
    const held = found.filter(({ state }) => state === "held").map(({ id }) => id);
    if (held.length > 0) side.partition.stream.closeHolds(held);
    return found.map(({ id }) => id);
  };
  const fate = (): { end: AttemptEnd; next: Next } => {
    const kind = random(8);
    if (kind < 4) return { end: OK, next: { state: "ok" } };
    if (kind === 4) return { end: { ...OK, outcome: "findings" }, next: { state: "findings" } };
    if (kind === 5) return { end: FAILED, next: { state: "dead", reason: "exit 3" } };
    if (kind === 6) return { end: FAILED, next: { state: "backoff", reason: "exit 3", dueMs: now + random(300) } };
    return { end: { ...FAILED, counts: false }, next: { state: "ready" } };
  };

  const arrive = () => {
    for (let count = 1 + random(12); count > 0; count--) {
      const seq = entries.length + 1;
      entries.push(parsePairs(`${seq}-0`, entryFields(makeEvent({ timeMs: now - random(500) }), "n1/ledger", seq)));
    }
    both("take", takeIn);
  };
  const decide = () => {
    const { stream } = first.partition;
    const events = stream.read(stream.placeOf(GROUP).cursor, 1 + random(30));
    // Mostly none is held: those that come with one that is do not pass by.
    const kinds = random(5) === 0 ? [0, 1, 2, 2, 2, 2] : [0, 2, 2, 2, 2, 2, 2, 2];
    const fates = events.map(({ seq }) => ({ seq, key: pick(KEYS), kind: pick(kinds) }));
    const accepted = fates.flatMap(({ key }) => (random(3) === 0 ? [{ key, timeMs: now }] : []));
    const dueMs = now + random(300);
    const cursor = events.at(-1)?.seq;
    if (cursor === undefined) return;
    both("decide", (side) => {
      const its = side.partition.stream;
      const held = new Set<string>();
      const decision = {
        consumer: GROUP,
        ordered,
        cursor,
        accepted,
        deliveries: [] as NewDelivery[],
        joins: [] as any[],
      };
      for (const { seq, key, kind } of fates) {
        const times = { openedMs: now, dueMs, fileBytes: 1, dataBytes: 2 };
        const hold = kind === 1 ? its.hold(GROUP, key) : null;
        if (hold !== null) decision.joins.push({ deliveryId: hold.deliveryId, seqs: [seq], ...times });
        else if (kind > 0)
          decision.deliveries.push({ key, seqs: [seq], hold: kind === 1 && !held.has(key) ? times : null });
        if (kind === 1) held.add(key);
      }
      const skips = fates.flatMap(({ seq, key, kind }) =>
        kind === 0 ? [{ seq, key, reason: "duplicate" as const }] : [],
      );
      its.decide({ ...decision, skips });
    });
  };
  const choose = () => {
    const labels = free().slice(0, 1 + random(25));
    if (labels.length > 0) both("choose", (side) => void side.begun.push(chosen(side, labels)));
  };
  const settleInside = () => {
    const { end, next } = fate();
    const own = next.state === "dead" ? [makeEvent({ id: `own-${seed}-${step}`, timeMs: now, toolUseId: "t" })] : [];
    const aftermath = { cools: random(3) === 0, events: own };
    const labels = free().slice(0, 1 + random(20));
    const under = random(2) === 0 ? random(first.begun.length || 1) : null;
    both(`settleAtOnce ${next.state}`, (side) => {
      const ids = under === null ? chosen(side, labels) : (side.begun.splice(under, 1)[0] ?? []);
      side.partition.stream.settleAtOnce([...ids, "nobody"], end, next, aftermath);
    });
  };
  const begin = () => {
    const label = free()[0];
    if (label === undefined) return;
    both("begin", (side) => {
      const id = idOf(side, label);
      const number = side.partition.stream.begin(id, "boot");
      side.partition.stream.noteGroup(id, number, 5, null);
      side.running.set(label, { id, number });
      return number;
    });
  };
  const settle = () => {
    const label = pick([...first.running.keys()]);
    if (label === undefined) return;
    const { end, next } = fate();
    both(`settle ${next.state}`, ({ partition, running }) => {
      const { id, number } = running.get(label) ?? { id: "none", number: 0 };
      running.delete(label);
      partition.stream.settle(id, number, end, next, { cools: false, events: [] });
    });
  };
  const skip = () => {
    const label = pick(free());
    if (label !== undefined) both("skip", (side) => side.partition.stream.skip(idOf(side, label), "max-age"));
  };
  const loop = [decide, decide, choose, settleInside, settleInside, begin, settle, skip];

  /** A turn of the loop is one transaction, which may be undone. */
  const together = () => {
    const before = sides.map(({ begun, running }) => ({ begun: [...begun], running: new Map(running) }));
    const [one, other] = sides as [Side, Side];
    const isUndone = random(2) === 0;
    try {
      one.partition.stream.together(() =>
        other.partition.stream.together(() => {
          for (let count = 1 + random(4); count > 0; count--) pick(loop)();
          if (isUndone) throw new Error("undone");
        }),
      );
    } catch (error) {
      if ((error as Error).message !== "undone") throw error;
      for (const [at, side] of sides.entries()) Object.assign(side, before[at]);
    }
  };
  const people = [
    () => both("pause", ({ partition }) => partition.stream.setPaused(GROUP, step % 2 === 0)),
    () => {
      const ready = free()[0] ?? "";
      both("retry", (side) => side.partition.stream.retryDead([...dead(side).slice(0, 2), idOf(side, ready)]));
    },
    () => {
      const ready = free()[0] ?? "";
      both("purge", (side) => side.partition.stream.purgeDead([...dead(side).slice(0, 1), idOf(side, ready)]));
    },
    () => {
      const seqs = [...new Set([1 + random(entries.length || 1), 1 + random(entries.length || 1)])].sort(
        (a, b) => a - b,
      );
      const key = pick(KEYS);
      if (entries.length === 0 || replayed.has(String(seqs))) return;
      replayed.add(String(seqs));
      both("replay", ({ partition }) => {
        partition.keep(entries.flatMap(({ seq, event }) => (seqs.includes(seq) ? [{ ...event, seq }] : [])));
        return partition.stream.replay(GROUP, ordered, [{ key, seqs: [...seqs], hold: null }]).length;
      });
    },
    () => {
      if (random(4) > 0) return;
      both("forget", ({ partition, running }) => {
        running.clear();
        return [partition.stream.forget(GROUP), partition.stream.openGroup(GROUP, { start: "now", ordered })];
      });
    },
    () => {
      if (seed % 3 === 0) ordered = !ordered;
      both("order", ({ partition }) => partition.stream.openGroup(GROUP, { start: "earliest", ordered }));
    },
  ];
  const house = [
    () => both("commit", (side) => commit(side, side.partition.changes())),
    () => {
      const isThere = random(2) === 0;
      both("a commit that fails", (side) => {
        const changes = side.partition.changes();
        if (isThere) apply(side, changes);
        side.partition.fail();
        return told(changes);
      });
    },
    () => both("snapshot", (side) => [commit(side, side.partition.snapshot()), takeIn(side)]),
    () => both("another owner", reopen),
    () =>
      both("expire", ({ partition }) =>
        partition.stream.expire(GROUP, step % 2 === 0 ? null : now - 300, 1 + (step % 40)),
      ),
    () =>
      both("prune", ({ partition }) =>
        partition.stream.prune({ settledBeforeMs: null, deadBeforeMs: now - 100, most: 5 }),
      ),
    () => {
      if (random(3) === 0) lossMs = now;
      both("loss", (side) => side.partition.noteLoss(lossMs) && takeIn(side));
    },
    () => {
      now += random(400);
      both("wake", ({ partition }) => partition.stream.wake(GROUP, { retryMs: 1_000, holdMs: 1_000 }));
    },
    () => both("starts", ({ partition }) => partition.stream.noteStarts(GROUP, 1 + (step % 3), PER_MS)),
  ];

  for (step = 0; step < STEPS; step++) {
    pick([arrive, arrive, together, pick(loop), pick(loop), pick(people), pick(house)])();
    both("what the loop sees", seen);
    if (random(20) === 0) both("what people see", shown);
    if (random(20) === 0) both("what the node says", ({ partition }) => partition.inspect());
  }
  both("commit", (side) => commit(side, side.partition.changes()));
  both("another owner", (side) => [reopen(side), seen(side), shown(side)]);
  for (const { partition } of sides) partition.close();
});

function startable({ partition }: Side): Delivery[] {
  return partition.stream.startable(GROUP, 9_999);
}

/** Of the same delivery on both sides, whose ids differ. */
function labelOf({ seqs, replay }: Delivery): string {
  return `${seqs} ${replay}`;
}

function dead({ partition }: Side): string[] {
  return [...partition.inspection().deliveries(ALL)].filter(({ state }) => state === "dead").map(({ id }) => id);
}

/** What can be seen without a look that writes down what passes by. */
function seen(side: Side) {
  const { partition } = side;
  const { stream } = partition;
  return {
    startable: startable(side).map(({ id, ...delivery }) => delivery),
    first: stream.startable(GROUP, 2, { withHeld: false }).map(labelOf),
    counts: [partition.pending(), partition.ready(), partition.undecided(), partition.resumeAfter()],
    place: stream.placeOf(GROUP),
    events: stream.read(0, 999).map(({ seq }) => seq),
    marks: KEYS.map((key) => [stream.acceptedMs(GROUP, key), stream.cooledMs(GROUP, key)]),
    starts: stream.starts(GROUP, PER_MS),
  };
}

function shown({ partition }: Side) {
  const views = [...partition.inspection().deliveries(ALL)].map(({ id, ...view }) => view);
  const unfinished = partition.stream.unfinished().map(({ deliveryId, ...attempt }) => attempt);
  return { views, unfinished, skips: partition.inspection().skipCounts(GROUP) };
}

function told(changes: Changes | null) {
  const outcomes = changes?.outcomes.map((text) => ({ ...JSON.parse(text), id: null }));
  return { outcomes, own: changes?.ownEvents.map(({ id }) => id), full: changes?.full };
}

/** What Redis has, the deliveries in their order: their ids and ordinals differ, and when they were written down. */
function durable(rows: ReadonlyMap<string, string>) {
  const parsed = [...rows].map(([field, text]) => [field, text.startsWith("{") ? JSON.parse(text) : text] as const);
  const isDelivery = (field: string) => field.startsWith("d:");
  const deliveries = parsed
    .filter(([field]) => isDelivery(field))
    .sort(([a], [b]) => Number(a.slice(2)) - Number(b.slice(2)));
  return {
    deliveries: deliveries.map(([, { row, seqs, attempts }]) => ({
      row: { ...row, id: null, ordinal: null, created_ms: null },
      seqs,
      attempts: attempts.map((attempt: object) => ({ ...attempt, delivery: null })),
    })),
    others: Object.fromEntries(parsed.filter(([field]) => !isDelivery(field))),
  };
}

/** Numbers that look random, the same for the same seed (mulberry32). */
function makeRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296) * below);
  };
}
