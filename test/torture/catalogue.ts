// Which rows there are: every file of rows/ and of cluster/rows/, loaded, and a hash of what each consists of. A row is not registered anywhere else.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { importsOf } from "../house-rules.ts";
import type { Row } from "./row.ts";

/** The rows of one machine, and those of several. */
const ROWS = { machine: join(import.meta.dir, "rows"), cluster: join(import.meta.dir, "cluster", "rows") };
/** Programs that rows start: they are named, not imported. */
const PLANTED = join(import.meta.dir, "planted");

/** A row and the hash of its source, which tells whether its control was run since it last changed. */
export type Entry = { row: Row; hash: string };

/** Every row of a kind, by name. Throws for a file of rows/ that does not export the row it is named after. */
export async function allRows(of: keyof typeof ROWS = "machine"): Promise<Entry[]> {
  const files = readdirSync(ROWS[of]).filter((name) => name.endsWith(".ts"));
  return await Promise.all(
    files.sort().map(async (file) => {
      const path = join(ROWS[of], file);
      const { row } = (await import(path)) as { row?: Row };
      if (row === undefined || `${row.name}.ts` !== file) throw new Error(`rows/${file} exports no row of its name`);
      return { row, hash: sourceHash(path) };
    }),
  );
}

/** Over the file, the files of test/ that it imports and programs of planted/ that it names, and theirs: with a checker change its rows. */
export function sourceHash(path: string): string {
  const test = resolve(import.meta.dir, "..");
  const seen = new Map<string, string>();
  const visit = (at: string) => {
    if (seen.has(at) || !at.startsWith(test) || !existsSync(at)) return;
    const text = readFileSync(at, "utf8");
    seen.set(at, text);
    for (const { path: to } of importsOf(text)) if (to.startsWith(".")) visit(resolve(dirname(at), to));
    for (const [, name = ""] of text.matchAll(/"([a-z-]+\.ts)"/g)) visit(join(PLANTED, name));
  };
  visit(path);
  const hasher = new Bun.CryptoHasher("sha256");
  for (const at of [...seen.keys()].sort()) hasher.update(`${at.slice(test.length)}\0${seen.get(at)}\0`);
  return hasher.digest("hex").slice(0, 12);
}
