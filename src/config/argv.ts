// `run`: a command as a list of words, started without a shell.
import * as v from "valibot";
import { runProblems } from "./placeholders.ts";

/** The argv of a consumer, as it was written. */
export const argv = v.pipe(
  v.array(
    v.string("must be a text in quotes, like every argument"),
    'must be a list of words, for instance ["ruff", "check", "--", "{file}"]; a line for the shell goes into shell',
  ),
  v.nonEmpty('must name a command, for instance ["ruff", "check", "--", "{file}"]'),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed || dataset.value.length === 0) return;
    const input = dataset.value;
    const first = commandProblem(input[0] ?? "");
    for (const [key, message] of first === null ? runProblems(input) : [[0, first] as const]) {
      addIssue({
        message,
        input: input[key],
        path: [{ type: "array", origin: "value", input, key, value: input[key] }],
      });
    }
  }),
);

function commandProblem(command: string): string | null {
  if (command.trim() === "") return "must be a command";
  if (command.includes("/") || !/\s/.test(command)) return null;
  return `must be the command alone; write each word by itself: ${JSON.stringify(command.trim().split(/\s+/))}`;
}

/** The same argv with `~/` at the start of an argument made the user's home, which no shell does here. */
export function expandHome(words: readonly string[], userHome: string): string[] {
  return words.map((word) => (word === "~" || word.startsWith("~/") ? userHome + word.slice(1) : word));
}

/** Whether a command is a path that starts in the project: what a repository brings would run. */
export function isRelativePath(command: string): boolean {
  return command.includes("/") && !command.startsWith("/") && !command.startsWith("~/");
}
