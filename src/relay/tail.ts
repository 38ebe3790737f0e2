// What is new in the cluster's stream, for all partitions of a node together: one blocking reader that only wakes, and pages that
// are fetched and parsed once however many partitions ask for them.
import { type Entry, parsePairs } from "../partition/entry.ts";
import type { Keys } from "../partition/keys.ts";
import { type Connection, RedisTrouble, script } from "../redis/connection.ts";
import { makePause } from "./pause.ts";

/** Of one page, about: one event that is larger comes alone. */
const PAGE_CHARACTERS = 1_000_000;
const PAGE_ENTRIES = 500;
/** Of the pages that are kept for partitions that are a little behind. */
const KEPT_CHARACTERS = 16_000_000;
const KEPT_PAGES = 256;
/** How long one read blocks; after that it is looked whether Redis has lost data, which wakes nobody. */
const BLOCK_MS = 2_000;
const AGAIN_MS = 500;

/**
 * `throughSeq`: all up to here are in `entries`, or were before. `lastSeq`: the last seq that was given. `missing`: entries after
 * the seq that was asked for have been trimmed away.
 */
export type TailPage = { entries: Entry[]; throughSeq: number; lastSeq: number; missing: boolean };

export type Tail = {
  /** At most `limit` entries after a seq, in order; null: Redis cannot be asked now, `onNew` tells when to come again. */
  after(seq: number, limit: number): Promise<TailPage | null>;
  /** Calls when something is new, or may be. */
  onNew(call: () => void): void;
  /** Forgets the pages that are kept: the stream may have been replaced by another. */
  forget(): void;
  stop(): Promise<void>;
};

export type TailDeps = {
  connection: Connection;
  /** Of its own, for reads that block. It is closed by `stop`. */
  blocking: Connection;
  keys: Keys;
  later?(ms: number, call: () => void): () => void;
};

type Page = { afterSeq: number; throughSeq: number; trimmedSeq: number; entries: Entry[]; size: number };

// The first pieces are small: their sizes tell how many more fit. Without its last argument it only says where the stream is.
const PAGE = script(
  "page",
  `
local seqs, events, meta = KEYS[1], KEYS[2], KEYS[3]
local limit, budget = tonumber(ARGV[2]), tonumber(ARGV[3])
local found, size, from, piece, isEnd = {}, 0, '(' .. ARGV[1] .. '-0', 4, 0
while #found < limit and size < budget do
  local asked = math.min(piece, limit - #found)
  local got = redis.call('XRANGE', events, from, '+', 'COUNT', asked)
  for _, entry in ipairs(got) do
    found[#found + 1] = entry
    for _, part in ipairs(entry[2]) do size = size + #part end
  end
  if #got < asked then
    isEnd = 1
    break
  end
  from = '(' .. got[#got][1]
  piece = math.max(1, math.floor((budget - size) * #found / (size + 1)))
end
local facts = redis.call('HMGET', meta, 'trimmedSeq', 'lossMs', 'largeSeq')
return {redis.call('GET', seqs) or '0', facts[1] or '0', facts[2] or '', facts[3] or '0', isEnd, size, found}
`,
);

