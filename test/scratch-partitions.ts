// The stream's contract over partitions on a real Redis: one partition for each group, the stream's entries in this process, everything
// else through the leases and scripts of src/partition. `reopen` is the next owner on another node.
//
// Where every verb is followed by a change of owner, its rows go from one to the next in this process, because verbs do not wait; the
// very same commits are carried out in Redis afterwards, and what Redis has then must be the same.
import { expect } from "bun:test";
import type { Event } from "../src/event/event.ts";
import type { DeliveryView, Inspection } from "../src/ledger/inspect.ts";
import { type Entry, entryFields, parseEntry } from "../src/partition/entry.ts";
import { makeKeys, partitionKeys } from "../src/partition/keys.ts";
import { commit, type Holder, loadRows, release, take } from "../src/partition/lease.ts";
import { type Changes, openPartition, type Partition } from "../src/partition/partition.ts";
import type { Connection } from "../src/redis/connection.ts";
import { entriesOf } from "../src/redis/replies.ts";
import type { Stream } from "../src/stream/stream.ts";
import { shortWays } from "./stream-verbs.ts";

const LEASE_MS = 60_000;

type Group = {
  partition: Partition;
  holder: Holder | null;
  version: number;
  /** What Redis will have after the commits in `queue`. */
  rows: Map<string, string>;
  queue: Changes[];
  outcomes: string[];
};

/** What is in the tables of a group, as Redis has it. */
export type Tables = Record<"groups" | "deliveries" | "attempts" | "delivery_events" | "marks" | "starts", any[]> & {
  skips: number;
};

