// Writes a partition through to Redis: one commit at a time, each fenced by the lease, until somebody else owns the partition.
//
// What a commit takes along is all that changed until it was begun. One whose outcome is unknown (no answer, a broken connection)
// is sent again: Redis knows by the version whether it had it. A lease holds, for us, from before the question until its length
// later, by a clock that nobody sets; nothing may be begun beyond that.
import type { Event } from "../event/event.ts";
import type { PartitionKeys } from "../partition/keys.ts";
import { commit, type Holder, release } from "../partition/lease.ts";
import type { Partition } from "../partition/partition.ts";
import type { Connection } from "../redis/connection.ts";
import { RedisTrouble } from "../redis/trouble.ts";

/** The part of a lease, at its end, in which nothing new is begun: time passes between a look at it and what is done. */
const MARGIN = 0.1;
const AGAIN_MS = 200;

export type WriterDeps = {
  connection: Connection;
  keys: PartitionKeys;
  holder: Holder;
  leaseMs: number;
  partition: Partition;
  /** Told when Redis is found to have lost data: what was read of the stream may be in it no more. */
  onLoss(): void;
  /** Puts the daemon's own events into this node's stream; they are there when it returns. */
  publishOwn(events: readonly Event[]): void;
  /** Whether changes had better wait: what is under way will be settled in a moment, and need not be written before. */
  mayWait(): boolean;
  /** Steady ms. */
  steadyNow(): number;
  later(ms: number, call: () => void): () => void;
  /** Told once when the partition is somebody else's, or was given up. */
  onLost(why: string): void;
  onCommitted(): void;
};

export type Writer = {
  /** Something has changed, or is about to. */
  touch(): void;
  /** Ends when all that has changed until now is in Redis (true), or never will be from here (false). */
  committed(): Promise<boolean>;
  /** Whether the lease holds: something new may be begun. */
  holds(): boolean;
  isLost(): boolean;
  /** Writes what there is, or only renews the lease. */
  renew(): Promise<void>;
  /**
   * Writes what there is and gives the lease back, however long Redis takes, unless `givenUp` ends before. False: it could not be said
   * to Redis, or another node has it.
   */
  release(givenUp: Promise<unknown>): Promise<boolean>;
};

/** Makes the writer of a partition that was taken just now; `heldFrom`: steady ms before the taking was asked for. */
export function makeWriter(deps: WriterDeps, taken: { version: number; heldFrom: number }): Writer {
  const { connection, keys, holder, leaseMs, partition } = deps;
  let version = taken.version;
  let validUntil = taken.heldFrom + leaseMs;
  let isLost = false;
  let underway: Promise<void> | null = null;
  let wanted = false;
  let dirtySince: number | null = null;
  let waiting: ((done: boolean) => void)[] = [];
  /** Own events that this node's stream has already; they come again until a commit is confirmed. */
  const published = new Set<string>();

  const lose = (why: string) => {
    if (isLost) return;
    isLost = true;
    for (const tell of waiting) tell(false);
    waiting = [];
    deps.onLost(why);
  };

  /** One commit. True: well, or nothing more to do. */
  const once = async (isFull: boolean): Promise<boolean> => {
    const told = waiting;
    waiting = [];
    const changes = isFull ? partition.snapshot() : partition.changes();
    // First in the ledger: a dead letter that nobody hears of is worse than one that is told of twice.
    const own = changes?.ownEvents.filter(({ id }) => !published.has(id)) ?? [];
    if (own.length > 0) deps.publishOwn(own);
    for (const { id } of own) published.add(id);
    const askedAt = deps.steadyNow();
    let answer: Awaited<ReturnType<typeof commit>>;
    try {
      answer = await commit(connection, keys, { ...holder, leaseMs, versionBefore: version, changes });
    } catch (error) {
      if (changes !== null) partition.fail();
      waiting = [...told, ...waiting];
      if (!(error instanceof RedisTrouble)) throw error;
      return false;
    }
    switch (answer.kind) {
      case "ok":
        version = answer.version;
        validUntil = askedAt + leaseMs;
        if (changes !== null) partition.confirm();
        published.clear();
        // What comes once more is passed over; what never came is among it.
        if (partition.noteLoss(answer.lossMs)) deps.onLoss();
        for (const tell of told) tell(true);
        deps.onCommitted();
        return true;
      case "behind":
        if (changes !== null) partition.fail();
        waiting = [...told, ...waiting];
        return isFull ? false : await once(true);
      case "lost":
        if (changes !== null) partition.fail();
        for (const tell of told) tell(false);
        lose("another node has taken it");
        return true;
      default:
        return answer satisfies never;
    }
  };

  const write = async () => {
    // Everything that belongs to the same turn of the loop goes along.
    await new Promise<void>((resolve) => void setImmediate(resolve));
    while (wanted && !isLost) {
      // In the middle of what will be settled at once, unless that takes long.
      if (deps.mayWait() && deps.steadyNow() - (dirtySince ?? 0) < AGAIN_MS) {
        await new Promise<void>((resolve) => void deps.later(1, resolve));
        continue;
      }
      wanted = false;
      dirtySince = null;
      if (await once(false)) continue;
      touchAgain();
      await new Promise<void>((resolve) => void deps.later(AGAIN_MS, resolve));
    }
  };

  const touchAgain = () => {
    wanted = true;
    dirtySince ??= deps.steadyNow();
  };

  const run = (): Promise<void> => {
    touchAgain();
    underway ??= write()
      .catch((error: unknown) => lose(`it cannot be written: ${String(error)}`))
      .finally(() => {
        underway = null;
        if (wanted && !isLost) void run();
      });
    return underway;
  };

  return {
    touch: () => void (isLost || run()),
    committed() {
      if (isLost) return Promise.resolve(false);
      const { promise, resolve } = Promise.withResolvers<boolean>();
      waiting.push(resolve);
      void run();
      return promise;
    },
    holds: () => !isLost && deps.steadyNow() < validUntil - leaseMs * MARGIN,
    isLost: () => isLost,
    async renew() {
      if (!isLost) await run();
    },
    async release(givenUp) {
      const orGivenUp = <T>(work: Promise<T>) => Promise.race([work, givenUp.then(() => null)]);
      if (isLost) return false;
      const committed = new Promise<boolean>((resolve) => waiting.push(resolve));
      void run();
      const isWritten = (await orGivenUp(committed)) === true;
      if (!isWritten) {
        lose("given up, Redis does not answer");
        return false;
      }
      isLost = true;
      try {
        return (await orGivenUp(release(connection, keys, holder).then(() => true))) === true;
      } catch (error) {
        if (error instanceof RedisTrouble) return false;
        throw error;
      }
    },
  };
}
