// `offhook deliveries`: what consumers had to do and how each attempt ended; --skipped: what they left alone, and why.
import { countOption, noMoreThan, parse } from "../cli/args.ts";
import { flush, oneLine, print, table } from "../cli/print.ts";
import { DELIVERY_HEADER, deliveryCells, deliveryJson, SKIP_HEADER, skipCells } from "../cli/views.ts";
import { homeForLooking } from "../config/paths.ts";
import { EXIT, OffhookError } from "../errors.ts";
import type { DeliveryFilter, DeliveryView, SkipCount, SkipView } from "../ledger/inspect.ts";
import { settledInCluster } from "./in-cluster.ts";
import { endOfLooking, openShelves, type Shelves } from "./shelves.ts";

const STATES = ["held", "ready", "running", "backoff", "ok", "findings", "dead"];
/** Rows of the table when nobody asked for a number; --json always gives all. */
const TABLE_LIMIT = 30;

export async function run(argv: string[]): Promise<number> {
  const { values, positionals } = parse("deliveries", argv, {
    json: { type: "boolean" },
    skipped: { type: "boolean" },
    consumer: { type: "string" },
    state: { type: "string" },
    session: { type: "string" },
    limit: { type: "string" },
  });
  noMoreThan("deliveries", positionals, 0);
  if (values.state !== undefined && !STATES.includes(values.state)) {
    throw new OffhookError(EXIT.usage, `deliveries: no state "${values.state}"`, `one of: ${STATES.join(", ")}`);
  }
  const home = homeForLooking();
  const filter = {
    consumer: values.consumer ?? null,
    state: values.state ?? null,
    session: values.session ?? null,
    limit: countOption("deliveries", "limit", values.limit) ?? (values.json ? null : TABLE_LIMIT),
  };
  const shelves = await openShelves(home, filter.consumer);
  if (shelves.all.length === 0) {
    if (!values.json) print("No deliveries yet: no daemon has run in this home. Start one with: offhook consume");
  } else if (values.skipped) {
    showSkips(
      shelves.all.flatMap(({ place, inspection }) => (place === null ? inspection.skips(filter) : [])),
      values.json === true,
    );
    if (!values.json) for (const line of skipSums(shelves, filter.consumer)) print(line);
  } else {
    showDeliveries(await deliveriesOf(shelves, filter), values.json === true);
  }
  shelves.close();
  flush();
  return endOfLooking(shelves);
}

function showDeliveries(deliveries: Iterable<Found>, asJson: boolean): void {
  if (asJson) {
    for (const { delivery, partition, node } of deliveries)
      print(JSON.stringify(deliveryJson(delivery, partition, node ?? null)));
    return;
  }
  const now = Date.now();
  const rows = Array.from(deliveries, ({ delivery, node }) => deliveryCells(delivery, now, node ?? null));
  if (rows.length === 0) return print("No deliveries that match.");
  for (const line of table(DELIVERY_HEADER, rows, ["tries"])) print(line);
}

type Found = { delivery: DeliveryView; partition: number | null; node?: string | null };

/** Oldest first: this node's, then the cluster's; with a limit the last ones of both by time. */
async function deliveriesOf(shelves: Shelves, filter: DeliveryFilter): Promise<Iterable<Found>> {
  if (shelves.at === null || shelves.unseen !== null) return onShelves(shelves, filter);
  const settled = await settledInCluster(shelves.at, filter);
  if (filter.limit === null)
    return (function* () {
      yield* onShelves(shelves, filter);
      yield* settled;
    })();
  const timeOf = ({ delivery }: Found) => delivery.attempts.at(-1)?.startedMs ?? delivery.dueMs ?? Date.now();
  return [...onShelves(shelves, filter), ...settled].sort((a, b) => timeOf(a) - timeOf(b)).slice(-filter.limit);
}

function* onShelves({ all }: Shelves, filter: DeliveryFilter): Generator<Found> {
  for (const { place, inspection } of all)
    for (const delivery of inspection.deliveries(filter)) yield { delivery, partition: place?.partition ?? null };
}

/** How much was skipped for which reason. */
function skipSums({ all }: Shelves, consumer: string | null): string[] {
  const counts = all.flatMap(({ inspection }) => inspection.skipCounts(consumer));
  const sums = Map.groupBy(counts, (one) => one.consumer);
  if (sums.size === 0) return [];
  const text = ([name, parts]: [string, SkipCount[]]) =>
    `${oneLine(name)}: ${sumsOf(parts)
      .map(([reason, count]) => `${count} ${reason}`)
      .join(", ")}`;
  const isShared = all.some(({ place, inspection }) => place !== null && inspection.skipCounts(consumer).length > 0);
  return ["", "In all:", ...Array.from(sums, (sum) => `  ${text(sum)}`)].concat(
    isShared ? ["Of consumers of the cluster only these sums are kept."] : [],
  );
}

/** By reason, in the order in which they come: those of several partitions together. */
function sumsOf(parts: readonly SkipCount[]): [string, number][] {
  const sums = new Map<string, number>();
  for (const { reason, count } of parts) sums.set(reason, (sums.get(reason) ?? 0) + count);
  return [...sums];
}

function showSkips(skips: readonly SkipView[], asJson: boolean): void {
  if (asJson) {
    for (const { atMs, ...skip } of skips) print(JSON.stringify({ ...skip, at: new Date(atMs).toISOString() }));
    return;
  }
  if (skips.length === 0) return print("Nothing was skipped.");
  for (const line of table(SKIP_HEADER, skips.map(skipCells), ["seq"])) print(line);
}
