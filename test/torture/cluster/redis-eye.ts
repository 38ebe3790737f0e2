// Reads a cluster's keys with eyes of its own: the stream, who owns which partition, when a loss was noticed. Nothing of src/ is
// used. Only of a server that answers: each look has its own connection, and a limit.
import { RedisClient } from "bun";

/** The server's port on loopback; test/redis-server.ts gives every server a user for the suite. */
export type Seen = { port: number };

export type Entry = {
  seq: number;
  /** NODE/LEDGER, and the seq there. */
  origin: string;
  originSeq: number;
  /** Sent again after a loss. */
  isAgain: boolean;
  id: string;
  type: string;
  node: string;
  /** As its publisher named it. */
  name: string;
};

const LIMIT_MS = 10_000;
const PREFIX = "{offhook}:";

/** Everything in the stream, in order. */
export async function readEntries(server: Seen): Promise<Entry[]> {
  const rows = (await look(server, (client) => client.send("XRANGE", [`${PREFIX}events`, "-", "+"]))) as [
    string,
    string[],
  ][];
  return rows.map(([id, pairs]) => entryOf(id, pairs));
}

/** The seq of the last entry; 0: there is none. */
export async function lastSeq(server: Seen): Promise<number> {
  const [row] = (await look(server, (client) =>
    client.send("XREVRANGE", [`${PREFIX}events`, "+", "-", "COUNT", "1"]),
  )) as [string][];
  return row === undefined ? 0 : Number(row[0].split("-")[0]);
}

/** An entry from its id and its fields and values in turn. Throws where it is none. */
export function entryOf(id: string, pairs: readonly string[]): Entry {
  const fields = new Map<string, string>();
  for (let at = 0; at < pairs.length; at += 2) fields.set(pairs[at] ?? "", pairs[at + 1] ?? "");
  const event = JSON.parse(fields.get("e") ?? "null");
  const seq = /^(\d+)-0$/.exec(id)?.[1];
  const [origin, originSeq] = [fields.get("o"), Number(fields.get("s"))];
  if (event === null || seq === undefined || origin === undefined || !Number.isInteger(originSeq))
    throw new Error(`no entry of ours: ${id} ${pairs.join(" ").slice(0, 200)}`);
  return {
    seq: Number(seq),
    origin,
    originSeq,
    isAgain: fields.get("a") === "1",
    id: event.id,
    type: event.type,
    node: event.node,
    name: event.sessionId ?? "",
  };
}

/** The node whose lease on each partition holds; null: nobody's does. */
export async function ownersOf(server: Seen, consumer: string, partitions: number): Promise<(string | null)[]> {
  return look(server, async (client) => {
    const [seconds, micros] = (await client.send("TIME", [])) as string[];
    const nowMs = Number(seconds) * 1000 + Number(micros) / 1000;
    const owners: (string | null)[] = [];
    for (let partition = 0; partition < partitions; partition++) {
      const [node, untilMs] = (await client.send("HMGET", [
        `${PREFIX}lease:${consumer}/${partition}`,
        "node",
        "untilMs",
      ])) as (string | null)[];
      owners.push(node != null && Number(untilMs) > nowMs ? node : null);
    }
    return owners;
  });
}

/** When the cluster last noticed that Redis had lost something; null: never. */
export async function lossMs(server: Seen): Promise<number | null> {
  const noted = await look(server, (client) => client.send("HGET", [`${PREFIX}meta`, "lossMs"]));
  return noted == null ? null : Number(noted);
}

/** Asks a server something over a connection of its own. */
export async function look<T>(server: Seen, ask: (client: RedisClient) => Promise<T>): Promise<T> {
  const client = new RedisClient(`redis://harness:harness@127.0.0.1:${server.port}`, { autoReconnect: false });
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`port ${server.port} does not answer`)), LIMIT_MS);
  try {
    return await Promise.race([ask(client), late.promise]);
  } finally {
    clearTimeout(timer);
    client.close();
  }
}
