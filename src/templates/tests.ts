// Tests of what changed, once things are quiet: one run for all files that changed, never the whole suite for a write. vitest and
// jest know themselves which tests a file concerns; for pytest and bun test it goes by names, in a few lines of sh.
//
// Exit codes, seen with pytest 9.0 (1 failed, 2 a test module cannot be imported, 4 conftest.py cannot, or wrong usage, 5 no
// tests), vitest 4.1, jest 30.5 and Bun 1.4 (1 for all that is wrong).
import { onWrites } from "./lint.ts";
import type { Template } from "./template.ts";
import { commandTemplate, plainRun, type Row, scriptRun } from "./text.ts";

const SCRIPTS = ["*.js", "*.mjs", "*.cjs", "*.jsx", "*.ts", "*.mts", "*.cts", "*.tsx"];

// $0 is pytest. Tests given twice are run once (pytest's own rule).
const PYTEST = `
for changed do
  shift
  near=\${changed%/*} name=\${changed##*/}
  case $name in
    test_*.py | *_test.py) set -- "$@" "$changed"; continue ;;
  esac
  name=\${name%.py}
  for test in "$near/test_$name.py" "$near/$name"_test.py "$near/tests/test_$name.py" "$near/../tests/test_$name.py" \\
    "tests/test_$name.py" tests/*/"test_$name.py" tests/*/*/"test_$name.py"
  do
    if [ -f "$test" ]; then set -- "$@" "$test"; fi
  done
done
if [ $# -eq 0 ]; then echo "no test module is named after what changed"; exit 0; fi
code=0
"$0" -q -- "$@" || code=$?
if [ "$code" -eq 5 ]; then code=0; fi # no tests in them
exit "$code"
`;

// $0 is bun. What does not begin with a slash or "./" would be a filter that finds more than it names.
const BUN_TEST = `
for changed do
  shift
  near=\${changed%/*} name=\${changed##*/}
  case $name in
    *[._]test.* | *[._]spec.*) set -- "$@" "$changed"; continue ;;
  esac
  name=\${name%.*}
  for test in "$near/$name"[._]test.* "$near/$name"[._]spec.* "$near/__tests__/$name"[._]test.* \\
    "./test/$name"[._]test.* "./tests/$name"[._]test.*
  do
    case $test in
      *.js | *.mjs | *.cjs | *.jsx | *.ts | *.mts | *.cts | *.tsx) if [ -f "$test" ]; then set -- "$@" "$test"; fi ;;
    esac
  done
done
if [ $# -eq 0 ]; then echo "no test file is named after what changed"; exit 0; fi
exec "$0" test "$@"
`;

type Tests = {
  id: string;
  title: string;
  about: string[];
  files: string[];
  run(command: string): string;
  findings: { codes: string; note: string };
};

/** A test runner on what changed. */
function tests({ id, about, files, run, findings, ...rest }: Tests): Template {
  return commandTemplate({
    ...rest,
    id,
    kind: "test",
    executesProjectCode: true,
    needsProject: true,
    needs: [id === "bun-test" ? "bun" : id],
    about: [...about, "What it found: offhook deliveries --state findings, then offhook show ID."],
    rows: ({ command, projects }): Row[] => [
      ...onWrites(["Write", "Edit"], files),
      ...projects,
      { key: "run", value: run(command) },
      { key: "key", value: '"{project}"', note: "All files that changed are one run." },
      {
        key: "debounce",
        value: '{ quiet = "5s", max = "2m" }',
        note: "Once the project has been quiet for 5 s; while the agent goes on writing, after 2 minutes.",
      },
      { key: "timeout", value: '"10m"' },
      { key: "findings", value: findings.codes, note: findings.note },
    ],
  });
}

export const TEST_TEMPLATES: readonly Template[] = [
  tests({
    id: "pytest",
    title: "pytest: test modules of the Python modules that changed",
    about: [
      "pytest, on the test modules that changed and on those named after a module that changed: for shop/cart.py that is",
      "test_cart.py or cart_test.py beside it, in tests/ there or one above, or in the project's tests/, two levels deep.",
      "It does not know who imports what: a change in conftest.py or in a module without a test of its name runs nothing.",
      "Costs what those tests cost, and about a second to start.",
    ],
    files: ["*.py", "!.venv/", "!venv/"],
    run: (command) => scriptRun(PYTEST, command, ["{files}"]),
    findings: {
      codes: "[1, 2, 4]",
      note: "1: a test failed. 2, 4: a test module or conftest.py cannot be imported. 5, no tests, is made 0 above.",
    },
  }),
  tests({
    id: "vitest",
    title: "vitest related: tests that import what changed",
    about: [
      "vitest related --run: the tests that import a file that changed, directly or not, and the test files that changed.",
      "Costs half a second to start and what those tests cost. It writes snapshots that are new, as it always does.",
      "It needs node on the daemon's PATH.",
    ],
    files: [...SCRIPTS, "*.vue", "*.svelte", "!node_modules/"],
    // No "--" in front of the files: vitest 4.1 leaves out what comes after it.
    run: (command) => plainRun(command, ["related", "--run", "--passWithNoTests", "{files}"]),
    findings: { codes: "[1]", note: "1: a test failed, or its configuration is wrong: vitest has no other code." },
  }),
  tests({
    id: "jest",
    title: "jest --findRelatedTests: tests that import what changed",
    about: [
      "jest --findRelatedTests: the tests that import a file that changed, directly or not, and the test files that changed.",
      'Costs about a second to start and what those tests cost. It writes snapshots that are new; not with "--ci".',
      "It needs node on the daemon's PATH.",
    ],
    files: [...SCRIPTS, "!node_modules/"],
    run: (command) => plainRun(command, ["--passWithNoTests", "--findRelatedTests", "--", "{files}"]),
    findings: { codes: "[1]", note: "1: a test failed, or its configuration is wrong: jest has no other code." },
  }),
  tests({
    id: "bun-test",
    title: "bun test: test files of the modules that changed",
    about: [
      "bun test, on the test files that changed and on those named after a module that changed: for src/cart.ts that is",
      "cart.test.ts, cart_test.ts or cart.spec.ts beside it or in __tests__/ there, or in the project's test/ or tests/.",
      "It does not know who imports what: a change in a module without a test of its name runs nothing.",
    ],
    files: [...SCRIPTS, "!node_modules/"],
    run: (command) => scriptRun(BUN_TEST, command, ["{files}"]),
    findings: { codes: "[1]", note: "1: a test failed, or a file cannot be loaded: bun test has no other code." },
  }),
];
