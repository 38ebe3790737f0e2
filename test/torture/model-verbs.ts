// What the model makes of what people and housekeeping do to a ledger, and of a daemon's start and end. What a group's loop does
// is in model-rules.ts.
import type { GroupOptions, LongestWaits, PruneLimits } from "../../src/stream/stream.ts";
import {
  addDelivery,
  deliveryOf,
  eventsOf,
  groupOf,
  isPending,
  type Model,
  type ModelDelivery,
  type ModelEvent,
  type ModelGroup,
  remove,
  setHeads,
  skip,
  skipEvent,
} from "./model.ts";
import { isFull, keyOf, wants, weightOf } from "./model-rules.ts";

/** Opens a group: a new one begins after the last event or before the first; one that was removed is back, as it was. */
export function openGroup(model: Model, name: string, { start, ordered }: GroupOptions): ModelGroup | null {
  const consumer = model.files.get(name);
  if (consumer === undefined) {
    model.wrong.push(`the group of ${name} was opened, which has no file`);
    return null;
  }
  const cursor = start === "earliest" ? 0 : model.lastSeq;
  const group: ModelGroup = model.groups.get(name) ?? {
    consumer,
    ordered,
    cursor,
    beganAfter: cursor,
    paused: false,
    removed: false,
    deliveries: [],
    skips: new Map(),
    skipCounts: new Map(),
    marks: new Map(),
    starts: [],
    overlapping: new Set(),
    unnoted: 0,
    ok: 0,
    findings: 0,
    failed: 0,
    skipped: 0,
    gone: new Set(),
  };
  model.groups.set(name, group);
  group.consumer = consumer;
  group.removed = false;
  if (group.ordered !== ordered) setHeads(group, ordered);
  return group;
}

/** Backoff that is over; no wait is longer than the longest, whatever the clock did. */
export function wake(model: Model, group: ModelGroup, longest: LongestWaits): void {
  const now = model.now();
  for (const one of group.deliveries) {
    if ((one.state !== "backoff" && one.state !== "held") || one.dueMs === null) continue;
    one.dueMs = Math.min(one.dueMs, now + (one.state === "held" ? longest.holdMs : longest.retryMs));
    if (one.state === "backoff" && one.dueMs <= now) Object.assign(one, { state: "ready", dueMs: null });
  }
}

/** Forgets marks that no rule asks for any more. */
export function forgetMarks(model: Model, group: ModelGroup, acceptedBeforeMs: number, cooledBeforeMs: number): void {
  const { consumer, marks } = group;
  const youngest = Math.max(...[...model.events.values()].map((event) => event.timeMs));
  if (acceptedBeforeMs > youngest - consumer.dedupMs || cooledBeforeMs > model.now() - consumer.cooldownMs)
    model.wrong.push(`${consumer.name} forgets marks that its rules may still ask for`);
  for (const [key, { acceptedMs, cooledMs }] of marks) {
    const isOld = (acceptedMs ?? -1) < acceptedBeforeMs && (cooledMs ?? -1) < cooledBeforeMs;
    if (isOld) marks.delete(key);
  }
}

/** Dead letters among the ids, oldest first. */
function deadAmong(model: Model, ids: readonly string[]): { group: ModelGroup; delivery: ModelDelivery }[] {
  return [...new Set(ids)]
    .map((id) => deliveryOf(model, id))
    .filter(({ delivery }) => delivery.state === "dead")
    .sort((a, b) => a.delivery.place - b.delivery.place);
}

/** Dead letters are ready again with all their tries, at their old place; they do not overtake what is under way. */
export function retryDead(model: Model, ids: readonly string[]): number {
  const dead = deadAmong(model, ids);
  for (const { group, delivery } of dead) {
    const isAlone = !group.deliveries.some((one) => isPending(one) && one.key === delivery.key);
    Object.assign(delivery, { state: "ready", counted: 0, cutOffs: 0, dueMs: null, settledMs: null });
    delivery.head = isAlone || !group.ordered;
  }
  return dead.length;
}

export function purgeDead(model: Model, ids: readonly string[]): number {
  const dead = deadAmong(model, ids);
  for (const { group, delivery } of dead) remove(group, delivery);
  return dead.length;
}

/** Past events once more, behind what waits for their keys. */
export function replay(model: Model, name: string, deliveries: readonly { key: string; seqs: number[] }[]): void {
  const group = groupOf(model, name);
  for (const { key, seqs } of deliveries) {
    const lost = seqs.filter((seq) => !model.events.has(seq) || seq > group.cursor);
    if (lost.length > 0) model.wrong.push(`${name} replays ${lost}, which it does not have`);
    addDelivery(model, group, { key, seqs: [...seqs], hold: null, dueMs: null, replay: true });
  }
}

export function markRemoved(model: Model, present: readonly string[]): void {
  for (const [name, group] of model.groups) if (!present.includes(name)) group.removed = true;
}

/** Deliveries that may be let go of. */
export function prunableDeliveries(
  model: Model,
  limits: PruneLimits,
): { group: ModelGroup; delivery: ModelDelivery }[] {
  return [...model.groups.values()].flatMap((group) =>
    group.deliveries
      .filter(({ state, settledMs }) => {
        const before = state === "dead" ? limits.deadBeforeMs : limits.settledBeforeMs;
        return settledMs !== null && (before === null || settledMs < before);
      })
      .map((delivery) => ({ group, delivery })),
  );
}

