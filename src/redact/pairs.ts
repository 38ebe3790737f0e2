// Finds values behind names that call them secrets, in any text: NAME=value, name: value, "name": "value", headers, --name value,
// <name>value</name>, password is value. Pure.
//
// For each word that such a name may hold: the whole name around it; what joins it to a value; the value; whether it is one.
import { nameStrength } from "./names.ts";
import type { Finder } from "./span.ts";
import { endOf } from "./tokens.ts";
import { looksRandom } from "./values.ts";
import { isSecretValue, type Place } from "./worth.ts";

/** One of these is in each name that is looked at. */
export const HINTS = /pass|pwd|secret|token|key|auth|cred|jwt|cookie|signature|session|requirepass|connection_?string/;
const HINT = new RegExp(HINTS, "gi");
const NAME_BEFORE = /[A-Za-z0-9_.-]/;
const NAME_AFTER = /[A-Za-z0-9_-]{0,64}/y;
const MAX_NAME = 64;
/** How much of a value is looked at to judge it; what is longer goes on to where such a value ends. */
const MAX_VALUE = 512;

const TYPE = String.raw`(?::[ \t]*&?(?:'static[ \t]+)?[A-Za-z][\w.<>\[\]]{0,30}[ \t]*(?==[^=])|[ \t]+string[ \t]*(?==))?`;
const JOINED_BY = new RegExp(
  String.raw`(\\*["'\x60])?(?:\]|\?)?${TYPE}([ \t]*)(?::=|=>|[!=]==?|\?\?=|\|\|=|\?=|\+=|:|=)([ \t]*)(?:\\?\r?\n[ \t]*(?=["'\x60]))?`,
  "y",
);
/** - name: NAME, value: VALUE, as Kubernetes, compose files and XML write pairs. */
const JOINED_BY_VALUE =
  /\\*["']?,?[ \t]*(?:(?:\r?\n(?:\uffff\n)?|\\+n)[ \t]*(?:\d+→)?[+-]?[ \t]*)?\\*["']?\bvalue\\*["']?[ \t]*[:=][ \t]*/y;
