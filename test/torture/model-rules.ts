// The model's rules of flow: what becomes of an event, when a delivery may begin, what follows from its end. Written from
// docs/consumers.md and DESIGN.md's words, one event and one delivery at a time, with no thought of speed.
import type { Consumer } from "../../src/config/schema.ts";
import {
  addDelivery,
  type Ending,
  eventsOf,
  isPending,
  type Model,
  type ModelDelivery,
  type ModelEvent,
  type ModelGroup,
  promote,
  skipEvent,
} from "./model.ts";

const MOST_EVENTS = 1_000;
const MOST_FILE_BYTES = 128 * 1024;
const MOST_DATA_BYTES = 8 * 1024 * 1024;
const MOST_CUT_OFFS = 10;

/** Whether a consumer is about an event: its type, and for `files` that it has one of these endings ("*.py"). */
export function wants(consumer: Consumer, event: ModelEvent): boolean {
  const name = event.type.replace(/^claude-code\./, "");
  if (!consumer.on.includes(name) && !consumer.on.includes(event.type)) return false;
  return consumer.files === null || consumer.files.some((glob) => event.subject?.endsWith(glob.slice(1)) === true);
}

/** What a consumer's rules count an event by. */
export function keyOf(consumer: Consumer, event: ModelEvent): string {
  return consumer.key
    .replaceAll("{file}", () => event.subject ?? event.session ?? "-")
    .replaceAll("{session}", () => event.session ?? "-")
    .replaceAll("{project}", () => event.project ?? "-")
    .replaceAll("{type}", () => event.type);
}

/** Decides one event: it is skipped, or delivered, or held, or joins the held delivery of its key. */
export function decideEvent(model: Model, group: ModelGroup, event: ModelEvent): void {
  const { consumer } = group;
  group.cursor = event.seq;
  if (!wants(consumer, event)) return;
  const key = keyOf(consumer, event);
  const reason = skipReason(model, group, event, key);
  if (reason !== null) return skipEvent(model, group, event.seq, key, reason);
  if (consumer.dedupMs > 0) markOf(group, key).acceptedMs = event.timeMs;
  if (consumer.debounce === null)
    addDelivery(model, group, { key, seqs: [event.seq], hold: null, dueMs: null, replay: false });
  else holdEvent(model, group, event, key, consumer.debounce);
}

function skipReason(model: Model, { consumer, marks }: ModelGroup, event: ModelEvent, key: string): string | null {
  const acceptedMs = marks.get(key)?.acceptedMs ?? null;
  if (!consumer.enabled || model.isOff(consumer.name)) return "disabled";
  if (event.duplicateOf !== null) return "double-firing";
  if (event.depth > consumer.maxDepth) return "depth";
  if (isSilenced(model, consumer, event.project)) return "silenced";
  if (consumer.maxAgeMs > 0 && model.now() - event.timeMs > consumer.maxAgeMs) return "max-age";
  if (consumer.dedupMs > 0 && acceptedMs !== null && Math.abs(event.timeMs - acceptedMs) < consumer.dedupMs)
    return "duplicate";
  return null;
}

function isSilenced(model: Model, { name, silenceable }: Consumer, project: string | null): boolean {
  const silencing = model.silencingOf(project);
  if (!silenceable || silencing === null) return false;
  return silencing.disabled === true || silencing.disabled.includes(name);
}

function holdEvent(
  model: Model,
  group: ModelGroup,
  event: ModelEvent,
  key: string,
  { quietMs, maxMs }: { quietMs: number; maxMs: number },
): void {
  const now = model.now();
  const held = group.deliveries.findLast((one) => one.state === "held" && one.key === key);
  const weight = weightOf(event);
  const hold = held?.hold ?? null;
  if (held !== undefined && hold !== null && !isFull(held.seqs.length, hold, weight)) {
    held.seqs.push(event.seq);
    hold.fileBytes += weight.fileBytes;
    hold.dataBytes += weight.dataBytes;
    held.dueMs = Math.min(hold.openedMs + maxMs, now + quietMs);
    return;
  }
  if (held !== undefined) held.dueMs = now;
  const dueMs = now + Math.min(quietMs, maxMs);
  addDelivery(model, group, { key, seqs: [event.seq], hold: { openedMs: now, ...weight }, dueMs, replay: false });
}

