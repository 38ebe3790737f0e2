// Our hooks into the text of a settings file, and out of it again. Pure. Texts are edited, never written anew: what is not ours
// keeps its bytes, its order and its style.
//
// Into, one edit after the other, the text read again in between: 1. taken out: what of ours nobody wants, what stands twice or
// in a place where it does nothing, or beside others under another matcher. 2. Put right in place: what of ours is not as it
// would be written today. 3. Added at the end, in groups of our own: what is missing.

import { EXIT, OffhookError } from "../errors.ts";
import { type Change, changesBetween } from "./changes.ts";
import { type Handler, type HookForm, handlerOf, isOurs } from "./command.ts";
import { adding, addingFirst, applied, type Edit, removing, replacing } from "./edit.ts";
import { isPlainGroup, leavingMany } from "./leaving.ts";
import { isEverything } from "./matcher.ts";
import { type OwnEntry, ownEntries } from "./own-entries.ts";
import {
  keyOf,
  LARGEST_SETTINGS_BYTES,
  membersOf,
  parseSettingsText,
  placeOf,
  plainValue,
  propertyAt,
  type SettingsNode,
  type SettingsTree,
  valueAt,
} from "./settings-text.ts";
import type { WantedHook } from "./wanted.ts";

/** Why a text was left alone. `where`: "hooks.Stop", or "" for the whole file. Line and column from 1. */
export type Refused = { kind: "refused"; line: number; column: number; where: string; message: string };

export type { Change };

export type Merged = { kind: "merged"; text: string; changes: Change[] } | Refused;

export type Without = { kind: "ok"; text: string; removed: OwnEntry["event"][] } | Refused;

const NEW_FILE = "{}\n";
/** Far more than 33 events with a handful of things to put right each. */
const MOST_ROUNDS = 1_000;

/**
 * The text with exactly these hooks of ours in it. `text` null: there is no file. `before`: what the file was before it ever had
 * any, where that is known: lists that stood there empty stay when a hook leaves them. Error: a binary of another name (78).
 */
export function merged(
  text: string | null,
  wanted: readonly WantedHook[],
  form: HookForm,
  before: string | null = null,
): Merged {
  if (!isOurs(handlerOf(form, 1))) {
    const binary = form.kind === "portable" ? "" : form.binary;
    throw new OffhookError(EXIT.config, `hooks that call ${binary} would not be known again`, "rename it to offhook");
  }
  const start = opened(text ?? NEW_FILE);
  if (start.kind === "refused") return start;
  const refused = shapeProblem(start.tree, wanted);
  if (refused !== null) return refused;
  const original = foreignRoot(before);
  const tree = edited(start.tree, (now) => nextEdits(now, wanted, form, original));
  if (Buffer.byteLength(tree.text) > LARGEST_SETTINGS_BYTES)
    return refusal(tree, null, "", "with our hooks it would be larger than 2 MiB, and Claude Code would not load it");
  // An empty file stays one where nothing is wanted.
  const isSame = tree === start.tree && text !== null;
  return { kind: "merged", text: isSame ? text : tree.text, changes: changesBetween(start.tree, tree) };
}

/** The text without any hook of ours, with the events they stood at. `before` as for merged. Groups, events and `hooks` itself go when nothing is left in them. */
export function without(text: string, before: string | null = null): Without {
  const start = opened(text);
  if (start.kind === "refused") return start;
  const removed = ownEntries(start.tree).map(({ event }) => event);
  if (removed.length === 0) return { kind: "ok", text, removed };
  const original = foreignRoot(before);
  const tree = edited(start.tree, (now) => leavingMany(ownEntries(now), original));
  const isBare = tree.root?.type === "object" && membersOf(tree.root).length === 0;
  return { kind: "ok", text: isBare && original?.root === null ? original.text : tree.text, removed };
}

type Opened = { kind: "ok"; tree: SettingsTree } | Refused;

function opened(text: string): Opened {
  const parsed = parseSettingsText(text);
  if (parsed.kind === "unreadable") {
    const { line, column, message } = parsed;
    return { kind: "refused", line, column, where: "", message };
  }
  const { tree } = parsed;
  if (tree.root === null) return opened(`${tree.mark}{}${tree.body === "" ? "\n" : tree.body}`);
  return { kind: "ok", tree };
}

/** Applies what `next` wants, until it wants nothing. Several edits at a time stand in different places. */
function edited(start: SettingsTree, next: (tree: SettingsTree) => Edit[]): SettingsTree {
  let tree = start;
  let roundsLeft = MOST_ROUNDS;
  for (let edits = next(tree); edits.length > 0; edits = next(tree)) {
    if (roundsLeft-- === 0) throw new Error("the edits come to no end");
    const parsed = parseSettingsText(tree.mark + applied(tree.body, edits));
    if (parsed.kind === "unreadable") throw new Error(`an edit made a text that does not parse: ${parsed.message}`);
    if (parsed.tree.text === tree.text) throw new Error("an edit changed nothing");
    tree = parsed.tree;
  }
  return tree;
}

/** Why hooks cannot be put into a text whose values have other kinds than Claude Code's; null when they can. */
function shapeProblem(tree: SettingsTree, wanted: readonly WantedHook[]): Refused | null {
  const { root } = tree;
  if (root !== null && root.type !== "object")
    return refusal(tree, root, "", `the file is ${nameOf(root)}, and settings are an object: { ... }`);
  const hooks = valueAt(root, "hooks");
  if (hooks === null) return null;
  if (hooks.type !== "object")
    return refusal(
      tree,
      hooks,
      "hooks",
      `"hooks" is ${nameOf(hooks)}, and Claude Code wants an object there, a key for each event`,
    );
  for (const property of membersOf(hooks)) {
    const event = keyOf(property);
    const list = property.children?.[1];
    if (list === undefined || list.type === "array" || !wanted.some((hook) => hook.event === event)) continue;
    return refusal(
      tree,
      list,
      `hooks.${event}`,
      `"hooks.${event}" is ${nameOf(list)}, and Claude Code wants a list there: [ ... ]`,
    );
  }
  return null;
}

