// Which deliveries of a group begin now. In two steps, because nothing runs inside a transaction: `choose` writes within the turn's
// transaction that they begin (or are skipped after all), and the start that it gives is called once that is committed.
import { type Plan, planDelivery } from "../attempt/plan.ts";
import type { Consumer } from "../config/schema.ts";
import type { StoredEvent } from "../event/event.ts";
import { passingTrouble } from "../stream/passing-trouble.ts";
import type { Delivery, SkipReason } from "../stream/stream.ts";
import { type Circumstances, startSkip } from "./flow.ts";
import { batchOf, runsInside } from "./inside.ts";
import type { Running } from "./running.ts";
import type { Surroundings } from "./surroundings.ts";
import { makeTrustedPlace } from "./trusted-place.ts";

/** Deliveries looked at in one turn at most. */
const BATCH = 200;

/** A worker that ends sooner is not noted for a later daemon: that costs as much as starting it. In ms. */
const NOTE_AFTER_MS = 10;

/** What begins now; `hasMore`: there may be more to begin at once. */
export type Chosen = { hasMore: boolean; start(): void };

export const NOTHING: Chosen = { hasMore: false, start: () => undefined };

/** How many attempts the rate lets begin, and whether any delivery is held. */
export type Room = { allowance: number; withHeld: boolean };

type Begun = { delivery: Delivery; number: number; events: StoredEvent[]; plan: Plan };

/** The beginning of a group's deliveries; `advance` asks for its next turn. */
export function makeBeginning(deps: Surroundings, running: Running, advance: () => void) {
  const { stream, slots } = deps;

  const trusted = makeTrustedPlace(deps.realPath);

  const planOf = (consumer: Consumer, delivery: Delivery, events: readonly StoredEvent[]): Plan =>
    planDelivery(
      consumer,
      trusted(consumer, events),
      deps.planContext({ id: delivery.id, attempt: delivery.attempts + 1, replay: delivery.replay }),
    );

  /** Writes that a delivery begins; null: it is skipped after all. */
  const begin = (consumer: Consumer, delivery: Delivery, around: Circumstances): Begun | null => {
    const events = stream.eventsOf(delivery.seqs);
    const skipped = startSkip(consumer, delivery, events, around, () => stream.cooledMs(consumer.name, delivery.key));
    const plan = skipped === null ? planOf(consumer, delivery, events) : null;
    if (plan === null || plan.kind === "gone") {
      stream.skip(delivery.id, skipped ?? (plan?.kind === "gone" && plan.file !== null ? "file-gone" : "no-file"));
      return null;
    }
    if (consumer.rate !== null) stream.noteStarts(consumer.name, 1, consumer.rate.perMs);
    return { delivery, number: stream.begin(delivery.id, deps.bootId), events, plan };
  };

  /** Commands and requests, each by itself, the oldest first; at most `allowance`. */
  const chooseEach = (consumer: Consumer, { allowance, withHeld }: Room, around: Circumstances): Chosen => {
    const begun: Begun[] = [];
    const chosen = (hasMore: boolean): Chosen => ({ hasMore, start: () => startEach(consumer, begun) });
    for (let looked = 0; looked < BATCH; looked++) {
      if (begun.length >= allowance) return chosen(begun.length > 0);
      if (running.count() + begun.length >= consumer.concurrency) return chosen(false);
      if (needsSlot(consumer) && !slots.isFree(running.count(), begun.length, advance)) return chosen(false);
      const delivery = stream.startable(consumer.name, 1, { withHeld })[0];
      if (delivery === undefined) return chosen(false);
      const one = begin(consumer, delivery, around);
      if (one !== null) begun.push(one);
    }
    return chosen(true);
  };

  const startEach = (consumer: Consumer, begun: readonly Begun[]) => {
    if (begun.length === 0) return;
    // crash point: before-spawn
    for (const { delivery, number, events, plan } of begun) {
      const release = needsSlot(consumer) ? slots.take() : () => undefined;
      const attempt = deps.startAttempt({ deliveryId: delivery.id, plan });
      const callOff =
        attempt.pid === null ? null : deps.later(NOTE_AFTER_MS, noteGroup(delivery.id, number, attempt.pid));
      running.follow(delivery, number, events, { consumer, plan, attempt }, () => {
        callOff?.();
        release();
      });
    }
  };

  /** Notes the worker's process group, so that a later daemon can end it. Until then it is found by its environment (recover.ts), on Linux alone. */
  const noteGroup = (id: string, number: number, pid: number) => () => {
    try {
      stream.noteGroup(id, number, pid, deps.startTimeOf(pid));
    } catch (error) {
      if (passingTrouble(error) === null) deps.fail(error);
      else deps.onTrouble(error);
    }
  };

  /** What runs inside the daemon: one batch at a time. */
  const chooseInside = (consumer: Consumer, { allowance, withHeld }: Room, around: Circumstances): Chosen => {
    if (running.count() > 0 || allowance === 0) return NOTHING;
    const found = stream.startable(consumer.name, Math.min(BATCH, allowance), { withHeld });
    const startable = judged(consumer, found, around);
    const [head] = startable;
    // All that were looked at are skipped now: there may be more behind them.
    if (head === undefined) return { ...NOTHING, hasMore: found.length > 0 };
    const { deliveries, events } = batchOf(consumer, startable, stream.eventsOf);
    // What is under way takes in no more events: they would be settled with it, and never run.
    const held = deliveries.filter((delivery) => delivery.state === "held");
    if (held.length > 0) stream.closeHolds(held.map((delivery) => delivery.id));
    const plan = planOf(consumer, head, events);
    if (consumer.rate !== null) stream.noteStarts(consumer.name, deliveries.length, consumer.rate.perMs);
    return {
      hasMore: false,
      start() {
        const attempt = deps.startAttempt({ deliveryId: head.id, plan });
        running.followInside(deliveries, { consumer, plan, attempt });
      },
    };
  };

  /** Those that are not skipped after all; while keys cool down, only the first of each key. */
  const judged = (consumer: Consumer, startable: readonly Delivery[], around: Circumstances): Delivery[] => {
    if (consumer.enabled && !around.isOff && consumer.maxAgeMs === 0 && consumer.cooldownMs === 0)
      return [...startable];
    const keys = new Set<string>();
    return startable.filter((delivery) => {
      if (consumer.cooldownMs > 0 && keys.has(delivery.key)) return false;
      const cooledMs = () => stream.cooledMs(consumer.name, delivery.key);
      const reason: SkipReason | null = startSkip(consumer, delivery, stream.eventsOf(delivery.seqs), around, cooledMs);
      if (reason === null) keys.add(delivery.key);
      else stream.skip(delivery.id, reason);
      return reason === null;
    });
  };

  return {
    /** Within the turn's transaction. */
    choose: (consumer: Consumer, room: Room, around: Circumstances): Chosen =>
      runsInside(consumer) ? chooseInside(consumer, room, around) : chooseEach(consumer, room, around),
  };
}

function needsSlot({ action }: Consumer): boolean {
  return action.kind !== "webhook";
}
