// Secrets whose value is known: those of secrets.env, and variables of the daemon's environment that are named like secrets. Pure.
import { isSecretName } from "./names.ts";
import type { Finder } from "./span.ts";

/** Shorter values are left alone: they would be found in every other word. */
export const MIN_LENGTH = 4;
/** Below this a value counts only as a word of its own. */
const SURE_LENGTH = 8;

/**
 * The secrets that this process knows, by name: all of secrets.env, and those variables of the environment whose name calls
 * them secrets and whose value is neither a path nor a short word.
 */
export function knownSecrets(
  secrets: Readonly<Record<string, string>>,
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const known: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) {
    if (value === undefined || value.length < SURE_LENGTH || /^[/~.]/.test(value) || !isSecretName(name)) continue;
    known[name] = value;
  }
  return { ...known, ...secrets };
}

/** A value as it is, and as URLs and JSON write it. */
export function formsOf(value: string): Set<string> {
  const text = value.toWellFormed();
  const trimmed = text.trim();
  return new Set([
    text,
    trimmed,
    encodeURI(trimmed),
    encodeURIComponent(trimmed),
    JSON.stringify(trimmed).slice(1, -1),
  ]);
}

/** All forms of known values that are looked for, base64 among them, each with its secret's name. */
export function knownForms(secrets: Readonly<Record<string, string>>): Map<string, string> {
  const forms = new Map<string, string>();
  for (const [name, value] of Object.entries(secrets)) {
    for (const form of formsOf(value)) if (form.length >= MIN_LENGTH) forms.set(form, name);
    if (value.length >= SURE_LENGTH) forms.set(Buffer.from(value).toString("base64").replace(/=+$/, ""), name);
  }
  return forms;
}

/** Finds known values in any of their forms; the kind is the secret's name. */
export function knownFinder(secrets: Readonly<Record<string, string>>): Finder {
  const forms = knownForms(secrets);
  return (text, add) => {
    for (const [form, name] of forms) {
      for (let at = text.indexOf(form); at >= 0; at = text.indexOf(form, at + form.length)) {
        const end = at + form.length;
        if (form.length >= SURE_LENGTH || !(isWord(text, at - 1) || isWord(text, end))) add(at, end, name);
      }
    }
  };
}

function isWord(text: string, at: number): boolean {
  return /\w/.test(text.charAt(at));
}
