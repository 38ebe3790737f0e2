// Whether a ledger holds what the model says, and what must hold in every ledger whatever the model says. Gives one sentence for
// each difference; changes nothing.
import type { DeliveryRow, GroupRow, LedgerEye } from "./ledger-eye.ts";
import { isPending, type Model, type ModelDelivery, type ModelGroup } from "./model.ts";
import { heldUpBy, isStartable, wants } from "./model-rules.ts";

/** What is due by a timer may be this late. */
const LATE_MS = 2;

/** Every difference between the ledger and the model, and what is left undone although it may be done. The daemon is at rest. */
export function differences(model: Model, eye: LedgerEye): string[] {
  const rows = eye.deliveriesAfter(0);
  return [
    ...model.wrong.splice(0),
    ...compared(
      "events",
      eye.events(),
      [...model.events.values()].map(({ seq, id, type, depth, duplicateOf }) => ({
        seq,
        id,
        type,
        depth,
        duplicateOf,
      })),
      ({ seq }) => String(seq),
    ),
    ...compared(
      "groups",
      eye.groups(),
      sorted(
        [...model.groups].map(([name, group]) => groupRow(name, group)),
        (row) => row.consumer,
      ),
      (row) => row.consumer,
    ),
    ...[...model.groups].flatMap(([name, group]) => deliveryDifferences(name, group, rows)),
    ...compared(
      "skips by reason",
      eye.skipCounts(),
      skipCountRows(model),
      ({ consumer, reason }) => `${consumer} ${reason}`,
    ),
    ...compared("skips", eye.skips(), skipRows(model), ({ consumer, seq }) => `${consumer} ${seq}`),
    ...compared("marks", eye.marks(), markRows(model), ({ consumer, key }) => `${consumer} ${key}`),
    ...[...model.groups.values()].flatMap((group) => undone(model, group)),
    ...broken(model, eye, rows),
  ];
}

/** What must hold in any ledger: heads, overlaps, running attempts, every event in its place, the count of events. */
function broken(model: Model, eye: LedgerEye, rows: readonly DeliveryRow[]): string[] {
  const found: string[] = [];
  const pending = rows.filter((row) => !row.isSettled);
  for (const [name, { ordered, overlapping }] of model.groups) {
    for (const [key, ofKey] of Map.groupBy(
      pending.filter((row) => row.consumer === name),
      (row) => row.key,
    )) {
      const heads = ofKey.filter((row) => row.head).length;
      const running = ofKey.filter((row) => row.state === "running").length;
      if (heads !== (ordered ? 1 : ofKey.length))
        found.push(`${heads} of ${ofKey.length} pending deliveries of ${name} ${key} are head`);
      if (ordered && running > 1 && !overlapping.has(key))
        found.push(`${running} deliveries of ${name} ${key} run at once`);
    }
  }
  const unfinished = new Map(eye.attempts().map((row) => [row.delivery, row]));
  for (const row of rows) {
    const begun = unfinished.get(row.place)?.attempts ?? 0;
    const open = unfinished.get(row.place)?.unfinished ?? 0;
    if (open !== (row.state === "running" ? 1 : 0))
      found.push(`${row.id} is ${row.state} and has ${open} attempts without an end`);
    if (begun !== row.attempts) found.push(`${row.id} has had ${row.attempts} attempts, of which ${begun} are kept`);
    if (row.isSettled !== ["ok", "findings", "dead"].includes(row.state))
      found.push(`${row.id} is ${row.state}, settled: ${row.isSettled}`);
  }
  const seqs = new Set(eye.events().map((row) => row.seq));
  if (eye.total() !== seqs.size) found.push(`the ledger has ${seqs.size} events and says ${eye.total()}`);
  for (const row of pending) {
    if (row.seqs.length === 0 || row.seqs.some((seq) => !seqs.has(seq)))
      found.push(`${row.id} is pending without its events`);
  }
  return [...found, ...unplaced(model, eye, rows)];
}

/** Every kept event that a group wants and has decided on is in one delivery (replays aside) or skipped, or its delivery is gone. */
function unplaced(model: Model, eye: LedgerEye, rows: readonly DeliveryRow[]): string[] {
  const skips = new Set(eye.skips().map(({ consumer, seq }) => `${consumer} ${seq}`));
  const places = new Map<string, number>();
  for (const { consumer, seqs, replay } of rows) {
    if (replay) continue;
    for (const seq of seqs) places.set(`${consumer} ${seq}`, (places.get(`${consumer} ${seq}`) ?? 0) + 1);
  }
  return eye.groups().flatMap(({ consumer, cursor }) => {
    const group = model.groups.get(consumer);
    if (group === undefined) return [];
    return [...model.events.values()].flatMap((event) => {
      const at = `${consumer} ${event.seq}`;
      if (
        event.seq > cursor ||
        event.seq <= group.beganAfter ||
        group.gone.has(event.seq) ||
        !wants(group.consumer, event)
      )
        return [];
      const deliveries = places.get(at) ?? 0;
      if (deliveries + (skips.has(at) ? 1 : 0) === 1) return [];
      return [`event ${event.seq} of ${consumer} is in ${deliveries} deliveries, skipped: ${skips.has(at)}`];
    });
  });
}

