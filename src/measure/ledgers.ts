// The ledger of a scratch home, filled and looked into by this process instead of through the daemon: filling goes through the
// stream's own verbs, and counting is a query beside the daemon, which costs it nothing.
import { pathsOf } from "../config/paths.ts";
import type { Event } from "../event/event.ts";
import { openInspection } from "../ledger/inspect.ts";
import { openLedger } from "../ledger/ledger.ts";
import type { AttemptEnd, Stream } from "../stream/stream.ts";

/** What a ledger begins with. Groups are in the order of nothing and take unordered deliveries, as builtins do. */
export type Filling = {
  groups: readonly string[];
  /** Paused groups stand before the first event, others behind the last. */
  arePaused: boolean;
  /** Events in order, many at once: each list is one transaction. */
  batches: Iterable<readonly Event[]>;
  /** Of so many events one was delivered, once for each group that is not paused, and ended ok. */
  deliveredOneOf: number;
};

export type Look = {
  /** Deliveries that ended ok, of all groups. */
  settled(): number;
  close(): void;
};

const OK: AttemptEnd = {
  outcome: "ok",
  exitCode: null,
  signal: null,
  durationMs: 0,
  stdout: "",
  stderr: "",
  reason: null,
  counts: true,
};

/** Makes and fills the ledger of a home that no daemon holds. */
export function fillLedger(home: string, filling: Filling): void {
  const stream = openLedger(pathsOf(home).ledger, { now: Date.now, durability: "process" });
  try {
    for (const group of filling.groups) {
      stream.openGroup(group, { start: "earliest", ordered: false });
      if (filling.arePaused) stream.setPaused(group, true);
    }
    for (const batch of filling.batches) {
      const before = stream.lastSeq();
      stream.append(batch);
      if (!filling.arePaused) for (const group of filling.groups) deliver(stream, group, before, filling);
    }
  } finally {
    stream.close();
  }
}

/** Opens the ledger of a home beside its daemon. Throws where there is none. */
export function lookIntoLedger(home: string): Look {
  const inspection = openInspection(pathsOf(home).ledger);
  if (inspection === null) throw new Error(`no ledger in ${home}`);
  return {
    settled: () => inspection.groups(Date.now()).reduce((sum, group) => sum + group.ok, 0),
    close: () => inspection.close(),
  };
}

/** Decides on all events after `before` and settles what that made. */
function deliver(stream: Stream, group: string, before: number, { deliveredOneOf }: Filling): void {
  const cursor = stream.lastSeq();
  const seqs = Array.from({ length: cursor - before }, (_, index) => before + 1 + index);
  const deliveries = seqs
    .filter((seq) => seq % deliveredOneOf === 0)
    .map((seq) => ({ key: `key-${seq}`, seqs: [seq], hold: null }));
  stream.decide({ consumer: group, ordered: false, cursor, deliveries, joins: [], skips: [], accepted: [] });
  const ids = stream.startable(group, deliveries.length).map(({ id }) => id);
  if (ids.length > 0) stream.settleAtOnce(ids, OK, { state: "ok" }, { cools: false, events: [] });
}
