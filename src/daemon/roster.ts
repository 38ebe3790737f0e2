// The consumers of a home as they run: files become dispatchers, and edits are followed without a restart.
// A broken file stops that consumer only: with a good version before it the good one goes on (stale), without one its group
// waits where it is (broken).
import { type BrokenConsumer, loadConsumers } from "../config/load.ts";
import type { Consumer } from "../config/schema.ts";
import type { Secrets } from "../config/secrets.ts";
import { type Dispatcher, makeDispatcher } from "../dispatch/dispatcher.ts";
import { isOrdered } from "../dispatch/inside.ts";
import type { Surroundings } from "../dispatch/surroundings.ts";
import type { OwnTrouble } from "../event/own-event.ts";
import type { Stream } from "../stream/stream.ts";

/** left-out: this daemon was started for other consumers only. paused: by a person; its events wait. */
export type ConsumerState = "active" | "stale" | "broken" | "disabled" | "left-out" | "removed" | "paused";

export type RosterEntry = { name: string; state: ConsumerState; error: string | null };

export type Roster = {
  /** Reads all files again and follows what changed. */
  reload(): void;
  /** Lets every group go on, beginning with another one each time, so that none is always first at the slots. */
  advance(): void;
  entries(): RosterEntry[];
  /** Whether some file could not be read at the last reload, which may be over by now. */
  isMissingSome(): boolean;
  /** The consumer of this name as it runs; null where its file is broken or gone. */
  consumerNamed(name: string): Consumer | null;
  /** Whether anything of a consumer runs. */
  isRunning(name: string): boolean;
  /** Looks again where a group stands, after a person changed that. */
  reopen(name: string): void;
  /** Takes its seat away: its group is no more, and a file of that name begins anew. */
  forget(name: string): void;
  stop(): Promise<void>;
  endRunning(): void;
};

type Seat = {
  /** As it runs, or as it ran last. */
  consumer: Consumer | null;
  dispatcher: Dispatcher | null;
  fingerprint: string;
  state: ConsumerState;
  error: string | null;
};

/** The node's part in the cluster, which runs the consumers of that scope. */
export type ClusterPart = { follow(consumers: readonly Consumer[]): void; isRunning(name: string): boolean };

/**
 * Makes the roster of a home, empty until the first `reload`. `only`: run these names and no others; null runs all. `cluster` null:
 * the node is alone.
 */
