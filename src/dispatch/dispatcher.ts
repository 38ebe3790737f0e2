// One group's loop: read on from the cursor, decide, start what may start, settle what ended. Each turn does a bounded piece.
//
// 1. decide: events after the cursor become deliveries and skips, with the new cursor, in one transaction.
// 2. start: the oldest startable deliveries begin, as far as concurrency and the node's slots allow. Nothing runs inside a
//    transaction: the attempt is written before the worker starts, its outcome after it ended.
// 3. settle: outcome and state change are one transaction; then the next turn.
//
// A failure of one delivery never leaves this file. While the ledger cannot be written (a full disk) the group rests, and outcomes are kept and
// written later. Any other failure to write the ledger goes to `fail`, which ends the daemon: its next start finds every
// delivery where the ledger has it.
import { type AttemptResult, reasonOf, verdict } from "../attempt/outcome.ts";
import { type Plan, type PlanContext, planDelivery } from "../attempt/plan.ts";
import type { Attempt } from "../attempt/run.ts";
import { MAX_RETRY_AFTER_MS } from "../attempt/webhook.ts";
import type { Consumer } from "../config/schema.ts";
import { compileMatch } from "../match/match.ts";
import { passingTrouble } from "../stream/passing-trouble.ts";
import type { Delivery, Next, Stream } from "../stream/stream.ts";
import { decide } from "./flow.ts";
import { batchOf, isOrdered, runsInside } from "./inside.ts";
import type { Slots } from "./slots.ts";
import type { Turns } from "./turns.ts";

/** Events decided, builtin deliveries run, and deliveries skipped in one turn at most. */
const BATCH = 200;
/** How long a group rests before it tries again to write what could not be written. */
const REST_MS = 1000;

export type DispatcherDeps = {
  stream: Stream;
  slots: Slots;
  turns: Turns;
  startAttempt(plan: Plan): Attempt;
  /** What a plan must know beyond the consumer and its events. */
  planContext(delivery: { id: string; attempt: number }): PlanContext;
  /** A path without links, asked for `projects`. */
  realPath(path: string): string;
  bootId: string | null;
  /** The leader's start time of a process, so that a later daemon can tell it from another of the same pid. */
  startTimeOf(pid: number): string | null;
  now(): number;
  random(): number;
  /** Told of every outcome, for the daemon's log. */
  onOutcome(outcome: OutcomeReport): void;
  /** Told each time the ledger could not be written and it will pass. */
  onTrouble(error: unknown): void;
  /** Told when the ledger cannot be written for another reason. */
  fail(error: unknown): void;
};

export type OutcomeReport = { consumer: string; deliveryId: string; key: string; result: AttemptResult; next: Next };

export type Dispatcher = {
  /** Asks for a turn; called whenever something may have changed. */
  advance(): void;
  /** Goes on with a changed file of the same name, also after a pause. */
  replace(consumer: Consumer): void;
  /** Decides and starts nothing more until `replace`; what runs goes on. */
  pause(): void;
  /** Starts nothing more; ends when running attempts have ended by themselves. */
  stop(): Promise<void>;
  /** Ends running attempts; their deliveries are ready again and the attempt does not count. */
  endRunning(): void;
};

