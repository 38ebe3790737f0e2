// This node's part in the cluster: tells of itself, sees the others, takes partitions and gives them back. Composition only; every
// step is a file of its own. Without Redis everything local goes on, and this waits.
//
// A round: heartbeat (nodes.ts), which consumers the cluster has (groups.ts), which partitions are free and whose they should be
// (shares.ts), take, give back, tend what is ours (seat.ts).
import type { Consumer } from "../config/schema.ts";
import { messageOf, OffhookError } from "../errors.ts";
import { RedisTrouble } from "../redis/trouble.ts";
import type { ClusterDeps } from "./given.ts";
import { followGroups, offered } from "./groups.ts";
import { ownerOf, readLeases } from "./leases.ts";
import { type GroupRecord, heartbeat, isAlive, type NodeRecord, type View } from "./nodes.ts";
import type { Seat } from "./seat.ts";
import { type Share, sharesOf } from "./shares.ts";
import { makeStanding } from "./standing.ts";
import type { OwnedState } from "./state.ts";
import { takeSeat } from "./take-seat.ts";

/** Between two rounds, in ms: a fifth of the lease, but no more and no less than these. */
const ROUND = { mostMs: 1_000, leastMs: 200 };

export type Cluster = {
  /** The cluster consumers of this node, each well and switched on. */
  follow(consumers: readonly Consumer[]): void;
  /** Something may have changed around: slots, the disk, the clock. */
  advance(): void;
  isRunning(consumer: string): boolean;
  /** Why this node takes no part, and for how many ms; null: it does. */
  trouble(): { text: string; forMs: number } | null;
  /** Whether that is because another live node has this one's name. */
  isNameTaken(): boolean;
  owned(): OwnedState[];
  /** Live nodes, this one among them. */
  nodes(): number;
  /** Gives everything back, when what runs has ended. */
  stop(): Promise<void>;
  endRunning(): void;
};

