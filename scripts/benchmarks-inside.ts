// Where the milliseconds of publish go. Four looks at it, none of which is enough alone:
// 1. A build of publish that notes the time at each step, by the clock that this process reads before the start: one run gives all
//    steps. What it costs to note is seen beside publish as it is shipped, in the same race.
// 2. Programs that do less and less, in that race: publish without fsync, null, an empty program of the same build line, the same
//    file only loaded (its loader lists the libraries and ends), /bin/true.
// 3. benchmarks-calls.ts: strace of publish as it is shipped, for the calls themselves; it adds its own time to each.
// 4. The disk's calls in a loop in one process: what the disk does today, without any start of a process.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Contestant, type Lane, race } from "../src/measure/measure.ts";
import { empty, type Scratch } from "../src/measure/scratch.ts";
import { timesOf } from "../src/report/statistics.ts";
import { openCalls } from "../src/system/libc.ts";
import { makeVariant, type Replacement } from "../test/torture/variant.ts";
import { makeStage, type Plan, type Programs } from "./benchmarks-beside.ts";
import { costOf, diskLoop, traceOf } from "./benchmarks-calls.ts";
import type { Inside, Phase } from "./benchmarks-page.ts";
import { compile } from "./compile.ts";

const NOTES = "OFFHOOK_BENCH_NOTES";
const note = (step: string) => `globalThis.notes.push(["${step}", performance.timeOrigin + performance.now()]);\n`;

/** Steps in their order, each with the place in the source at which it ends. */
export const STEPS: readonly (Replacement & { step: string })[] = [
  step("runtime start, until our first line", "src/main.ts", "type Command = {"),
  step("load `publish`", "src/commands/publish.ts", "  const request = requestOf(argv);\n"),
  step("read stdin", "src/commands/publish.ts", "  let path: string | null = null;\n"),
  step("look at the home, make the header, create the file", "src/spool/append.ts", "// crash point: before-write\n"),
  step("write", "src/spool/append.ts", "// crash point: before-fsync\n"),
  step("fsync the file", "src/spool/append.ts", "// crash point: after-fsync\n"),
  step("close, rename", "src/spool/append.ts", "// crash point: after-rename\n"),
  step("fsync the directory", "src/commands/publish.ts", "    return STORED;\n"),
];

/** From the last step until the exit is seen, without the writing of the notes between. */
export const LAST_STEP = "return, exit, until it is seen";
/** The first row: start a process of this file and load it. */
export const FIRST_STEP = "spawn, execve, load the file and its libraries";

/** The note stands before `from`. */
function step(name: string, file: string, from: string): Replacement & { step: string } {
  const first = file === "src/main.ts" ? "globalThis.notes = [];\n" : "";
  return { step: name, file, from, to: `${first}${note(name)}${from}` };
}

/** The end of main.ts: the notes are written down after everything that is timed, and the time it is then, so that it can be taken off. */
export const WRITE_DOWN: Replacement = {
  file: "src/main.ts",
  from: "process.exit(",
  to: `const ended = performance.timeOrigin + performance.now();
const fs = process.getBuiltinModule("node:fs");
const fd = fs.openSync(process.env.${NOTES}, "w");
fs.writeSync(fd, JSON.stringify([...globalThis.notes, ["end", ended]]) + "\\n");
fs.writeSync(fd, String(performance.timeOrigin + performance.now()));
process.exit(`,
};

type Say = (what: string, done: number) => void;

