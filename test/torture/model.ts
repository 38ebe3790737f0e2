// The model: what a ledger must hold after anything that may happen to it, as lists and maps, from the documents alone. It is
// told what happened (who decided up to where, what began, how an attempt ended, what a person asked for) and says what follows;
// what must not have happened goes to `wrong`. It knows neither files nor SQL, and what it may do next is in model-rules.ts.
import type { Silencing } from "../../src/config/project-file.ts";
import type { Consumer } from "../../src/config/schema.ts";

export type ModelEvent = {
  seq: number;
  id: string;
  type: string;
  timeMs: number;
  subject: string | null;
  session: string | null;
  project: string | null;
  depth: number;
  dataBytes: number;
  /** What a hook's firing is known by; null: no hook's. */
  firing: { key: string; windowMs: number } | null;
  duplicateOf: string | null;
  isOwn: boolean;
};

export type ModelDelivery = {
  /** As the ledger calls it, and its place there; learned when it is first seen. */
  id: string | null;
  place: number;
  key: string;
  seqs: number[];
  state: "held" | "ready" | "running" | "backoff" | "ok" | "findings" | "dead";
  attempts: number;
  counted: number;
  cutOffs: number;
  replay: boolean;
  head: boolean;
  dueMs: number | null;
  hold: { openedMs: number; fileBytes: number; dataBytes: number } | null;
  createdMs: number;
  settledMs: number | null;
  /** The consumer as it was when the attempt began that runs: an edit is for the next one. */
  begunBy: Consumer | null;
  /** How the attempt that runs has ended, before that is written. */
  ended: Ending | null;
};

export type Ending = {
  outcome: string;
  exitCode: number | null;
  /** Of a server that asked to be left alone for so long. */
  retryAfterMs: number | null;
  isCutOff: boolean;
  isImpossible: boolean;
};

export type ModelGroup = {
  consumer: Consumer;
  ordered: boolean;
  cursor: number;
  beganAfter: number;
  paused: boolean;
  removed: boolean;
  deliveries: ModelDelivery[];
  skips: Map<number, { key: string; reason: string; atMs: number }>;
  /** Skips by reason, those that were let go of too. */
  skipCounts: Map<string, number>;
  marks: Map<string, { acceptedMs: number | null; cooledMs: number | null }>;
  starts: number[];
  /** Keys of which several ran when order was switched on. */
  overlapping: Set<string>;
  /** Attempts begun of which the rate does not know yet; below zero: noted, and not begun yet. */
  unnoted: number;
  ok: number;
  findings: number;
  failed: number;
  skipped: number;
  /** Events whose deliveries were purged, pruned or skipped as a whole: nothing is left of them in the group. */
  gone: Set<number>;
};

export type Model = {
  now(): number;
  workers: number;
  silencingOf(project: string | null): Silencing | null;
  isOff(consumer: string): boolean;
  exists(path: string): boolean;
  events: Map<number, ModelEvent>;
  lastSeq: number;
  groups: Map<string, ModelGroup>;
  /** Consumers that have a file, as it is now. */
  files: Map<string, Consumer>;
  wrong: string[];
};

/** A delivery that is not settled. */
export function isPending({ state }: ModelDelivery): boolean {
  return state === "held" || state === "ready" || state === "running" || state === "backoff";
}

/** The group of a name; there must be one. */
export function groupOf(model: Model, name: string): ModelGroup {
  const group = model.groups.get(name);
  if (group === undefined) throw new Error(`the model has no group ${name}`);
  return group;
}

/** The delivery of an id, which the model has learned. */
export function deliveryOf(model: Model, id: string): { group: ModelGroup; delivery: ModelDelivery } {
  for (const group of model.groups.values()) {
    const delivery = group.deliveries.find((one) => one.id === id);
    if (delivery !== undefined) return { group, delivery };
  }
  throw new Error(`the model has no delivery ${id}`);
}

