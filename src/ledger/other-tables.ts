// Whether a database has the tables that its version says: else it is none of ours, or damaged where SQLite cannot see it.
import { Database } from "bun:sqlite";

/** A column ("groups.cursor"), an index or a trigger; `text`: what an index or a trigger does, which nobody but us reads. */
type Part = { name: string; text: string };

/** What is wrong with the tables of a database of this version, made by the first so many of `steps`; null: nothing. */
export function wrongWithTables(db: Database, version: number, steps: readonly string[]): string | null {
  const theirs = partsOf(db);
  const ours = partsAfter(steps.slice(0, version));
  const missing = ours.find((part) => !isIn(theirs, part));
  if (missing !== undefined) return `it has no ${missing.name}${missing.text === "" ? "" : " as it was made"}`;
  if (version === 0 && theirs.length > 0) return "it is the database of something else";
  const later = partsAfter(steps).find((part) => !isIn(ours, part) && isIn(theirs, part));
  // More than ours is no harm: a person may have added something.
  return later === undefined ? null : `it has ${later.name}, which its version ${version} has not`;
}

function isIn(parts: readonly Part[], { name, text }: Part): boolean {
  return parts.some((part) => part.name === name && part.text === text);
}

function partsAfter(steps: readonly string[]): Part[] {
  const model = new Database(":memory:");
  try {
    for (const step of steps) model.run(step);
    return partsOf(model);
  } finally {
    model.close();
  }
}

/** What SQLite cannot parse it calls damaged itself; a flipped bit that leaves words is seen here. */
function partsOf(db: Database): Part[] {
  const rows = db.query(`
    SELECT t.name || '.' || c.name AS name, '' AS text
      FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table'
    UNION ALL
    SELECT type || ' ' || name, sql FROM sqlite_schema WHERE type IN ('index', 'trigger') AND sql IS NOT NULL`);
  return rows.values().map(([name, text]) => ({ name: String(name), text: String(text).replace(/\s+/g, " ") }));
}
