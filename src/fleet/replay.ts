// Past events of the cluster through one of its consumers once more: selected from what Redis still has, made into deliveries by
// dispatch/replay.ts, and asked of the owners of the partitions that their keys belong to.

import type { GroupRecord } from "../cluster/nodes.ts";
import type { RequestAnswer } from "../cluster/requests.ts";
import { partitionOf } from "../cluster/shares.ts";
import type { Consumer } from "../config/schema.ts";
import { isOrdered } from "../dispatch/inside.ts";
import { isReplayed, makeReplay } from "../dispatch/replay.ts";
import type { StoredEvent } from "../event/event.ts";
import type { EventFilter } from "../ledger/event-pages.ts";
import { keyOf } from "../match/key.ts";
import { compileMatch } from "../match/match.ts";
import type { Keys } from "../partition/keys.ts";
import type { Connection } from "../redis/connection.ts";
import type { NewDelivery } from "../stream/stream.ts";
import { ask } from "./ask.ts";
import { openPartitions, readFacts } from "./look.ts";
import { streamPages } from "./stream-pages.ts";

/** Events, and characters of them, that one request names at most; one larger event goes alone. */
const MOST_EVENTS = 200;
const MOST_CHARS = 1_000_000;
/** As many of the deliveries are told with their keys and events. */
const MOST_TOLD = 10;

/** What a replay made, or with dryRun would make. `unanswered`: deliveries that were asked of partitions without an owner that answers. */
export type ReplayedInCluster = {
  deliveries: number;
  events: number;
  ids: string[];
  first: { key: string; seqs: number[] }[];
  undecided: number;
  unanswered: number;
  paused: boolean;
  refused: string | null;
};

/** `filter.wants`: what was selected; whether the consumer wants it is found out here. `seqs`: these only; null: any. */
export type ReplayOrder = {
  consumer: Consumer;
  record: GroupRecord;
  filter: EventFilter;
  seqs: readonly number[] | null;
  dryRun: boolean;
  timeoutMs: number;
  realPath(path: string): string;
};

/** Replays what is selected, or with dryRun tells what that would be. Errors: RedisTrouble. */
export async function replayInCluster(
  connection: Connection,
  keys: Keys,
  { consumer, record, filter, seqs, dryRun, timeoutMs, realPath }: ReplayOrder,
): Promise<ReplayedInCluster> {
  const made: ReplayedInCluster = {
    deliveries: 0,
    events: 0,
    ids: [],
    first: [],
    undecided: 0,
    unanswered: 0,
    paused: false,
    refused: null,
  };
  const pages = streamPages(connection, keys);
  const { lastSeq } = await readFacts(connection, keys);
  const cursors: number[] = [];
  for await (const opened of openPartitions(connection, keys, new Map([[consumer.name, record]]))) {
    cursors.push(opened.resumeAfter);
    opened.close();
  }
  const wants = compileMatch(consumer, realPath);
  const replay = makeReplay(consumer);
  const waiting = cursors.map((): NewDelivery[] => []);

  const add = async (delivery: NewDelivery) => {
    const queue = waiting[partitionOf(delivery.key, record.partitions)];
    queue?.push(delivery);
    if (waiting.some((one) => eventsIn(one) >= MOST_EVENTS)) await write();
  };
  const write = async () => {
    const pieces = waiting.flatMap((queue, partition) => {
      const piece = queue.splice(0);
      return piece.length === 0 ? [] : [{ partition, piece }];
    });
    if (dryRun) return pieces.forEach(({ piece }) => void count(piece));
    // Each partition has an owner of its own: they are asked at once, and each in order.
    await Promise.all(
      pieces.map(async ({ partition, piece }) => {
        for (const request of await requestsOf(piece)) await send(partition, request);
      }),
    );
  };
  const count = (deliveries: readonly NewDelivery[]) => {
    made.deliveries += deliveries.length;
    made.events += eventsIn(deliveries);
    made.first.push(...deliveries.slice(0, MOST_TOLD - made.first.length).map(({ key, seqs }) => ({ key, seqs })));
  };
  /** With the events that they name, without those that were trimmed meanwhile. */
  const requestsOf = async (deliveries: readonly NewDelivery[]) => {
    const requests: { events: StoredEvent[]; deliveries: NewDelivery[]; chars: number }[] = [];
    for (const delivery of deliveries) {
      const found = await Promise.all(delivery.seqs.map(pages.at));
      const events = found.filter((event) => event !== null);
      if (events.length === 0) continue;
      const chars = events.reduce((sum, event) => sum + event.data.length, 0);
      let last = requests.at(-1);
      if (last === undefined || last.chars + chars > MOST_CHARS) {
        last = { events: [], deliveries: [], chars: 0 };
        requests.push(last);
      }
      last.events.push(...events);
      last.deliveries.push({ ...delivery, seqs: events.map((event) => event.seq) });
      last.chars += chars;
    }
    return requests;
  };
  const send = async (
    partition: number,
    { events, deliveries }: { events: StoredEvent[]; deliveries: NewDelivery[] },
  ) => {
    const request = { kind: "replay" as const, ordered: isOrdered(consumer), events, deliveries };
    // Nobody answers there: what follows is asked for all the same, and not waited for.
    const patienceMs = silent.has(partition) ? 0 : timeoutMs;
    const place = { consumer: consumer.name, partition };
    const [answer = null] = await ask(connection, keys, [{ place, request }], patienceMs);
    count(deliveries);
    take(answer, partition, deliveries.length);
  };
  const silent = new Set<number>();
  const take = (answer: RequestAnswer | null, partition: number, number: number) => {
    if (answer === null) {
      silent.add(partition);
      made.unanswered += number;
    } else if (answer.kind === "refused") made.refused = answer.why;
    else {
      made.ids.push(...answer.ids);
      made.paused ||= answer.group?.paused === true;
    }
  };

  for await (const event of candidates()) {
    if (!filter.wants(event) || !isReplayed(consumer, wants, event)) continue;
    if (event.seq > (cursors[partitionOf(keyOf(consumer, event), record.partitions)] ?? 0)) {
      made.undecided++;
      continue;
    }
    const complete = replay.take(event);
    if (complete !== null) await add(complete);
  }
  for (const delivery of replay.rest()) await add(delivery);
  await write();
  return made;

  /** The events among which the selected ones are, in order, up to what was last when this began. */
  async function* candidates(): AsyncGenerator<StoredEvent> {
    if (seqs === null) {
      yield* pages.forward({ ...filter, throughSeq: Math.min(filter.throughSeq ?? lastSeq, lastSeq) });
      return;
    }
    for (const seq of [...new Set(seqs)].sort((a, b) => a - b)) {
      const event = await pages.at(seq);
      if (event !== null) yield event;
    }
  }
}

function eventsIn(deliveries: readonly NewDelivery[]): number {
  return deliveries.reduce((sum, { seqs }) => sum + seqs.length, 0);
}
