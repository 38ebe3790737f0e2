// What [cluster] comes to: is it whole, and what its Redis says. Looks only; of a home without [cluster] nothing of this is loaded.
import { readNodeConfig } from "../config/node.ts";
import { pathsOf } from "../config/paths.ts";
import { redisSettings } from "../config/redis-settings.ts";
import { OffhookError } from "../errors.ts";
import type { ExaminedRedis } from "../setup/redis-look.ts";
import { secretsWithoutMending } from "./daemon-facts.ts";

/** incomplete: a secret or a certificate that it names is not there. */
export type ClusterFacts =
  | { kind: "incomplete"; why: string; hint: string | null }
  | { kind: "looked"; redis: ExaminedRedis };

/** Several answers of a server that is slow, and all of it within a part's time. */
const ANSWER_MS = 1_500;

/** Looks at the Redis of a home's [cluster]; null: there is none, or config.toml is broken, which is told elsewhere. */
export async function lookAtCluster(home: string, userHome: string): Promise<ClusterFacts | null> {
  const cluster = wantedBy(home);
  if (cluster === null) return null;
  try {
    const settings = redisSettings(cluster, secretsWithoutMending(pathsOf(home).secrets), userHome);
    const { examineRedis } = await import("../setup/examine-redis.ts");
    return { kind: "looked", redis: await examineRedis(settings, { prefix: cluster.prefix, timeoutMs: ANSWER_MS }) };
  } catch (error) {
    if (error instanceof OffhookError) return { kind: "incomplete", why: error.message, hint: error.hint };
    throw error;
  }
}

function wantedBy(home: string) {
  try {
    return readNodeConfig(home)?.cluster ?? null;
  } catch (error) {
    if (error instanceof OffhookError) return null;
    throw error;
  }
}
