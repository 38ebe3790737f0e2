// `offhook dead-letters`: deliveries that were given up. list and show look; retry gives them all their tries again, purge
// deletes them.
import { noMoreThan, parse } from "../cli/args.ts";
import { count, flush, oneLine, paint, print } from "../cli/print.ts";
import { deadLetterLines, deliveryJson, deliveryLines } from "../cli/views.ts";
import type { Place } from "../cluster/requests.ts";
import { nearest } from "../config/nearest.ts";
import { homeForLooking, wantedHome } from "../config/paths.ts";
import { carryOut } from "../daemon/carry-out.ts";
import { gather, standstillOf } from "../daemon/status.ts";
import { EXIT, OffhookError } from "../errors.ts";
import type { DeliveryView } from "../ledger/inspect.ts";
import { changeDead } from "./in-cluster.ts";
import { endOfLooking, openShelves, type Shelf, type Shelves } from "./shelves.ts";

const VERBS = ["list", "show", "retry", "purge"];
/** As many the list shows, and retry and purge name, when nobody asked for all. */
const TOLD = 20;
/** Shorter ends name the wrong thing too easily. */
const SHORTEST_END = 4;

type Asked = { ids: string[]; consumer: string | null; all: boolean; json: boolean };

/** A dead letter, and where it lies. */
type Letter = { letter: DeliveryView; shelf: Shelf };

export async function run(argv: string[]): Promise<number> {
  const { values, positionals } = parse("dead-letters", argv, {
    json: { type: "boolean" },
    consumer: { type: "string" },
    all: { type: "boolean" },
  });
  const [verb = "list", ...ids] = positionals;
  const asked = { ids, consumer: values.consumer ?? null, all: values.all === true, json: values.json === true };
  const home = homeForLooking();
  const shelves = await openShelves(home, asked.consumer);
  if (asked.consumer !== null && (shelves.all.length > 0 || shelves.at !== null))
    refuseUnknown(shelves, asked.consumer);
  switch (verb) {
    case "list":
      noMoreThan("dead-letters", positionals, 1);
      list(shelves, asked);
      break;
    case "show":
      if (ids.length !== 1) throw usage("show takes the id of one dead letter");
      show(shelves, asked);
      break;
    case "retry":
    case "purge":
      await change(home, shelves, verb, asked);
      break;
    default: {
      const meant = nearest(verb, VERBS);
      const hint = meant === null ? "offhook dead-letters --help" : `offhook dead-letters ${meant}`;
      throw new OffhookError(EXIT.usage, `dead-letters: no "${verb}" among ${VERBS.join(", ")}`, hint);
    }
  }
  shelves.close();
  flush();
  return verb === "show" ? EXIT.ok : endOfLooking(shelves);
}

function list(shelves: Shelves, { consumer, all, json }: Asked): void {
  if (json) {
    for (const { letter, shelf } of deadLetters(shelves, consumer))
      print(JSON.stringify(deliveryJson(letter, shelf.place?.partition ?? null)));
    return;
  }
  const groups = shelves.all.flatMap(({ inspection }) => inspection.groups(Date.now()));
  const number = groups.reduce((sum, one) => sum + (consumer === null || one.consumer === consumer ? one.dead : 0), 0);
  const whose = consumer === null ? "" : ` of ${consumer}`;
  if (number === 0) return print(`No dead letters${whose}.`);
  if (number > TOLD && !all) print(paint("dim", `The last ${TOLD} of ${number}${whose}; all of them: --all`));
  const shown = all ? deadLetters(shelves, consumer) : lastDeadLetters(shelves, consumer);
  for (const { letter, shelf } of shown) {
    const event = shelf.inspection.eventAt(letter.seqs.at(-1) ?? 0);
    for (const line of deadLetterLines(letter, event, Date.now(), shelf.place?.partition)) print(line);
  }
  print("");
  print("Each attempt and what it said:  offhook dead-letters show ID");
  print("Once the cause is mended:       offhook dead-letters retry ID...  (or --consumer NAME, or --all)");
  print("Never mind:                     offhook dead-letters purge ID...  (the same)");
}

function show(shelves: Shelves, { ids, json }: Asked): void {
  const { letter, shelf } = deadLetter(shelves, ids[0] ?? "");
  if (json) return print(JSON.stringify(deliveryJson(letter, shelf.place?.partition ?? null)));
  for (const line of deliveryLines(letter)) print(line);
  for (const seq of letter.seqs.slice(0, TOLD)) {
    const event = shelf.inspection.eventAt(seq);
    if (event !== null) print(`  event ${seq}: ${oneLine(event.type)} ${oneLine(event.subject ?? "")}`.trimEnd());
  }
  if (letter.seqs.length > TOLD) print(`  and ${letter.seqs.length - TOLD} more events`);
  print(`Again: offhook dead-letters retry ${letter.id}    Never mind: offhook dead-letters purge ${letter.id}`);
}

