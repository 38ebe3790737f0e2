// What keeps the ledger bounded: what is old or too much goes, and what a group holds back for too long is skipped.
// What to do comes from a few figures (planOf, pure); the ledger does it, a small piece each run, and one kind a run:
//
// 1. let go of what is settled: by age; whatever its age when the ledger is too large. Dead letters and their events by max_lag.
// 2. forget groups whose file is gone for a week.
// 3. skip what a group holds back for longer than max_lag, or so much of it.
// Only when all that brings nothing and the ledger is still above what retention and max_lag make together, dead letters go too.
import type { NodeConfig } from "../config/node.ts";
import type { GroupState } from "../ledger/group-state.ts";
import { type HouseLog, isConsumerGroup, type PeopleLog, type PruneLimits } from "../stream/stream.ts";

export type Limits = Pick<NodeConfig, "retention" | "maxLag">;

export type Plan = {
  prune: PruneLimits;
  /** Groups that were marked removed before are forgotten. */
  forgetBeforeMs: number;
  expireBeforeMs: number;
};

/** What goes whatever its age, when nothing else is left that could go; null: nothing. */
export type Sacrifice = "held-back" | "dead-letters" | null;

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
/** Deliveries, events or skips of one run at most; and where it is about room: what is large must not take much more than it has to. */
const PIECE = 200;
const PIECE_FOR_ROOM = 20;
/** What goes on is said again after so long, with how much it was. */
const SAY_AGAIN_MS = 3_600_000;

/** What a time and the bytes that the ledger uses call for. Pure. */
export function planOf(nowMs: number, usedBytes: number, { retention, maxLag }: Limits): Plan {
  const isFull = usedBytes > retention.sizeBytes;
  return {
    prune: {
      settledBeforeMs: isFull ? null : nowMs - retention.ageMs,
      deadBeforeMs: nowMs - maxLag.ageMs,
      most: isFull ? PIECE_FOR_ROOM : PIECE,
    },
    forgetBeforeMs: nowMs - REMOVED_FOR_MS,
    expireBeforeMs: nowMs - maxLag.ageMs,
  };
}

/** What has to go for room; `heldBackBytes` is the part of `usedBytes` that groups have not done yet. Pure. */
export function sacrificeOf(usedBytes: number, heldBackBytes: number, { retention, maxLag }: Limits): Sacrifice {
  if (heldBackBytes > maxLag.sizeBytes) return "held-back";
  return usedBytes > retention.sizeBytes + maxLag.sizeBytes ? "dead-letters" : null;
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

  const prune = (limits: PruneLimits, { retention, maxLag }: Limits): boolean => {
    const { events, deliveries, deadLetters } = stream.prune(limits);
    if (events + deliveries === 0) return false;
    if (deadLetters > 0) {
      const old = `deleted, given up more than ${exact(maxLag.ageMs)} ago`;
      tally.add(
        "old dead letters",
        deadLetters,
        (sum) => `${sum} ${sum === 1 ? "dead letter" : "dead letters"} ${old}`,
      );
    }
    if (limits.settledBeforeMs === null) {
      const early = `went before they were ${exact(retention.ageMs)} old: ${isAbove(retention.sizeBytes)}`;
      tally.add("settled", events, (sum) => `${sum} events and what was settled of them ${early}`);
    }
    return true;
  };

  const forgetOne = (beforeMs: number): boolean => {
    const running = new Set(stream.unfinished().map((attempt) => attempt.consumer));
    const name = stream.removedBefore(beforeMs).find((consumer) => !running.has(consumer));
    if (name === undefined) return false;
    stream.forget(name);
    if (isConsumerGroup(name)) deps.log(`${name}: forgotten, its file is gone for ${exact(REMOVED_FOR_MS)}`);
    return true;
  };

  /** Of the group furthest behind that has something to give up on. */
  const expireOldest = (beforeMs: number | null, most: number, why: string): boolean =>
    stream.groupsByPlace().some((consumer) => {
      const events = stream.expire(consumer, beforeMs, most);
      if (events === 0) return false;
      tally.add(`skips of ${consumer}`, events, (sum) => {
        const events = sum === 1 ? "event" : "events";
        if (!isConsumerGroup(consumer)) return `${sum} ${events} will not be forwarded to the cluster any more, ${why}`;
        return `${consumer}: ${sum} ${events} skipped (expired), ${why}`;
      });
      deps.onSkipped(consumer);
      return true;
    });

  const makeRoom = (usedBytes: number, limits: Limits): boolean => {
    const { retention, maxLag } = limits;
    // Nobody holds back more than there is: mostly it need not be counted, which takes its time.
    if (usedBytes <= maxLag.sizeBytes) return false;
    const expireAny = () =>
      expireOldest(null, PIECE_FOR_ROOM, `consumers hold back more than ${sized(maxLag.sizeBytes)}`);
    const sacrifice = sacrificeOf(usedBytes, stream.heldBackBytes(), limits);
    switch (sacrifice) {
      case null:
        return false;
      case "held-back":
        return expireAny();
      case "dead-letters": {
        const { deliveries } = stream.prune({ settledBeforeMs: null, deadBeforeMs: null, most: PIECE_FOR_ROOM });
        if (deliveries === 0) return expireAny();
        const cause = `${isAbove(retention.sizeBytes + maxLag.sizeBytes)} and nothing else could go`;
        tally.add("dead letters", deliveries, (sum) => `the ${sum} oldest dead letters were deleted: ${cause}`);
        return true;
      }
      default:
        return sacrifice satisfies never;
    }
  };

  return {
    run() {
      const limits = deps.limits();
      const usedBytes = stream.usedBytes();
      const plan = planOf(deps.now(), usedBytes, limits);
      const isBusy =
        prune(plan.prune, limits) ||
        forgetOne(plan.forgetBeforeMs) ||
        expireOldest(plan.expireBeforeMs, PIECE, `held back for more than ${exact(limits.maxLag.ageMs)}`) ||
        makeRoom(usedBytes, limits);
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
