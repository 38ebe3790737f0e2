// What keeps a ledger bounded: the plan from a few figures, and runs of it on a real ledger whose clock only the test moves.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { holdingBack, type Limits, makeHousekeeping, planOf, sacrificeOf } from "../src/daemon/housekeeping.ts";
import { DAY, HOUR, openScratch, type Scratch } from "./scratch-ledger.ts";

const MIB = 2 ** 20;
const LIMITS: Limits = {
  retention: { ageMs: 7 * DAY, sizeBytes: 100 * MIB },
  maxLag: { ageMs: 30 * DAY, sizeBytes: 50 * MIB },
};

describe("the plan", () => {
  const nowMs = 1000 * DAY;
  const plan = (usedMib: number) => planOf(nowMs, usedMib * MIB, LIMITS);

  test("goes by age as long as there is room", () => {
    expect(plan(100)).toMatchObject({
      prune: { settledBeforeMs: nowMs - 7 * DAY, deadBeforeMs: nowMs - 30 * DAY },
      forgetBeforeMs: nowMs - 7 * DAY,
      expireBeforeMs: nowMs - 30 * DAY,
    });
  });

  test("takes what is settled whatever its age from a ledger that is too large, and no dead letter for it", () => {
    expect(plan(101).prune).toMatchObject({ settledBeforeMs: null, deadBeforeMs: nowMs - 30 * DAY });
  });

  test("gives up on what is held back when it is too much, and on dead letters only above both sizes", () => {
    const sacrifice = (usedMib: number, heldBackMib: number) => sacrificeOf(usedMib * MIB, heldBackMib * MIB, LIMITS);
    expect([sacrifice(90, 51), sacrifice(151, 51)]).toEqual(["held-back", "held-back"]);
    expect([sacrifice(150, 50), sacrifice(151, 50)]).toEqual([null, "dead-letters"]);
  });
});

describe("what status says of groups that hold back events", () => {
  const group = (consumer: string, oldestMs: number | null, removedMs: number | null = null) => ({
    consumer,
    oldestMs,
    removedMs,
  });

  test("names those beyond retention's age, with how long and what will happen", () => {
    expect(
      holdingBack(
        [group("fine", 6 * DAY), group("lint", 9.9 * DAY), group("idle", null), group("gone", 9 * DAY, 1)],
        LIMITS,
      ),
    ).toEqual([{ consumer: "lint", text: "lint holds back events for 9 d; at 30 d its oldest are skipped." }]);
  });

  test("says limits exactly", () => {
    const limits = { ...LIMITS, retention: { ageMs: HOUR, sizeBytes: 1 }, maxLag: { ageMs: 36 * HOUR, sizeBytes: 1 } };
    expect(holdingBack([group("lint", 1.5 * HOUR)], limits)[0]?.text).toBe(
      "lint holds back events for 1 h; at 36 h its oldest are skipped.",
    );
  });
});

