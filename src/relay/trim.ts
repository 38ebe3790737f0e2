// What every consumer of the cluster has passed goes out of the stream, and nothing else, when it was there for `keep`.
//
// One step in Redis, so that no group begins or goes back in between: the floor is the lowest seq that a partition goes on after;
// a partition that has no state yet goes on from the beginning. What was there for `keep` is told by notes of how far the stream was
// at which time (Redis's clock), because seqs are no times. A group is waited for until it is forgotten.
import type { Keys } from "../partition/keys.ts";
import { type Connection, RedisTrouble, script } from "../redis/connection.ts";

/** Between two rounds of a node, and between two trims whoever does them; how many seqs one step passes at most. */
const LOOK_MS = 10_000;
const EVERY_MS = 60_000;
const PIECE = 5_000;
/** Nothing is trimmed for so long after Redis was found to have lost data. */
const AFTER_LOSS_MS = 600_000;
/** Notes that are kept of one `keep`: it is exact to this part of it. */
const NOTES = 60;
/** From this share of the cap on a person should look. */
const ALARM_SHARE = 0.8;

export type TrimSettings = { keepMs: number; cap: number; everyMs?: number; piece?: number };

/** `heldBy`: CONSUMER/PARTITION that is furthest behind, and after which seq it goes on; null: there is no consumer. */
export type TrimFacts = {
  length: number;
  firstSeq: number | null;
  lastSeq: number;
  heldBy: { name: string; afterSeq: number } | null;
  removed: number;
  /** There is more to trim right now. */
  goesOn: boolean;
};

/** As many as a consumer file may ask for (config/schema.ts). */
const MOST_PARTITIONS = 64;

const TRIM = script(
  "trim",
  `
local seqs, events, meta, groups = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local part, keep, every, piece = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local whole = function(number) return string.format('%.0f', number) end
local seq = tonumber(redis.call('GET', seqs) or '0')

local holder, floor = false, seq
local named = redis.call('HGETALL', groups)
for at = 1, #named, 2 do
  local isGroup, group = pcall(cjson.decode, named[at + 1])
  local partitions = isGroup and type(group) == 'table' and tonumber(group.partitions) or 1
  -- Nobody of ours has more, and a server that counts on is one that nobody can use.
  partitions = math.min(partitions, ${MOST_PARTITIONS})
  for partition = 0, partitions - 1 do
    local name = named[at] .. '/' .. partition
    local isRow, row = pcall(cjson.decode, redis.call('HGET', part .. name, 'meta') or '')
    -- What cannot be read holds everything, as what is not there yet.
    local after = isRow and type(row) == 'table' and tonumber(row.resumeAfter) or 0
    if not holder or after < floor then holder, floor = name, math.min(floor, after) end
  end
end

local removed, goesOn = 0, 0
local first = redis.call('XRANGE', events, '-', '+', 'COUNT', 1)[1]
first = first and tonumber(string.match(first[1], '^%d+'))
local trimmedMs = tonumber(redis.call('HGET', meta, 'trimMs') or '0')
-- Groups that Redis has lost are told to it again by whoever owns their partitions.
local lostMs = tonumber(redis.call('HGET', meta, 'lossMs') or '0')
local isSettled = now - lostMs >= ${AFTER_LOSS_MS} or now < lostMs
-- A clock that was set back must not keep the next one away.
if isSettled and (now >= trimmedMs + every or now < trimmedMs) then
  local isList, notes = pcall(cjson.decode, redis.call('HGET', meta, 'times') or '')
  if not isList or type(notes) ~= 'table' then notes = {} end
  while #notes > 0 and notes[#notes][1] > now do table.remove(notes) end
  if #notes == 0 or now - notes[#notes][1] >= keep / ${NOTES} then notes[#notes + 1] = {now, seq} end
  while #notes > 1 and notes[2][1] <= now - keep do table.remove(notes, 1) end
  local old = notes[1][1] <= now - keep and notes[1][2] or 0
  local texts = {}
  for at, note in ipairs(notes) do texts[at] = '[' .. whole(note[1]) .. ',' .. whole(note[2]) .. ']' end
  redis.call('HSET', meta, 'times', '[' .. table.concat(texts, ',') .. ']')

  local upTo = math.min(floor, old)
  if first and first <= upTo then
    local through = math.min(upTo, first + piece - 1)
    removed = redis.call('XTRIM', events, 'MINID', '=', whole(through + 1) .. '-0')
    redis.call('HSET', meta, 'trimmedSeq', whole(through))
    first = redis.call('XRANGE', events, '-', '+', 'COUNT', 1)[1]
    first = first and tonumber(string.match(first[1], '^%d+'))
    if first and first <= upTo then goesOn = 1 end
  end
  if goesOn == 0 then redis.call('HSET', meta, 'trimMs', whole(now)) end
end
return {redis.call('XLEN', events), first or -1, seq, holder or '', floor, removed, goesOn}
`,
);

