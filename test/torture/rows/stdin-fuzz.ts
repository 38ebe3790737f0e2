// Everything that can stand on a hook's stdin: stored byte for byte, up to 32 MiB, or refused with exit 1 and a line; nobody waits
// longer than 3.5 s. Then one daemon takes all of it in, and every id is in the stream with the data that came.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { startConsume } from "../consume.ts";
import type { Dice } from "../dice.ts";
import { inLanes } from "../lanes.ts";
import { keptOf, type PublishOptions, type Sent, sentOf, startPublisher } from "../publisher.ts";
import type { Context, Row, Seen } from "../row.ts";
import { lostOf, namesIn, readSpool, type SpoolSeen } from "../spool-check.ts";
import { inputFrom, payload } from "../stdin-inputs.ts";
import { readStream } from "../stream-check.ts";

const AT_ONCE = 3;
const PATIENCE_MS = 3500;
const INTAKE_MS = 120_000;
const MIB = 1024 * 1024;

/** One input: its bytes, how they come, and whether its end is not to be known. */
type Input = { body: Uint8Array; how: Partial<PublishOptions>; isIncomplete: boolean };

/** By the number of the case, the same each time it is asked. */
function inputOf(dice: Dice, number: number): Input {
  const throws = dice.fork(number);
  const special = SPECIAL[number];
  if (special !== undefined) return special(throws);
  if (throws.chance(0.95)) return { body: inputFrom(throws).bytes, how: {}, isIncomplete: false };
  // Only what has one end: publish takes the end of an object for the end of all when nothing follows it at once.
  return { body: Buffer.from(payload(throws)), how: { pieces: piecesFrom(throws) }, isIncomplete: false };
}

const piecesFrom = (dice: Dice) => ({ bytes: dice.between(97, 499), pauseMs: dice.between(1, 40) });
const open = (text: string, isIncomplete: boolean, pieces?: { bytes: number; pauseMs: number }): Input => {
  return { body: Buffer.from(text), how: { staysOpen: true, ...(pieces ? { pieces } : {}) }, isIncomplete };
};
const large = (bytes: number, text: (dice: Dice) => string) => (dice: Dice) => {
  const start = Buffer.from(text(dice));
  return { body: Buffer.concat([start, Buffer.alloc(bytes - start.length, "z")]), how: {}, isIncomplete: false };
};

/** The first cases: those that are large or slow. */
const SPECIAL: ((dice: Dice) => Input)[] = [
  large(40_000_003, () => '{"hook_event_name":"Stop","a":"'),
  large(40_000_019, (dice) => Buffer.from(dice.bytes(97)).toString("latin1")),
  large(32 * MIB, () => ""),
  large(32 * MIB + 1, () => ""),
  () => open("", true),
  () => open("hello\n", true),
  () => open('{"a":"}', true),
  (dice) => open(payload(dice).slice(0, 150), true),
  (dice) => open(payload(dice), false),
  (dice) => open(`${payload(dice)}\n`, false),
  (dice) => open(`${payload(dice)}\n${payload(dice)}`, false),
  (dice) => open(payload(dice), false, piecesFrom(dice)),
  (dice) => open(payload(dice).slice(0, 150), true, { bytes: 31, pauseMs: 200 }),
];

type Fuzzed = { sent: Map<string, Sent>; stored: string[]; refused: number; slowestMs: number; findings: string[] };

/** Gives every input, from the `first` on, to a publisher of its own; the slow ones beside the others. */
async function fuzz(
  { cases, dice, say, signal }: Context,
  command: string[],
  home: string,
  first: number,
): Promise<Fuzzed> {
  const told: Fuzzed = { sent: new Map(), stored: [], refused: 0, slowestMs: 0, findings: [] };
  mkdirSync(home, { mode: 0o700 });
  let done = 0;
  const publish = async (number: number) => {
    const name = `fuzz-${number}`;
    const { body, how, isIncomplete } = inputOf(dice, number);
    told.sent.set(name, sentOf(name, body, isIncomplete));
    const { exitCode, signal, stdout, stderr, tookMs } = await startPublisher({ command, home, name, body, ...how })
      .ended;
    told.slowestMs = Math.max(told.slowestMs, tookMs);
    if (exitCode === 0) told.stored.push(name);
    else if (exitCode === 1 && /^offhook[^\n]+\n$/.test(stderr)) told.refused++;
    else told.findings.push(`${name} ended with ${exitCode ?? signal}: ${stderr}`);
    if (exitCode === 0 && stderr !== "") told.findings.push(`${name} exited 0 and said ${JSON.stringify(stderr)}`);
    if (stdout !== "") told.findings.push(`${name} wrote to stdout: ${stdout}`);
    if (tookMs > PATIENCE_MS) told.findings.push(`${name} took ${tookMs.toFixed(0)} ms`);
    say(`${++done} of ${cases}`);
  };
  const special = Math.max(0, SPECIAL.length - first);
  await Promise.all([
    inLanes({ count: special, atOnce: special, signal }, publish),
    inLanes({ count: cases - special, atOnce: AT_ONCE, signal }, (number) => publish(SPECIAL.length + number)),
  ]);
  return told;
}

