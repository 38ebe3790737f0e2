// A disk that says no: each file call of publish made to fail, once, twice or from then on. It stores the event after all (exit 0,
// whole) or says in one line that it did not (exit 1); never 2, nothing half visible, and the next publish is not troubled by it.
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Fault, faultsOf, faulty, nameOf, placesIn, spoiledIn } from "../faults.ts";
import { inLanes } from "../lanes.ts";
import { type Ended, type Sent, sentOf, startPublisher } from "../publisher.ts";
import type { Context, Row, Seen } from "../row.ts";
import { readSpool } from "../spool-check.ts";
import { missingStrace, STRACE } from "../strace.ts";

const AT_ONCE = 3;
const LINE =
  /^offhook[^\n]*: the event (was not stored|may not survive a power cut): [^\n]{10,500}\n$|^offhook publish: stdin cannot be read \([^\n]+\n$/;

/** Above the numbers of all cases. */
const FIRST_TRACED = 999_000;

type Setting = { sizeBytes: number; isNewHome: boolean };

const SETTINGS: Setting[] = [
  { sizeBytes: 997, isNewHome: false },
  { sizeBytes: 200_003, isNewHome: false },
  { sizeBytes: 997, isNewHome: true },
];

type Case = Setting & { fault: Fault };

/** One home a case. All paths are of the same length, so that the calls of one home are those of another. */
function homeFor({ place }: Context, number: number, { isNewHome }: Setting): string {
  const home = join(place, `home-${String(number).padStart(6, "0")}`);
  for (const part of isNewHome ? [] : ["", "spool", "spool/tmp", "spool/new", "spool/bad"]) {
    mkdirSync(join(home, part), { mode: 0o700 });
  }
  return home;
}

/** Every fault that these settings can have, from a traced run of each. */
async function allFaults(context: Context, command: string[], settings: Setting[]): Promise<Case[]> {
  const all: Case[] = [];
  for (const [number, setting] of settings.entries()) {
    const trace = join(context.place, `trace-${number}`);
    const home = homeFor(context, FIRST_TRACED + number, setting);
    const before = [STRACE ?? "", "-y", "-o", trace];
    const body = context.dice.fork("traced").bytes(setting.sizeBytes);
    const ended = await startPublisher({ command: [...before, ...command], home, name: "traced", body }).ended;
    if (ended.exitCode !== 0) throw new Error(`traced: ${JSON.stringify(ended)}`);
    const places = placesIn(readFileSync(trace, "utf8"), home);
    all.push(...faultsOf(places).map((fault) => ({ ...setting, fault })));
  }
  return all;
}

type Spoiled = { wrong: string[]; isReached: boolean; isStored: boolean; exitCode: number | null; orphans: number };

/** One publisher with its fault, then one without, in a home of their own. */
async function spoilOne(context: Context, command: string[], one: Case, number: number): Promise<Spoiled> {
  const home = homeFor(context, number, one);
  const trace = join(context.place, `trace-of-${number}`);
  const sent = new Map<string, Sent>();
  const publish = (name: string, before: string[]) => {
    const body = context.dice.fork(`${number}, ${name}`).bytes(one.sizeBytes);
    sent.set(name, sentOf(name, body));
    return startPublisher({ command: [...before, ...command], home, name, body }).ended;
  };
  const ended = await publish("spoiled", faulty(one.fault, trace));
  const spoiled = spoiledIn(readFileSync(trace, "utf8"));
  const isReached = spoiled.some((words) => words.includes(home) || words.startsWith("read(0<"));
  const { whole, corrupt, orphans } = readSpool(home, sent);
  const isStored = whole.has("spoiled");
  const wrong = [...corrupt, ...wrongWith(ended, isStored, isReached ? one.fault : null, home)];

  const next = await publish("the next one", []);
  if (next.exitCode !== 0 || !readSpool(home, sent).whole.has("the next one"))
    wrong.push(`the next one is troubled: ${JSON.stringify(next)}`);
  rmSync(home, { recursive: true });
  return { wrong, isReached, isStored, exitCode: ended.exitCode, orphans };
}

async function spoil(context: Context, command: string[], settings: Setting[]): Promise<Seen> {
  const counts = { stored: 0, refused: 0, "stored though refused": 0, "left in tmp": 0, "not reached": 0 };
  const findings: string[] = [];
  const chosen = chosenFrom(await allFaults(context, command, settings), context);
  await inLanes({ count: chosen.length, atOnce: AT_ONCE, signal: context.signal }, async (number) => {
    const one = chosen[number];
    if (one === undefined) return;
    const { wrong, isReached, isStored, exitCode, orphans } = await spoilOne(context, command, one, number);
    if (!isReached) counts["not reached"]++;
    else if (exitCode === 0) counts.stored++;
    else counts.refused++;
    if (exitCode !== 0 && isStored) counts["stored though refused"]++;
    counts["left in tmp"] += orphans;
    const name = `${nameOf(one.fault)}, ${one.sizeBytes} B${one.isNewHome ? ", a new home" : ""}`;
    findings.push(...wrong.map((words) => `${name}: ${words.trimEnd()}`));
    context.say(`${number} of ${chosen.length}`);
  });
  if (counts["not reached"] > chosen.length / 10)
    findings.push(
      `${counts["not reached"]} faults of ${chosen.length} were not reached: they are not where the traced run had them`,
    );
  return { counts, findings };
}

/** What of a publisher's end does not go with what is stored. `fault` null: it was not reached. */
function wrongWith(
  { exitCode, signal, stdout, stderr }: Ended,
  isStored: boolean,
  fault: Fault | null,
  home: string,
): string[] {
  const wrong: string[] = [];
  if (stdout !== "") wrong.push(`stdout has ${JSON.stringify(stdout)}`);
  switch (exitCode) {
    case 0:
      if (!isStored) wrong.push("exit 0, and it is not stored");
      if (stderr !== "") wrong.push(`exit 0, and stderr has ${JSON.stringify(stderr)}`);
      if (fault?.place.call === "fsync") wrong.push("exit 0, though its fsync failed: a power cut may take it");
      break;
    case 1:
      if (!LINE.test(stderr)) wrong.push(`not one clear line: ${JSON.stringify(stderr)}`);
      if (stderr.includes("may not survive") && !isStored) wrong.push("it says that it is stored, and it is not");
      if (fault !== null && fault.place.call !== "read" && !stderr.includes(home)) wrong.push(`no place: ${stderr}`);
      if (fault !== null && !stderr.includes(fault.error))
        wrong.push(`the line does not say ${fault.error}: ${stderr}`);
      break;
    default:
      wrong.push(`ended with ${exitCode ?? signal}: ${stderr}`);
  }
  return wrong;
}

/** As many as there are cases, each call as often as the others, by the dice. */
function chosenFrom(all: readonly Case[], { dice, cases }: Context): Case[] {
  const throws = dice.fork("faults");
  const byCall = Map.groupBy(throws.shuffled(all), ({ fault }) => `${fault.place.call} ${fault.span}`);
  const lists = throws.shuffled([...byCall.values()]);
  const chosen: Case[] = [];
  for (let turn = 0; chosen.length < cases; turn++) {
    const list = lists[turn % lists.length] ?? [];
    const next = list[Math.floor(turn / lists.length) % list.length];
    if (next !== undefined) chosen.push(next);
  }
  return chosen;
}

export const row: Row = {
  name: "publish-faults",
  title: "ENOSPC, EDQUOT, EACCES, EROFS, EMFILE, EIO at a file call of publish",
  must: "stored whole with exit 0, or one clear line and exit 1; never 2; the next one is well",
  cases: 50,
  missing: missingStrace,
  run: (context) => spoil(context, [context.binary, "publish"], SETTINGS),
  control: {
    title: "the same faults of a publisher that goes on after a failed write or fsync",
    cases: 30,
    run(context) {
      const wrong = join(import.meta.dir, "..", "planted", "wrong-publisher.ts");
      return spoil(context, [process.execPath, "--no-env-file", wrong, "deaf"], SETTINGS.slice(0, 1));
    },
  },
};
