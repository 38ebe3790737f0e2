// One group's loop: read on from the cursor, decide, start what may start, settle what ended.
//
// 1. decide: events after the cursor become deliveries and skips, with the new cursor, in one transaction.
// 2. start: the oldest startable deliveries begin, as far as concurrency and the node's slots allow. Nothing runs inside a
//    transaction: the attempt is written before the worker starts, its outcome after it ended.
// 3. settle: outcome and state change are one transaction; then start again.
//
// A failure of one delivery never leaves this file. A failure to write the ledger goes to `fail`, which ends the daemon: its
// next start finds every delivery where the ledger has it.

import { type AttemptResult, reasonOf, verdict } from "../attempt/outcome.ts";
import { type Plan, type PlanContext, planDelivery } from "../attempt/plan.ts";
import type { Attempt } from "../attempt/run.ts";
import type { Consumer } from "../config/schema.ts";
import type { StoredEvent } from "../event/event.ts";
import { compileMatch } from "../match/match.ts";
import type { AttemptEnd, Delivery, Next, Stream } from "../stream/stream.ts";
import { decide } from "./flow.ts";
import type { Slots } from "./slots.ts";

/** Events decided per transaction, and builtin deliveries settled per transaction. */
const BATCH = 500;

export type DispatcherDeps = {
  stream: Stream;
  slots: Slots;
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
  /** Told when the ledger cannot be written. */
  fail(error: unknown): void;
};

export type OutcomeReport = { consumer: string; deliveryId: string; key: string; result: AttemptResult; next: Next };

export type Dispatcher = {
  /** Decides what is new and starts what may start; called whenever something may have changed. */
  advance(): void;
  /** Goes on with a changed file of the same name. */
  replace(consumer: Consumer): void;
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
  let cursor = stream.openGroup(consumer.name, { start: consumer.start, ordered: consumer.order });
  let stopping = false;
  let isDeciding = false;
  let timer: Timer | null = null;
  const running = new Map<string, { attempt: Attempt; cutOff: boolean; settled: Promise<void> }>();

  const guarded = (work: () => void) => {
    try {
      work();
    } catch (error) {
      deps.fail(error);
    }
  };

  /** Reads on in batches and gives way between them, so that a long backlog holds up neither intake nor other groups. */
  const decideOn = () => {
    if (stopping || isDeciding) return;
    const events = stream.read(cursor, BATCH);
    if (events.length === 0) return;
    const decision = decide(consumer, wants, cursor, events);
    stream.decide(decision);
    cursor = decision.cursor;
    if (events.length < BATCH) return;
    isDeciding = true;
    setImmediate(() => {
      isDeciding = false;
      advance();
    });
  };

  const startWhatMay = () => {
    if (stopping) return;
    scheduleWake();
    if (runsInside(consumer)) return startInside();
    while (running.size < consumer.concurrency) {
      const delivery = stream.startable(consumer.name, 1)[0];
      if (delivery === undefined || !start(delivery)) return;
    }
  };

  /** False when it has to wait for a slot of the node. */
  const start = (delivery: Delivery): boolean => {
    const events = stream.eventsOf(delivery.seqs);
    const plan = planDelivery(consumer, events, deps.planContext({ id: delivery.id, attempt: delivery.attempts + 1 }));
    if (plan.kind === "gone") {
      stream.skip(delivery.id, plan.file === null ? "no-file" : "file-gone");
      return true;
    }
    const needsSlot = plan.kind === "command";
    if (needsSlot && !deps.slots.take(running.size)) return false;
    const number = stream.begin(delivery.id, deps.bootId);
    const attempt = deps.startAttempt(plan);
    if (attempt.pid !== null) stream.noteGroup(delivery.id, number, attempt.pid, deps.startTimeOf(attempt.pid));
    const entry = { attempt, cutOff: false, settled: Promise.resolve() };
    entry.settled = attempt.done.then((result) => {
      running.delete(delivery.id);
      guarded(() =>
        settle(delivery, number, result, { wasEnded: entry.cutOff, isHopeless: plan.kind === "impossible" }),
      );
      if (needsSlot) deps.slots.release();
      else advance();
    });
    running.set(delivery.id, entry);
    return true;
  };

  type Circumstances = { wasEnded: boolean; isHopeless: boolean };

  const settle = (
    delivery: Delivery,
    number: number,
    result: AttemptResult,
    { wasEnded, isHopeless }: Circumstances,
  ) => {
    // What the daemon's own end cut off does not count; what ended by itself just before does.
    const cutOff = wasEnded && result.outcome === "killed";
    const end: AttemptEnd = { ...result, counts: !cutOff };
    const next: Next = cutOff
      ? { state: "ready" }
      : isHopeless
        ? { state: "dead", reason: reasonOf(result) }
        : nextOf(result, delivery.counted + 1);
    stream.settle(delivery.id, number, end, next);
    deps.onOutcome({ consumer: consumer.name, deliveryId: delivery.id, key: delivery.key, result, next });
  };

  const nextOf = (result: AttemptResult, counted: number): Next => {
    const decided = verdict(result, consumer.retry, counted, deps.random());
    return decided.state === "backoff"
      ? { state: "backoff", reason: decided.reason, dueMs: deps.now() + decided.dueInMs }
      : decided;
  };

  /** log and none run inside the daemon: many deliveries at once, one write, one transaction. */
  const startInside = () => {
    if (running.size > 0) return;
    const deliveries = stream.startable(consumer.name, BATCH);
    const head = deliveries[0];
    if (head === undefined) return;
    const events: StoredEvent[] = deliveries.flatMap((delivery) => stream.eventsOf(delivery.seqs));
    const attempt = deps.startAttempt(
      planDelivery(consumer, events, deps.planContext({ id: head.id, attempt: head.attempts + 1 })),
    );
    const entry = { attempt, cutOff: false, settled: Promise.resolve() };
    entry.settled = attempt.done.then((result) => {
      running.delete(head.id);
      guarded(() => {
        const next = nextOf(result, head.counted + 1);
        stream.settleAtOnce(
          deliveries.map((delivery) => delivery.id),
          { ...result, counts: true },
          next,
        );
        deps.onOutcome({ consumer: consumer.name, deliveryId: head.id, key: head.key, result, next });
      });
      advance();
    });
    running.set(head.id, entry);
  };

  const scheduleWake = () => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    const waitMs = stream.wake(consumer.name, consumer.retry.maxBackoffMs);
    if (waitMs !== null) timer = setTimeout(advance, Math.min(waitMs + 1, 60_000));
  };

  const advance = () =>
    guarded(() => {
      decideOn();
      startWhatMay();
    });

  return {
    advance,
    replace(changed) {
      consumer = changed;
      wants = compileMatch(changed, deps.realPath);
      cursor = stream.openGroup(changed.name, { start: changed.start, ordered: changed.order });
    },
    async stop() {
      stopping = true;
      if (timer !== null) clearTimeout(timer);
      await Promise.all([...running.values()].map((entry) => entry.settled));
    },
    endRunning() {
      for (const entry of running.values()) {
        entry.cutOff = true;
        entry.attempt.end();
      }
    },
  };
}

function runsInside(consumer: Consumer): boolean {
  return consumer.action.kind === "builtin" && consumer.action.builtin !== "notify";
}
