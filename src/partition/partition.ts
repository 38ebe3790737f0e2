// One partition of a cluster's consumer, in memory: the ledger's own verbs over a ledger that holds only what is not settled. What
// changes in it is written through to Redis (lease.ts) by whoever owns it; the next owner goes on with those rows.
import type { Event, StoredEvent } from "../event/event.ts";
import { runningLog, type TakeDelivery } from "../ledger/attempts.ts";
import { deliveryInsert } from "../ledger/deciding.ts";
import { eventsGiven } from "../ledger/given-seq.ts";
import { type GroupState, groupStates } from "../ledger/group-state.ts";
import type { LedgerHandle } from "../ledger/handle.ts";
import { type Inspection, inspectionOn } from "../ledger/inspect.ts";
import { ledgerOn } from "../ledger/ledger.ts";
import { firstPending } from "../ledger/pending.ts";
import type { Stream } from "../stream/stream.ts";
import type { Changes, PartitionRows } from "./changes.ts";
import { makeCollector } from "./collect.ts";
import { type Entry, eventText } from "./entry.ts";
import { makeWindow } from "./event-window.ts";
import { openMemoryLedger } from "./memory-ledger.ts";
import { type InsertNew, makePassing } from "./passing.ts";
import { firstPlace, makePlace } from "./place.ts";
import { FIELD, loadRows, metaText } from "./rows.ts";
import { makeUnconfirmed } from "./unconfirmed.ts";

export type { Changes, PartitionRows } from "./changes.ts";

export type PartitionDeps = {
  /** Wall time in ms since 1970. */
  now(): number;
  /** Of a new group: events after this seq are its. */
  startAfterSeq: number;
  /** Of a new group: what happened before and is sent again after a loss is none of its; 0 where it began before the first event. */
  createdMs: number;
};

export type Partition = {
  /** Everything but `append`: events come by `take`. Own events of `settle` come out with `changes`. */
  stream: Stream;
  /** Entries after this seq are to be given to `take`. */
  resumeAfter(): number;
  /**
   * Gives entries in order; wanted ones wait for the group's decision, others are passed over, and so is what was taken before.
   * `afterSeq`: the seq after which they were asked for. Where that is not the place any more (a loss was noticed meanwhile, and the
   * stream is to be read again), nothing is taken.
   */
  take(entries: readonly { entry: Entry; wanted: boolean }[], throughSeq: number, afterSeq?: number): void;
  /** Past events that a replay will name; they are not decided on. Those that nothing names by the next `changes` are let go. */
  keep(events: readonly StoredEvent[]): void;
  /** Events that were taken and not decided on, and deliveries that are not settled. */
  undecided(): number;
  pending(): number;
  /** Those of them that may start, or run: neither held nor in backoff. */
  ready(): number;
  /** What Redis has to be told since the last confirmed changes; null: nothing. To be confirmed or failed before the next. */
  changes(): Changes | null;
  confirm(): void;
  /** Whether Redis has the last changes is not known: they come again with the next. */
  fail(): void;
  /** Everything, for a Redis that lost what it had. The stream is then read again from its beginning. */
  snapshot(): Changes;
  /** Told when Redis was last found to have lost data (its clock; null: never). True: that was news, the stream is read again. */
  noteLoss(lossMs: number | null): boolean;
  /** Counts and ages of its group. */
  inspect(): GroupState;
  /** The looking half: what is pending and dead here, as for the node's own ledger. Closed with the partition. */
  inspection(): Inspection;
  close(): void;
};

