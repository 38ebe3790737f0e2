// `offhook show ID`: one event with what every consumer made of it, or one delivery with every attempt.
import { parse } from "../cli/args.ts";
import { flush, oneLine, paint, print } from "../cli/print.ts";
import { deliveryJson, deliveryLines } from "../cli/views.ts";
import { homeForLooking, pathsOf } from "../config/paths.ts";
import { EXIT, OffhookError } from "../errors.ts";
import { type StoredEvent, toCloudEventJson } from "../event/event.ts";
import { find } from "../ledger/find.ts";
import { type DeliveryView, type Inspection, openInspection } from "../ledger/inspect.ts";

/** Data longer than this is cut in the text form; --json has all of it. */
const DATA_CHARS = 2000;

export function run(argv: string[]): number {
  const { values, positionals } = parse("show", argv, { json: { type: "boolean" } });
  const id = positionals[0];
  if (id === undefined || positionals.length > 1)
    throw new OffhookError(EXIT.usage, "show: name one event or delivery", "offhook show --help");
  const home = homeForLooking();
  const inspection = home === null ? null : openInspection(pathsOf(home).ledger);
  const found = inspection === null ? null : find(inspection, id);
  if (inspection === null || found === null)
    throw new OffhookError(
      EXIT.notFound,
      `no event or delivery ends in "${id}"`,
      "ids are in: offhook events --json, offhook deliveries; the last 4 characters or more are enough",
    );
  if (found.kind === "event") showEvent(inspection, found.event, values.json === true);
  else showDelivery(found.delivery, values.json === true);
  flush();
  return EXIT.ok;
}

function showEvent(inspection: Inspection, event: StoredEvent, asJson: boolean): void {
  const deliveries = inspection.deliveriesOf(event.seq);
  const skips = inspection.skipsOf(event.seq);
  if (asJson) {
    const made = {
      deliveries: deliveries.map(deliveryJson),
      skips: skips.map(({ consumer, key, reason, atMs }) => ({
        consumer,
        key,
        reason,
        at: new Date(atMs).toISOString(),
      })),
    };
    // The event goes in as its own text: parsing it again would round large integers.
    return print(`{"event":${toCloudEventJson(event)},${JSON.stringify(made).slice(1)}`);
  }
  const text = oneLine(toCloudEventJson(event));
  print(paint("bold", `event ${event.seq}  ${oneLine(event.type)}  ${event.id}`));
  print(
    text.length > DATA_CHARS
      ? `${text.slice(0, DATA_CHARS)}… (${text.length} characters; all of it with --json)`
      : text,
  );
  for (const delivery of deliveries) for (const line of deliveryLines(delivery)) print(line);
  for (const skip of skips) print(`skipped by ${skip.consumer}: ${skip.reason}`);
  if (deliveries.length + skips.length === 0)
    print(`No consumer has taken it. Why: offhook try NAME --event ${event.seq}`);
}

function showDelivery(delivery: DeliveryView, asJson: boolean): void {
  if (asJson) return print(JSON.stringify(deliveryJson(delivery)));
  for (const line of deliveryLines(delivery)) print(line);
}
