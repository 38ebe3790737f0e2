// Runs test files, each in a `bun test` of its own (so that none can end or change another), two at a time, and says what came
// of them. Used by scripts/test; on its own it takes files and prints the same lines: bun scripts/suite.ts FILE...
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { judge, type Verdict } from "./junit.ts";

const ROOT = resolve(import.meta.dir, "..");
const AT_ONCE = Math.min(2, availableParallelism());
const TEST_LIMIT_MS = 30_000;
const FILE_LIMIT_MS = 180_000;
const OUTPUT_LIMIT = 60_000;

/** A file's verdict, with its name relative to the repository. */
export type FileVerdict = Verdict & { file: string };

/** Every test file of the repository, as `bun test` would find them. */
export function testFiles(): string[] {
  const glob = new Bun.Glob("{src,scripts,test}/**/*{.test,_test,.spec,_spec}.{ts,tsx,mts,cts,js,jsx,mjs,cjs}");
  return [...glob.scanSync({ cwd: ROOT, dot: true })].sort();
}

/** Runs the files and prints a line as each is done, and what a failed one wrote. Nothing runs on after limitMs. */
export async function runSuite(files: string[], limitMs: number): Promise<FileVerdict[]> {
  const scratch = mkdtempSync(join(tmpdir(), "offhook-suite-"));
  const endsAt = performance.now() + limitMs;
  const verdicts: FileVerdict[] = [];
  const waiting = [...files.entries()];
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [number, file] = next;
      verdicts.push(await runFile(file, join(scratch, `${number}.xml`), endsAt));
    }
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return verdicts.sort((a, b) => (a.file < b.file ? -1 : 1));
}

async function runFile(file: string, reportPath: string, endsAt: number): Promise<FileVerdict> {
  const startedAt = performance.now();
  const limitMs = Math.min(FILE_LIMIT_MS, endsAt - startedAt);
  const name = relative(ROOT, resolve(ROOT, file));
  if (limitMs <= 0) return told(name, judge(null, "not run: the time for all tests was over", null), 0, "");

  const output = Bun.file(`${reportPath}.output`);
  const child = Bun.spawn(
    [
      process.execPath,
      "test",
      "--only-failures",
      `--timeout=${TEST_LIMIT_MS}`,
      "--reporter=junit",
      `--reporter-outfile=${reportPath}`,
      resolve(ROOT, file),
    ],
    // CI: bun test refuses test.only there, which would leave out the other tests unseen.
    // Output goes to a file: a process that a test leaves running would hold a pipe open for ever.
    { cwd: ROOT, env: { ...process.env, CI: "1" }, stdin: "ignore", stdout: output, stderr: output, detached: true },
  );
  running.add(child.pid);
  let killedBecause: string | null = null;
  const timer = setTimeout(() => {
    killedBecause = `ended after ${(limitMs / 1000).toFixed(0)} s: a file has ${FILE_LIMIT_MS / 1000} s, all have a limit too`;
    endGroup(child.pid);
  }, limitMs);
  await child.exited;
  clearTimeout(timer);
  endGroup(child.pid); // what its tests left running
  running.delete(child.pid);

  const report = existsSync(reportPath) ? readFileSync(reportPath, "utf8") : null;
  const verdict = judge(child.exitCode ?? null, killedBecause, report);
  return told(name, verdict, performance.now() - startedAt, await output.text());
}

/** Process groups of test files that run now: they end with us. */
const running = new Set<number>();

function endGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error; // it ended by itself meanwhile
  }
}

/** Makes SIGINT and SIGTERM end the test files that run, too. */
export function endTestsWithUs(): void {
  for (const [signal, exitCode] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const) {
    process.on(signal, () => {
      for (const pid of running) endGroup(pid);
      process.exit(exitCode);
    });
  }
}

function told(file: string, verdict: Verdict, tookMs: number, output: string): FileVerdict {
  const seconds = `${(tookMs / 1000).toFixed(1)} s`.padStart(8);
  console.log(`${verdict.failed === 0 ? "ok  " : "FAIL"} ${seconds}  ${file}  ${countsOf(verdict)}`);
  if (verdict.failed > 0) {
    if (output.length > OUTPUT_LIMIT) console.log(`[...the last ${OUTPUT_LIMIT} characters of its output]`);
    console.log(output.slice(-OUTPUT_LIMIT).trimEnd());
    for (const failure of verdict.failures) console.log(`  failed: ${failure}`);
  }
  return { ...verdict, file };
}

/** "3 passed, 0 failed, 1 skipped". */
export function countsOf({ passed, failed, skipped }: Pick<Verdict, "passed" | "failed" | "skipped">): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

/** The closing lines: each skip and each failure by name, then the counts alone. Gives the exit code. */
export function closing(verdicts: FileVerdict[]): { lines: string[]; exitCode: 0 | 1 } {
  const total = { passed: 0, failed: 0, skipped: 0 };
  const lines: string[] = [];
  for (const verdict of verdicts) {
    for (const key of ["passed", "failed", "skipped"] as const) total[key] += verdict[key];
    for (const name of verdict.skips) lines.push(`skipped: ${verdict.file}: ${name}`);
  }
  for (const { file, failures } of verdicts) for (const name of failures) lines.push(`failed: ${file}: ${name}`);
  if (total.passed === 0 && total.failed === 0) {
    total.failed = 1;
    lines.push("failed: nothing was run");
  }
  return { lines: [...lines, countsOf(total)], exitCode: total.failed === 0 ? 0 : 1 };
}

if (import.meta.main) {
  endTestsWithUs();
  const { lines, exitCode } = closing(await runSuite(process.argv.slice(2), FILE_LIMIT_MS));
  console.log(lines.join("\n"));
  process.exitCode = exitCode;
}
