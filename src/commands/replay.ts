// `offhook replay --consumer NAME`: past events through a consumer once more, behind what waits for their keys.
import { noMoreThan, parse } from "../cli/args.ts";
import { count, flush, oneLine, print, table } from "../cli/print.ts";
import { since } from "../cli/since.ts";
import { homeForLooking, pathsOf, wantedHome } from "../config/paths.ts";
import { carryOut } from "../daemon/carry-out.ts";
import type { Replayed, Selection } from "../daemon/replay.ts";
import { gather, standstillOf } from "../daemon/status.ts";
import { EXIT, OffhookError } from "../errors.ts";
import { findEvent } from "../ledger/find.ts";
import { openInspection } from "../ledger/inspect.ts";
import { clusterHomeOf, findInCluster, withFound } from "./in-cluster.ts";

const SELECTORS = ["since", "seq", "session", "type", "event"] as const;

export async function run(argv: string[]): Promise<number> {
  const { values, positionals } = parse("replay", argv, {
    consumer: { type: "string" },
    since: { type: "string" },
    seq: { type: "string" },
    session: { type: "string" },
    type: { type: "string" },
    event: { type: "string", multiple: true },
    all: { type: "boolean" },
    "dry-run": { type: "boolean" },
    json: { type: "boolean" },
  });
  noMoreThan("replay", positionals, 0);
  const { consumer } = values;
  if (consumer === undefined) throw usage("name the consumer with --consumer NAME");
  const selectors = SELECTORS.filter((name) => values[name] !== undefined);
  if (selectors.length === 0 && !values.all)
    throw usage(`say which events: ${SELECTORS.map((name) => `--${name}`).join(", ")}, or --all`);
  if (selectors.length > 0 && values.all) throw usage(`--all leaves nothing out, and --${selectors[0]} does`);

  const home = homeForLooking();
  const from = since("replay", values.since, Date.now());
  const [fromSeq, throughSeq] = rangeOf(values.seq);
  const at = clusterHomeOf(home);
  const shared = await findInCluster(at, consumer);
  const selection: Selection = {
    fromSeq: from.kind === "seq" ? Math.max(from.seq, fromSeq ?? 0) : fromSeq,
    throughSeq,
    sinceMs: from.kind === "time" ? from.ms : null,
    session: values.session ?? null,
    type: values.type ?? null,
    seqs: values.event === undefined || shared !== null ? null : seqsOf(home, values.event),
  };
  const dryRun = values["dry-run"] === true;
  const show = (made: Replayed) => {
    if (values.json) return print(JSON.stringify({ consumer, dryRun, ...made }));
    for (const line of lines(consumer, made, dryRun)) print(line);
  };
  if (at !== null && shared !== null) {
    const { replayThere } = await import("./cluster-replay.ts");
    await withFound(shared, () =>
      replayThere(at, shared, { name: consumer, selection, events: values.event, dryRun }, show),
    );
    return EXIT.ok;
  }
  const made = await carryOut(home, { kind: "replay", consumer, selection, dryRun });
  show(made);
  if (!values.json) {
    const still = made.deliveries === 0 ? null : standstillOf(await gather(home, wantedHome(), Date.now()), consumer);
    if (still !== null) print(`They ${dryRun ? "would wait" : "wait"}: ${still}`);
  }
  flush();
  return EXIT.ok;
}

function lines(consumer: string, made: Replayed, dryRun: boolean): string[] {
  const { deliveries, events, first, undecided } = made;
  const what = `${count(deliveries, "delivery", "deliveries")} of ${count(events, "past event")}`;
  const later = `${count(undecided, "more event is", "more events are")} not decided on yet: no replay is needed for what still comes.`;
  const said: string[] = [];
  if (deliveries === 0) {
    said.push(`Nothing to replay: ${consumer} wants no past event among them.`);
    if (undecided === 0) said.push(`Why it does not want one: offhook try ${consumer} --event SEQ`);
  } else if (dryRun) {
    said.push(`${consumer} would get ${what}. Nothing was done.`, "");
    const rows = first.map(({ key, seqs }) => [
      oneLine(key),
      String(seqs.length),
      seqs.length === 1 ? `${seqs[0]}` : `${seqs[0]} to ${seqs.at(-1)}`,
    ]);
    said.push(...table(["key", "events", "seq"], rows, ["events"]).map((line) => `  ${line}`));
    if (deliveries > first.length) said.push(`  and ${deliveries - first.length} more`);
  } else {
    said.push(
      `${consumer} gets ${what}, behind what waits for their keys.`,
      `See what comes of it: offhook deliveries --consumer ${consumer} --limit ${deliveries}`,
    );
  }
  if (undecided > 0) said.push(later);
  return said;
}

/** `--seq N`, `N..M`, `N..` or `..M`, both ends included. */
function rangeOf(text: string | undefined): [number | null, number | null] {
  if (text === undefined) return [null, null];
  const [, from = "", dots, to = ""] = /^(\d{0,15})(\.\.)?(\d{0,15})$/.exec(text) ?? [];
  const first = from === "" ? null : Number(from);
  const last = dots === undefined ? first : to === "" ? null : Number(to);
  if ((first === null && last === null) || (first ?? 0) > (last ?? Number.MAX_SAFE_INTEGER))
    throw usage(`--seq takes a seq (42) or a range (42..50), not "${text}"`);
  return [first, last];
}

function seqsOf(home: string | null, ids: readonly string[]): number[] {
  const inspection = home === null ? null : openInspection(pathsOf(home).ledger);
  const seqs = ids.map((id) => {
    const event = inspection === null ? null : findEvent(inspection, id);
    if (event !== null) return event.seq;
    throw new OffhookError(EXIT.notFound, `no event ends in "${id}"`, "ids and seqs are in: offhook events --json");
  });
  inspection?.close();
  return seqs;
}

function usage(what: string): OffhookError {
  return new OffhookError(EXIT.usage, `replay: ${what}`, "offhook replay --help");
}
