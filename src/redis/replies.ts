// Replies of Redis (RESP3, as Bun.RedisClient gives them) as plain shapes. Pure; what has another shape throws.

/** The entries of a stream: an id like "12-0" and its fields. */
export type StreamEntry = { id: string; fields: Map<string, string> };

/** Names and values of a reply that is a map (HGETALL: an object) or a flat list of pairs (from a script, or fields of an entry). */
export function pairsOf(reply: unknown): Map<string, string> {
  if (reply === null) return new Map();
  if (!Array.isArray(reply)) {
    if (typeof reply !== "object") throw new Error(`not a map: ${typeof reply}`);
    return new Map(Object.entries(reply as Record<string, string>));
  }
  const pairs = new Map<string, string>();
  for (let at = 0; at + 1 < reply.length; at += 2) pairs.set(String(reply[at]), String(reply[at + 1]));
  return pairs;
}

/** The entries of XRANGE and XREVRANGE, in the order given. */
export function entriesOf(reply: unknown): StreamEntry[] {
  if (reply === null) return [];
  if (!Array.isArray(reply)) throw new Error(`not a list of entries: ${typeof reply}`);
  return reply.map(([id, fields]) => ({ id: String(id), fields: pairsOf(fields) }));
}

/** The entries of each stream of XREAD; empty where it waited in vain. */
export function entriesByStream(reply: unknown): Map<string, StreamEntry[]> {
  if (reply === null) return new Map();
  if (typeof reply !== "object") throw new Error(`not a reply of XREAD: ${typeof reply}`);
  return new Map(Object.entries(reply as object).map(([stream, entries]) => [stream, entriesOf(entries)]));
}