/** What an event weighs in a delivery of several. */
export function weightOf({ subject, dataBytes }: ModelEvent): { fileBytes: number; dataBytes: number } {
  return { fileBytes: subject === null ? 0 : Buffer.byteLength(subject) + 1, dataBytes };
}

/** Whether a delivery of so many events takes in no more of this weight. */
export function isFull(
  events: number,
  load: { fileBytes: number; dataBytes: number },
  more: { fileBytes: number; dataBytes: number },
): boolean {
  return (
    events + 1 > MOST_EVENTS ||
    load.fileBytes + more.fileBytes > MOST_FILE_BYTES ||
    load.dataBytes + more.dataBytes > MOST_DATA_BYTES
  );
}

/** What is remembered of a key. */
export function markOf({ marks }: ModelGroup, key: string): { acceptedMs: number | null; cooledMs: number | null } {
  const mark = marks.get(key) ?? { acceptedMs: null, cooledMs: null };
  marks.set(key, mark);
  return mark;
}

/** Whether deliveries of a consumer run inside the daemon, in batches: then nothing of it can overlap. */
export function isInside({ action }: Consumer): boolean {
  return action.kind === "builtin" && action.builtin !== "notify";
}

/** Whether a delivery waits for nothing but its turn at this time: not paused, not in backoff, quiet, first of its key. */
export function isStartable(group: ModelGroup, delivery: ModelDelivery, nowMs: number): boolean {
  if (!delivery.head) return false;
  return delivery.state === "ready" || (delivery.state === "held" && (delivery.dueMs ?? 0) <= nowMs && !group.paused);
}

/** Why the group may begin nothing at this time; null: it may. */
export function heldUpBy(model: Model, group: ModelGroup, nowMs: number): string | null {
  const { consumer } = group;
  const running = runningOf(group);
  if (group.paused) return "it is paused";
  if (running >= consumer.concurrency && !isInside(consumer)) return `${running} run already`;
  // One that is noted and not begun yet is the one that is asked about.
  const { rate } = consumer;
  if (rate !== null && startsWithin(group, rate.perMs, nowMs) + group.unnoted >= rate.count) return "its rate";
  if (isInside(consumer) && group.deliveries.some((one) => one.state === "backoff")) return "a retry that waits";
  const usesSlot = consumer.action.kind !== "webhook" && !isInside(consumer);
  if (usesSlot && freeSlots(model) <= (running > 0 && model.workers > 1 ? 1 : 0)) return "no slot is free";
  return null;
}

/** How many attempts began after `nowMs - perMs`. */
export function startsWithin({ starts }: ModelGroup, perMs: number, nowMs: number): number {
  return starts.filter((at) => at > nowMs - perMs).length;
}

/** What has ended takes no place any more, although its outcome waits for the next turn of its group. */
function runningOf({ deliveries }: ModelGroup): number {
  return deliveries.filter((one) => one.state === "running" && one.ended === null).length;
}

function freeSlots({ groups, workers }: Model): number {
  const withSlots = [...groups.values()].filter(({ consumer }) => consumer.action.kind !== "webhook");
  return workers - withSlots.reduce((sum, group) => sum + runningOf(group), 0);
}

/** Why a delivery that is to begin is skipped after all; null: it begins. */
export function startSkip(model: Model, group: ModelGroup, delivery: ModelDelivery): string | null {
  const { consumer } = group;
  const events = eventsOf(model, delivery);
  if (delivery.attempts === 0 && !delivery.replay) {
    const now = model.now();
    if (!consumer.enabled || model.isOff(consumer.name)) return "disabled";
    if (!isInside(consumer) && events.every(({ project }) => isSilenced(model, consumer, project))) return "silenced";
    if (consumer.maxAgeMs > 0 && events.every((event) => now - event.timeMs > consumer.maxAgeMs)) return "max-age";
    const cooledMs = group.marks.get(delivery.key)?.cooledMs ?? null;
    const cooldownMs = cooldownOf(model, consumer, events);
    if (cooledMs !== null && cooledMs <= now && now - cooledMs < cooldownMs) return "cooldown";
  }
  return goneReason(model, consumer, events);
}

