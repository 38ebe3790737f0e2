// What people are shown of a cluster, made of what was read from Redis and of what this node knows. Pure. The shape is that of
// `cluster` in `status --json`: it changes only by addition.

import { type GroupRecord, isAlive, type NodeRecord } from "../cluster/nodes.ts";
import { hashInUse } from "../cluster/shares.ts";
import type { ClusterState } from "../cluster/state.ts";
import type { GroupState } from "../ledger/group-state.ts";
import type { SkipCount } from "../ledger/skip-pages.ts";

/** A partition as Redis has it. `owner`: the node whose lease holds; null: nobody's. `state.lag` counts events of the cluster's stream. */
export type PartitionSeen = {
  partition: number;
  owner: string | null;
  state: GroupState;
  skips: SkipCount[];
  asked: number;
};
export type ConsumerSeen = { name: string; record: GroupRecord; partitions: PartitionSeen[] };

/** What Redis has, read at `nowMs` of its clock. `events`: how many are in the stream. `usedBytes`, `maxBytes`: of Redis's memory. */
export type Seen = {
  nowMs: number;
  lastSeq: number;
  events: number;
  lossMs: number | null;
  nodes: NodeRecord[];
  consumers: ConsumerSeen[];
  /** What Redis has among nodes and consumers that is neither. */
  unreadable?: string[];
};

/** What this node knows by itself. `files`: its well consumer files of scope cluster. */
export type Here = {
  node: string;
  addresses: string[];
  cap: number;
  daemon: ClusterState | null;
  /** Events of this node that were not sent yet. */
  unsent: number;
  files: ReadonlyMap<string, { hash: string; partitions: number }>;
};

type Counts = Omit<GroupState, "consumer" | "removedMs" | "lastOutcomeMs" | "oldestMs" | "waiting" | "paused">;

export type NodeView = {
  name: string;
  isHere: boolean;
  alive: boolean;
  seenAt: string;
  silentMs: number;
  version: string;
  startedAt: string;
  forward: NodeRecord["forward"];
  local: NodeRecord["local"];
  /** CONSUMER/PARTITION. */
  owned: string[];
  /** Names of the cluster consumers that it could run. */
  consumers: string[];
};

/** `why`: why nobody owns it; null: somebody does. `asked`: changes that wait for an owner. */
export type PartitionView = {
  partition: number;
  owner: string | null;
  why: string | null;
  paused: boolean;
  asked: number;
} & Pick<Counts, "lag" | "pending" | "dead">;

/**
 * active: all is well. paused: by a person. unowned: some partition is nobody's and will not be. `otherFile`, `noFile`: live nodes
 * with another text of the file, or that cannot run it (no file, a broken one, disabled). `wanted`: the `partitions` of this node's file where they differ.
 */
export type ConsumerView = {
  name: string;
  state: "active" | "paused" | "unowned";
  partitions: PartitionView[];
  otherFile: string[];
  noFile: string[];
  wanted: number | null;
  paused: boolean;
  waiting: "rate" | null;
  skippedBy: Record<string, number>;
  oldestMs: number | null;
  lastOutcomeAt: string | null;
} & Counts;

/** `unseen`: why Redis could not be looked at; then what it has is empty. `nameTaken`: another machine goes by this node's name. */
export type ClusterView = {
  addresses: string[];
  unseen: string | null;
  daemon: ClusterState | null;
  nameTaken: boolean;
  /** Events that wait in the ledger here to be sent. */
  unsent: number;
  events: number;
  cap: number;
  lastSeq: number;
  lossAt: string | null;
  nodes: NodeView[];
  consumers: ConsumerView[];
  /** "nodes NAME", "groups NAME": what Redis has there and is no record. */
  unreadable: string[];
};

const COUNTS = [
  "pending",
  "held",
  "ready",
  "running",
  "backoff",
  "dead",
  "ok",
  "findings",
  "failed",
  "skipped",
] as const;

/** A cluster that cannot be seen from here, and why. */
export function unseenPicture({ addresses, cap, daemon, unsent }: Here, why: string): ClusterView {
  const nothing = { nameTaken: false, events: 0, lastSeq: 0, lossAt: null, nodes: [], consumers: [], unreadable: [] };
  return { addresses, unseen: why, daemon, unsent, cap, ...nothing };
}

