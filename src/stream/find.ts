// Finding by what a person types: a seq, an id, or the end of an id.
import { EXIT, OffhookError } from "../errors.ts";
import type { StoredEvent } from "../event/event.ts";
import type { DeliveryView, Inspection } from "./inspect.ts";

/** The event of a seq, an id or an id's ending; null: none. Error: the ending is that of several (64). */
export function findEvent(inspection: Inspection, id: string): StoredEvent | null {
  const bySeq = /^\d{1,15}$/.test(id) ? inspection.eventAt(Number(id)) : null;
  return bySeq ?? only(id, inspection.eventsEnding(id));
}

/** The delivery of an id or an id's ending; null: none. Error: the ending is that of several (64). */
export function findDelivery(inspection: Inspection, id: string): DeliveryView | null {
  return only(id, inspection.deliveriesEnding(id));
}

function only<T extends { id: string }>(id: string, found: readonly T[]): T | null {
  if (found.length > 1)
    throw new OffhookError(
      EXIT.usage,
      `"${id}" ends more than one id: ${found.map((one) => one.id).join(", ")}`,
      "give more of the id",
    );
  return found[0] ?? null;
}
