// What happens on this node goes to the cluster's stream: in the ledger's order, each event once, by a cursor like any group's.
//
// 1. make a batch of what is after the cursor: what is wanted, redacted and cut (deps.outgoing), and no double firings
// 2. append it in one step (append.ts); meanwhile make the next batch
// 3. where there is a replica, wait until one has it too
// 4. move the cursor
// A batch whose end nobody knows is sent again. Redis that has lost data takes the cursor back; Redis that has events of ours which
// this ledger does not know is a sign that the ledger was brought back from a copy: it becomes another ledger then.
// Without a replica an acknowledged event may be lost with its Redis, and one replica that is gone does not stop forwarding
// (`replicas` in config.toml does): the ledger still has what it sent, and sends it again.
import { messageOf } from "../errors.ts";
import type { Event } from "../event/event.ts";
import type { Keys } from "../partition/keys.ts";
import { type Connection, RedisTrouble } from "../redis/connection.ts";
import { CLUSTER_GROUP } from "../stream/cluster-group.ts";
import { passingTrouble } from "../stream/passing-trouble.ts";
import type { Stream } from "../stream/stream.ts";
import { type Appended, append } from "./append.ts";
import { type Batch, makeBatch } from "./batch.ts";
import { placeIn } from "./forward-place.ts";
import { makePause } from "./pause.ts";

/** Between two looks at Redis when there is nothing to send: it may have lost data. */
const LOOK_MS = 5_000;
/** Until something that failed is tried again, where nothing tells us when. */
const AGAIN_MS = 1_000;
/** How long a replica may take to have a batch, and until it is asked about again. */
const REPLICA_MS = 1_000;
const REPLICA_AGAIN_MS = 200;
/** How long an end waits for an answer of Redis. */
const END_MS = 1_000;

export type ForwarderDeps = {
  stream: Pick<Stream, "read" | "eventsOf" | "lastSeq" | "ledgerId" | "together" | "openGroup" | "placeOf" | "decide"> &
    Pick<Stream, "forwarding" | "noteForwarding" | "renewLedgerId">;
  /** Of its own: WAIT lets whatever comes behind it wait. */
  connection: Connection;
  keys: Keys;
  /** The node's name. */
  node: string;
  wants(event: Event): boolean;
  /** The event as it may leave the machine. */
  outgoing(event: Event): Event;
  /** `replicas`: how many must have an event before it counts as sent; null: one, when Redis has any. */
  settings: { cap: number; replicas: number | null };
  later(ms: number, call: () => void): () => void;
  /** Wall time in ms since 1970. */
  now(): number;
  log(line: string): void;
  /** Told of trouble of the ledger that passes, and of any other error, which ends the daemon. */
  onTrouble(error: unknown): void;
  fail(error: unknown): void;
};

/** `lag`: events that Redis has not confirmed, `oldestMs` the age of the first of them; `forwarded`: those of this run. */
export type ForwarderState = {
  origin: string;
  lag: number;
  oldestMs: number | null;
  trouble: string | null;
  forwarded: number;
  isFull: boolean;
};

export type Forwarder = {
  /** Begins to send; until then events wait in the ledger. Called again it does nothing. */
  begin(): void;
  /** Something is new in the ledger. */
  wake(): void;
  state(): ForwarderState;
  stop(): Promise<void>;
};

