// Looking at a cluster through Redis: what there is, and every partition's state in the shapes of a ledger. Reads only, takes no
// lease, and needs no daemon.

import { readLeases } from "../cluster/leases.ts";
import { type GroupRecord, isAlive, type NodeRecord } from "../cluster/nodes.ts";
import { groupRecords, nodeRecords } from "../cluster/records.ts";
import type { Place } from "../cluster/requests.ts";
import { EXIT, messageOf, OffhookError } from "../errors.ts";
import type { Inspection } from "../ledger/inspect.ts";
import { type Keys, partitionKeys } from "../partition/keys.ts";
import { loadRows } from "../partition/lease.ts";
import { openPartition } from "../partition/partition.ts";
import type { Connection } from "../redis/connection.ts";
import { pairsOf } from "../redis/replies.ts";
import type { ConsumerSeen, PartitionSeen, Seen } from "./picture.ts";

/** What Redis has beside the partitions. Times are of its clock, in ms since 1970. */
export type Facts = {
  nowMs: number;
  lastSeq: number;
  events: number;
  lossMs: number | null;
  nodes: NodeRecord[];
  groups: Map<string, GroupRecord>;
  /** Fields of the hashes of nodes and consumers that are no records, as "nodes NAME" and "groups NAME". */
  unreadable: string[];
};

/** A partition's state, opened for looking; `resumeAfter`: it has decided on all events up to there. Who opens it closes it. */
export type OpenedPartition = { place: Place; inspection: Inspection; resumeAfter: number; close(): void };

/** Reads what there is, without the partitions. Errors: RedisTrouble. */
export async function readFacts(connection: Connection, keys: Keys): Promise<Facts> {
  const [time, seq, events, lossMs, nodes, groups] = await Promise.all([
    connection.send("TIME", []) as Promise<[string, string]>,
    connection.send("GET", [keys.seq]) as Promise<string | null>,
    connection.send("XLEN", [keys.events]) as Promise<number>,
    connection.send("HGET", [keys.meta, "lossMs"]) as Promise<string | null>,
    connection.send("HGETALL", [keys.nodes]),
    connection.send("HGETALL", [keys.groups]),
  ]);
  const known = { nodes: nodeRecords(pairsOf(nodes)), groups: groupRecords(pairsOf(groups)) };
  return {
    nowMs: Number(time[0]) * 1000 + Math.floor(Number(time[1]) / 1000),
    lastSeq: Number(seq ?? 0),
    events,
    lossMs: lossMs === null ? null : Number(lossMs),
    nodes: [...known.nodes.records.values()],
    groups: known.groups.records,
    unreadable: [
      ...known.nodes.unreadable.map((name) => `nodes ${name}`),
      ...known.groups.unreadable.map((name) => `groups ${name}`),
    ].sort(),
  };
}

/** The partitions of these consumers, one after the other: what one holds need not be kept when the next is looked at. Errors: RedisTrouble. */
export async function* openPartitions(
  connection: Connection,
  keys: Keys,
  groups: ReadonlyMap<string, GroupRecord>,
): AsyncGenerator<OpenedPartition> {
  for (const [consumer, { partitions, beganMs, beganSeq }] of groups) {
    for (let partition = 0; partition < partitions; partition++) {
      const rows = await loadRows(connection, partitionKeys(keys, consumer, partition));
      const opened = readable(`${consumer}/${partition}`, () =>
        openPartition(consumer, rows, { now: Date.now, startAfterSeq: beganSeq, createdMs: beganMs }),
      );
      const { inspection, close } = opened;
      yield { place: { consumer, partition }, inspection: inspection(), resumeAfter: opened.resumeAfter(), close };
    }
  }
}

/** Rows that are none of ours are no fault of this program. */
function readable<T>(name: string, open: () => T): T {
  try {
    return open();
  } catch (error) {
    if (error instanceof OffhookError) throw error;
    throw new OffhookError(EXIT.failed, `what Redis has of ${name} cannot be read: ${messageOf(error)}`);
  }
}

/** Events of the stream that a consumer has not decided on. Errors: RedisTrouble. */
export async function lagIn(connection: Connection, keys: Keys, name: string, record: GroupRecord): Promise<number> {
  const { lastSeq } = await readFacts(connection, keys);
  let lag = 0;
  for await (const { resumeAfter, close } of openPartitions(connection, keys, new Map([[name, record]]))) {
    lag = Math.max(lag, lastSeq - resumeAfter);
    close();
  }
  return lag;
}

/** Everything that people are shown. Errors: RedisTrouble. */
export async function lookAround(connection: Connection, keys: Keys): Promise<Seen> {
  const facts = await readFacts(connection, keys);
  const consumers = new Map<string, ConsumerSeen>();
  for (const [name, record] of facts.groups) consumers.set(name, { name, record, partitions: [] });
  const places = [...facts.groups].flatMap(([consumer, { partitions }]) =>
    Array.from({ length: partitions }, (_, partition) => ({ consumer, partition })),
  );
  const [leases, asked] = await Promise.all([
    readLeases(connection, keys, places),
    Promise.all(
      places.map((one) => connection.send("LLEN", [keys.ask(one.consumer, one.partition)]) as Promise<number>),
    ),
  ]);
  let at = 0;
  for await (const { place, inspection, resumeAfter, close } of openPartitions(connection, keys, facts.groups)) {
    const lease = leases[at];
    const owner = lease == null || lease.untilMs <= facts.nowMs ? null : lease.node;
    const [state] = inspection.groups(Date.now());
    const skips = inspection.skipCounts(null);
    close();
    if (state !== undefined) {
      const lag = lagOf(place, facts, owner, facts.lastSeq - resumeAfter);
      const seen: PartitionSeen = { ...place, owner, state: { ...state, lag }, skips, asked: asked[at] ?? 0 };
      consumers.get(place.consumer)?.partitions.push(seen);
    }
    at++;
  }
  return { ...facts, consumers: [...consumers.values()] };
}

/** The owner knows better than its last commit, which does not tell of events that nobody wanted. */
function lagOf({ consumer, partition }: Place, facts: Facts, owner: string | null, byRows: number): number {
  const record = facts.nodes.find((one) => one.name === owner && isAlive(one, facts.nowMs));
  const told = record?.owned[`${consumer}/${partition}`]?.lag;
  return Math.max(0, told === undefined ? byRows : Math.min(told, byRows));
}
