// `offhook dead-letters`: deliveries that were given up. list and show look; retry gives them all their tries again, purge
// deletes them.
import { noMoreThan, parse } from "../cli/args.ts";
import { count, flush, oneLine, paint, print } from "../cli/print.ts";
import { deadLetterLines, deliveryJson, deliveryLines } from "../cli/views.ts";
import { nearest } from "../config/nearest.ts";
import { homeForLooking, pathsOf, wantedHome } from "../config/paths.ts";
import { carryOut } from "../daemon/carry-out.ts";
import { gather, standstillOf } from "../daemon/status.ts";
import { EXIT, OffhookError } from "../errors.ts";
import { type DeliveryView, type Inspection, openInspection } from "../ledger/inspect.ts";

const VERBS = ["list", "show", "retry", "purge"];
/** As many the list shows, and retry and purge name, when nobody asked for all. */
const TOLD = 20;
/** Shorter ends name the wrong thing too easily. */
const SHORTEST_END = 4;

type Asked = { ids: string[]; consumer: string | null; all: boolean; json: boolean };

export async function run(argv: string[]): Promise<number> {
  const { values, positionals } = parse("dead-letters", argv, {
    json: { type: "boolean" },
    consumer: { type: "string" },
    all: { type: "boolean" },
  });
  const [verb = "list", ...ids] = positionals;
  const asked = { ids, consumer: values.consumer ?? null, all: values.all === true, json: values.json === true };
  const home = homeForLooking();
  const inspection = home === null ? null : openInspection(pathsOf(home).ledger);
  if (asked.consumer !== null && inspection !== null) refuseUnknown(inspection, asked.consumer);
  switch (verb) {
    case "list":
      noMoreThan("dead-letters", positionals, 1);
      list(inspection, asked);
      break;
    case "show":
      if (ids.length !== 1) throw usage("show takes the id of one dead letter");
      show(inspection, asked);
      break;
    case "retry":
    case "purge":
      await change(home, inspection, verb, asked);
      break;
    default: {
      const meant = nearest(verb, VERBS);
      const hint = meant === null ? "offhook dead-letters --help" : `offhook dead-letters ${meant}`;
      throw new OffhookError(EXIT.usage, `dead-letters: no "${verb}" among ${VERBS.join(", ")}`, hint);
    }
  }
  inspection?.close();
  flush();
  return EXIT.ok;
}

function list(inspection: Inspection | null, { consumer, all, json }: Asked): void {
  const letters = (limit: number | null) => (inspection === null ? [] : deadLetters(inspection, consumer, limit));
  if (json) {
    for (const letter of letters(null)) print(JSON.stringify(deliveryJson(letter)));
    return;
  }
  const groups = inspection?.groups(Date.now()) ?? [];
  const number = groups.reduce((sum, one) => sum + (consumer === null || one.consumer === consumer ? one.dead : 0), 0);
  const whose = consumer === null ? "" : ` of ${consumer}`;
  if (number === 0) return print(`No dead letters${whose}.`);
  if (number > TOLD && !all) print(paint("dim", `The last ${TOLD} of ${number}${whose}; all of them: --all`));
  for (const letter of letters(all ? null : TOLD)) {
    const event = inspection?.eventAt(letter.seqs.at(-1) ?? 0) ?? null;
    for (const line of deadLetterLines(letter, event, Date.now())) print(line);
  }
  print("");
  print("Each attempt and what it said:  offhook dead-letters show ID");
  print("Once the cause is mended:       offhook dead-letters retry ID...  (or --consumer NAME, or --all)");
  print("Never mind:                     offhook dead-letters purge ID...  (the same)");
}

function show(inspection: Inspection | null, { ids, json }: Asked): void {
  const letter = deadLetter(inspection, ids[0] ?? "");
  if (json) return print(JSON.stringify(deliveryJson(letter)));
  for (const line of deliveryLines(letter)) print(line);
  for (const seq of letter.seqs.slice(0, TOLD)) {
    const event = inspection?.eventAt(seq) ?? null;
    if (event !== null) print(`  event ${seq}: ${oneLine(event.type)} ${oneLine(event.subject ?? "")}`.trimEnd());
  }
  if (letter.seqs.length > TOLD) print(`  and ${letter.seqs.length - TOLD} more events`);
  print(`Again: offhook dead-letters retry ${letter.id}    Never mind: offhook dead-letters purge ${letter.id}`);
}