/** What the daemon should have done by now, being at rest. What became due a moment ago may wait for its timer. */
function undone(model: Model, group: ModelGroup): string[] {
  const { name } = group.consumer;
  if (group.paused || group.removed) return [];
  const due = model.now() - LATE_MS;
  if (group.cursor < model.lastSeq) return [`${name} has not decided on ${group.cursor + 1} to ${model.lastSeq}`];
  const late = group.deliveries.find((one) => one.state === "backoff" && (one.dueMs ?? 0) < due);
  if (late !== undefined) return [`${late.id} of ${name} is in backoff, and was due at ${late.dueMs}`];
  const unsettled = group.deliveries.find((one) => one.state === "running" && one.ended !== null);
  if (unsettled !== undefined) return [`${unsettled.id} of ${name} has ended and is not settled`];
  if (group.unnoted !== 0) return [`${name} has begun ${group.unnoted} attempts that its rate does not know of`];
  const waits = group.deliveries.find((one) => isStartable(group, one, due));
  if (waits === undefined || heldUpBy(model, group, due) !== null || heldUpBy(model, group, model.now()) !== null)
    return [];
  return [`${waits.id} of ${name} could begin and does not`];
}

function deliveryDifferences(name: string, group: ModelGroup, rows: readonly DeliveryRow[]): string[] {
  const mine = rows
    .filter((row) => row.consumer === name)
    .map(({ place: _, isSettled, ...row }) => ({
      ...row,
      head: isSettled ? null : row.head,
    }));
  const expected = sorted(group.deliveries, (one) => one.place).map((one) => deliveryRow(name, one));
  return compared(`deliveries of ${name}`, mine, expected, (row) => row.id);
}

function deliveryRow(consumer: string, one: ModelDelivery) {
  const { key, seqs, state, attempts, counted, cutOffs, replay, dueMs } = one;
  // Settled ones are no heads of anything.
  const head = isPending(one) ? one.head : null;
  return { id: one.id ?? "?", consumer, key, state, attempts, counted, cutOffs, replay, head, dueMs, seqs };
}

function groupRow(consumer: string, { cursor, paused, removed, ok, findings, failed, skipped }: ModelGroup): GroupRow {
  return { consumer, cursor, paused, removed, ok, findings, failed, skipped };
}

function skipRows(model: Model) {
  const rows = [...model.groups].flatMap(([consumer, { skips }]) =>
    Array.from(skips, ([seq, { key, reason }]) => ({ consumer, seq, key, reason })),
  );
  return sorted(
    sorted(rows, (row) => row.seq),
    (row) => row.consumer,
  );
}

function skipCountRows(model: Model) {
  const rows = [...model.groups].flatMap(([consumer, { skipCounts }]) =>
    Array.from(skipCounts, ([reason, count]) => ({ consumer, reason, count })),
  );
  return sorted(
    sorted(rows, (row) => row.reason),
    (row) => row.consumer,
  );
}

function markRows(model: Model) {
  const rows = [...model.groups].flatMap(([consumer, { marks }]) =>
    Array.from(marks, ([key, mark]) => ({ consumer, key, ...mark })),
  );
  return sorted(
    sorted(rows, (row) => row.key),
    (row) => row.consumer,
  );
}

function sorted<T>(rows: readonly T[], by: (row: T) => string | number): T[] {
  return rows.toSorted((a, b) => (by(a) < by(b) ? -1 : by(a) > by(b) ? 1 : 0));
}

/** One sentence for each row that only one side has, or that is not the same on both. */
function compared<T extends object>(
  what: string,
  ledger: readonly T[],
  model: readonly T[],
  name: (row: T) => string,
): string[] {
  if (Bun.deepEquals(ledger, model)) return [];
  const rows = (list: readonly T[]) => list.map((row) => JSON.stringify(row, Object.keys(row).sort()));
  const names = [...new Set([...ledger, ...model].map(name))];
  const told = names.flatMap((one) => {
    const [inLedger, inModel] = [ledger, model].map((list) => rows(list.filter((row) => name(row) === one)).join());
    return inLedger === inModel
      ? []
      : [`${what}: the ledger has ${inLedger || "nothing"}, the model ${inModel || "nothing"}`];
  });
  return told.length > 0 ? told : [`${what}: the same ones in another order`];
}
