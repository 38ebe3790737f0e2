// What a person wants [cluster] to reach, from flags and the environment or from the answers of the wizard: one shape for both. Pure.
import { CLUSTER_PASSWORD, type ClusterConfig } from "../config/cluster.ts";
import { parseNodeConfig } from "../config/node.ts";
import type { SecretValues } from "../config/secret-text.ts";
import { EXIT, OffhookError } from "../errors.ts";
import type { Reach } from "./cluster-text.ts";

/** `secret`: a password that secrets.env does not have yet; never shown. */
export type ClusterWish = { reach: Reach; secret: { name: string; value: string } | null };

/** What flags said; null: nothing. */
export type AskedCluster = { url: string | null; ca: string | null };

/** What is there: the [cluster] of now, the secrets of secrets.env, the environment of this command. */
export type ClusterChance = {
  present: ClusterConfig | null;
  secrets: SecretValues;
  env: Readonly<Record<string, string | undefined>>;
};

/**
 * The wish of flags; what they do not say stays as it is. The password is the one of secrets.env, else of the environment; neither:
 * none. Errors (64): no address, or none that can be used.
 */
export function clusterWishOf(asked: AskedCluster, { present, secrets, env }: ClusterChance): ClusterWish {
  const written = asked.url === null ? null : addressesOf(asked.url);
  if (written === null && present === null)
    throw usage("--cluster has to name the address of a Redis: --cluster rediss://redis.example:6379");
  const namesUser = written?.some((url) => url.includes("@")) ?? false;
  const reach = reachOf({
    urls: written ?? present?.urls ?? [],
    user: namesUser ? null : (present?.user ?? null),
    ca: asked.ca ?? present?.ca ?? null,
  });
  const named = reach.password ?? present?.password ?? `\${${CLUSTER_PASSWORD}}`;
  const name = named.slice(2, -1);
  const given = secrets[name] ? null : env[name] || null;
  const isThere = given !== null || Boolean(secrets[name]);
  if (!isThere && (reach.password ?? present?.password ?? null) !== null)
    throw usage(`the password is not there: put ${name}=... into secrets.env or into the environment of this command`);
  return {
    reach: { ...reach, password: isThere ? named : null },
    secret: given === null ? null : { name, value: given },
  };
}

/** The addresses in a list as it is typed: "rediss://a:6379, rediss://b:6379". */
export function addressesOf(list: string): string[] {
  return list
    .split(/[\s,]+/)
    .map((one) => one.trim())
    .filter((one) => one !== "");
}

/** What is wrong with addresses, as a sentence; null: nothing. */
export function addressProblem(urls: readonly string[]): string | null {
  try {
    reachOf({ urls: [...urls], user: null, ca: null });
    return null;
  } catch (error) {
    if (error instanceof OffhookError) return error.message.replace(/^setup: /, "");
    throw error;
  }
}

/** The same with user and password taken out of the addresses, as config.toml is read. Error (64): what is wrong with it. */
export function reachOf({ urls, user, ca }: Omit<Reach, "password">): Reach {
  const lines = [
    `url = ${JSON.stringify(urls)}`,
    ...(user === null ? [] : [`user = ${JSON.stringify(user)}`]),
    ...(ca === null ? [] : [`ca = ${JSON.stringify(ca)}`]),
  ];
  try {
    const { cluster } = parseNodeConfig(`name = "a"\n[cluster]\n${lines.join("\n")}\n`);
    if (cluster === null) throw new Error("a [cluster] was not read");
    return { urls: cluster.urls, user: cluster.user, password: cluster.password, ca: cluster.ca };
  } catch (error) {
    if (!(error instanceof OffhookError)) throw error;
    const [first = ""] = error.message.split("\n");
    const said = first.replace(/^config\.toml:\d+: cluster\./, "").replace(/^url(\[\d+\])?/, "the address");
    throw usage(
      said.replace(/: write REDIS_PASSWORD.*/, `: put ${CLUSTER_PASSWORD}=... into secrets.env or the environment`),
    );
  }
}

function usage(message: string): OffhookError {
  return new OffhookError(EXIT.usage, `setup: ${message}`, "offhook setup --help");
}
