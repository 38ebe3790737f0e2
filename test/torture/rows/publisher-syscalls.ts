// SIGKILL of publish at every system call it makes, from the first after execve to exit_group.
//
// 1. Some runs are traced: which calls, how often, in which threads.
// 2. For each name of a call, the main thread is killed at its 1st, 2nd, ... n-th call, each in a run of its own, until it has
//    outlived one more than there are: so every call of the main thread is the last thing that one run saw (strace.ts says why
//    not simply the N-th of all). What its trace says is compared: n calls of that name, then the end.
// 3. Where publish has other threads (it loads node:fs to make a home), each name they call is killed at again, in whichever
//    thread comes to it first.
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { inLanes } from "../lanes.ts";
import { type Ended, type Sent, sentOf, startPublisher } from "../publisher.ts";
import type { Context, Row, Seen } from "../row.ts";
import { lostOf, readSpool } from "../spool-check.ts";
import { callsIn, killedAt, missingStrace, traced } from "../strace.ts";

const AT_ONCE = 3;
/** Whether there are other threads depends on the moment: more than one run is traced, and the most of each call counts. */
const TRACED = 3;

/** What is published: so many bytes, into a home that is there or into one that is not. */
type Setting = { what: string; sizeBytes: number; isNewHome: boolean };

const SETTINGS: Setting[] = [
  { what: "997 B", sizeBytes: 997, isNewHome: false },
  { what: "200,003 B", sizeBytes: 200_003, isNewHome: false },
  { what: "a new home", sizeBytes: 997, isNewHome: true },
];

/** The calls that a publisher's promise rests on. */
const OF_FILES = ["openat", "write", "fsync", "close", "rename"];

type Tally = {
  /** Calls of the main thread, by what is published, each the end of one run. */
  calls: Record<string, number>;
  /** Runs that ended at a call of whichever thread came to it first. */
  anyThread: number;
  /** There when traced, not made when it was to be struck. */
  notReached: number;
  stored: number;
  orphans: number;
  lost: string[];
  corrupt: string[];
  /** Ends that are neither well nor SIGKILL at the call that was meant. */
  strange: string[];
};

/** One setting: publishing into its home (or a new one each time) and looking at what is there. */
function openSetting(
  { place, dice }: Context,
  { what, sizeBytes, isNewHome }: Setting,
  command: string[],
  tally: Tally,
) {
  const body = dice.fork(what).bytes(sizeBytes);
  const expected = sentOf("", body);
  const sent = new Map<string, Sent>();
  const acknowledged = new Map<string, string[]>();
  const shared = join(place, `home-${sizeBytes}`);
  let homes = 0;
  if (!isNewHome) mkdirSync(shared, { mode: 0o700 });

  const setting = {
    home: () => (isNewHome ? join(place, `new-home-${homes++}`) : shared),
    /** Acknowledged is what exits 0, and what says "stored". */
    async publish(name: string, home: string, before: string[]): Promise<Ended> {
      sent.set(name, { ...expected, name });
      const ended = await startPublisher({ command: [...before, ...command], home, name, body }).ended;
      if (ended.signal === null && ended.exitCode !== 0) tally.strange.push(`${name}: ${JSON.stringify(ended)}`);
      if (ended.exitCode === 0 || ended.stdout === "stored\n")
        acknowledged.set(home, [...(acknowledged.get(home) ?? []), name]);
      return ended;
    },
    look(home: string): void {
      const seen = readSpool(home, sent);
      tally.lost.push(...lostOf(acknowledged.get(home) ?? [], seen, `publishing ${what}`));
      tally.corrupt.push(...seen.corrupt);
      tally.stored += seen.whole.size;
      tally.orphans += seen.orphans;
    },
    /** A new home takes the next one too, however little of it was made, and is not needed any more. */
    async leave(name: string, home: string): Promise<void> {
      if (!isNewHome) return;
      await setting.publish(`${name}, the next one`, home, []);
      setting.look(home);
      rmSync(home, { recursive: true });
    },
    end: () => (isNewHome ? undefined : setting.look(shared)),
  };
  return setting;
}