/** A cluster as it was seen. */
export function pictureOf(here: Here, seen: Seen): ClusterView {
  const { addresses, cap, daemon, unsent, node } = here;
  const nameTaken = isNameTaken(here, seen);
  // A record of our name is then another machine's.
  const me = nameTaken ? null : node;
  return {
    addresses,
    unseen: null,
    daemon,
    nameTaken,
    unsent,
    events: seen.events,
    cap,
    lastSeq: seen.lastSeq,
    lossAt: seen.lossMs === null || !Number.isFinite(seen.lossMs) ? null : new Date(seen.lossMs).toISOString(),
    nodes: seen.nodes.map((one) => nodeView(one, me, seen.nowMs)).sort(byName),
    consumers: seen.consumers.map((one) => consumerView(one, here, seen)).sort(byName),
    unreadable: seen.unreadable ?? [],
  };
}

/** Somebody tells of this node while its own daemon has taken no part for longer than a record lasts. */
function isNameTaken({ node, daemon }: Here, { nodes, nowMs }: Seen): boolean {
  const record = nodes.find((one) => one.name === node);
  if (daemon?.isNameTaken === true) return true;
  if (record === undefined || daemon === null || daemon.trouble === null) return false;
  return isAlive(record, nowMs) && (daemon.troubleMs ?? 0) > record.silentAfterMs;
}

function nodeView(record: NodeRecord, here: string | null, nowMs: number): NodeView {
  const { name, version, seenMs, startedMs, forward, local } = record;
  return {
    name,
    isHere: name === here,
    alive: isAlive(record, nowMs),
    seenAt: new Date(seenMs).toISOString(),
    silentMs: Math.max(0, nowMs - seenMs),
    version,
    startedAt: new Date(startedMs).toISOString(),
    forward,
    local,
    owned: isAlive(record, nowMs) ? Object.keys(record.owned).sort() : [],
    consumers: Object.keys(record.consumers).sort(),
  };
}

function consumerView({ name, record, partitions }: ConsumerSeen, here: Here, seen: Seen): ConsumerView {
  const live = seen.nodes.filter((one) => isAlive(one, seen.nowMs));
  const hash = hashInUse(name, live, record.hash);
  const hashOf = (node: NodeRecord) => (Object.hasOwn(node.consumers, name) ? node.consumers[name] : undefined);
  const wanted = here.files.get(name)?.partitions ?? record.partitions;
  const views = partitions.map(({ partition, owner, state, asked }): PartitionView => {
    const { lag, pending, dead, paused } = state;
    return { partition, owner, why: owner === null ? whyUnowned(hash) : null, paused, asked, lag, pending, dead };
  });
  const states = partitions.map((one) => one.state);
  const paused = states.length > 0 && states.every((one) => one.paused);
  const skippedBy: Record<string, number> = {};
  for (const { reason, count } of partitions.flatMap((one) => one.skips))
    skippedBy[reason] = (skippedBy[reason] ?? 0) + count;
  const sum = (of: (typeof COUNTS)[number]) => states.reduce((all, one) => all + one[of], 0);
  const lasts = states.flatMap((one) => one.lastOutcomeMs ?? []);
  const oldest = states.flatMap((one) => one.oldestMs ?? []);
  return {
    name,
    state: views.some((one) => one.owner === null) && hash === null ? "unowned" : paused ? "paused" : "active",
    partitions: views,
    otherFile: live.filter((one) => hashOf(one) !== undefined && hashOf(one) !== hash).map((one) => one.name),
    noFile: live.filter((one) => hashOf(one) === undefined).map((one) => one.name),
    wanted: wanted === record.partitions ? null : wanted,
    paused,
    waiting: states.some((one) => one.waiting === "rate") ? "rate" : null,
    // Every partition looks at every event: the one that is furthest behind says how far the consumer is.
    lag: Math.max(0, ...states.map((one) => one.lag)),
    ...(Object.fromEntries(COUNTS.map((one) => [one, sum(one)])) as Omit<Counts, "lag">),
    skippedBy,
    oldestMs: oldest.length === 0 ? null : Math.max(...oldest),
    lastOutcomeAt: lasts.length === 0 ? null : new Date(Math.max(...lasts)).toISOString(),
  };
}

function whyUnowned(hash: string | null): string {
  return hash === null ? "no live node can run it" : "a node takes it in a moment";
}

function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : 1;
}
