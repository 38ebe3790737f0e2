// Builtins that run inside the daemon (log, none): many deliveries at once, one write, one transaction. Nothing of theirs can
// overlap, because a group has one batch at a time; so their groups need no order by key. Pure.
import type { Consumer } from "../config/schema.ts";
import type { StoredEvent } from "../event/event.ts";
import type { Delivery } from "../stream/stream.ts";

const BATCH_BYTES = 8 * 1024 * 1024;

/** Whether a consumer's deliveries run inside the daemon. */
export function runsInside({ action }: Consumer): boolean {
  return action.kind === "builtin" && action.builtin !== "notify";
}

/** Whether the deliveries of one key must follow each other. */
export function isOrdered(consumer: Consumer): boolean {
  return consumer.order && !runsInside(consumer);
}

export type Batch = { deliveries: Delivery[]; events: StoredEvent[] };

/** The first deliveries whose events fit into memory together, at least one. `none` looks at no more than one event. */
export function batchOf(
  consumer: Consumer,
  startable: readonly Delivery[],
  eventsOf: (seqs: readonly number[]) => StoredEvent[],
): Batch {
  const batch: Batch = { deliveries: [], events: [] };
  const readsEvents = consumer.action.kind === "builtin" && consumer.action.builtin === "log";
  let bytes = 0;
  for (const delivery of startable) {
    batch.deliveries.push(delivery);
    if (!readsEvents && batch.events.length > 0) continue;
    const events = eventsOf(delivery.seqs);
    batch.events.push(...events);
    bytes += events.reduce((sum, event) => sum + event.data.length, 0);
    if (bytes >= BATCH_BYTES) break;
  }
  return batch;
}
