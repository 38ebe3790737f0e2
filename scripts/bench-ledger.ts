// The ledger for the benchmark's own hands: filling one through the stream's verbs, and counting in one beside its daemon.

import type { Filling, Ledgers } from "../src/bench/ledgers.ts";
import { pathsOf } from "../src/config/paths.ts";
import { openInspection } from "../src/ledger/inspect.ts";
import { openLedger } from "../src/ledger/ledger.ts";
import type { AttemptEnd, Stream } from "../src/stream/stream.ts";

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

export const LEDGERS: Ledgers = {
  fill(home, filling) {
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
  },
  look(home) {
    const inspection = openInspection(pathsOf(home).ledger);
    if (inspection === null) throw new Error(`no ledger in ${home}`);
    return {
      settled: () => inspection.groups(Date.now()).reduce((sum, group) => sum + group.ok, 0),
      close: () => inspection.close(),
    };
  },
};

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
