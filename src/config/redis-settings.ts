// From [cluster] to what a connection needs: the password out of secrets.env, the certificate out of its file. Says what is missing
// and what to write; knows no Redis.
import { EXIT, OffhookError } from "../errors.ts";
import { expandHome } from "./argv.ts";
import type { ClusterConfig } from "./cluster.ts";
import { readOwnFile } from "./own-file.ts";
import { fillSecrets, type SecretValues, secretsNamed } from "./secret-text.ts";

/** What src/redis connects with: `password` is the secret itself, `ca` PEM text. */
export type ResolvedRedis = { urls: string[]; user: string | null; password: string | null; ca: string | null };

/** Resolves what [cluster] names. Errors (78): secrets.env has no such secret, or it is empty; the file of `ca` cannot be used. */
export function redisSettings(
  cluster: Pick<ClusterConfig, "urls" | "user" | "password" | "ca">,
  secrets: SecretValues,
  userHome: string,
): ResolvedRedis {
  const { urls, user } = cluster;
  return { urls, user, password: passwordOf(cluster.password, secrets), ca: caOf(cluster.ca, userHome) };
}

function passwordOf(template: string | null, secrets: SecretValues): string | null {
  if (template === null) return null;
  const absent = secretsNamed(template).find((name) => (secrets[name] ?? "") === "");
  if (absent === undefined) return fillSecrets(template, secrets);
  throw new OffhookError(
    EXIT.config,
    `config.toml: [cluster] names \${${absent}}, and secrets.env has no ${absent}`,
    `add the line ${absent}=... to secrets.env, beside config.toml`,
  );
}

function caOf(written: string | null, userHome: string): string | null {
  if (written === null) return null;
  const [path = written] = expandHome([written], userHome);
  const file = readOwnFile(path, { secret: false });
  const why =
    file.kind === "absent"
      ? "there is no such file"
      : file.kind === "refused"
        ? file.why
        : file.text.includes("-----BEGIN CERTIFICATE-----")
          ? null
          : "it is no certificate in PEM (a text that begins with -----BEGIN CERTIFICATE-----)";
  if (why === null && file.kind === "ok") return file.text;
  throw new OffhookError(
    EXIT.config,
    `config.toml: [cluster] has ca = ${JSON.stringify(written)}: ${why}`,
    "put the certificate of the authority that signed the server's there, or leave ca out where a public one did",
  );
}
