// Connections of tests to the servers of redis-server.ts: settings, waiting, and closing each at the end of its test.
import { onTestFinished, test } from "bun:test";
import { type Connection, type ConnectionDeps, type RedisSettings, RedisTrouble } from "../src/redis/connection.ts";
import { noRedis, type RedisServer, redisProgram } from "./redis-server.ts";
import { until } from "./running.ts";

/** Skips a test where there is no program of the server for it. */
export const needsRedis = redisProgram === null;

/** So that a test does not wait for what takes seconds in earnest. */
export const QUICK: ConnectionDeps = { retryMs: 5, timeoutMs: 1000, dialMs: 500, lookMs: 200 };

/** A test that needs the server's program; skipped with the reason where there is none for it. */
export function testOnRedis(name: string, body: () => Promise<void>): void {
  if (needsRedis) test.skip(`${name}${noRedis}`, body);
  else test(name, body);
}

/** The settings of servers, as their default user, with the first one's authority. */
export function plain(...servers: RedisServer[]): RedisSettings {
  return { urls: servers.map(({ url }) => url), user: null, password: null, ca: servers[0]?.ca ?? null };
}

/** Closes a connection after the test that made it. */
export function endWithTest(connection: Connection): Connection {
  onTestFinished(() => connection.close());
  return connection;
}

/** Waits until it is connected. */
export function isUp(connection: Connection): Promise<void> {
  return until(connection.isUp, () => `not connected: ${connection.trouble()?.message}`);
}

/** The trouble that something rejects with. */
export async function troubleOf(something: Promise<unknown>): Promise<RedisTrouble> {
  const outcome = await something.then(
    (value) => `no trouble but ${JSON.stringify(value)}`,
    (error) => error,
  );
  if (outcome instanceof RedisTrouble) return outcome;
  throw new Error(`not a RedisTrouble: ${outcome}`);
}

/** What each promise came to: "ok", or the kind of trouble. */
export async function outcomes(sent: Promise<unknown>[]): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const one of await Promise.allSettled(sent)) {
    const outcome = one.status === "fulfilled" ? "ok" : one.reason.kind;
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  }
  return counts;
}

/** How often a server was asked for its role. */
export async function roleCalls(server: RedisServer): Promise<number> {
  return Number(/cmdstat_role:calls=(\d+)/.exec(await server.cli("INFO", "commandstats"))?.[1] ?? 0);
}
