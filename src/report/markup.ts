// HTML and SVG from text that others wrote: names and commands come from settings, so everything is escaped unless it is
// markup that was made here. Attributes are always in double quotes. Pure.

/** A piece of HTML or SVG, made by `html` only. */
export type Markup = { readonly markup: string };

type Piece = Markup | string | number | null | readonly Markup[];

const ESCAPES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** What has no shape of its own, or turns the direction of what follows it: shown by its number, so that no name can hide. */
const UNSEEN = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;
const NAMED: Record<string, string> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** A template whose values are escaped, for text and for attributes in double quotes; markup stays as it is, null is nothing. */
export function html(texts: TemplateStringsArray, ...values: Piece[]): Markup {
  return { markup: texts.map((text, index) => text + textOf(values[index] ?? null)).join("") };
}

function textOf(value: Piece): string {
  if (value === null) return "";
  if (typeof value === "number") return String(value);
  if (typeof value === "string") return visible(value).replace(/[&<>"']/g, (character) => ESCAPES[character] ?? "");
  return "markup" in value ? value.markup : value.map(({ markup }) => markup).join("");
}

/** Accents on one letter that are still shown: no language has more, and a font may draw them beside each other. */
const MARKS = /(\p{M}{6})\p{M}+/gu;

/** The text with control characters, lone surrogates and changes of direction written out ("\n", "\u{202e}"), few marks a letter. */
export function visible(text: string): string {
  return text.replace(MARKS, "$1…").replace(UNSEEN, (character) => {
    return NAMED[character] ?? `\\u{${character.codePointAt(0)?.toString(16)}}`;
  });
}

/** Text of somebody else's in a direction of its own: what is around it stays in place. */
export function named(text: string): Markup {
  return html`<bdi>${text}</bdi>`;
}

const CHARACTERS = new Intl.Segmenter("en", { granularity: "grapheme" });

/** At most so many characters as a reader counts them, an ellipsis in the place of the rest. */
export function shortened(text: string, most: number): string {
  // An accent for each letter is still one character for the reader, and much to draw: the length bounds it too.
  const first = [...CHARACTERS.segment(text.slice(0, most * 12))].map(({ segment }) => segment);
  if (first.length <= most && text.length <= most * 12) return text;
  return `${first.slice(0, most - 1).join("")}…`;
}

/** JSON that can stand in a script element of HTML, and means the same: "<" is never in it, nor "&" or a line separator. */
export function jsonForScript(value: unknown): Markup {
  const escaped = JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
  return { markup: escaped };
}
