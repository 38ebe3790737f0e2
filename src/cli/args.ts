// A command's words: node:util's parser, with our errors.
import { type ParseArgsConfig, parseArgs } from "node:util";
import { EXIT, messageOf, OffhookError } from "../errors.ts";

type Options = NonNullable<ParseArgsConfig["options"]>;

/** Parses the words after the command's name. Unknown options and missing values are usage errors (64). */
export function parse<const O extends Options>(command: string, argv: string[], options: O) {
  try {
    return parseArgs({ args: argv, options, allowPositionals: true, strict: true });
  } catch (error) {
    // parseArgs explains how to pass a positional that begins with a dash; the first sentence is what people need.
    const message = messageOf(error).split(". ")[0];
    throw new OffhookError(EXIT.usage, `${command}: ${message}`, `offhook ${command} --help`);
  }
}

/** Refuses words that a command takes no notice of. */
export function noMoreThan(command: string, words: readonly string[], count: number): void {
  const extra = words[count];
  if (extra === undefined) return;
  throw new OffhookError(EXIT.usage, `${command}: unexpected "${extra}"`, `offhook ${command} --help`);
}

/** A whole number of at least 1, or null where the option was not given. */
export function countOption(command: string, name: string, value: string | undefined): number | null {
  if (value === undefined) return null;
  const count = Number(value);
  if (Number.isSafeInteger(count) && count >= 1) return count;
  throw new OffhookError(
    EXIT.usage,
    `${command}: --${name} takes a whole number from 1, not "${value}"`,
    `offhook ${command} --help`,
  );
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A length of time as `30s`, `10m`, `2h`, `7d`, in ms; null where the option was not given. */
export function ageOption(command: string, name: string, value: string | undefined): number | null {
  if (value === undefined) return null;
  const [, digits = "", unit = ""] = /^(\d{1,6})(ms|s|m|h|d)$/.exec(value) ?? [];
  const unitMs = UNIT_MS[unit];
  if (unitMs !== undefined) return Number(digits) * unitMs;
  throw new OffhookError(
    EXIT.usage,
    `${command}: --${name} takes a whole number and a unit (30s, 10m, 2h, 7d), not "${value}"`,
    `offhook ${command} --help`,
  );
}

/** The one name that a command takes, and nothing else. `what` it names: "consumer". */
export function oneName(command: string, what: string, argv: string[]): string {
  const { positionals } = parse(command, argv, {});
  const [name] = positionals;
  if (name === undefined)
    throw new OffhookError(EXIT.usage, `${command}: name one ${what}`, `offhook ${command} --help`);
  noMoreThan(command, positionals, 1);
  return name;
}
