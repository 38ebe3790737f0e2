// `offhook events`: the stream, as a table or as NDJSON; --follow goes on as events come. --cluster: that of all nodes, in Redis.
import { countOption, noMoreThan, parse } from "../cli/args.ts";
import { flush, oneLine, paint, print } from "../cli/print.ts";
import { since } from "../cli/since.ts";
import { homeForLooking, pathsOf } from "../config/paths.ts";
import { EXIT } from "../errors.ts";
import { type StoredEvent, toCloudEventJson } from "../event/event.ts";
import type { EventFilter } from "../ledger/event-pages.ts";
import { openInspection } from "../ledger/inspect.ts";
import { compileTypes } from "../match/match.ts";
import { wantedCluster } from "./in-cluster.ts";

const FOLLOW_EVERY_MS = 100;

export async function run(argv: string[]): Promise<number> {
  const { values, positionals } = parse("events", argv, {
    json: { type: "boolean" },
    follow: { type: "boolean", short: "f" },
    cluster: { type: "boolean" },
    since: { type: "string" },
    session: { type: "string" },
    type: { type: "string" },
    limit: { type: "string" },
  });
  noMoreThan("events", positionals, 0);
  const home = homeForLooking();
  const from = since("events", values.since, Date.now());
  const isWanted = values.type === undefined ? () => true : compileTypes([values.type]);
  const filter: EventFilter = {
    afterSeq: from.kind === "seq" ? from.seq - 1 : 0,
    throughSeq: null,
    sinceMs: from.kind === "time" ? from.ms : null,
    session: values.session ?? null,
    wants: (event) => isWanted(event.type),
  };
  const limit = countOption("events", "limit", values.limit);
  const isOfAll = values.cluster === true;
  const show = (event: StoredEvent) => print(values.json ? toCloudEventJson(event) : lineOf(event, isOfAll));
  if (isOfAll) {
    const { showClusterEvents } = await import("./cluster-events.ts");
    await showClusterEvents(wantedCluster(home), { filter, limit, isFollowing: values.follow === true }, show);
    return EXIT.ok;
  }

  const open = () => (home === null ? null : openInspection(pathsOf(home).ledger));
  let inspection = open();
  // The end is taken first: what comes while we print belongs to the next round.
  let last = inspection?.lastSeq() ?? 0;
  if (inspection !== null) {
    const now = { ...filter, throughSeq: last };
    for (const event of limit === null ? inspection.events(now) : inspection.lastEvents(now, limit)) show(event);
  } else if (!values.follow && !values.json) {
    print("No events yet: no daemon has run in this home. Start one with: offhook consume");
  }
  flush();

  while (values.follow) {
    await Bun.sleep(FOLLOW_EVERY_MS);
    inspection ??= open();
    if (inspection === null) continue;
    const end = inspection.lastSeq();
    const news = { ...filter, afterSeq: Math.max(last, filter.afterSeq), throughSeq: end };
    if (end > last) for (const event of inspection.events(news)) show(event);
    last = end;
    flush();
  }
  return EXIT.ok;
}

/** `withNode`: which one it is of. */
function lineOf(event: StoredEvent, withNode: boolean): string {
  const time = new Date(event.timeMs).toTimeString().slice(0, 8);
  const about = event.subject ?? (event.sessionId === null ? "" : `session ${event.sessionId.slice(0, 8)}`);
  const notes = [
    event.agentId === null ? "" : "subagent",
    event.duplicateOf === null ? "" : "double firing",
    event.depth === 0 ? "" : `depth ${event.depth}`,
  ];
  const note = notes.filter(Boolean).join(", ");
  const columns = [
    String(event.seq).padStart(6),
    time,
    ...(withNode ? [oneLine(event.node).padEnd(12)] : []),
    oneLine(event.type.replace(/^claude-code\./, "")).padEnd(23),
    oneLine(event.tool ?? "").padEnd(12),
    oneLine(about),
  ];
  return `${columns.join("  ")}${note === "" ? "" : paint("dim", `  (${note})`)}`.trimEnd();
}
