// The parts of .ci/run (.ci/parts.sh): each run here is of planted commands, and its last line must be the truth about them.
import { expect, test } from "bun:test";
import { resolve } from "node:path";

const ROOT = resolve(import.meta.dir, "..");

const onLinux = (name: string, check: () => void) => {
  const isThere = process.platform === "linux";
  test.skipIf(!isThere)(isThere ? name : `${name} (reason: .ci/run is for Debian: GNU timeout and tail)`, check);
};

onLinux("the counts of all parts are added up", () => {
  const { exitCode, lastLine } = run('part counted a echo "3 passed, 0 failed, 1 skipped"', "part plain b true");
  expect({ exitCode, lastLine }).toEqual({ exitCode: 0, lastLine: "4 passed, 0 failed, 1 skipped" });
});

onLinux("a part that fails fails the whole, and the next one runs all the same", () => {
  const { exitCode, lastLine, output } = run(
    "part plain a false",
    'part counted b echo "2 passed, 0 failed, 0 skipped"',
  );
  expect({ exitCode, lastLine }).toEqual({ exitCode: 1, lastLine: "2 passed, 1 failed, 0 skipped" });
  expect(output).toMatch(/^a +\d+ s {3}0 passed, 1 failed, 0 skipped$/m);
});

onLinux("a part that prints no counts although it should has failed, whatever its exit code", () => {
  const { exitCode, lastLine, output } = run('part counted a echo "all is well"');
  expect({ exitCode, lastLine }).toEqual({ exitCode: 1, lastLine: "0 passed, 1 failed, 0 skipped" });
  expect(output).toContain("a: exit code 0, and its last line is no count");
});

onLinux("an exit code that is not 0 is a failure, though the counts have none", () => {
  const { exitCode, lastLine } = run(`part counted a sh -c 'echo "5 passed, 0 failed, 0 skipped"; exit 9'`);
  expect({ exitCode, lastLine }).toEqual({ exitCode: 1, lastLine: "5 passed, 1 failed, 0 skipped" });
});

onLinux("a skip is a failure in a part that this machine has everything for", () => {
  const { exitCode, lastLine } = run('part whole a echo "5 passed, 0 failed, 2 skipped"');
  expect({ exitCode, lastLine }).toEqual({ exitCode: 1, lastLine: "5 passed, 2 failed, 0 skipped" });
});

onLinux("a part that ran nothing has failed", () => {
  const { exitCode, lastLine } = run('part counted a echo "0 passed, 0 failed, 0 skipped"');
  expect({ exitCode, lastLine }).toEqual({ exitCode: 1, lastLine: "0 passed, 1 failed, 0 skipped" });
});

onLinux("a part that takes longer than there is time for is ended, and the rest is said not to have run", () => {
  const { exitCode, lastLine, output } = run("part_limit_s=1", "part plain a sleep 100", "part plain b true");
  expect({ exitCode, lastLine }).toEqual({ exitCode: 1, lastLine: "0 passed, 2 failed, 0 skipped" });
  expect(output).toContain("not run: the time for all parts is over");
});

onLinux("a process that a part leaves running does not hold up the rest", () => {
  const { exitCode, output } = run("part plain a sh -c 'sleep 60 & echo \"$! started\"'");
  expect(exitCode).toBe(0);
  const sleeper = Number(/^(\d+) started$/m.exec(output)?.[1]);
  expect(process.kill(sleeper, "SIGKILL")).toBe(true); // throws where it is gone: then the run had waited for it
});

onLinux("a run without a part has failed", () => {
  expect(run("true").exitCode).toBe(1);
});

/** Runs lines as .ci/run would. */
function run(...lines: string[]) {
  const script = ["set -uo pipefail", ". .ci/parts.sh", ...lines, "finish"].join("\n");
  const { exitCode, stdout, stderr } = Bun.spawnSync(["bash", "-c", script], {
    cwd: ROOT,
    stdin: "ignore",
    timeout: 25_000,
  });
  const output = stdout.toString() + stderr.toString();
  return { exitCode, output, lastLine: stdout.toString().trimEnd().split("\n").at(-1) };
}
