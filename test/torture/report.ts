// What is printed of a row: one line, what was found below it, and how to run it again. Pure.
import type { Asked } from "./asked.ts";
import type { Outcome } from "./runner.ts";

const SHOWN = 8;
const SHOWN_LENGTH = 600;

/** The line of a row or a control, and what belongs to it. */
export function linesOf(
  outcome: Outcome,
  { seed, times, isCluster }: Pick<Asked, "seed" | "times" | "isCluster">,
): string[] {
  const { name, kind, title, verdict, reason, findings } = outcome;
  const who = kind === "row" ? name : `${name}, control`;
  const took = `${outcome.seconds.toFixed(1)} s`.padStart(8);
  if (verdict === "skipped") return [`skip ${took}  ${who}: ${title} (reason: ${reason})`];
  const what = `${verdict.padEnd(4)} ${took}  ${who}: ${grouped(outcome.cases)} x ${title}; ${seenOf(outcome)}`;
  if (verdict === "ok") return [what];
  const lines = findings.slice(0, SHOWN).map((finding) => `      ${clipped(finding)}`);
  if (findings.length > SHOWN) lines.push(`      and ${findings.length - SHOWN} more`);
  const again = `./scripts/torture${isCluster ? " --cluster" : ""} --seed ${seed} --only ${name}${times === 1 ? "" : ` --times ${times}`}`;
  return [what, ...lines, `      again: ${again}${kind === "row" ? "" : " --controls"}`];
}

/** "acknowledged 1,312, killed 688"; of a control also how much it caught. */
export function seenOf({ kind, counts, findings }: Pick<Outcome, "kind" | "counts" | "findings">): string {
  const parts = Object.entries(counts).map(([name, count]) => `${name} ${grouped(count)}`);
  if (kind === "control") parts.push(`caught ${grouped(findings.length)}`);
  return parts.join(", ");
}

/** The last line: one for each row, one for each control. */
export function closingLine(outcomes: readonly Pick<Outcome, "verdict">[]): string {
  const count = (verdict: Outcome["verdict"]) => outcomes.filter((outcome) => outcome.verdict === verdict).length;
  return `${count("ok")} passed, ${count("FAIL")} failed, ${count("skipped")} skipped`;
}

/** 1,000,001. */
export function grouped(count: number): string {
  return count.toLocaleString("en-US");
}

function clipped(text: string): string {
  return text.length <= SHOWN_LENGTH ? text : `${text.slice(0, SHOWN_LENGTH)}... (${text.length} characters)`;
}
