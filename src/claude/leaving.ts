// Taking one entry of ours out of a settings text, with what only it held up. Pure.
import { type Edit, removing } from "./edit.ts";
import type { OwnEntry } from "./own-entries.ts";
import { keyOf, membersOf, type SettingsNode, type SettingsTree, valueAt } from "./settings-text.ts";

/** Takes an entry out, and with it its group, its event and `hooks`, where nothing else is in them and nothing stood there before. */
export function leaving(entry: OwnEntry, original: SettingsTree | null): Edit {
  const { node, group, event } = entry;
  if (group !== null && (hasOthers(node) || !isPlainGroup(group))) return removing(node);
  const inList = group ?? node;
  if (hasOthers(inList)) return removing(inList);
  const originalHooks = valueAt(original?.root ?? null, "hooks");
  const originalList = valueAt(originalHooks, event);
  if (original !== null && originalList !== null) return removing(inList, insideOf(original, originalList));
  const property = ownerOf(ownerOf(inList));
  if (hasOthers(property)) return removing(property);
  if (original !== null && originalHooks !== null) return removing(property, insideOf(original, originalHooks));
  const hooks = ownerOf(ownerOf(property));
  const originalRoot = original?.root ?? null;
  return removing(hooks, original === null || originalRoot === null ? "" : insideOf(original, originalRoot));
}

/** The edits that take out as many of these entries as can go at once, at least one: those behind which something stays. */
export function leavingMany(entries: readonly OwnEntry[], original: SettingsTree | null): Edit[] {
  const [first] = entries;
  if (first === undefined) return [];
  const several = entries.map((entry) => goingWith(entry, original)).filter((node) => node !== null && hasNext(node));
  return several.length > 1
    ? several.flatMap((node) => (node === null ? [] : removing(node)))
    : [leaving(first, original)];
}

/** What goes with an entry, where others stay beside that; null where nothing would. As `leaving` has it. */
function goingWith({ node, group, event }: OwnEntry, original: SettingsTree | null): SettingsNode | null {
  if (group !== null && (hasOthers(node) || !isPlainGroup(group))) return node;
  const inList = group ?? node;
  if (hasOthers(inList)) return inList;
  if (valueAt(valueAt(original?.root ?? null, "hooks"), event) !== null) return null;
  const property = ownerOf(ownerOf(inList));
  return hasOthers(property) ? property : null;
}

function hasNext(node: SettingsNode): boolean {
  return ownerOf(node).children?.at(-1) !== node;
}

function hasOthers(node: SettingsNode): boolean {
  return ownerOf(node).children?.length !== 1;
}

function ownerOf({ parent }: SettingsNode): SettingsNode {
  if (parent === undefined) throw new Error("an entry stands outside of everything");
  return parent;
}

/** What stood between the brackets of something that was empty. */
function insideOf({ body }: SettingsTree, { offset, length, children = [] }: SettingsNode): string {
  return children.length > 0 ? "" : body.slice(offset + 1, offset + length - 1);
}

/** Whether a group holds nothing but what we put in one: with other keys it is somebody else's, even when it is empty. */
export function isPlainGroup(group: SettingsNode): boolean {
  return membersOf(group).every((property) => ["matcher", "hooks"].includes(keyOf(property)));
}
