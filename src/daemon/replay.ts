// Past events through a consumer once more: reads them from a group's past, and puts the deliveries they make (dispatch/replay.ts)
// behind what waits for their keys. Page by page, with everything else of the process in between.
import type { Consumer } from "../config/schema.ts";
import { isOrdered } from "../dispatch/inside.ts";
import { isReplayed, makeReplay } from "../dispatch/replay.ts";
import { EXIT, messageOf, OffhookError } from "../errors.ts";
import type { StoredEvent } from "../event/event.ts";
import type { Inspection } from "../ledger/inspect.ts";
import { compileMatch, compileTypes } from "../match/match.ts";
import { passingTrouble } from "../stream/passing-trouble.ts";
import type { NewDelivery } from "../stream/stream.ts";
import type { ChangeDeps } from "./change-deps.ts";
import { giveWay } from "./time.ts";

/** Which past events; null is any. All that is given must hold. */
export type Selection = {
  /** Both included. */
  fromSeq: number | null;
  throughSeq: number | null;
  /** Not older than this time, by the events' own, in ms since 1970. */
  sinceMs: number | null;
  session: string | null;
  /** A glob, as in `on`. */
  type: string | null;
  seqs: readonly number[] | null;
};

/** What a replay makes, or with dryRun would make. */
export type Replayed = {
  deliveries: number;
  events: number;
  /** Of the new deliveries; none with dryRun. */
  ids: string[];
  first: { key: string; seqs: number[] }[];
  /** Selected events that the group has not decided on yet: they come by themselves. */
  undecided: number;
};

/** Events that are looked at, and events that are written, before everything else has its turn. */
const LOOK_PAGE = 100;
const WRITE_PAGE = 200;
/** As many of the deliveries are told with their keys and events. */
const MOST_TOLD = 10;

/** Replays what is selected, or with dryRun tells what that would be. Errors: no such consumer (66), it does not run (78). */
export async function replayEvents(
  { consumer: name, selection, dryRun }: { consumer: string; selection: Selection; dryRun: boolean },
  deps: ChangeDeps,
): Promise<Replayed> {
  const consumer = runnable(name, deps);
  const made: Replayed = { deliveries: 0, events: 0, ids: [], first: [], undecided: 0 };
  const inspection = deps.inspect();
  if (inspection === null) return made;
  let page: NewDelivery[] = [];
  const add = async (delivery: NewDelivery) => {
    page.push(delivery);
    if (eventsIn(page) >= WRITE_PAGE) await write();
  };
  const write = async () => {
    const written = dryRun ? page : withoutLost(page, deps);
    if (!dryRun) made.ids.push(...deps.stream.replay(name, isOrdered(consumer), written));
    made.deliveries += written.length;
    made.events += eventsIn(written);
    made.first.push(...written.slice(0, MOST_TOLD - made.first.length).map(({ key, seqs }) => ({ key, seqs })));
    page = [];
    await giveWay();
  };
  try {
    const cursor = placeOf(consumer, inspection, dryRun, deps);
    const isWanted = selectionTest(selection);
    const wants = compileMatch(consumer, deps.realPath);
    const replay = makeReplay(consumer);
    let looked = 0;
    for (const event of candidates(inspection, selection)) {
      if (++looked % LOOK_PAGE === 0) await giveWay();
      if (!isWanted(event) || !isReplayed(consumer, wants, event)) continue;
      if (event.seq > cursor) {
        made.undecided++;
        continue;
      }
      const complete = replay.take(event);
      if (complete !== null) await add(complete);
    }
    for (const delivery of replay.rest()) await add(delivery);
    await write();
  } catch (error) {
    if (made.ids.length === 0) throw error;
    throw new OffhookError(
      EXIT.failed,
      `only ${made.ids.length} deliveries were made, then: ${messageOf(error)}`,
      passingTrouble(error)?.advice ?? null,
    );
  } finally {
    inspection.close();
    if (made.ids.length > 0) deps.advance();
  }
  return made;
}

/** The consumer, if it runs what is given to it. */
function runnable(name: string, { consumerNamed, fileNames, isOff }: ChangeDeps): Consumer {
  const consumer = consumerNamed(name);
  const names = fileNames();
  if (consumer === null && names.includes(name))
    throw new OffhookError(
      EXIT.config,
      `${name} does not run: its file is broken`,
      "offhook status says what is wrong",
    );
  if (consumer === null) {
    const others = names.length > 0 ? `there are: ${names.join(", ")}` : "offhook help consume has an example";
    throw new OffhookError(EXIT.notFound, `no consumer "${name}"`, others);
  }
  if (consumer.enabled && !isOff(name)) return consumer;
  const where = consumer.enabled ? "disabled in config.toml" : "enabled = false in its file";
  throw new OffhookError(EXIT.config, `${name} is switched off (${where})`, "switch it on first");
}

/** The last seq that the group has decided on: its past. A group that no daemon has opened yet is opened here. */
function placeOf(consumer: Consumer, inspection: Inspection, dryRun: boolean, { stream, now }: ChangeDeps): number {
  const group = inspection.groups(now()).find((one) => one.consumer === consumer.name);
  if (group !== undefined && group.removedMs === null) return inspection.lastSeq() - group.lag;
  if (!dryRun) return stream.openGroup(consumer.name, { start: consumer.start, ordered: isOrdered(consumer) }).cursor;
  if (group !== undefined) return inspection.lastSeq() - group.lag;
  return consumer.start === "earliest" ? 0 : inspection.lastSeq();
}

/** The events among which the selected ones are, in order. */
function* candidates(inspection: Inspection, selection: Selection): Generator<StoredEvent> {
  if (selection.seqs === null) {
    const { fromSeq, throughSeq, sinceMs, session } = selection;
    // All of them, and judged by whoever reads on: a long stretch that nobody wants must not keep the process.
    yield* inspection.events({ afterSeq: (fromSeq ?? 1) - 1, throughSeq, sinceMs, session, wants: () => true });
    return;
  }
  for (const seq of [...new Set(selection.seqs)].sort((a, b) => a - b)) {
    const event = inspection.eventAt(seq);
    if (event !== null) yield event;
  }
}

/** Whether an event is among the selected ones, `seqs` aside. Pure. */
export function selectionTest({
  fromSeq,
  throughSeq,
  sinceMs,
  session,
  type,
}: Omit<Selection, "seqs">): (event: StoredEvent) => boolean {
  const isType = type === null ? () => true : compileTypes([type]);
  return (event) =>
    event.seq >= (fromSeq ?? 0) &&
    event.seq <= (throughSeq ?? Number.MAX_SAFE_INTEGER) &&
    event.timeMs >= (sinceMs ?? Number.MIN_SAFE_INTEGER) &&
    (session === null || event.sessionId === session) &&
    isType(event.type);
}

/** Without events that were let go of since they were read: it gave way in between. */
function withoutLost(deliveries: readonly NewDelivery[], { stream }: ChangeDeps): NewDelivery[] {
  return deliveries
    .map((delivery) => ({ ...delivery, seqs: stream.eventsOf(delivery.seqs).map((event) => event.seq) }))
    .filter((delivery) => delivery.seqs.length > 0);
}

function eventsIn(deliveries: readonly NewDelivery[]): number {
  return deliveries.reduce((sum, { seqs }) => sum + seqs.length, 0);
}
