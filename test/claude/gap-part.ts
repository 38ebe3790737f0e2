// Part three, a measurement through the benchmark's own part `claude`: how long the agent is away for one Write, tool and hooks
// together, with no hooks, with publish before and after the tool, with a python3 publisher likewise, with a hook that lints and tells
// a channel, and with hooks of a project's own. The figures are printed, never judged: the machine may be busy.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, loadavg } from "node:os";
import { join } from "node:path";
import { type Kind, measureClaude } from "../../src/bench/claude-gap.ts";
import type { UserHook } from "../../src/claude/user-hooks.ts";
import type { Means } from "../../src/measure/means.ts";
import { type Scratch as BenchScratch, makeScratch as makeBenchScratch } from "../../src/measure/scratch.ts";
import type { HookEntry } from "../../src/rehearsal/claude-run.ts";
import { prepareMine } from "../../src/rehearsal/mine.ts";
import type { Claude } from "../../src/report/shape.ts";
import { endTreeInSteps } from "../../src/system/process.ts";
import { run } from "./children.ts";
import type { Report } from "./report.ts";
import type { Tools } from "./tools.ts";

const ROUNDS = 3;
const WRITES = 5;
const LIMIT_MS = 120_000;
const RECORDED = join(import.meta.dir, "..", "fixtures", "claude-code-2.1.329.jsonl");
/** What the project's own hooks cost, in ms, so that they can be told from none. */
const OWN_HOOK_MS = 100;

let scratch: BenchScratch | null = null;

/** Measures, and checks what can be told of it whatever the machine does: who was measured how often, and that hooks fired. */
export async function measureGaps(tools: Tools, report: Report): Promise<Claude> {
  scratch = makeBenchScratch();
  const means: Means = {
    offhook: tools.offhook,
    scratch,
    recorded: readFileSync(RECORDED, "utf8"),
    progress: () => undefined,
  };
  const python = await findPython(tools);
  const publish: HookEntry = { type: "command", command: tools.offhook, args: ["publish"], timeout: 5 };
  const project = makeProject(tools.root);
  const mine = await prepareMine(
    { project, hooks: OWN_HOOKS, env: { HOME: tools.root, PATH: "/usr/bin:/bin" } },
    means,
  );
  const measured = await measureClaude(
    {
      claude: tools.claude,
      writes: WRITES,
      rounds: ROUNDS,
      limitMs: LIMIT_MS,
      publish: () => publish,
      mine,
      beside: python === null ? [] : [pythonKind(python, scratch)],
      endAll: (entries) => endTreeInSteps(null, 2000, entries),
    },
    means,
  );
  report.check("each kind of hook is measured as often as was asked for", countsOf(measured));
  report.check("hooks of a project's own fire in its copy, before and after each Write, and nowhere else", [
    ...ownHooksFired(mine.home),
    ...(readdirSync(project).join() === "cart.py" ? [] : [`in the project: ${readdirSync(project).join()}`]),
  ]);
  report.check("what they cost is seen", ownHooksSeen(measured));
  return measured;
}

/** Removes what the measurement has made, and ends what it has started; can be called at any time. */
export function endGaps(): void {
  scratch?.end();
}

const OWN_HOOKS: UserHook[] = ["PreToolUse", "PostToolUse"].map((event) => ({
  event,
  matcher: "Write",
  command: `sleep ${OWN_HOOK_MS / 1000}; cat >>~/${event}`,
  args: null,
  timeoutS: 10,
  condition: null,
  isAsync: false,
  source: "user",
}));

function makeProject(root: string): string {
  const project = join(root, "a project with hooks");
  mkdirSync(project);
  writeFileSync(join(project, "cart.py"), "items = []\n");
  return project;
}

