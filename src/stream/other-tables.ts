// Whether a database has the tables that its version says: else it is none of ours, or damaged where SQLite cannot see it.
import { Database } from "bun:sqlite";

/** What is wrong with the tables of a database of this version, made by the first so many of `steps`; null: nothing. */
export function wrongWithTables(db: Database, version: number, steps: readonly string[]): string | null {
  const theirs = columnsOf(db);
  const ours = columnsAfter(steps.slice(0, version));
  const missing = ours.find((column) => !theirs.includes(column));
  if (missing !== undefined) return `it has no ${missing}`;
  if (version === 0 && theirs.length > 0) return "it is the database of something else";
  const later = columnsAfter(steps).find((column) => !ours.includes(column) && theirs.includes(column));
  // More than ours is no harm: a person may have added something.
  return later === undefined ? null : `it has ${later}, which its version ${version} has not`;
}

function columnsAfter(steps: readonly string[]): string[] {
  const model = new Database(":memory:");
  try {
    for (const step of steps) model.run(step);
    return columnsOf(model);
  } finally {
    model.close();
  }
}

/** `table.column` of all tables. */
function columnsOf(db: Database): string[] {
  const rows = db.query(
    "SELECT t.name || '.' || c.name FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table'",
  );
  return rows.values().map(([column]) => String(column));
}