export function openPartitions(connection: Connection, { everyVerb }: { everyVerb: boolean }) {
  const keys = makeKeys(`test-${crypto.randomUUID()}`);
  const groups = new Map<string, Group>();
  const entries: Entry[] = [];
  const seqOfId = new Map<string, number>();
  const told: Event[] = [];
  let now = Date.parse("2026-11-20T12:00:00Z");
  let depth = 0;
  let owners = 0;

  const open = (consumer: string, rows: Map<string, string> | null, startAfterSeq: number): Partition => {
    const partition = openPartition(consumer, rows, { now: () => now, startAfterSeq, createdMs: now });
    const after = partition.resumeAfter();
    partition.take(
      entries.slice(after).map((entry) => ({ entry, wanted: true })),
      entries.length,
    );
    return partition;
  };
  const begin = (consumer: string, startAfterSeq: number): Group => {
    const group: Group = {
      partition: open(consumer, null, startAfterSeq),
      holder: null,
      version: 0,
      rows: new Map(),
      queue: [],
      outcomes: [],
    };
    groups.set(consumer, group);
    return group;
  };
  /** Of a name that has no group: any other partition, which knows of none either. */
  const groupOf = (consumer: string): Group =>
    groups.get(consumer) ?? groups.values().next().value ?? begin("somebody", 0);
  const groupWith = (deliveryId: string): Group => {
    for (const group of groups.values())
      if (group.partition.inspection().deliveriesEnding(deliveryId).length > 0) return group;
    return groupOf("");
  };

  /** The changes since the last time, into the queue of commits. */
  const collect = (group: Group) => {
    const changes = group.partition.changes();
    if (changes === null) return;
    if (changes.full) group.rows.clear();
    for (const [field, text] of changes.set) group.rows.set(field, text);
    for (const field of changes.del) group.rows.delete(field);
    group.queue.push(changes);
    group.outcomes.push(...changes.outcomes);
    for (const event of changes.ownEvents) if (!told.some(({ id }) => id === event.id)) told.push(event);
    group.partition.confirm();
    isWhole(group.rows);
  };
  /** Another owner goes on with what there is. */
  const handOn = (consumer: string, group: Group) => {
    collect(group);
    group.partition.close();
    group.partition = open(consumer, new Map(group.rows), 0);
  };
  const afterVerb = () => {
    if (!everyVerb || depth > 0) return;
    for (const [consumer, group] of groups) handOn(consumer, group);
  };
  const verb = <R>(group: Group, call: (stream: Stream) => R): R => {
    const result = call(group.partition.stream);
    afterVerb();
    return result;
  };
  const keep = ({ partition }: Group, naming: readonly { seqs: readonly number[] }[]) => {
    const seqs = new Set(naming.flatMap((one) => one.seqs));
    partition.keep(entries.filter(({ seq }) => seqs.has(seq)).map(({ seq, event }) => ({ ...event, seq })));
  };
  const ofConsumer =
    <A extends unknown[], R>(pick: (stream: Stream) => (consumer: string, ...rest: A) => R) =>
    (consumer: string, ...rest: A): R =>
      verb(groupOf(consumer), (stream) => pick(stream)(consumer, ...rest));
  /** Of what only reads: there was a change of owner before it already. */
  const asked =
    <A extends unknown[], R>(pick: (stream: Stream) => (consumer: string, ...rest: A) => R) =>
    (consumer: string, ...rest: A): R =>
      pick(groupOf(consumer).partition.stream)(consumer, ...rest);
  const ofDelivery =
    <A extends unknown[], R>(pick: (stream: Stream) => (id: string, ...rest: A) => R) =>
    (id: string, ...rest: A): R =>
      verb(groupWith(id), (stream) => pick(stream)(id, ...rest));
  const all = () => [...groups.values()];
  const any = (what: string) => () => {
    throw new Error(`${what} is the node's own ledger's`);
  };

  const stream: Stream = {
    append: any("append"),
    lastSeq: () => entries.length,
    ledgerId: any("ledgerId"),
    read: (after, limit) => groupOf("").partition.stream.read(after, limit),
    eventsOf: (seqs) => groupOf("").partition.stream.eventsOf(seqs),
    together(work) {
      depth++;
      try {
        const inner = all().reduce<() => ReturnType<typeof work>>(
          (call, { partition }) =>
            () =>
              partition.stream.together(call),
          work,
        );
        return inner();
      } finally {
        depth--;
        afterVerb();
      }
    },
    openGroup(consumer, options) {
      const group = groups.get(consumer) ?? begin(consumer, options.start === "earliest" ? 0 : entries.length);
      return verb(group, (its) => its.openGroup(consumer, options));
    },
    placeOf: asked((its) => its.placeOf),
    decide(decision) {
      // Tests decide once more on what is long decided and gone.
      keep(groupOf(decision.consumer), [...decision.deliveries, ...decision.joins]);
      return verb(groupOf(decision.consumer), (its) => its.decide(decision));
    },
    acceptedMs: asked((its) => its.acceptedMs),
    hold: asked((its) => its.hold),
    cooledMs: asked((its) => its.cooledMs),
    forgetMarks: ofConsumer((its) => its.forgetMarks),
    starts: ofConsumer((its) => its.starts),
    noteStarts: ofConsumer((its) => its.noteStarts),
    setWaiting: ofConsumer((its) => its.setWaiting),
    startable: asked((its) => its.startable),
    wake: ofConsumer((its) => its.wake),
    closeHolds: (ids) => verb(groupWith(ids[0] ?? ""), (its) => its.closeHolds(ids)),
    begin: ofDelivery((its) => its.begin),
    noteGroup: ofDelivery((its) => its.noteGroup),
    settle: ofDelivery((its) => its.settle),
    settleAtOnce: (ids, ...rest) => verb(groupWith(ids[0] ?? ""), (its) => its.settleAtOnce(ids, ...rest)),
    skip: ofDelivery((its) => its.skip),
    setPaused: ofConsumer((its) => its.setPaused),
    retryDead: (ids) => all().reduce((sum, group) => sum + verb(group, (its) => its.retryDead(ids)), 0),
    purgeDead: (ids) => all().reduce((sum, group) => sum + verb(group, (its) => its.purgeDead(ids)), 0),
    replay(consumer, ordered, deliveries) {
      const group = groupOf(consumer);
      keep(group, deliveries);
      return verb(group, (its) => its.replay(consumer, ordered, deliveries));
    },
    forget: ofConsumer((its) => its.forget),
    unfinished: () => all().flatMap(({ partition }) => partition.stream.unfinished()),
    markRemoved: any("markRemoved"),
    removedBefore: any("removedBefore"),
    usedBytes: any("usedBytes"),
    heldBackBytes: any("heldBackBytes"),
    prune: any("prune"),
    expire: any("expire"),
    groupsByPlace: any("groupsByPlace"),
    forwarding: any("forwarding"),
    noteForwarding: any("noteForwarding"),
    renewLedgerId: any("renewLedgerId"),
    endForwarding: any("endForwarding"),
    close: () => undefined,
  };

  /** What those who look see: memory, and what was told of settled deliveries. */
  const inspection = (): Inspection => {
    const parts = all().map(({ partition }) => partition.inspection());
    const settled = all().flatMap(({ outcomes }) => outcomes.map((text) => JSON.parse(text) as DeliveryView));
    const views = <T>(pick: (part: Inspection) => T[]) => parts.flatMap(pick);
    const some = parts[0] ?? groupOf("").partition.inspection();
    return {
      ...some,
      groups: () => all().map(({ partition }) => partition.inspect()),
      *deliveries(filter) {
        for (const part of parts) yield* part.deliveries(filter);
      },
      deliveriesEnding(ending) {
        const found = views((part) => part.deliveriesEnding(ending));
        return found.length > 0 ? found : settled.filter(({ id }) => id.endsWith(ending)).slice(-1);
      },
      skipCounts: (consumer) => views((part) => part.skipCounts(consumer)),
    };
  };

  const keysOf = (consumer: string) => partitionKeys(keys, consumer, 0);
  const takeUp = async (consumer: string, group: Group) => {
    const owner = { node: `n${owners % 2}`, instance: `i${owners++}` };
    const taken = await take(connection, keysOf(consumer), { ...owner, leaseMs: LEASE_MS, graceMs: 0 });
    if (taken.kind !== "taken") throw new Error(`${consumer} is held by ${taken.node}`);
    group.holder = { ...owner, epoch: taken.epoch };
    group.version = taken.version;
    return taken.rows;
  };
  /** Everything that there is into Redis; ends when it has it. */
  const flush = async (consumer: string, group: Group) => {
    collect(group);
    if (group.holder === null) expect(await takeUp(consumer, group)).toBeNull();
    for (const changes of group.queue.splice(0)) {
      const holder = group.holder as Holder;
      // In Redis each of these commits is an owner's first.
      const its = everyVerb ? { ...changes, after: [...changes.after, ""] } : changes;
      const done = await commit(connection, keysOf(consumer), {
        ...holder,
        leaseMs: LEASE_MS,
        versionBefore: group.version,
        changes: its,
      });
      if (done.kind !== "ok") throw new Error(`${consumer}: ${done.kind}`);
      group.version = done.version;
      if (!everyVerb) continue;
      await release(connection, keysOf(consumer), holder);
      await takeUp(consumer, group);
    }
    const rows = await loadRows(connection, keysOf(consumer));
    expect(rows ?? new Map()).toEqual(group.rows);
    const outcomes = entriesOf(await connection.send("XRANGE", [keysOf(consumer).outcomes, "-", "+"]));
    expect(outcomes.map(({ fields }) => fields.get("d") ?? "")).toEqual(group.outcomes);
  };

  const ground = {
    stream,
    look: <T>(what: (inspection: Inspection) => T): T => what(inspection()),
    get now() {
      return now;
    },
    set now(ms: number) {
      now = ms;
    },
    appendAll(events: readonly Event[]): number {
      let added = 0;
      for (const event of events) {
        // One that is there already is sent again, as after a loss.
        const originSeq = seqOfId.get(event.id) ?? seqOfId.size + 1;
        const again = seqOfId.has(event.id);
        if (!again) added++;
        seqOfId.set(event.id, originSeq);
        const fields = [...entryFields(event, "n1/ledger", originSeq), ...(again ? ["a", "1"] : [])];
        const pairs = new Map(
          Array.from({ length: fields.length / 2 }, (_, at) => [fields[2 * at] ?? "", fields[2 * at + 1] ?? ""]),
        );
        entries.push(parseEntry(`${entries.length + 1}-0`, pairs));
      }
      for (const { partition } of groups.values())
        partition.take(
          entries.slice(partition.resumeAfter()).map((entry) => ({ entry, wanted: true })),
          entries.length,
        );
      afterVerb();
      return added;
    },
  };
  const added = {
    /** The daemon's own events that were written along, in order. */
    told,
    /** What is settled well is not kept beside the counts, but told. */
    keepsSettled: false,
    async reopen() {
      for (const [consumer, group] of groups) {
        await flush(consumer, group);
        await release(connection, keysOf(consumer), group.holder as Holder);
        const rows = await takeUp(consumer, group);
        group.partition.close();
        group.partition = open(consumer, new Map(rows), 0);
      }
    },
    async end() {
      for (const [consumer, group] of groups) {
        await flush(consumer, group);
        group.partition.close();
      }
    },
    seqs: () => entries.map(({ seq }) => seq),
    async tables(consumer: string): Promise<Tables> {
      const group = groupOf(consumer);
      await flush(consumer, group);
      const of = (kind: string) => [...group.rows].filter(([field]) => field.startsWith(kind));
      const deliveries = of("d:").map(([, text]) => JSON.parse(text));
      const group_ = group.rows.has("g") ? [JSON.parse(group.rows.get("g") ?? "")] : [];
      return {
        groups: group_.map(({ row }) => row),
        deliveries: deliveries.map(({ row }) => row),
        attempts: deliveries.flatMap(({ row, attempts }) => attempts.map(() => row)),
        delivery_events: deliveries.flatMap(({ row, seqs }) => seqs.map(() => row)),
        marks: of("m:"),
        starts: of("s:"),
        skips: group_.flatMap(({ skips }) => skips).reduce((sum, { count }) => sum + count, 0),
      };
    },
  };
  return Object.assign(ground, shortWays(ground), added);
}

/** Every event that a delivery names is there, and no other. */
function isWhole(rows: ReadonlyMap<string, string>): void {
  const named = new Set(
    [...rows].filter(([field]) => field.startsWith("d:")).flatMap(([, text]) => JSON.parse(text).seqs),
  );
  const there = [...rows.keys()].filter((field) => field.startsWith("ev:")).map((field) => Number(field.slice(3)));
  expect(there.sort((a, b) => a - b)).toEqual([...named].sort((a, b) => a - b));
}
