// SIGKILL of publishers at random moments, several at once: what exited 0 is in the spool, and what is in the spool is whole.
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Dice } from "../dice.ts";
import { inLanes } from "../lanes.ts";
import { digestOf, type Sent, sentOf, startPublisher } from "../publisher.ts";
import type { Context, Row, Seen } from "../row.ts";
import { sizeFrom } from "../sizes.ts";
import { lostOf, readSpool } from "../spool-check.ts";

const AT_ONCE = 4;
const KILL_WITHIN_MS = 14;
/** One in four has longer: where the machine is busy, a publisher is not far after 14 ms. */
const LATE_WITHIN_MS = 61;
/** So many before a look whether any is lost. */
const LOG_ROUND = 1000;
/** In base64 and with its line's name it is a record of 200,003 B to 200,009 B in the log. */
const LOG_BODY_BYTES = 149_977;

type Killed = {
  sent: Map<string, Sent>;
  /** Names of those that exited 0. */
  acknowledged: string[];
  killed: number;
  /** Ends that are neither. */
  strange: string[];
};

/** Runs publishers, several at once, and kills each at some moment of its first milliseconds. */
async function killAtRandom(
  { cases, dice, say, signal }: Context,
  command: string[],
  home: string,
  sizeOf: (dice: Dice) => number,
): Promise<Killed> {
  const told: Killed = { sent: new Map(), acknowledged: [], killed: 0, strange: [] };
  mkdirSync(home, { mode: 0o700 });
  await inLanes({ count: cases, atOnce: AT_ONCE, signal }, async (number) => {
    const throws = dice.fork(number);
    const name = `kill-${number}`;
    const killAfterMs = throws.real() * (throws.chance(0.25) ? LATE_WITHIN_MS : KILL_WITHIN_MS);
    const body = throws.bytes(sizeOf(throws));
    told.sent.set(name, sentOf(name, body));
    const ended = await startPublisher({ command, home, name, body, killAfterMs }).ended;
    if (ended.exitCode === 0) told.acknowledged.push(name);
    else if (ended.signal === "SIGKILL") told.killed++;
    else told.strange.push(`${name} ended with ${ended.exitCode ?? ended.signal}: ${ended.stderr}`);
    if (ended.stdout !== "") told.strange.push(`${name} wrote to stdout: ${ended.stdout}`);
    say(`${number} of ${cases}`);
  });
  return told;
}

async function run(context: Context): Promise<Seen> {
  const home = join(context.place, "home");
  const told = await killAtRandom(context, [context.binary, "publish"], home, sizeFrom);
  const { sent, acknowledged, killed, strange } = told;
  const seen = readSpool(home, sent);
  const lost = lostOf(acknowledged, seen, `after ${killed} kills`);
  if (acknowledged.length === 0 || killed === 0) strange.push("not both acknowledged and killed: this shows nothing");
  return {
    counts: {
      acknowledged: acknowledged.length,
      killed,
      "stored though killed": seen.whole.size - acknowledged.length + lost.length,
      "orphans in tmp": seen.orphans,
      lost: lost.length,
      corrupt: seen.corrupt.length,
    },
    findings: [...lost, ...seen.corrupt, ...strange],
  };
}

/** The same killing of publishers that append to one log: a write that ends early is glued to the next one's record. */
async function runLog(context: Context): Promise<Seen> {
  const program = join(import.meta.dir, "..", "planted", "log-publisher.ts");
  const counts = { acknowledged: 0, killed: 0, "torn records": 0, lost: 0 };
  const findings: string[] = [];
  // About one in a hundred is lost: as many rounds as it takes, at most.
  for (let done = 0; done < context.cases && findings.length === 0 && !context.signal.aborted; done += LOG_ROUND) {
    const home = join(context.place, `home-${done}`);
    const log = join(home, "log");
    const command = [process.execPath, "--no-env-file", program, log];
    const round = { ...context, cases: LOG_ROUND, dice: context.dice.fork(done) };
    const { sent, acknowledged, killed, strange } = await killAtRandom(round, command, home, () => LOG_BODY_BYTES);
    if (strange.length > 0) throw new Error(strange.join("\n"));
    const names = readFileSync(log, "utf8")
      .split("\n")
      .filter(Boolean)
      .map((line) => nameInLog(line, sent));
    const lost = acknowledged.filter((name) => !names.includes(name));
    counts.acknowledged += acknowledged.length;
    counts.killed += killed;
    counts["torn records"] += names.filter((name) => name === null).length;
    counts.lost += lost.length;
    findings.push(...lost.map((name) => `${name} was acknowledged and is lost`));
  }
  return { counts, findings };
}

function nameInLog(line: string, sent: ReadonlyMap<string, Sent>): string | null {
  try {
    const { name, body } = JSON.parse(line);
    return sent.get(name)?.digest === digestOf(Buffer.from(body, "base64")) ? name : null;
  } catch {
    return null;
  }
}

export const row: Row = {
  name: "publisher-kill",
  title: "SIGKILL of publishers at random, 4 at once, 1 B to 1,000,001 B",
  must: "0 acknowledged lost, 0 visible corrupt",
  cases: 2000,
  missing: () => null,
  run,
  control: {
    title: "the same killing of publishers that append to one log, 200 kB a record",
    cases: 8000,
    run: runLog,
  },
};