async function change(home: string | null, shelves: Shelves, verb: "retry" | "purge", asked: Asked): Promise<void> {
  const { ids, consumer, all, json } = asked;
  const ways = [ids.length > 0, consumer !== null, all].filter(Boolean).length;
  if (ways === 0) throw usage(`${verb} which? Name ids, or --consumer NAME, or --all`);
  if (ways > 1) throw usage(`${verb} takes ids, or --consumer NAME, or --all: one of them`);
  // All of them before any: a mistyped id changes nothing.
  const named = ids.map((id) => deadLetter(shelves, id));
  const consumers = new Map<string, string>();
  const ours: string[] = [];
  const theirs: { place: Place; id: string }[] = [];
  // One after the other: what they said is not kept.
  for (const { letter, shelf } of ids.length > 0 ? named : deadLetters(shelves, consumer)) {
    if (consumers.has(letter.id)) continue;
    consumers.set(letter.id, letter.consumer);
    if (shelf.place === null) ours.push(letter.id);
    else theirs.push({ place: shelf.place, id: letter.id });
  }
  const deliveries = [...consumers.keys()];
  const kind = `${verb}-dead` as const;
  const here = ours.length === 0 ? 0 : (await carryOut(home, { kind, deliveries: ours })).count;
  const there =
    shelves.at === null || theirs.length === 0 ? { count: 0, paused: [] } : await changeDead(shelves.at, kind, theirs);
  const changed = here + there.count;
  if (json) return print(JSON.stringify({ [verb === "retry" ? "retried" : "purged"]: changed, ids: deliveries }));
  if (deliveries.length === 0) return print(`No dead letters${consumer === null ? "" : ` of ${consumer}`}.`);

  const more = deliveries.length > TOLD ? ` and ${deliveries.length - TOLD} more` : "";
  const which = oneLine(`${deliveries.slice(0, TOLD).join(", ")}${more}`);
  if (verb === "purge") print(`${count(changed, "dead letter is", "dead letters are")} deleted: ${which}`);
  else print(`${count(changed, "dead letter is", "dead letters are")} ready again, with all tries: ${which}`);
  if (changed < deliveries.length) print(`${deliveries.length - changed} of them were no dead letters any more.`);
  if (verb === "purge" || changed === 0) return;
  const status = await gather(home, wantedHome(), Date.now());
  const ofCluster = new Set(theirs.map(({ place }) => place.consumer));
  for (const name of new Set(consumers.values())) {
    const still = ofCluster.has(name) ? pausedText(name, there.paused) : standstillOf(status, name);
    print(
      oneLine(still === null ? `See what comes of it: offhook deliveries --consumer ${name}` : `They wait: ${still}`),
    );
  }
}

function pausedText(name: string, paused: readonly string[]): string | null {
  return paused.includes(name) ? `${name} is paused. Go on: offhook resume ${name}` : null;
}

/** Oldest first, a shelf after the other. */
function* deadLetters({ all }: Shelves, consumer: string | null): Generator<Letter> {
  for (const shelf of all)
    for (const letter of shelf.inspection.deliveries({ consumer, state: "dead", session: null, limit: null }))
      yield { letter, shelf };
}

/** The last ones of all shelves together, oldest first. */
function lastDeadLetters({ all }: Shelves, consumer: string | null): Letter[] {
  const last = all.flatMap((shelf) =>
    Array.from(
      shelf.inspection.deliveries({ consumer, state: "dead", session: null, limit: TOLD }),
      (letter): Letter => ({ letter, shelf }),
    ),
  );
  if (all.length < 2) return last;
  const ended = ({ letter }: Letter) => letter.attempts.at(-1)?.startedMs ?? 0;
  return last.sort((a, b) => ended(a) - ended(b)).slice(-TOLD);
}

/** The dead letter that an id or its end names. Errors: there is none (66), several (64), it is no dead letter (66). */
function deadLetter(shelves: Shelves, id: string): Letter {
  const found =
    id.length < SHORTEST_END
      ? []
      : shelves.all.flatMap((shelf) =>
          shelf.inspection.deliveriesEnding(id).map((letter): Letter => ({ letter, shelf })),
        );
  const [first] = found;
  if (first === undefined) {
    // It may be one of the cluster's.
    if (shelves.unseen !== null) throw shelves.unseen;
    const hint = "ids are in: offhook dead-letters list; the last 4 characters or more are enough";
    throw new OffhookError(EXIT.notFound, `no delivery ends in "${id}"`, hint);
  }
  if (found.length > 1) {
    const all = found.map((one) => one.letter.id).join(", ");
    throw new OffhookError(EXIT.usage, `"${id}" ends more than one id: ${all}`, "give more of the id");
  }
  const { letter } = first;
  if (letter.state === "dead") return first;
  const text = `${letter.id} is no dead letter: its state is ${letter.state}`;
  const again = `offhook replay --consumer ${letter.consumer} --event ${letter.seqs.at(-1)}`;
  const isDone = letter.state === "ok" || letter.state === "findings";
  throw new OffhookError(EXIT.notFound, text, isDone ? `to run it once more: ${again}` : `offhook show ${letter.id}`);
}

function refuseUnknown({ names, unseen }: Shelves, consumer: string): void {
  if (names.includes(consumer)) return;
  if (unseen !== null) throw unseen;
  const hint = names.length > 0 ? `there are: ${names.join(", ")}` : "offhook status";
  throw new OffhookError(EXIT.notFound, `no consumer "${consumer}" has ever run here`, hint);
}

function usage(what: string): OffhookError {
  return new OffhookError(EXIT.usage, `dead-letters: ${what}`, "offhook dead-letters --help");
}