/** Kills `command` at its calls, those of `names` (null: all). */
async function killIn(context: Context, one: Setting, command: string[], names: string[] | null, tally: Tally) {
  const { place, say, signal } = context;
  const { what } = one;
  const setting = openSetting(context, one, command, tally);
  // The first makes what a home needs; those that follow are what every later one is like.
  if (!one.isNewHome) await setting.publish(`${what}, first`, setting.home(), []);
  const ofMain = new Map<string, number>();
  const ofOthers = new Map<string, number>();
  for (let number = 0; number < TRACED; number++) {
    const path = join(place, `trace-${number}`);
    const name = `${what}, traced ${number}`;
    const home = setting.home();
    await setting.publish(name, home, traced(path));
    await setting.leave(name, home);
    const [main = new Map<string, number>(), ...others] = callsIn(readFileSync(path, "utf8"));
    most(main, ofMain);
    if (names === null) for (const thread of others) most(thread, ofOthers);
  }
  ofMain.delete("execve"); // strace begins behind it

  const strike = async (call: string, n: number, everyThread: boolean): Promise<"killed" | "outlived"> => {
    const name = `${what}, ${call} ${n}${everyThread ? " of any thread" : ""}`;
    const trace = join(place, `trace-${call}-${everyThread}`);
    const home = setting.home();
    const { signal: end } = await setting.publish(name, home, killedAt(call, n, everyThread, trace));
    await setting.leave(name, home);
    if (end === null) return "outlived";
    const seen = callsIn(readFileSync(trace, "utf8")).map((calls) => calls.get(call) ?? 0);
    if (Math.max(...seen) !== n) tally.strange.push(`${name}: ended by ${end} after ${seen.join("+")} calls`);
    return "killed";
  };
  /** From the first to one more than there are; how many there are may differ by what a socket brings at once. */
  const strikeAll = async (call: string, count: number, everyThread: boolean) => {
    for (let n = 1; !signal.aborted; n++) {
      const came = await strike(call, n, everyThread);
      if (came === "outlived" && n >= count) return;
      if (came === "outlived") tally.notReached++;
      else if (everyThread) tally.anyThread++;
      else tally.calls[what] = (tally.calls[what] ?? 0) + 1;
      say(`${what}: ${call} ${n}`);
    }
  };
  const wanted = [...ofMain].filter(([name]) => names?.includes(name) ?? true);
  const work = [
    ...wanted.map(([call, count]) => ({ call, count: count + 1, everyThread: false })),
    ...[...ofOthers].map(([call, count]) => ({ call, count, everyThread: true })),
  ];
  await inLanes({ count: work.length, atOnce: AT_ONCE, signal }, async (number) => {
    const { call, count, everyThread } = work[number] ?? { call: "", count: 0, everyThread: false };
    await strikeAll(call, count, everyThread);
  });
  setting.end();
}

async function killEverywhere(
  context: Context,
  settings: Setting[],
  command: string[],
  names: string[] | null,
): Promise<Seen> {
  const found = { lost: [], corrupt: [], strange: [] };
  const tally: Tally = { calls: {}, anyThread: 0, notReached: 0, stored: 0, orphans: 0, ...found };
  for (const one of settings) if (!context.signal.aborted) await killIn(context, one, command, names, tally);
  const { calls, anyThread, notReached, stored, orphans, lost, corrupt, strange } = tally;
  const struck = Object.values(calls).reduce((sum, count) => sum + count, 0);
  if (struck < 10 || notReached > struck / 10) strange.push(`${struck} calls were struck, ${notReached} not reached`);
  return {
    counts: {
      ...Object.fromEntries(Object.entries(calls).map(([what, count]) => [`calls (${what})`, count])),
      "and in any thread": anyThread,
      "not reached": notReached,
      stored,
      "orphans in tmp": orphans,
      lost: lost.length,
      corrupt: corrupt.length,
    },
    findings: [...lost, ...corrupt, ...strange],
  };
}

/** Keeps the larger number of calls of each name. */
function most(calls: ReadonlyMap<string, number>, kept: Map<string, number>): void {
  for (const [name, count] of calls) kept.set(name, Math.max(count, kept.get(name) ?? 0));
}

export const row: Row = {
  name: "publisher-syscalls",
  title: "kinds of publish (997 B, 200,003 B, a new home), SIGKILL at every system call of every thread",
  must: "0 acknowledged lost, 0 visible corrupt, a half-made home takes the next one",
  cases: SETTINGS.length,
  missing: missingStrace,
  run(context) {
    const throws = context.dice.fork("sizes");
    const more = Array.from({ length: context.cases - SETTINGS.length }, (_, at): Setting => {
      const sizeBytes = throws.between(1001, 500_000) | 1;
      return { what: `${sizeBytes} B, ${at}`, sizeBytes, isNewHome: throws.chance(0.2) };
    });
    return killEverywhere(context, [...SETTINGS, ...more], [context.binary, "publish"], null);
  },
  control: {
    title:
      "wrong publishers (says it is stored before the rename; writes where all see it), killed at their calls about files",
    cases: 2,
    async run(context) {
      const wrong = join(import.meta.dir, "..", "planted", "wrong-publisher.ts");
      const caught: Seen = { counts: {}, findings: [] };
      for (const mistake of ["early", "in-place"]) {
        const place = join(context.place, mistake);
        mkdirSync(place, { mode: 0o700 });
        const command = [process.execPath, "--no-env-file", wrong, mistake];
        const { counts, findings } = await killEverywhere(
          { ...context, place },
          SETTINGS.slice(0, 1),
          command,
          OF_FILES,
        );
        if (findings.length === 0) throw new Error(`${mistake} was not caught`);
        for (const name of ["lost", "corrupt"]) caught.counts[`${name} (${mistake})`] = counts[name] ?? 0;
        caught.findings.push(...findings);
      }
      return caught;
    },
  },
};
