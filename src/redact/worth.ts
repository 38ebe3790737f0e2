// Whether what stands behind a secret's name is worth taking out: by how sure the name is and by where the value stands. Pure.
import { type NameStrength, nameStrength } from "./names.ts";
import { isCode, isPlaceholder, looksRandom } from "./values.ts";

/**
 * Where a value stands. wide: it may hold spaces (a header, a variable in quotes, a member of the event's own JSON). quoted: in
 * quotes. loose: somewhere behind the name, in a list or a table. variable: NAME=value, --name value. line: name: value on a line of its own. tag: <name>value</name>. text: in the
 * middle of something. prose: behind "is", or in a call.
 */
export type Place = "wide" | "quoted" | "variable" | "line" | "tag" | "text" | "prose" | "loose";

const MIN_LENGTH = 4;

/** Whether a value is taken for a secret. */
export function isSecretValue(value: string, strength: NameStrength, place: Place): boolean {
  if (value.length < MIN_LENGTH || isPlaceholder(value) || isFilledIn(value)) return false;
  if (strength === "likely" && place !== "loose")
    return looksRandom(value) && (place === "wide" || place === "quoted" || !isCode(value));
  switch (place) {
    case "wide":
      return !isName(value);
    case "quoted":
      return !/\s/.test(value) && !isName(value);
    case "variable":
      return !/^[A-Za-z_][\w.]*[([]/.test(value) && !isName(value) && !/^[A-Z][A-Z_]*$/.test(value);
    case "tag":
      return !/\s/.test(value) && !isCode(value);
    case "line":
      return !isCode(value) && !isName(value);
    case "loose":
      return (
        value.length >= 10 &&
        looksRandom(value) &&
        /\d[A-Za-z]+\d/.test(value) &&
        !/[|=]./.test(value) &&
        !isCode(value)
      );
    case "text":
    case "prose":
      return (
        value.length >= 6 && /\d|[^\w.-]/.test(value) && /[A-Za-z\d]/.test(value) && !isCode(value) && !isName(value)
      );
    default:
      return place satisfies never;
  }
}

/** Whether a program will put the value together. */
function isFilledIn(value: string): boolean {
  return /\$\{|\{\{|#\{|%[sdv](?![A-Za-z0-9])|%\(|\$\(/.test(value);
}

/** Whether a value only names where the secret is: "user_password", "auth.login.label", a path. */
function isName(value: string): boolean {
  if (/^[A-Za-z_][A-Za-z_.-]*$/.test(value) && nameStrength(value) !== null) return true;
  return (
    /^[a-zA-Z]+(?:[.:][a-zA-Z_-]+)+$/.test(value) || /^(?:\.{0,2}\/|~\/|https?:\/\/|file:)[\w./:@%?=&#~-]*$/.test(value)
  );
}
