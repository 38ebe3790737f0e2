// Takes secrets out of texts that leave this machine: known values, known forms, what a name calls a secret, and the user's own
// patterns. JSON stays JSON, with its numbers as they were written. Pure. It finds what it knows; it does not promise more.
import { cleanLook } from "./clean.ts";
import { findAddresses, findByMiddle, findJwts } from "./formats.ts";
import { redactJson } from "./json.ts";
import { knownFinder } from "./known.ts";
import { findOptions } from "./options.ts";
import { findPairs } from "./pairs.ts";
import { patternFinder } from "./pattern.ts";
import { findPrivateKeys } from "./private-keys.ts";
import { remembering } from "./remembering.ts";
import { type Finder, replaced, spansOf } from "./span.ts";
import { findTokens } from "./tokens.ts";

export type RedactOptions = {
  /** The user's regular expressions, as config.toml has them (`redact`). */
  patterns: readonly string[];
  /** Secrets by name, as knownSecrets makes them. */
  secretValues: Readonly<Record<string, string>>;
};

/** Of texts that come again and again: paths, sessions, names of tools. */
const LONGEST_REMEMBERED = 200;

/**
 * The text with "[redacted:KIND]" where secrets stood; the same text where there are none. Time grows with length alone. `form`: the
 * caller knows that it is JSON, and it need not be tried.
 */
export type Redact = (text: string, form?: "json") => string;

/** Makes the redaction of some options. Error (78): one of the patterns cannot be used, with the reason. */
export function makeRedact({ patterns, secretValues }: RedactOptions): Redact {
  const finders: readonly Finder[] = [
    knownFinder(secretValues),
    findPrivateKeys,
    findJwts,
    findTokens,
    findByMiddle,
    findAddresses,
    findOptions,
    findPairs,
    ...patterns.map((text, index) => patternFinder(text, `pattern-${index + 1}`)),
  ];
  const find = (text: string) => spansOf(text, finders);
  const redact = (text: string) => (isJson(text) ? redactJson(text, find) : replaced(text, find(text)));
  const remembered = remembering(redact, { most: 2_000, longest: LONGEST_REMEMBERED });
  // What the user's patterns find has no beginning that one could look for.
  const isClean = patterns.length === 0 ? cleanLook(secretValues) : () => false;
  return (text, form) => {
    if (isClean(text)) return text;
    return form === "json" && text.length > LONGEST_REMEMBERED ? redactJson(text, find) : remembered(text);
  };
}

/** Whether a text is a JSON object, list or string as a whole. */
function isJson(text: string): boolean {
  if (!/^\s*[{["]/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
