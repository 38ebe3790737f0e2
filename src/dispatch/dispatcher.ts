// One group's loop: read on from the cursor, decide, start what may start, settle what ended. Each turn does a bounded piece.
//
// 1. decide: events after the cursor become deliveries, holds and skips, with the new cursor, in one transaction.
// 2. start: the oldest startable deliveries begin, as far as rate, concurrency and the node's slots allow. Nothing runs inside a
//    transaction: the attempt is written before the worker starts, its outcome after it ended (running.ts).
// 3. come back: when something ended, when something new came, or when the next held, retried or rated delivery is due.
//
// A failure of one delivery never leaves this room. While the ledger cannot be written (a full disk) the group rests. Any other
// failure to write the ledger goes to `fail`, which ends the daemon: its next start finds every delivery where the ledger has it.
import { planDelivery } from "../attempt/plan.ts";
import { MAX_RETRY_AFTER_MS } from "../attempt/webhook.ts";
import type { Consumer } from "../config/schema.ts";
import type { StoredEvent } from "../event/event.ts";
import { compileMatch } from "../match/match.ts";
import { passingTrouble } from "../stream/passing-trouble.ts";
import type { Delivery, LongestWaits, SkipReason } from "../stream/stream.ts";
import { type Circumstances, decide, rateWaitMs, startSkip } from "./flow.ts";
import { batchOf, isOrdered, runsInside } from "./inside.ts";
import { makeRunning } from "./running.ts";
import type { Surroundings } from "./surroundings.ts";

