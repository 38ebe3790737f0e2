// What a group makes of the events after its cursor, and of a delivery that is about to begin. Pure: state and time are handed in.
//
// For each event, in order: does the consumer want it (match), may it be delivered (skipReason), under which key; is it a
// duplicate (dedup); then it is delivered, or held until its key is quiet (debounce). A delivery's first attempt is judged
// once more when it begins (startSkip), because it may have waited: switched off or silenced since, too old by now (max_age), too
// soon after the last (cooldown).
import type { Silencing } from "../config/project-file.ts";
import type { Consumer } from "../config/schema.ts";
import type { StoredEvent } from "../event/event.ts";
import { keyOf } from "../match/key.ts";
import type { Decision, Delivery, Hold, SkipReason, Starts } from "../stream/stream.ts";
import { makeHolds } from "./holds.ts";
import { isOrdered, runsInside } from "./inside.ts";

/** What is true around a group while it decides. Times are ms since 1970. */
export type Circumstances = {
  nowMs: number;
  /** Switched off in config.toml. */
  isOff: boolean;
  /** What a project's own file silences. */
  silencingOf(project: string | null): Silencing | null;
};

/** What the group remembers of a key. */
export type Memory = { acceptedMs(key: string): number | null; hold(key: string): Hold | null };

/** Decides the events after `cursor`, which must be in order. `wants` is the consumer's compiled match. */
export function decide(
  consumer: Consumer,
  wants: (event: StoredEvent) => boolean,
  cursor: number,
  events: readonly StoredEvent[],
  around: Circumstances,
  memory: Memory,
): Decision {
  const skips: Decision["skips"] = [];
  const deliveries: Decision["deliveries"] = [];
  const accepted = new Map<string, number>();
  const holds = consumer.debounce === null ? null : makeHolds(consumer.debounce, around.nowMs, memory.hold);
  const acceptedMs = (key: string) => accepted.get(key) ?? memory.acceptedMs(key);
  for (const event of events) {
    if (!wants(event)) continue;
    const key = keyOf(consumer, event);
    const reason =
      skipReason(consumer, event, around) ??
      (consumer.dedupMs > 0 && isWithin(event.timeMs, acceptedMs(key), consumer.dedupMs) ? "duplicate" : null);
    if (reason !== null) {
      skips.push({ seq: event.seq, key, reason });
      continue;
    }
    // Duplicates leave this mark alone, so that they do not extend the window.
    if (consumer.dedupMs > 0) accepted.set(key, event.timeMs);
    if (holds === null) deliveries.push({ key, seqs: [event.seq], hold: null });
    else holds.add(key, event);
  }
  const held = holds?.changes() ?? { deliveries: [], joins: [] };
  return {
    consumer: consumer.name,
    ordered: isOrdered(consumer),
    cursor: events.at(-1)?.seq ?? cursor,
    deliveries: [...deliveries, ...held.deliveries],
    joins: held.joins,
    skips,
    accepted: Array.from(accepted, ([key, timeMs]) => ({ key, timeMs })),
  };
}

/** Why an event that the consumer wants is not delivered, whatever came before it; null: it is. */
export function skipReason(
  consumer: Consumer,
  event: Pick<StoredEvent, "duplicateOf" | "depth" | "project" | "timeMs">,
  around: Circumstances,
): SkipReason | null {
  if (!consumer.enabled || around.isOff) return "disabled";
  if (event.duplicateOf !== null) return "double-firing";
  if (event.depth > consumer.maxDepth) return "depth";
  if (isSilenced(consumer, around.silencingOf(event.project))) return "silenced";
  if (isTooOld(consumer, event.timeMs, around.nowMs)) return "max-age";
  return null;
}

/** Why a delivery of these events does not begin after all; null: it does. `cooledMs`: when the key's last one ended well. */
export function startSkip(
  consumer: Consumer,
  delivery: Pick<Delivery, "attempts" | "replay">,
  events: readonly StoredEvent[],
  around: Circumstances,
  cooledMs: () => number | null,
): SkipReason | null {
  if (delivery.attempts > 0 || delivery.replay) return null;
  if (!consumer.enabled || around.isOff) return "disabled";
  // What runs inside the daemon does not wait long enough for that.
  const isSilent = (event: StoredEvent) => isSilenced(consumer, around.silencingOf(event.project));
  if (!runsInside(consumer) && events.every(isSilent)) return "silenced";
  if (events.every((event) => isTooOld(consumer, event.timeMs, around.nowMs))) return "max-age";
  const cooldownMs = Math.max(...events.map((event) => cooldownOf(consumer, around.silencingOf(event.project))));
  const endedMs = cooldownMs === 0 ? null : cooledMs();
  // Ended after now: the clock was set back. One run too many is better than none for as long as that lasts.
  if (endedMs === null || endedMs > around.nowMs) return null;
  return around.nowMs - endedMs < cooldownMs ? "cooldown" : null;
}

/** How long a key of the consumer cools down; a project may only make it longer. In ms. */
export function cooldownOf(consumer: Consumer, silencing: Silencing | null): number {
  const longer = consumer.silenceable && silencing !== null ? silencing.cooldownMs : {};
  return Math.max(consumer.cooldownMs, Object.hasOwn(longer, consumer.name) ? (longer[consumer.name] ?? 0) : 0);
}

/** How long the next attempt must wait, in ms; 0: it may begin. At most `count` begin within any window. */
export function rateWaitMs(rate: NonNullable<Consumer["rate"]>, starts: Starts, nowMs: number): number {
  if (starts.count < rate.count || starts.oldestMs === null) return 0;
  return Math.max(0, starts.oldestMs + rate.perMs - nowMs);
}

function isSilenced(consumer: Consumer, silencing: Silencing | null): boolean {
  if (!consumer.silenceable || silencing === null) return false;
  return silencing.disabled === true || silencing.disabled.includes(consumer.name);
}

function isTooOld(consumer: Consumer, timeMs: number, nowMs: number): boolean {
  return consumer.maxAgeMs > 0 && nowMs - timeMs > consumer.maxAgeMs;
}

/** Whether two times are less than a window apart, on either side: concurrent publishers may come in another order. */
function isWithin(timeMs: number, otherMs: number | null, windowMs: number): boolean {
  return otherMs !== null && Math.abs(timeMs - otherMs) < windowMs;
}
