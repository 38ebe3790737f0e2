// What the cluster lets go of because a person said so: a node that is gone for good, a consumer whose file no node has. Each is one
// script, so that nobody comes back in between.
//
// Of a node only its record goes. Its events stay in the stream, and so does the highest seq that its ledger has sent (`origins`): a
// few bytes, without which a ledger that comes back after all would have to send everything once more. Its leases end by themselves.
import { type Keys, partitionKeys } from "../partition/keys.ts";
import type { Connection } from "../redis/connection.ts";
import { script } from "../redis/script.ts";
import type { NodeRecord } from "./nodes.ts";

const CLOCK = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`;

const FORGET_NODE = script(
  "forget-node",
  `${CLOCK}
local text = redis.call('HGET', KEYS[1], ARGV[1])
if not text then return {'unknown'} end
local record = cjson.decode(text)
if now - record.seenMs < record.silentAfterMs then return {'alive'} end
redis.call('HDEL', KEYS[1], ARGV[1])
return {'forgotten', text}
`,
);

/** `record`: what it had told of itself last. */
export type ForgottenNode = { kind: "forgotten"; record: NodeRecord } | { kind: "alive" | "unknown" };

/** Takes the record of a silent node away. Errors: RedisTrouble. */
export async function forgetNode(connection: Connection, keys: Keys, name: string): Promise<ForgottenNode> {
  const [kind, text] = (await connection.run(FORGET_NODE, [keys.nodes], [name])) as [ForgottenNode["kind"], string?];
  if (kind !== "forgotten") return { kind };
  return { kind, record: JSON.parse(text ?? "{}") as NodeRecord };
}

// The lease stays with a higher epoch: an owner that was cut off all the while must find that it is none, and write nothing back.
const FORGET_CONSUMER = script(
  "forget-consumer",
  `${CLOCK}
local groups, nodes, outcomes, name, partitions = KEYS[1], KEYS[2], KEYS[3], ARGV[1], tonumber(ARGV[2])
if redis.call('HEXISTS', groups, name) == 0 then return {'unknown'} end
local holding = {}
for _, text in ipairs(redis.call('HVALS', nodes)) do
  local record = cjson.decode(text)
  if now - record.seenMs < record.silentAfterMs and record.consumers[name] then table.insert(holding, record.name) end
end
if #holding > 0 then return {'has-file', unpack(holding)} end
for at = 4, 3 + partitions do
  local lease = redis.call('HMGET', KEYS[at], 'untilMs', 'node')
  if (tonumber(lease[1] or '0') or 0) > now then return {'owned', lease[2]} end
end
for at = 4, 3 + partitions do
  if redis.call('EXISTS', KEYS[at]) == 1 then
    redis.call('HINCRBY', KEYS[at], 'epoch', 1)
    redis.call('HSET', KEYS[at], 'node', '', 'instance', '', 'untilMs', '0', 'version', '0')
    redis.call('HDEL', KEYS[at], 'commit', 'outcomes')
  end
end
for at = 4 + partitions, #KEYS do redis.call('DEL', KEYS[at]) end
redis.call('DEL', outcomes)
redis.call('HDEL', groups, name)
return {'forgotten'}
`,
);

/** `nodes`: live ones that have its file (has-file), or the one that owns a partition still (owned). */
export type ForgottenConsumer = { kind: "forgotten" | "unknown" | "has-file" | "owned"; nodes: string[] };

/** Deletes all that the cluster has of a consumer, unless a live node has its file or owns any of it. Errors: RedisTrouble. */
export async function forgetConsumer(
  connection: Connection,
  keys: Keys,
  name: string,
  partitions: number,
): Promise<ForgottenConsumer> {
  const each = Array.from({ length: partitions }, (_, partition) => partition);
  const leases = each.map((partition) => partitionKeys(keys, name, partition).lease);
  const rest = each.flatMap((partition) => {
    const { part, draft } = partitionKeys(keys, name, partition);
    return [part, draft, keys.ask(name, partition)];
  });
  const all = [keys.groups, keys.nodes, keys.outcomes(name), ...leases, ...rest];
  const [kind, ...nodes] = (await connection.run(FORGET_CONSUMER, all, [name, partitions])) as [
    ForgottenConsumer["kind"],
    ...string[],
  ];
  return { kind, nodes };
}
