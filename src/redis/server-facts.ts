// What a Redis is and how it is set up, as far as it lets us know. Reads only; what our user may not see is null.
import { lookup } from "node:dns/promises";
import { type Place, parseAddress, type RedisSettings } from "./address.ts";
import type { Connection } from "./connection.ts";
import { makeClient, within } from "./dial.ts";
import { isPrivate } from "./private-address.ts";
import { pairsOf } from "./replies.ts";

/** Null: not known, most likely because our user may not ask. */
export type ServerFacts = {
  /** HOST:PORT. */
  at: string;
  kind: "redis" | "valkey";
  /** "7.0.15"; a Valkey's own. */
  version: string | null;
  role: "primary" | "replica" | null;
  replicas: number;
  minReplicasToWrite: number | null;
  /** Whether it writes an append-only file. */
  appendonly: boolean | null;
  /** always, everysec, no. */
  appendfsync: string | null;
  /** 0: no limit. */
  maxmemoryBytes: number | null;
  maxmemoryPolicy: string | null;
  isTls: boolean;
  /** Whether every address of its name is loopback or private. */
  isPrivate: boolean;
  /** Whether anybody may use it without a password. */
  isOpen: boolean | null;
  /** The user we are there; null: the default one. */
  user: string | null;
};

/** Asks a connected server; rejects with RedisTrouble where it does not answer at all. */
export async function readServerFacts(
  connection: Connection,
  settings: RedisSettings,
  { timeoutMs = 5000 }: { timeoutMs?: number } = {},
): Promise<ServerFacts> {
  const ask = (command: string, args: string[]) =>
    connection.send(command, args, { timeoutMs }).catch((error) => {
      if (connection.isUp()) return null; // not permitted, or not known to a server of that age
      throw error;
    });
  const info = readInfo(await ask("INFO", []));
  const config = pairsOf(await ask("CONFIG", ["GET", "appendfsync"]));
  for (const [name, value] of pairsOf(await ask("CONFIG", ["GET", "min-replicas-to-write"]))) config.set(name, value);
  const address = connection.address();
  if (address === null) throw connection.trouble() ?? new Error("Redis was lost while it was looked at");
  return {
    at: address.shown,
    ...factsOf(info, config),
    replicas: connection.replicas(),
    isTls: address.isTls,
    isPrivate: await isPrivateHost(address.host),
    isOpen: await isOpen(address, settings, timeoutMs),
    user: address.user,
  };
}

/** The facts in the reply of INFO and in what CONFIG GET gave. */
export function factsOf(
  info: ReadonlyMap<string, string>,
  config: ReadonlyMap<string, string>,
): Omit<ServerFacts, "at" | "replicas" | "isTls" | "isPrivate" | "isOpen" | "user"> {
  const number = (text: string | undefined) => (text === undefined || text === "" ? null : Number(text));
  const aof = info.get("aof_enabled");
  const role = info.get("role");
  return {
    kind: info.get("server_name") === "valkey" ? "valkey" : "redis",
    version: info.get("valkey_version") ?? info.get("redis_version") ?? null,
    role: role === undefined ? null : role === "master" ? "primary" : "replica",
    minReplicasToWrite: number(config.get("min-replicas-to-write")),
    appendonly: aof === undefined ? null : aof === "1",
    appendfsync: config.get("appendfsync") ?? null,
    maxmemoryBytes: number(info.get("maxmemory")),
    maxmemoryPolicy: info.get("maxmemory_policy") ?? null,
  };
}

/** The lines NAME:VALUE of INFO. */
export function readInfo(reply: unknown): Map<string, string> {
  const lines = typeof reply === "string" ? reply.split(/\r?\n/) : [];
  return new Map(
    lines.flatMap((line): [string, string][] => {
      const at = line.indexOf(":");
      return at < 1 || line.startsWith("#") ? [] : [[line.slice(0, at), line.slice(at + 1)]];
    }),
  );
}

async function isPrivateHost(host: string): Promise<boolean> {
  const found = await lookup(host, { all: true }).catch(() => []);
  return found.length > 0 && found.every(({ address }) => isPrivate(address));
}

/** Whether a stranger may PING; null: neither yes nor no. */
async function isOpen(address: Place, settings: RedisSettings, timeoutMs: number): Promise<boolean | null> {
  const scheme = address.isTls ? "rediss" : "redis";
  const stranger = parseAddress(`${scheme}://${address.shown}`, { ...settings, user: null, password: null });
  if (stranger === null) return null;
  const client = makeClient(stranger, settings.ca, timeoutMs);
  try {
    return (await within(client.send("PING", []), timeoutMs)) === "PONG";
  } catch (error) {
    // Bun says hello first, which needs a password there; a stranger whom the rules let in, but not to PING, is let in.
    const { code = "", message } = error as Error & { code?: string };
    if (/NOPERM/.test(message)) return true;
    return code === "ERR_REDIS_AUTHENTICATION_FAILED" || /NOAUTH/.test(message) ? false : null;
  } finally {
    client.close();
  }
}
