// Deliveries of the cluster that are settled, as their owners told of them: the last thousand or so of each consumer. Commands and
// requests only; what runs inside the daemon is counted and not told of.

import type { GroupRecord } from "../cluster/nodes.ts";
import { partitionOf } from "../cluster/shares.ts";
import type { DeliveryFilter, DeliveryView } from "../ledger/inspect.ts";
import type { Keys } from "../partition/keys.ts";
import type { Connection } from "../redis/connection.ts";
import { entriesOf } from "../redis/replies.ts";
import { streamPages } from "./stream-pages.ts";

/** A settled delivery of the cluster, with its partition and the node that it ended on; null: not told. */
export type SharedDelivery = { delivery: DeliveryView; partition: number; node: string | null; settledMs: number };

/** Settled deliveries of these consumers that a filter wants, oldest first; with a limit the last ones. Errors: RedisTrouble. */
export async function outcomesOf(
  connection: Connection,
  keys: Keys,
  groups: ReadonlyMap<string, GroupRecord>,
  { consumer, state, session, limit }: DeliveryFilter,
): Promise<SharedDelivery[]> {
  const wanted = [...groups].filter(([name]) => consumer === null || name === consumer);
  const all = await Promise.all(
    wanted.map(([name, { partitions }]) => readOutcomes(connection, keys, name, partitions)),
  );
  const found: SharedDelivery[] = [];
  for (const one of all.flat().sort((a, b) => a.settledMs - b.settledMs)) {
    if (state !== null && one.delivery.state !== state) continue;
    if (session === null || (await isOfSession(connection, keys, one.delivery, session))) found.push(one);
  }
  return limit === null ? found : found.slice(-limit);
}

async function readOutcomes(
  connection: Connection,
  keys: Keys,
  consumer: string,
  partitions: number,
): Promise<SharedDelivery[]> {
  const entries = entriesOf(await connection.send("XRANGE", [keys.outcomes(consumer), "-", "+"]));
  return entries.flatMap(({ fields }) => {
    const { settledMs, ...delivery } = toldIn(fields.get("d") ?? "") ?? {};
    if (settledMs === undefined || !isDelivery(delivery)) return [];
    return { delivery, partition: partitionOf(delivery.key, partitions), node: fields.get("n") ?? null, settledMs };
  });
}

type Told = Partial<DeliveryView> & { settledMs?: number };

function toldIn(text: string): Told | null {
  try {
    return JSON.parse(text) as Told | null;
  } catch {
    return null; // Nobody of ours wrote that.
  }
}

/** As far as those who show one go by it. */
function isDelivery(told: Partial<DeliveryView>): told is DeliveryView {
  return (
    [told.id, told.consumer, told.key, told.state].every((value) => typeof value === "string") &&
    [told.seqs, told.eventIds, told.attempts].every(Array.isArray)
  );
}

/** What the stream does not have any more is of no session. */
async function isOfSession(
  connection: Connection,
  keys: Keys,
  { seqs, eventIds }: DeliveryView,
  session: string,
): Promise<boolean> {
  const events = await Promise.all(seqs.map(streamPages(connection, keys).at));
  // The seqs of a partition and of the stream may differ after a loss of data; ids never do.
  return events.some((event) => event?.sessionId === session && eventIds.includes(event.id));
}
