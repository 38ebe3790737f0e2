// Events into the cluster's stream, in one step: all of them or none, each once, whatever is sent again.
//
// Redis keeps for each origin how far it has its events (the mark), and the id of the event there. A call says where it takes that
// mark to be. Where Redis is further, an earlier call came through whose answer was lost, or somebody else writes under the same
// origin; where it is less far, Redis has lost data. Neither writes events. Seqs are gapless but where Redis was started anew or
// lost data: there they jump ahead, so that no seq is ever given twice.
import type { Keys } from "../partition/keys.ts";
import type { Connection } from "../redis/connection.ts";
import { script } from "../redis/script.ts";

export type Appending = {
  origin: string;
  /** Where the origin's mark is, as far as the caller knows, and where it is to be: the last event that was looked at, and its id. */
  knownSeq: number;
  throughSeq: number;
  throughId: string | null;
  /** The caller's first call under this origin: a mark that is missing is no loss. */
  joins: boolean;
  /** Nothing of this origin up to here is ever asked for. */
  beganSeq: number;
  /** The highest seq of the stream that the caller ever saw. */
  seenSeq: number;
  /** Events that the stream holds at most. */
  cap: number;
  /** Fields of each, as XADD takes them; all have the same names in the same order. */
  entries: readonly (readonly string[])[];
};

/**
 * `throughSeq`: the origin's mark now. ahead: it was further already; `throughId` is of the event there, null where that is not
 * known. behind: data was lost, the mark is where it is to go on from. full: no room under the cap. But for "ok" nothing was added.
 */
export type Appended = { throughSeq: number; lastSeq: number } & (
  | { kind: "ok" }
  | { kind: "ahead"; throughId: string | null }
  | { kind: "behind" }
  | { kind: "full" }
);

/** A field above this makes its event a large one: readers look out for it, lest a page of many fill their memory. */
export const LARGE_CHARACTERS = 65_536;

/** Seqs that are left out when Redis was started anew, at the least, should its clock have been set back: more than it can have lost. */
const JUMP = 2 ** 20;

// Every way out but an error writes the mark, so that WAIT on this connection has something to wait for.
const APPEND = script(
  "append",
  `
local seqs, events, origins, meta = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local origin, throughId, joins = ARGV[1], ARGV[4], ARGV[5] == '1'
local known, through = tonumber(ARGV[2]), tonumber(ARGV[3])
local began, seen, cap, count = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- In microseconds: above every seq that was ever given, also above those that a Redis lost which was started more than once since.
local above = time[1] * 1000000 + time[2]
local whole = function(number) return string.format('%.0f', number) end
local seq = tonumber(redis.call('GET', seqs) or '0')

local last = function()
  if redis.call('EXISTS', events) == 0 then return 0 end
  local info = redis.call('XINFO', 'STREAM', events)
  for at = 1, #info, 2 do
    if info[at] == 'last-generated-id' then return tonumber(string.match(info[at + 1], '^%d+')) end
  end
end
local raise = function(to)
  seq = math.max(seq, to)
  redis.call('SET', seqs, whole(seq))
end
local lose = function() redis.call('HSET', meta, 'lossMs', whole(now)) end

-- The process of Redis: another one may have lost what the last one gave out.
local info = redis.pcall('INFO', 'server')
local run = type(info) == 'string' and string.match(info, 'run_id:(%x+)') or 'unknown'
local before = redis.call('HGET', meta, 'run')
if before ~= run then
  raise(math.max(last(), seen))
  if before or not joins then
    raise(math.max(seq + ${JUMP}, above))
  else
    -- Nobody can tell a new Redis from one that was emptied, until somebody comes who was here before.
    redis.call('HSET', meta, 'blind', '1')
  end
  redis.call('HSET', meta, 'format', '1', 'run', run)
end
if seq > 0 and redis.call('EXISTS', events) == 0 then
  -- Somebody deleted the stream alone, or Redis did (maxmemory-policy). Everybody sends again.
  lose()
  redis.call('DEL', origins)
  raise(seq + 1)
  redis.call('XADD', events, whole(seq) .. '-0', 'e', '')
  redis.call('XDEL', events, whole(seq) .. '-0')
end

local mark = tonumber(redis.call('HGET', origins, origin) or '-1')
local out = function(kind, id)
  redis.call('HSET', origins, origin, whole(mark))
  return {kind, mark, seq, id}
end
if joins and mark < known then mark = known end
if mark < known then
  lose()
  if mark < 0 and redis.call('HDEL', meta, 'blind') == 1 then
    -- It was emptied, and others began anew before us: what they sent may have seqs that were given out before.
    redis.call('DEL', origins)
    raise(math.max(seq + ${JUMP}, above))
  end
  mark = math.max(mark, began)
  return out('behind', '')
end
if mark > known then return out('ahead', redis.call('HGET', meta, 'last:' .. origin) or '') end
if count > 0 and redis.call('XLEN', events) + count > cap then return out('full', '') end

-- The names of the fields come once, and then the values of each entry.
local names = tonumber(ARGV[10])
local at, fields = 10 + names, {}
for name = 1, names do fields[2 * name - 1] = ARGV[10 + name] end
for entry = 1, count do
  seq = seq + 1
  local isLarge = false
  for name = 1, names do
    local value = ARGV[at + name]
    fields[2 * name] = value
    isLarge = isLarge or #value > ${LARGE_CHARACTERS}
  end
  local added = redis.pcall('XADD', events, whole(seq) .. '-0', unpack(fields))
  if type(added) == 'table' and added.err then
    -- The counter was lost, and the stream was not. Any other error is met before anything was added.
    if entry > 1 or last() < seq then return added end
    seq = last() + 1
    redis.call('XADD', events, whole(seq) .. '-0', unpack(fields))
  end
  if isLarge then redis.call('HSET', meta, 'largeSeq', whole(seq)) end
  at = at + names
end
raise(seq)
mark = through
if throughId ~= '' then redis.call('HSET', meta, 'last:' .. origin, throughId) end
return out('ok', '')
`,
);

/** Appends events of one origin, at most 1 MB a call but for a single larger one. Rejects with RedisTrouble or Redis's own error. */
export async function append(connection: Connection, keys: Keys, appending: Appending): Promise<Appended> {
  const { origin, knownSeq, throughSeq, throughId, joins, beganSeq, seenSeq, cap, entries } = appending;
  const known = [origin, knownSeq, throughSeq, throughId ?? "", joins ? "1" : "0", beganSeq, seenSeq, cap];
  const names = (entries[0] ?? []).filter((_, at) => at % 2 === 0);
  const args = [...known, entries.length, names.length, ...names];
  for (const fields of entries) {
    if (fields.length !== 2 * names.length) throw new Error("entries with other fields than the first");
    for (let at = 1; at < fields.length; at += 2) args.push(fields[at] ?? "");
  }
  const reply = (await connection.run(APPEND, [keys.seq, keys.events, keys.origins, keys.meta], args)) as [
    Appended["kind"],
    number,
    number,
    string,
  ];
  const [kind, mark, lastSeq, id] = reply;
  return kind === "ahead"
    ? { kind, throughSeq: mark, lastSeq, throughId: id === "" ? null : id }
    : { kind, throughSeq: mark, lastSeq };
}
