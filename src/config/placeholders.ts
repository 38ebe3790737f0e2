// Placeholders: the words in braces that stand for something of the event. This file says which there are, where each may
// stand, and what is wrong with one; filling them in is the work of whoever runs the consumer. Pure.
//
//   in a run argument  {file} {files} {project} {session} {agent} {tool} {type} {id} {node}  each a whole argument
//   in a key           {file} {project} {session} {agent} {tool} {type} {node}               within text
//   in a webhook body  {file} {project} {session} {agent} {tool} {type} {id} {node}  within text, besides
//                     {time}, {consumer} (its name) and {count} (how many events)
//   in a shell line    none: event data comes by environment and stdin only
//
// {files} becomes as many arguments as the delivery has files. The whole event is always on stdin, so it has no word.
import { nearest } from "./nearest.ts";

export const KEY_PLACEHOLDERS = ["file", "project", "session", "agent", "tool", "type", "node"] as const;
export const RUN_PLACEHOLDERS = [...KEY_PLACEHOLDERS, "id", "files"] as const;
export const BODY_PLACEHOLDERS = [...KEY_PLACEHOLDERS, "id", "time", "consumer", "count"] as const;

export type KeyPlaceholder = (typeof KEY_PLACEHOLDERS)[number];
export type RunPlaceholder = (typeof RUN_PLACEHOLDERS)[number];
export type BodyPlaceholder = (typeof BODY_PLACEHOLDERS)[number];

const EVERY_PLACEHOLDER: readonly string[] = [...new Set([...RUN_PLACEHOLDERS, ...BODY_PLACEHOLDERS])];
const SHELL_VARIABLE: Readonly<Record<string, string>> = {
  file: '"$OFFHOOK_FILE"',
  project: '"$OFFHOOK_PROJECT"',
  session: '"$OFFHOOK_SESSION_ID"',
  id: '"$OFFHOOK_EVENT_ID"',
};

/** The flags after which a program takes code. A version at the end of its name (python3.13) is left out before the look. */
const CODE_FLAGS: readonly { programs: readonly string[]; flag: RegExp }[] = [
  {
    programs: ["sh", "bash", "dash", "zsh", "ksh", "ash", "fish", "csh", "tcsh", "su"],
    flag: /^(-[A-Za-z]*c|--command)$/,
  },
  { programs: ["python", "pypy"], flag: /^-[A-Za-z]*c$/ },
  { programs: ["node", "nodejs", "bun", "deno"], flag: /^(-e|-p|-pe|--eval|--print|eval)$/ },
  { programs: ["perl", "ruby", "lua", "osascript", "sed"], flag: /^(-[A-Za-z]*[eE]|--expression)$/ },
  { programs: ["php"], flag: /^(-[rBRE]|--run)$/ },
];

/** What is wrong with each argument of `run`, as [index, what]. */
export function runProblems(argv: readonly string[]): [index: number, what: string][] {
  const problems: [number, string][] = [];
  argv.forEach((argument, index) => {
    const what = argumentProblem(argv, argument, index);
    if (what !== null) problems.push([index, what]);
  });
  return problems;
}

function argumentProblem(argv: readonly string[], argument: string, index: number): string | null {
  if (argument.includes("\0")) return "must not hold a NUL";
  const word = wholeWord(argument);
  if (word === null) {
    const inside = wordsIn(argument).find((found) => EVERY_PLACEHOLDER.includes(found));
    return inside === undefined
      ? null
      : `has {${inside}} inside a longer text; write it as an argument of its own: "{${inside}}"`;
  }
  if (word === "event") return `is not known: the event is on the command's stdin`;
  if (!isOneOf(RUN_PLACEHOLDERS, word)) return `is not known; ${known(RUN_PLACEHOLDERS, word)}`;
  if (index === 0) return `must be a command: event data cannot choose what runs`;
  if (isCode(argv, index)) return `would be run as code by ${argv[0]}; give it as an argument after the code`;
  return null;
}

function isCode(argv: readonly string[], index: number): boolean {
  const names = argv.slice(0, index).map(programName);
  const before = argv[index - 1] ?? "";
  return CODE_FLAGS.some(({ programs, flag }) => flag.test(before) && names.some((name) => programs.includes(name)));
}

function programName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1).replace(/[\d.-]+$/, "");
}

/** What is wrong with a shell line; null when nothing. `${file}` is a variable of the shell and left alone. */
export function shellProblem(command: string): string | null {
  for (const [, dollar, word = ""] of command.matchAll(/(\$?)\{([a-z]+)\}/g)) {
    if (dollar !== "" || !EVERY_PLACEHOLDER.includes(word)) continue;
    const variable = SHELL_VARIABLE[word];
    const instead = variable === undefined ? "read the event from stdin, which is JSON" : `use ${variable}`;
    return `has {${word}}, and event data is never pasted into code; ${instead}`;
  }
  return null;
}

/** What is wrong with a key template; null when nothing. Text without a placeholder is one key for every event. */
export function keyProblem(template: string): string | null {
  if (isOneOf(KEY_PLACEHOLDERS, template)) return `is the same for every event; write "{${template}}"`;
  return textProblem(template, KEY_PLACEHOLDERS);
}

/** What is wrong with one text of a webhook's body; null when nothing. */
export function bodyProblem(text: string): string | null {
  return textProblem(text, BODY_PLACEHOLDERS);
}

/** Whether a text holds a placeholder of the body. */
export function hasPlaceholder(text: string): boolean {
  return wordsIn(text).some((word) => isOneOf(BODY_PLACEHOLDERS, word));
}

function textProblem(text: string, allowed: readonly string[]): string | null {
  const unknown = wordsIn(text).find((word) => !allowed.includes(word));
  return unknown === undefined ? null : `has {${unknown}}, which is not known here; ${known(allowed, unknown)}`;
}

function known(allowed: readonly string[], word: string): string {
  const near = nearest(word, allowed);
  const all = `known are ${allowed.map((name) => `{${name}}`).join(" ")}`;
  return near === null ? `${all} (to mean the text itself, write "{ ${word} }")` : `did you mean {${near}}? ${all}`;
}

/** The words in braces, lower case, of a text; `${word}` counts too: nothing here is a shell. */
function wordsIn(text: string): string[] {
  return [...text.matchAll(/\{([a-z_]+)\}/g)].map(([, word = ""]) => word);
}

function wholeWord(argument: string): string | null {
  return /^\{([A-Za-z_]+)\}$/.exec(argument)?.[1] ?? null;
}

function isOneOf(names: readonly string[], word: string): boolean {
  return names.includes(word);
}
