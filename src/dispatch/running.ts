// The attempts of one group that are under way, each kept until its outcome is written.
//
// What ended waits for the group's next turn, which writes all of it with everything else it does, in one transaction. Outcome and
// state change are written together, with the daemon's own event where the delivery is a dead letter now.
import { type AttemptResult, reasonOf, verdict, verdictOfCutOff } from "../attempt/outcome.ts";
import type { Plan } from "../attempt/plan.ts";
import type { Attempt } from "../attempt/run.ts";
import type { Consumer } from "../config/schema.ts";
import type { Event, StoredEvent } from "../event/event.ts";
import type { Aftermath, Delivery, Next } from "../stream/stream.ts";
import { cooldownOf } from "./flow.ts";
import type { Surroundings } from "./surroundings.ts";

/** What is known of an attempt when it begins, until its outcome is written. */
export type Started = { consumer: Consumer; plan: Plan; attempt: Attempt };

export type Running = {
  /** Those that have not ended. */
  count(): number;
  /** Whether some have not ended, or have an outcome that is not written yet. */
  isAny(): boolean;
  /** Whether there is something to settle. */
  hasEnded(): boolean;
  /** Keeps an attempt at one delivery, whose number is written already; `release` is called at its end. */
  follow(
    delivery: Delivery,
    number: number,
    events: readonly StoredEvent[],
    started: Started,
    release: () => void,
  ): void;
  /** Keeps one attempt at many deliveries that run inside the daemon. */
  followInside(deliveries: readonly Delivery[], started: Started): void;
  /** Writes all outcomes there are, within the caller's transaction. To be called once that is committed, in this order: both. */
  settle(): { letGo(): void; tell(): void };
  /** Lets go of outcomes that could not be written: the next start finds their attempts unfinished. */
  giveUp(): void;
  /** Ends all; their deliveries are ready again and the attempts do not count. */
  end(): void;
  /** Ends when nothing is under way any more and every outcome is written or given up. */
  allSettled(): Promise<void>;
};

/** One write of an outcome, and what is said of it afterwards. */
type Outcome = { write(): void; tell(): void };
type Entry = { attempt: Attempt; wasEnded: boolean; outcomes: Outcome[]; settled: PromiseWithResolvers<void> };

/** Makes the list, empty. `onEnd` is called each time there is something to settle. */
export function makeRunning(deps: Surroundings, onEnd: () => void): Running {
  const { stream } = deps;
  const running = new Map<string, Entry>();
  const ended = new Map<string, Entry>();

  const keep = (id: string, attempt: Attempt, outcomesOf: (result: AttemptResult, wasEnded: boolean) => Outcome[]) => {
    const entry: Entry = { attempt, wasEnded: false, outcomes: [], settled: Promise.withResolvers() };
    running.set(id, entry);
    attempt.done
      .then((result) => {
        entry.outcomes = outcomesOf(result, entry.wasEnded);
        ended.set(id, entry);
        onEnd();
      })
      .catch((error: unknown) => {
        entry.settled.resolve();
        deps.fail(error);
      });
  };

  const letGo = () => {
    for (const [id, { settled }] of ended) {
      running.delete(id);
      settled.resolve();
    }
    ended.clear();
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
    count: () => running.size - ended.size,
    isAny: () => running.size > 0,
    hasEnded: () => ended.size > 0,
    follow(delivery, number, events, started, release) {
      keep(delivery.id, started.attempt, (result, wasEnded) => {
        release();
        // What the daemon's own end cut off does not count; what ended by itself just before does.
        const isCutOff = wasEnded && result.outcome === "killed";
        const next = isCutOff ? verdictOfCutOff(delivery.cutOffs + 1) : nextOf(result, delivery.counted + 1, started);
        const aftermath = {
          cools: isWell(next) && coolsAny(started.consumer, events, deps),
          events: deadLetters([delivery], next, () => number),
        };
        const write = () => {
          // crash point: before-settle
          stream.settle(delivery.id, number, { ...result, counts: !isCutOff }, next, aftermath);
        };
        return [{ write, tell: () => tell(delivery, result, next, aftermath) }];
      });
    },
    followInside(deliveries, started) {
      const [head] = deliveries;
      if (head === undefined) return;
      keep(head.id, started.attempt, (result) =>
        // Each by its own count: one that has failed before must not take the others with it.
        [...Map.groupBy(deliveries, (delivery) => delivery.counted)].map(([counted, group]): Outcome => {
          const next = nextOf(result, counted + 1, started);
          const aftermath = {
            cools: isWell(next) && started.consumer.cooldownMs > 0,
            events: deadLetters(group, next, (delivery) => delivery.attempts + 1),
          };
          const ids = group.map((delivery) => delivery.id);
          return {
            write: () => stream.settleAtOnce(ids, { ...result, counts: true }, next, aftermath),
            tell: () => tell(group[0] ?? head, result, next, aftermath),
          };
        }),
      );
    },
    settle() {
      const outcomes = [...ended.values()].flatMap((entry) => entry.outcomes);
      for (const { write } of outcomes) write();
      return {
        letGo,
        tell() {
          for (const one of outcomes) one.tell();
        },
      };
    },
    giveUp: letGo,
    end() {
      for (const entry of running.values()) {
        entry.wasEnded = true;
        entry.attempt.end();
      }
    },
    async allSettled() {
      await Promise.all([...running.values()].map(({ settled }) => settled.promise));
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
