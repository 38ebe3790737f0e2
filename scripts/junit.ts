// What one run of `bun test` says in its JUnit file, and the verdict on that file. Pure. The exit code alone is not believed,
// nor the file alone. Known lies of Bun 1.4.5: an import error gives exit 1 and no failure in the file; process.exit(0) in a
// test gives exit 0 and no file; a test file without tests gives exit 0 and no file.

export type Case = { name: string; outcome: "passed" | "failed" | "skipped" };

export type Verdict = {
  passed: number;
  /** Failed tests, and troubles of the file as a whole. */
  failed: number;
  skipped: number;
  failures: string[];
  /** The names of the skipped tests, each with its reason. */
  skips: string[];
};

/** A skipped test says why at the end of its name, or of the group's that it is in: "... (reason: no such thing here)". */
const WITH_REASON = /\(reason: .+\)(?: > .+)?$/;

type Node = Record<string, unknown>;

/** The tests of a JUnit file as Bun writes it, in its order. Throws when it is no such file or its own counts disagree. */
export function casesOf(junit: string): Case[] {
  const root = Bun.XML.parse(junit) as { testsuites?: Node };
  if (root.testsuites === undefined) throw new Error("no <testsuites> in it");
  const cases = casesBelow(root.testsuites);
  const counted = Number(root.testsuites["@tests"]);
  if (counted !== cases.length) throw new Error(`it counts ${counted} tests and names ${cases.length}`);
  return cases;
}

function casesBelow(suite: Node): Case[] {
  const own = nodesOf(suite.testcase).map((test): Case => {
    const outcome = test.failure !== undefined || test.error !== undefined ? "failed" : "passed";
    return { name: nameOf(test), outcome: test.skipped !== undefined ? "skipped" : outcome };
  });
  return [...own, ...nodesOf(suite.testsuite).flatMap(casesBelow)];
}

/** The name with its describe blocks, outermost first; Bun writes them innermost first, joined by " > ". */
function nameOf(test: Node): string {
  const groups = String(test["@classname"] ?? "")
    .split(" > ")
    .reverse();
  return [...groups, String(test["@name"])]
    .filter((part) => part !== "")
    .join(" > ")
    .replaceAll(/\s+/g, " ");
}

function nodesOf(value: unknown): Node[] {
  if (value === undefined) return [];
  return (Array.isArray(value) ? value : [value]) as Node[];
}

/** The verdict on one file: how `bun test` ended (null: killed, with why) and its JUnit file (null: none was written). */
export function judge(exitCode: number | null, killedBecause: string | null, junit: string | null): Verdict {
  const { cases, trouble } = read(junit);
  const failures = cases.filter(({ outcome }) => outcome === "failed").map(({ name }) => name);
  const skips = cases.filter(({ outcome }) => outcome === "skipped").map(({ name }) => name);
  const passed = cases.length - failures.length - skips.length;
  for (const name of skips) if (!WITH_REASON.test(name)) failures.push(`skipped without a reason in its name: ${name}`);

  if (killedBecause !== null) failures.push(killedBecause);
  else if (trouble !== null) failures.push(`${trouble} (bun test ended with exit code ${exitCode})`);
  else if (exitCode !== 0 && failures.length === 0) failures.push(`exit code ${exitCode}, though no test failed`);
  const skipped = skips.filter((name) => WITH_REASON.test(name));
  return { passed, failed: failures.length, skipped: skipped.length, failures, skips: skipped };
}

function read(junit: string | null): { cases: Case[]; trouble: string | null } {
  if (junit === null) {
    return { cases: [], trouble: "no report: it could not be loaded, holds no test, or ended the process from a test" };
  }
  try {
    const cases = casesOf(junit);
    return { cases, trouble: cases.length === 0 ? "no test in its report" : null };
  } catch (error) {
    return { cases: [], trouble: `its report cannot be read: ${error instanceof Error ? error.message : error}` };
  }
}