/** Opens the forwarder's group, so that events are kept for it from now on, and gives the forwarder. */
export function makeForwarder(deps: ForwarderDeps): Forwarder {
  const { stream, connection, keys, settings } = deps;
  stream.openGroup(CLUSTER_GROUP, { start: "now", ordered: false });
  const place = placeIn(deps);
  const pause = makePause(deps.later);
  let next: Batch | null = null;
  let trouble: string | null = null;
  let isFull = false;
  let hadReplica = false;
  let forwarded = 0;
  let seenSeq = 0;
  let lookedMs = Number.NEGATIVE_INFINITY;
  let isStopping = false;
  let running: Promise<void> | null = null;

  const troubled = (text: string | null, full = false) => {
    if (text !== null && text !== trouble) deps.log(`forwarding waits: ${text}`);
    if (text === null && trouble !== null) deps.log("forwarding goes on");
    trouble = text;
    isFull = full;
  };

  const batchAfter = (afterSeq: number): Batch => makeBatch(deps, afterSeq, place);

  /** Sends what is next; gives for how many ms there is nothing to do. */
  const step = async (): Promise<number> => {
    const batch = next?.isAfter(place) ? next : batchAfter(place.fromSeq());
    next = null;
    const isNothing = batch.throughSeq === place.knownSeq && !place.joins;
    const sinceLook = performance.now() - lookedMs;
    if (isNothing && sinceLook < LOOK_MS) return LOOK_MS - sinceLook;
    const { origin, knownSeq, joins, beganSeq } = place;
    const { throughSeq, throughId, entries } = batch;
    const asked = { origin, knownSeq, throughSeq, throughId, joins, beganSeq, seenSeq, cap: settings.cap, entries };
    const underway = append(connection, keys, asked).catch(refused);
    // Its end is looked at below; until then it must not count as one that nobody looks at.
    underway.catch(() => undefined);
    if (!isNothing) {
      const made = batchAfter(throughSeq);
      if (made.looked > 0) next = made;
    }
    const appended = await underway;
    lookedMs = performance.now();
    seenSeq = Math.max(seenSeq, appended.lastSeq);
    return isStopping ? 0 : await follow(appended, batch);
  };

  const follow = async (appended: Appended, batch: Batch): Promise<number> => {
    switch (appended.kind) {
      case "ok": {
        const waitMs = await confirmed();
        if (waitMs > 0 || isStopping) return waitMs;
        place.moveTo(batch.throughSeq, batch.looked);
        forwarded += batch.entries.length;
        troubled(null);
        return 0;
      }
      case "ahead": {
        next = null;
        if (!place.isOurs(appended.throughSeq, appended.throughId)) {
          place.renew();
          return 0;
        }
        const waitMs = await confirmed();
        if (waitMs > 0 || isStopping) return waitMs;
        const isSame = batch.throughSeq === appended.throughSeq;
        place.moveTo(appended.throughSeq, isSame ? batch.looked : null);
        if (isSame) forwarded += batch.entries.length;
        troubled(null);
        return 0;
      }
      case "behind":
        next = null;
        place.goBackTo(appended.throughSeq);
        return 0;
      case "full":
        troubled(`the cluster's stream is full: it holds its ${settings.cap} events (cap)`, true);
        return AGAIN_MS;
      default:
        return appended satisfies never;
    }
  };

  /** Waits until as many replicas as are wanted have all that was sent. 0: they have; else for how many ms to wait. */
  const confirmed = async (): Promise<number> => {
    hadReplica ||= connection.replicas() > 0;
    const wanted = settings.replicas ?? (connection.replicas() > 0 ? 1 : 0);
    if (wanted === 0) {
      if (hadReplica && settings.replicas === null) {
        hadReplica = false;
        deps.log("Redis has no replica any more: forwarding goes on without");
      }
      return 0;
    }
    const patience = { timeoutMs: REPLICA_MS + 5_000 };
    const have = Number(await connection.send("WAIT", [wanted, REPLICA_MS], patience).catch(refused));
    if (have >= wanted) return 0;
    troubled(`${have} of ${wanted} replicas of Redis have confirmed`);
    return REPLICA_AGAIN_MS;
  };

  const run = async () => {
    while (!isStopping) await pause.forMs(await tried());
  };

  const tried = async (): Promise<number> => {
    try {
      return await step();
    } catch (error) {
      next = null;
      if (error instanceof RedisTrouble) {
        troubled(error.message, error.kind === "full");
        return AGAIN_MS;
      }
      if (isStopping) return 0;
      if (passingTrouble(error) !== null) {
        deps.onTrouble(error);
        troubled("the ledger cannot be written now");
        return AGAIN_MS;
      }
      if (!(error instanceof Refused)) throw error;
      troubled(`Redis refuses: ${messageOf(error)}`);
      return LOOK_MS;
    }
  };

  connection.onChange((up) => {
    // What it has may be less than before.
    lookedMs = Number.NEGATIVE_INFINITY;
    if (up) pause.end();
  });

  return {
    begin() {
      running ??= run().catch(deps.fail);
    },
    wake: pause.end,
    state() {
      const cursor = place.fromSeq();
      const lag = Math.max(0, stream.lastSeq() - cursor);
      const oldest = lag === 0 ? undefined : stream.read(cursor, 1)[0];
      const oldestMs = oldest === undefined ? null : Math.max(0, deps.now() - oldest.timeMs);
      return { origin: place.origin, lag, oldestMs, trouble, forwarded, isFull };
    },
    async stop() {
      isStopping = true;
      pause.end();
      await Promise.race([running, new Promise<void>((resolve) => void deps.later(END_MS, resolve))]);
    },
  };
}

/** What Redis answers instead of doing what it was asked: nothing of ours is broken. */
class Refused extends Error {}

function refused(error: unknown): never {
  throw error instanceof RedisTrouble ? error : new Refused(messageOf(error));
}
