// What is said before commands of the user's are run: which, where, how often, and which of them came with the project. Pure.
import type { UserHook } from "../claude/user-hooks.ts";
import { lineOf } from "./mine.ts";

/** Whose word is needed: the user's own hooks, and those that lie in the project, which whoever made it may have chosen. */
export type Split = { yours: UserHook[]; ofProject: UserHook[] };

/** `runs`: about how often each is timed; `sessions`: how many of Claude Code, and how many Writes each; null: none. */
export type Asking = {
  project: string;
  scratch: string;
  runs: number;
  sessions: { count: number; writes: number } | null;
};

/** Splits hooks by where they stand. local settings lie in the project too: that git ignores them cannot be relied upon. */
export function splitByTrust(hooks: readonly UserHook[]): Split {
  return {
    yours: hooks.filter(({ source }) => source === "user"),
    ofProject: hooks.filter(({ source }) => source !== "user"),
  };
}

/** What to say of the user's own; --yes may answer it. None: there is nothing to ask. */
export function yoursLines({ yours }: Split, asking: Asking): string[] {
  if (yours.length === 0) return [];
  return [
    "These hooks of your own settings would be run:",
    ...yours.map(hookLine),
    ...howLines(asking),
    "They may run what the project brings along (scripts of package.json, plugins of a linter): say no where you do not trust it.",
  ];
}

/** What to say of those in the project: a yes of its own is needed, --yes is not enough. None: there is nothing to ask. */
export function projectLines({ ofProject }: Split, asking: Asking): string[] {
  if (ofProject.length === 0) return [];
  return [
    `These hooks stand in ${visible(asking.project)} itself:`,
    ...ofProject.map(hookLine),
    "They may have come with the project: whoever wrote it chose these commands. Read them first.",
    ...howLines(asking),
  ];
}

/** What to say of those in the project where nobody has asked for them: what they are, and that they are left alone. */
export function leftAloneLines({ ofProject }: Split, project: string, how: string): string[] {
  if (ofProject.length === 0) return [];
  return [
    `These hooks stand in ${visible(project)} itself and are not run: that needs ${how}.`,
    ...ofProject.map(hookLine),
  ];
}

function howLines({ project, scratch, runs, sessions }: Asking): string[] {
  const often = [
    runs > 0 ? `about ${runs} times each` : null,
    sessions === null ? null : `at each of ${sessions.count * sessions.writes} Writes of Claude Code, offline`,
  ].filter((part) => part !== null);
  return [
    `How often: ${often.join(", and ")}.`,
    `Where: in a copy of ${visible(project)} below ${visible(scratch)}, which is removed afterwards, with a HOME there that is empty but for the scripts they name.`,
    "Not looked at: hooks of plugins and of your organisation.",
    "They run as you, with your PATH and your network: a command that names a place elsewhere writes there.",
  ];
}

/** Never cut: what is not shown cannot be agreed to. */
function hookLine(hook: UserHook): string {
  const { event, matcher, source, args } = hook;
  const where = source === "user" ? "" : `, .claude/settings${source === "local" ? ".local" : ""}.json`;
  const line =
    args === null ? hook.command : lineOf({ command: hook.command, args: args.map((arg) => JSON.stringify(arg)) });
  return `  ${event} ${visible(matcher ?? "*")}${where}: ${visible(line)}`;
}

/** Text of others as a terminal shows it and obeys nothing of it: control and format characters are spelled out. */
export function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`);
}