function refusal({ body }: SettingsTree, node: SettingsNode | null, where: string, message: string): Refused {
  return { kind: "refused", ...placeOf(body, node?.offset ?? 0), where, message };
}

function nameOf({ type }: SettingsNode): string {
  return type === "array" || type === "object" ? `an ${type}` : type === "null" ? "null" : `a ${type}`;
}

/** The text before, itself without anything of ours: what an older version of us left in it is nobody's. */
function foreignRoot(before: string | null): SettingsTree | null {
  if (before === null) return null;
  const parsed = parseSettingsText(before);
  if (parsed.kind === "unreadable") return null;
  const { tree } = parsed;
  if (ownEntries(tree).length === 0) return tree;
  return edited(tree, (now) => leavingMany(ownEntries(now), null));
}

function nextEdits(
  tree: SettingsTree,
  wanted: readonly WantedHook[],
  form: HookForm,
  original: SettingsTree | null,
): Edit[] {
  const own = Map.groupBy(ownEntries(tree), ({ event }) => event);
  const stands = [...own].map(([event, entries]) => {
    const hook = wanted.find((one) => one.event === event);
    return { entries, hook, kept: hook === undefined ? null : keeper(entries, hook) };
  });
  const leaves = stands.flatMap(({ entries, kept }) => entries.filter((entry) => entry !== kept));
  if (leaves.length > 0) return leavingMany(leaves, original);
  for (const { hook, kept } of stands) {
    const edits = hook === undefined || kept === null ? [] : mending(tree.body, kept, hook, form);
    if (edits.length > 0) return edits;
  }
  const missing = wanted.filter(({ event }) => !own.has(event));
  return missing.length === 0 ? [] : [addingHooks(tree, missing, form)];
}

/** The entry that stays for a hook: where its matcher is right already, else one that is alone in its group. */
function keeper(entries: readonly OwnEntry[], hook: WantedHook): OwnEntry | null {
  return entries.find((entry) => hasMatcher(entry, hook)) ?? entries.find(isAlone) ?? null;
}

function hasMatcher({ group }: OwnEntry, hook: WantedHook): boolean {
  if (group === null) return false;
  const matcher: unknown = valueAt(group, "matcher")?.value ?? null;
  const isText = valueAt(group, "matcher") === null || typeof matcher === "string";
  return isText && (matcher === hook.matcher || (isEverything(matcher as string | null) && isEverything(hook.matcher)));
}

function isAlone({ group }: OwnEntry): boolean {
  return group !== null && valueAt(group, "hooks")?.children?.length === 1 && isPlainGroup(group);
}

/** What an entry of ours says; everything else in it is somebody's addition and stays. */
const SAID = ["type", "command", "args", "timeout"] as const;
/** What must not stand in it: it would run late, never, once, elsewhere, or block the agent. */
const UNWANTED = ["async", "asyncRewake", "if", "once", "onFailure", "shell"];

function mending(body: string, entry: OwnEntry, hook: WantedHook, form: HookForm): Edit[] {
  const { group, node, line } = entry;
  if (group !== null && !hasMatcher(entry, hook)) return [mendingMatcher(body, group, hook.matcher)];
  const unwanted = UNWANTED.map((key) => propertyAt(node, key)).find((property) => property !== null);
  if (unwanted !== undefined) return [removing(unwanted)];
  // All at once: half of it, and the entry would not be known as ours.
  const wanted: Handler = handlerOf(form, hook.timeoutS, line.words);
  return SAID.flatMap((key) => {
    const property = propertyAt(node, key);
    const present = property?.children?.[1];
    const value = wanted[key];
    if (value === undefined) return property === null ? [] : [removing(property)];
    if (present === undefined) return [adding(body, node, [{ key, value }])];
    return JSON.stringify(plainValue(body, present)) === JSON.stringify(value) ? [] : [replacing(body, present, value)];
  });
}

function mendingMatcher(body: string, group: SettingsNode, matcher: string | null): Edit {
  const property = propertyAt(group, "matcher");
  const present = property?.children?.[1];
  if (property === null || present === undefined) return addingFirst(body, group, { key: "matcher", value: matcher });
  return matcher === null ? removing(property) : replacing(body, present, matcher);
}

function addingHooks({ body, root }: SettingsTree, missing: readonly WantedHook[], form: HookForm): Edit {
  if (root === null) throw new Error("there is no object to add hooks to");
  const hooks = valueAt(root, "hooks");
  const listed = missing.find(({ event }) => valueAt(hooks, event) !== null);
  const list = listed === undefined ? null : valueAt(hooks, listed.event);
  if (listed !== undefined && list !== null) return adding(body, list, [{ key: null, value: groupOf(listed, form) }]);
  const events = missing.map((hook) => ({ key: hook.event, value: [groupOf(hook, form)] }));
  if (hooks !== null) return adding(body, hooks, events);
  return adding(body, root, [
    { key: "hooks", value: Object.fromEntries(events.map(({ key, value }) => [key, value])) },
  ]);
}

function groupOf({ matcher, timeoutS }: WantedHook, form: HookForm) {
  const hooks = [handlerOf(form, timeoutS)];
  return isEverything(matcher) ? { hooks } : { matcher, hooks };
}
