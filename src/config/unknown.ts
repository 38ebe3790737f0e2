// Keys that a config file may not have: mistyped ones, and those that are decided but not built yet.
import type { Finding } from "./finding.ts";
import { nearest } from "./nearest.ts";
import type { TomlTable } from "./toml.ts";

/** A key that is not built yet, or only not with this value. */
export type NotYet = { key: string; value?: string };

/** What a table holds beyond its keys. `keys` is by table: "" is the top, others are tables within it. */
export function unknownKeys(
  table: TomlTable,
  keys: Readonly<Record<string, readonly string[]>>,
  notYet: readonly NotYet[],
): Finding[] {
  return Object.entries(table).flatMap(([key, value]): Finding[] => {
    const later = notYet.find((entry) => entry.key === key && (entry.value === undefined || entry.value === value));
    if (later !== undefined) return [notBuilt(later)];
    if (!(keys[""] ?? []).includes(key)) return [unknownKey([key], keys[""] ?? [])];
    const inner = Object.hasOwn(keys, key) ? (keys[key] ?? []) : null;
    if (inner === null || typeof value !== "object" || value === null || Array.isArray(value)) return [];
    return Object.keys(value).flatMap((name) => (inner.includes(name) ? [] : [unknownKey([key, name], inner)]));
  });
}

function notBuilt({ key, value }: NotYet): Finding {
  const what = value === undefined ? key : `${key} = ${JSON.stringify(value)}`;
  return { path: [key], text: `${what} is not yet there in this version; leave it out for now` };
}

function unknownKey(path: readonly string[], known: readonly string[]): Finding {
  const near = nearest(path.at(-1) ?? "", known);
  const prefix = path
    .slice(0, -1)
    .map((name) => `${name}.`)
    .join("");
  const instead = near === null ? `the keys are ${known.join(", ")}` : `did you mean ${JSON.stringify(prefix + near)}?`;
  return { path, text: `unknown key ${JSON.stringify(path.join("."))}; ${instead}` };
}
