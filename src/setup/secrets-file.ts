// secrets.env of a home: one value added or replaced, everything else byte for byte as it was. No value is ever in an error.
import { readOwnFile } from "../config/own-file.ts";
import { pathsOf } from "../config/paths.ts";
import { isSecretName, parseSecrets } from "../config/secret-text.ts";
import { EXIT, OffhookError } from "../errors.ts";
import { writeOwnText } from "./own-text.ts";

const MAX_BYTES = 1024 * 1024;

/** The text of secrets.env; null: there is none. Error: it cannot be read or trusted (77). */
export function readSecretsText(home: string): string | null {
  const path = pathsOf(home).secrets;
  const file = readOwnFile(path, { secret: true });
  switch (file.kind) {
    case "ok":
      return file.text;
    case "absent":
      return null;
    case "refused":
      throw new OffhookError(EXIT.permission, `${path}: ${file.why}`);
    default:
      return file satisfies never;
  }
}

/** Start of a line, name, value and what follows it, as secret-text.ts reads it: quoted, or up to a comment. */
const ASSIGNMENT = /^(\uFEFF?\s*(?:export\s+)?([^=\s]+)\s*=\s*)(.*?)(\s*)$/s;
const QUOTED = /^(["'])(?:.*?)\1(\s*(?:#.*)?)$/s;
const BARE = /^(?!["']).*?(\s+#.*)?$/s;

/**
 * The text with one value added, or replaced where its name stands last (that one holds). Errors (64): no name of a secret, or a
 * value that secrets.env cannot hold: it has lines, so none over several, and not both kinds of quotes beside spaces or "#".
 */
export function withSecret(text: string, name: string, value: string): string {
  if (!isSecretName(name))
    throw new OffhookError(EXIT.usage, `${JSON.stringify(name)} is no name of a secret`, "use A-Z, 0-9 and _");
  if (value === "") throw new OffhookError(EXIT.usage, `the value of ${name} is empty`);
  if (/\p{Cc}/u.test(value) || !value.isWellFormed()) throw unkeepable(name);
  const before = parseSecrets(text);
  for (const written of [value, `"${value}"`, `'${value}'`]) {
    const changed = placed(text, name, written);
    const after = parseSecrets(changed);
    if (after.values[name] !== value || after.problems.length > before.problems.length) continue;
    const isAllElseThere = Object.entries(before.values).every(
      ([key, old]) => key === name || after.values[key] === old,
    );
    if (isAllElseThere) return changed;
  }
  throw unkeepable(name);
}

function unkeepable(name: string): OffhookError {
  return new OffhookError(
    EXIT.usage,
    `secrets.env cannot hold the value of ${name}, or not under that name; nothing was changed`,
    "a value is one line, and not with both kinds of quotes; names that begin with OFFHOOK_ or BUN_ are taken",
  );
}

function placed(text: string, name: string, written: string): string {
  const lines = text.split("\n");
  const at = lines.findLastIndex((line) => ASSIGNMENT.exec(line)?.[2] === name);
  if (at >= 0) {
    const [, start = "", , old = "", end = ""] = ASSIGNMENT.exec(lines[at] ?? "") ?? [];
    const comment = QUOTED.exec(old)?.[2] ?? BARE.exec(old)?.[1] ?? "";
    return lines.with(at, `${start}${written}${comment}${end}`).join("\n");
  }
  const newline = text.includes("\r\n") ? "\r\n" : "\n";
  const isOpenEnded = text !== "" && !text.endsWith("\n");
  return `${text}${isOpenEnded ? newline : ""}${name}=${written}${newline}`;
}

/**
 * Writes secrets.env: mode 0600, whole or not at all, to the file that a link of that name leads to. Errors: too large (78), it
 * cannot be written (77; 1 for a full disk), it reads back different (1).
 */
export function writeSecrets(home: string, text: string): void {
  if (Buffer.byteLength(text) > MAX_BYTES)
    throw new OffhookError(EXIT.config, "secrets.env would be larger than 1 MiB, and would not be read");
  const path = pathsOf(home).secrets;
  writeOwnText(path, text, { home, mode: 0o600 });
  if (readSecretsText(home) !== text)
    throw new OffhookError(EXIT.failed, `${path} was written, and does not read back as it was written`, "look at it");
}
