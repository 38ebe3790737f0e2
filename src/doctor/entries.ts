// What in a settings file's hooks Claude Code drops, takes for a reason to drop the whole file, or takes otherwise than it was meant;
// everybody's entries. Pure. The rules are those of Claude Code 2.1.329: an entry that is not well is dropped with a warning, but under
// PreToolUse and PermissionRequest, where it may be a guard, the whole file is not applied, permissions included.
import { isOurs } from "../claude/command.ts";
import { HOOK_EVENTS } from "../claude/hook-events.ts";

/**
 * `place`: as in the file, "hooks.PreToolUse[0].hooks[1]". `harm`: file: nothing of it is applied; entry: this one is not; meaning: it
 * runs, but not as it was meant. `isOurs`: it is a hook of offhook.
 */
export type EntryProblem = { place: string; text: string; harm: "file" | "entry" | "meaning"; isOurs: boolean };

const GUARDS = ["PreToolUse", "PermissionRequest"];
/** What an entry of each type must have, all texts. */
const NEEDED: Record<string, string[]> = {
  command: ["command"],
  http: ["url"],
  mcp_tool: ["server", "tool"],
  prompt: ["prompt"],
  agent: ["prompt"],
};
/** Nobody means so many seconds; the usual mistake is to count in ms. */
const LOOKS_LIKE_MS = 1000;

type Table = Record<string, unknown>;

/** Everything that is wrong with the hooks of a parsed settings file. */
export function entryProblems(tree: unknown): EntryProblem[] {
  if (!isTable(tree)) return [];
  const problems = Object.keys(tree)
    .filter((key) => GUARDS.includes(key))
    .map((key): EntryProblem => ({ place: key, text: `${key} belongs into "hooks"`, harm: "file", isOurs: false }));
  const { hooks } = tree;
  if (hooks === undefined) return problems;
  if (!isTable(hooks)) {
    const harm = holdsGuards(hooks) ? "file" : "entry";
    return [
      ...problems,
      { place: "hooks", text: "it must be an object: event name, then a list", harm, isOurs: false },
    ];
  }
  for (const [event, groups] of Object.entries(hooks)) {
    const isKnown = HOOK_EVENTS.some(({ name }) => name === event);
    problems.push(...(isKnown ? groupProblems(event, groups) : [unknownEvent(event)]));
  }
  return problems;
}

function holdsGuards(hooks: unknown): boolean {
  const text = JSON.stringify(hooks) ?? "";
  return GUARDS.some((name) => text.includes(name));
}

function unknownEvent(event: string): EntryProblem {
  const meant = HOOK_EVENTS.find(({ name }) => name.toLowerCase() === event.toLowerCase())?.name;
  const place = `hooks.${event}`;
  if (meant === undefined) return { place, text: "Claude Code has no such event", harm: "entry", isOurs: false };
  return {
    place,
    text: `the event is called ${meant}`,
    harm: GUARDS.includes(meant) ? "file" : "entry",
    isOurs: false,
  };
}

function groupProblems(event: string, groups: unknown): EntryProblem[] {
  const harm = GUARDS.includes(event) ? "file" : "entry";
  const place = `hooks.${event}`;
  if (!Array.isArray(groups)) return [{ place, text: "it must be a list of { matcher, hooks }", harm, isOurs: false }];
  return groups.flatMap((group: unknown, at) => {
    const here = `${place}[${at}]`;
    if (!isTable(group))
      return [{ place: here, text: "it must be an object { matcher, hooks }", harm, isOurs: false } as const];
    const problems: EntryProblem[] = [];
    if (group.matcher !== undefined && typeof group.matcher !== "string")
      problems.push({
        place: `${here}.matcher`,
        text: 'it must be one text, for instance "Write|Edit"',
        harm,
        isOurs: false,
      });
    if (!Array.isArray(group.hooks))
      problems.push({ place: here, text: '"hooks" with a list of commands is missing in it', harm, isOurs: false });
    else
      for (const [index, entry] of group.hooks.entries()) {
        const wrong = wrongWith(entry);
        const its = `${here}.hooks[${index}]`;
        if (wrong !== null) problems.push({ place: its, text: wrong, harm, isOurs: isOurs(entry) });
        else problems.push(...misunderstood(event, entry as Table, its));
      }
    return problems;
  });
}

/** Why Claude Code does not take an entry; null: it does. */
function wrongWith(entry: unknown): string | null {
  if (!isTable(entry)) return 'it must be an object { "type": "command", "command": ... }';
  const { type, timeout, args } = entry;
  if (type === undefined) return '"type" is missing';
  if (typeof type !== "string" || !Object.hasOwn(NEEDED, type)) return `Claude Code knows no type ${shown(type)}`;
  const missing = NEEDED[type]?.find((key) => typeof entry[key] !== "string");
  if (missing !== undefined) return `"${missing}" must be there, as a text`;
  if (timeout !== undefined && !(typeof timeout === "number" && timeout > 0))
    return `"timeout" must be a number of seconds above 0, not ${shown(timeout)}`;
  if (args !== undefined && !(Array.isArray(args) && args.every((word) => typeof word === "string")))
    return '"args" must be a list of texts';
  return null;
}

/** Others' values in short: what stands where a number or a name belongs may be anything. */
function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "";
  return typeof value === "object" || text.length > 40 ? "something else" : text;
}

function misunderstood(event: string, entry: Table, place: string): EntryProblem[] {
  const { timeout, if: rule } = entry;
  const problems: EntryProblem[] = [];
  const told = { place, harm: "meaning", isOurs: isOurs(entry) } as const;
  if (typeof timeout === "number" && timeout >= LOOKS_LIKE_MS)
    problems.push({ ...told, text: `its timeout of ${timeout} counts seconds, not milliseconds` });
  if (rule !== undefined && !HOOK_EVENTS.some(({ name, hasTool }) => name === event && hasTool))
    problems.push({ ...told, text: `with "if" it never runs: ${event} is about no tool` });
  return problems;
}

function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
