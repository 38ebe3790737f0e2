// What a group makes of the events after its cursor: which become deliveries, which are skipped and why. Pure.
// The steps for each event: does the consumer want it (match), may it be delivered (skipReason), as what (key).
import type { Consumer } from "../config/schema.ts";
import type { StoredEvent } from "../event/event.ts";
import { keyOf } from "../match/key.ts";
import type { Decision, SkipReason } from "../stream/stream.ts";
import { isOrdered } from "./inside.ts";

/** Decides the events after `cursor`, which must be in order. `wants` is the consumer's compiled match. */
export function decide(
  consumer: Consumer,
  wants: (event: StoredEvent) => boolean,
  cursor: number,
  events: readonly StoredEvent[],
): Decision {
  const decision: Decision = {
    consumer: consumer.name,
    ordered: isOrdered(consumer),
    cursor: events.at(-1)?.seq ?? cursor,
    deliveries: [],
    skips: [],
  };
  for (const event of events) {
    if (!wants(event)) continue;
    const key = keyOf(consumer, event);
    const reason = skipReason(consumer, event);
    if (reason !== null) decision.skips.push({ seq: event.seq, key, reason });
    else decision.deliveries.push({ key, seqs: [event.seq] });
  }
  return decision;
}

/** Why an event that the consumer wants is not delivered; null: it is. */
export function skipReason(consumer: Consumer, event: Pick<StoredEvent, "duplicateOf" | "depth">): SkipReason | null {
  if (!consumer.enabled) return "disabled";
  if (event.duplicateOf !== null) return "double-firing";
  if (event.depth > consumer.maxDepth) return "depth";
  return null;
}
