// `offhook deliveries`: what consumers had to do and how each attempt ended; --skipped: what they left alone, and why.
import { countOption, noMoreThan, parse } from "../cli/args.ts";
import { flush, print, table } from "../cli/print.ts";
import { attemptJson, DELIVERY_HEADER, deliveryCells, SKIP_HEADER, skipCells } from "../cli/views.ts";
import { homeForLooking, pathsOf } from "../config/paths.ts";
import { EXIT, OffhookError } from "../errors.ts";
import { type DeliveryView, openInspection, type SkipView } from "../stream/inspect.ts";

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
  } else {
    showDeliveries(inspection.deliveries(filter), values.json === true);
  }
  flush();
  return EXIT.ok;
}

function showDeliveries(deliveries: Iterable<DeliveryView>, asJson: boolean): void {
  if (asJson) {
    for (const { attempts, ...delivery } of deliveries)
      print(JSON.stringify({ ...delivery, attempts: attempts.map(attemptJson) }));
    return;
  }
  const rows = [...deliveries].map(deliveryCells);
  if (rows.length === 0) return print("No deliveries that match.");
  for (const line of table(DELIVERY_HEADER, rows, ["tries"])) print(line);
}

function showSkips(skips: readonly SkipView[], asJson: boolean): void {
  if (asJson) {
    for (const { atMs, ...skip } of skips) print(JSON.stringify({ ...skip, at: new Date(atMs).toISOString() }));
    return;
  }
  if (skips.length === 0) return print("Nothing was skipped.");
  for (const line of table(SKIP_HEADER, skips.map(skipCells), ["seq"])) print(line);
}
