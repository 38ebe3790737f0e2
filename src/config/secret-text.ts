// The text of secrets.env, NAME=value in lines, and which of the names a text uses. Pure; a value is never in a message.
import type { Problem } from "./toml.ts";

/** Values by name. */
export type SecretValues = Readonly<Record<string, string>>;

const NAME = /^[A-Z_][A-Z0-9_]*$/;
// What the daemon or the runtime says by these must not be said by a file.
const RESERVED = /^(OFFHOOK|BUN)_/;

/** The secrets of a file's text; of a name given twice the last one holds. Problems name the line, never a value. */
export function parseSecrets(text: string): { values: SecretValues; problems: Problem[] } {
  const values: Record<string, string> = {};
  const problems: Problem[] = [];
  text.split("\n").forEach((source, index) => {
    const line = source.replace(/^\uFEFF/, "").trim();
    if (line === "" || line.startsWith("#")) return;
    const [, name = "", rest = ""] = /^(?:export\s+)?([^=\s]+)\s*=\s*(.*)$/.exec(line) ?? [];
    const value = unquoted(rest);
    const problem = nameProblem(name);
    if (problem !== null) problems.push({ line: index + 1, text: problem });
    else if (value === null)
      problems.push({ line: index + 1, text: `what follows ${name}= has a quote that does not close` });
    else values[name] = value;
  });
  return { values, problems };
}

/** Quotes around a value are left out; without them a space and # begin a comment. Null: the quotes do not close. */
function unquoted(source: string): string | null {
  if (!/^["']/.test(source)) return source.replace(/\s+#.*$/, "");
  return /^(["'])(.*?)\1\s*(?:#.*)?$/.exec(source)?.[2] ?? null;
}

function nameProblem(name: string): string | null {
  if (name === "") return "this line is not NAME=value";
  // Not shown: a line without a name may well be a value.
  if (!isSecretName(name)) return "the name before = must be made of A-Z, 0-9 and _, for instance SLACK_URL=...";
  return RESERVED.test(name) ? `${name} is taken: names that begin with OFFHOOK_ or BUN_ are; choose another` : null;
}

/** Whether a name may stand in secrets.env. */
export function isSecretName(name: string): boolean {
  return NAME.test(name);
}

/** The names that stand in a text as ${NAME}, in order; in small letters too, which no secret has. */
export function secretsNamed(text: string): string[] {
  return [...text.matchAll(/\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g)].map(([, name = ""]) => name);
}

/** The names that a shell line uses in any way a shell has: $NAME, ${NAME}, ${NAME:-...}. */
export function variablesNamed(command: string): string[] {
  return [...command.matchAll(/\$\{?[#!]?([A-Z_][A-Z0-9_]*)/g)].map(([, name = ""]) => name);
}

/** A text with its ${NAME}s filled in; names that are no secrets stay as they are. */
export function fillSecrets(text: string, values: SecretValues): string {
  return text.replace(/\$\{([A-Z_][A-Z0-9_]*)\}/g, (whole, name: string) =>
    Object.hasOwn(values, name) ? (values[name] ?? whole) : whole,
  );
}
