// What publish may cost, as one table, and the judging of what was measured, publish or not, with a second and a third try. What
// delivery may cost is said where it is measured (comparison.ts judges it). Pure: measuring again is handed in.
//
// Aims are ratios to a program of the same build in the same run, because milliseconds of one machine say nothing of
// another. What an aim allows above the other program is multiplied by SLACK for a noisy machine, and a check that fails
// is measured again: it passes when one of TRIES tries passes.
import type { Table } from "./publish-tables.ts";

/** At most `factor` x the other's figure + `plusMs`; or at least `times` x faster than the other. */
type Aim = { kind: "beside"; factor: number; plusMs: number } | { kind: "faster"; times: number };
export type Limit = { table: string; figure: "p50" | "p99"; other: "null" | "python3"; aim: Aim };

export const SLACK = 1.5;
export const TRIES = 3;

export const LIMITS: readonly Limit[] = [
  { table: "1k", figure: "p50", other: "null", aim: { kind: "beside", factor: 1, plusMs: 2 } },
  { table: "1k", figure: "p99", other: "null", aim: { kind: "beside", factor: 1, plusMs: 8 } },
  { table: "1k-16", figure: "p50", other: "null", aim: { kind: "beside", factor: 1.3, plusMs: 0 } },
  { table: "200k", figure: "p50", other: "null", aim: { kind: "beside", factor: 1, plusMs: 2 } },
  // null parses what publish brings to the disk. Here (ext4 on a virtual disk) publish took 20 ms and null 45.
  { table: "5m", figure: "p50", other: "null", aim: { kind: "beside", factor: 1, plusMs: 4 } },
  { table: "python", figure: "p50", other: "python3", aim: { kind: "faster", times: 2 } },
];

/** How one check ended; `text` says the figures and the limit, of the best try. `ratio`: what it took to what it may take (0: skipped). */
export type Verdict = { state: "passed" | "failed" | "skipped"; text: string; ratio: number; tries: number };

/** Judges one limit on its table. Skipped only where the other program does not exist on this machine. */
export function judge(limit: Limit, table: Table): Verdict {
  const figureOf = (name: string) => {
    const summary = table.summaries.find((one) => one.name === name);
    return summary === undefined ? null : limit.figure === "p50" ? summary.p50Ms : summary.p99Ms;
  };
  const title = `${table.title} ${limit.figure}`;
  const ours = figureOf("publish");
  const other = figureOf(limit.other);
  if (ours === null) throw new Error(`the table ${table.name} has no publish`);
  if (other === null)
    return { state: "skipped", text: `${title}: no ${limit.other} on this machine`, ratio: 0, tries: 1 };

  const allowedMs = allowed(limit.aim, other);
  // Not `ours > allowedMs`: NaN must not pass.
  const passed = ours <= allowedMs;
  const relation = `${ours.toFixed(1)} ms ${passed ? "<=" : ">"} ${allowedMs.toFixed(1)} ms`;
  const text = `${title}: ${relation} = ${inWords(limit, other)}`;
  return { state: passed ? "passed" : "failed", text, ratio: ours / allowedMs, tries: 1 };
}

/** Judges all limits whose table or part was measured; measures it again, up to TRIES times in all, for those that fail. */
export async function judgeAll<L extends { table: string }, M extends { name: string }>(
  limits: readonly L[],
  measured: readonly M[],
  judgeOne: (limit: L, measured: M) => Verdict,
  again: (measured: M) => Promise<M>,
): Promise<Verdict[]> {
  const verdicts = new Map<L, Verdict>();
  for (const first of measured) {
    const open = new Set(limits.filter((limit) => limit.table === first.name));
    for (let tries = 1, now = first; open.size > 0; tries++) {
      for (const limit of open) {
        const verdict = judgeOne(limit, now);
        verdicts.set(limit, { ...better(verdicts.get(limit), verdict), tries });
        if (verdict.state !== "failed") open.delete(limit);
      }
      if (tries === TRIES) break;
      if (open.size > 0) now = await again(first);
    }
  }
  return limits.flatMap((limit) => verdicts.get(limit) ?? []);
}

function better(before: Verdict | undefined, now: Verdict): Verdict {
  return before !== undefined && before.ratio < now.ratio ? before : now;
}

/** The most that publish may take, in ms, when the other program takes `otherMs`; slack included. */
function allowed(aim: Aim, otherMs: number): number {
  switch (aim.kind) {
    case "beside":
      return otherMs * (1 + (aim.factor - 1) * SLACK) + aim.plusMs * SLACK;
    case "faster":
      return (otherMs / aim.times) * SLACK;
    default:
      return aim satisfies never;
  }
}

function inWords({ aim, other }: Limit, otherMs: number): string {
  const base = `${other} ${otherMs.toFixed(1)}`;
  switch (aim.kind) {
    case "beside": {
      const factor = aim.factor === 1 ? "" : ` + ${Math.round((aim.factor - 1) * 100)} % x ${SLACK}`;
      const plus = aim.plusMs === 0 ? "" : ` + ${aim.plusMs} ms x ${SLACK}`;
      return `${base}${factor}${plus}`;
    }
    case "faster":
      return `${base} / ${aim.times} x ${SLACK}`;
    default:
      return aim satisfies never;
  }
}
