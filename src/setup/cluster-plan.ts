// What --cluster would write: [cluster] into config.toml, a password into secrets.env. Looks, plans, and carries a plan out.
import { hostname } from "node:os";
import { firstConfig, nameFrom, parseNodeConfig } from "../config/node.ts";
import { readOwnFile } from "../config/own-file.ts";
import { homeForLooking, homeForWriting, pathsOf, wantedHome } from "../config/paths.ts";
import type { SecretValues } from "../config/secret-text.ts";
import { loadSecrets } from "../config/secrets.ts";
import { EXIT, OffhookError } from "../errors.ts";
import { withCluster } from "./cluster-text.ts";
import type { ClusterChance, ClusterWish } from "./cluster-wish.ts";
import { writeOwnText } from "./own-text.ts";
import { readSecretsText, withSecret, writeSecrets } from "./secrets-file.ts";

/** `text`: config.toml; null: not there yet. */
export type ClusterAround = ClusterChance & { home: string; text: string | null };

/** `before`: config.toml as it is, null: not there. `base`: the same, or what a first start would write. */
export type ClusterPlan = {
  path: string;
  before: string | null;
  base: string;
  after: string;
  secrets: { path: string; names: string[] };
};

/** Looks at the home, which may not be there yet. Errors: config.toml is broken or not ours (78), the home's own. */
export function lookForCluster(): ClusterAround {
  const home = homeForLooking();
  if (home === null) return { home: wantedHome(), text: null, present: null, secrets: {}, env: process.env };
  const file = readOwnFile(pathsOf(home).config, { secret: false });
  if (file.kind === "refused") throw new OffhookError(EXIT.config, `config.toml: ${file.why}`);
  const text = file.kind === "absent" ? null : file.text;
  const present = text === null ? null : parseNodeConfig(text).cluster;
  return { home, text, present, secrets: loadSecrets(home).values, env: process.env };
}

/** The plan of a wish. Errors: those of withCluster (78). */
export function planCluster({ home, text }: ClusterAround, { reach, secret }: ClusterWish): ClusterPlan {
  const { config, secrets } = pathsOf(home);
  const base = text ?? firstConfig(nameFrom(hostname()));
  return {
    path: config,
    before: text,
    base,
    after: withCluster(base, reach),
    secrets: { path: secrets, names: secret === null ? [] : [secret.name] },
  };
}

/** Whether a plan would change nothing. Pure. */
export function isClusterDone({ before, after, secrets }: ClusterPlan): boolean {
  return before === after && secrets.names.length === 0;
}

/** The secrets as they will be. Pure. */
export function secretsWith(secrets: SecretValues, { secret }: ClusterWish): SecretValues {
  return secret === null ? secrets : { ...secrets, [secret.name]: secret.value };
}

/** Writes the secret first, so that no [cluster] names one that is not there. Gives the paths. Errors: those of the steps. */
export function applyCluster({ path, before, after, secrets }: ClusterPlan, { secret }: ClusterWish): string[] {
  const home = homeForWriting();
  const written: string[] = [];
  if (secret !== null) {
    writeSecrets(home, withSecret(readSecretsText(home) ?? "", secret.name, secret.value));
    written.push(secrets.path);
  }
  if (before !== after) {
    const now = readOwnFile(path, { secret: false });
    if ((now.kind === "ok" ? now.text : null) !== before)
      throw new OffhookError(EXIT.busy, `${path} was changed by somebody else meanwhile`, "try again");
    writeOwnText(path, after, { home, mode: null });
    written.push(path);
  }
  return written;
}
