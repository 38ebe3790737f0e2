// What a merge must come to, worked out the plain way on parsed values, and whether all that was in a text is still in another:
// to be held against src/claude, which edits texts. Uses nothing of it but what says whose an entry is.
import { isOurs } from "../src/claude/command.ts";

type Table = Record<string, unknown>;

/** The value without anything of ours and without events and `hooks` in which nothing is, as JSON text (so the order of keys counts). */
export function foreignPart(text: string): string {
  const value = parsed(text);
  const { hooks } = value;
  if (!isTable(hooks)) return JSON.stringify(value);
  for (const [event, groups] of Object.entries(hooks)) {
    if (!Array.isArray(groups)) continue;
    const left = groups.flatMap(groupWithoutOurs);
    if (left.length === 0) delete hooks[event];
    else hooks[event] = left;
  }
  if (Object.keys(hooks).length === 0) delete value.hooks;
  return JSON.stringify(value);
}

function groupWithoutOurs(group: unknown): unknown[] {
  if (isOurs(group)) return [];
  const entries = isTable(group) ? group.hooks : null;
  if (!isTable(group) || !Array.isArray(entries) || !entries.some(isOurs)) return [group];
  const others = entries.filter((entry) => !isOurs(entry));
  const isPlain = Object.keys(group).every((key) => ["matcher", "hooks"].includes(key));
  return others.length === 0 && isPlain ? [] : [{ ...group, hooks: others }];
}

/** The entries of ours: event, matcher ("*" and "" are null) and the entry. */
export function ownPart(text: string): { event: string; matcher: unknown; entry: unknown }[] {
  const { hooks } = parsed(text);
  if (!isTable(hooks)) return [];
  return Object.entries(hooks).flatMap(([event, groups]) =>
    (Array.isArray(groups) ? groups : []).flatMap((group) => {
      const entries = isTable(group) && Array.isArray(group.hooks) ? group.hooks : [];
      const matcher = isTable(group) && group.matcher !== "*" && group.matcher !== "" ? (group.matcher ?? null) : null;
      return entries.filter(isOurs).map((entry) => ({ event, matcher, entry }));
    }),
  );
}

/** A text that has nothing of ours, with these groups put at the end of their events, as JSON text. */
export function withGroups(text: string | null, groups: readonly { event: string; group: unknown }[]): string {
  const value = parsed(text ?? "");
  if (groups.length === 0) return JSON.stringify(value);
  value.hooks ??= {};
  for (const { event, group } of groups) {
    const hooks = value.hooks as Record<string, unknown[]>;
    hooks[event] = [...(hooks[event] ?? []), group];
  }
  return JSON.stringify(value);
}

/** The parts of `before` that `after` has lost, of its texts, numbers, words and brackets in order, each with the white space before it; brackets and commas may get other white space, and with `anySpace` all may. */
export function lost(before: string, after: string, anySpace = false): string[] {
  const left = tokens(after);
  let at = 0;
  return tokens(before).flatMap(({ space, token }) => {
    const isMark = anySpace || /^[}\],]?$/.test(token);
    const found = left.findIndex((one, index) => index >= at && one.token === token && (isMark || one.space === space));
    if (found < 0) return [space + token];
    at = found + 1;
    return [];
  });
}

/** How long the common beginning and the common end of two texts are, in sum. */
export function sameAround(before: string, after: string): number {
  let start = 0;
  while (start < before.length && before[start] === after[start]) start++;
  let end = 0;
  while (end < before.length - start && before.at(-1 - end) === after.at(-1 - end)) end++;
  return start + end;
}

function tokens(text: string): { space: string; token: string }[] {
  return [...text.matchAll(/(\s*)("(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+|$)/g)].map(
    ([, space = "", token = ""]) => ({
      space: token === "" ? "" : space,
      token,
    }),
  );
}

function parsed(text: string): Table {
  const body = text.replace(/^\uFEFF/, "");
  return body.trim() === "" ? {} : (JSON.parse(body) as Table);
}

function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
