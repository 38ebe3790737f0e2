// docs/reliability.md: its text from a run, and what can be read back from it. It has two parts, for one machine and for several, each
// from a run of its own. Pure.
import type { Asked } from "./asked.ts";
import type { Entry } from "./catalogue.ts";
import type { Surroundings } from "./machine.ts";
import { closingLine, grouped, seenOf } from "./report.ts";
import type { Outcome } from "./runner.ts";

export type Told = Surroundings & { asked: Asked; entries: Entry[]; outcomes: Outcome[] };

/** The page, as far as it is about one machine. */
export function reliabilityPage(told: Told): string {
  return `# Reliability

What offhook was put through, and what was left. \`scripts/torture --write\` writes this page; nobody else does.

${surroundingsOf(told)}

A seed plays the same choices again; the moments are the scheduler's. Everything is checked by id, never by count, and sizes are
never powers of two: writes of whole pages hide torn ones.

## Rows

${rowTable(told)}

## Negative controls

Each row's check is shown something wrong on purpose, and must find it.

${controlTable(told)}

## The rows' sources

A hash of each row's file and of what it imports, as they were. Where one differs, \`scripts/torture\` runs the control again.

${hashList(told)}
`;
}

const CLUSTER = "## Several machines";

/** The page's part about several machines, which is a run of its own. */
export function clusterPart(told: Told): string {
  return `${CLUSTER}

Nodes with homes and daemons of their own, on one machine, with a real redis-server. \`scripts/torture --cluster --write\` writes this
part.

${surroundingsOf(told)}

### Rows of several machines

${rowTable(told)}

### Their negative controls

${controlTable(told)}

### Their sources

${hashList(told)}
`;
}

/** A page in which one part is new; the other stays as it was. */
export function pageWith(page: string, part: { machine: string } | { cluster: string }): string {
  const at = page.indexOf(`\n${CLUSTER}\n`);
  const [machine, cluster] = at < 0 ? [page, ""] : [page.slice(0, at), page.slice(at + 1)];
  const parts = { machine, cluster, ...part };
  return parts.cluster === "" ? parts.machine : `${parts.machine.trimEnd()}\n\n${parts.cluster}`;
}

function surroundingsOf({ asked, commit, date, machine, outcomes }: Told): string {
  const mode = asked.isNightly ? "--nightly" : "the counts of a commit, with all controls";
  const times = asked.times === 1 ? "" : `, every count times ${asked.times}`;
  const again = ["./scripts/torture", ...(asked.isCluster ? ["--cluster"] : []), `--seed ${asked.seed}`];
  again.push(asked.isNightly ? "--nightly" : "--controls");
  if (asked.times > 1) again.push(`--times ${asked.times}`);
  return `| | |
|---|---|
| commit | ${commit === null ? "unknown: no git" : `\`${commit.hash}\`${commit.isDirty ? ", with changes that are not committed" : ""}`} |
| date | ${date} |
| machine | ${machine} |
| mode | ${mode}${times} |
| seed | ${asked.seed}; again: \`${again.join(" ")}\` |
| result | ${closingLine(outcomes)} |`;
}

function rowTable({ entries, outcomes }: Told): string {
  const rows = outcomes.filter(({ kind }) => kind === "row");
  const must = new Map(entries.map(({ row }) => [row.name, row.must]));
  return `| row | what is done | must show | cases | seen | s | |
|---|---|---|---:|---|---:|---|
${rows.map((one) => cells([`\`${one.name}\``, one.title, must.get(one.name) ?? "", grouped(one.cases), seen(one), one.seconds.toFixed(0), verdictOf(one)])).join("\n")}`;
}

function controlTable({ outcomes }: Told): string {
  const controls = outcomes.filter(({ kind }) => kind === "control");
  return `| row | what is wrong | cases | seen | s | |
|---|---|---:|---|---:|---|
${controls.map((one) => cells([`\`${one.name}\``, one.title, grouped(one.cases), seen(one), one.seconds.toFixed(0), verdictOf(one)])).join("\n")}`;
}

function hashList({ entries }: Told): string {
  return entries.map(({ row, hash }) => `- \`${row.name}\` ${hash}`).join("\n");
}

/** The sources' hashes of a page, by row. */
export function hashesIn(page: string): Map<string, string> {
  return new Map(
    [...page.matchAll(/^- `([a-z0-9-]+)` ([0-9a-f]{12})$/gm)].map(([, name = "", hash = ""]) => [name, hash]),
  );
}

/** The commits that a page names, one for each of its parts. */
export function commitsIn(page: string): string[] {
  return [...page.matchAll(/^\| commit \| `([0-9a-f]{40})`/gm)].map(([, hash = ""]) => hash);
}

/** The names of the rows that have a line in a page's table of rows, of one machine or of several. */
export function rowsIn(page: string, of: "machine" | "cluster" = "machine"): string[] {
  const found = of === "machine" ? /^## Rows\n([\s\S]*?)^##/m : /^### Rows of several machines\n([\s\S]*?)^##/m;
  const table = found.exec(page)?.[1] ?? "";
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
