// Finding in a cluster by what a person types: a seq of its stream, an event's id, or the end of a delivery's id.
import { EXIT, OffhookError } from "../errors.ts";
import type { StoredEvent } from "../event/event.ts";
import type { DeliveryView } from "../ledger/inspect.ts";
import type { Keys } from "../partition/keys.ts";
import type { Connection } from "../redis/connection.ts";
import { openPartitions, readFacts } from "./look.ts";
import { outcomesOf } from "./outcomes.ts";
import { streamPages } from "./stream-pages.ts";

/** Shorter ends name the wrong thing too easily. */
const SHORTEST_END = 4;

export type FoundShared =
  | { kind: "event"; event: StoredEvent; deliveries: DeliveryView[] }
  | { kind: "delivery"; delivery: DeliveryView; partition: number };

/** What the text names, a delivery or by its seq an event with what was made of it; null: nothing. Errors: it ends several ids (64); RedisTrouble. */
export async function findShared(connection: Connection, keys: Keys, text: string): Promise<FoundShared | null> {
  const event = await eventOfSeq(connection, keys, text);
  if (event === null && text.length < SHORTEST_END) return null;
  const { groups } = await readFacts(connection, keys);
  const settled = await outcomesOf(connection, keys, groups, {
    consumer: null,
    state: null,
    session: null,
    limit: null,
  });
  const found: { delivery: DeliveryView; partition: number }[] = settled.filter(({ delivery }) =>
    event === null ? delivery.id.endsWith(text) : delivery.eventIds.includes(event.id),
  );
  for await (const { place, inspection, close } of openPartitions(connection, keys, groups)) {
    const here =
      event === null
        ? inspection.deliveriesEnding(text)
        : ofEvent(inspection.eventsEnding(event.id), inspection.deliveriesOf);
    found.push(...here.map((delivery) => ({ delivery, partition: place.partition })));
    close();
  }
  if (event !== null) return { kind: "event", event, deliveries: found.map((one) => one.delivery) };
  const [first] = found;
  if (first === undefined) return null;
  const ids = new Set(found.map((one) => one.delivery.id));
  if (ids.size === 1) return { kind: "delivery", ...first };
  throw new OffhookError(EXIT.usage, `"${text}" ends more than one id: ${[...ids].join(", ")}`, "give more of the id");
}

/** The event of the stream that the text names by its seq or the end of its id; null: none. Errors: as above. */
export async function findSharedEvent(connection: Connection, keys: Keys, text: string): Promise<StoredEvent | null> {
  const bySeq = await eventOfSeq(connection, keys, text);
  if (bySeq !== null || text.length < SHORTEST_END) return bySeq;
  const everything = { afterSeq: 0, throughSeq: null, sinceMs: null, session: null };
  const ends = (event: StoredEvent) => event.id.endsWith(text);
  const found = await streamPages(connection, keys).last({ ...everything, wants: ends }, 2);
  if (found.length < 2) return found[0] ?? null;
  const ids = found.map((event) => event.id).join(", ");
  throw new OffhookError(EXIT.usage, `"${text}" ends more than one id: ${ids}`, "give more of the id, or the seq");
}

function eventOfSeq(connection: Connection, keys: Keys, text: string): Promise<StoredEvent | null> {
  return /^\d{1,15}$/.test(text) ? streamPages(connection, keys).at(Number(text)) : Promise.resolve(null);
}

/** A partition's own seqs may differ from the stream's after a loss of data: the event's id leads. */
function ofEvent(events: readonly StoredEvent[], deliveriesOf: (seq: number) => DeliveryView[]): DeliveryView[] {
  return events.flatMap(({ seq }) => deliveriesOf(seq));
}