/** What may stand before a name that begins its line: line numbers, marks of diffs and lists, words of shells and Dockerfiles. */
const FIRST =
  /(?:^|[\n\r]|\\+n)[ \t]*(?:\d+(?:→|\t|:|\|)[ \t]*)?(?:[-+>] ?)?[ \t]*(?:-[ \t]+)?(?:export[ \t]+|set[ \t]+|ENV[ \t]+|ARG[ \t]+|declare[ \t]+-\w+[ \t]+)?["'\\]*$/;
const JOINED_BY_TAG = />[ \t]*(?=[^\s<])/y;
const JOINED_BY_SPACE = /[ \t]+(?=\S)|\\*["'],[ \t]*(?=\\*["'])|\n\uffff\n(?=[^\n-])/y;
const JOINED_BY_IS = /[ \t]+is(?:[ \t]+|:[ \t]*)(?=\S)/y;
const JOINED_BY_CALL = /\([ \t]*(?=["'])/y;
const JOINED_BY_SQL = /[ \t]+(?=')/y;
/** A list, a table, a command: setProperty("name", "value"), name,value, | name | value |, set NAME --body value, name value. */
const JOINED_LOOSELY =
  /(?:\\*["'`])?(?:[ \t]*[,|][ \t]*|[ \t]+--[a-z-]{2,20}[ \t=]|\S?\[[\d;]{1,8}m[ \t]*[:=]?[ \t]*|[ \t]+)(?=\\*["'`]?[^\s,|"'`])/y;
const OPENING = /[fbruFBRU@$]{0,2}(\\*)(["'`])/y;
const BARE = /[^\s"'`<>\uffff]{1,256}/y;
/** What follows a variable in code, and no word of a password. */
const OPERATOR = /[ \t]+(?:[!=]==?|\?\??|\|\||&&|[+*<>%|&=]=?|(?:if|else|for|as|in|is|or|and|not|unless|of)\b)[ \t(]/y;
const MAX_BARE = 256;
const REST = /[^\s"'`<>\uffff]*/y;
const SCHEME =
  /(?:bearer|basic|token|digest|negotiate|ntlm|apikey|api-key|bot|ssws|hawk|oauth|key|aws4-hmac-sha256)[ \t]+(?=\S)/iy;

export const findPairs: Finder = (text, add) => {
  HINT.lastIndex = 0;
  for (let hint = HINT.exec(text); hint !== null; hint = HINT.exec(text)) {
    const nameEnd = endOf(NAME_AFTER, text, HINT.lastIndex);
    const start = nameStart(text, hint.index);
    HINT.lastIndex = Math.max(nameEnd, HINT.lastIndex);
    const name = text.slice(start, nameEnd);
    const join = joinAfter(text, start, nameEnd, name);
    if (join === null) continue;
    const strength = nameStrength(name);
    if (strength === null) continue;
    const value = valueAt(text, join, name, start);
    if (value === null) continue;
    const said = text.slice(value.start, value.end);
    // A header of cookies is one whatever they look like.
    const isCookies = join.isHeader && said.includes("=") && !/^[[{(]/.test(said);
    if (!isSecretValue(said, isCookies ? "sure" : strength, value.place)) continue;
    // name: a === b ? c : d
    if (value.place === "line" && !looksRandom(said) && endOf(OPERATOR, text, value.end) > value.end) continue;
    // A password of several words: name: one two three
    const isAlone = value.place === "line" && text.charAt(join.end - 1) === " " && text.charAt(value.end) === " ";
    const end = isAlone ? lineEnd(text, value.end) : value.end;
    const isCut = value.end - value.start >= MAX_BARE;
    HINT.lastIndex = Math.max(HINT.lastIndex, isCut ? endOf(REST, text, end) : end);
    add(value.start, Math.max(end, isCut ? HINT.lastIndex : 0), "named-secret");
  }
};

/** The name around a hint that stands from `at` to `end`. */
export function nameAround(text: string, at: number, end: number): string {
  return text.slice(nameStart(text, at), endOf(NAME_AFTER, text, end));
}

function nameStart(text: string, from: number): number {
  let start = from;
  while (start > 0 && from - start < MAX_NAME && NAME_BEFORE.test(text.charAt(start - 1))) start--;
  const before = text.charAt(start - 1);
  // \npassword in a text inside a text: the n is not the name's; nor is what colours a terminal's text (\x1b[32m).
  if (before === "\\" && /[nrtbfv]/.test(text.charAt(start))) return start + 1;
  return before === "[" ? start + (/^\d{1,3}m/.exec(text.slice(start, start + 4))?.[0].length ?? 0) : start;
}

type Join = { end: number; place: Place; isHeader: boolean; isNameQuoted: boolean; isCompared: boolean };

/** What joins a name to a value, and where the value begins; null: nothing does. */
function joinAfter(text: string, start: number, nameEnd: number, name: string): Join | null {
  const isHeader = /^(?:proxy-)?authorization$|^(?:set-)?cookie$/i.test(name);
  const join = (end: number, place: Place, isNameQuoted = false): Join => ({
    end,
    place,
    isHeader,
    isNameQuoted,
    isCompared: /[!=]=/.test(text.slice(nameEnd, end)),
  });
  JOINED_BY.lastIndex = nameEnd;
  const found = JOINED_BY.exec(text);
  if (found !== null) {
    const [whole, quote, before, after] = found;
    const isTight = before === "" && after === "";
    const isFirst = FIRST.test(text.slice(Math.max(0, start - 40), start));
    const isEnv = whole === "=" && isTight && /^[A-Z][A-Z0-9_]*$/.test(name);
    const isOption = name.startsWith("--") || name.startsWith("-D");
    // self.password = x is code; a.b.password=x is a line of properties; passwd:x is neither.
    const isLine = isFirst && !/^(?:self|this)\./.test(name) && (isTight ? !whole.endsWith(":") : !name.includes("."));
    const place: Place = isEnv || isOption ? "variable" : isLine && !isHeader ? "line" : "text";
    return join(nameEnd + whole.length, place, quote !== undefined);
  }
  const valueEnd = endOf(JOINED_BY_VALUE, text, nameEnd);
  if (valueEnd > nameEnd) return join(valueEnd, "variable");
  if (text.charAt(start - 1) === "<" && text.charAt(nameEnd) === ">") {
    const end = endOf(JOINED_BY_TAG, text, nameEnd);
    return end > nameEnd ? join(end, "tag") : null;
  }
  const isSpaced = name.startsWith("--") || /(?:^|\n)[ \t]*ENV[ \t]+$/.test(text.slice(Math.max(0, start - 20), start));
  const spaceEnd = isSpaced ? endOf(JOINED_BY_SPACE, text, nameEnd) : nameEnd;
  if (spaceEnd > nameEnd && !/^\\*["']?-/.test(text.slice(spaceEnd, spaceEnd + 4))) return join(spaceEnd, "variable");
  for (const one of [JOINED_BY_IS, JOINED_BY_CALL, JOINED_BY_SQL]) {
    const end = endOf(one, text, nameEnd);
    if (end > nameEnd) return join(end, one === JOINED_BY_SQL ? "quoted" : "prose");
  }
  const looseEnd = endOf(JOINED_LOOSELY, text, nameEnd);
  return looseEnd > nameEnd ? { ...join(looseEnd, "loose"), isHeader: false } : null;
}

type Value = { start: number; end: number; place: Place };

/** The value after a join; null: there is none. */
function valueAt(
  text: string,
  { end: from, place, isHeader, isNameQuoted, isCompared }: Join,
  name: string,
  start: number,
): Value | null {
  OPENING.lastIndex = from;
  const opening = OPENING.exec(text);
  if (opening !== null) {
    const [whole, slashes = "", quote = '"'] = opening;
    let valueStart = from + whole.length;
    const isTriple = text.startsWith(quote + quote, valueStart);
    if (isTriple) valueStart += 2;
    const end = closingOf(text, valueStart, slashes, quote, isTriple);
    const isWide = isHeader || (place === "variable" && /^[A-Z][A-Z0-9_]*$/.test(name)) || /phrase/i.test(name);
    const afterScheme = endOf(SCHEME, text, valueStart);
    const hasScheme = afterScheme > valueStart && afterScheme < end;
    const isUnsure = place === "prose" || place === "loose";
    return {
      start: hasScheme ? afterScheme : valueStart,
      end,
      place: isUnsure ? place : isWide || hasScheme ? "wide" : "quoted",
    };
  }
  const scheme = endOf(SCHEME, text, from);
  if (isHeader || (scheme > from && place !== "loose")) {
    // A quote that was opened before the name closes behind the value: -H "Authorization: Bearer x".
    const before = /(\\*)(["'`])$/.exec(text.slice(Math.max(0, start - 6), start));
    if (before !== null && !isNameQuoted)
      return { start: scheme, end: closingOf(text, scheme, before[1] ?? "", before[2] ?? '"', false), place: "wide" };
    const isWhole = /cookie|digest|aws4|hawk|oauth/i.test(text.slice(start, scheme));
    const end = isWhole ? lineEnd(text, scheme) : endOf(BARE, text, scheme);
    return end > scheme
      ? {
          start: scheme,
          end: trimmed(text, scheme, end),
          place: isWhole ? "wide" : isHeader && scheme > from ? "line" : place,
        }
      : null;
  }
  let end = endOf(BARE, text, from);
  // Compared with what has no quotes: another variable.
  if (end === from || isCompared) return null;
  // In the middle of a text other pairs may follow: a=1&b=2, a=1;b=2. In a text inside a text a line ends at \n.
  const isAlone = place === "line" || place === "variable";
  const stop = text.slice(from, end).search(isAlone ? /\\+[nrt"']/ : /[&;,]|\\+[nrt"']/);
  if (stop >= 0) end = from + stop;
  if (isAlone) return { start: from, end, place };
  return { start: from, end: place === "tag" ? end : trimmed(text, from, end), place };
}

/** Where a quoted text ends: before its quote with the same backslashes, or at the line's end. */
function closingOf(text: string, from: number, slashes: string, quote: string, isTriple: boolean): number {
  const limit = Math.min(text.length, from + MAX_VALUE);
  if (isTriple) {
    const close = text.slice(from, limit).indexOf(quote.repeat(3));
    return close < 0 ? lineEnd(text, from) : from + close;
  }
  for (let at = from; at < limit; at++) {
    const character = text.charAt(at);
    if (character === "\n" || character === "\uffff") return at;
    if (slashes !== "") {
      if (text.startsWith(slashes + quote, at) && text.charAt(at - 1) !== "\\") return at;
    } else if (character === "\\") at++;
    else if (character === quote) return at;
  }
  return limit;
}

function lineEnd(text: string, from: number): number {
  const end = text.slice(from, from + MAX_VALUE).search(/[\n\r\uffff]|\\+[nr"]/);
  return end < 0 ? Math.min(text.length, from + MAX_VALUE) : from + end;
}

/** Without the marks that end a sentence, a list or a call. */
function trimmed(text: string, start: number, end: number): number {
  let last = end;
  while (last > start + 1 && /[)\]},;.]/.test(text.charAt(last - 1))) last--;
  return last;
}