function countsOf({ kinds, rounds, writes }: Claude): string[] {
  const wanted = rounds * writes;
  const problems = kinds.filter(({ gaps }) => gaps.runs !== wanted).map(({ name, gaps }) => `${name}: ${gaps.runs}`);
  if (rounds === 0 || writes !== WRITES) problems.push(`${rounds} rounds of ${writes} Writes`);
  const names = kinds.map(({ name }) => name);
  for (const name of ["no hooks", "publish", "your hooks"]) if (!names.includes(name)) problems.push(`no "${name}"`);
  return problems;
}

/** One payload a line: the one of being tried, then one for each Write. */
function ownHooksFired(home: string): string[] {
  const writes = ROUNDS * (WRITES + 1);
  return OWN_HOOKS.flatMap(({ event }) => {
    const file = join(home, event);
    const lines = existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
    return lines.length === 1 + writes ? [] : [`${event} fired ${lines.length - 1} times at ${writes} Writes`];
  });
}

function ownHooksSeen({ kinds }: Claude): string[] {
  const own = kinds.find(({ name }) => name === "your hooks");
  const leastMs = Math.min(...(own?.gaps.timesMs ?? []));
  return leastMs >= 2 * OWN_HOOK_MS ? [] : [`a Write took ${leastMs} ms, and its two hooks ${OWN_HOOK_MS} ms each`];
}

function pythonKind(python: string, { path }: BenchScratch): Kind {
  const files = join(path, "recordings");
  mkdirSync(files);
  const args = [join(import.meta.dir, "publisher.py"), files];
  const hooks = [{ hooks: [{ type: "command" as const, command: python, args, timeout: 10 }] }];
  const what = "a python3 publisher before and after each Write";
  return { name: "python publisher", what, hooks: { PreToolUse: hooks, PostToolUse: hooks } };
}

/** How busy the machine was in the last minute: without it the figures say little. */
export function measuredOn(): { loadAverage: number; cores: number } {
  return { loadAverage: Math.round((loadavg()[0] ?? 0) * 10) / 10, cores: availableParallelism() };
}

/** The table for eyes: median and ninth decile, and what the hooks add to the median of "no hooks". */
export function gapTable({ kinds }: Claude): string[] {
  const ms = (value: number) => `${value.toFixed(1)} ms`.padStart(10);
  const { loadAverage, cores } = measuredOn();
  return [
    `  ${"hooks".padEnd(24)}${"median".padStart(10)}${"p90".padStart(10)}${"added".padStart(10)}   Writes`,
    ...kinds.map(({ name, gaps, addedMs }) => {
      const columns = ms(gaps.p50Ms) + ms(gaps.p90Ms) + ms(addedMs.value);
      return `  ${name.padEnd(24)}${columns}   ${gaps.runs}`;
    }),
    `  load average ${loadAverage.toFixed(1)} on ${cores} cores`,
  ];
}

/** The same as one line of JSON, times in ms. */
export function gapJson({ kinds }: Claude): string {
  const round = (value: number) => Math.round(value * 10) / 10;
  return JSON.stringify({
    ...measuredOn(),
    gap: kinds.map(({ name, gaps }) => ({
      hook: name,
      medianMs: round(gaps.p50Ms),
      p90Ms: round(gaps.p90Ms),
      writes: gaps.runs,
    })),
  });
}

/**
 * A bare interpreter: that of the system where there is one, else what a version manager's script in PATH leads to.
 * What such an installation loads at each start would be measured otherwise. Null: no python3 here.
 */
async function findPython(tools: Tools): Promise<string | null> {
  const python = Bun.which("python3", { PATH: "/usr/bin" }) ?? Bun.which("python3");
  if (python === null) return null;
  const home = join(tools.root, "python");
  mkdirSync(home);
  const env = { HOME: home, PATH: process.env.PATH ?? "/usr/bin:/bin" };
  const told = await run([python, "-c", "import sys; print(sys.executable)"], { cwd: home, env, timeoutMs: 10_000 });
  return told.exitCode === 0 ? told.stdout.trim() : null;
}
