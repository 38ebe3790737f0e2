// A command's connection to its cluster: opened for one look or one change, closed after it. What goes wrong with Redis becomes an
// error for people here.
import type { ClusterConfig } from "../config/cluster.ts";
import { redisSettings } from "../config/redis-settings.ts";
import type { SecretValues } from "../config/secret-text.ts";
import { EXIT, OffhookError } from "../errors.ts";
import { type Keys, makeKeys } from "../partition/keys.ts";
import { type Connection, connectOnce } from "../redis/connection.ts";
import { RedisTrouble } from "../redis/trouble.ts";

export type Session = { connection: Connection; keys: Keys; close(): void };

/** Connects within timeoutMs. Errors: Redis cannot be reached (69), is not ready (75), refuses or is not set up well (78). */
export async function openSession(
  cluster: ClusterConfig,
  secrets: SecretValues,
  userHome: string,
  timeoutMs: number,
): Promise<Session> {
  const settings = redisSettings(cluster, secrets, userHome);
  try {
    const connection = await connectOnce(settings, { timeoutMs });
    return { connection, keys: makeKeys(cluster.prefix), close: connection.close };
  } catch (error) {
    throw asOffhookError(error);
  }
}

/** Trouble with Redis as an error for people, which has it as its cause; anything else as it is. */
export function asOffhookError(error: unknown): unknown {
  if (!(error instanceof RedisTrouble)) return error;
  const told = toldOf(error);
  told.cause = error;
  return told;
}

function toldOf({ kind, message }: RedisTrouble): OffhookError {
  switch (kind) {
    case "unreachable":
    case "timeout":
    case "closed":
      return new OffhookError(EXIT.noDaemon, `Redis cannot be used: ${message}`, "offhook cluster ping");
    case "not-primary":
    case "full":
      return new OffhookError(EXIT.busy, `Redis is not ready: ${message}`, "offhook cluster ping");
    case "refused":
      return new OffhookError(EXIT.config, `Redis refuses: ${message}`, "offhook cluster ping");
    default:
      return kind satisfies never;
  }
}
