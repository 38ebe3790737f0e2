// The benchmark as people call it (through scripts/bench): what to measure, in which order, and how it ends.
// The measuring is src/bench, the words are bench-print.ts.
import { readFileSync } from "node:fs";
import { hostname, loadavg } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { EXIT, type ExitCode, messageOf, OffhookError } from "../src/errors.ts";
import { judge, judgeAll, LIMITS, type Verdict } from "../src/limits/checks.ts";
import { type Compared, judgeRow } from "../src/limits/comparison.ts";
import { COMPARED, partsOf } from "../src/limits/parts.ts";
import { measureTable, type Programs, TABLES, type Table } from "../src/limits/publish-tables.ts";
import { ROUGH, THOROUGH } from "../src/measure/idle.ts";
import { type Intake, type IntakePlan, measureIntake } from "../src/measure/intake.ts";
import { type Latency, measureLatency } from "../src/measure/latency.ts";
import { machineFacts } from "../src/measure/machine-facts.ts";
import { findPython } from "../src/measure/python.ts";
import { makeScratch, type Scratch } from "../src/measure/scratch.ts";
import { comparedLines, daemonLines, publishLines, verdictLines } from "./bench-print.ts";

const USAGE = `usage: scripts/bench [--check] [--quick] [--json] [--only NAME,...]

Times whole processes in turns, beside a control that only reads and parses, and looks at the daemon: how fast it takes in and
delivers, and what many consumers, many deliveries and many events cost it.

  --check   judge publishing and delivering by their limits; exit 1 when one does not hold (best of 3)
  --quick   fewer runs, smaller backlogs and ledgers: rougher figures
  --json    one object of JSON instead of tables
  --only    some parts only: PARTS`;

const ROOT = resolve(import.meta.dir, "..");
const RECORDED = join(ROOT, "test/fixtures/claude-code-2.1.329.jsonl");
const PARTS = [...TABLES.map(({ name }) => name), "latency", "intake", ...COMPARED];

