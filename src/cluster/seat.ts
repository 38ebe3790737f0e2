// One partition while this node owns it: the same loop that runs a consumer on one machine, over the partition's ledger in memory.
//
// 1. pull: what is new in the stream and of this partition goes into that ledger, never more than it can do soon.
// 2. the dispatcher decides and begins, as it does for any group.
// 3. the writer puts what changed into Redis. A command or request starts only once the commit that says so is confirmed: whoever
//    lost the partition without noticing starts nothing. What runs inside the daemon (log, none) is done and then written.
import type { Consumer } from "../config/schema.ts";
import { makeDispatcher } from "../dispatch/dispatcher.ts";
import { runsInside } from "../dispatch/inside.ts";
import type { Surroundings } from "../dispatch/surroundings.ts";
import type { Event } from "../event/event.ts";
import { keyOf } from "../match/key.ts";
import { compileMatch } from "../match/match.ts";
import type { PartitionKeys } from "../partition/keys.ts";
import type { Holder } from "../partition/lease.ts";
import type { Partition } from "../partition/partition.ts";
import type { Connection } from "../redis/connection.ts";
import type { Tail } from "../relay/tail.ts";
import type { Stream } from "../stream/stream.ts";
import { makeCommittedStart } from "./committed-start.ts";
import type { PartitionCounts } from "./nodes.ts";
import { partitionOf } from "./shares.ts";
import { makeWriter } from "./writer.ts";

/** Events asked for at once; and how many deliveries may start, or wait for whatever it is, before the rest stays in the stream. */
const PAGE = 500;
const MOST_READY = 1_000;
const MOST_PENDING = 20_000;
/** How long the end of the daemon waits for Redis beyond what runs, in ms: then the lease runs out by itself. */
const GIVE_BACK_MS = 3_000;

export type SeatDeps = {
  connection: Connection;
  keys: PartitionKeys;
  holder: Holder;
  leaseMs: number;
  surroundings: Surroundings;
  tail: Tail;
  steadyNow(): number;
  publishOwn(events: readonly Event[]): void;
  /** Carries out what people asked of the partition; true: something was. */
  answer(commit: () => Promise<boolean>): Promise<boolean>;
  log(line: string): void;
  onLost(): void;
};

export type Seat = {
  consumer: string;
  partition: number;
  /** `lastSeq` and `length`: of the stream. Its seqs jump where Redis was started anew, so lag is no more than there is. */
  counts(lastSeq: number, length: number): PartitionCounts;
  /** Goes on with this consumer, where it is not the very same one. */
  follow(consumer: Consumer): void;
  /** Something may be new in the stream. */
  pull(): void;
  /** Something may have changed around it. */
  advance(): void;
  /** Renews the lease and looks for requests. */
  tend(): Promise<void>;
  /** Renews the lease alone, while the seat is being left. */
  renew(): Promise<void>;
  isRunning(): boolean;
  isLost(): boolean;
  /**
   * Begins nothing more, lets what runs end, writes it, and gives the partition back. `stopping` ends when the daemon does: until then
   * what ran is not given up only because Redis does not answer. False: it was given up, or is another node's.
   */
  leave(stopping: Promise<void>): Promise<boolean>;
  /** Ends what runs: its deliveries are ready again. */
  endRunning(): void;
};

