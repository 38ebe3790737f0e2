// docs/reliability.md: its text from a run, and what can be read back from it. Pure.
import type { Asked } from "./asked.ts";
import type { Entry } from "./catalogue.ts";
import type { Surroundings } from "./machine.ts";
import { closingLine, grouped, seenOf } from "./report.ts";
import type { Outcome } from "./runner.ts";

export type Told = Surroundings & { asked: Asked; entries: Entry[]; outcomes: Outcome[] };

/** The page. */
export function reliabilityPage({ asked, commit, date, machine, entries, outcomes }: Told): string {
  const mode = asked.isNightly ? "--nightly" : "the counts of a commit, with all controls";
  const times = asked.times === 1 ? "" : `, every count times ${asked.times}`;
  const rows = outcomes.filter(({ kind }) => kind === "row");
  const controls = outcomes.filter(({ kind }) => kind === "control");
  const again = ["./scripts/torture", `--seed ${asked.seed}`, asked.isNightly ? "--nightly" : "--controls"];
  if (asked.times > 1) again.push(`--times ${asked.times}`);
  const must = new Map(entries.map(({ row }) => [row.name, row.must]));
  return `# Reliability

What offhook was put through, and what was left. \`scripts/torture --write\` writes this page; nobody else does.

| | |
|---|---|
| commit | ${commit === null ? "unknown: no git" : `\`${commit.hash}\`${commit.isDirty ? ", with changes that are not committed" : ""}`} |
| date | ${date} |
| machine | ${machine} |
| mode | ${mode}${times} |
| seed | ${asked.seed}; again: \`${again.join(" ")}\` |
| result | ${closingLine(outcomes)} |

A seed plays the same choices again; the moments are the scheduler's. Everything is checked by id, never by count, and sizes are
never powers of two: writes of whole pages hide torn ones.

## Rows

| row | what is done | must show | cases | seen | s | |
|---|---|---|---:|---|---:|---|
${rows.map((one) => cells([`\`${one.name}\``, one.title, must.get(one.name) ?? "", grouped(one.cases), seen(one), one.seconds.toFixed(0), verdictOf(one)])).join("\n")}

## Negative controls

Each row's check is shown something wrong on purpose, and must find it.

| row | what is wrong | cases | seen | s | |
|---|---|---:|---|---:|---|
${controls.map((one) => cells([`\`${one.name}\``, one.title, grouped(one.cases), seen(one), one.seconds.toFixed(0), verdictOf(one)])).join("\n")}

## The rows' sources

A hash of each row's file and of what it imports, as they were. Where one differs, \`scripts/torture\` runs the control again.

${entries.map(({ row, hash }) => `- \`${row.name}\` ${hash}`).join("\n")}
`;
}

/** The sources' hashes of a page, by row. */
export function hashesIn(page: string): Map<string, string> {
  return new Map(
    [...page.matchAll(/^- `([a-z0-9-]+)` ([0-9a-f]{12})$/gm)].map(([, name = "", hash = ""]) => [name, hash]),
  );
}

/** The commit that a page names; null: none. */
export function commitIn(page: string): string | null {
  return /^\| commit \| `([0-9a-f]{40})`/m.exec(page)?.[1] ?? null;
}

/** The names of the rows that have a line in a page's table of rows. */
export function rowsIn(page: string): string[] {
  const table = /^## Rows\n([\s\S]*?)^## /m.exec(page)?.[1] ?? "";
  return [...table.matchAll(/^\| `([a-z0-9-]+)` \|/gm)].map(([, name = ""]) => name);
}

function seen(outcome: Outcome): string {
  return outcome.verdict === "skipped" ? `not run: ${outcome.reason}` : seenOf(outcome);
}

function verdictOf({ kind, verdict }: Outcome): string {
  if (verdict !== "ok") return verdict;
  return kind === "row" ? "held" : "caught";
}

function cells(texts: string[]): string {
  return `| ${texts.map((text) => text.replaceAll("|", "\\|")).join(" | ")} |`;
}
