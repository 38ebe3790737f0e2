// A daemon as a member of its cluster: the connections, forwarding, the tail of the stream, and the node's part in what is shared,
// put together. Composition only.
import { homedir } from "node:os";
import type { ClusterConfig } from "../config/cluster.ts";
import { redisSettings } from "../config/redis-settings.ts";
import type { Consumer } from "../config/schema.ts";
import type { Secrets } from "../config/secrets.ts";
import type { Surroundings } from "../dispatch/surroundings.ts";
import { OffhookError } from "../errors.ts";
import type { Event } from "../event/event.ts";
import type { GroupState } from "../ledger/group-state.ts";
import { compileTypes } from "../match/match.ts";
import { makeKeys } from "../partition/keys.ts";
import { outgoing } from "../redact/outgoing.ts";
import type { Redact } from "../redact/redact.ts";
import { remembering } from "../redact/remembering.ts";
import { connect, type RedisSettings } from "../redis/connection.ts";
import { type Forwarder, makeForwarder } from "../relay/forward.ts";
import { makeTail } from "../relay/tail.ts";
import { makeTrimmer } from "../relay/trim.ts";
import { CLUSTER_GROUP, type Stream } from "../stream/stream.ts";
import { version } from "../version.ts";
import { type Cluster, joinCluster } from "./cluster.ts";
import type { NodeRecord } from "./nodes.ts";
import type { ClusterState } from "./state.ts";

/** How old the figures of this node's own consumers may be that others see. */
const COUNTED_EVERY_MS = 5_000;
/** When a secret or a certificate is missing: somebody may bring it. */
const LOOK_AGAIN_MS = 5_000;

export type MemberDeps = {
  cluster: ClusterConfig;
  node: string;
  home: string;
  secrets(): Secrets;
  /** What takes the secrets out of a text that leaves this machine, as secrets.env is now. */
  redactNow(): Redact;
  /** The node's own ledger. */
  stream: Stream;
  surroundings: Surroundings;
  /** Where the groups of that ledger stand. */
  groups(): GroupState[];
  publishMade(events: readonly Event[]): void;
  /** Makes ready what a dead owner of a partition left running; gives how much that was. */
  recover(stream: Stream): Promise<number>;
  log(line: string): void;
};

export type Member = {
  follow(consumers: readonly Consumer[]): void;
  isRunning(consumer: string): boolean;
  /** Something may be there to forward, or to go on with. */
  advance(): void;
  state(): ClusterState;
  stop(): Promise<void>;
  endRunning(): void;
};

/** Joins the cluster as soon as its settings are whole; nothing local waits for that. */
export function joinAsMember(deps: MemberDeps): Member {
  const { cluster: config, surroundings, log } = deps;
  let joined: Joined | null = null;
  let isStopping = false;
  let consumers: readonly Consumer[] = [];
  let incomplete: { text: string; sinceMs: number } | null = null;

  const begin = () => {
    if (isStopping) return;
    try {
      joined = join(deps, redisSettings(config, deps.secrets().values, homedir()));
      joined.cluster.follow(consumers);
      incomplete = null;
    } catch (error) {
      if (!(error instanceof OffhookError)) throw error;
      const text = error.hint === null ? error.message : `${error.message}. ${error.hint}`;
      if (incomplete?.text !== text) log(`cluster: ${text}`);
      incomplete = { text, sinceMs: incomplete?.sinceMs ?? steadyNow() };
      surroundings.later(LOOK_AGAIN_MS, begin);
    }
  };
  // Events are kept for the cluster from now on, also while it cannot be reached.
  deps.stream.openGroup(CLUSTER_GROUP, { start: "now", ordered: false });
  begin();

  return {
    follow(found) {
      consumers = found;
      joined?.cluster.follow(found);
    },
    isRunning: (consumer) => joined?.cluster.isRunning(consumer) === true,
    advance() {
      joined?.forwarder.wake();
      joined?.cluster.advance();
    },
    state() {
      const nothing = { lag: 0, oldestMs: null, trouble: null, isFull: false };
      if (joined === null)
        return {
          trouble: incomplete?.text ?? null,
          troubleMs: incomplete === null ? null : Math.round(steadyNow() - incomplete.sinceMs),
          forward: nothing,
          owned: [],
          nodes: 0,
        };
      const { cluster, forwarder } = joined;
      const trouble = cluster.trouble();
      const { lag, oldestMs, trouble: held, isFull } = forwarder.state();
      return {
        trouble: trouble?.text ?? null,
        troubleMs: trouble === null ? null : Math.round(trouble.forMs),
        isNameTaken: cluster.isNameTaken(),
        forward: { lag, oldestMs, trouble: held, isFull },
        owned: cluster.owned(),
        nodes: cluster.nodes(),
      };
    },
    async stop() {
      isStopping = true;
      await joined?.stop();
    },
    endRunning: () => joined?.cluster.endRunning(),
  };
}

