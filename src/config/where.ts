// `where`: dotted paths in the event, each with a glob. TOML reads `data.x = "y"` as tables in tables and `"data.x" = "y"` as
// one key; both mean the same here.
import * as v from "valibot";
import { nearest } from "./nearest.ts";
import { isTable } from "./values.ts";

/** What a path may start with: the attributes of the CloudEvent. */
const ROOTS = "data type source subject id time node sessionid agentid tool tooluseid project depth duplicateof".split(
  " ",
);

/** A table of globs by path, flat; numbers and truth values are taken as their text. */
export const where = v.pipe(
  v.custom<Record<string, unknown>>(
    isTable,
    'must be a table, for instance { "data.permission_mode" = "acceptEdits" }',
  ),
  v.rawTransform<Record<string, unknown>, Record<string, string>>(({ dataset, addIssue }) => {
    const flat = new Map<string, string>();
    for (const [path, value] of leavesOf(dataset.value, [])) {
      const message = problemOf(path, value);
      if (message === null) flat.set(path, String(value));
      else addIssue({ message });
    }
    return Object.fromEntries(flat);
  }),
);

function leavesOf(table: Record<string, unknown>, above: readonly string[]): [path: string, value: unknown][] {
  return Object.entries(table).flatMap(([key, value]): [string, unknown][] => {
    const path = [...above, key];
    return isTable(value) && Object.keys(value).length > 0 ? leavesOf(value, path) : [[path.join("."), value]];
  });
}

function problemOf(path: string, value: unknown): string | null {
  const names = path.split(".");
  const root = names[0] ?? "";
  if (names.includes("")) return `has the path ${JSON.stringify(path)}, which has an empty part`;
  if (!ROOTS.includes(root)) {
    const near = nearest(root, ROOTS);
    const instead = near === null ? `data.${path}` : [near, ...names.slice(1)].join(".");
    return `has the path ${JSON.stringify(path)}, which no event has; did you mean ${JSON.stringify(instead)}?`;
  }
  if (["string", "number", "boolean"].includes(typeof value)) return null;
  return `has no text for ${JSON.stringify(path)}; write a glob, for instance "acceptEdits"`;
}
