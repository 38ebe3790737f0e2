// `offhook deliveries`: what consumers had to do and how each attempt ended; --skipped: what they left alone, and why.
import { countOption, noMoreThan, parse } from "../cli/args.ts";
import { flush, oneLine, print, table } from "../cli/print.ts";
import { DELIVERY_HEADER, deliveryCells, deliveryJson, SKIP_HEADER, skipCells } from "../cli/views.ts";
import { homeForLooking, pathsOf } from "../config/paths.ts";
import { EXIT, OffhookError } from "../errors.ts";
import { type DeliveryView, openInspection, type SkipCount, type SkipView } from "../ledger/inspect.ts";

const STATES = ["held", "ready", "running", "backoff", "ok", "findings", "dead"];
/** Rows of the table when nobody asked for a number; --json always gives all. */
const TABLE_LIMIT = 30;

export function run(argv: string[]): number {
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
  const inspection = home === null ? null : openInspection(pathsOf(home).ledger);
  const filter = {
    consumer: values.consumer ?? null,
    state: values.state ?? null,
    session: values.session ?? null,
    limit: countOption("deliveries", "limit", values.limit) ?? (values.json ? null : TABLE_LIMIT),
  };
  if (inspection === null) {
    if (!values.json) print("No deliveries yet: no daemon has run in this home. Start one with: offhook consume");
  } else if (values.skipped) {
    showSkips(inspection.skips(filter), values.json === true);
    if (!values.json) for (const line of skipSums(inspection.skipCounts(filter.consumer))) print(line);
  } else {
    showDeliveries(inspection.deliveries(filter), values.json === true);
  }
  flush();
  return EXIT.ok;
}

function showDeliveries(deliveries: Iterable<DeliveryView>, asJson: boolean): void {
  if (asJson) {
    for (const delivery of deliveries) print(JSON.stringify(deliveryJson(delivery)));
    return;
  }
  const now = Date.now();
  const rows = Array.from(deliveries, (delivery) => deliveryCells(delivery, now));
  if (rows.length === 0) return print("No deliveries that match.");
  for (const line of table(DELIVERY_HEADER, rows, ["tries"])) print(line);
}

/** How much was skipped for which reason. */
function skipSums(counts: readonly SkipCount[]): string[] {
  const sums = Map.groupBy(counts, (one) => one.consumer);
  if (sums.size === 0) return [];
  const text = ([name, parts]: [string, SkipCount[]]) =>
    `${oneLine(name)}: ${parts.map((part) => `${part.count} ${part.reason}`).join(", ")}`;
  return ["", "In all:", ...Array.from(sums, (sum) => `  ${text(sum)}`)];
}

function showSkips(skips: readonly SkipView[], asJson: boolean): void {
  if (asJson) {
    for (const { atMs, ...skip } of skips) print(JSON.stringify({ ...skip, at: new Date(atMs).toISOString() }));
    return;
  }
  if (skips.length === 0) return print("Nothing was skipped.");
  for (const line of table(SKIP_HEADER, skips.map(skipCells), ["seq"])) print(line);
}