describe("a run", () => {
  let on: Scratch;
  let limits: Limits;
  let log: string[];
  let skipped: string[];
  let runs: number;
  let house: ReturnType<typeof makeHousekeeping>;
  beforeEach(() => {
    on = openScratch();
    limits = LIMITS;
    log = [];
    skipped = [];
    house = makeHousekeeping({
      stream: on.stream,
      limits: () => limits,
      now: () => on.now,
      log: (line) => void log.push(line),
      onSkipped: (consumer) => void skipped.push(consumer),
    });
  });
  afterEach(() => on.end());

  /** Runs until there is nothing more to do. */
  const tidy = () => {
    for (runs = 1; house.run(); ) runs++;
  };
  const large = (count: number, timeMs = on.now) =>
    on.appendEvents(
      ...Array.from({ length: count }, (_, n) => ({ timeMs, data: JSON.stringify(`${n} ${"x".repeat(10_000)}`) })),
    );

  test("of a ledger in which nothing is old does nothing and says nothing", () => {
    on.group("lint");
    const [id = ""] = on.deliver("lint", [{ key: "a", seqs: on.append() }]);
    on.succeed(id);
    on.append();
    expect(house.run()).toBe(false);
    expect([on.hasDelivery(id), on.seqs(), log]).toEqual([true, [1, 2], []]);
  });

  test("lets go by age in pieces, in silence, and ends", () => {
    on.group("lint");
    on.append(...Array(450).fill(on.now));
    on.skip("lint");
    on.now += 7 * DAY + 1;
    tidy();
    expect(on.seqs()).toEqual([450]);
    expect(runs).toBe(4);
    expect([log, skipped]).toEqual([[], []]);
  });

  test("lets go of dead letters by max_lag's age", () => {
    on.group("lint");
    const [id = ""] = on.deliver("lint", [{ key: "a", seqs: on.append() }]);
    on.die(id);
    on.append();
    on.skip("lint");
    on.now += 30 * DAY;
    tidy();
    expect(on.hasDelivery(id)).toBe(true);
    on.now += 1;
    tidy();
    expect([on.hasDelivery(id), on.seqs()]).toEqual([false, [2]]);
  });

  test("forgets a group whose file is gone for a week, but not while something of it runs", () => {
    for (const name of ["gone", "runs", "stays"]) on.group(name);
    const [id = ""] = on.deliver("runs", [{ key: "a", seqs: on.append() }]);
    const number = on.stream.begin(id, null);
    on.stream.markRemoved(["stays"]);
    on.now += 7 * DAY;
    tidy();
    expect(log).toEqual([]);
    on.now += 1;
    tidy();
    expect(log).toEqual(["gone: forgotten, its file is gone for 7 d"]);
    const end = {
      outcome: "ok",
      exitCode: 0,
      signal: null,
      durationMs: 1,
      stdout: "",
      stderr: "",
      reason: null,
    } as const;
    on.stream.settle(id, number, { ...end, counts: true }, { state: "ok" }, { cools: false, events: [] });
    tidy();
    expect(log[1]).toBe("runs: forgotten, its file is gone for 7 d");
    expect(on.look((inspection) => inspection.groups(on.now)).map((group) => group.consumer)).toEqual(["stays"]);
  });

  test("skips what a group holds back longer than max_lag, tells its loop, and says once how many it were", () => {
    on.group("stuck");
    on.group("fine");
    const seqs = on.append(...Array(450).fill(on.now));
    on.now += 30 * DAY + 1;
    const [young = 0] = on.append();
    on.skip("fine");
    house.run();
    expect(on.skips("stuck")).toEqual(seqs.slice(0, 200).map((seq) => [seq, "-", "expired"]));
    tidy();
    expect(on.stateOf("stuck")).toMatchObject({ lag: 1, skipped: 450 });
    expect([on.stateOf("fine").skipped, ...new Set(skipped)]).toEqual([0, "stuck"]);
    expect(log).toEqual(["stuck: 450 events skipped (expired), held back for more than 30 d"]);
    expect(on.seqs()).toEqual([young]);
    tidy();
    expect(log).toHaveLength(1);
  });

  test("says of a group that goes on losing events only once an hour how many it were", () => {
    on.group("stuck");
    const lose = (count: number) => {
      on.append(...Array(count).fill(on.now - 31 * DAY));
      tidy();
    };
    lose(1);
    for (const count of [2, 3, 4]) {
      on.now += 10 * 60_000;
      lose(count);
    }
    expect(log).toHaveLength(1);
    on.now += HOUR;
    tidy();
    expect(log.map((line) => line.slice(0, line.indexOf(",")))).toEqual([
      "stuck: 1 event skipped (expired)",
      "stuck: 9 events skipped (expired)",
    ]);
  });

  test("of a ledger that is too large lets go of settled things before their time, and says so", () => {
    on.group("lint");
    large(300);
    on.deliver("lint", [{ key: "a", seqs: [1] }]);
    for (const id of on.startable("lint")) on.succeed(id);
    limits = { retention: { ageMs: 7 * DAY, sizeBytes: 2 * MIB }, maxLag: LIMITS.maxLag };
    tidy();
    expect(on.stream.usedBytes()).toBeLessThan(2 * MIB);
    // Only as much as had to go: the youngest are there still.
    expect(on.seqs().length).toBeGreaterThan(120);
    expect(on.seqs().at(-1)).toBe(300);
    expect(on.stateOf("lint").skipped).toBe(0);
    const gone = 300 - on.seqs().length;
    expect(log).toEqual([
      `${gone} events and what was settled of them went before they were 7 d old: the ledger is above 2 MiB`,
    ]);
  });

  test("makes the group furthest behind give up when too much is held back, and only as much as needed", () => {
    on.group("done");
    on.group("behind");
    on.group("further");
    large(400);
    on.decide({ consumer: "done" });
    on.decide({ consumer: "behind", cursor: 350 });
    limits = { retention: { ageMs: 7 * DAY, sizeBytes: 2 * MIB }, maxLag: { ageMs: 30 * DAY, sizeBytes: 2 * MIB } };
    tidy();
    expect(on.stream.heldBackBytes()).toBeLessThanOrEqual(2 * MIB);
    expect(on.skips("behind")).toEqual([]);
    const { lag, skipped: counted } = on.stateOf("further");
    expect(lag + counted).toBe(400);
    expect(lag).toBeGreaterThan(100);
    expect([...new Set(skipped)]).toEqual(["further"]);
    expect(log.find((line) => line.startsWith("further"))).toBe(
      `further: ${counted} events skipped (expired), consumers hold back more than 2 MiB`,
    );
  });

  test("lets the oldest dead letters go only when nothing else is left to go, and says so", () => {
    on.group("lint");
    large(600);
    const dead = on.deliver(
      "lint",
      Array.from({ length: 600 }, (_, n) => ({ key: `${n}`, seqs: [n + 1] })),
    );
    for (const id of dead) {
      on.now += 1;
      on.die(id);
    }
    limits = { retention: { ageMs: 7 * DAY, sizeBytes: 3 * MIB }, maxLag: { ageMs: 30 * DAY, sizeBytes: 2 * MIB } };
    tidy();
    const left = dead.filter(on.hasDelivery);
    expect(on.stream.usedBytes()).toBeLessThanOrEqual(5 * MIB);
    expect(left.length).toBeGreaterThan(300);
    expect(left).toEqual(dead.slice(-left.length));
    expect(log).toEqual([
      `the ${600 - left.length} oldest dead letters were deleted: the ledger is above 5 MiB and nothing else could go`,
    ]);
  });
});
