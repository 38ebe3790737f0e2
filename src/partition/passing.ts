// New deliveries of a group without order, before they are in any table. Those of builtins that run inside the daemon are decided,
// started and settled within a moment: they never get into one, and settle at a tenth of the cost. All others do, as soon as a verb
// is called that is not about just these steps, or Redis is to be told.
import type { TakeDelivery } from "../ledger/attempts.ts";
import { newDeliveryId } from "../ledger/handle.ts";
import type { Delivery, NewDelivery, Stream } from "../stream/stream.ts";

export type Passing = {
  /** The same stream, with new deliveries on their way through it. */
  stream: Stream;
  count(): number;
  /** Writes those that are left into the tables. */
  settleDown(): void;
};

/** Writes new deliveries without order into the tables, in one step. */
export type InsertNew = (deliveries: readonly { id: string; delivery: NewDelivery }[]) => void;

/** Verbs that need not find new deliveries in a table, beside those that look for them here. */
const UNCONCERNED: ReadonlySet<string> = new Set<keyof Stream>([
  ...(["ledgerId", "lastSeq", "read", "eventsOf", "placeOf", "acceptedMs", "cooledMs", "hold", "forgetMarks"] as const),
  ...(["starts", "noteStarts", "setWaiting", "wake"] as const),
]);

/** Lets the new deliveries of one consumer pass by its tables. `tablesWith`: the stream on these, which asks `take` before them. */
export function makePassing(consumer: string, tablesWith: (take: TakeDelivery) => Stream, insert: InsertNew): Passing {
  // In the order in which they were decided.
  let passing = new Map<string, Delivery>();

  const settleDown = () => {
    if (passing.size === 0) return;
    const left = [...passing.values()];
    insert(left.map(({ id, key, seqs }) => ({ id, delivery: { key, seqs, hold: null } })));
    passing = new Map();
  };
  /** What `work` throws undoes what it did here too. */
  const whole = <R>(work: () => R): R => {
    const before = new Map(passing);
    try {
      return work();
    } catch (error) {
      passing = before;
      throw error;
    }
  };
  const tables = tablesWith((deliveryId) => {
    const delivery = passing.get(deliveryId);
    if (delivery === undefined) return null;
    passing.delete(deliveryId);
    return delivery;
  });

  const stream: Stream = {
    ...(Object.fromEntries(
      Object.entries(tables).map(([name, verb]) => [name, UNCONCERNED.has(name) ? verb : afterAll(verb)]),
    ) as Stream),
    together: (work) => whole(() => tables.together(work)),
    decide(decision) {
      const mayPass =
        decision.consumer === consumer && !decision.ordered && decision.deliveries.every(({ hold }) => hold === null);
      if (!mayPass) {
        settleDown();
        return tables.decide(decision);
      }
      tables.decide({ ...decision, deliveries: [] });
      for (const { key, seqs } of decision.deliveries) {
        const id = newDeliveryId();
        const begun = { attempts: 0, counted: 0, cutOffs: 0, replay: false };
        passing.set(id, { id, consumer, key, state: "ready", seqs: [...seqs], ...begun });
      }
    },
    startable(name, limit, look) {
      const found = tables.startable(name, limit, look);
      if (name !== consumer) return found;
      for (const delivery of passing.values()) {
        if (found.length >= limit) break;
        found.push(delivery);
      }
      return found;
    },
    settleAtOnce(ids, end, next, aftermath) {
      if (next.state !== "ok" && next.state !== "findings") settleDown();
      whole(() => tables.settleAtOnce(ids, end, next, aftermath));
    },
  };

  function afterAll(verb: (...args: never[]) => unknown) {
    return (...args: never[]) => {
      settleDown();
      return verb(...args);
    };
  }

  return { stream, count: () => passing.size, settleDown };
}