/** Opens the group of a consumer and gives its loop, at rest until the first `advance`. */
export function makeDispatcher(first: Consumer, deps: DispatcherDeps): Dispatcher {
  const { stream } = deps;
  let consumer = first;
  let wants = compileMatch(consumer, deps.realPath);
  let cursor = stream.openGroup(consumer.name, { start: consumer.start, ordered: isOrdered(consumer) });
  let stopping = false;
  let paused = false;
  let timer: Timer | null = null;
  const running = new Map<string, { attempt: Attempt; wasEnded: boolean; settled: Promise<void> }>();

  const turn = () => {
    if (stopping || paused) return;
    try {
      const hasDecidedAll = decideNext();
      const dueInMs = stream.wake(consumer.name, Math.max(consumer.retry.maxBackoffMs, MAX_RETRY_AFTER_MS));
      comeBackIn(dueInMs);
      const hasStartedAll = runsInside(consumer) ? startInside(dueInMs !== null) : startWorkers();
      if (!hasDecidedAll || !hasStartedAll) advance();
    } catch (error) {
      if (passingTrouble(error) === null) return deps.fail(error);
      deps.onTrouble(error);
      comeBackIn(REST_MS);
    }
  };
  const advance = () => deps.turns.ask(turn);

  const comeBackIn = (waitMs: number | null) => {
    if (timer !== null) clearTimeout(timer);
    timer = waitMs === null ? null : setTimeout(advance, Math.min(waitMs + 1, 60_000));
  };

  /** False when there is more to decide. */
  const decideNext = (): boolean => {
    const events = stream.read(cursor, BATCH);
    if (events.length === 0) return true;
    const decision = decide(consumer, wants, cursor, events);
    stream.decide(decision);
    cursor = decision.cursor;
    return events.length < BATCH;
  };

  /** False when there is more to start right now. */
  const startWorkers = (): boolean => {
    for (let looked = 0; looked < BATCH; looked++) {
      if (running.size >= consumer.concurrency || (needsSlot() && !deps.slots.isFree(running.size))) return true;
      const delivery = stream.startable(consumer.name, 1)[0];
      if (delivery === undefined) return true;
      start(delivery);
    }
    return false;
  };

  const start = (delivery: Delivery) => {
    const events = stream.eventsOf(delivery.seqs);
    const plan = planDelivery(consumer, events, deps.planContext({ id: delivery.id, attempt: delivery.attempts + 1 }));
    if (plan.kind === "gone") return stream.skip(delivery.id, plan.file === null ? "no-file" : "file-gone");
    const number = stream.begin(delivery.id, deps.bootId);
    const release = needsSlot() ? deps.slots.take() : null;
    const attempt = deps.startAttempt(plan);
    follow(delivery.id, attempt, async (result, wasEnded) => {
      release?.();
      // What the daemon's own end cut off does not count; what ended by itself just before does.
      const isCutOff = wasEnded && result.outcome === "killed";
      const next = isCutOff ? { state: "ready" as const } : nextOf(result, delivery.counted + 1, plan);
      if (!(await isWritten(() => stream.settle(delivery.id, number, { ...result, counts: !isCutOff }, next)))) return;
      deps.onOutcome({ consumer: consumer.name, deliveryId: delivery.id, key: delivery.key, result, next });
    });
    if (attempt.pid !== null) stream.noteGroup(delivery.id, number, attempt.pid, deps.startTimeOf(attempt.pid));
  };

  /** `isWaiting`: something of the group is in backoff; later deliveries wait behind it, which keeps the order of a log. */
  const startInside = (isWaiting: boolean): boolean => {
    if (running.size > 0 || isWaiting) return true;
    const startable = stream.startable(consumer.name, BATCH);
    const [head] = startable;
    if (head === undefined) return true;
    const { deliveries, events } = batchOf(consumer, startable, stream.eventsOf);
    const plan = planDelivery(consumer, events, deps.planContext({ id: head.id, attempt: head.attempts + 1 }));
    follow(head.id, deps.startAttempt(plan), async (result) => {
      // Each by its own count: one that has failed before must not take the others with it.
      for (const [counted, group] of Map.groupBy(deliveries, (delivery) => delivery.counted)) {
        const next = nextOf(result, counted + 1, plan);
        const ids = group.map((delivery) => delivery.id);
        if (!(await isWritten(() => stream.settleAtOnce(ids, { ...result, counts: true }, next)))) return;
        deps.onOutcome({ consumer: consumer.name, deliveryId: head.id, key: head.key, result, next });
      }
    });
    return true;
  };

  /** Keeps an attempt until its outcome is written; then the group goes on. */
  const follow = (
    id: string,
    attempt: Attempt,
    settle: (result: AttemptResult, wasEnded: boolean) => Promise<void>,
  ) => {
    const entry = { attempt, wasEnded: false, settled: Promise.resolve() };
    running.set(id, entry);
    entry.settled = attempt.done
      .then((result) => settle(result, entry.wasEnded))
      .then(() => {
        running.delete(id);
        advance();
      });
  };

  /** Writes an outcome, as soon as that is possible. False: not written; the next start finds the attempt unfinished. */
  const isWritten = async (write: () => void): Promise<boolean> => {
    for (;;) {
      try {
        write();
        return true;
      } catch (error) {
        if (passingTrouble(error) === null) {
          deps.fail(error);
          return false;
        }
        deps.onTrouble(error);
        if (stopping) return false;
        await Bun.sleep(REST_MS);
      }
    }
  };

  const nextOf = (result: AttemptResult, counted: number, plan: Plan): Next => {
    if (plan.kind === "impossible") return { state: "dead", reason: reasonOf(result) };
    const decided = verdict(result, consumer.retry, counted, deps.random());
    return decided.state === "backoff"
      ? { state: "backoff", reason: decided.reason, dueMs: deps.now() + decided.dueInMs }
      : decided;
  };

  const needsSlot = () => consumer.action.kind !== "webhook";

  return {
    advance,
    replace(changed) {
      consumer = changed;
      paused = false;
      wants = compileMatch(changed, deps.realPath);
      cursor = stream.openGroup(changed.name, { start: changed.start, ordered: isOrdered(changed) });
      advance();
    },
    pause() {
      paused = true;
      comeBackIn(null);
    },
    async stop() {
      stopping = true;
      comeBackIn(null);
      await Promise.all([...running.values()].map((entry) => entry.settled));
    },
    endRunning() {
      for (const entry of running.values()) {
        entry.wasEnded = true;
        entry.attempt.end();
      }
    },
  };
}
