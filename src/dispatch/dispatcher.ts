// One group's loop. Each turn is one transaction and does a bounded piece of everything; what it comes to is done after it.
//
// 1. settle: the outcomes of attempts that have ended (running.ts).
// 2. decide: events after the cursor become deliveries, holds and skips, with the new cursor.
// 3. begin: the oldest startable deliveries, as far as rate, concurrency and the node's slots allow (beginning.ts). They are written
//    as begun in the transaction and started after it: an attempt is in the ledger before its worker is there.
// 4. come back: when something ended, when something new came, or when the next held, retried or rated delivery is due.
//
// A failure of one delivery never leaves this room. While the ledger cannot be written (a full disk) the group rests. Any other
// failure to write the ledger goes to `fail`, which ends the daemon: its next start finds every delivery where the ledger has it.
import { MAX_RETRY_AFTER_MS } from "../attempt/webhook.ts";
import type { Consumer } from "../config/schema.ts";
import { compileMatch } from "../match/match.ts";
import { passingTrouble } from "../stream/passing-trouble.ts";
import type { LongestWaits } from "../stream/stream.ts";
import { makeBeginning, NOTHING } from "./beginning.ts";
import { type Circumstances, decide, rateWaitMs } from "./flow.ts";
import { isOrdered, runsInside } from "./inside.ts";
import { makeRunning } from "./running.ts";
import type { Surroundings } from "./surroundings.ts";

/** Events decided, and attempts begun, in one turn at most. */
const BATCH = 200;
/** How long a group rests before it tries again to write what could not be written. */
const REST_MS = 1000;
/** Keys that dedup and cooldown remember of one group at most, and after how many decisions they are looked through. */
const MOST_MARKS = 50_000;
const FORGET_EVERY = 1_000;
/** The longest duration that a file can say. */
const LONGEST_COOLDOWN_MS = 24 * 86_400_000;

export type Dispatcher = {
  /** Asks for a turn; called whenever something may have changed. */
  advance(): void;
  /** Goes on with a changed file of the same name. */
  replace(consumer: Consumer): void;
  /** Goes on where the group stands now, after somebody else moved, paused or resumed it. */
  lookAgain(): void;
  /** Whether a person paused the group. */
  isPaused(): boolean;
  /** Whether an attempt is under way, or its outcome not written yet. */
  isRunning(): boolean;
  /** Decides and starts nothing more until `replace`; what runs goes on. */
  leave(): void;
  /** Starts nothing more; ends when running attempts have ended by themselves. */
  stop(): Promise<void>;
  /** Ends running attempts; their deliveries are ready again and the attempt does not count. */
  endRunning(): void;
};

