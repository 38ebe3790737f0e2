// Both backends of the stream, asked the same things at random, say the same: what may start, what is held, what is remembered, how many.
// OFFHOOK_SAME_SEEDS: how many sequences (default 4). A failure names its seed.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Connection, connect } from "../src/redis/connection.ts";
import type { Next } from "../src/stream/stream.ts";
import { needsRedis, plain } from "./redis-client.ts";
import { noRedis, type RedisServer, startRedis } from "./redis-server.ts";
import { openScratch } from "./scratch-ledger.ts";
import { openPartitions } from "./scratch-partitions.ts";
import type { Backend } from "./stream-backend.ts";
import { FAILED, makeEvent, NOTHING, OK } from "./stream-verbs.ts";

const SEEDS = Number(process.env.OFFHOOK_SAME_SEEDS ?? 4);
const STEPS = 100;
const PATIENCE_MS = 60_000;
const KEYS = ["a", "b", "c", "it's"];
const PER_MS = 5_000;

describe.skipIf(needsRedis)(`the ledger and a partition${noRedis}`, () => {
  let server: RedisServer;
  let connection: Connection;
  beforeAll(async () => {
    server = await startRedis();
    connection = connect(plain(server));
  });
  afterAll(async () => {
    connection.close();
    await server.stop();
  });

  for (let seed = 1; seed <= SEEDS; seed++) {
    for (const everyVerb of [false, true]) {
      const name = `say the same, seed ${seed}${everyVerb ? ", each verb by another owner" : ""}`;
      const run = async () => {
        const pair = [openScratch(), openPartitions(connection, { everyVerb })] as const;
        await compare(pair as unknown as [Backend, Backend], makeRandom(seed));
        for (const one of pair) await one.end();
      };
      test(name, run, PATIENCE_MS);
    }
  }
});

/** One side, with the ids of its deliveries in the order in which they were made: both sides have the same order. */
type Side = { on: Backend; ids: string[]; running: Map<number, number> };

async function compare(pair: readonly [Backend, Backend], random: (below: number) => number): Promise<void> {
  const sides = pair.map((on): Side => ({ on, ids: [], running: new Map() }));
  const [first] = sides as [Side];
  const ordered = random(3) > 0;
  const both = (act: (side: Side) => void) => {
    for (const side of sides) act(side);
  };
  both(({ on }) => void on.group("lint", "earliest", ordered));
  for (let step = 0; step < STEPS; step++) {
    await oneStep(first, ordered, random, both, sides);
    const [ledger, partition] = sides.map(seen);
    expect(partition).toEqual(ledger);
  }
}

async function oneStep(
  first: Side,
  ordered: boolean,
  random: (below: number) => number,
  both: (act: (side: Side) => void) => void,
  sides: readonly Side[],
): Promise<void> {
  const pick = <T>(from: readonly T[]): T | undefined => from[random(from.length || 1)];
  const key = pick(KEYS) ?? "a";
  const { now } = first.on;
  const verb = random(14);
  if (verb < 4) {
    const event = makeEvent({ timeMs: now });
    both(({ on }) => void on.appendAll([event]));
    decideOn(first, key, ordered, random(3), random(200), both);
  } else if (verb < 6) {
    const at = pick(startableOf(first));
    if (at !== undefined) both((side) => void side.running.set(at, side.on.stream.begin(side.ids[at] ?? "", "boot")));
  } else if (verb < 9) {
    const at = pick([...first.running.keys()]);
    if (at === undefined) return;
    const isWell = random(2) === 0;
    const fate = random(3);
    const dueMs = now + random(300);
    const failed: Next[] = [
      { state: "dead", reason: "exit 3" },
      { state: "backoff", reason: "exit 3", dueMs },
      { state: "ready" },
    ];
    const next: Next = isWell ? { state: "ok" } : (failed[fate] ?? { state: "ready" });
    const end = { ...(isWell ? OK : FAILED), counts: next.state !== "ready" };
    const cools = random(2) === 0;
    both(({ on, ids, running }) => {
      on.stream.settle(ids[at] ?? "", running.get(at) ?? 0, end, next, { cools: isWell && cools, events: [] });
      running.delete(at);
    });
  } else if (verb === 9) {
    const ms = random(400);
    both(({ on }) => {
      on.now = now + ms;
      on.stream.wake("lint", { retryMs: 1000, holdMs: 1000 });
    });
  } else if (verb === 10) {
    const at = pick(startableOf(first));
    if (at !== undefined) both(({ on, ids }) => on.stream.skip(ids[at] ?? "", "max-age"));
  } else if (verb === 11) {
    const dead = first.ids.map((_, at) => at).filter(() => random(2) === 0);
    const isPurge = random(4) === 0;
    both(({ on, ids }) => {
      const chosen = dead.map((at) => ids[at] ?? "");
      if (isPurge) on.stream.purgeDead(chosen);
      else on.stream.retryDead(chosen);
    });
  } else if (verb === 12) {
    const startAt = random(2) === 0 ? startableOf(first).filter((at) => !first.running.has(at)) : [];
    both(({ on, ids }) => {
      on.stream.noteStarts("lint", 1, PER_MS);
      if (startAt.length > 0)
        on.stream.settleAtOnce(
          startAt.map((at) => ids[at] ?? ""),
          OK,
          { state: "ok" },
          NOTHING,
        );
    });
  } else for (const { on } of sides) await on.reopen();
}

