// The scripts behind lease.ts. Each is one step for everybody else; the only clock is Redis's own.
//
// A lease is a hash: node, instance, epoch (grows at each take: the fence), untilMs (0: given back), version (grows at each commit),
// commit (the id of the last one), outcomes (how many this owner has told). Every script begins with a write that needs no
// memory: then Redis lets it write also when it is full, and what takes partitions forward is what makes room again.
import { script } from "../redis/script.ts";

const CLOCK = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function number(value) return tonumber(value or '0') or 0 end
local function text(value) return string.format('%.0f', value) end
`;

/** Who may write: 'own', 'lost', or 'behind' (Redis has less than the owner told it: it was restored, flushed, failed over). */
const FENCE = `
local function fence(lease, instance, epoch, version)
  local stored, by, at = number(lease[1]), lease[2], number(lease[3])
  if stored > epoch then return 'lost' end
  -- Two had the same epoch only if Redis forgot one of them: who has told it more goes on.
  if stored == epoch and by ~= instance and at >= version then return 'lost' end
  if stored < epoch or by ~= instance or at < version then return 'behind' end
  return 'own'
end
`;

export const TAKE = script(
  "take-partition",
  `${CLOCK}
local key, meta = KEYS[1], KEYS[2]
local node, instance, length, grace = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local lease = redis.call('HMGET', key, 'epoch', 'instance', 'version', 'untilMs', 'node')
local untilMs = number(lease[4])
-- An earlier run of the same node is gone: one daemon holds a home.
if untilMs > 0 and untilMs + grace > now and lease[2] ~= instance and lease[5] ~= node then
  return {'held', lease[5], untilMs + grace - now}
end
redis.call('HDEL', key, 'commit', 'outcomes')
local epoch = number(lease[1]) + 1
redis.call('HSET', key, 'node', node, 'instance', instance, 'epoch', text(epoch), 'untilMs', text(now + length),
  'version', text(number(lease[3])))
return {'taken', epoch, number(lease[3]), redis.call('HGET', meta, 'lossMs')}
`,
);

export const COMMIT = script(
  "commit-partition",
  `${CLOCK}${FENCE}
local key, part, draft, outcomes, meta = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local node, instance, epoch, length = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local before, id, isFull, drafted = tonumber(ARGV[5]), ARGV[6], ARGV[7] == '1', tonumber(ARGV[8])
local told, most = tonumber(ARGV[9]), ARGV[10]
local counts = {after = tonumber(ARGV[11]), outcomes = tonumber(ARGV[12]), del = tonumber(ARGV[13]), set = 2 * tonumber(ARGV[14])}
local first = {after = 15}
first.outcomes = first.after + counts.after
first.del = first.outcomes + counts.outcomes
first.set = first.del + counts.del

local function each(name, call)
  local last = first[name] + counts[name] - 1
  for at = first[name], last, 1000 do call(at, math.min(last, at + 999)) end
end

local lease = redis.call('HMGET', key, 'epoch', 'instance', 'version', 'commit', 'outcomes')
local right = fence(lease, instance, epoch, before)
if right == 'lost' or (right == 'behind' and not isFull) then return {right} end
local version, done = math.max(number(lease[3]), before), false
if id == '' then
  done = true
elseif right == 'own' then
  local last = lease[4] or ''
  done = last == id
  local isKnown = done
  for at = first.after, first.outcomes - 1 do isKnown = isKnown or ARGV[at] == last end
  -- Ours, but overtaken by what we sent after it.
  if not isKnown then return {'lost'} end
end
if not done and drafted > 0 and (redis.call('HGET', draft, '@id') ~= id or redis.call('HLEN', draft) ~= drafted + 1) then
  return {'draft'}
end

redis.call('HDEL', key, '-')
redis.call('HSET', key, 'node', node, 'instance', instance, 'epoch', text(epoch), 'untilMs', text(now + length))
if done then return {'ok', version, redis.call('HGET', meta, 'lossMs')} end

if isFull then redis.call('DEL', part) end
if drafted > 0 then
  redis.call('HDEL', draft, '@id')
  redis.call('PERSIST', draft)
  if isFull then
    redis.call('RENAME', draft, part)
  else
    local rows = redis.call('HGETALL', draft)
    for at = 1, #rows, 1000 do redis.call('HSET', part, unpack(rows, at, math.min(#rows, at + 999))) end
    redis.call('DEL', draft)
  end
end
each('del', function(from, to) redis.call('HDEL', part, unpack(ARGV, from, to)) end)
each('set', function(from, to) redis.call('HSET', part, unpack(ARGV, from, to)) end)
local known = right == 'own' and number(lease[5]) or told
for at = 1, counts.outcomes do
  if told + at > known then redis.call('XADD', outcomes, 'MAXLEN', '~', most, '*', 'd', ARGV[first.outcomes + at - 1], 'n', node) end
end
redis.call('HSET', key, 'version', text(version + 1), 'commit', id, 'outcomes', text(told + counts.outcomes))
return {'ok', version + 1, redis.call('HGET', meta, 'lossMs')}
`,
);

/** A piece of a commit that is too large for one call; it becomes part of nothing until COMMIT says so. */
export const DRAFT = script(
  "draft-partition",
  `${CLOCK}${FENCE}
local key, draft = KEYS[1], KEYS[2]
local instance, epoch, before, id, isFirst = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], ARGV[5] == '1'
local lease = redis.call('HMGET', key, 'epoch', 'instance', 'version')
if fence(lease, instance, epoch, before) == 'lost' then return 'lost' end
if isFirst then redis.call('DEL', draft) elseif redis.call('HGET', draft, '@id') ~= id then return 'draft' end
redis.call('HDEL', draft, '-')
redis.call('HSET', draft, '@id', id)
redis.call('PEXPIRE', draft, 600000)
for at = 6, #ARGV, 1000 do redis.call('HSET', draft, unpack(ARGV, at, math.min(#ARGV, at + 999))) end
return 'ok'
`,
);

export const RELEASE = script(
  "release-partition",
  `
local lease = redis.call('HMGET', KEYS[1], 'epoch', 'instance')
if lease[1] ~= ARGV[2] or lease[2] ~= ARGV[1] then return 0 end
redis.call('HDEL', KEYS[1], '-')
redis.call('HSET', KEYS[1], 'untilMs', '0')
return 1
`,
);

export const PEEK = script(
  "peek-partition",
  `${CLOCK}
local lease = redis.call('HMGET', KEYS[1], 'node', 'instance', 'epoch', 'untilMs', 'version')
if not lease[3] then return false end
return {lease[1], lease[2], number(lease[3]), number(lease[4]) - now, number(lease[5])}
`,
);