type Joined = { cluster: Cluster; forwarder: Forwarder; stop(): Promise<void> };

function join(deps: MemberDeps, settings: RedisSettings): Joined {
  const { cluster: config, node, stream, surroundings, log } = deps;
  const keys = makeKeys(config.prefix);
  const connection = connect(settings, { log, later: surroundings.later });
  // Forwarding never waits for what partitions write, nor they for it; and who waits for news holds a connection all the time.
  const forwarding = connect(settings, { later: surroundings.later });
  const reading = connect(settings, { later: surroundings.later });
  const tail = makeTail({ connection, blocking: reading, keys });
  // Asked for each event; there are few types.
  const isForwarded = remembering(compileTypes(config.forward), { most: 1_000, longest: 200 });
  const forwarder = makeForwarder({
    stream,
    connection: forwarding,
    keys,
    node,
    wants: (event) => isForwarded(event.type),
    outgoing: (event) => outgoing(event, config.payload, deps.redactNow()),
    later: surroundings.later,
    now: surroundings.now,
    log,
    settings: { cap: config.cap, replicas: config.replicas },
    onTrouble: (error) => void surroundings.onTrouble(error),
    fail: surroundings.fail,
  });
  const local = counted(deps.groups);
  const cluster = joinCluster({
    connection,
    keys,
    me: {
      name: node,
      instance: Bun.randomUUIDv7(),
      version,
      startedMs: surroundings.now(),
    },
    ledgerId: stream.ledgerId,
    leaseMs: config.leaseMs,
    surroundings,
    tail,
    forward: () => ({ lag: forwarder.state().lag, trouble: forwarder.state().trouble }),
    local,
    publishOwn: deps.publishMade,
    recover: deps.recover,
    redact: (text) => deps.redactNow()(text),
    steadyNow,
    log,
    onJoined: () => forwarder.begin(),
  });
  const trimmer = makeTrimmer({
    connection,
    keys,
    settings: { keepMs: config.keepMs, cap: config.cap },
    later: surroundings.later,
    log,
  });
  return {
    cluster,
    forwarder,
    async stop() {
      trimmer.stop();
      await Promise.all([forwarder.stop(), cluster.stop()]);
      await tail.stop();
      for (const one of [connection, forwarding, reading]) one.close();
    },
  };
}

/** Sums of a node's own groups, counted anew only now and then. */
function counted(groups: () => GroupState[]): () => NodeRecord["local"] {
  let last: { atMs: number; sums: NodeRecord["local"] } | null = null;
  return () => {
    if (last !== null && steadyNow() - last.atMs < COUNTED_EVERY_MS) return last.sums;
    const sums = { lag: 0, pending: 0, dead: 0 };
    for (const { lag, pending, dead, removedMs } of groups()) {
      // Without a file, or one that is the cluster's now: nothing comes of what it has not read.
      if (removedMs !== null) continue;
      sums.lag += lag;
      sums.pending += pending;
      sums.dead += dead;
    }
    last = { atMs: steadyNow(), sums };
    return sums;
  };
}

function steadyNow(): number {
  return performance.now();
}
