// Finding by what a person types: a seq, an id, or the end of an id. A number is a seq before it is the end of anything.
import { EXIT, OffhookError } from "../errors.ts";
import type { StoredEvent } from "../event/event.ts";
import type { DeliveryView, Inspection } from "./inspect.ts";

/** Shorter ends name the wrong thing too easily. */
const SHORTEST_END = 4;

export type Found = { kind: "event"; event: StoredEvent } | { kind: "delivery"; delivery: DeliveryView };

/** What the text names, event or delivery; null: nothing. Error: it is the end of several ids (64). */
export function find(inspection: Inspection, text: string): Found | null {
  const bySeq = eventOfSeq(inspection, text);
  if (bySeq !== null) return { kind: "event", event: bySeq };
  if (text.length < SHORTEST_END) return null;
  const events = inspection.eventsEnding(text).map((event): Found => ({ kind: "event", event }));
  const deliveries = inspection.deliveriesEnding(text).map((delivery): Found => ({ kind: "delivery", delivery }));
  return only(text, [...events, ...deliveries]);
}

/** The event that the text names; null: none. Same error. */
export function findEvent(inspection: Inspection, text: string): StoredEvent | null {
  const bySeq = eventOfSeq(inspection, text);
  if (bySeq !== null || text.length < SHORTEST_END) return bySeq;
  const found = only(
    text,
    inspection.eventsEnding(text).map((event) => ({ kind: "event" as const, event })),
  );
  return found?.event ?? null;
}

function eventOfSeq(inspection: Inspection, text: string): StoredEvent | null {
  return /^\d{1,15}$/.test(text) ? inspection.eventAt(Number(text)) : null;
}

function only<F extends Found>(text: string, found: readonly F[]): F | null {
  const ids = found.map((one) => (one.kind === "event" ? one.event.id : one.delivery.id));
  if (ids.length > 1)
    throw new OffhookError(EXIT.usage, `"${text}" ends more than one id: ${ids.join(", ")}`, "give more of the id");
  return found[0] ?? null;
}