/** Sits down on a partition that was taken at `heldFrom` (steady ms), with `version`. */
export function makeSeat(
  first: Consumer,
  place: { partition: number; partitions: number },
  partition: Partition,
  taken: { version: number; heldFrom: number },
  deps: SeatDeps,
): Seat {
  const { tail } = deps;
  let consumer = first;
  let wants = compileMatch(consumer, deps.surroundings.realPath);
  let isLeaving = false;
  let isPulling = false;
  let pullAgain = false;
  let hasMissed = false;

  const writer = makeWriter(
    {
      connection: deps.connection,
      keys: deps.keys,
      holder: deps.holder,
      leaseMs: deps.leaseMs,
      partition,
      onLoss: tail.forget,
      publishOwn: deps.publishOwn,
      mayWait: () => runsInside(consumer) && (dispatcher.isRunning() || partition.pending() > 0) && !isLeaving,
      steadyNow: deps.steadyNow,
      later: deps.surroundings.later,
      onLost(why) {
        deps.log(`${first.name}/${place.partition}: ${why}`);
        dispatcher.leave();
        dispatcher.endRunning();
        deps.onLost();
      },
      onCommitted: () => void pull(),
    },
    taken,
  );

  const stream: Stream = {
    ...partition.stream,
    together(work) {
      const done = partition.stream.together(work);
      writer.touch();
      if (partition.undecided() === 0) pull();
      return done;
    },
  };

  const starts = makeCommittedStart({ ...deps.surroundings, committed: writer.committed });
  const dispatcher = makeDispatcher(first, {
    ...deps.surroundings,
    stream,
    slots: starts.slots,
    startAttempt: starts.startAttempt,
    // Lost for good, it begins nothing any more and need not come back to look.
    isFull: () => deps.surroundings.isFull() || starts.isLate() || !(writer.holds() || writer.isLost()),
    // A node that does not run it gives it back: its events are another's to decide on.
    isOff: () => false,
    // The projects and files of other machines are not here to be asked.
    silencingOf: () => null,
    planContext: (delivery) => ({ ...deps.surroundings.planContext(delivery), exists: () => true }),
    onOwnEvents: () => undefined,
  });

  const isOurs = (event: Event) =>
    wants(event) && partitionOf(keyOf(consumer, event), place.partitions) === place.partition;

  const pull = () => {
    pullAgain = true;
    if (isPulling || isLeaving) return;
    isPulling = true;
    void takeIn()
      .catch((error: unknown) => deps.surroundings.fail(error))
      .finally(() => {
        isPulling = false;
        if (pullAgain) pull();
      });
  };

  const mayTakeIn = () =>
    !isLeaving &&
    !dispatcher.isPaused() &&
    writer.holds() &&
    partition.undecided() === 0 &&
    partition.ready() < MOST_READY &&
    partition.pending() < MOST_PENDING;

  const takeIn = async () => {
    pullAgain = false;
    while (mayTakeIn()) {
      const fromSeq = partition.resumeAfter();
      const page = await tail.after(fromSeq, PAGE);
      if (page === null || page.throughSeq <= fromSeq || !mayTakeIn()) return;
      if (page.missing && !hasMissed)
        deps.log(`${first.name}/${place.partition}: events were trimmed before it had read them`);
      hasMissed = page.missing;
      const entries = page.entries.map((entry) => ({ entry, wanted: isOurs(entry.event) }));
      partition.take(entries, page.throughSeq, fromSeq);
      // What nobody wants moves the place in the stream alone: that is written with the next renewal.
      if (entries.some((one) => one.wanted)) dispatcher.advance();
    }
  };

  return {
    consumer: first.name,
    partition: place.partition,
    counts(lastSeq, length) {
      const { pending, held, dead, ok, findings, failed, skipped } = partition.inspect();
      const lag = Math.max(0, Math.min(length, lastSeq - partition.resumeAfter())) + partition.undecided();
      return { lag, pending, held, dead, ok, findings, failed, skipped };
    },
    follow(changed) {
      // The same file may name another secret now.
      if (changed === consumer) return;
      consumer = changed;
      wants = compileMatch(changed, deps.surroundings.realPath);
      dispatcher.replace(changed);
    },
    pull,
    advance: dispatcher.advance,
    async tend() {
      await writer.renew();
      if (writer.isLost() || isLeaving) return;
      const wasAsked = await deps.answer(writer.committed);
      if (wasAsked && !writer.isLost()) dispatcher.lookAgain();
      pull();
    },
    renew: writer.renew,
    isRunning: dispatcher.isRunning,
    isLost: writer.isLost,
    async leave(stopping) {
      isLeaving = true;
      await dispatcher.stop();
      const { later } = deps.surroundings;
      const givenUp = stopping.then(() => new Promise<void>((resolve) => void later(GIVE_BACK_MS, resolve)));
      const isGivenBack = await writer.release(givenUp);
      partition.close();
      return isGivenBack;
    },
    endRunning: dispatcher.endRunning,
  };
}