/** Joins, and goes on until `stop`. */
export function joinCluster(deps: ClusterDeps): Cluster {
  const { connection, keys, me, leaseMs, tail, log } = deps;
  const seats = new Map<string, Seat>();
  const leaving = new Map<string, { seat: Seat; left: Promise<void> }>();
  const taking = new Set<string>();
  const tended = new Set<Seat>();
  const standing = makeStanding(deps.steadyNow, log);
  let consumers = new Map<string, Consumer>();
  let seenSeq = 0;
  let length = 0;
  let alive = 1;
  let hasJoined = false;
  let isNameTaken = false;
  let isStopping = false;
  const stopping = Promise.withResolvers<void>();
  let underway: Promise<void> | null = null;
  let callOff: () => void = () => undefined;

  /** A node is silent after one lease without a heartbeat. */
  const record = (silentAfterMs = leaseMs): Omit<NodeRecord, "seenMs"> => ({
    ...me,
    ledger: deps.ledgerId(),
    silentAfterMs,
    consumers: offered(consumers.values(), deps.surroundings.isFull()),
    forward: deps.forward(),
    local: deps.local(),
    owned: Object.fromEntries([...seats].map(([name, seat]) => [name, seat.counts(seenSeq, length)])),
  });

  const round = async () => {
    if (!connection.isUp()) return;
    const beat = await heartbeat(connection, keys, record(), { seenSeq, isFirst: !hasJoined });
    isNameTaken = beat.kind === "taken";
    if (beat.kind === "taken") {
      return standing.set(
        `another machine is the node "${me.name}" here: give this one a name of its own, in its config.toml, and start it again`,
      );
    }
    standing.set(null);
    hasJoined = true;
    const { view } = beat;
    seenSeq = Math.max(seenSeq, view.lastSeq);
    length = view.length;
    deps.onJoined(view);
    const nodes = view.nodes.filter((node) => isAlive(node, view.nowMs));
    alive = nodes.length;
    const groups = await followGroups(connection, keys, view, nodes, [...consumers.values()], log);
    const shares = await sharesNow(view, groups);
    if (isStopping) return;
    const hashes = Object.fromEntries(Array.from(groups, ([name, { hash }]) => [name, hash]));
    const plan = sharesOf(me.name, nodes, shares, hashes);
    for (const { consumer, partition } of plan.letGo) giveBack(`${consumer}/${partition}`);
    for (const share of plan.take) sitDown(share, groups);
    for (const seat of seats.values()) tend(seat, hashes[seat.consumer] ?? null);
    renewLeaving();
  };

  /** What still runs there is ours until it has ended. */
  const renewLeaving = () => {
    for (const { seat } of leaving.values()) seat.renew().catch(stumble);
  };

  const sharesNow = async (view: View, groups: ReadonlyMap<string, { partitions: number }>): Promise<Share[]> => {
    const places = [...groups].flatMap(([consumer, { partitions }]) =>
      Array.from({ length: partitions }, (_, partition) => ({ consumer, partition })),
    );
    const upForMs = deps.steadyNow() - (connection.upSinceMs() ?? Number.POSITIVE_INFINITY);
    const leases = await readLeases(connection, keys, places);
    const mine = new Set([...seats.keys(), ...taking, ...leaving.keys()]);
    return places.map((place, at): Share => {
      if (mine.has(`${place.consumer}/${place.partition}`)) return { ...place, owner: me.name };
      return { ...place, owner: ownerOf(leases[at] ?? null, { me: me.name, view, leaseMs, upForMs }) };
    });
  };

  /** Ending what a dead owner left running may take a while: nobody waits for that. */
  const sitDown = ({ consumer: name, partition }: Share, groups: ReadonlyMap<string, GroupRecord>) => {
    const consumer = consumers.get(name);
    const group = groups.get(name);
    const full = `${name}/${partition}`;
    if (consumer === undefined || group === undefined || taking.has(full)) return;
    taking.add(full);
    const place = { partition, partitions: group.partitions };
    void takeSeat(consumer, group, place, deps, () => giveBack(full))
      .then((seat) => {
        if (seat === null) return;
        seats.set(full, seat);
        if (isStopping) return giveBack(full);
        seat.advance();
        seat.pull();
      })
      .catch((error: unknown) => {
        if (!(error instanceof OffhookError)) return stumble(error);
        // Others are told that this node cannot run it.
        consumers.delete(name);
        log(`${full}: ${error.message}`);
      })
      .finally(() => taking.delete(full));
  };

  const giveBack = (name: string) => {
    const seat = seats.get(name);
    if (seat === undefined) return;
    seats.delete(name);
    const left = seat
      .leave(stopping.promise)
      .then((isGivenBack) => (isGivenBack ? log(`${name}: given back`) : undefined))
      .catch(deps.surroundings.fail)
      .finally(() => leaving.delete(name));
    leaving.set(name, { seat, left });
  };

  const tend = (seat: Seat, hash: string | null) => {
    const consumer = consumers.get(seat.consumer);
    if (consumer !== undefined && consumer.hash === hash) seat.follow(consumer);
    if (tended.has(seat)) return;
    tended.add(seat);
    void seat
      .tend()
      .catch(stumble)
      .finally(() => tended.delete(seat));
  };

  const stumble = (error: unknown) => {
    if (error instanceof RedisTrouble) return standing.set(error.message);
    // Redis said no to a command: whatever it says, local work goes on.
    if (error instanceof Error) return standing.set(`Redis refuses: ${messageOf(error)}`);
    deps.surroundings.fail(error);
  };

  const everyMs = Math.min(ROUND.mostMs, Math.max(ROUND.leastMs, leaseMs / 5));
  const next = () => {
    underway = round()
      .catch(stumble)
      .finally(() => {
        underway = null;
        // Not all nodes at the same moment: two that give something away see what the other one did.
        if (!isStopping) callOff = deps.surroundings.later(everyMs * (0.75 + deps.surroundings.random() / 2), next);
      });
  };
  connection.onChange((isUp, why) => {
    if (!isUp) standing.set(why?.message ?? "Redis does not answer");
  });
  tail.onNew(() => {
    for (const seat of seats.values()) seat.pull();
  });
  next();

  return {
    follow(found) {
      consumers = new Map(found.map((consumer) => [consumer.name, consumer]));
    },
    advance() {
      for (const seat of seats.values()) seat.advance();
    },
    isRunning: (consumer) => [...seats.values()].some((seat) => seat.consumer === consumer && seat.isRunning()),
    trouble: standing.trouble,
    isNameTaken: () => isNameTaken,
    owned: () =>
      [...seats.values()].map((seat) => {
        const { lag, pending, held, dead } = seat.counts(seenSeq, length);
        return { consumer: seat.consumer, partition: seat.partition, lag, pending, held, dead };
      }),
    nodes: () => alive,
    async stop() {
      isStopping = true;
      stopping.resolve();
      callOff();
      await underway;
      for (const name of [...seats.keys()]) giveBack(name);
      while (leaving.size > 0 || taking.size > 0) {
        const soon = new Promise<void>((resolve) => void deps.surroundings.later(everyMs, resolve));
        await (taking.size > 0 ? soon : Promise.race([soon, ...Array.from(leaving.values(), ({ left }) => left)]));
        renewLeaving();
      }
      // Silent from now on: the others need not wait to see it.
      if (hasJoined && connection.isUp())
        await heartbeat(connection, keys, record(0), { seenSeq, isFirst: false }).catch(() => undefined); // It is seen soon enough.
    },
    endRunning() {
      for (const seat of [...seats.values(), ...Array.from(leaving.values(), (one) => one.seat)]) seat.endRunning();
    },
  };
}
