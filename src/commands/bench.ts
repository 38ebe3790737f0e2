// `offhook bench`: what the agent waits for, measured on this machine in a scratch home, beside a control. Told at the end, whole:
// only then is it known whether the machine was quiet enough for the figures to be trusted.
import { realpathSync, statSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { writeWhole } from "../claude/whole-file.ts";
import { flush, print, printNote } from "../cli/print.ts";
import { EXIT, messageOf, OffhookError } from "../errors.ts";
import { isLossless } from "../report/counts.ts";
import { pageOf } from "../report/page.ts";
import type { Report } from "../report/shape.ts";
import { reportLines } from "../report/text.ts";
import { compareFiles } from "./bench-compare.ts";
import { terminalLook } from "./bench-look.ts";
import { askForMine } from "./bench-mine.ts";
import { type Measuring, requestOf } from "./bench-request.ts";
import { measureParts } from "./bench-run.ts";

export async function run(argv: string[]): Promise<number> {
  const request = requestOf(argv);
  if (request.kind === "compare") return compareFiles(request.paths, request.asJson);
  mustBeCompiled();
  mustBeWritable(request.out);
  const mine = request.mine === null ? null : await askForMine(request.mine, request);
  if (mine !== null && mine.kind === "left") return mine.exitCode;
  return tell(request, await measureParts(request, mine?.prepare ?? null));
}

/** Prints what was measured, and writes the page. */
function tell(request: Measuring, { report, error }: Awaited<ReturnType<typeof measureParts>>): number {
  if (report !== null) {
    if (request.asJson) print(JSON.stringify(report));
    else for (const line of reportLines(report, terminalLook())) print(line);
    // First: a page that cannot be written must not take with it what was measured.
    flush();
    if (request.out !== null) writePage(request.out, report);
  }
  if (error !== null) throw error;
  return report === null || isLossless(report) ? EXIT.ok : EXIT.failed;
}

function writePage(out: string, report: Report): void {
  try {
    writeOver(out, pageOf(report));
  } catch (error) {
    throw new OffhookError(
      EXIT.failed,
      `the page could not be written: ${messageOf(error)}`,
      "offhook bench --json > report.json",
    );
  }
  printNote(`page ${resolve(out)}`);
}

/** Where a page was before it stays until the new one is whole; what is no file (a pipe, a terminal) is written to as it is. */
function writeOver(out: string, text: string): void {
  const there = statSync(out, { throwIfNoEntry: false });
  if (there?.isFile()) writeWhole(realpathSync(out), text, { mode: there.mode & 0o777, owner: null });
  else writeFileSync(out, text);
}

/** Run from its sources it would measure another program than the one that hooks call. */
function mustBeCompiled(): void {
  if (Bun.main.startsWith("/$bunfs")) return;
  throw new OffhookError(
    EXIT.noDaemon,
    "bench measures the compiled program, and this is not it",
    "scripts/build; dist/offhook bench",
  );
}

/** Before a minute goes by for nothing. */
function mustBeWritable(out: string | null): void {
  if (out === null) return;
  const directory = statSync(dirname(resolve(out)), { throwIfNoEntry: false });
  if (directory?.isDirectory() !== true)
    throw new OffhookError(
      EXIT.notFound,
      `--out: there is no directory ${dirname(resolve(out))}`,
      `mkdir -p ${dirname(out)}`,
    );
  if (statSync(out, { throwIfNoEntry: false })?.isDirectory())
    throw new OffhookError(
      EXIT.usage,
      `--out: ${out} is a directory`,
      `offhook bench --out ${out.replace(/\/*$/, "")}/bench.html`,
    );
}
