// The tables of publish: which sizes, how many at once, and who runs beside it. Each table is one race.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EXIT, OffhookError } from "../errors.ts";
import { type Contestant, race } from "../measure/measure.ts";
import { payloadsOf } from "../measure/payload.ts";
import { PYTHON_PUBLISHER } from "../measure/python.ts";
import { empty, type Scratch } from "../measure/scratch.ts";
import { type Summary, summaryOf } from "../report/statistics.ts";

/** One table as it is planned. Sizes are no powers of two, so that no buffer fits by luck. */
export type TablePlan = {
  name: string;
  title: string;
  sizeBytes: number;
  concurrency: number;
  rounds: number;
  quickRounds: number;
  beside: Beside[];
};

/** Who runs beside publish. `floor`: cat, what the measuring itself costs. `unsynced`: publish that waits for no disk. */
export type Beside = "floor" | "null" | "unsynced" | "python";

/** One table as it was measured. */
export type Table = { name: string; title: string; sizeBytes: number; concurrency: number; summaries: Summary[] };

export const TABLES: readonly TablePlan[] = [
  {
    name: "1k",
    title: "publish 1 KB",
    sizeBytes: 997,
    concurrency: 1,
    rounds: 300,
    quickRounds: 40,
    beside: ["floor", "null", "unsynced"],
  },
  {
    name: "1k-16",
    title: "publish 1 KB, 16 at once",
    sizeBytes: 997,
    concurrency: 16,
    rounds: 30,
    quickRounds: 4,
    beside: ["floor", "null", "unsynced"],
  },
  {
    name: "200k",
    title: "publish 200 KB",
    sizeBytes: 200_003,
    concurrency: 1,
    rounds: 150,
    quickRounds: 30,
    beside: ["floor", "null", "unsynced"],
  },
  {
    name: "5m",
    title: "publish 5 MB",
    sizeBytes: 5_000_011,
    concurrency: 1,
    rounds: 40,
    quickRounds: 10,
    beside: ["floor", "null", "unsynced"],
  },
  // Apart from the others: python3 leaves cold caches behind, null took 7.7 ms beside it and 6.2 without.
  {
    name: "python",
    title: "publish 1 KB beside python3",
    sizeBytes: 997,
    concurrency: 1,
    rounds: 100,
    quickRounds: 10,
    beside: ["floor", "null", "python"],
  },
];

/** The programs that are timed; `python` is null where there is none. */
export type Programs = { offhook: string; null: string; python: string | null };

const WARM_UP_ROUNDS = 3;
const LIMIT_MS = 45_000;

/** Measures one table; at most 45 s. Errors: a program that fails, or that did not store what it was given (1). */
export async function measureTable(
  plan: TablePlan,
  programs: Programs,
  scratch: Scratch,
  recorded: string,
  isQuick: boolean,
): Promise<Table> {
  const home = scratch.makeHome({});
  const spool = join(home, "spool", "new");
  const pythonFiles = join(home, "python");
  const script = join(home, "publisher.py");
  mkdirSync(pythonFiles);
  writeFileSync(script, PYTHON_PUBLISHER);
  const env = scratch.envOf(home);

  const publish = { name: "publish", argv: [programs.offhook, "publish"], env };
  const others = {
    floor: { name: "cat", argv: ["cat"], env },
    null: { name: "null", argv: [programs.null], env },
    unsynced: { name: "publish, no fsync", argv: [...publish.argv, "--durability", "process"], env },
    python: programs.python === null ? null : { name: "python3", argv: [programs.python, script, pythonFiles], env },
  } satisfies Record<Beside, Contestant | null>;
  const stored: Record<string, string> = { publish: spool, [others.unsynced.name]: spool, python3: pythonFiles };
  const lanes = await race({
    contestants: [...plan.beside.map((beside) => others[beside]), publish].filter((one) => one !== null),
    stdin: Buffer.from(payloadsOf(recorded, plan.sizeBytes)(0)),
    rounds: isQuick ? plan.quickRounds : plan.rounds,
    warmUpRounds: WARM_UP_ROUNDS,
    concurrency: plan.concurrency,
    limitMs: LIMIT_MS,
    afterTurn({ name }) {
      const directory = stored[name];
      // Emptied each turn: a directory that grows would make later runs another measurement.
      const files = directory === undefined ? plan.concurrency : empty(directory);
      if (files !== plan.concurrency)
        throw new OffhookError(EXIT.failed, `${name} stored ${files} of ${plan.concurrency} events in ${directory}`);
    },
  });
  const { name, title, sizeBytes, concurrency } = plan;
  return { name, title, sizeBytes, concurrency, summaries: lanes.map(summaryOf) };
}
