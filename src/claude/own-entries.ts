// Where in a settings file something of ours stands. Pure.
import { type OwnLine, ownLine } from "./command.ts";
import {
  elementsOf,
  keyOf,
  membersOf,
  plainValue,
  type SettingsNode,
  type SettingsTree,
  valueAt,
} from "./settings-text.ts";

/** One entry of ours: its event, its group (null: it stands where a group belongs, and does nothing) and what it says. */
export type OwnEntry = { event: string; group: SettingsNode | null; node: SettingsNode; line: OwnLine };

/** Every entry of ours, in the order of the file. */
export function ownEntries(tree: SettingsTree): OwnEntry[] {
  return entriesOf(tree).flatMap(({ line, ...entry }) => (line === null ? [] : [{ ...entry, line }]));
}

/** How many entries of others each event has. */
export function foreignEntries(tree: SettingsTree): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { event, line, group } of entriesOf(tree)) {
    if (line === null && group !== null) counts[event] = (counts[event] ?? 0) + 1;
  }
  return counts;
}

type Entry = Omit<OwnEntry, "line"> & { line: OwnLine | null };

function entriesOf({ body, root }: SettingsTree): Entry[] {
  return membersOf(valueAt(root, "hooks")).flatMap((property) => {
    const event = keyOf(property);
    return elementsOf(property.children?.[1] ?? null).flatMap((group): Entry[] => {
      const misplaced = ownLine(plainValue(body, group));
      if (misplaced !== null) return [{ event, group: null, node: group, line: misplaced }];
      return elementsOf(valueAt(group, "hooks")).map((node) => ({
        event,
        group,
        node,
        line: ownLine(plainValue(body, node)),
      }));
    });
  });
}

/** The matcher of a group; null: none, or none that is a text. */
export function matcherOf(group: SettingsNode | null): string | null {
  const matcher: unknown = valueAt(group, "matcher")?.value;
  return typeof matcher === "string" ? matcher : null;
}
