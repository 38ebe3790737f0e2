// Between the tables of a partition's ledger and its fields in Redis. One field a pending or dead delivery, with its seqs and attempts;
// one a mark, a start, an event; one for the group with its counters.
import type { Database, Statement } from "bun:sqlite";
import { EXIT, messageOf, OffhookError } from "../errors.ts";
import type { StoredEvent } from "../event/event.ts";
import { LEDGER_VERSION } from "../ledger/tables.ts";
import type { PartitionRows } from "./changes.ts";
import { eventText, parseEvent } from "./entry.ts";
import type { PlaceRow } from "./place.ts";

/** The field of each kind of row; the part after the colon is the row's key. */
export const FIELD = {
  delivery: (ordinal: number) => `d:${ordinal}`,
  mark: (key: string) => `m:${key}`,
  start: (id: number) => `s:${id}`,
  event: (seq: number) => `ev:${seq}`,
  own: (id: string) => `own:${id}`,
  group: "g",
  meta: "meta",
} as const;

type Cell = string | number | null;
export type Row = Record<string, Cell>;
type DeliveryRow = { row: Row; seqs: number[]; attempts: Row[] };

/** The rows of a ledger as fields; null: the row is not there (any more). */
export type RowTexts = {
  delivery(row: Row): string;
  seqsOf(ordinal: number): number[];
  mark(key: string): string | null;
  start(id: number): string | null;
  event(event: StoredEvent): string;
  group(): string | null;
};

/** The reader of one consumer's rows. */
export function rowTexts(db: Database, consumer: string): RowTexts {
  const sql = {
    seqs: db.query("SELECT seq FROM delivery_events WHERE delivery = ? ORDER BY seq"),
    attempts: db.query("SELECT * FROM attempts WHERE delivery = ? ORDER BY number"),
    mark: db.query("SELECT accepted_ms, cooled_ms FROM marks WHERE consumer = ? AND key = ?"),
    start: db.query("SELECT at_ms FROM starts WHERE rowid = ?"),
    group: db.query("SELECT * FROM groups WHERE consumer = ?"),
    skips: db.query("SELECT reason, count FROM skip_counts WHERE consumer = ? ORDER BY reason"),
  };
  const seqsOf = (ordinal: number) => (sql.seqs.all(ordinal) as { seq: number }[]).map(({ seq }) => seq);
  return {
    seqsOf,
    delivery(row) {
      const ordinal = row.ordinal as number;
      const attempts = row.attempts === 0 ? [] : (sql.attempts.all(ordinal) as Row[]);
      return JSON.stringify({ row, seqs: seqsOf(ordinal), attempts } satisfies DeliveryRow);
    },
    mark(key) {
      const row = sql.mark.get(consumer, key) as Row | null;
      return row === null ? null : JSON.stringify([row.accepted_ms, row.cooled_ms]);
    },
    start: (id) => (sql.start.get(id) as { at_ms: number } | null)?.at_ms.toString() ?? null,
    event: eventText,
    group() {
      const row = sql.group.get(consumer) as Row | null;
      return row === null ? null : JSON.stringify({ row, skips: sql.skips.all(consumer) });
    },
  };
}

export type MetaRow = { format: 1; ledgerVersion: number } & PlaceRow;

/** The field `meta`. */
export function metaText(place: PlaceRow): string {
  return JSON.stringify({ format: 1, ledgerVersion: LEDGER_VERSION, ...place } satisfies MetaRow);
}

export type Loaded = { place: PlaceRow | null; events: Map<number, StoredEvent> };

/**
 * Writes fields into an empty ledger. Gives what is no table. Errors: they were written by a newer offhook, whose rows this one does
 * not know (78); a field that is none.
 */
export function loadRows(db: Database, consumer: string, rows: PartitionRows): Loaded {
  const loaded: Loaded = { place: null, events: new Map() };
  const meta = rows.get(FIELD.meta);
  if (meta !== undefined) loaded.place = placeOf(meta);
  const insert = inserts(db);
  const own = db.query("INSERT OR REPLACE INTO own_events (id, json) VALUES (?, ?)");
  db.transaction(() => {
    for (const [field, text] of rows) {
      const colon = field.indexOf(":");
      try {
        // Without a colon: the whole is its kind.
        load(colon < 0 ? field : field.slice(0, colon), field.slice(colon + 1), text);
      } catch (error) {
        throw new Error(`the row ${field} cannot be read: ${messageOf(error)}`);
      }
    }
  })();
  return loaded;

  function load(kind: string, key: string, text: string) {
    if (kind === "d") {
      const { row, seqs, attempts } = JSON.parse(text) as DeliveryRow;
      insert("deliveries", row);
      for (const seq of seqs) insert("delivery_events", { delivery: Number(key), seq });
      for (const attempt of attempts) insert("attempts", attempt);
    } else if (kind === "m") {
      const [accepted_ms = null, cooled_ms = null] = JSON.parse(text) as Cell[];
      insert("marks", { consumer, key, accepted_ms, cooled_ms });
    } else if (kind === "s") {
      insert("starts", { rowid: Number(key), consumer, at_ms: Number(text) });
    } else if (kind === "ev") {
      const event = parseEvent(text);
      if (event !== null) loaded.events.set(Number(key), { ...event, seq: Number(key) });
    } else if (kind === "own") {
      own.run(key, text);
    } else if (kind === FIELD.group) {
      const { row, skips } = JSON.parse(text) as { row: Row; skips: Row[] };
      insert("groups", row);
      for (const { reason = "", count = 0 } of skips) insert("skip_counts", { consumer, reason, count });
    }
  }
}

function placeOf(text: string): PlaceRow {
  const { format, ledgerVersion, ...place } = JSON.parse(text) as MetaRow;
  if (format !== 1 || ledgerVersion > LEDGER_VERSION) {
    throw new OffhookError(
      EXIT.config,
      `its state in Redis was written by a newer offhook (version ${ledgerVersion}, this one knows ${LEDGER_VERSION})`,
      "upgrade this node; a node with the newer one goes on with it",
    );
  }
  return place;
}

/** Inserts by table and columns: those that an older offhook did not write yet get their default. */
function inserts(db: Database): (table: string, row: Row) => void {
  const statements = new Map<string, Statement>();
  const known = new Map<string, Set<string>>();
  return (table, row) => {
    const columns = Object.keys(row);
    const name = `${table} ${columns.join()}`;
    let statement = statements.get(name);
    if (statement === undefined) {
      // What comes from Redis names columns only, and only those that are there.
      if (!known.has(table)) known.set(table, columnsOf(db, table));
      const other = columns.find((column) => column !== "rowid" && known.get(table)?.has(column) !== true);
      if (other !== undefined) throw new Error(`no column ${other} in ${table}`);
      statement = db.prepare(`INSERT INTO ${table} (${columns.join()}) VALUES (${columns.map(() => "?").join()})`);
      statements.set(name, statement);
    }
    statement.run(...columns.map((column) => row[column] ?? null));
  };
}

function columnsOf(db: Database, table: string): Set<string> {
  return new Set(
    (db.query(`SELECT name FROM pragma_table_info('${table}')`).all() as { name: string }[]).map((row) => row.name),
  );
}