/** Opens the group of a consumer and gives its loop, at rest until the first `advance`. */
export function makeDispatcher(first: Consumer, deps: Surroundings): Dispatcher {
  const { stream } = deps;
  let consumer = first;
  let wants = compileMatch(consumer, deps.realPath);
  let { cursor, paused } = open(first);
  let isLeft = false;
  let isStopping = false;
  let acceptedSince = FORGET_EVERY;
  let callOff: (() => void) | null = null;

  function open(opened: Consumer) {
    if (opened.rate === null) stream.setWaiting(opened.name, null);
    return stream.openGroup(opened.name, { start: opened.start, ordered: isOrdered(opened) });
  }

  const advance = () => deps.turns.ask(turn);
  const running = makeRunning(deps, advance);
  const beginning = makeBeginning(deps, running, advance);

  const turn = () => {
    // Every group is asked whenever something was taken in: one that may not go on must cost nothing.
    if (!mayGoOn() && !running.hasEnded()) return deps.isFull() ? comeBackIn(REST_MS) : undefined;
    try {
      const { settled, went } = stream.together(() => ({ settled: running.settle(), went: mayGoOn() ? goOn() : null }));
      settled.letGo();
      if (went?.decision) {
        // crash point: after-decide
        cursor = went.decision.cursor;
      }
      // The next workers first: what is said of the last ones is said while these run.
      went?.chosen.start();
      settled.tell();
      if (went === null) return deps.isFull() ? comeBackIn(REST_MS) : undefined;
      comeBackIn(...went.waitsMs);
      if (went.decision?.hasMore || went.chosen.hasMore) advance();
    } catch (error) {
      if (passingTrouble(error) === null) deps.fail(error);
      else if (deps.onTrouble(error)) return advance();
      else if (!isStopping) return comeBackIn(REST_MS);
      running.giveUp();
    }
  };

  const mayGoOn = () => !isLeft && !paused && !deps.isFull();

  const goOn = () => {
    const around: Circumstances = {
      nowMs: deps.now(),
      isOff: deps.isOff(consumer.name),
      silencingOf: deps.silencingOf,
    };
    const decision = decideNext(around);
    const { retryInMs, holdInMs, anyWaits } = stream.wake(consumer.name, longestWaits(consumer));
    const { rateInMs, allowance } = allowanceNow();
    // Something in backoff holds back all that would run inside after it, which keeps the order of a log.
    const chosen =
      runsInside(consumer) && retryInMs !== null
        ? NOTHING
        : beginning.choose(consumer, { allowance, withHeld: anyWaits }, around);
    return { decision, waitsMs: [retryInMs, holdInMs, rateInMs], chosen };
  };

  const comeBackIn = (...waitsMs: (number | null)[]) => {
    callOff?.();
    const waitMs = Math.min(...waitsMs.filter((wait) => wait !== null));
    callOff = Number.isFinite(waitMs) ? deps.later(Math.min(waitMs + 1, 60_000), advance) : null;
  };

  const decideNext = (around: Circumstances) => {
    const events = stream.read(cursor, BATCH);
    if (events.length === 0) return null;
    const decision = decide(consumer, wants, cursor, events, around, {
      acceptedMs: (key) => stream.acceptedMs(consumer.name, key),
      hold: (key) => stream.hold(consumer.name, key),
    });
    stream.decide(decision);
    forgetMarks(decision.accepted.length + decision.deliveries.length, events.at(-1)?.timeMs ?? deps.now());
    return { cursor: decision.cursor, hasMore: events.length === BATCH };
  };

  const forgetMarks = (added: number, eventMs: number) => {
    acceptedSince += added;
    if (acceptedSince < FORGET_EVERY) return;
    acceptedSince = 0;
    // A project may make a cooldown as long as any may be.
    const cooledBeforeMs = deps.now() - (consumer.silenceable ? LONGEST_COOLDOWN_MS : consumer.cooldownMs);
    stream.forgetMarks(consumer.name, eventMs - consumer.dedupMs, cooledBeforeMs, MOST_MARKS);
  };

  /** How many attempts may begin now, and when the next one may. */
  const allowanceNow = (): { rateInMs: number | null; allowance: number } => {
    const { rate } = consumer;
    if (rate === null) return { rateInMs: null, allowance: BATCH };
    const starts = stream.starts(consumer.name, rate.perMs);
    const waitMs = rateWaitMs(rate, starts, deps.now());
    const waits = waitMs > 0 && stream.startable(consumer.name, 1).length > 0;
    stream.setWaiting(consumer.name, waits ? "rate" : null);
    return { rateInMs: waitMs > 0 ? waitMs : null, allowance: Math.max(0, rate.count - starts.count) };
  };

  return {
    advance,
    replace(changed) {
      consumer = changed;
      isLeft = false;
      wants = compileMatch(changed, deps.realPath);
      ({ cursor, paused } = open(changed));
      advance();
    },
    lookAgain() {
      ({ cursor, paused } = stream.placeOf(consumer.name));
      advance();
    },
    isPaused: () => paused,
    isRunning: running.isAny,
    leave() {
      isLeft = true;
      callOff?.();
    },
    async stop() {
      isLeft = true;
      isStopping = true;
      callOff?.();
      // What has ended and could not be written yet gets one more try.
      advance();
      await running.allSettled();
    },
    endRunning: running.end,
  };
}

function longestWaits({ action, retry, debounce }: Consumer): LongestWaits {
  // A server may ask for more than the file has.
  const askedMs = action.kind === "webhook" ? MAX_RETRY_AFTER_MS : 0;
  return { retryMs: Math.max(retry.maxBackoffMs, askedMs), holdMs: debounce?.maxMs ?? 0 };
}
