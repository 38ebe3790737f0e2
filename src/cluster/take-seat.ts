// Taking a partition: the lease, its rows into memory, what a dead owner left running, and a seat on it.
import type { Consumer } from "../config/schema.ts";
import { partitionKeys } from "../partition/keys.ts";
import { release, take } from "../partition/lease.ts";
import { openPartition } from "../partition/partition.ts";
import { answerRequests } from "./answer.ts";
import type { ClusterDeps } from "./given.ts";
import { graceOf } from "./leases.ts";
import type { GroupRecord } from "./nodes.ts";
import { makeSeat, type Seat } from "./seat.ts";
import { withRedaction } from "./told.ts";

/** Takes a partition; null: another node was first. Errors: RedisTrouble, rows of a newer offhook (78). */
export async function takeSeat(
  consumer: Consumer,
  group: GroupRecord,
  place: { partition: number; partitions: number },
  deps: ClusterDeps,
  onLost: () => void,
): Promise<Seat | null> {
  const { connection, keys, me, leaseMs, log } = deps;
  const name = `${consumer.name}/${place.partition}`;
  const itsKeys = partitionKeys(keys, consumer.name, place.partition);
  const heldFrom = deps.steadyNow();
  const holder = { node: me.name, instance: me.instance };
  const taken = await take(connection, itsKeys, { ...holder, leaseMs, graceMs: graceOf(leaseMs) });
  if (taken.kind === "held") return null;
  const isFromStart = consumer.start === "earliest";
  const open = () =>
    openPartition(consumer.name, taken.rows, {
      now: deps.surroundings.now,
      startAfterSeq: isFromStart ? 0 : group.beganSeq,
      createdMs: isFromStart ? 0 : group.beganMs,
    });
  let partition: ReturnType<typeof open>;
  try {
    partition = withRedaction(open(), deps.redact);
  } catch (error) {
    // Another node may be able to read what we cannot.
    await release(connection, itsKeys, { ...holder, epoch: taken.epoch });
    throw error;
  }
  if (partition.noteLoss(taken.lossMs)) deps.tail.forget();
  const left = await deps.recover(partition.stream);
  log(`${name}: owned by this node now${left > 0 ? `; ${left} that ran are ready again` : ""}`);
  return makeSeat(
    consumer,
    place,
    partition,
    { version: taken.version, heldFrom },
    {
      connection,
      keys: itsKeys,
      holder: { ...holder, epoch: taken.epoch },
      leaseMs,
      surroundings: deps.surroundings,
      tail: deps.tail,
      steadyNow: deps.steadyNow,
      publishOwn: deps.publishOwn,
      answer: (commit) =>
        answerRequests({
          connection,
          keys,
          place: { consumer: consumer.name, partition: place.partition },
          partition,
          commit,
        }),
      log,
      onLost,
    },
  );
}
