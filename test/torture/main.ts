// scripts/torture: the rows in order, each with its control where that is due, a line for each, the counts as the last line.
// The first argument is the binary; the rest is read by asked.ts. Bounded: what is not done in time is a failure.
import { copyFileSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Asked, askedBy, USAGE } from "./asked.ts";
import { allRows, type Entry } from "./catalogue.ts";
import { surroundings } from "./machine.ts";
import { clusterPart, hashesIn, pageWith, reliabilityPage } from "./reliability.ts";
import { closingLine, linesOf } from "./report.ts";
import { type Outcome, runOne } from "./runner.ts";

const ROOT = resolve(import.meta.dir, "..", "..");
const PAGE = join(ROOT, "docs", "reliability.md");
/** For a row with the counts of a commit, or a control. */
const LIMIT_MS = 300_000;

const [binary = "", ...words] = process.argv.slice(2);
const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stop.abort(signal));

async function main(): Promise<number> {
  if (words.includes("--help") || words.includes("-h")) return say(USAGE, 0);
  const asked = askedBy(words, String(crypto.getRandomValues(new Uint32Array(1))[0]));
  if (typeof asked === "string") return say(`error: ${asked}\n\n${USAGE}`, 64);
  const entries = await allRows(asked.isCluster ? "cluster" : "machine");
  const unknown = asked.only?.find((name) => !entries.some(({ row }) => row.name === name));
  if (unknown !== undefined) return say(`error: no row ${unknown}\ntry: scripts/torture --list`, 66);
  if (asked.list) {
    for (const { row } of entries) console.log(`${row.name.padEnd(20)} ${row.cases} x ${row.title}`);
    return 0;
  }
  return await torture(asked, entries);
}

async function torture(asked: Asked, entries: Entry[]): Promise<number> {
  console.log(`seed ${asked.seed}${asked.times === 1 ? "" : `, ${asked.times} times the cases of a commit`}`);
  const page = pageOfLastTime();
  const recorded = hashesIn(page);
  const place = realpathSync(mkdtempSync(join(tmpdir(), "offhook-torture-binary-")));
  const outcomes: Outcome[] = [];
  try {
    const copy = join(place, "offhook");
    copyFileSync(resolve(ROOT, binary), copy);
    for (const { row, hash } of entries) {
      if (asked.only !== null && !asked.only.includes(row.name)) continue;
      const kinds: Outcome["kind"][] = ["row"];
      if (asked.controls || recorded.get(row.name) !== hash) kinds.push("control");
      for (const kind of stop.signal.aborted ? [] : kinds) {
        const outcome = await runOne(row, {
          kind,
          binary: copy,
          seed: asked.seed,
          times: asked.times,
          limitMs: LIMIT_MS * (kind === "row" ? asked.times : 1),
          print: console.log,
          signal: stop.signal,
        });
        outcomes.push(outcome);
        for (const line of linesOf(outcome, asked)) console.log(line);
      }
    }
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
  const ofMachine = surroundings(ROOT, realpathSync(tmpdir()));
  if (asked.json) console.log(JSON.stringify({ seed: asked.seed, times: asked.times, ...ofMachine, outcomes }));
  const hasFailed = outcomes.some(({ verdict }) => verdict === "FAIL");
  if (asked.write && !stop.signal.aborted) {
    const told = { asked, ...ofMachine, entries, outcomes };
    writeFileSync(
      PAGE,
      pageWith(page, asked.isCluster ? { cluster: clusterPart(told) } : { machine: reliabilityPage(told) }),
    );
    console.log("docs/reliability.md is written");
  }
  console.log(closingLine(outcomes));
  return hasFailed || outcomes.length === 0 ? 1 : 0;
}

function pageOfLastTime(): string {
  try {
    return readFileSync(PAGE, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}

function say(text: string, code: number): number {
  (code === 0 ? console.log : console.error)(text);
  return code;
}

// Not by coming to an end: a row that did not stop may still hold something open.
process.exit(await main());
