// Keeps secrets out of what is stored and shown: every value becomes its ${NAME} again. Pure.
import { formsOf } from "../redact/known.ts";

/** Shorter values are left alone: they would be found in every other word. */
const MIN_SECRET_LENGTH = 4;

/** Puts names in the place of secret values. */
export type Redactor = {
  whole(text: string): string;
  /** For a text that was cut off at its end: a secret cut in two goes too. */
  head(text: string): string;
  /** For a text whose beginning was cut off. */
  tail(text: string): string;
};

/** Makes the redactor of some secrets. It knows a value as it is and as URLs and JSON write it. */
export function makeRedactor(secrets: Readonly<Record<string, string>>): Redactor {
  const nameOf = new Map<string, string>();
  for (const [name, value] of Object.entries(secrets)) {
    for (const form of formsOf(value)) if (form.length >= MIN_SECRET_LENGTH) nameOf.set(form, `\${${name}}`);
  }
  const forms = [...nameOf.keys()].sort((a, b) => b.length - a.length);
  if (forms.length === 0) return { whole: same, head: same, tail: same };

  // One pass, longest first: what was put in is not looked at again.
  const pattern = new RegExp(forms.map((form) => form.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")).join("|"), "g");
  const whole = (text: string) => text.replace(pattern, (form) => nameOf.get(form) ?? "");
  return {
    whole,
    head(text) {
      const redacted = whole(text);
      for (const form of forms) {
        for (let at = Math.max(0, redacted.length - form.length + 1); at <= redacted.length - MIN_SECRET_LENGTH; at++) {
          if (form.startsWith(redacted.slice(at))) return redacted.slice(0, at) + nameOf.get(form);
        }
      }
      return redacted;
    },
    tail(text) {
      const redacted = whole(text);
      for (const form of forms) {
        for (let end = Math.min(form.length - 1, redacted.length); end >= MIN_SECRET_LENGTH; end--) {
          if (form.endsWith(redacted.slice(0, end))) return nameOf.get(form) + redacted.slice(end);
        }
      }
      return redacted;
    },
  };
}

function same(text: string): string {
  return text;
}
