// `offhook events --cluster`: the events of all nodes as Redis has them, and with --follow those that come, over times without Redis.
import { flush, printNote } from "../cli/print.ts";
import { OffhookError } from "../errors.ts";
import type { StoredEvent } from "../event/event.ts";
import type { Session } from "../fleet/session.ts";
import type { EventFilter } from "../ledger/event-pages.ts";
import { type ClusterHome, inCluster, openCluster } from "./in-cluster.ts";

const FOLLOW_EVERY_MS = 200;
const AGAIN_MS = 1_000;

export type Order = { filter: EventFilter; limit: number | null; isFollowing: boolean };

/** Shows events, and with isFollowing never ends. Errors: Redis cannot be used at first (69, 75, 78). */
export async function showClusterEvents(
  at: ClusterHome,
  { filter, limit, isFollowing }: Order,
  show: (event: StoredEvent) => void,
): Promise<void> {
  const { isWanted, streamPages } = await import("../fleet/stream-pages.ts");
  const { readFacts } = await import("../fleet/look.ts");
  // The end is taken first: what comes while we print belongs to the next round.
  let last = await inCluster(at, async ({ connection, keys }) => {
    const { lastSeq } = await readFacts(connection, keys);
    const pages = streamPages(connection, keys);
    const now = { ...filter, throughSeq: lastSeq };
    if (limit !== null) for (const event of await pages.last(now, limit)) show(event);
    else for await (const event of pages.forward(now)) show(event);
    return lastSeq;
  });
  flush();

  const news = async ({ connection, keys }: Session) => {
    const pages = streamPages(connection, keys);
    for (;;) {
      // All of them, so that what is not wanted is read once.
      const afterSeq = Math.max(last, filter.afterSeq);
      const all = { afterSeq, throughSeq: null, sinceMs: null, session: null, wants: () => true };
      for await (const event of pages.forward(all)) {
        if (isWanted(filter, event)) show(event);
        last = event.seq;
      }
      flush();
      await Bun.sleep(FOLLOW_EVERY_MS);
    }
  };
  for (let said = ""; isFollowing; ) {
    try {
      const session = await openCluster(at);
      if (said !== "") printNote("Redis is back");
      said = "";
      await news(session).finally(session.close);
    } catch (error) {
      const { asOffhookError } = await import("../fleet/session.ts");
      const known = asOffhookError(error);
      if (!(known instanceof OffhookError)) throw error;
      if (known.message !== said) printNote(known.message);
      said = known.message;
      await Bun.sleep(AGAIN_MS);
    }
  }
}
