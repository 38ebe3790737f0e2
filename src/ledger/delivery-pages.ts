// Deliveries with their attempts, for looking: the last ones, page by page, and by id. Says why a pending one does not start.
import type { Database } from "bun:sqlite";
import type { DeliveryState } from "../stream/stream.ts";
import { PENDING } from "./pending.ts";

export type AttemptView = {
  number: number;
  startedMs: number;
  durationMs: number | null;
  outcome: string | null;
  exitCode: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
  reason: string | null;
};

/** `dueMs`: when a held one or one in backoff begins, in ms since 1970. `reason`: why it is where it is; null: it needs none. */
export type DeliveryView = {
  id: string;
  consumer: string;
  key: string;
  seqs: number[];
  eventIds: string[];
  state: DeliveryState;
  reason: string | null;
  replay: boolean;
  dueMs: number | null;
  attempts: AttemptView[];
};

export type DeliveryFilter = {
  consumer: string | null;
  state: string | null;
  session: string | null;
  limit: number | null;
};

export type DeliveryPages = {
  /** Oldest first, page by page; with a limit the last ones. */
  list(filter: DeliveryFilter): Generator<DeliveryView>;
  /** At most 3, which tells one from several. A whole id is found at once. */
  ending(ending: string): DeliveryView[];
  ofEvent(seq: number): DeliveryView[];
};

const PAGE = 500;

type Row = Omit<DeliveryView, "seqs" | "eventIds" | "replay" | "attempts"> & {
  ordinal: number;
  replay: number;
  head: number;
  paused: number;
  waiting: string | null;
};

const COLUMNS = `
  d.ordinal, d.id, d.consumer, d.key, d.state, d.reason, d.replay, d.due_ms AS dueMs, d.head,
  g.paused_ms IS NOT NULL AS paused, g.waiting`;
const GROUP = "LEFT JOIN groups g ON g.consumer = d.consumer";

/** The deliveries of a ledger that is open for looking. */
export function deliveryPages(db: Database): DeliveryPages {
  const attempts = db.query(`
    SELECT number, started_ms AS startedMs, duration_ms AS durationMs, outcome, exit_code AS exitCode, signal,
      coalesce(stdout, '') AS stdout, coalesce(stderr, '') AS stderr, reason
    FROM attempts WHERE delivery = ? ORDER BY number`);
  const members = db.query(`
    SELECT d.seq, e.id FROM delivery_events d LEFT JOIN events e ON e.seq = d.seq WHERE d.delivery = ? ORDER BY d.seq`);
  const view = (row: Row): DeliveryView => {
    const events = members.all(row.ordinal) as { seq: number; id: string | null }[];
    return {
      id: row.id,
      consumer: row.consumer,
      key: row.key,
      seqs: events.map((event) => event.seq),
      eventIds: events.flatMap((event) => event.id ?? []),
      state: row.state,
      reason: row.reason ?? whyWaiting(row),
      replay: row.replay === 1,
      dueMs: row.dueMs,
      attempts: attempts.all(row.ordinal) as AttemptView[],
    };
  };
  const views = (rows: unknown[]) => (rows as Row[]).map(view);

  return {
    *list({ consumer, state, session, limit }) {
      const where = `
        FROM deliveries d ${sourceOf(state)} ${GROUP}
        WHERE ${consumer === null ? "?1 IS NULL" : "d.consumer = ?1"} AND ${conditionOf(state)}
          AND ${session === null ? "?3 IS NULL" : OF_SESSION}`;
      if (limit !== null) {
        const last = db.query(`
          SELECT * FROM (SELECT ${COLUMNS} ${where} ORDER BY d.ordinal DESC LIMIT ?4) ORDER BY ordinal`);
        return yield* views(last.all(consumer, state, session, limit));
      }
      const page = db.query(`SELECT ${COLUMNS} ${where} AND d.ordinal > ?4 ORDER BY d.ordinal LIMIT ${PAGE}`);
      for (let after = 0; ; ) {
        const rows = page.all(consumer, state, session, after) as Row[];
        for (const row of rows) yield view(row);
        const end = rows.at(-1);
        if (end === undefined) return;
        after = end.ordinal;
      }
    },
    ending(ending) {
      const whole = views(db.query(`SELECT ${COLUMNS} FROM deliveries d ${GROUP} WHERE d.id = ?`).all(ending));
      if (whole.length > 0) return whole;
      // The index of ids is all that is read: a tenth of the table.
      const ordinals = `
        SELECT ordinal FROM deliveries INDEXED BY sqlite_autoindex_deliveries_1 WHERE substr(id, -length(?1)) = ?1 LIMIT 3`;
      const found = db.query(
        `SELECT ${COLUMNS} FROM deliveries d ${GROUP} WHERE d.ordinal IN (${ordinals}) ORDER BY d.ordinal`,
      );
      return views(found.all(ending));
    },
    ofEvent: (seq) =>
      views(
        db
          .query(`
            SELECT ${COLUMNS} FROM delivery_events m CROSS JOIN deliveries d ON d.ordinal = m.delivery ${GROUP}
            WHERE m.seq = ? ORDER BY d.consumer, d.ordinal`)
          .all(seq),
      ),
  };
}

/** What holds back a pending delivery that says nothing itself. */
function whyWaiting({ state, dueMs, head, paused, waiting }: Row): string | null {
  if (state === "held" && dueMs !== null && dueMs > Date.now()) return "debounce";
  if (state !== "held" && state !== "ready") return null;
  if (head === 0) return "order";
  return paused === 1 ? "paused" : waiting;
}

/** Few are pending and few are dead, however many there were: both have an index of their own. */
function sourceOf(state: string | null): string {
  if (state === "dead") return "INDEXED BY deliveries_dead";
  return isPending(state) ? "INDEXED BY deliveries_startable" : "";
}

function conditionOf(state: string | null): string {
  if (state === null) return "?2 IS NULL";
  if (state === "dead") return "d.state = 'dead' AND d.state = ?2";
  return isPending(state) ? "d.state = ?2 AND d.settled_ms IS NULL" : "d.state = ?2";
}

function isPending(state: string | null): boolean {
  return PENDING.some((pending) => pending === state);
}

const OF_SESSION = `d.ordinal IN (
  SELECT m.delivery FROM events e CROSS JOIN delivery_events m ON m.seq = e.seq WHERE e.session = ?3)`;
