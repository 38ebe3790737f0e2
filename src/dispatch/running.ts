// The attempts of one group that are under way, each kept until its outcome is written.
//
// Outcome and state change are one transaction, with the daemon's own event where the delivery is a dead letter now. While the
// ledger cannot be written (a full disk) outcomes are kept and written later. Any other failure to write goes to `fail`.
import { type AttemptResult, reasonOf, verdict, verdictOfCutOff } from "../attempt/outcome.ts";
import type { Plan } from "../attempt/plan.ts";
import type { Attempt } from "../attempt/run.ts";
import type { Consumer } from "../config/schema.ts";
import type { Event, StoredEvent } from "../event/event.ts";
import { passingTrouble } from "../stream/passing-trouble.ts";
import type { Aftermath, Delivery, Next } from "../stream/stream.ts";
import { cooldownOf } from "./flow.ts";
import type { Surroundings } from "./surroundings.ts";

/** How long an outcome rests before it is tried again to write what could not be written. In ms. */
const REST_MS = 1000;

/** What is known of an attempt when it begins, until its outcome is written. */
export type Started = { consumer: Consumer; plan: Plan; attempt: Attempt };

export type Running = {
  count(): number;
  /** Keeps an attempt at one delivery, whose number is written already; `onEnd` is called before its outcome is written. */
  follow(delivery: Delivery, number: number, events: readonly StoredEvent[], started: Started, onEnd: () => void): void;
  /** Keeps one attempt at many deliveries that run inside the daemon. */
  followInside(deliveries: readonly Delivery[], started: Started): void;
  /** Ends all; their deliveries are ready again and the attempts do not count. */
  end(): void;
  /** Ends when all that is under way has ended, and writes no more than can be written at once. */
  stop(): Promise<void>;
};

/** Makes the list, empty. `onSettled` is called after each outcome that was written. */
export function makeRunning(deps: Surroundings, onSettled: () => void): Running {
  const { stream } = deps;
  const running = new Map<string, { attempt: Attempt; wasEnded: boolean; settled: Promise<void> }>();
  let stopping = false;

  const keep = (
    id: string,
    attempt: Attempt,
    settle: (result: AttemptResult, wasEnded: boolean) => Promise<void>,
  ): void => {
    const entry = { attempt, wasEnded: false, settled: Promise.resolve() };
    running.set(id, entry);
    entry.settled = attempt.done
      .then((result) => settle(result, entry.wasEnded))
      .then(() => {
        running.delete(id);
        onSettled();
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
        if (deps.onTrouble(error)) continue;
        if (stopping) return false;
        await new Promise<void>((resolve) => void deps.later(REST_MS, resolve));
      }
    }
  };

  const nextOf = (result: AttemptResult, counted: number, { consumer, plan }: Started): Next => {
    if (plan.kind === "impossible") return { state: "dead", reason: reasonOf(result) };
    const decided = verdict(result, consumer.retry, counted, deps.random());
    return decided.state === "backoff"
      ? { state: "backoff", reason: decided.reason, dueMs: deps.now() + decided.dueInMs }
      : decided;
  };

  const deadLetters = (deliveries: readonly Delivery[], next: Next, attempts: (delivery: Delivery) => number) =>
    next.state !== "dead"
      ? []
      : deliveries.map(
          (delivery): Event =>
            deps.ownEvent(
              {
                kind: "dead-letter",
                consumer: delivery.consumer,
                deliveryId: delivery.id,
                key: delivery.key,
                reason: next.reason,
                attempts: attempts(delivery),
              },
              stream.eventsOf(delivery.seqs.slice(-1))[0] ?? null,
            ),
        );

  const tell = (delivery: Delivery, result: AttemptResult, next: Next, { events }: Aftermath) => {
    // crash point: after-settle
    deps.onOutcome({ consumer: delivery.consumer, deliveryId: delivery.id, key: delivery.key, result, next });
    if (events.length > 0) deps.onOwnEvents();
  };

  return {
    count: () => running.size,
    follow(delivery, number, events, started, onEnd) {
      keep(delivery.id, started.attempt, async (result, wasEnded) => {
        onEnd();
        // What the daemon's own end cut off does not count; what ended by itself just before does.
        const isCutOff = wasEnded && result.outcome === "killed";
        const next = isCutOff ? verdictOfCutOff(delivery.cutOffs + 1) : nextOf(result, delivery.counted + 1, started);
        const aftermath = {
          cools: isWell(next) && coolsAny(started.consumer, events, deps),
          events: deadLetters([delivery], next, () => number),
        };
        const end = { ...result, counts: !isCutOff };
        // crash point: before-settle
        if (await isWritten(() => stream.settle(delivery.id, number, end, next, aftermath)))
          tell(delivery, result, next, aftermath);
      });
    },
    followInside(deliveries, started) {
      const [head] = deliveries;
      if (head === undefined) return;
      keep(head.id, started.attempt, async (result) => {
        // Each by its own count: one that has failed before must not take the others with it.
        for (const [counted, group] of Map.groupBy(deliveries, (delivery) => delivery.counted)) {
          const next = nextOf(result, counted + 1, started);
          const aftermath = {
            cools: isWell(next) && started.consumer.cooldownMs > 0,
            events: deadLetters(group, next, (delivery) => delivery.attempts + 1),
          };
          const ids = group.map((delivery) => delivery.id);
          const end = { ...result, counts: true };
          if (!(await isWritten(() => stream.settleAtOnce(ids, end, next, aftermath)))) return;
          tell(group[0] ?? head, result, next, aftermath);
        }
      });
    },
    end() {
      for (const entry of running.values()) {
        entry.wasEnded = true;
        entry.attempt.end();
      }
    },
    async stop() {
      stopping = true;
      await Promise.all([...running.values()].map((entry) => entry.settled));
    },
  };
}

function isWell(next: Next): boolean {
  return next.state === "ok" || next.state === "findings";
}

/** Whether the key cools down after a delivery of these events. */
function coolsAny(consumer: Consumer, events: readonly StoredEvent[], { silencingOf }: Surroundings): boolean {
  return events.some((event) => cooldownOf(consumer, silencingOf(event.project)) > 0);
}
