// `offhook events`: the stream, as a table or as NDJSON; --follow goes on as events come.
import { countOption, noMoreThan, parse } from "../cli/args.ts";
import { flush, oneLine, paint, print } from "../cli/print.ts";
import { since } from "../cli/since.ts";
import { homeForLooking, pathsOf } from "../config/paths.ts";
import { EXIT } from "../errors.ts";
import { type StoredEvent, toCloudEventJson } from "../event/event.ts";
import { compileTypes } from "../match/match.ts";
import { type EventFilter, type Inspection, openInspection } from "../stream/inspect.ts";

const FOLLOW_EVERY_MS = 100;

export async function run(argv: string[]): Promise<number> {
  const { values, positionals } = parse("events", argv, {
    json: { type: "boolean" },
    follow: { type: "boolean", short: "f" },
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
    sinceMs: from.kind === "time" ? from.ms : null,
    session: values.session ?? null,
    wants: (event) => isWanted(event.type),
  };
  const limit = countOption("events", "limit", values.limit);
  const show = (event: StoredEvent) => print(values.json ? toCloudEventJson(event) : lineOf(event));

  const open = () => (home === null ? null : openInspection(pathsOf(home).ledger));
  let inspection = open();
  let last = 0;
  if (inspection === null && !values.follow) {
    if (!values.json) print("No events yet: no daemon has run in this home. Start one with: offhook consume");
  } else if (inspection !== null) {
    last = showAll(inspection, filter, limit, show);
  }
  flush();
  if (!values.follow) return EXIT.ok;

  for (;;) {
    await Bun.sleep(FOLLOW_EVERY_MS);
    inspection ??= open();
    if (inspection === null) continue;
    for (const event of inspection.events({ ...filter, afterSeq: Math.max(last, filter.afterSeq) })) {
      show(event);
      last = event.seq;
    }
    last = Math.max(last, inspection.stream().lastSeq ?? 0);
    flush();
  }
}

/** Prints what is there and gives the last seq of the stream at that moment. */
function showAll(
  inspection: Inspection,
  filter: EventFilter,
  limit: number | null,
  show: (event: StoredEvent) => void,
): number {
  let last = filter.afterSeq;
  const events = limit === null ? inspection.events(filter) : inspection.lastEvents(filter, limit);
  for (const event of events) {
    show(event);
    last = event.seq;
  }
  return last;
}

function lineOf(event: StoredEvent): string {
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
    event.type.replace(/^claude-code\./, "").padEnd(18),
    (event.tool ?? "").padEnd(12),
    oneLine(about),
  ];
  return `${columns.join("  ")}${note === "" ? "" : paint("dim", `  (${note})`)}`.trimEnd();
}
