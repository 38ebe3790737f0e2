// The model left to itself: for a daemon that nobody can watch from inside, only compared when it has come to rest. Everything is
// decided, begins, ends as the verdicts say and is tried again, in the order of the stream, until nothing is left to do.
//
// What depends on moments must not be in such a game: windows are so long that everything falls into them, waits so short that
// they are over at rest.
import type { Consumer } from "../../src/config/schema.ts";
import { append, eventsOf, groupOf, type Model, type ModelDelivery, type ModelGroup, skip } from "./model.ts";
import { decideEvent, endAttempt, follows, isStartable, startSkip } from "./model-rules.ts";
import {
  expectedReplay,
  openGroup,
  prunableDeliveries,
  prunableEvents,
  prune,
  purgeDead,
  replay,
  retryDead,
} from "./model-verbs.ts";

export type QuietModel = {
  model: Model;
  /** With which exit code the workers of a consumer end that are about a file ("CONSUMER FILE"); 0 where nothing is said. */
  verdicts: Map<string, number>;
  /** Files that are there. */
  files: Set<string>;
  publish(event: { name: string; type: string; file: string; depth: number }): void;
  comeToRest(): void;
  /** A daemon has started: every group is opened. */
  opened(): void;
  setPaused(consumer: string, paused: boolean): void;
  replay(consumer: string, type: string | null): void;
  /** Of a consumer, or of all. */
  retryDead(consumer: string | null): void;
  purgeDead(consumer: string | null): void;
  /** Lets go of everything that may go; `left`: the names of events that the ledger still has. */
  prune(left: ReadonlySet<string>): void;
  /** The group is forgotten; its file comes back with the next start. */
  forget(consumer: string): void;
  deliveries(): number;
};

/** More rounds than any game needs. */
const MOST_ROUNDS = 10_000;

/** Makes it for these consumers, whose groups are opened. */
export function makeQuietModel(consumers: readonly Consumer[]): QuietModel {
  const verdicts = new Map<string, number>();
  const files = new Set<string>();
  const model: Model = {
    now: () => 0,
    workers: 1_000,
    silencingOf: () => null,
    isOff: () => false,
    exists: (path) => files.has(path),
    events: new Map(),
    lastSeq: 0,
    groups: new Map(),
    files: new Map(consumers.map((one) => [one.name, one])),
    wrong: [],
  };
  const opened = () => {
    for (const { name, start, order } of consumers) openGroup(model, name, { start, ordered: order });
  };
  opened();
  const deadOf = (consumer: string | null) =>
    [...model.groups.values()]
      .filter((group) => consumer === null || group.consumer.name === consumer)
      .flatMap((group) => group.deliveries.filter((one) => one.state === "dead").flatMap(({ id }) => id ?? []));

  return {
    model,
    verdicts,
    files,
    publish: ({ name, type, file, depth }) =>
      append(model, {
        id: name,
        type,
        timeMs: 0,
        subject: file,
        session: name,
        project: null,
        depth,
        dataBytes: 2,
        firing: null,
        isOwn: false,
      }),
    comeToRest: () => comeToRest(model, verdicts),
    opened,
    setPaused(name, paused) {
      groupOf(model, name).paused = paused;
    },
    replay(name, type) {
      const group = groupOf(model, name);
      const selected = [...model.events.values()].filter((event) => type === null || event.type === type);
      replay(model, name, expectedReplay(group, selected));
      placeNew(group);
    },
    retryDead: (name) => void retryDead(model, deadOf(name)),
    purgeDead: (name) => void purgeDead(model, deadOf(name)),
    prune(left) {
      const limits = { settledBeforeMs: null, deadBeforeMs: Number.MIN_SAFE_INTEGER, most: Number.MAX_SAFE_INTEGER };
      const ids = prunableDeliveries(model, limits).flatMap(({ delivery }) => delivery.id ?? []);
      prune(model, limits, ids, [], []);
      // The last event stays; that may be one of the daemon's own, which nobody counts here.
      const isLast = (seq: number, name: string | null) => seq === model.lastSeq && left.has(name ?? "");
      const all = prunableEvents({ ...model, lastSeq: Number.MAX_SAFE_INTEGER }, limits);
      for (const { seq, session } of all) {
        if (isLast(seq, session)) continue;
        model.events.delete(seq);
        for (const { skips } of model.groups.values()) skips.delete(seq);
      }
    },
    forget: (name) => void model.groups.delete(name),
    deliveries: () => [...model.groups.values()].reduce((sum, group) => sum + group.deliveries.length, 0),
  };
}

/** Lets every group do all that it may. */
function comeToRest(model: Model, verdicts: ReadonlyMap<string, number>): void {
  for (const group of model.groups.values()) {
    if (group.paused) continue;
    for (const event of model.events.values()) if (event.seq > group.cursor) decideEvent(model, group, event);
    placeNew(group);
    for (let round = 0; ; round++) {
      const next = group.deliveries
        .toSorted((a, b) => a.place - b.place)
        .find((one) => one.state === "backoff" || isStartable(group, one, model.now()));
      if (next === undefined) break;
      if (round > MOST_ROUNDS) throw new Error(`${group.consumer.name} does not come to rest in the model`);
      run(model, group, next, verdicts);
    }
  }
}

/** New deliveries are behind all others, in the order in which they came. */
function placeNew(group: ModelGroup): void {
  let place = group.deliveries.reduce((most, one) => (one.id === null ? most : Math.max(most, one.place)), 0);
  for (const one of group.deliveries) {
    if (one.id !== null) continue;
    one.place = ++place;
    one.id = `${group.consumer.name}-${place}`;
  }
}

function run(model: Model, group: ModelGroup, delivery: ModelDelivery, verdicts: ReadonlyMap<string, number>): void {
  if (delivery.state === "backoff") Object.assign(delivery, { state: "ready", dueMs: null });
  const reason = startSkip(model, group, delivery);
  if (reason !== null) return skip(model, group, delivery, reason);
  delivery.attempts++;
  delivery.state = "running";
  const file = eventsOf(model, delivery).at(-1)?.subject;
  const exitCode = verdicts.get(`${group.consumer.name} ${file}`) ?? 0;
  const outcome = exitCode === 0 ? "ok" : group.consumer.findings.includes(exitCode) ? "findings" : "failed";
  const ending = { outcome, exitCode, retryAfterMs: null, isCutOff: false, isImpossible: false };
  const next = follows(group.consumer, delivery, ending);
  endAttempt(model, group, delivery, ending, next.state === "backoff" ? model.now() + next.mostMs : null);
}