/** How long the key of these events cools down: a project may only make it longer; of what runs inside, only where there is one. */
export function cooldownOf(model: Model, consumer: Consumer, events: readonly ModelEvent[]): number {
  if (isInside(consumer) && consumer.cooldownMs === 0) return 0;
  const longer = events.map(({ project }) => model.silencingOf(project)?.cooldownMs[consumer.name] ?? 0);
  return Math.max(consumer.cooldownMs, ...(consumer.silenceable ? longer : []));
}

function goneReason(model: Model, { action }: Consumer, events: readonly ModelEvent[]): string | null {
  const words = action.kind === "run" ? action.argv : [];
  const files = events.flatMap(({ subject }) => subject ?? []);
  const asked = words.includes("{file}") ? files.slice(-1) : files;
  if (!words.includes("{file}") && !words.includes("{files}")) return null;
  if (files.length === 0) return "no-file";
  return asked.some((file) => model.exists(file)) ? null : "file-gone";
}

/** What follows from the end of an attempt: the delivery's next state; for backoff the shortest and the longest wait. */
export function follows(
  { retry }: Consumer,
  { counted, cutOffs }: Pick<ModelDelivery, "counted" | "cutOffs">,
  { outcome, exitCode, retryAfterMs, isCutOff, isImpossible }: Ending,
): { state: "ok" | "findings" | "ready" | "dead" } | { state: "backoff"; leastMs: number; mostMs: number } {
  if (isCutOff) return { state: cutOffs + 1 >= MOST_CUT_OFFS ? "dead" : "ready" };
  if (outcome === "ok" || outcome === "findings") return { state: outcome };
  if (isImpossible || exitCode === 100 || counted + 1 > retry.max) return { state: "dead" };
  const mostMs = Math.min(retry.backoffMs * 2 ** counted, retry.maxBackoffMs);
  const leastMs = Math.max(Math.floor(mostMs / 2), retryAfterMs ?? 0);
  return { state: "backoff", leastMs, mostMs: Math.max(mostMs, leastMs) };
}

/** Ends the attempt that runs: counts it, moves the delivery on, lets the next of its key be first. `dueMs`: as the ledger has it. */
export function endAttempt(
  model: Model,
  group: ModelGroup,
  delivery: ModelDelivery,
  ending: Ending,
  dueMs: number | null,
): void {
  const consumer = delivery.begunBy ?? group.consumer;
  const next = follows(consumer, delivery, ending);
  const now = model.now();
  if (ending.isCutOff) delivery.cutOffs++;
  else {
    delivery.counted++;
    delivery.cutOffs = 0;
    if (ending.outcome === "ok" || ending.outcome === "findings") group[ending.outcome]++;
    else group.failed++;
  }
  delivery.state = next.state;
  delivery.begunBy = null;
  delivery.ended = null;
  delivery.dueMs = null;
  if (next.state === "backoff") {
    if (dueMs === null || dueMs < now + next.leastMs || dueMs > now + next.mostMs)
      model.wrong.push(
        `${delivery.id} waits ${dueMs === null ? "not at all" : `${dueMs - now} ms`}, and not ${next.leastMs} to ${next.mostMs} ms`,
      );
    delivery.dueMs = dueMs;
  }
  if (!isPending(delivery)) {
    delivery.settledMs = now;
    promote(group, delivery.key);
  }
  if ((next.state === "ok" || next.state === "findings") && cooldownOf(model, consumer, eventsOf(model, delivery)) > 0)
    markOf(group, delivery.key).cooledMs = now;
}
