// What people and housekeeping do to a daemon of the model test, by the code that commands and the daemon use, and what the model
// says to it: what has to be refused, what a replay makes, what prune has to leave.
import { applyChange, type Change } from "../../src/daemon/change.ts";
import type { ChangeDeps } from "../../src/daemon/change-deps.ts";
import { makeHousekeeping } from "../../src/daemon/housekeeping.ts";
import { OffhookError } from "../../src/errors.ts";
import { openInspection } from "../../src/ledger/inspect.ts";
import type { Model } from "./model.ts";
import type { Step } from "./model-steps.ts";
import { expectedReplay, prunableDeliveries, prunableEvents } from "./model-verbs.ts";
import { Killed, type Watch } from "./model-watch.ts";
import type { World } from "./world.ts";

/** Ends a housekeeping that never has enough. */
const MOST_PIECES = 200;

type Asking<K extends Step["kind"]> = Extract<Step, { kind: K }>;

export type People = {
  pause(kind: "pause" | "resume", consumer: string): Promise<void>;
  forget(consumer: string): Promise<void>;
  deadLetters(kind: "retry-dead" | "purge-dead", from: number, to: number): Promise<void>;
  replay(step: Asking<"replay">): Promise<void>;
  prune(step: Asking<"prune">): Promise<void>;
  expire(step: Asking<"expire">): void;
  housekeep(step: Asking<"housekeep">): void;
};

/** Makes the people around a world and its model. */
export function makePeople({ model, watch, world }: { model: Model; watch: Watch; world: World }): People {
  const { files } = model;
  const lookAgain = (name: string) => {
    if (files.has(name)) world.dispatcher(name)?.lookAgain();
  };
  const deps = (): ChangeDeps => ({
    stream: world.stream(),
    inspect: () => openInspection(world.path()),
    consumerNamed: (name) => files.get(name) ?? null,
    fileNames: () => [...files.keys()],
    isOff: model.isOff,
    isRunning: (name) => world.dispatcher(name)?.isRunning() === true,
    realPath: (path) => path,
    now: world.clock.now,
    forgotten: () => undefined,
    reopen: lookAgain,
    advance: world.advance,
  });

  /** Refused when and only when the model says so. */
  const change = async (asked: Change, isRefused: boolean): Promise<void> => {
    try {
      await applyChange(asked, deps());
    } catch (error) {
      if (watch.isKilled()) throw new Killed("killed", { cause: error });
      if (!(error instanceof OffhookError) || !isRefused) throw error;
      return;
    }
    if (isRefused) model.wrong.push(`${JSON.stringify(asked)} was not refused`);
  };

  return {
    pause: (kind, consumer) => change({ kind, consumer }, !model.groups.has(consumer)),
    forget(consumer) {
      const group = model.groups.get(consumer);
      const runs = group?.deliveries.some((one) => one.state === "running") === true;
      return change({ kind: "forget", consumer }, group === undefined || files.has(consumer) || runs);
    },
    deadLetters(kind, from, to) {
      const all = [...model.groups.values()].flatMap((group) => group.deliveries);
      const dead = all.filter((one) => one.state === "dead");
      const some = dead.slice(Math.floor(from * dead.length), Math.ceil(to * dead.length));
      // Somebody else may have been faster: what is no dead letter any more is left alone.
      some.push(...all.slice(-1));
      return change({ kind, deliveries: some.flatMap(({ id }) => id ?? []) }, false);
    },
    async replay({ consumer: name, fromSeq, session, type }) {
      const consumer = files.get(name);
      const group = model.groups.get(name);
      const isRefused = consumer === undefined || !consumer.enabled || model.isOff(name);
      const selected = [...model.events.values()].filter(
        (event) =>
          event.seq >= (fromSeq ?? 0) &&
          (session === null || event.session === session) &&
          (type === null || event.type === type),
      );
      const expected = group === undefined ? [] : expectedReplay(group, selected);
      const before = new Set(group?.deliveries);
      const selection = { fromSeq, throughSeq: null, sinceMs: null, session, type, seqs: null };
      await change({ kind: "replay", consumer: name, selection, dryRun: false }, isRefused);
      if (isRefused) return;
      const made = group?.deliveries.filter((one) => !before.has(one)) ?? [];
      if (told(made) !== told(expected)) model.wrong.push(`${name} replays ${told(made)}, and not ${told(expected)}`);
    },
    async prune({ ageMs }) {
      const beforeMs = world.clock.now() - ageMs;
      await change({ kind: "prune", beforeMs }, false);
      const limits = {
        settledBeforeMs: beforeMs,
        deadBeforeMs: Number.MIN_SAFE_INTEGER,
        most: Number.MAX_SAFE_INTEGER,
      };
      const left = prunableDeliveries(model, limits).length + prunableEvents(model, limits).length;
      if (left > 0) model.wrong.push(`prune left ${left} events and deliveries that it might have let go of`);
    },
    expire({ consumer, ageMs }) {
      if (!model.groups.has(consumer)) return;
      world.stream().expire(consumer, ageMs === null ? null : world.clock.now() - ageMs, 1_000_000);
      lookAgain(consumer);
    },
    housekeep({ retentionMs, maxLagMs, sizeBytes }) {
      const limits = {
        retention: { ageMs: retentionMs, sizeBytes },
        maxLag: { ageMs: Math.max(maxLagMs, retentionMs), sizeBytes: 1e12 },
      };
      const housekeeping = makeHousekeeping({
        stream: world.stream(),
        limits: () => limits,
        now: world.clock.now,
        log: () => undefined,
        onSkipped: lookAgain,
      });
      for (let pieces = 0; housekeeping.run(); pieces++)
        if (pieces > MOST_PIECES) throw new Error("housekeeping does not come to an end");
    },
  };
}

/** Deliveries by what is in them, in any order. */
function told(list: readonly { key: string; seqs: number[] }[]): string {
  return list
    .map(({ key, seqs }) => JSON.stringify({ key, seqs }))
    .sort()
    .join();
}