const OPTIONS = {
  check: { type: "boolean" },
  quick: { type: "boolean" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
  only: { type: "string" },
  // For its own tests: other programs than those of dist/.
  offhook: { type: "string", default: join(ROOT, "dist/offhook") },
  null: { type: "string", default: join(ROOT, "dist/offhook-null") },
} as const;

async function main(argv: string[]): Promise<ExitCode> {
  const values = valuesOf(argv);
  if (values.help) {
    console.log(USAGE.replace("PARTS", PARTS.join(", ")));
    return EXIT.ok;
  }
  const parts = values.only?.split(",") ?? PARTS;
  const unknown = parts.find((part) => !PARTS.includes(part));
  if (unknown !== undefined)
    throw new OffhookError(EXIT.usage, `no part "${unknown}"`, `there are: ${PARTS.join(", ")}`);
  const judged: string[] = [...LIMITS.map(({ table }) => table), ...COMPARED];
  if (values.check && !judged.some((name) => parts.includes(name)))
    throw new OffhookError(
      EXIT.usage,
      `nothing to check in ${parts.join(", ")}`,
      `scripts/bench --only ${values.only}`,
    );

  const programs = { offhook: resolve(values.offhook), null: resolve(values.null), python: findPython() };
  const scratch = makeScratch();
  const leave = (signal: NodeJS.Signals) => {
    scratch.end();
    process.kill(process.pid, signal);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, leave);
  try {
    return await measure({
      parts,
      programs,
      scratch,
      isQuick: values.quick === true,
      isJson: values.json === true,
      isCheck: values.check === true,
    });
  } finally {
    scratch.end();
  }
}

function valuesOf(argv: string[]) {
  try {
    return parseArgs({ args: argv, options: OPTIONS }).values;
  } catch (error) {
    throw new OffhookError(EXIT.usage, messageOf(error), "scripts/bench --help");
  }
}

type Options = {
  parts: string[];
  programs: Programs;
  scratch: Scratch;
  isQuick: boolean;
  isJson: boolean;
  isCheck: boolean;
};

async function measure({ parts, programs, scratch, isQuick, isJson, isCheck }: Options): Promise<ExitCode> {
  const say = (lines: string[]) => {
    if (!isJson && lines.length > 0) console.log(`${lines.join("\n")}\n`);
  };
  const recorded = readFileSync(RECORDED, "utf8");
  const machine = machineOf(scratch);
  say(machineLines(machine));

  const tables: Table[] = [];
  for (const plan of TABLES) {
    if (!parts.includes(plan.name)) continue;
    const table = await measureTable(plan, programs, scratch, recorded, isQuick);
    say(publishLines(table));
    tables.push(table);
  }
  const verdicts: Verdict[] = !isCheck
    ? []
    : await judgeAll(LIMITS, tables, judge, async ({ name }) => {
        const plan = TABLES.find((one) => one.name === name);
        if (plan === undefined) throw new Error(`no table ${name}`);
        const table = await measureTable(plan, programs, scratch, recorded, isQuick);
        say(["measured again:", ...publishLines(table)]);
        return table;
      });

  const idle = isQuick ? ROUGH : THOROUGH;
  const latency: Latency | null = parts.includes("latency")
    ? await measureLatency({ events: isQuick ? 40 : 200, idle }, programs.offhook, scratch, recorded)
    : null;
  const intakes: Intake[] = [];
  const events = isQuick ? 10_007 : 100_003;
  const plans: IntakePlan[] = [
    { events, consumers: 0, idle: null },
    { events, consumers: 3, idle },
  ];
  for (const plan of parts.includes("intake") ? plans : []) {
    intakes.push(await measureIntake(plan, programs.offhook, scratch, recorded));
  }
  say(daemonLines(latency, intakes));

  const measures = partsOf({ offhook: programs.offhook, scratch, recorded, isQuick });
  const compared: Compared[] = [];
  for (const name of COMPARED) {
    if (!parts.includes(name)) continue;
    const part = await measures[name]();
    say(comparedLines(part));
    compared.push(part);
  }
  if (isCheck) verdicts.push(...(await judgeCompared(compared, measures, say)));

  if (isJson) console.log(JSON.stringify({ machine, tables, latency, intakes, compared, checks: verdicts }));
  if (isCheck && !isJson) console.log(verdictLines(verdicts).join("\n"));
  return verdicts.some(({ state }) => state === "failed") ? EXIT.failed : EXIT.ok;
}

function judgeCompared(
  compared: readonly Compared[],
  measures: ReturnType<typeof partsOf>,
  say: (lines: string[]) => void,
): Promise<Verdict[]> {
  const limits = compared.flatMap(({ name, rows }) => rows.map(({ figure }) => ({ table: name, figure })));
  const judgeFigure = ({ figure }: (typeof limits)[number], part: Compared) => {
    const row = part.rows.find((one) => one.figure === figure);
    if (row === undefined) throw new Error(`${part.name} has no ${figure}`);
    return judgeRow(part, row);
  };
  return judgeAll(limits, compared, judgeFigure, async ({ name }) => {
    const part = await measures[name]();
    say(["measured again:", ...comparedLines(part)]);
    return part;
  });
}

/** What was measured on, how busy it was before, and where the scratch files lay. */
function machineOf(scratch: Scratch) {
  return { ...machineFacts(hostname(), scratch), load1: loadavg()[0] ?? 0, scratch: scratch.path };
}

function machineLines({
  platform,
  cores,
  cpu,
  load1,
  scratch,
  disk,
  isRealDisk,
}: ReturnType<typeof machineOf>): string[] {
  return [
    `${platform}, ${cores} cores${cpu === null ? "" : ` (${cpu})`}, load ${load1.toFixed(1)} at the start; scratch files in ${scratch} (${disk ?? "file system unknown"})`,
    ...(isRealDisk
      ? []
      : [
          "no disk found for the scratch files: they are in memory, so fsync costs nothing and publish looks better than it is",
        ]),
  ];
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof OffhookError)) throw error;
  console.error(`error: ${error.message}${error.hint === null ? "" : `\ntry: ${error.hint}`}`);
  process.exitCode = error.exitCode;
}
