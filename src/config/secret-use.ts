// Which secrets a consumer file names, and those that it names and that are not there. Pure; works on the raw table, so that
// it can speak about files that have other problems too.
import type { Finding } from "./finding.ts";
import { fillSecrets, isSecretName, type SecretValues, secretsNamed, variablesNamed } from "./secret-text.ts";
import { type TomlTable, textsIn } from "./toml.ts";

/** The secrets that a file names, and no others. In `shell` any variable of that name counts, as the shell has it. */
export function secretsOf(table: TomlTable, secrets: SecretValues): Record<string, string> {
  const names = [
    ...[...textsIn(table.run), ...textsIn(table.webhook)].flatMap(secretsNamed),
    ...textsIn(table.shell).flatMap(variablesNamed),
  ];
  const named = names.filter((name) => Object.hasOwn(secrets, name));
  return Object.fromEntries(named.map((name) => [name, secrets[name] ?? ""]));
}

/** What is wrong with the secrets that `run` and `webhook` name, and with the address that they make. */
export function secretFindings(table: TomlTable, secrets: SecretValues): Finding[] {
  const webhook = typeof table.webhook === "object" && table.webhook !== null ? (table.webhook as TomlTable) : {};
  return [
    ...missing(["run"], table.run, secrets),
    ...Object.entries(webhook).flatMap(([key, value]) => missing(["webhook", key], value, secrets)),
    ...addressFindings(webhook.url, secrets),
  ];
}

function missing(path: readonly string[], value: unknown, secrets: SecretValues): Finding[] {
  const texts = textsIn(value);
  const absent = new Set(texts.flatMap(secretsNamed).filter((name) => !Object.hasOwn(secrets, name)));
  const bare = new Set(texts.flatMap(bareNames).filter((name) => Object.hasOwn(secrets, name)));
  const where = path.join(".");
  return [
    ...[...absent].map((name) => ({ path, text: `${where} names \${${name}}, and ${adviceFor(name)}` })),
    ...[...bare].map((name) => ({
      path,
      text: `${where} has $${name}, which is left as it is here; write \${${name}}`,
    })),
  ];
}

function adviceFor(name: string): string {
  const isName = isSecretName(name);
  return isName
    ? `secrets.env has no ${name}; add the line ${name}=... to it`
    : "names of secrets are in capitals, as in secrets.env";
}

function bareNames(text: string): string[] {
  return [...text.matchAll(/\$([A-Z_][A-Z0-9_]*)/g)].map(([, name = ""]) => name);
}

/** The address is never shown: it may be a secret in itself. */
function addressFindings(url: unknown, secrets: SecretValues): Finding[] {
  if (typeof url !== "string" || url === "") return [];
  if (secretsNamed(url).some((name) => !Object.hasOwn(secrets, name))) return [];
  const address = URL.parse(fillSecrets(url, secrets));
  if (address?.protocol === "http:" || address?.protocol === "https:") return [];
  return [{ path: ["webhook", "url"], text: "webhook.url must be an address that begins with https:// or http://" }];
}
