// The kinds of value that config files hold, each with the words for a wrong one. The words are predicates ("must be ..."):
// whoever prints them puts the key and its value in front.
import * as v from "valibot";
import { parseDuration } from "./duration.ts";

// setTimeout counts to 2^31 - 1 ms (24.8 days); beyond that it fires at once.
const LONGEST_MS = 24 * 86_400_000;

/** Text with something in it. */
export const text = v.pipe(v.string("must be a text in quotes"), v.nonEmpty("must not be empty"));

export const flag = v.boolean("must be true or false, without quotes");

/** One of a few words. */
export function oneOf<const T extends readonly string[]>(values: T) {
  return v.picklist(values, `must be one of ${values.map((value) => JSON.stringify(value)).join(", ")}`);
}

/** A whole number within bounds, both included. */
export function whole(min: number, max: number) {
  const message = `must be a whole number from ${min} to ${max}`;
  return v.pipe(v.number(message), v.integer(message), v.minValue(min, message), v.maxValue(max, message));
}

/** A list that holds something; `example` is what to write. */
export function listOf<T extends v.GenericSchema<unknown, string>>(item: T, example: string) {
  const message = `must be a list, for instance ${example}`;
  return v.pipe(v.array(item, message), v.nonEmpty(`must not be empty, for instance ${example}`));
}

/** A check by a function that says what is wrong, or null. */
export function predicate(problemOf: (value: string) => string | null) {
  return v.rawCheck<string>(({ dataset, addIssue }) => {
    const what = dataset.typed ? problemOf(dataset.value) : null;
    if (what !== null) addIssue({ message: what });
  });
}

/** A duration, as milliseconds. */
export const duration = v.pipe(
  v.string(
    ({ input }) => `must be text with a unit, for instance "${Number.isInteger(input) ? String(input) : "60"}s"`,
  ),
  v.rawTransform<string, number>(({ dataset, addIssue, NEVER }) => {
    const ms = parseDuration(dataset.value);
    if (ms !== null && ms <= LONGEST_MS) return ms;
    const form = 'must be a whole number and a unit (ms, s, m, h, d), for instance "250ms" or "5m"';
    addIssue({ message: ms === null ? form : 'must be at most "24d"' });
    return NEVER;
  }),
);

export const typeGlob = v.pipe(
  text,
  v.regex(/^[^\s,|!]*$/, 'must be one event, for instance "PostToolUse"; several are a list, without "|", "," or "!"'),
);

export const toolGlob = v.pipe(
  text,
  v.regex(/^[^|,!]*$/, 'must be one tool; several are a list, ["Write", "Edit"], without "|", "," or "!"'),
  v.regex(/^[^()]*$/, 'must be a tool alone; for its input write where = { "data.tool_input.command" = "git *" }'),
);

export const fileGlob = v.pipe(
  text,
  v.regex(/^!?[^~]/, "is matched against the path inside the project, which has no ~; name the project with projects"),
  v.regex(/[^!/]/, "must name files"),
);

export const projectGlob = v.pipe(text, v.regex(/^(\/|~\/|~$)/, 'must be an absolute path or start with "~/"'));

export const findingsCode = v.pipe(
  whole(1, 255),
  v.check((code) => code !== 75, 'is refused: exit 75 always means "try again later"'),
  v.check((code) => code !== 100, 'is refused: exit 100 always means "give up: dead letter"'),
);