/** Events decided, builtin deliveries run, and deliveries skipped in one turn at most. */
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
  let acceptedSince = FORGET_EVERY;
  let callOff: (() => void) | null = null;
  const running = makeRunning(deps, () => advance());

  function open(opened: Consumer) {
    if (opened.rate === null) stream.setWaiting(opened.name, null);
    return stream.openGroup(opened.name, { start: opened.start, ordered: isOrdered(opened) });
  }

  const turn = () => {
    if (isLeft || paused) return;
    if (deps.isFull()) return comeBackIn(REST_MS);
    try {
      const hasDecidedAll = decideNext();
      const { retryInMs, holdInMs } = stream.wake(consumer.name, longestWaits(consumer));
      const { rateInMs, allowance } = allowanceNow();
      comeBackIn(retryInMs, holdInMs, rateInMs);
      // Something in backoff holds back all that would run inside after it, which keeps the order of a log.
      const hasStartedAll = !runsInside(consumer)
        ? startWorkers(allowance)
        : retryInMs !== null || startInside(allowance);
      if (!hasDecidedAll || !hasStartedAll) advance();
    } catch (error) {
      if (passingTrouble(error) === null) return deps.fail(error);
      comeBackIn(deps.onTrouble(error) ? 0 : REST_MS);
    }
  };
  const advance = () => deps.turns.ask(turn);

  const comeBackIn = (...waitsMs: (number | null)[]) => {
    callOff?.();
    const waitMs = Math.min(...waitsMs.filter((wait) => wait !== null));
    callOff = Number.isFinite(waitMs) ? deps.later(Math.min(waitMs + 1, 60_000), advance) : null;
  };

  const isOff = () => !consumer.enabled || deps.isOff(consumer.name);

  const around = (): Circumstances => ({
    nowMs: deps.now(),
    isOff: deps.isOff(consumer.name),
    silencingOf: deps.silencingOf,
  });

  /** False when there is more to decide. */
  const decideNext = (): boolean => {
    const events = stream.read(cursor, BATCH);
    if (events.length === 0) return true;
    const decision = decide(consumer, wants, cursor, events, around(), {
      acceptedMs: (key) => stream.acceptedMs(consumer.name, key),
      hold: (key) => stream.hold(consumer.name, key),
    });
    stream.decide(decision);
    // crash point: after-decide
    cursor = decision.cursor;
    forgetMarks(decision.accepted.length + decision.deliveries.length, events.at(-1)?.timeMs ?? deps.now());
    return events.length < BATCH;
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

  const noteStarts = (count: number) => {
    if (consumer.rate !== null) stream.noteStarts(consumer.name, count, consumer.rate.perMs);
  };

  /** False when there is more to start right now. */
  const startWorkers = (allowance: number): boolean => {
    for (let looked = 0, begun = 0; looked < BATCH; looked++) {
      if (begun >= allowance) return begun === 0;
      if (running.count() >= consumer.concurrency) return true;
      if (needsSlot() && !deps.slots.isFree(running.count())) return true;
      const delivery = stream.startable(consumer.name, 1)[0];
      if (delivery === undefined) return true;
      if (start(delivery)) begun++;
    }
    return false;
  };

  /** False when it is skipped after all. */
  const start = (delivery: Delivery): boolean => {
    const events = stream.eventsOf(delivery.seqs);
    const skipped = startSkipOf(delivery, events);
    const { id, replay } = delivery;
    const plan =
      skipped === null
        ? planDelivery(consumer, events, deps.planContext({ id, attempt: delivery.attempts + 1, replay }))
        : null;
    if (plan === null || plan.kind === "gone") {
      stream.skip(id, skipped ?? (plan?.kind === "gone" && plan.file !== null ? "file-gone" : "no-file"));
      return false;
    }
    // Before the attempt is written: what fails here has begun nothing yet.
    noteStarts(1);
    const number = stream.begin(id, deps.bootId);
    // crash point: before-spawn
    const release = needsSlot() ? deps.slots.take() : null;
    const attempt = deps.startAttempt(plan);
    running.follow(delivery, number, events, { consumer, plan, attempt }, () => release?.());
    if (attempt.pid !== null) stream.noteGroup(id, number, attempt.pid, deps.startTimeOf(attempt.pid));
    return true;
  };

  const startSkipOf = (delivery: Delivery, events: readonly StoredEvent[]): SkipReason | null =>
    startSkip(consumer, delivery, events, around(), () => stream.cooledMs(consumer.name, delivery.key));

  /** One batch at a time. */
  const startInside = (allowance: number): boolean => {
    if (running.count() > 0 || allowance === 0) return true;
    const found = stream.startable(consumer.name, Math.min(BATCH, allowance));
    const startable = judged(found);
    const [head] = startable;
    // All that were looked at are skipped now: there may be more behind them.
    if (head === undefined) return found.length === 0;
    const { deliveries, events } = batchOf(consumer, startable, stream.eventsOf);
    const { id, replay } = head;
    // What is under way takes in no more events: they would be settled with it, and never run.
    if (consumer.debounce !== null) stream.closeHolds(deliveries.map((delivery) => delivery.id));
    const plan = planDelivery(consumer, events, deps.planContext({ id, attempt: head.attempts + 1, replay }));
    noteStarts(deliveries.length);
    running.followInside(deliveries, { consumer, plan, attempt: deps.startAttempt(plan) });
    return true;
  };

  /** Those that are not skipped after all; while keys cool down, only the first of each key. */
  const judged = (startable: readonly Delivery[]): Delivery[] => {
    if (consumer.maxAgeMs === 0 && consumer.cooldownMs === 0 && !isOff()) return [...startable];
    const keys = new Set<string>();
    return startable.filter((delivery) => {
      if (consumer.cooldownMs > 0 && keys.has(delivery.key)) return false;
      const reason = startSkipOf(delivery, stream.eventsOf(delivery.seqs));
      if (reason === null) keys.add(delivery.key);
      else stream.skip(delivery.id, reason);
      return reason === null;
    });
  };

  const needsSlot = () => consumer.action.kind !== "webhook";

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
    isRunning: () => running.count() > 0,
    leave() {
      isLeft = true;
      callOff?.();
    },
    async stop() {
      isLeft = true;
      callOff?.();
      await running.stop();
    },
    endRunning: running.end,
  };
}

function longestWaits({ action, retry, debounce }: Consumer): LongestWaits {
  // A server may ask for more than the file has.
  const askedMs = action.kind === "webhook" ? MAX_RETRY_AFTER_MS : 0;
  return { retryMs: Math.max(retry.maxBackoffMs, askedMs), holdMs: debounce?.maxMs ?? 0 };
}
