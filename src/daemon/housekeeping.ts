// What keeps the ledger bounded: what is old or too much goes, and what a group holds back for too long is skipped.
// What to do comes from a few figures (planOf, pure); the ledger does it, a small piece each run, and one kind a run:
//
// 1. let go of what is settled: by age; whatever its age when the ledger is too large. Dead letters and their events by max_lag.
// 2. forget groups whose file is gone for a week.
// 3. skip what a group holds back for longer than max_lag, or so much of it.
// Only when all that brings nothing and the ledger is still above what retention and max_lag make together, dead letters go too.
import type { NodeConfig } from "../config/node.ts";
import type { GroupState } from "../stream/group-state.ts";
import type { HouseLog, PeopleLog, PruneLimits } from "../stream/stream.ts";

export type Limits = Pick<NodeConfig, "retention" | "maxLag">;

/** `heldBackBytes`: what the groups have not done yet, of `usedBytes`. */
export type Figures = { nowMs: number; usedBytes: number; heldBackBytes: number };

export type Plan = {
  prune: PruneLimits;
  /** Groups that were marked removed before are forgotten. */
  forgetBeforeMs: number;
  expireBeforeMs: number;
  /** What goes whatever its age, when nothing else is left that could go. */
  forRoom: "held-back" | "dead-letters" | null;
};

export type HousekeepingDeps = {
  stream: Pick<
    HouseLog,
    "usedBytes" | "heldBackBytes" | "prune" | "removedBefore" | "unfinished" | "groupsByPlace" | "expire"
  > &
    Pick<PeopleLog, "forget">;
  limits(): Limits;
  /** Wall time in ms since 1970. */
  now(): number;
  log(line: string): void;
  /** Told when a group's cursor or queue was moved on: its loop has to look at the ledger again. */
  onSkipped(consumer: string): void;
};

export type Housekeeping = {
  /** Does a small piece of what is to be done, some ten ms. True: there may be more, so it is called again soon. */
  run(): boolean;
};

const DAY_MS = 86_400_000;
const REMOVED_FOR_MS = 7 * DAY_MS;
/** Deliveries, events or skips of one run at most. */
const PIECE = 200;
/** What goes on is said again after so long, with how much it was. */
const SAY_AGAIN_MS = 3_600_000;

/** What the figures call for. Pure. */
export function planOf({ nowMs, usedBytes, heldBackBytes }: Figures, { retention, maxLag }: Limits): Plan {
  const isFull = usedBytes > retention.sizeBytes;
  const isAboveAll = usedBytes > retention.sizeBytes + maxLag.sizeBytes;
  return {
    prune: {
      settledBeforeMs: isFull ? null : nowMs - retention.ageMs,
      deadBeforeMs: nowMs - maxLag.ageMs,
      most: PIECE,
    },
    forgetBeforeMs: nowMs - REMOVED_FOR_MS,
    expireBeforeMs: nowMs - maxLag.ageMs,
    forRoom: heldBackBytes > maxLag.sizeBytes ? "held-back" : isAboveAll ? "dead-letters" : null,
  };
}

/** The groups that hold back events for longer than those are kept otherwise, a sentence each for `status`. Pure. */
export function holdingBack(
  groups: readonly Pick<GroupState, "consumer" | "oldestMs" | "removedMs">[],
  { retention, maxLag }: Limits,
): { consumer: string; text: string }[] {
  return groups.flatMap(({ consumer, oldestMs, removedMs }) => {
    if (removedMs !== null || oldestMs === null || oldestMs <= retention.ageMs) return [];
    const end = `at ${exact(maxLag.ageMs)} its oldest are skipped`;
    return [{ consumer, text: `${consumer} holds back events for ${roughly(oldestMs)}; ${end}.` }];
  });
}

