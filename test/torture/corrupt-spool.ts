// Spools that are damaged before a daemon starts and while it runs, 25 times a home: real events arrive, each whole and once, what is
// no event is in spool/bad and told, what is of a newer version waits, and the daemon lives.
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Dice } from "./dice.ts";
import { type LedgerSeen, readLedger } from "./ledger-check.ts";
import { comes, type Daemon, type Node, openNode } from "./node.ts";
import { digestOf } from "./publisher.ts";
import type { Context } from "./row.ts";
import { namesIn } from "./spool-check.ts";
import { type Fate, FILE_DAMAGES, type Place } from "./spool-damage.ts";
import { STRANGERS } from "./strangers.ts";

export const DAMAGES_OF_A_HOME = 25;

export type Told = { events: number; bad: number; waiting: number; eitherWay: number; wrong: string[] };

/** Each kind comes before any comes again: the n-th damage of a run is of this kind. */
const KINDS = [...FILE_DAMAGES, ...STRANGERS, ...FILE_DAMAGES];

type Home = {
  node: Node;
  place: Omit<Place, "number">;
  fates: Map<Fate, string>;
  good: Map<string, string>;
  wrong: string[];
};

/** Damages one spool so often, from kind number `first` on, and looks at what came of it. */
export async function corruptSpool(
  { place, undo }: Context,
  binary: string,
  { name, dice, first, count }: { name: string; dice: Dice; first: number; count: number },
): Promise<Told> {
  const home = await openHome(join(place, name), binary, dice, count, undo);
  const { node, fates, wrong } = home;
  const early = dice.below(count + 1);
  for (let number = 0; number < early; number++) plant(home, first + number, number);
  await publishGood(home, 3);
  const daemon = await node.start();
  for (let number = early; number < count; number++) {
    plant(home, first + number, number);
    if (number % 5 === 0) await publishGood(home, 1);
  }
  await publishGood(home, 2);
  const waiting = kindsOf(fates, "waits").map(({ fate }) => fate.id);
  const isDone = () => namesIn(node.home, "new").every((name) => waiting.includes(name)) && hasDone(node.home);
  if (!(await comes(() => daemon.end() !== null || isDone())))
    wrong.push(`in new/ are still ${namesIn(node.home, "new").map((name) => JSON.stringify(name))}`);
  await lookAt(home, daemon, waiting);
  const ended = await daemon.stop();
  if (ended !== 0) wrong.push(`the daemon ended with ${ended}: ${daemon.output()}`);

  const before = JSON.stringify(readLedger(node.home));
  const second = await node.start();
  const secondEnd = await second.stop();
  if (secondEnd !== 0) wrong.push(`the second daemon ended with ${secondEnd}: ${second.output()}`);
  if (JSON.stringify(readLedger(node.home)) !== before) wrong.push("the second daemon changed the ledger");
  if (namesIn(node.home, "new").join() !== waiting.sort().join()) wrong.push("the second daemon took what waits");
  return {
    events: home.good.size + kindsOf(fates, "event").length,
    bad: kindsOf(fates, "bad").length,
    waiting: waiting.length,
    eitherWay: kindsOf(fates, "either").length,
    wrong,
  };
}

async function openHome(at: string, binary: string, dice: Dice, count: number, undo: Context["undo"]): Promise<Home> {
  const node = openNode(join(at, "home"), binary, undo);
  for (const [name, builtin] of [
    ["all", "none"],
    ["kept", "log"],
  ])
    node.consumer(name ?? "", `on = ["**"]\nstart = "earliest"\nbuiltin = "${builtin}"\nmax_depth = 99\n`);
  for (const directory of ["tmp", "new", "bad"])
    mkdirSync(join(node.home, "spool", directory), { recursive: true, mode: 0o700 });
  const stage = join(at, "stage");
  const precious = join(at, "precious");
  mkdirSync(stage, { mode: 0o700 });
  writeFileSync(precious, "untouched");

  // Real events, published into a home that no daemon has.
  const mould = openNode(join(at, "mould"), binary, undo);
  const bodies = Array.from({ length: count }, (_, number) => bodyOf(`mould-${number}`, dice.fork(number)));
  for (const [number, body] of bodies.entries()) await mould.publish(`mould-${number}`, body);
  const ids = namesIn(mould.home, "new");
  const whole = () => {
    const id = ids.pop();
    if (id === undefined) throw new Error("no event is left in the mould");
    return { id, bytes: readFileSync(join(mould.home, "spool", "new", id)) };
  };
  return {
    node,
    place: { home: node.home, stage, precious, dice, whole },
    fates: new Map(),
    good: new Map(),
    wrong: [],
  };
}

function bodyOf(name: string, dice: Dice): Uint8Array {
  const content = Buffer.from(dice.bytes(dice.pick([3, 211, 20_011]))).toString("base64");
  const event = { session_id: name, hook_event_name: "PostToolUse", tool_name: "Write", tool_use_id: name, content };
  return new TextEncoder().encode(JSON.stringify(event));
}

function plant({ place, fates }: Home, kind: number, number: number): void {
  const damage = KINDS[kind % KINDS.length];
  for (const fate of damage?.plant({ ...place, number }) ?? []) fates.set(fate, damage?.what ?? "");
}

/** Events that nobody touches. */
async function publishGood({ node, place, good, wrong }: Home, count: number): Promise<void> {
  for (let at = 0; at < count; at++) {
    const name = `good-${good.size}`;
    const body = bodyOf(name, place.dice.fork(name));
    const ended = await node.publish(name, body);
    if (ended.exitCode !== 0) wrong.push(`${name} was not taken: ${ended.stderr}`);
    good.set(name, digestOf(body));
  }
}

