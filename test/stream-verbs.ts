// Short ways to bring a stream into a state and to see what became of it, the same for every backend.
import type { Event } from "../src/event/event.ts";
import type { DeliveryFilter, Inspection } from "../src/ledger/inspect.ts";
import type { AttemptEnd, Decision, NewDelivery, NewSkip, Next, Stream } from "../src/stream/stream.ts";

export const OK: AttemptEnd = {
  outcome: "ok",
  exitCode: 0,
  signal: null,
  durationMs: 12,
  stdout: "",
  stderr: "",
  reason: null,
  counts: true,
};
export const FAILED: AttemptEnd = { ...OK, outcome: "failed", exitCode: 3 };
export const NOTHING = { cools: false, events: [] };
export const ALL: DeliveryFilter = { consumer: null, state: null, session: null, limit: null };

/** A stream with a clock that only the test moves; `append` gives how many were new. */
export type Ground = {
  readonly stream: Stream;
  now: number;
  look<T>(what: (inspection: Inspection) => T): T;
  appendAll(events: readonly Event[]): number;
};

export type ShortWays = ReturnType<typeof shortWays>;

export function shortWays(on: Ground) {
  const decide = (over: Partial<Decision> & { consumer: string }) =>
    on.stream.decide({
      ordered: true,
      cursor: on.stream.lastSeq(),
      deliveries: [],
      joins: [],
      skips: [],
      accepted: [],
      ...over,
    });
  const ids = () => new Set(on.look((inspection) => [...inspection.deliveries(ALL)]).map((delivery) => delivery.id));
  const settle = (id: string, end: AttemptEnd, next: Next) =>
    on.stream.settle(id, on.stream.begin(id, null), end, next, NOTHING);

  return {
    decide,
    /** Appends events of these times, by default of now; gives their seqs. */
    append(...times: number[]): number[] {
      const before = on.stream.lastSeq();
      on.appendAll((times.length === 0 ? [on.now] : times).map((timeMs) => makeEvent({ timeMs })));
      return Array.from({ length: on.stream.lastSeq() - before }, (_, index) => before + 1 + index);
    },
    appendEvents: (...events: Partial<Event>[]) =>
      on.appendAll(events.map((event) => makeEvent({ timeMs: on.now, ...event }))),
    group(name: string, start: "now" | "earliest" = "earliest", ordered = true) {
      return on.stream.openGroup(name, { start, ordered });
    },
    /** Decides up to the last event: a delivery of each [key, ...seqs]; gives their ids. */
    deliver(consumer: string, deliveries: (Partial<NewDelivery> & { key: string; seqs: number[] })[], ordered = true) {
      const before = ids();
      decide({ consumer, ordered, deliveries: deliveries.map((delivery) => ({ hold: null, ...delivery })) });
      return [...ids()].filter((id) => !before.has(id));
    },
    skip: (consumer: string, ...skips: NewSkip[]) => decide({ consumer, skips }),
    succeed: (id: string) => settle(id, OK, { state: "ok" }),
    die: (id: string) => settle(id, FAILED, { state: "dead", reason: "exit 3" }),
    backOff: (id: string, dueMs: number) => settle(id, FAILED, { state: "backoff", reason: "exit 3", dueMs }),

    delivery(id: string) {
      const found = on.look((inspection) => inspection.deliveriesEnding(id))[0];
      if (found === undefined) throw new Error(`no delivery ${id}`);
      return found;
    },
    hasDelivery: (id: string) => on.look((inspection) => inspection.deliveriesEnding(id)).length > 0,
    stateOf(name: string) {
      const found = on.look((inspection) => inspection.groups(on.now)).find((group) => group.consumer === name);
      if (found === undefined) throw new Error(`no group ${name}`);
      return found;
    },
    /** Ids that may start now, in order. */
    startable: (consumer: string) => on.stream.startable(consumer, 1000).map((delivery) => delivery.id),
    /** Why and how often a group skipped. */
    skipCounts: (consumer: string) =>
      on
        .look((inspection) => inspection.skipCounts(consumer))
        .map(({ reason, count }): [string, number] => [reason, count]),
  };
}

export function makeEvent(over: Partial<Event>): Event {
  return {
    id: Bun.randomUUIDv7(),
    source: "/n1/claude-code",
    type: "claude-code.PostToolUse",
    timeMs: 0,
    subject: "/p/a.py",
    node: "n1",
    sessionId: "s1",
    agentId: null,
    tool: "Write",
    toolUseId: Bun.randomUUIDv7(),
    project: "/p",
    depth: 0,
    duplicateOf: null,
    contentType: "application/json",
    data: "{}",
    ...over,
  };
}