/** Trims a piece, where it is time for it; looks in any case. Rejects with RedisTrouble or Redis's own error. */
export async function trim(connection: Connection, keys: Keys, settings: TrimSettings): Promise<TrimFacts> {
  const { keepMs, everyMs = EVERY_MS, piece = PIECE } = settings;
  const reply = await connection.run(
    TRIM,
    [keys.seq, keys.events, keys.meta, keys.groups],
    [keys.named("part:"), keepMs, everyMs, piece],
  );
  const [length, first, lastSeq, name, afterSeq, removed, goesOn] = reply as [
    number,
    number,
    number,
    string,
    ...number[],
  ];
  return {
    length,
    firstSeq: first < 0 ? null : first,
    lastSeq,
    heldBy: name === "" ? null : { name, afterSeq: afterSeq ?? 0 },
    removed: removed ?? 0,
    goesOn: goesOn === 1,
  };
}

/** What a person should know of a stream that is nearly full; null: it is not. Pure. */
export function alarmOf({ length, heldBy, lastSeq }: TrimFacts, cap: number): string | null {
  if (length < cap * ALARM_SHARE) return null;
  const full = `the cluster's stream holds ${length} of at most ${cap} events (cap), then forwarding waits`;
  if (heldBy === null || heldBy.afterSeq >= lastSeq) return `${full}. They are kept for so long by keep`;
  return `${full}. Furthest behind is ${heldBy.name}`;
}

export type Trimmer = {
  /** As of the last look; null: Redis was never asked. */
  facts(): TrimFacts | null;
  alarm(): string | null;
  stop(): void;
};

export type TrimmerDeps = {
  connection: Connection;
  keys: Keys;
  settings: TrimSettings;
  later(ms: number, call: () => void): () => void;
  /** Told what Redis refuses to do; a lost connection is told by others. */
  log(line: string): void;
};

/** Looks and trims from time to time until it is stopped. Every node may: Redis sees to it that it is not done all the time. */
export function makeTrimmer({ connection, keys, settings, later, log }: TrimmerDeps): Trimmer {
  let facts: TrimFacts | null = null;
  let said: string | null = null;
  let isStopped = false;
  let callOff: () => void = () => undefined;

  const say = (line: string | null) => {
    if (line !== null && line !== said) log(line);
    said = line;
  };

  const round = async (): Promise<number> => {
    try {
      facts = await trim(connection, keys, settings);
      say(alarmOf(facts, settings.cap));
      return facts.goesOn ? 0 : Math.min(LOOK_MS, settings.everyMs ?? LOOK_MS);
    } catch (error) {
      if (!(error instanceof RedisTrouble)) say(`the cluster's stream cannot be trimmed: ${String(error)}`);
      return LOOK_MS;
    }
  };
  const next = () => {
    void round().then((ms) => {
      if (!isStopped) callOff = later(ms, next);
    });
  };
  next();

  return {
    facts: () => facts,
    alarm: () => (facts === null ? null : alarmOf(facts, settings.cap)),
    stop() {
      isStopped = true;
      callOff();
    },
  };
}