/** The events of a delivery that are kept. */
export function eventsOf(model: Model, { seqs }: ModelDelivery): ModelEvent[] {
  return seqs.flatMap((seq) => model.events.get(seq) ?? []);
}

/** Appends: the next seq; a second firing of the same thing within its window is marked with the first one's id. */
export function append(model: Model, event: Omit<ModelEvent, "seq" | "duplicateOf">): void {
  if ([...model.events.values()].some((one) => one.id === event.id)) return;
  let first: ModelEvent | null = null;
  for (const one of model.events.values()) {
    const isSame = event.firing !== null && one.firing?.key === event.firing.key && one.duplicateOf === null;
    if (!isSame || Math.abs(one.timeMs - event.timeMs) > (event.firing?.windowMs ?? 0)) continue;
    if (first === null || one.timeMs > first.timeMs) first = one;
  }
  model.lastSeq++;
  model.events.set(model.lastSeq, { ...event, seq: model.lastSeq, duplicateOf: first?.id ?? null });
}

/** Heads as they must be: in an ordered group one pending delivery of each key, the one that runs or else the first; else all. */
export function setHeads(group: ModelGroup, ordered: boolean): void {
  group.ordered = ordered;
  for (const [key, ofKey] of Map.groupBy(group.deliveries.filter(isPending), (one) => one.key)) {
    for (const one of ofKey) one.head = !ordered;
    if (ofKey.filter((one) => one.state === "running").length > 1) group.overlapping.add(key);
    const first = firstOf(ofKey);
    if (first !== null) first.head = true;
  }
}

/** After a delivery of a key is settled or gone: another one that runs is head now, or else the first that waits. */
export function promote(group: ModelGroup, key: string): void {
  const first = firstOf(group.deliveries.filter((one) => isPending(one) && one.key === key));
  if (first !== null) first.head = true;
}

/** The first of the pending deliveries of a key: one that runs, or else the oldest. */
function firstOf(ofKey: readonly ModelDelivery[]): ModelDelivery | null {
  const byAge = ofKey.toSorted((a, b) => a.place - b.place);
  return byAge.find((one) => one.state === "running") ?? byAge[0] ?? null;
}

/** A new delivery, behind all others. */
export function addDelivery(
  model: Model,
  group: ModelGroup,
  { key, seqs, hold, dueMs, replay }: Pick<ModelDelivery, "key" | "seqs" | "hold" | "dueMs" | "replay">,
): ModelDelivery {
  const isFirst = !group.deliveries.some((one) => isPending(one) && one.key === key);
  const delivery: ModelDelivery = {
    id: null,
    place: Number.MAX_SAFE_INTEGER,
    key,
    seqs,
    state: hold === null ? "ready" : "held",
    attempts: 0,
    counted: 0,
    cutOffs: 0,
    replay,
    head: isFirst || !group.ordered,
    dueMs,
    hold,
    createdMs: model.now(),
    settledMs: null,
    begunBy: null,
    ended: null,
  };
  group.deliveries.push(delivery);
  return delivery;
}

/** Notes that an event is skipped. One that was skipped before keeps its first reason. */
export function skipEvent(model: Model, group: ModelGroup, seq: number, key: string, reason: string): void {
  group.skipped++;
  if (group.skips.has(seq)) return;
  group.skips.set(seq, { key, reason, atMs: model.now() });
  group.skipCounts.set(reason, (group.skipCounts.get(reason) ?? 0) + 1);
}

/** Turns a delivery into skips of its events. */
export function skip(model: Model, group: ModelGroup, delivery: ModelDelivery, reason: string): void {
  for (const seq of delivery.seqs) skipEvent(model, group, seq, delivery.key, reason);
  remove(group, delivery);
  if (delivery.head) promote(group, delivery.key);
}

/** Takes a delivery out of the list. */
export function remove(group: ModelGroup, delivery: ModelDelivery): void {
  group.deliveries = group.deliveries.filter((one) => one !== delivery);
  for (const seq of delivery.seqs) group.gone.add(seq);
}