/** Measures all four; `rounds` of the race. Throws where the source has changed so that a step is not found. */
export async function measureInside(
  plan: Plan,
  programs: Programs,
  scratch: Scratch,
  recordedPath: string,
  say: Say,
): Promise<Inside> {
  const { project, next } = makeStage(scratch, "inside", recordedPath);
  const place = join(scratch.path, "builds");
  mkdirSync(place);
  const noting = await makeVariant({ name: "notes", place, replacements: [...STEPS, WRITE_DOWN] });
  const emptySource = join(place, "empty.ts");
  const emptyProgram = join(place, "empty");
  writeFileSync(emptySource, "process.exit(0);\n");
  compile({ entry: emptySource, outFile: emptyProgram });

  const home = scratch.makeHome({});
  const notesPath = join(home, "notes.json");
  const spool = join(home, "spool/new");
  const env = scratch.envOf(home);
  const one = (name: string, argv: string[], more: Record<string, string> = {}): Contestant => ({
    name,
    argv,
    env: { ...env, ...more },
    cwd: project,
  });
  const isListed = LOADERS.some((path) => existsSync(path));
  const contestants = [
    // These two read no stdin.
    { ...one("/bin/true", [Bun.which("true") ?? "true"]), mayFail: true },
    ...(isListed ? [{ ...one(LOADED, [programs.offhook], { LD_TRACE_LOADED_OBJECTS: "1" }), mayFail: true }] : []),
    { ...one("an empty program of our build line", [emptyProgram]), mayFail: true },
    one("null: reads and parses", [programs.null]),
    one("publish --durability process: no fsync", [programs.offhook, "publish", "--durability", "process"]),
    one("publish", [programs.offhook, "publish"]),
    one(NOTING, [noting, "publish"], { [NOTES]: notesPath }),
  ];

  const now = realClock();
  const runs: Noted[] = [];
  let round = 0;
  const withStart = contestants.map((contestant) => ({
    ...contestant,
    // Asked for just before the start.
    get stdin() {
      startedMs = now();
      return next();
    },
  }));
  let startedMs = 0;
  const lanes = await race({
    contestants: withStart,
    stdin: new Uint8Array(),
    rounds: plan.rounds,
    limitMs: plan.limitMs,
    warmUpRounds: WARM_UP_ROUNDS,
    concurrency: 1,
    scratch,
    afterTurn({ name }) {
      empty(spool);
      if (name !== NOTING) return;
      const [notesText = "", writtenText = ""] = readFileSync(notesPath, "utf8").split("\n");
      rmSync(notesPath);
      if (round++ < WARM_UP_ROUNDS) return;
      const notes: [string, number][] = JSON.parse(notesText);
      if (notes.length !== STEPS.length + 1)
        throw new Error(`publish passed ${notes.length - 1} of ${STEPS.length} steps`);
      const endedMs = notes.at(-1)?.[1] ?? Number.NaN;
      runs.push({
        stepsMs: notes.map(([, atMs], index) => atMs - (notes[index - 1]?.[1] ?? startedMs)),
        writingMs: Number(writtenText) - endedMs,
      });
    },
    onRound: (done) => say("inside publish", done),
  });
  return {
    ...phasesOf(runs, lanes),
    programs: lanes
      .filter(({ name }) => name !== NOTING)
      .map(({ name, timesMs }) => {
        const contestant = contestants.find((candidate) => candidate.name === name);
        return { name, times: timesOf(timesMs), ...costOf(contestant, next) };
      }),
    traced: traceOf(programs.offhook, env, project, next, spool),
    disk: diskLoop(join(home, "disk")),
  };
}

const WARM_UP_ROUNDS = 3;
/** glibc's loaders, which list a program's libraries and end when LD_TRACE_LOADED_OBJECTS says so (ld.so(8)). */
const LOADERS = ["/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"];
const LOADED = "offhook, only loaded";
const NOTING = "publish that notes the time";

/** One run: its steps, the last of which ends where the program begins to return to main.ts, and the writing of the notes. */
type Noted = { stepsMs: number[]; writingMs: number };

/** Rows of phases: means of the runs of the middle half, which add up as medians would not. */
function phasesOf(runs: readonly Noted[], lanes: readonly Lane[]): Pick<Inside, "phases" | "wholeMs" | "notedMs"> {
  const timesIn = (name: string) => lanes.find((lane) => lane.name === name)?.timesMs;
  const noted = runs.map(({ stepsMs, writingMs }, index) => {
    const wholeMs = (timesIn(NOTING)?.[index] ?? Number.NaN) - writingMs;
    const known = stepsMs.slice(0, STEPS.length);
    return { wholeMs, steps: [...known, wholeMs - known.reduce((sum, ms) => sum + ms, 0)] };
  });
  const middle = middleHalf(noted, ({ wholeMs }) => wholeMs);
  const phases: Phase[] = [...STEPS.map(({ step }) => step), LAST_STEP].map((name, index) => ({
    name,
    ms: meanOf(middle.map(({ steps }) => steps[index] ?? Number.NaN)),
  }));
  const loaded = timesIn(LOADED);
  const [first] = phases;
  if (loaded !== undefined && first !== undefined) {
    const ms = meanOf(middleHalf(loaded, (time) => time));
    first.ms -= ms;
    phases.unshift({ name: FIRST_STEP, ms });
  }
  return {
    phases,
    wholeMs: timesOf(timesIn("publish") ?? []),
    notedMs: timesOf(noted.map(({ wholeMs }) => wholeMs)),
  };
}

/** Without the fastest and the slowest quarter. */
function middleHalf<T>(values: readonly T[], of: (value: T) => number): T[] {
  const sorted = values.toSorted((a, b) => of(a) - of(b));
  const quarter = Math.floor(sorted.length / 4);
  return sorted.slice(quarter, sorted.length - quarter);
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** CLOCK_REALTIME in ms: what performance.timeOrigin of another process is counted in. */
function realClock(): () => number {
  const calls = openCalls({ clock_gettime: { args: ["i32", "ptr"], returns: "i32" } });
  if (calls === null) throw new Error("clock_gettime(2) cannot be called here");
  const time = new BigInt64Array(2);
  return () => {
    calls.clock_gettime(0, time);
    return Number(time[0] ?? 0n) * 1000 + Number(time[1] ?? 0n) / 1e6;
  };
}