/** Begins to wait for what is new. */
export function makeTail({ connection, blocking, keys, later = afterMs }: TailDeps): Tail {
  const calls: (() => void)[] = [];
  const pause = makePause(later);
  const loading = new Map<number, Promise<Page | null>>();
  let pages: Page[] = [];
  let lastSeq = 0;
  /** The last large event that was appended; until it is known, all are. */
  let largeSeq = Number.POSITIVE_INFINITY;
  let loss: string | null = null;
  let isStopping = false;

  const forget = () => {
    pages = [];
    loading.clear();
  };

  /** Where the stream is now. What was kept of one that has lost data since may be in no stream any more. */
  const learn = (seq: number, lossNow: string) => {
    if (seq < lastSeq || (loss !== null && loss !== lossNow)) forget();
    lastSeq = seq;
    loss = lossNow;
  };

  const ask = async (via: Connection, afterSeq: number, limit: number) => {
    const reply = await via.run(PAGE, [keys.seq, keys.events, keys.meta], [afterSeq, limit, PAGE_CHARACTERS]);
    const [seq, trimmed, lossNow, large, isEnd, size, found] = reply as RawPage;
    learn(Number(seq), lossNow);
    largeSeq = Number(large);
    return { seq: Number(seq), trimmedSeq: Number(trimmed), isEnd: isEnd === 1, size, found };
  };

  /**
   * The same where no event of the page is large: read as it is, which costs Redis a fifth. Both are asked at once, so the stream ends
   * where it was known to end before: what came since may be in neither.
   */
  const askSmall = async (afterSeq: number) => {
    const range = [keys.events, `(${afterSeq}-0`, "+", "COUNT", PAGE_ENTRIES];
    const before = lastSeq;
    const [facts, found] = await Promise.all([
      ask(connection, afterSeq, 0),
      connection.send("XRANGE", range) as Promise<RawEntry[]>,
    ]);
    const size = found.reduce((sum, [, fields]) => sum + fields.reduce((all, field) => all + field.length, 0), 0);
    return { ...facts, seq: Math.min(before, facts.seq), isEnd: found.length < PAGE_ENTRIES, size, found };
  };

  const load = async (afterSeq: number): Promise<Page | null> => {
    let asked: Awaited<ReturnType<typeof ask>>;
    try {
      asked = await (largeSeq > afterSeq ? ask(connection, afterSeq, PAGE_ENTRIES) : askSmall(afterSeq));
    } catch (error) {
      if (error instanceof RedisTrouble) return null;
      throw error;
    }
    const { seq, trimmedSeq, isEnd, size, found } = asked;
    const entries = found.map(([id, fields]) => parsePairs(id, fields));
    const lastOfPage = entries.at(-1)?.seq ?? afterSeq;
    // At the end of the stream: whatever comes later comes after the last seq that was given, also where none has it.
    return { afterSeq, throughSeq: isEnd ? Math.max(lastOfPage, seq) : lastOfPage, trimmedSeq, entries, size };
  };

  const loadOnce = (afterSeq: number): Promise<Page | null> => {
    const underway = loading.get(afterSeq);
    if (underway !== undefined) return underway;
    const made: Promise<Page | null> = load(afterSeq)
      .then((page) => {
        // What was forgotten while it was on its way is not kept.
        if (page !== null && loading.get(afterSeq) === made) keep(page);
        return page;
      })
      .finally(() => {
        if (loading.get(afterSeq) === made) loading.delete(afterSeq);
      });
    loading.set(afterSeq, made);
    return made;
  };

  const keep = (page: Page) => {
    if (page.throughSeq > page.afterSeq) pages.push(page);
    let size = pages.reduce((sum, one) => sum + one.size, 0);
    while (pages.length > KEPT_PAGES || (size > KEPT_CHARACTERS && pages.length > 1)) size -= pages.shift()?.size ?? 0;
  };

  const tellAll = () => {
    // What is on its way may have been read before what is told of now.
    loading.clear();
    for (const call of calls) call();
  };

  const watch = async () => {
    let wasDown = true;
    while (!isStopping) {
      try {
        const [before, lossBefore] = [lastSeq, loss];
        const isNew = wasDown ? null : await blocking.send("XREAD", read(lastSeq), { timeoutMs: BLOCK_MS + 5_000 });
        await ask(blocking, lastSeq, 0);
        if (wasDown || isNew !== null || lastSeq !== before || loss !== lossBefore) tellAll();
        wasDown = false;
      } catch (error) {
        if (isStopping) return;
        // Whatever it is, who reads a page meets it too, and says it.
        wasDown = true;
        await pause.forMs(error instanceof RedisTrouble ? AGAIN_MS : BLOCK_MS);
      }
    }
  };
  const read = (afterSeq: number) => ["BLOCK", BLOCK_MS, "COUNT", 1, "STREAMS", keys.events, `${afterSeq}-0`];

  blocking.onChange((up) => {
    if (up) pause.end();
  });
  const watching = watch();

  return {
    async after(seq, limit) {
      const page = pages.find((one) => one.afterSeq <= seq && seq < one.throughSeq) ?? (await loadOnce(seq));
      if (page === null) return null;
      const entries = page.afterSeq === seq ? page.entries : page.entries.filter((entry) => entry.seq > seq);
      const isWhole = entries.length <= limit;
      return {
        entries: isWhole ? entries : entries.slice(0, limit),
        throughSeq: isWhole ? page.throughSeq : (entries[limit - 1]?.seq ?? seq),
        lastSeq: Math.max(lastSeq, page.throughSeq),
        missing: page.trimmedSeq > seq,
      };
    },
    onNew: (call) => void calls.push(call),
    forget,
    async stop() {
      isStopping = true;
      pause.end();
      blocking.close();
      await watching;
    },
  };
}

type RawEntry = [id: string, fields: string[]];
type RawPage = [string, string, string, string, number, number, RawEntry[]];

function afterMs(ms: number, call: () => void): () => void {
  const timer = setTimeout(call, ms);
  return () => clearTimeout(timer);
}