/** Opens a partition with its rows; null: it is new. Errors: rows of a newer offhook (78), rows that cannot be read. */
export function openPartition(consumer: string, rows: PartitionRows | null, deps: PartitionDeps): Partition {
  const ledger = openMemoryLedger(deps.now);
  const { db } = ledger;
  const loaded = loadRows(db, consumer, rows ?? new Map());
  const place = makePlace(loaded.place ?? firstPlace(deps.startAfterSeq, deps.createdMs));
  const window = makeWindow(loaded.events);
  const collector = makeCollector(ledger, consumer, window, deps.now);
  const unconfirmed = makeUnconfirmed(rows?.keys() ?? []);
  const sql = prepare(ledger);
  const replaceEvents = eventsGiven(ledger);
  collector.markNone();

  if (loaded.place === null) sql.beginGroup.run(consumer, deps.startAfterSeq, deps.now());
  const cursor = () => (sql.cursor.get(consumer) as { cursor: number } | null)?.cursor ?? 0;
  // The largest seq that was taken here: what comes next is above it, whatever became of the stream's own.
  let top = Math.max(cursor(), place.throughSeq() + place.shift());
  let metaBefore: string | null = null;
  let keptSeqs: number[] = [];
  let isNew = loaded.place === null;

  const insertOwn = (events: readonly Event[]) => {
    for (const event of events) sql.insertOwn.run(event.id, eventText(event));
    return events.length;
  };
  const base = ledgerOn(db, { now: deps.now, durability: "process" });
  const insertDelivery = deliveryInsert(ledger);
  const tablesWith = (take: TakeDelivery): Stream => ({
    ...base,
    ...runningLog(ledger, insertOwn, take),
    append() {
      throw new Error("events come to a partition from the cluster's stream");
    },
    lastSeq: () => top,
    read: window.read,
    eventsOf: window.eventsOf,
    openGroup(name, options) {
      // One that was forgotten and is there again.
      if (options.start === "now") sql.beginGroup.run(name, top, deps.now());
      return base.openGroup(name, options);
    },
    replay: (name, ordered, deliveries) =>
      base.replay(
        name,
        ordered,
        deliveries.map((delivery) => ({ ...delivery, seqs: delivery.seqs.map((seq) => seq + place.shift()) })),
      ),
    // Both go by the times of events.
    expire(name, beforeMs, most) {
      replaceEvents(window.all);
      return base.expire(name, beforeMs, most);
    },
    prune(limits) {
      replaceEvents(window.all);
      return base.prune(limits);
    },
  });
  const insertNew: InsertNew = ledger.atomic((deliveries) => {
    for (const { id, delivery } of deliveries) insertDelivery(consumer, false, delivery, false, id);
  });
  const { stream, ...passing } = makePassing(consumer, tablesWith, insertNew);

  /** The seq of an entry here: above all before it, and of no other event. */
  const seqOf = ({ seq, event }: Entry): number => {
    const other = window.all.get(seq + place.shift());
    if (seq + place.shift() <= top || (other !== undefined && other.id !== event.id))
      place.shiftTo(Math.max(top, ...window.all.keys()) + 1 - seq);
    return seq + place.shift();
  };

  const collect = (has: (field: string) => boolean) => {
    passing.settleDown();
    const collected = collector.collect(has);
    for (const seq of keptSeqs) {
      if (window.isUndecided(seq) || sql.isNamed.get(seq) !== null) continue;
      window.drop(seq);
      collected.gone.add(FIELD.event(seq));
    }
    keptSeqs = [];
    const meta = metaText(place.settle(cursor()));
    if (meta !== metaBefore) collected.set.set(FIELD.meta, meta);
    metaBefore = meta;
    return collected;
  };

  return {
    stream,
    resumeAfter: place.throughSeq,
    take(entries, throughSeq, afterSeq = place.throughSeq()) {
      if (afterSeq !== place.throughSeq()) return;
      for (const { entry, wanted } of entries) {
        const isTaken = wanted && place.isNew(entry);
        if (isTaken) {
          top = seqOf(entry);
          window.push({ ...entry.event, seq: top });
        }
        place.pass(entry, isTaken ? top : 0);
      }
      place.passThrough(throughSeq);
      top = Math.max(top, throughSeq + place.shift());
    },
    keep(events) {
      for (const event of events) {
        const seq = event.seq + place.shift();
        const other = window.all.get(seq);
        if (other !== undefined && other.id !== event.id)
          throw new Error(`event ${event.seq} is not the one it was: look again`);
        if (other === undefined) window.keep({ ...event, data: event.data, seq });
        keptSeqs.push(seq);
      }
    },
    undecided: () => window.undecided(cursor()),
    pending: () => (sql.pending.get(consumer) as { count: number }).count + passing.count(),
    ready: () => (sql.ready.get(consumer) as { count: number }).count + passing.count(),
    changes: () => unconfirmed.changes(collect(unconfirmed.has)),
    confirm() {
      const own = unconfirmed.confirm();
      collector.forgetOwn(own);
      for (const { id } of own) unconfirmed.remove(FIELD.own(id));
    },
    fail: unconfirmed.fail,
    snapshot() {
      place.rewind();
      metaBefore = null;
      collector.markAll();
      return unconfirmed.snapshot(collect(() => false));
    },
    noteLoss(lossMs) {
      // A new one begins with the Redis that it finds.
      const isFirst = isNew;
      isNew = false;
      if (!place.noteLoss(lossMs) || isFirst) return false;
      place.rewind();
      return true;
    },
    inspect: stateOf,
    inspection() {
      passing.settleDown();
      replaceEvents(window.all);
      return { ...inspectionOn(db), close: () => undefined };
    },
    close: () => db.close(),
  };

  function stateOf(): GroupState {
    passing.settleDown();
    const state = groupStates(db, deps.now()).find((one) => one.consumer === consumer);
    if (state === undefined) throw new Error(`no group ${consumer}`);
    const oldest = [window.read(cursor(), 1)[0], oldestPending()].flatMap((event) => event?.timeMs ?? []);
    const oldestMs = oldest.length === 0 ? null : Math.max(0, deps.now() - Math.min(...oldest));
    return { ...state, lag: window.undecided(cursor()), oldestMs };
  }

  function oldestPending(): StoredEvent | undefined {
    const { seq } = sql.oldestPending.get(consumer) as { seq: number | null };
    return seq === null ? undefined : window.all.get(seq);
  }
}

function prepare({ db }: LedgerHandle) {
  return {
    beginGroup: db.query("INSERT OR IGNORE INTO groups (consumer, cursor, began_ms) VALUES (?, ?, ?)"),
    cursor: db.query("SELECT cursor FROM groups WHERE consumer = ?"),
    insertOwn: db.query("INSERT OR IGNORE INTO own_events (id, json) VALUES (?, ?)"),
    isNamed: db.query("SELECT 1 FROM delivery_events WHERE seq = ? LIMIT 1"),
    pending: db.query("SELECT count(*) AS count FROM deliveries WHERE consumer = ? AND settled_ms IS NULL"),
    ready: db.query(`
      SELECT count(*) AS count FROM deliveries WHERE consumer = ? AND settled_ms IS NULL AND state IN ('ready', 'running')`),
    oldestPending: db.query(`SELECT min(seq) AS seq FROM delivery_events WHERE delivery = ${firstPending("?1")}`),
  };
}