/** Makes the housekeeping of an open ledger. */
export function makeHousekeeping(deps: HousekeepingDeps): Housekeeping {
  const { stream } = deps;
  const tally = makeTally(deps);

  const prune = (limits: PruneLimits, { retention }: Limits): boolean => {
    const { events, deliveries } = stream.prune(limits);
    if (events + deliveries === 0) return false;
    if (limits.settledBeforeMs === null) {
      const early = `before they were ${exact(retention.ageMs)} old`;
      tally.add(
        "settled",
        deliveries,
        (sum) => `${sum} settled deliveries went ${early}: ${isAbove(retention.sizeBytes)}`,
      );
    }
    return true;
  };

  const forgetOne = (beforeMs: number): boolean => {
    const running = new Set(stream.unfinished().map((attempt) => attempt.consumer));
    const name = stream.removedBefore(beforeMs).find((consumer) => !running.has(consumer));
    if (name === undefined) return false;
    stream.forget(name);
    deps.log(`${name}: forgotten, its file is gone for ${exact(REMOVED_FOR_MS)}`);
    return true;
  };

  /** Of the group furthest behind that has something to give up on. */
  const expireOldest = (beforeMs: number | null, why: string): boolean =>
    stream.groupsByPlace().some((consumer) => {
      const events = stream.expire(consumer, beforeMs, PIECE);
      if (events === 0) return false;
      const see = `see: offhook deliveries --skipped --consumer ${consumer}`;
      tally.add(`skips of ${consumer}`, events, (sum) => {
        return `${consumer}: ${sum} ${sum === 1 ? "event" : "events"} skipped (expired), ${why}; ${see}`;
      });
      deps.onSkipped(consumer);
      return true;
    });

  const makeRoom = (forRoom: Plan["forRoom"], { retention, maxLag }: Limits): boolean => {
    const expireAny = () => expireOldest(null, `consumers hold back more than ${sized(maxLag.sizeBytes)}`);
    switch (forRoom) {
      case null:
        return false;
      case "held-back":
        return expireAny();
      case "dead-letters": {
        const { deliveries } = stream.prune({ settledBeforeMs: null, deadBeforeMs: null, most: PIECE });
        if (deliveries === 0) return expireAny();
        const cause = `${isAbove(retention.sizeBytes + maxLag.sizeBytes)} and nothing else could go`;
        tally.add("dead letters", deliveries, (sum) => `the ${sum} oldest dead letters were deleted: ${cause}`);
        return true;
      }
      default:
        return forRoom satisfies never;
    }
  };

  return {
    run() {
      const limits = deps.limits();
      const nowMs = deps.now();
      const usedBytes = stream.usedBytes();
      // Nobody holds back more than there is: mostly it need not be counted.
      const heldBackBytes = usedBytes > limits.maxLag.sizeBytes ? stream.heldBackBytes() : 0;
      const plan = planOf({ nowMs, usedBytes, heldBackBytes }, limits);
      const isBusy =
        prune(plan.prune, limits) ||
        forgetOne(plan.forgetBeforeMs) ||
        expireOldest(plan.expireBeforeMs, `held back for more than ${exact(limits.maxLag.ageMs)}`) ||
        makeRoom(plan.forRoom, limits);
      if (!isBusy) tally.say();
      return isBusy;
    },
  };
}

/** Sums up what went, and says it when the work is done for now; what goes on all the time, once an hour. */
function makeTally({ now, log }: Pick<HousekeepingDeps, "now" | "log">) {
  const sums = new Map<string, { sum: number; line: (sum: number) => string; saidMs: number }>();
  return {
    add(what: string, count: number, line: (sum: number) => string) {
      const before = sums.get(what);
      sums.set(what, { sum: (before?.sum ?? 0) + count, line, saidMs: before?.saidMs ?? Number.NEGATIVE_INFINITY });
    },
    say() {
      for (const [what, { sum, line, saidMs }] of sums) {
        // Either way: the clock may have been set back.
        if (sum === 0 || Math.abs(now() - saidMs) < SAY_AGAIN_MS) continue;
        log(line(sum));
        sums.set(what, { sum: 0, line, saidMs: now() });
      }
    },
  };
}

function isAbove(bytes: number): string {
  return `the ledger is above ${sized(bytes)}`;
}

const UNITS = [
  ["d", DAY_MS],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1000],
] as const;

/** An age as people say it, cut off to one unit: "9 d". */
function roughly(ms: number): string {
  const [unit, unitMs] = UNITS.find(([, unitMs]) => ms >= unitMs) ?? ["ms", 1];
  return `${Math.floor(ms / unitMs)} ${unit}`;
}

/** A limit in the largest unit that says it exactly: "36 h". */
function exact(ms: number): string {
  const [unit, unitMs] = UNITS.find(([, unitMs]) => ms > 0 && ms % unitMs === 0) ?? ["ms", 1];
  return `${ms / unitMs} ${unit}`;
}

const SIZES = [
  ["GiB", 2 ** 30],
  ["MiB", 2 ** 20],
  ["KiB", 2 ** 10],
] as const;

/** A size in the largest unit that says it exactly: "1 GiB". */
function sized(bytes: number): string {
  const [unit, unitBytes] = SIZES.find(([, unitBytes]) => bytes > 0 && bytes % unitBytes === 0) ?? ["bytes", 1];
  return `${bytes / unitBytes} ${unit}`;
}