/** Events that may be let go of: decided on by all, of no delivery, old enough, not the last. */
export function prunableEvents(model: Model, { settledBeforeMs }: PruneLimits): ModelEvent[] {
  const groups = [...model.groups.values()];
  const decided = Math.min(...groups.filter((group) => !group.removed).map((group) => group.cursor));
  const kept = new Set(groups.flatMap((group) => group.deliveries.flatMap((one) => one.seqs)));
  return [...model.events.values()].filter(
    ({ seq, timeMs }) =>
      seq <= decided &&
      seq !== model.lastSeq &&
      !kept.has(seq) &&
      (settledBeforeMs === null || timeMs < settledBeforeMs),
  );
}

/** Lets go of what the ledger let go of, if it might. What expired is told for as long as what settled, its event gone or not. */
export function prune(
  model: Model,
  limits: PruneLimits,
  goneIds: readonly string[],
  goneSeqs: readonly number[],
  goneExpired: readonly { consumer: string; seq: number }[],
): void {
  if (goneIds.length > limits.most || goneSeqs.length > limits.most)
    model.wrong.push(`more was pruned than ${limits.most}`);
  const deliveries = prunableDeliveries(model, limits);
  for (const id of goneIds) {
    const found = deliveries.find(({ delivery }) => delivery.id === id);
    if (found === undefined) model.wrong.push(`${id} was pruned, and should have stayed`);
    else remove(found.group, found.delivery);
  }
  const events = new Set(prunableEvents(model, limits).map((event) => event.seq));
  for (const seq of goneSeqs) {
    if (!events.has(seq)) model.wrong.push(`event ${seq} was pruned, and should have stayed`);
    model.events.delete(seq);
    for (const { skips } of model.groups.values()) {
      if (skips.get(seq)?.reason !== "expired") skips.delete(seq);
    }
  }
  for (const { consumer, seq } of goneExpired) {
    const { skips, gone } = groupOf(model, consumer);
    if ((skips.get(seq)?.atMs ?? 0) >= (limits.settledBeforeMs ?? 0))
      model.wrong.push(`that event ${seq} of ${consumer} expired should still be told`);
    skips.delete(seq);
    gone.add(seq);
  }
}

/** What one piece of giving up looks at, oldest first: the first so many of each state, heads and others each by themselves. */
function firstPending({ deliveries }: ModelGroup, most: number): ModelDelivery[] {
  const pending = deliveries.filter((one) => isPending(one) && one.state !== "running");
  const byAge = pending.toSorted((a, b) => a.place - b.place);
  const looked = [...Map.groupBy(byAge, ({ state, head }) => `${state} ${head}`).values()];
  return looked.flatMap((ofState) => ofState.slice(0, most)).sort((a, b) => a.place - b.place);
}

/** Gives up what a group holds back of events older than this, as far as it does not run. Gives how many events. */
export function expire(model: Model, name: string, beforeMs: number, most: number): number {
  const group = groupOf(model, name);
  let expired = 0;
  for (const delivery of firstPending(group, most)) {
    const newest = Math.max(...eventsOf(model, delivery).map((event) => event.timeMs));
    const ageMs = delivery.replay ? delivery.createdMs : newest;
    if (ageMs >= beforeMs) continue;
    // A delivery goes whole, so the first may be more than that.
    if (expired > 0 && expired + delivery.seqs.length > most) return expired;
    skip(model, group, delivery, "expired");
    expired += delivery.seqs.length;
  }
  for (const event of model.events.values()) {
    if (event.seq <= group.cursor) continue;
    if (event.timeMs >= beforeMs || expired >= most) break;
    skipEvent(model, group, event.seq, "-", "expired");
    group.cursor = event.seq;
    expired++;
  }
  return expired;
}

/** The daemon is dead: what ran was cut off. */
export function crash(model: Model): void {
  for (const group of model.groups.values()) {
    group.unnoted = 0;
    for (const one of group.deliveries) {
      if (one.state === "running")
        one.ended = { outcome: "killed", exitCode: null, retryAfterMs: null, isCutOff: true, isImpossible: false };
    }
  }
}

/** What a replay makes: a delivery of each past event, or where the consumer is debounced of all events of a key together. */
export function expectedReplay(group: ModelGroup, events: readonly ModelEvent[]): { key: string; seqs: number[] }[] {
  const { consumer } = group;
  const made: { key: string; seqs: number[]; load: { fileBytes: number; dataBytes: number } }[] = [];
  for (const event of events) {
    if (event.seq > group.cursor || event.duplicateOf !== null || event.depth > consumer.maxDepth) continue;
    if (!wants(consumer, event)) continue;
    const key = keyOf(consumer, event);
    const weight = weightOf(event);
    const open = consumer.debounce === null ? undefined : made.findLast((one) => one.key === key);
    if (open === undefined || isFull(open.seqs.length, open.load, weight)) {
      made.push({ key, seqs: [event.seq], load: weight });
      continue;
    }
    open.seqs.push(event.seq);
    open.load.fileBytes += weight.fileBytes;
    open.load.dataBytes += weight.dataBytes;
  }
  return made.map(({ key, seqs }) => ({ key, seqs }));
}
