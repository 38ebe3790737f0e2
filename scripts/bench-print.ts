// What the benchmark says to people: tables and lines. It measures and judges nothing.

import { table as alignedTable } from "../src/cli/print.ts";
import type { Verdict } from "../src/limits/checks.ts";
import { aimText, type Compared, inRelation, inUnit, isMet, relationOf } from "../src/limits/comparison.ts";
import type { Table } from "../src/limits/publish-tables.ts";
import type { Idle } from "../src/measure/idle.ts";
import type { Intake } from "../src/measure/intake.ts";
import type { Latency } from "../src/measure/latency.ts";
import type { Memory } from "../src/measure/process-figures.ts";
import { percentile } from "../src/report/statistics.ts";

const FLOOR_NAME = "cat (the measuring itself)";

/** The lines of one table of publish; the last column is the distance to null. */
export function publishLines(table: Table): string[] {
  const nullP50Ms = table.summaries.find(({ name }) => name === "null")?.p50Ms ?? Number.NaN;
  const title = `${table.title}, ms`;
  const numbers = ["runs", "p50", "p99", "max", "p50 over null"];
  const rows = table.summaries.map(({ name, runs, p50Ms, p99Ms, maxMs }) => {
    const over =
      name !== "null" && name !== "cat" ? `${p50Ms < nullP50Ms ? "" : "+"}${(p50Ms - nullP50Ms).toFixed(1)}` : "";
    return [`  ${name === "cat" ? FLOOR_NAME : name}`, String(runs), ms(p50Ms), ms(p99Ms), ms(maxMs), over];
  });
  return alignedTable([title.padEnd(30), ...numbers], rows, numbers);
}

/** One line of the daemon's table: aims are shown, not asserted. */
type Row = { figure: string; measured: string; aim?: { text: string; isMet: boolean } };

/** The lines about the daemon: from publish to worker, intake, memory, idling. */
export function daemonLines(latency: Latency | null, intakes: readonly Intake[]): string[] {
  const rows = [...(latency === null ? [] : latencyRows(latency)), ...intakes.flatMap(intakeRows)];
  if (rows.length === 0) return [];
  const cells = rows.map(({ figure, measured, aim }) => [
    `  ${figure}`,
    measured,
    aim === undefined ? "" : `${aim.text}${aim.isMet ? "" : "  (missed)"}`,
  ]);
  return alignedTable(["daemon", "measured", "aim (not asserted)"], cells);
}

function latencyRows({ timesMs, idle }: Latency): Row[] {
  const figure = "start of publish to start of worker";
  if (timesMs === null)
    return [
      { figure, measured: "not measured: this system's date has no nanoseconds" },
      ...idleRows(idle, "a small home"),
    ];
  const p50Ms = percentile(timesMs, 50);
  const p99Ms = percentile(timesMs, 99);
  const measured = `p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms (${timesMs.length} events)`;
  return [{ figure, measured, aim: { text: "p50 under 15 ms", isMet: p50Ms < 15 } }, ...idleRows(idle, "a small home")];
}

function intakeRows({ consumers, events, perSecond, tookMs, left, settled, memory, idle }: Intake): Row[] {
  const beside = consumers === 0 ? "no consumer" : `${consumers} consumers`;
  const rows: Row[] = [
    {
      figure: `intake of ${whole(events)} events, ${beside}`,
      measured: `${whole(perSecond)} events/s (${seconds(tookMs)}${unfinished(left)})`,
      aim: { text: "20,000 events/s and more", isMet: perSecond >= 20_000 },
    },
  ];
  if (settled !== null) {
    const took = `${seconds(settled.tookMs)}${unfinished(settled.left)}`;
    rows.push({
      figure: `deliveries of builtin none, ${beside}`,
      measured: `${whole(settled.perSecond)} deliveries/s (${took})`,
    });
  }
  rows.push({ figure: `memory after that, ${beside}`, measured: memoryText(memory), aim: memoryAim(memory) });
  return idle === null ? rows : [...rows, ...idleRows(idle, `after that, ${beside}`)];
}

function unfinished(left: number): string {
  return left === 0 ? "" : `, ${whole(left)} left when the time was up`;
}

function idleRows({ lookedMs, cpuMs, memory }: Idle, where: string): Row[] {
  const figure = `processor idle over ${(lookedMs / 1000).toFixed(0)} s, ${where}`;
  const processor: Row =
    cpuMs === null
      ? { figure, measured: "not measured: this system has no /proc" }
      : {
          figure,
          measured: `${((cpuMs / lookedMs) * 100).toFixed(2)} % of a core (${cpuMs} ms)`,
          aim: { text: "under 0.2 %", isMet: cpuMs / lookedMs < 0.002 },
        };
  return [{ figure: `memory idle, ${where}`, measured: memoryText(memory), aim: memoryAim(memory) }, processor];
}

/** The table of a part: a line each comparison, with the limit as it is, without slack. */
export function comparedLines({ title, baseName, measuredName, rows }: Compared): string[] {
  const numbers = [baseName, measuredName, "relation"];
  const cells = rows.map((row) => [
    `  ${row.figure}`,
    ...(row.measured === null
      ? ["", "", "not to be seen here"]
      : [inUnit(row.base, row.unit), inUnit(row.measured, row.unit), inRelation(row, relationOf(row))]),
    `${aimText(row)}${row.measured === null || isMet(row) ? "" : "  (missed)"}`,
  ]);
  return alignedTable([title, ...numbers, "limit"], cells, numbers);
}

/** One line a check, and the count that ends the output. */
export function verdictLines(verdicts: readonly Verdict[]): string[] {
  const words = { passed: "ok  ", failed: "FAIL", skipped: "skip" };
  const count = (state: Verdict["state"]) => verdicts.filter((verdict) => verdict.state === state).length;
  const after = ({ state, tries }: Verdict) =>
    tries === 1 ? "" : state === "failed" ? `  (best of ${tries})` : `  (try ${tries})`;
  return [
    ...verdicts.map((verdict) => `${words[verdict.state]} ${verdict.text}${after(verdict)}`),
    `${count("passed")} passed, ${count("failed")} failed, ${count("skipped")} skipped`,
  ];
}

function memoryText({ rssKib, privateKib, peakRssKib }: Memory): string {
  const more = [
    privateKib === null ? "private not readable here" : `${mib(privateKib)} private`,
    peakRssKib === null ? null : `peak ${mib(peakRssKib)}`,
  ];
  return `${mib(rssKib)} (${more.filter((part) => part !== null).join(", ")})`;
}

function memoryAim({ rssKib }: Memory): { text: string; isMet: boolean } {
  return { text: "under 100 MiB", isMet: rssKib < 100 * 1024 };
}

/** Wide enough that the tables below one another line up. */
function ms(value: number): string {
  return value.toFixed(1).padStart(6);
}

function mib(kib: number): string {
  return `${(kib / 1024).toFixed(0)} MiB`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function whole(value: number): string {
  return Math.round(value).toLocaleString("en");
}
