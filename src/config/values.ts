// The kinds of value that config files hold, each with the words for a wrong one. The words are predicates ("must be ..."):
// whoever prints them puts the key and its value in front.
import * as v from "valibot";
import { formatDuration, parseDuration } from "./duration.ts";
import { likelyRate, parseRate, type Rate } from "./rate.ts";
import { likelySize, parseSize } from "./size.ts";

// setTimeout counts to 2^31 - 1 ms (24.8 days); beyond that it fires at once.
export const LONGEST_MS = 24 * 86_400_000;

const LONGEST_AGE_MS = 36_500 * 86_400_000;

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

const CONSUMER_NAME = /^[a-z0-9-]+$/;
export const LONGEST_CONSUMER_NAME = 64;

/** Whether a text can be the name of a consumer. */
export function isConsumerName(name: string): boolean {
  return CONSUMER_NAME.test(name) && name.length <= LONGEST_CONSUMER_NAME;
}

/** The name of a consumer, whether there is one of that name or not. */
export const consumerName = v.pipe(
  v.string("must be a consumer's name in quotes"),
  v.check(isConsumerName, `must be a consumer's name: a-z, 0-9 and -, at most ${LONGEST_CONSUMER_NAME} of them`),
);

/** A table with these keys. A list is none, which v.object alone would let through. */
export function tableOf<T extends v.ObjectEntries>(entries: T, message: string) {
  return v.pipe(v.custom<Record<string, unknown>>(isTable, message), v.object(entries));
}

/** Whether a value of TOML is a table: not a list, and not a date, which Bun (1.4.5) gives as an object of Temporal. */
export function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

/** A check by a function that says what is wrong, or null. */
export function predicate(problemOf: (value: string) => string | null) {
  return v.rawCheck<string>(({ dataset, addIssue }) => {
    const what = dataset.typed ? problemOf(dataset.value) : null;
    if (what !== null) addIssue({ message: what });
  });
}

/** A duration, as milliseconds. */
export const duration = durationWithin({ minMs: 0, maxMs: LONGEST_MS, unit: "s", example: '"250ms" or "5m"' });

/** An age, as milliseconds: no timer waits for it, so it may be longer, and 0 would keep nothing. */
export const age = durationWithin({ minMs: 1, maxMs: LONGEST_AGE_MS, unit: "d", example: '"12h" or "7d"' });

/** A duration within bounds, both included, as milliseconds. `unit`: what a number without one most likely means. */
export function durationWithin(within: { minMs: number; maxMs: number; unit: string; example: string }) {
  const { minMs, maxMs, unit, example } = within;
  return v.pipe(
    v.string(
      ({ input }) =>
        `must be text with a unit, for instance "${Number.isInteger(input) ? String(input) : "60"}${unit}"`,
    ),
    v.rawTransform<string, number>(({ dataset, addIssue, NEVER }) => {
      const ms = parseDuration(dataset.value);
      if (ms === null)
        addIssue({ message: `must be a whole number and a unit (ms, s, m, h, d), for instance ${example}` });
      else if (ms > maxMs) addIssue({ message: `must be at most "${formatDuration(maxMs)}"` });
      else if (ms < minMs && minMs > 1) addIssue({ message: `must be at least "${formatDuration(minMs)}"` });
      else if (ms < minMs) addIssue({ message: 'must be more than nothing; to keep all, write for instance "3650d"' });
      else return ms;
      return NEVER;
    }),
  );
}

// Far below 2^53 bytes, so that sizes can be added up.
const LARGEST_BYTES = 100_000 * 2 ** 30;

/** A size, as bytes. */
export const size = v.pipe(
  v.string(({ input }) => sizeForm(String(input))),
  v.rawTransform<string, number>(({ dataset, addIssue, NEVER }) => {
    const bytes = parseSize(dataset.value);
    if (bytes === null) addIssue({ message: sizeForm(dataset.value) });
    else if (bytes > LARGEST_BYTES) addIssue({ message: 'must be at most "100000GiB"' });
    else if (bytes === 0)
      addIssue({ message: 'must be more than nothing; to keep all, write for instance "100000GiB"' });
    else return bytes;
    return NEVER;
  }),
);

function sizeForm(written: string): string {
  return `must be a whole number and a unit (B, KiB, MiB, GiB), for instance "${likelySize(written)}"`;
}

const MOST_OF_A_RATE = 1_000;

/** A rate; null is off. */
export const rate = v.pipe(
  v.string(({ input }) => rateForm(String(input))),
  v.rawTransform<string, Rate | null>(({ dataset, addIssue, NEVER }) => {
    const parsed = parseRate(dataset.value);
    if (parsed === null) addIssue({ message: rateForm(dataset.value) });
    else if (parsed.count > MOST_OF_A_RATE) {
      const most = `${MOST_OF_A_RATE}${dataset.value.slice(-2)}`;
      addIssue({ message: `must be at most ${MOST_OF_A_RATE} of a unit (s, m, h, d), for instance "${most}"` });
    } else return parsed.count === 0 ? null : parsed;
    return NEVER;
  }),
);

function rateForm(written: string): string {
  return `must be a whole number and a unit (s, m, h, d), for instance "${likelyRate(written)}"`;
}

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
