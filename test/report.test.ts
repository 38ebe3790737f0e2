// The wrapper around `bun test` (scripts/suite.ts) against suites that are broken on purpose: each looks green, or says nothing,
// when bun test is believed. They lie in test/planted and are copied to a scratch directory under a test's name.
import { afterAll, expect, test } from "bun:test";
import { copyFileSync, existsSync, mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { casesOf, judge } from "../scripts/junit.ts";

const root = realpathSync(mkdtempSync(join(tmpdir(), "offhook-report-")));
const pidFile = join(root, "sleeper.pid");
afterAll(() => rmSync(root, { recursive: true, force: true }));

test("a suite that is well is reported well", async () => {
  const { exitCode, lastLine } = await runPlanted("passes");
  expect({ exitCode, lastLine }).toEqual({ exitCode: 0, lastLine: "1 passed, 0 failed, 0 skipped" });
});

test("a failing test is named with its group, and what it wrote is shown", async () => {
  const { exitCode, lastLine, output } = await runPlanted("fails");
  expect({ exitCode, lastLine }).toEqual({ exitCode: 1, lastLine: "1 passed, 1 failed, 0 skipped" });
  expect(output).toContain('fails.test.ts: a group > fails <loudly> & "clearly"');
  expect(output).toContain("wolf");
});

test("a file that cannot be loaded is a failure, though Bun's JUnit file has none", async () => {
  const { exitCode, lastLine, output } = await runPlanted("import-error", "passes");
  expect({ exitCode, lastLine }).toEqual({ exitCode: 1, lastLine: "1 passed, 1 failed, 0 skipped" });
  expect(output).toContain("import-error.test.ts: no report");
  expect(output).toContain("not-there.ts");
});

test("a test that calls process.exit(0) is a failure, and the other files run all the same", async () => {
  const { exitCode, lastLine, output } = await runPlanted("exits-zero", "passes");
  expect({ exitCode, lastLine }).toEqual({ exitCode: 1, lastLine: "1 passed, 1 failed, 0 skipped" });
  expect(output).toContain("exits-zero.test.ts: no report");
});

test("an exit code that is not 0 is a failure, though every test passed", async () => {
  const { exitCode, lastLine, output } = await runPlanted("exit-code");
  expect({ exitCode, lastLine }).toEqual({ exitCode: 1, lastLine: "1 passed, 1 failed, 0 skipped" });
  expect(output).toContain("exit code 3, though no test failed");
});

test("a file without a test, a file that is not there and a killed run are failures", async () => {
  const { exitCode, lastLine } = await runPlanted("no-tests", "killed", "not-there-at-all");
  expect({ exitCode, lastLine }).toEqual({ exitCode: 1, lastLine: "0 passed, 3 failed, 0 skipped" });
});

test("a test marked only is a failure, because it would leave out the others", async () => {
  const { exitCode, output } = await runPlanted("only");
  expect(exitCode).toBe(1);
  expect(output).toContain(".only is disabled");
});

test("a skip with a reason is counted and named, and is no failure", async () => {
  const { exitCode, lastLine, output } = await runPlanted("skips");
  expect({ exitCode, lastLine }).toEqual({ exitCode: 0, lastLine: "1 passed, 0 failed, 1 skipped" });
  expect(output).toContain("skips.test.ts: needs a machine of glass (reason: this one is of metal)");
});

test("a skip without a reason and a test put off are failures", async () => {
  const { exitCode, lastLine } = await runPlanted("skips-silently");
  expect({ exitCode, lastLine }).toEqual({ exitCode: 1, lastLine: "0 passed, 2 failed, 0 skipped" });
});

test("a process that a test left running neither holds up the run nor outlives it", async () => {
  const { exitCode } = await runPlanted("leaves-sleeper");
  expect(exitCode).toBe(0);
  const pid = Number(readFileSync(pidFile, "utf8"));
  for (const deadline = Date.now() + 5_000; isRunning(pid) && Date.now() < deadline; ) await Bun.sleep(10);
  expect(isRunning(pid)).toBe(false);
});

test("a run of nothing is a failure", async () => {
  const { exitCode, lastLine } = await runPlanted();
  expect({ exitCode, lastLine }).toEqual({ exitCode: 1, lastLine: "0 passed, 1 failed, 0 skipped" });
});

test("a report whose own counts disagree is not believed", () => {
  const report =
    '<testsuites tests="2"><testsuite name="a"><testcase name="one" classname="" /></testsuite></testsuites>';
  expect(() => casesOf(report)).toThrow("counts 2 tests and names 1");
  expect(judge(0, null, report)).toMatchObject({ passed: 0, failed: 1 });
});

test("a report cut off in the middle is a failure", () => {
  expect(judge(0, null, '<testsuites tests="1"><testsuite name="a"><testcase na')).toMatchObject({
    passed: 0,
    failed: 1,
  });
});

test("a run that was ended from outside is a failure, whatever its report says", () => {
  const report = '<testsuites tests="1"><testcase name="one" classname="" /></testsuites>';
  expect(judge(null, "ended after 180 s", report)).toMatchObject({
    passed: 1,
    failed: 1,
    failures: ["ended after 180 s"],
  });
});

/** Whether a process runs; one that has ended and waits for its parent does not. */
function isRunning(pid: number): boolean {
  if (process.platform !== "linux") return Bun.spawnSync(["kill", "-0", String(pid)]).exitCode === 0;
  if (!existsSync(`/proc/${pid}/stat`)) return false;
  return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
}

/** Runs the wrapper on planted files, by name; one that is not there is asked for all the same. */
async function runPlanted(...names: string[]) {
  const files = names.map((name) => {
    const file = join(root, `${name}.test.ts`);
    const planted = join(import.meta.dir, "planted", `${name}.planted.ts`);
    if (existsSync(planted)) copyFileSync(planted, file);
    return file;
  });
  const suite = join(import.meta.dir, "../scripts/suite.ts");
  const env = { ...process.env, PLANTED_PID_FILE: pidFile };
  const child = Bun.spawn([process.execPath, suite, ...files], {
    env,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, exitCode] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { exitCode, output: stdout + stderr, lastLine: stdout.trimEnd().split("\n").at(-1) };
}
