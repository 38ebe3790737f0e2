// Part three, a measurement: how long the agent is away for one Write, tool and hooks together, with no hooks, with
// publish before and after the tool, with a python3 publisher likewise, and with one hook that works for 0.3 s.
// Printed, never judged: the machine may be busy. The runs of the hooks take turns, so that a slow minute hits all of
// them.
import { mkdirSync } from "node:fs";
import { availableParallelism, loadavg } from "node:os";
import { join } from "node:path";
import { run } from "./children.ts";
import { type Hook, type Hooks, play } from "./claude.ts";
import { startDaemon, writeConsumers } from "./offhook.ts";
import { makeScratch, type Scratch } from "./scratch.ts";
import { writesScript } from "./script.ts";
import { gapsMs } from "./scripted-api.ts";
import { publishHook, type Tools, WORKER_SCRIPT } from "./tools.ts";

/** One row: the gaps of one kind of hook in ms, sorted. */
export type GapRow = { hook: string; gapsMs: number[] };

const ROUNDS = 3;
const WRITES = 6;

/** Plays ROUNDS x WRITES Writes for each kind of hook; the first Write of a session warms up and does not count. */
export async function measureGaps(tools: Tools): Promise<GapRow[]> {
  const python = await findPython(tools);
  const kinds: { hook: string; hooksFor(scratch: Scratch): Hooks }[] = [
    { hook: "no hooks", hooksFor: () => ({}) },
    { hook: "offhook publish, before and after", hooksFor: () => beforeAndAfter(publishHook(tools)) },
    { hook: "a sleep of 0.3 s, after", hooksFor: () => ({ PostToolUse: [{ command: "/bin/sleep", args: ["0.3"] }] }) },
  ];
  if (python !== null) {
    const args = (scratch: Scratch) => [join(import.meta.dir, "publisher.py"), scratch.recordings];
    const hooksFor = (scratch: Scratch) => beforeAndAfter({ command: python, args: args(scratch) });
    kinds.splice(2, 0, { hook: "a python3 publisher, before and after", hooksFor });
  }

  const rows: GapRow[] = kinds.map(({ hook }) => ({ hook, gapsMs: [] }));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [index, kind] of kinds.entries()) {
      const scratch = await makeScratch(tools.root, `gap ${round} ${index}`);
      writeConsumers(scratch, WORKER_SCRIPT);
      // As in use: the daemon takes events in, and a worker runs after each Write, while the agent goes on.
      const daemon = startDaemon({ binary: tools.offhook, scratch, env: {} });
      const played = await play(tools.claude, scratch, writesScript(scratch.project, WRITES), kind.hooksFor(scratch));
      await daemon.end(5000);
      rows[index]?.gapsMs.push(...gapsMs(played.requests).slice(1, WRITES));
    }
  }
  for (const row of rows) row.gapsMs.sort((a, b) => a - b);
  return rows;
}

/** How busy the machine was in the last minute: without it the figures say little. */
export function measuredOn(): { loadAverage: number; cores: number } {
  return { loadAverage: Math.round((loadavg()[0] ?? 0) * 10) / 10, cores: availableParallelism() };
}

/** The table for eyes: median and ninth decile, and what the hook adds to the median of "no hooks". */
export function gapTable(rows: readonly GapRow[]): string[] {
  const bareMs = quantile(rows[0]?.gapsMs ?? [], 0.5);
  const ms = (value: number) => `${value.toFixed(1)} ms`.padStart(10);
  const { loadAverage, cores } = measuredOn();
  return [
    `  ${"hook".padEnd(40)}${"median".padStart(10)}${"p90".padStart(10)}${"added".padStart(10)}   Writes`,
    ...rows.map(({ hook, gapsMs }) => {
      const medianMs = quantile(gapsMs, 0.5);
      const columns = ms(medianMs) + ms(quantile(gapsMs, 0.9)) + ms(medianMs - bareMs);
      return `  ${hook.padEnd(40)}${columns}   ${gapsMs.length}`;
    }),
    `  load average ${loadAverage.toFixed(1)} on ${cores} cores`,
  ];
}

/** The same as one line of JSON, times in ms. */
export function gapJson(rows: readonly GapRow[]): string {
  const round = (value: number) => Math.round(value * 10) / 10;
  return JSON.stringify({
    ...measuredOn(),
    gap: rows.map(({ hook, gapsMs }) => ({
      hook,
      medianMs: round(quantile(gapsMs, 0.5)),
      p90Ms: round(quantile(gapsMs, 0.9)),
      writes: gapsMs.length,
    })),
  });
}

function beforeAndAfter(hook: Hook): Hooks {
  return { PreToolUse: [hook], PostToolUse: [hook] };
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

function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}
