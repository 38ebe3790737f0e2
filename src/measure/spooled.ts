// Whether a backlog is out of the spool.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** Whether the spool of a home is empty; `ids` are what was put there, in order: the last one tells at once that it is not yet. */
export function isTakenIn(home: string, ids: readonly string[]): boolean {
  const directory = join(home, "spool", "new");
  return !existsSync(join(directory, ids.at(-1) ?? "")) && readdirSync(directory).length === 0;
}