/** One daemon takes all of it in; gives what is not in the stream as it was sent. */
async function takeIn(context: Context, home: string, { ids }: SpoolSeen): Promise<string[]> {
  const { binary, dice, say, undo, signal } = context;
  const daemon = startConsume(binary, home);
  undo(() => daemon.signal("SIGKILL"));
  const endsAt = performance.now() + INTAKE_MS;
  while (namesIn(home, "new").length > 0 && daemon.end() === null && !signal.aborted && performance.now() < endsAt) {
    say(`the daemon takes in, ${namesIn(home, "new").length} wait`);
    await Bun.sleep(20);
  }
  const waiting = namesIn(home, "new").length;
  daemon.signal("SIGTERM");
  const exitCode = await daemon.ended;
  const findings = exitCode === 0 ? [] : [`the daemon ended with ${exitCode}: ${daemon.output()}`];
  if (waiting > 0) findings.push(`${waiting} still wait after ${INTAKE_MS / 1000} s: ${daemon.output()}`);
  for (const name of namesIn(home, "bad")) findings.push(`${name} is in spool/bad: ${daemon.output()}`);
  const numbers = new Map([...ids].map(([name, id]) => [id, Number(name.replace("fuzz-", ""))]));
  const stream = await readStream(binary, home, join(context.place, "events"), (id) => {
    const number = numbers.get(id);
    return number === undefined ? null : keptOf(inputOf(dice, number).body);
  });
  const there = new Set(stream.ids);
  const missing = [...ids]
    .filter(([, id]) => !there.has(id))
    .map(([name, id]) => `${name} (${id}) is not in the stream`);
  return [...findings, ...missing, ...stream.findings.map((words) => named(words, ids))];
}

/** The name of a case beside its id. */
function named(words: string, ids: ReadonlyMap<string, string>): string {
  const name = [...ids].find(([, id]) => words.startsWith(id))?.[0];
  return name === undefined ? words : `${name}, ${words}`;
}

async function check(context: Context, command: string[], isWholeWay: boolean): Promise<Seen> {
  const home = join(context.place, "home");
  const { sent, stored, refused, slowestMs, findings } = await fuzz(
    context,
    command,
    home,
    isWholeWay ? 0 : SPECIAL.length,
  );
  const seen = readSpool(home, sent);
  const lost = lostOf(stored, seen, "not in the spool as it was sent");
  const stream = isWholeWay ? await takeIn(context, home, seen) : [];
  const counts: Record<string, number> = { stored: stored.length, refused, "slowest, ms": Math.round(slowestMs) };
  if (isWholeWay) counts["in the stream"] = seen.ids.size;
  counts["not as sent"] = lost.length + seen.corrupt.length + stream.length;
  return { counts, findings: [...findings, ...lost, ...seen.corrupt, ...stream] };
}

export const row: Row = {
  name: "stdin-fuzz",
  title:
    "stdin of any kind: nothing, no UTF-8, NUL, depth 100,000, 1e400, 40 MB, never closed, payloads with changed bytes",
  must: "stored byte for byte or refused in a line, no wait beyond 3.5 s, every id in the stream with its data",
  cases: 2000,
  missing: () => null,
  run: (context) => check(context, [context.binary, "publish"], true),
  control: {
    title: "the same into a publisher that takes only JSON and keeps it as it likes to write it",
    cases: 200,
    run(context) {
      const wrong = join(import.meta.dir, "..", "planted", "wrong-publisher.ts");
      return check(context, [process.execPath, "--no-env-file", wrong, "strict"], false);
    },
  },
};
