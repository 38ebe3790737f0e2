// Whether a text surely holds nothing that redaction would find: one look at each character instead of a search for each kind. Most
// events are such texts. It may be wrong in one direction only: what it calls clean is what redact.ts gives back unchanged. Pure.
//
// 1. Each kind of secret has a beginning, or something in its middle, of two or three characters: three at a time are looked up in a
//    table. What is found there is looked at more closely, but never more strictly than by the finder itself.
// 2. JSON is looked at as it is written. Between that and what its strings say are escapes: \u and \/ are given up on; the others
//    stand for characters that belong to no token, and end names and forms like the letters and marks that write them; so they end
//    addresses, but for \b.
// 3. Names of members are looked at as a whole, because they may hold spaces.
import { stringEnd } from "./json.ts";
import { knownForms, MIN_LENGTH as LEAST_KNOWN } from "./known.ts";
import { nameStrength } from "./names.ts";
import { HINTS, nameAround } from "./pairs.ts";
import { endOf, TOKEN_HEADS, tokenAt } from "./tokens.ts";

const TOKEN = 1;
const NAME = 2;
const MARK = 4;
const KNOWN = 8;
const OPTION = 16;

/** What stands where one of these heads ends, `back` characters further on, for it to be one; never stricter than its finder. */
const MARKS: readonly { heads: readonly string[]; back: number; form: RegExp }[] = [
  { heads: ["--B", "--E"], back: 5, form: /-----(?:BEGIN|END)/y },
  { heads: ["eyJ"], back: 2, form: /eyJ[\w-]{9}/y },
  // Of all escapes only \b stands for what may be in an address: neither white space nor a quote.
  { heads: ["://"], back: 2, form: /:\/\/(?:[^\s"'<>`\\/?#@]{0,1000}|[^\s"'<>`\\@]{0,300})(?:@|\\b)/y },
  { heads: [":AA"], back: 2, form: /:AA[\w-]{32}/y },
  { heads: ["-us"], back: 2, form: /-us\d/y },
  { heads: inAnyCase("ide"), back: 2, form: /identified(?:\s|\\[nrtf]){1,10}(?:with|by)/iy },
];
/** What is known by a single character. */
const BACKSLASH = 0x5c;
const SMALL_U = 0x75;
const SLASH = 0x2f;
const DOT = 0x2e;
const DISCORD = /\.[\w-]{6}\.[\w-]{27}/y;
const TILDE = 0x7e;
const AZURE = /~[\w~.-]{31}/y;
const DASH = 0x2d;
/** Beside -u and -U, and --cookie, which is a name; and the commands behind which alone they count (options.ts). */
const OPTIONS = [" -p", " -a", " -b"];
const LARGE_U = 0x55;
const LARGE_Q = 0x51;
const COMMANDS = /curl|wget|http|xh|mysql|mariadb|sshpass|mongo|login|redis-cli|valkey-cli/;

const HINT = new RegExp(HINTS, "iy");
/** What else a member's name may end with that is a secret's, as a word of its own: no small letter follows (names.ts). */
const WORDS = ["sig", "sas", "pat", "otp", "pin", "bearer", "webhook", "connection"];
const WORD = new RegExp(`(?:${WORDS.map(anyCase).join("|")})(?![a-z\\d])`, "y");
/** As it is written; an escape takes two characters, and what has more than 100 is no name. */
const MAX_KEY = 200;
/** What .netrc has before a value, whatever the name says that ends with it (options.ts). */
const NETRC = /password(?:[ \t]|\\t)/y;
const COLON = /[ \t\r\n]*:/y;
/** Its small letter is k. */
const KELVIN = "\u212a";

const SLOTS = slots();

/** Makes that look, for what this process knows of secrets. */
export function cleanLook(secretValues: Readonly<Record<string, string>>): (text: string) => boolean {
  const forms = [...knownForms(secretValues).keys()];
  if (forms.some(isOverSeam)) return () => false;
  const table = forms.length === 0 ? SLOTS : SLOTS.slice();
  const known = new Map<number, string[]>();
  for (const form of forms) {
    for (const written of new Set([form, JSON.stringify(form).slice(1, -1)])) {
      const slot = slotOf(written);
      table[slot] = (table[slot] ?? 0) | KNOWN;
      known.set(slot, [...(known.get(slot) ?? []), written]);
    }
  }

  const isFound = (text: string, at: number, slot: number) => {
    const kinds = table[slot] ?? 0;
    if ((kinds & KNOWN) !== 0 && known.get(slot)?.some((form) => text.startsWith(form, at)) === true) return true;
    return isFoundAt(text, at, kinds);
  };
  return (text) => isCleanBy(table, text, isFound) && !text.includes(KELVIN);
}

/** Whether what stands between two texts of a JSON value (seam.ts) may belong to a form. Its trimmed self is one too, if it is long enough. */
function isOverSeam(form: string): boolean {
  return form.includes("\uffff") || form.trim().length < LEAST_KNOWN;
}

function isCleanBy(
  table: Uint8Array,
  text: string,
  isFound: (text: string, at: number, slot: number) => boolean,
): boolean {
  const length = text.length;
  let slot = 0;
  let before = 0;
  let dot = -8;
  let hasOption = false;
  for (let at = 0; at < length; at++) {
    const code = text.charCodeAt(at);
    slot = ((slot << 6) ^ code) & 0x3ffff;
    const kinds = table[slot] ?? 0;
    if (kinds !== 0) {
      if (isFound(text, at - 2, slot)) return false;
      // Where others have the same place in the table: "amp" of every example.
      hasOption ||= (kinds & OPTION) !== 0 && before === DASH;
    }
    if (before === BACKSLASH) {
      if (code === SMALL_U || code === SLASH) return false;
    } else if (before === DASH) hasOption ||= code === SMALL_U || code === LARGE_U;
    if (code === DOT) {
      if (at - dot === 7 && endOf(DISCORD, text, dot) > at) return false;
      dot = at;
    } else if (code === TILDE && before === LARGE_Q && endOf(AZURE, text, at) > at) return false;
    before = code;
  }
  return !(hasOption && COMMANDS.test(text));
}

function isFoundAt(text: string, at: number, kinds: number): boolean {
  if (at < 0) return false;
  if ((kinds & TOKEN) !== 0 && tokenAt(text, at) !== null) return true;
  if ((kinds & NAME) !== 0 && isSecretNameAt(text, at)) return true;
  if ((kinds & MARK) === 0) return false;
  for (const { back, form } of MARKS) {
    form.lastIndex = at + 2 - back;
    if (form.lastIndex >= 0 && form.test(text)) return true;
  }
  return false;
}

/** Whether a name around this place, or a member's whole name, calls its value a secret. */
function isSecretNameAt(text: string, at: number): boolean {
  const end = endOf(HINT, text, at);
  if (end > at && (nameStrength(nameAround(text, at, end)) !== null || endOf(NETRC, text, at) > at)) return true;
  return (end > at || endOf(WORD, text, at) > at) && isSecretKeyAround(text, at);
}

function isSecretKeyAround(text: string, at: number): boolean {
  let start = at - 1;
  const least = Math.max(1, at - MAX_KEY);
  while (start >= least && (text.charCodeAt(start) !== 0x22 || text.charCodeAt(start - 1) === 0x5c)) start--;
  // Before a name stands what begins a member, and nothing else.
  if (start < least || !/[{,\s]/.test(text.charAt(start - 1))) return false;
  const end = stringEnd(text, start);
  if (end - start > MAX_KEY + 2 || endOf(COLON, text, end) === end) return false;
  const key = text.slice(start + 1, end - 1);
  return key.includes("\\") || nameStrength(key) !== null;
}

function slots(): Uint8Array {
  const table = new Uint8Array(1 << 18);
  const add = (heads: readonly string[], kind: number) => {
    for (const head of heads) table[slotOf(head)] = (table[slotOf(head)] ?? 0) | kind;
  };
  add(TOKEN_HEADS, TOKEN);
  const hints = HINTS.source.split("|");
  for (const word of [...hints, ...WORDS]) add(inAnyCase(word.slice(0, 3)), NAME);
  for (const { heads } of MARKS) add(heads, MARK);
  add(OPTIONS, OPTION);
  return table;
}

/** The place in the table of the first three characters; of the first of them the last six bits count. */
function slotOf(head: string): number {
  return ((head.charCodeAt(0) << 12) ^ (head.charCodeAt(1) << 6) ^ head.charCodeAt(2)) & 0x3ffff;
}

function inAnyCase(head: string): string[] {
  return [...head].reduce(
    (made: string[], letter) => made.flatMap((start) => [start + letter, start + letter.toUpperCase()]),
    [""],
  );
}

function anyCase(word: string): string {
  return [...word].map((letter) => `[${letter}${letter.toUpperCase()}]`).join("");
}