export function makeRoster(
  home: string,
  deps: {
    stream: Stream;
    surroundings: Surroundings;
    secrets(): Secrets;
    publish(trouble: OwnTrouble): void;
    only: readonly string[] | null;
    cluster: ClusterPart | null;
    log(line: string): void;
  },
): Roster {
  const seats = new Map<string, Seat>();
  let turn = 0;
  let isMissingSome = false;

  const isLeftOut = (name: string) => deps.only !== null && !deps.only.includes(name);

  const stateOf = ({ name, enabled }: Consumer): ConsumerState =>
    isLeftOut(name) ? "left-out" : enabled && !deps.surroundings.isOff(name) ? "active" : "disabled";

  const seat = (consumer: Consumer) => {
    const { name } = consumer;
    const before = seats.get(name);
    const fingerprint = Bun.hash(JSON.stringify(consumer)).toString(36);
    const state = stateOf(consumer);
    if (before?.fingerprint === fingerprint && before.state === state) return;
    const isMended = before !== undefined && before.error !== null;
    let dispatcher = before?.dispatcher ?? null;
    const wasShared = before?.consumer?.scope === "cluster";
    if (consumer.scope === "cluster" || wasShared) passOver(name);
    // The cluster's go on elsewhere: here nothing is left of them but what runs.
    if (consumer.scope === "cluster") dispatcher?.leave();
    else if (dispatcher !== null) dispatcher.replace(consumer);
    else if (state === "left-out") deps.stream.openGroup(name, { start: consumer.start, ordered: isOrdered(consumer) });
    else dispatcher = makeDispatcher(consumer, deps.surroundings);
    seats.set(name, { consumer, dispatcher, fingerprint, state, error: null });
    if (before !== undefined && before.fingerprint !== fingerprint) deps.log(`${name}: the changed file is in use`);
    if (isMended) deps.publish({ kind: "recovered", what: "consumer", consumer: name, path: consumer.path });
  };

  /** What the cluster has done, or will, is not the node's to do again: should the consumer be its own once more, it goes on from here. */
  const passOver = (name: string) => {
    const { stream } = deps;
    const isKnown = [...stream.groupsByPlace(), ...stream.removedBefore(Number.MAX_SAFE_INTEGER)].includes(name);
    if (!isKnown || seats.get(name)?.dispatcher?.isRunning() === true) return;
    const nothing = { deliveries: [], joins: [], skips: [], accepted: [] };
    stream.decide({ consumer: name, ordered: true, cursor: stream.lastSeq(), ...nothing });
  };

  const seatBroken = ({ name, path, errors, isName }: BrokenConsumer) => {
    const error = errors.join("\n");
    const before = seats.get(name);
    if (before?.error === error) return;
    const isShared = before?.consumer?.scope === "cluster" && before.state !== "broken";
    const isGoingOn = before !== undefined && (before.dispatcher !== null || isShared) && before.state !== "removed";
    const state = isGoingOn ? "stale" : "broken";
    // Its events wait from now on, so that nothing is missed while the file is mended.
    if (state === "broken" && isName) deps.stream.openGroup(name, { start: "now", ordered: true, provisional: true });
    const effect =
      state === "stale" ? "the last good version goes on, because the edit" : "does not run, because the file";
    deps.log(`${shown(name)}: ${effect} is broken:\n${error}`);
    const { consumer = null, dispatcher = null } = before ?? {};
    seats.set(name, { consumer, dispatcher, fingerprint: "", state, error });
    deps.publish({ kind: "consumer-broken", consumer: name, path, errors });
  };

  /** Those that the cluster may run here: well, or once well, and not left alone on this node. */
  const ofCluster = () =>
    [...seats.values()].flatMap(({ consumer, state }) => {
      const isHere = state !== "removed" && state !== "left-out";
      return consumer?.scope === "cluster" && isHere && !deps.surroundings.isOff(consumer.name) ? [consumer] : [];
    });

  return {
    reload() {
      const { consumers, broken } = loadConsumers(home, deps.secrets(), { isClustered: deps.cluster !== null });
      for (const consumer of consumers) seat(consumer);
      for (const one of broken) seatBroken(one);
      isMissingSome = broken.some((one) => one.isUnread);
      const present = new Set([...consumers, ...broken].map((one) => one.name));
      for (const [name, before] of seats) {
        if (present.has(name) || before.state === "removed") continue;
        // It keeps its seat: what runs is still ours to end, and the file may come back (editors and git move files about).
        before.dispatcher?.leave();
        seats.set(name, { ...before, fingerprint: "", state: "removed", error: null });
        const where = before.consumer?.scope === "cluster" ? "the cluster" : "the ledger";
        deps.log(`${shown(name)}: its file is gone; what it had not done stays in ${where}`);
      }
      const isShared = (name: string) => seats.get(name)?.consumer?.scope === "cluster";
      deps.stream.markRemoved([...present].filter((name) => !isShared(name)));
      deps.cluster?.follow(ofCluster());
    },
    advance() {
      const dispatchers = [...seats.values()].flatMap((one) => one.dispatcher ?? []);
      turn = dispatchers.length === 0 ? 0 : (turn + 1) % dispatchers.length;
      for (const dispatcher of [...dispatchers.slice(turn), ...dispatchers.slice(0, turn)]) dispatcher.advance();
    },
    entries: () =>
      [...seats]
        // Of a removed one only its group is left, which the ledger tells of.
        .filter(([, { state }]) => state !== "removed")
        .map(([name, { state, error, dispatcher }]): RosterEntry => {
          const isPaused = (state === "active" || state === "stale") && dispatcher?.isPaused() === true;
          return { name, state: isPaused ? "paused" : state, error };
        })
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
    isMissingSome: () => isMissingSome,
    consumerNamed(name) {
      const { state = "removed", consumer = null } = seats.get(name) ?? {};
      return state === "broken" || state === "removed" ? null : consumer;
    },
    isRunning: (name) => seats.get(name)?.dispatcher?.isRunning() === true || deps.cluster?.isRunning(name) === true,
    reopen(name) {
      const { dispatcher = null, state } = seats.get(name) ?? {};
      if (state !== "removed") dispatcher?.lookAgain();
    },
    forget(name) {
      seats.get(name)?.dispatcher?.leave();
      seats.delete(name);
    },
    async stop() {
      await Promise.all([...seats.values()].map((one) => one.dispatcher?.stop()));
      for (const [name, { consumer }] of seats) if (consumer?.scope === "cluster") passOver(name);
    },
    endRunning() {
      for (const one of seats.values()) one.dispatcher?.endRunning();
    },
  };
}

/** A name as one line: that of a broken file may hold anything. */
function shown(name: string): string {
  return JSON.stringify(name).slice(1, -1);
}