function hasDone(home: string): boolean {
  // Files of a newer version wait in new/, so only the ledger is asked.
  const seen = readLedger(home);
  const last = seen?.events.at(-1)?.seq ?? 0;
  if (seen === null || seen.groups.length < 2 || seen.groups.some((group) => group.cursor < last)) return false;
  return seen.deliveries.every((delivery) => delivery.state === "ok");
}

async function lookAt(
  { node, place, fates, good, wrong }: Home,
  daemon: Daemon,
  waiting: readonly string[],
): Promise<void> {
  const seen = readLedger(node.home);
  if (seen === null) return void wrong.push(`there is no ledger: ${daemon.output()}`);
  const inBad = badFiles(node.home);
  wrong.push(...seen.wrong, ...wrongEvents(seen, fates, good, inBad), ...wrongBad(fates, inBad, daemon.output()));
  if (daemon.end() !== null) wrong.push(`the daemon ended with ${daemon.end()}: ${daemon.output()}`);
  if (/internal|undefined/.test(daemon.output())) wrong.push(`it says ${daemon.output()}`);
  if (readFileSync(place.precious, "utf8") !== "untouched") wrong.push("what a link led to was changed");

  const { exitCode, stdout, stderr } = await node.run("status", "--json");
  const { spool } = JSON.parse(stdout || "{}");
  const bad = readdirSync(join(node.home, "spool", "bad")).length;
  const told = [spool?.bad, spool?.newer, spool?.waiting].join();
  if (told !== [bad, waiting.length, waiting.length].join())
    wrong.push(`status tells bad, newer, waiting as ${told}; they are ${bad}, ${waiting.length}; ${stderr}`);
  if (exitCode !== (bad + waiting.length > 0 ? 1 : 0)) wrong.push(`status exits ${exitCode} with ${bad} in bad/`);
  const { stdout: text } = await node.run("status");
  if (bad > 0 && !text.includes("spool/bad")) wrong.push(`status does not name spool/bad: ${text}`);
}

/** What of the stream is not what was published and planted. */
function wrongEvents(seen: LedgerSeen, fates: Home["fates"], good: Home["good"], inBad: readonly BadFile[]): string[] {
  const wrong: string[] = [];
  const published = seen.events.filter((event) => !event.isOwn);
  const byId = new Map(published.map((event) => [event.id, event]));
  const byName = new Map(published.map((event) => [event.name, event]));
  const expected = new Set<string>();
  for (const [name, digest] of good) {
    const event = byName.get(name);
    if (event?.digest !== digest) wrong.push(`${name} is ${event === undefined ? "lost" : "not what was published"}`);
    expected.add(event?.id ?? "");
  }
  for (const { what, fate } of [...kindsOf(fates, "event"), ...kindsOf(fates, "either")]) {
    const event = byId.get(fate.id);
    const isBad = fate.kind === "either" && inBad.some((file) => file.digest === fate.whole);
    if (event === undefined ? !isBad : event.digest !== fate.digest)
      wrong.push(`${what}: ${fate.id} is ${event === undefined ? "lost" : "not what lay there"}`);
    if (event !== undefined) expected.add(fate.id);
  }
  for (const { id } of published) if (!expected.has(id)) wrong.push(`${id} is in the stream, and should not`);
  for (const consumer of ["all", "kept"]) {
    const settled = seen.deliveries
      .filter((one) => one.consumer === consumer && one.state === "ok")
      .flatMap((one) => one.seqs);
    const skipped = seen.skips.filter((one) => one.consumer === consumer).map((one) => one.seq);
    const done = Map.groupBy([...settled, ...skipped], (seq) => seq);
    for (const { seq, id } of published)
      if (done.get(seq)?.length !== 1) wrong.push(`${consumer} has done ${id} ${done.get(seq)?.length ?? 0} times`);
  }
  return wrong;
}

type BadFile = { name: string; digest: string | null };

function badFiles(home: string): BadFile[] {
  const bad = join(home, "spool", "bad");
  return readdirSync(bad).map((name) => {
    const path = join(bad, name);
    if (!existsSync(path)) return { name, digest: null };
    const look = lstatSync(path);
    return { name, digest: look.isFile() && look.size < 2 ** 30 ? digestOf(readFileSync(path)) : null };
  });
}

/** What of the planted strangers is not in spool/bad, each on its own, or was not told once. */
function wrongBad(fates: Home["fates"], inBad: readonly BadFile[], output: string): string[] {
  const left = [...inBad];
  return kindsOf(fates, "bad").flatMap(({ what, fate }) => {
    const wrong: string[] = [];
    const start = Buffer.from(fate.name).subarray(0, 180).toString();
    const at = left.findIndex(({ name, digest }) => name.startsWith(start) && digest === fate.digest);
    if (at < 0) wrong.push(`${what}: ${JSON.stringify(fate.name)} is not in spool/bad`);
    else left.splice(at, 1);
    // What would turn the direction of a line is told by its number.
    const line = `spool: ${JSON.stringify(fate.name).replace("\u202e", "\\u202e")} set aside in spool/bad`;
    if (!what.includes("already") && output.split(line).length !== 2)
      wrong.push(`${what}: ${JSON.stringify(fate.name)} was told ${output.split(line).length - 1} times`);
    return wrong;
  });
}

function kindsOf<K extends Fate["kind"]>(
  fates: ReadonlyMap<Fate, string>,
  kind: K,
): { what: string; fate: Extract<Fate, { kind: K }> }[] {
  return [...fates].flatMap(([fate, what]) =>
    fate.kind === kind ? [{ what, fate: fate as Extract<Fate, { kind: K }> }] : [],
  );
}
