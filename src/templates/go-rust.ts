// Checks for Go and Rust. Their tools work on packages, not on files, and a consumer's key cannot name a package: so one delivery
// takes all changed files of the project, and a few lines of sh run the tool once in each package that has one of them.
//
// Exit codes, seen with Go 1.19 (vet and test: 1, and 2 where it does not compile) and cargo 1.95 (101 for all that is wrong).
import { onWrites } from "./lint.ts";
import type { Template } from "./template.ts";
import { commandTemplate, type Row, scriptRun } from "./text.ts";

/** Go: a package is a directory. $0 is go, $1 and so on the changed files. */
const EACH_GO_PACKAGE = (words: string) => `
code=0 seen=:
for changed do
  package=\${changed%/*}
  case $seen in *":$package:"*) continue ;; esac
  seen=$seen$package:
  echo "in $package"
  (cd "$package" && "$0" ${words} .) || code=$?
done
exit "$code"
`;

/** Rust: a package is what the nearest Cargo.toml says. */
const EACH_RUST_PACKAGE = (words: string) => `
code=0 seen=:
for changed do
  manifest=$(cd "\${changed%/*}" && "$0" locate-project --message-format plain) || exit
  case $seen in *":$manifest:"*) continue ;; esac
  seen=$seen$manifest:
  echo "in \${manifest%/*}"
  (cd "\${manifest%/*}" && "$0" ${words}) || code=$?
done
exit "$code"
`;

const GO_FILES = ["*.go", "!vendor/", "!testdata/"];
const RUST_FILES = ["*.rs", "!target/"];

const SEEN = "What it found: offhook deliveries --state findings, then offhook show ID.";
const PER_PACKAGE_RUN = 'The script gets the command as $0 and the changed files as "$@".';

type Packages = {
  id: string;
  title: string;
  kind: "lint" | "test";
  about: string[];
  needs: string[];
  script: string;
  files: string[];
  findings: string;
};

/** A command that is run in each package of which a file changed. */
function packages({ about, script, files, findings, ...rest }: Packages): Template {
  const isTest = rest.kind === "test";
  return commandTemplate({
    ...rest,
    executesProjectCode: true,
    needsProject: true,
    about: [...about, SEEN],
    rows: ({ command, projects }): Row[] => [
      ...onWrites(["Write", "Edit"], files),
      ...projects,
      { key: "run", value: scriptRun(script, command, ["{files}"]), note: PER_PACKAGE_RUN },
      { key: "key", value: '"{project}"', note: "All files that changed are one run." },
      { key: "debounce", value: isTest ? '{ quiet = "10s", max = "5m" }' : '{ quiet = "5s", max = "2m" }' },
      { key: "timeout", value: isTest ? '"15m"' : '"10m"' },
      { key: "findings", value: findings },
    ],
  });
}

export const GO_AND_RUST_TEMPLATES: readonly Template[] = [
  commandTemplate({
    id: "gofmt",
    title: "gofmt -l: Go formatting, only looked at",
    kind: "lint",
    executesProjectCode: false,
    needsProject: false,
    needs: ["gofmt"],
    about: [
      "gofmt -l: says which Go file is not formatted. Costs some 10 ms a file. Writes nothing, runs nothing of the project.",
      SEEN,
    ],
    rows: ({ command, projects }) => [
      ...onWrites(["Write", "Edit"], GO_FILES),
      ...projects,
      {
        key: "run",
        value: scriptRun(
          `
unformatted=$("$0" -l -- "$1") || exit
[ -z "$unformatted" ] || { echo "not formatted: $unformatted"; exit 1; }
`,
          command,
          ["{file}"],
        ),
        note: "gofmt -l says 0 and prints the name: the script makes 1 of that.",
      },
      {
        key: "debounce",
        value: '"1s"',
        note: "Waits until a file has been left alone for so long, then looks at it once.",
      },
      { key: "timeout", value: '"60s"' },
      { key: "findings", value: "[1, 2]", note: "1: not formatted. 2: it could not be parsed." },
    ],
  }),
  packages({
    id: "go-vet",
    title: "go vet: Go's own checks, and whether it compiles",
    kind: "lint",
    about: [
      "go vet, in each package (directory) of which a Go file changed, tests included. Not in packages that import it.",
      "Costs what compiling them costs. It may run a C compiler (cgo) and the toolchain that go.mod names.",
    ],
    needs: ["go"],
    script: EACH_GO_PACKAGE("vet"),
    files: GO_FILES,
    findings: "[1, 2]",
  }),
  packages({
    id: "go-test",
    title: "go test: tests of the Go packages that changed",
    kind: "test",
    about: [
      "go test, in each package (directory) of which a Go file changed: all of its tests, none of packages that import it.",
      "Costs what those tests cost; go remembers results of what did not change.",
    ],
    needs: ["go"],
    script: EACH_GO_PACKAGE("test"),
    files: GO_FILES,
    findings: "[1, 2]",
  }),
  packages({
    id: "cargo-check",
    title: "cargo check: whether the Rust packages that changed compile",
    kind: "lint",
    about: [
      "cargo check, in each package of which a file changed (the nearest Cargo.toml; a workspace's own Cargo.toml is all of it).",
      "Runs build.rs and procedural macros. It uses the same target directory as you and the agent: whoever comes second waits.",
      'To keep them apart, at the cost of disk and of compiling twice: "export CARGO_TARGET_DIR=..." as the script\'s first line.',
    ],
    needs: ["cargo"],
    script: EACH_RUST_PACKAGE("check --quiet --all-targets"),
    files: [...RUST_FILES, "Cargo.toml"],
    findings: "[101]",
  }),
  packages({
    id: "cargo-clippy",
    title: "cargo clippy: Rust linter",
    kind: "lint",
    about: [
      "cargo clippy, in each package of which a file changed (the nearest Cargo.toml; a workspace's own Cargo.toml is all of it).",
      "It does what cargo check does, so have one of the two. Warnings are findings; without -D warnings only errors are.",
      "Runs build.rs and procedural macros. It uses the same target directory as you and the agent: whoever comes second waits.",
    ],
    needs: ["cargo", "cargo-clippy"],
    script: EACH_RUST_PACKAGE("clippy --quiet --all-targets -- -D warnings"),
    files: [...RUST_FILES, "Cargo.toml"],
    findings: "[101]",
  }),
  packages({
    id: "cargo-fmt",
    title: "cargo fmt --check: Rust formatting, only looked at",
    kind: "lint",
    about: [
      "cargo fmt --check, in each package of which a file changed: says what is not formatted. Writes nothing.",
      "rustup runs the toolchain that the project names (rust-toolchain.toml), so it is bound to the project.",
    ],
    needs: ["cargo", "cargo-fmt"],
    script: EACH_RUST_PACKAGE("fmt --check"),
    files: RUST_FILES,
    findings: "[1, 101]",
  }),
  packages({
    id: "cargo-test",
    title: "cargo test: tests of the Rust packages that changed",
    kind: "test",
    about: [
      "cargo test, in each package of which a file changed (the nearest Cargo.toml): all tests of that package, and no others.",
      "cargo cannot say which tests a file concerns; in a project of one package that is the whole suite, so the debounce is long.",
      "It uses the same target directory as you and the agent: whoever comes second waits.",
    ],
    needs: ["cargo"],
    script: EACH_RUST_PACKAGE("test --quiet"),
    files: RUST_FILES,
    findings: "[101]",
  }),
];
