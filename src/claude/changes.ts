// What a merge changes, told event by event for the person who is asked. Pure.
import { isEverything } from "./matcher.ts";
import { matcherOf, type OwnEntry, ownEntries } from "./own-entries.ts";
import { plainValue, type SettingsTree } from "./settings-text.ts";

/** `matcher` null: all. `was`: for what is updated, what stood there ("timeout 5000, command /old/offhook"). */
export type Change = {
  kind: "added" | "updated" | "removed" | "kept";
  event: string;
  matcher: string | null;
  was: string | null;
};

/** What became of our entries, in the order of the later text, then what went. */
export function changesBetween(before: SettingsTree, after: SettingsTree): Change[] {
  const old = Map.groupBy(
    ownEntries(before).map((entry) => told(entry, before.body)),
    ({ event }) => event,
  );
  const now = Map.groupBy(
    ownEntries(after).map((entry) => told(entry, after.body)),
    ({ event }) => event,
  );
  const present = [...now].map(([event, entries]): Change => {
    const [entry] = entries;
    const matcher = entry?.matcher ?? null;
    const had = old.get(event);
    if (had === undefined) return { kind: "added", event, matcher, was: null };
    const was = difference(had, entries);
    return { kind: was === null ? "kept" : "updated", event, matcher, was };
  });
  const gone = [...old].filter(([event]) => !now.has(event));
  return [
    ...present,
    ...gone.map(([event, [entry]]): Change => ({ kind: "removed", event, matcher: entry?.matcher ?? null, was: null })),
  ];
}

type Told = { event: string; matcher: string | null; isMisplaced: boolean; fields: Record<string, unknown> };

function told({ event, group, node }: OwnEntry, body: string): Told {
  const matcher = matcherOf(group);
  const fields = plainValue(body, node) as Record<string, unknown>;
  return { event, matcher: isEverything(matcher) ? null : matcher, isMisplaced: group === null, fields };
}

function difference(old: readonly Told[], now: readonly Told[]): string | null {
  const [was] = old;
  const [is] = now;
  if (was === undefined || is === undefined) return null;
  const parts: string[] = [];
  if (old.length !== now.length) parts.push(`${old.length} entries`);
  if (was.isMisplaced) parts.push("not in a group");
  if (was.matcher !== is.matcher) parts.push(was.matcher === null ? "no matcher" : `matcher ${was.matcher}`);
  for (const key of new Set([...Object.keys(was.fields), ...Object.keys(is.fields)])) {
    const had = JSON.stringify(was.fields[key]);
    if (had !== JSON.stringify(is.fields[key])) parts.push(had === undefined ? `no ${key}` : `${key} ${had}`);
  }
  return parts.length === 0 ? null : parts.join(", ");
}
