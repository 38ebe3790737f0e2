// A ledger in memory that notes what changes in it: the tables of the node's own, and triggers that keep the keys of changed rows.
// What is kept of a group in one row (groups, skip_counts) is compared as a whole instead (rows.ts).
import { Database } from "bun:sqlite";
import { type LedgerHandle, makeHandle } from "../ledger/handle.ts";
import { MIGRATIONS } from "../ledger/tables.ts";

// An ordinal that is there already is left alone by a look into the index: cheaper than an ignored insert.
const note = (table: string, column: string, value: string) =>
  `INSERT INTO ${table} SELECT ${value} WHERE NOT EXISTS (SELECT 1 FROM ${table} WHERE ${column} = ${value});`;

const trigger = (name: string, event: string, notes: string) =>
  `CREATE TRIGGER ${name} AFTER ${event} BEGIN ${notes} END;`;

// A delivery that is gone before it was ever told of, as most are that run inside the daemon, costs no note at all.
const TOLD = "(SELECT ordinal FROM told)";

const each = (table: string, into: string, column: string, its: string) =>
  (["INSERT", "UPDATE", "DELETE"] as const)
    .map((event) =>
      trigger(
        `${table}_${event.toLowerCase()}_noted`,
        `${event} ON ${table}`,
        note(into, column, `${event === "DELETE" ? "old" : "new"}.${its}`),
      ),
    )
    .join("\n");

const NOTES = `
  -- For pruning by age, of which there is little here.
  DROP INDEX deliveries_settled;
  CREATE TABLE changed_deliveries (ordinal INTEGER PRIMARY KEY);
  CREATE TABLE changed_marks (key TEXT PRIMARY KEY) WITHOUT ROWID;
  CREATE TABLE changed_starts (id INTEGER PRIMARY KEY);
  CREATE TABLE left_events (seq INTEGER PRIMARY KEY);
  CREATE TABLE own_events (id TEXT PRIMARY KEY, json TEXT NOT NULL);
  -- The last delivery that was told of: what is above it is new, and found without a note.
  CREATE TABLE told (ordinal INTEGER NOT NULL);
  INSERT INTO told VALUES (0);
  ${trigger("deliveries_update_noted", `UPDATE ON deliveries WHEN new.ordinal <= ${TOLD}`, note("changed_deliveries", "ordinal", "new.ordinal"))}
  ${trigger("deliveries_delete_noted", `DELETE ON deliveries WHEN old.ordinal <= ${TOLD}`, note("changed_deliveries", "ordinal", "old.ordinal"))}
  ${each("marks", "changed_marks", "key", "key")}
  ${each("starts", "changed_starts", "id", "rowid")}
  ${trigger("attempts_noted", `UPDATE OF group_id ON attempts WHEN new.delivery <= ${TOLD}`, note("changed_deliveries", "ordinal", "new.delivery"))}
  ${trigger("delivery_events_noted", `DELETE ON delivery_events WHEN old.delivery <= ${TOLD}`, note("left_events", "seq", "old.seq"))}
`;

/** Makes an empty one. */
export function openMemoryLedger(now: () => number): LedgerHandle {
  const db = new Database(":memory:", { strict: true });
  db.run("PRAGMA synchronous = OFF");
  for (const step of MIGRATIONS) db.run(step);
  db.run(NOTES);
  return makeHandle(db, now);
}
