// `offhook show ID`: one event with what every consumer made of it, or one delivery with every attempt.
import { parse } from "../cli/args.ts";
import { flush, oneLine, paint, print } from "../cli/print.ts";
import { deliveryJson, deliveryLines } from "../cli/views.ts";
import { homeForLooking, pathsOf } from "../config/paths.ts";
import { EXIT, OffhookError } from "../errors.ts";
import { type StoredEvent, toCloudEventJson } from "../event/event.ts";
import { find } from "../ledger/find.ts";
import { type DeliveryView, openInspection, type SkipView } from "../ledger/inspect.ts";
import { type ClusterHome, clusterHomeOf, inCluster, wantedCluster } from "./in-cluster.ts";

/** Of an event of the cluster that nothing is known about. */
const OF_CLUSTER_ONLY = "No delivery of it is known (of those that are settled the last thousand or so are kept).";
/** Data longer than this is cut in the text form; --json has all of it. */
const DATA_CHARS = 2000;

export async function run(argv: string[]): Promise<number> {
  const { values, positionals } = parse("show", argv, { json: { type: "boolean" }, cluster: { type: "boolean" } });
  const id = positionals[0];
  if (id === undefined || positionals.length > 1)
    throw new OffhookError(EXIT.usage, "show: name one event or delivery", "offhook show --help");
  const asJson = values.json === true;
  const home = homeForLooking();
  const inspection = home === null || values.cluster ? null : openInspection(pathsOf(home).ledger);
  const found = inspection === null ? null : find(inspection, id);
  const at = values.cluster ? wantedCluster(home) : clusterHomeOf(home);
  if (inspection !== null && found?.kind === "event")
    showEvent(found.event, inspection.deliveriesOf(found.event.seq), inspection.skipsOf(found.event.seq), asJson);
  else if (found?.kind === "delivery") showDelivery({ delivery: found.delivery, partition: null }, asJson);
  else if (at === null || !(await showOfCluster(at, id, asJson)))
    throw new OffhookError(
      EXIT.notFound,
      `no event or delivery ends in "${id}"`,
      "ids are in: offhook events --json, offhook deliveries; the last 4 characters or more are enough",
    );
  flush();
  return EXIT.ok;
}

/** A seq of the cluster's stream, or a delivery of one of its consumers. False: there is none. */
async function showOfCluster(at: ClusterHome, id: string, asJson: boolean): Promise<boolean> {
  const { findShared } = await import("../fleet/find.ts");
  const found = await inCluster(at, ({ connection, keys }) => findShared(connection, keys, id));
  if (found === null) return false;
  if (found.kind === "event") showEvent(found.event, found.deliveries, [], asJson, OF_CLUSTER_ONLY);
  else showDelivery(found, asJson);
  return true;
}

function showEvent(
  event: StoredEvent,
  deliveries: readonly DeliveryView[],
  skips: readonly SkipView[],
  asJson: boolean,
  nothing = `No consumer has taken it. Why: offhook try NAME --event ${event.seq}`,
): void {
  if (asJson) {
    const made = {
      deliveries: deliveries.map((delivery) => deliveryJson(delivery)),
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
  if (deliveries.length + skips.length === 0) print(nothing);
}

function showDelivery(
  { delivery, partition }: { delivery: DeliveryView; partition: number | null },
  asJson: boolean,
): void {
  if (asJson) return print(JSON.stringify(deliveryJson(delivery, partition)));
  for (const line of deliveryLines(delivery)) print(line);
}
