// Events that a filter wants, page by page, so that a long stream needs no memory. What can be asked of SQLite is.
import type { Database } from "bun:sqlite";
import type { StoredEvent } from "../event/event.ts";
import { dataLoader, EVENT_COLUMNS, type EventRow, eventOfRow } from "./event-row.ts";

/** Which events: between two seqs (the first excluded, the second included), not older than a time, of a session, wanted. */
export type EventFilter = {
  afterSeq: number;
  throughSeq: number | null;
  sinceMs: number | null;
  session: string | null;
  wants: (event: StoredEvent) => boolean;
};

export type EventPages = {
  /** In order. */
  forward(filter: EventFilter): Generator<StoredEvent>;
  /** The last `limit` events, oldest first. */
  last(filter: EventFilter, limit: number): StoredEvent[];
  at(seq: number): StoredEvent | null;
  /** At most 3, which tells one from several. A whole id is found at once. */
  ending(ending: string): StoredEvent[];
};

const PAGE = 500;

/** The pages of a ledger that is open for looking. */
export function eventPages(db: Database): EventPages {
  const load = dataLoader(db);
  const select = `SELECT ${EVENT_COLUMNS} FROM events`;
  const page = (order: "ASC" | "DESC", ofSession: boolean) =>
    db.query(`
      ${select} WHERE seq > ?1 AND seq <= ?2 AND time_ms >= ?3 AND ${ofSession ? "session = ?4" : "?4 IS NULL"}
      ORDER BY seq ${order} LIMIT ?5`);
  const events = (rows: unknown[]) => (rows as EventRow[]).map((row) => eventOfRow(row, load));

  return {
    *forward(filter) {
      const query = page("ASC", filter.session !== null);
      let after = filter.afterSeq;
      for (;;) {
        const found = events(query.all(after, through(filter), since(filter), filter.session, PAGE));
        for (const event of found) if (filter.wants(event)) yield event;
        if (found.length < PAGE) return;
        after = found.at(-1)?.seq ?? after;
      }
    },
    last(filter, limit) {
      const query = page("DESC", filter.session !== null);
      const last: StoredEvent[] = [];
      // Mostly every event is wanted: no more are read than asked for, until it turns out otherwise.
      let size = Math.min(limit, PAGE);
      for (let until = through(filter); last.length < limit; size = PAGE) {
        const found = events(query.all(filter.afterSeq, until, since(filter), filter.session, size));
        for (const event of found) if (last.length < limit && filter.wants(event)) last.push(event);
        if (found.length < size) break;
        until = (found.at(-1)?.seq ?? 1) - 1;
      }
      return last.reverse();
    },
    at: (seq) => events(db.query(`${select} WHERE seq = ?`).all(seq))[0] ?? null,
    ending(ending) {
      const whole = events(db.query(`${select} WHERE id = ?`).all(ending));
      if (whole.length > 0) return whole;
      // The index of ids is all that is read: a tenth of the table.
      const seqs = `SELECT seq FROM events INDEXED BY sqlite_autoindex_events_1 WHERE substr(id, -length(?1)) = ?1 LIMIT 3`;
      return events(db.query(`${select} WHERE seq IN (${seqs}) ORDER BY seq`).all(ending));
    },
  };
}

function through(filter: EventFilter): number {
  return filter.throughSeq ?? Number.MAX_SAFE_INTEGER;
}

function since(filter: EventFilter): number {
  return filter.sinceMs ?? Number.MIN_SAFE_INTEGER;
}
