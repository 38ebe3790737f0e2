// The nodes of a cluster as they tell of themselves: one record each, written again every second with Redis's clock. One call
// writes it and brings back what all others have told.

import type { Keys } from "../partition/keys.ts";
import type { Connection } from "../redis/connection.ts";
import { pairsOf } from "../redis/replies.ts";
import { script } from "../redis/script.ts";
import { groupRecords, nodeRecords } from "./records.ts";

/** What the owner of a partition knows of it. */
export type PartitionCounts = {
  lag: number;
  pending: number;
  held: number;
  dead: number;
  ok: number;
  findings: number;
  failed: number;
  skipped: number;
};

/** What a node tells of itself. Times are ms since 1970: `seenMs` by Redis's clock, `startedMs` by the node's. */
export type NodeRecord = {
  seenMs: number;
  name: string;
  /** The identity of its ledger, and of this run of its daemon. */
  ledger: string;
  instance: string;
  version: string;
  startedMs: number;
  /** A record that is older than this, in ms, is a silent node's. */
  silentAfterMs: number;
  /** The cluster consumers that it could run, with the content hash of each file. */
  consumers: Record<string, string>;
  forward: { lag: number; trouble: string | null };
  /** Its own consumers together. */
  local: { lag: number; pending: number; dead: number };
  /** By CONSUMER/PARTITION. */
  owned: Record<string, PartitionCounts>;
};

/** A consumer as the cluster has it. `partitions` is fixed when it begins; `beganSeq`: the last event before that. */
export type GroupRecord = {
  partitions: number;
  hash: string;
  beganMs: number;
  beganSeq: number;
  goneMs: number | null;
};

/** What a heartbeat brings back. `lossMs`: when Redis was last found to have lost data, by its clock; null: never. */
export type View = {
  nowMs: number;
  lastSeq: number;
  /** Events in the stream. */
  length: number;
  lossMs: number | null;
  nodes: NodeRecord[];
  groups: Map<string, GroupRecord>;
};

/** `taken`: another live node has this name. */
export type Beat = { kind: "ok"; view: View } | { kind: "taken"; by: NodeRecord };

// seenMs stands first in the record, so that its zero is the first one found: cjson would write it anew, and empty lists as objects.
const HEARTBEAT = script(
  "heartbeat",
  `
local nodes, seq, meta, groups, events = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local name, ledger, instance, record, seen, isFirst = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5]), ARGV[6] == '1'
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local before = redis.call('HGET', nodes, name)
if before then
  -- What is no record is nobody's: it is written over.
  local isRecord, other = pcall(cjson.decode, before)
  isRecord = isRecord and type(other) == 'table' and type(other.seenMs) == 'number' and type(other.silentAfterMs) == 'number'
  local isOther = isRecord and other.instance ~= instance and (other.ledger ~= ledger or not isFirst)
  if isOther and now - other.seenMs < other.silentAfterMs then
    return {'taken', before}
  end
end
local last = tonumber(redis.call('GET', seq) or '0')
if last < seen then
  redis.call('SET', seq, string.format('%.0f', seen))
  redis.call('HSET', meta, 'lossMs', string.format('%.0f', now))
  last = seen
end
redis.call('HSET', nodes, name, (string.gsub(record, '"seenMs":0', '"seenMs":' .. string.format('%.0f', now), 1)))
return {'ok', now, last, redis.call('HGET', meta, 'lossMs'), redis.call('HGETALL', nodes), redis.call('HGETALL', groups),
  redis.call('XLEN', events)}
`,
);

/**
 * Writes a node's record and reads all. `seenSeq`: the highest seq of the stream that it ever saw; Redis below it has lost data.
 * `isFirst`: of this run of the daemon. A later one that finds another's record runs beside a copy of its own home.
 */
export async function heartbeat(
  connection: Connection,
  keys: Keys,
  record: Omit<NodeRecord, "seenMs">,
  { seenSeq, isFirst }: { seenSeq: number; isFirst: boolean },
): Promise<Beat> {
  const { name, ledger, instance } = record;
  const json = JSON.stringify({ seenMs: 0, ...record });
  const reply = (await connection.run(
    HEARTBEAT,
    [keys.nodes, keys.seq, keys.meta, keys.groups, keys.events],
    [name, ledger, instance, json, seenSeq, isFirst ? 1 : 0],
  )) as ["taken", string] | ["ok", number, number, string | null, string[], string[], number];
  if (reply[0] === "taken") return { kind: "taken", by: JSON.parse(reply[1]) as NodeRecord };
  const [, nowMs, lastSeq, lossMs, nodes, groups, length] = reply;
  return {
    kind: "ok",
    view: {
      nowMs,
      lastSeq,
      length,
      lossMs: lossMs === null ? null : Number(lossMs),
      nodes: [...nodeRecords(pairsOf(nodes)).records.values()],
      groups: groupRecords(pairsOf(groups)).records,
    },
  };
}

/** Whether a node has told of itself lately. */
export function isAlive({ seenMs, silentAfterMs }: NodeRecord, nowMs: number): boolean {
  return nowMs - seenMs < silentAfterMs;
}

const BEGIN = script(
  "begin-group",
  `
redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2])
return redis.call('HGET', KEYS[1], ARGV[1])
`,
);

/** Begins a consumer in the cluster; gives how it began, which may have been by another node. Null: what lies there is no record. */
export async function beginGroup(
  connection: Connection,
  keys: Keys,
  consumer: string,
  record: GroupRecord,
): Promise<GroupRecord | null> {
  const text = (await connection.run(BEGIN, [keys.groups], [consumer, JSON.stringify(record)])) as string;
  return groupRecords(new Map([[consumer, text]])).records.get(consumer) ?? null;
}

const CHANGE = script(
  "change-group",
  `
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
`,
);

/** Changes a consumer's record unless somebody else did in between, which is as well: everybody writes the same. */
export async function changeGroup(
  connection: Connection,
  keys: Keys,
  consumer: string,
  before: GroupRecord,
  after: GroupRecord,
): Promise<void> {
  await connection.run(CHANGE, [keys.groups], [consumer, JSON.stringify(before), JSON.stringify(after)]);
}
