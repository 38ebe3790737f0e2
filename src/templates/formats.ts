// Formatting that writes. Only when the agent has stopped: a file that is rewritten under it makes its next edit fail. Never
// chosen for anybody: each of these is asked for by name.
//
// What is formatted is what git calls changed or new since the last commit. git runs what .git/config says (fsmonitor, filters),
// so all of them are bound to one project.

import type { Template } from "./template.ts";
import { commandTemplate, type Row, scriptRun } from "./text.ts";

/** $0 and "$@" are the command; git ends each name with a NUL, and xargs -0 takes them so: any name is safe. */
const FORMAT_CHANGED = (patterns: readonly string[]) => `
changed() {
  git diff -z --name-only --relative --diff-filter=d HEAD -- ${patterns.map((pattern) => `'${pattern}'`).join(" ")}
  git ls-files -z --others --exclude-standard -- ${patterns.map((pattern) => `'${pattern}'`).join(" ")}
}
if ! git rev-parse --quiet --verify HEAD >/dev/null; then echo "no git commit here to compare with"; exit 0; fi
[ -n "$(changed | tr '\\000' '\\n')" ] || exit 0
changed | xargs -0 "$0" "$@"
`;

type Format = { id: string; title: string; needs: string[]; patterns: string[]; words: string[] };

function formatOnStop({ patterns, words, ...rest }: Format): Template {
  return onStop(
    rest,
    [
      `${words[0] === undefined || words[0].startsWith("-") ? rest.needs[0] : `${rest.needs[0]} ${words[0]}`}: formats what has changed since the last commit, each time the agent stops.`,
      "That is everything that git calls changed or new, what you changed yourself too. It has to be read again by the agent",
      "before its next edit, and by your editor.",
    ],
    (command) => scriptRun(FORMAT_CHANGED(patterns), command, words),
  );
}

function onStop(rest: Omit<Format, "patterns" | "words">, about: string[], run: (command: string) => string): Template {
  return commandTemplate({
    ...rest,
    kind: "format",
    executesProjectCode: true,
    needsProject: true,
    about,
    rows: ({ command, projects }): Row[] => [
      {
        key: "on",
        value: '["Stop"]',
        note: "Never PostToolUse: a file that changes under the agent makes its next edit fail.",
      },
      ...projects,
      { key: "run", value: run(command) },
      { key: "key", value: '"{project}"' },
      {
        key: "max_age",
        value: '"10m"',
        note: "Not hours later, when the daemon was not there: somebody may be writing by then.",
      },
      { key: "timeout", value: '"2m"' },
      {
        key: "findings",
        value: "[1, 123]",
        note: "A file that cannot be parsed: 123 is what xargs makes of it, 1 on macOS.",
      },
    ],
  });
}

export const FORMAT_TEMPLATES: readonly Template[] = [
  formatOnStop({
    id: "format-ruff",
    title: "ruff format, when the agent stops (rewrites files)",
    needs: ["ruff", "git"],
    patterns: ["*.py", "*.pyi"],
    words: ["format", "--force-exclude", "--"],
  }),
  formatOnStop({
    id: "format-prettier",
    title: "Prettier --write, when the agent stops (rewrites files)",
    needs: ["prettier", "git"],
    patterns: "*.js *.mjs *.cjs *.jsx *.ts *.mts *.cts *.tsx *.json *.css *.scss *.html *.vue *.md *.yaml *.yml".split(
      " ",
    ),
    words: ["--write", "--ignore-unknown", "--log-level", "warn", "--"],
  }),
  formatOnStop({
    id: "format-biome",
    title: "Biome format --write, when the agent stops (rewrites files)",
    needs: ["biome", "git"],
    patterns: "*.js *.mjs *.cjs *.jsx *.ts *.mts *.cts *.tsx *.json *.jsonc *.css".split(" "),
    words: ["format", "--write", "--no-errors-on-unmatched", "--"],
  }),
  formatOnStop({
    id: "format-gofmt",
    title: "gofmt -w, when the agent stops (rewrites files)",
    needs: ["gofmt", "git"],
    patterns: ["*.go"],
    words: ["-l", "-w", "--"],
  }),
  onStop(
    { id: "format-cargo", title: "cargo fmt, when the agent stops (rewrites files)", needs: ["cargo", "cargo-fmt"] },
    [
      "cargo fmt: formats the package at the top of the project (of a workspace: all of them), each time the agent stops.",
      "That is every file of it, what you changed yourself too. It has to be read again by the agent before its next edit, and",
      "by your editor.",
    ],
    (command) => `[${command}, "fmt"]`,
  ),
];