async function change(
  home: string | null,
  inspection: Inspection | null,
  verb: "retry" | "purge",
  asked: Asked,
): Promise<void> {
  const { ids, consumer, all, json } = asked;
  const ways = [ids.length > 0, consumer !== null, all].filter(Boolean).length;
  if (ways === 0) throw usage(`${verb} which? Name ids, or --consumer NAME, or --all`);
  if (ways > 1) throw usage(`${verb} takes ids, or --consumer NAME, or --all: one of them`);
  // All of them before any: a mistyped id changes nothing.
  const named = ids.map((id) => deadLetter(inspection, id));
  const consumers = new Map<string, string>();
  // One after the other: what they said is not kept.
  const every = ids.length > 0 ? named : inspection === null ? [] : deadLetters(inspection, consumer, null);
  for (const letter of every) consumers.set(letter.id, letter.consumer);
  const deliveries = [...consumers.keys()];
  const changed =
    deliveries.length === 0 ? 0 : (await carryOut(home, { kind: `${verb}-dead`, deliveries } as const)).count;
  if (json) return print(JSON.stringify({ [verb === "retry" ? "retried" : "purged"]: changed, ids: deliveries }));
  if (deliveries.length === 0) return print(`No dead letters${consumer === null ? "" : ` of ${consumer}`}.`);

  const more = deliveries.length > TOLD ? ` and ${deliveries.length - TOLD} more` : "";
  const which = `${deliveries.slice(0, TOLD).join(", ")}${more}`;
  if (verb === "purge") print(`${count(changed, "dead letter is", "dead letters are")} deleted: ${which}`);
  else print(`${count(changed, "dead letter is", "dead letters are")} ready again, with all tries: ${which}`);
  if (changed < deliveries.length) print(`${deliveries.length - changed} of them were no dead letters any more.`);
  if (verb === "purge" || changed === 0) return;
  const status = await gather(home, wantedHome(), Date.now());
  for (const name of new Set(consumers.values())) {
    const still = standstillOf(status, name);
    print(still === null ? `See what comes of it: offhook deliveries --consumer ${name}` : `They wait: ${still}`);
  }
}

/** Oldest first; with a limit the last ones. */
function deadLetters(inspection: Inspection, consumer: string | null, limit: number | null): Iterable<DeliveryView> {
  return inspection.deliveries({ consumer, state: "dead", session: null, limit });
}

/** The dead letter that an id or its end names. Errors: there is none (66), several (64), it is no dead letter (66). */
function deadLetter(inspection: Inspection | null, id: string): DeliveryView {
  const found = inspection === null || id.length < SHORTEST_END ? [] : inspection.deliveriesEnding(id);
  const [letter] = found;
  if (letter === undefined) {
    const hint = "ids are in: offhook dead-letters list; the last 4 characters or more are enough";
    throw new OffhookError(EXIT.notFound, `no delivery ends in "${id}"`, hint);
  }
  if (found.length > 1) {
    const all = found.map((one) => one.id).join(", ");
    throw new OffhookError(EXIT.usage, `"${id}" ends more than one id: ${all}`, "give more of the id");
  }
  if (letter.state === "dead") return letter;
  const text = `${letter.id} is no dead letter: its state is ${letter.state}`;
  const again = `offhook replay --consumer ${letter.consumer} --event ${letter.seqs.at(-1)}`;
  const isDone = letter.state === "ok" || letter.state === "findings";
  throw new OffhookError(EXIT.notFound, text, isDone ? `to run it once more: ${again}` : `offhook show ${letter.id}`);
}

function refuseUnknown(inspection: Inspection, consumer: string): void {
  const names = inspection.groups(Date.now()).map((group) => group.consumer);
  if (names.includes(consumer)) return;
  const hint = names.length > 0 ? `there are: ${names.join(", ")}` : "offhook status";
  throw new OffhookError(EXIT.notFound, `no consumer "${consumer}" has ever run here`, hint);
}

function usage(what: string): OffhookError {
  return new OffhookError(EXIT.usage, `dead-letters: ${what}`, "offhook dead-letters --help");
}
