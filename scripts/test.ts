// scripts/test: lint, build, then every test file, within eight minutes; the last line is the counts, and they are true.
// Lint and build count as one test each. With files as arguments: the build and these files only.
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { closing, endTestsWithUs, type FileVerdict, runSuite, testFiles } from "./suite.ts";

const ROOT = resolve(import.meta.dir, "..");
const LIMIT_MS = 460_000;

/** Runs one script of this directory, its output shown; it counts as one test named after it. */
function part(name: string): FileVerdict {
  const startedAt = performance.now();
  console.log(`== ${name}`);
  const { exitCode } = Bun.spawnSync([join(ROOT, "scripts", name)], {
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit",
  });
  console.log(`== ${name}: ${exitCode === 0 ? "ok" : "FAILED"}, ${secondsSince(startedAt)}`);
  const isWell = exitCode === 0;
  const failures = isWell ? [] : [`exit code ${exitCode}; its words are above`];
  return { file: `scripts/${name}`, passed: isWell ? 1 : 0, failed: isWell ? 0 : 1, skipped: 0, failures, skips: [] };
}

async function tests(files: string[], limitMs: number): Promise<FileVerdict[]> {
  const startedAt = performance.now();
  console.log(`== tests: ${files.length} files`);
  const verdicts = await runSuite(files, limitMs);
  console.log(`== tests: ${secondsSince(startedAt)}`);
  return verdicts;
}

function secondsSince(startedAt: number): string {
  return `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;
}

async function main(asked: string[]): Promise<number> {
  const startedAt = performance.now();
  const missing = asked.find((file) => !existsSync(resolve(ROOT, file)));
  if (missing !== undefined) {
    console.error(`error: no file ${missing}\ntry: a path from the top of the repository, like test/stream.test.ts`);
    return 64;
  }
  endTestsWithUs();
  const verdicts = asked.length === 0 ? [part("lint")] : [];
  const build = part("build");
  verdicts.push(build);
  // Tests against an older binary would tell a wrong story.
  if (build.failed === 0) {
    const leftMs = LIMIT_MS - (performance.now() - startedAt);
    verdicts.push(...(await tests(asked.length === 0 ? testFiles() : asked, leftMs)));
  }
  const { lines, exitCode } = closing(verdicts);
  console.log(`all in ${secondsSince(startedAt)}`);
  console.log(lines.join("\n"));
  return exitCode;
}

process.exitCode = await main(process.argv.slice(2));
