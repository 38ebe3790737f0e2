// Redis servers of a row: as tests have them (test/redis-server.ts), with their data in the row's place, ended with the row.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type RedisOptions, type RedisServer, redisProgram, startRedis } from "../../redis-server.ts";
import type { Context } from "../row.ts";

/** Why rows with a Redis are skipped; null: it is here. */
export function missingRedis(): string | null {
  if (process.platform !== "linux") return "needs /proc";
  return redisProgram === null ? "redis-server is not here" : null;
}

/** Starts a server that writes down what it has (appendonly), in a directory of this name. */
export async function openRedis(
  { place, undo }: Context,
  name: string,
  options: RedisOptions = {},
): Promise<RedisServer> {
  const dir = join(place, name);
  mkdirSync(dir, { mode: 0o700 });
  const server = await startRedis({ appendonly: true, ...options, dir });
  undo(() => server.kill9());
  return server;
}