/** Decides up to the last event: it is skipped, delivered, or held, or joins what is held of its key. */
function decideOn(
  { on }: Side,
  key: string,
  ordered: boolean,
  what: number,
  waitMs: number,
  both: (act: (side: Side) => void) => void,
): void {
  const seq = on.stream.lastSeq();
  const accepted = [{ key, timeMs: on.now }];
  const times = { openedMs: on.now, dueMs: on.now + waitMs, fileBytes: 1, dataBytes: 2 };
  const isHeld = on.stream.hold("lint", key) !== null;
  if (what === 0)
    both((side) => side.on.decide({ consumer: "lint", ordered, skips: [{ seq, key, reason: "duplicate" }] }));
  else if (isHeld && what === 1)
    both((side) => {
      const deliveryId = side.on.stream.hold("lint", key)?.deliveryId ?? "";
      side.on.decide({ consumer: "lint", ordered, accepted, joins: [{ deliveryId, seqs: [seq], ...times }] });
    });
  else
    both((side) => {
      const hold = what === 1 ? times : null;
      const before = new Set(side.ids);
      side.on.decide({ consumer: "lint", ordered, accepted, deliveries: [{ key, seqs: [seq], hold }] });
      const made = side.on.look((look) => [
        ...look.deliveries({ consumer: null, state: null, session: null, limit: 1 }),
      ]);
      side.ids.push(...made.map(({ id }) => id).filter((id) => !before.has(id)));
    });
}

function startableOf({ on, ids }: Side): number[] {
  return on.startable("lint").map((id) => ids.indexOf(id));
}

/** What a group's loop, people and those who look can see. */
function seen(side: Side) {
  const { on, ids } = side;
  const { stream } = on;
  const views = on.look((look) => [...look.deliveries({ consumer: null, state: null, session: null, limit: null })]);
  return {
    place: stream.placeOf("lint"),
    startable: stream.startable("lint", 99).map(({ id, ...delivery }) => ({ ...delivery, at: ids.indexOf(id) })),
    unfinished: stream
      .unfinished()
      .map(({ deliveryId, ...attempt }) => ({ ...attempt, at: ids.indexOf(deliveryId) }))
      .sort((a, b) => a.at - b.at),
    holds: KEYS.map((key) => {
      const hold = stream.hold("lint", key);
      return hold === null ? null : { ...hold, deliveryId: ids.indexOf(hold.deliveryId) };
    }),
    marks: KEYS.map((key) => [stream.acceptedMs("lint", key), stream.cooledMs("lint", key)]),
    starts: stream.starts("lint", PER_MS),
    state: on.stateOf("lint"),
    skips: on.skipCounts("lint"),
    // Those that are settled well are kept by the ledger alone.
    deliveries: views
      .filter(({ state }) => state !== "ok")
      .map(({ id, ...view }) => ({ ...view, at: ids.indexOf(id) })),
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
