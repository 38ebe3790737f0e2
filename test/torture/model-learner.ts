// What the model has to look up in the ledger, because it is the ledger's to choose: ids and places of new deliveries, and what of
// all that may go was let go of. Whether it chose rightly is judged here too.
import type { Pruned, PruneLimits } from "../../src/stream/stream.ts";
import type { LedgerEye } from "./ledger-eye.ts";
import type { Model, ModelDelivery, ModelGroup } from "./model.ts";
import { prune } from "./model-verbs.ts";

/** Makes what gives new deliveries of a group their ids and places in the model. */
export function makeLearner(model: Model, eye: () => LedgerEye): (group: ModelGroup) => void {
  let lastPlace = 0;
  const wrong = (text: string) => void model.wrong.push(text);
  return (group) => {
    const unknown = group.deliveries.filter((one) => one.id === null);
    for (const row of unknown.length === 0 ? [] : eye().deliveriesAfter(lastPlace)) {
      lastPlace = row.place;
      const found = unknown.find((one) => one.id === null && isSame(one, row));
      if (found !== undefined) Object.assign(found, { id: row.id, place: row.place });
      else wrong(`${group.consumer.name} should have no delivery ${row.id} of ${row.seqs} (${row.key})`);
    }
    for (const [at, one] of unknown.entries()) {
      if (one.id === null) wrong(`${group.consumer.name} should have a delivery of ${one.seqs} (${one.key})`);
      const later = unknown.slice(at + 1).find((other) => other.key === one.key && other.place < one.place);
      if (later !== undefined) wrong(`${later.id} comes before ${one.id}, which is of the same key and older`);
    }
  };
}

/** Lets the model let go of what the ledger let go of. */
export function followPrune(model: Model, eye: LedgerEye, { events, deliveries }: Pruned, limits: PruneLimits): void {
  const ids = new Set(eye.deliveriesAfter(0).map((row) => row.id));
  const seqs = new Set(eye.events().map((row) => row.seq));
  const skips = new Set(eye.skips().map(({ consumer, seq }) => `${consumer} ${seq}`));
  const goneIds = [...model.groups.values()]
    .flatMap((group) => group.deliveries.flatMap(({ id }) => id ?? []))
    .filter((id) => !ids.has(id));
  const goneSeqs = [...model.events.keys()].filter((seq) => !seqs.has(seq));
  const goneExpired = [...model.groups].flatMap(([consumer, group]) =>
    Array.from(group.skips, ([seq, { reason }]) => ({ consumer, seq, reason })).filter(
      (one) => one.reason === "expired" && !skips.has(`${consumer} ${one.seq}`),
    ),
  );
  if (events !== goneSeqs.length || deliveries !== goneIds.length)
    model.wrong.push(`prune says that ${deliveries} deliveries and ${events} events went, and it was not so`);
  prune(model, limits, goneIds, goneSeqs, goneExpired);
}

function isSame(one: ModelDelivery, row: { key: string; replay: boolean; seqs: readonly number[] }): boolean {
  return one.key === row.key && one.replay === row.replay && JSON.stringify(one.seqs) === JSON.stringify(row.seqs);
}
