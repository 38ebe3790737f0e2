// The events in Redis for those who look: page by page in order, or the last ones. Reads only; what was trimmed is not there.
import type { StoredEvent } from "../event/event.ts";
import type { EventFilter } from "../ledger/event-pages.ts";
import { parseEntry } from "../partition/entry.ts";
import type { Keys } from "../partition/keys.ts";
import type { Connection } from "../redis/connection.ts";
import { entriesOf } from "../redis/replies.ts";

/** Events of one reply: at most 1 MB each, mostly far less. */
const PAGE = 200;

export type StreamPages = {
  /** In order. */
  forward(filter: EventFilter): AsyncGenerator<StoredEvent>;
  /** The last `limit` events that the filter wants, oldest first. */
  last(filter: EventFilter, limit: number): Promise<StoredEvent[]>;
  at(seq: number): Promise<StoredEvent | null>;
};

/** Whether a filter wants an event, wherever in the stream it is. Pure. */
export function isWanted({ sinceMs, session, wants }: EventFilter, event: StoredEvent): boolean {
  return (
    event.timeMs >= (sinceMs ?? Number.MIN_SAFE_INTEGER) &&
    (session === null || event.sessionId === session) &&
    wants(event)
  );
}

/** The pages of a cluster's stream. */
export function streamPages(connection: Connection, keys: Keys): StreamPages {
  const page = async (command: "XRANGE" | "XREVRANGE", from: string, to: string, size: number) => {
    const reply = await connection.send(command, [keys.events, from, to, "COUNT", size]);
    return entriesOf(reply).map(({ id, fields }): StoredEvent => {
      const { seq, event } = parseEntry(id, fields);
      return { ...event, seq };
    });
  };
  const endOf = ({ throughSeq }: EventFilter) => (throughSeq === null ? "+" : `${throughSeq}-0`);

  return {
    async *forward(filter) {
      for (let after = filter.afterSeq; ; ) {
        const found = await page("XRANGE", `(${Math.max(0, after)}-0`, endOf(filter), PAGE);
        for (const event of found) if (isWanted(filter, event)) yield event;
        if (found.length < PAGE) return;
        after = found.at(-1)?.seq ?? after;
      }
    },
    async last(filter, limit) {
      const last: StoredEvent[] = [];
      for (let until = endOf(filter), size = Math.min(limit, PAGE); last.length < limit; size = PAGE) {
        const found = await page("XREVRANGE", until, `(${Math.max(0, filter.afterSeq)}-0`, size);
        for (const event of found) if (last.length < limit && isWanted(filter, event)) last.push(event);
        if (found.length < size) break;
        until = `(${found.at(-1)?.seq}-0`;
      }
      return last.reverse();
    },
    at: async (seq) => (await page("XRANGE", `${seq}-0`, `${seq}-0`, 1))[0] ?? null,
  };
}
