// The checks of this run, counted. A check is a sentence and the list of what speaks against it; the empty list is a
// pass.

export type Report = {
  part(name: string): void;
  check(sentence: string, problems: readonly string[]): void;
  passed: number;
  failed: number;
  skipped: number;
};

const SHOWN = 5;
const SHOWN_LENGTH = 500;

/** Prints each check as it is made, through `print`. */
export function openReport(print: (line: string) => void): Report {
  const report: Report = {
    passed: 0,
    failed: 0,
    skipped: 0,
    part: (name) => print(`\n${name}`),
    check(sentence, problems) {
      if (problems.length === 0) report.passed++;
      else report.failed++;
      print(`  ${problems.length === 0 ? "ok  " : "FAIL"} ${sentence}`);
      for (const problem of problems.slice(0, SHOWN)) print(`         ${clipped(problem.trimEnd())}`);
      if (problems.length > SHOWN) print(`         and ${problems.length - SHOWN} more`);
    },
  };
  return report;
}

/** Payloads of one session begin alike: what tells them apart is at the end. */
function clipped(problem: string): string {
  if (problem.length <= SHOWN_LENGTH) return problem;
  return `${problem.slice(0, SHOWN_LENGTH / 5)} ... ${problem.slice((-SHOWN_LENGTH * 4) / 5)}`;
}
