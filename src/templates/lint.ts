// Linters, type checkers and formatters in check mode: each looks at what the agent wrote, once it has left it alone. None of
// them writes: a file that changes under the agent makes its next edit fail.
//
// Exit codes, seen with Biome 2.5, oxlint 1.94, ESLint 10.15, Prettier 3, TypeScript 5.9 and 7.0, ShellCheck 0.9; of ruff as its
// documentation has them ("The Ruff Linter", "The Ruff Formatter": Exit codes).

import type { Template } from "./template.ts";
import { commandTemplate, plainRun, type Row, tomlList } from "./text.ts";

const SCRIPTS = ["*.js", "*.mjs", "*.cjs", "*.jsx", "*.ts", "*.mts", "*.cts", "*.tsx"];

type Check = {
  id: string;
  title: string;
  about: string[];
  executesProjectCode: boolean;
  needs: string[];
  tools?: string[];
  files: string[];
  words: string[];
  timeout?: string;
  findings: { codes: string; note: string };
};

/** A check of one file. */
function fileCheck({
  about,
  tools = ["Write", "Edit"],
  files,
  words,
  timeout = "60s",
  findings,
  ...rest
}: Check): Template {
  return commandTemplate({
    ...rest,
    kind: "lint",
    needsProject: rest.executesProjectCode,
    about: [...about, "What it found: offhook deliveries --state findings, then offhook show ID."],
    rows: ({ command, projects }) => [
      ...onWrites(tools, files),
      ...projects,
      { key: "run", value: plainRun(command, words) },
      {
        key: "debounce",
        value: '"1s"',
        note: "Waits until a file has been left alone for so long, then looks at it once.",
      },
      { key: "timeout", value: `"${timeout}"` },
      { key: "findings", value: findings.codes, note: findings.note },
    ],
  });
}

/** The rows that say which writes are looked at. */
export function onWrites(tools: readonly string[], files: readonly string[]): Row[] {
  return [
    { key: "on", value: '["PostToolUse"]' },
    { key: "tools", value: tomlList(tools) },
    { key: "files", value: tomlList(files), note: 'Leave a directory out with "!migrations/".' },
  ];
}

export const LINT_TEMPLATES: readonly Template[] = [
  fileCheck({
    id: "ruff",
    title: "ruff check: Python linter",
    about: [
      "ruff check: looks at each Python file that the agent wrote.",
      "Writes nothing: it fixes nothing, whatever the project's settings say, and keeps no cache. Costs little, it is quick.",
      "Runs no code of the project; its rules are the project's (ruff.toml, pyproject.toml).",
    ],
    executesProjectCode: false,
    needs: ["ruff"],
    tools: ["Write", "Edit", "NotebookEdit"],
    files: ["*.py", "*.pyi", "*.ipynb"],
    words: [
      ...["check", "--no-fix", "--no-fix-only", "--no-cache", "--force-exclude", "--output-format=concise"],
      ...["--", "{file}"],
    ],
    findings: { codes: "[1]", note: "1: it found something. 2 is wrong settings: tried again, then a dead letter." },
  }),
  fileCheck({
    id: "ruff-format",
    title: "ruff format --check: Python formatting, only looked at",
    about: [
      "ruff format --check: says which Python file is not formatted. Writes nothing.",
      "Runs no code of the project.",
    ],
    executesProjectCode: false,
    needs: ["ruff"],
    files: ["*.py", "*.pyi"],
    words: ["format", "--check", "--no-cache", "--force-exclude", "--", "{file}"],
    findings: {
      codes: "[1, 2]",
      note: "1: not formatted. 2: it could not be read as Python (or the settings are wrong).",
    },
  }),
  fileCheck({
    id: "eslint",
    title: "ESLint: JavaScript and TypeScript linter",
    about: [
      "ESLint: looks at each script that the agent wrote. Costs half a second a file, more with rules that need types.",
      "Runs the project's configuration and plugins, which are code. It needs node on the daemon's PATH.",
      'Warnings alone are no findings; they are with "--max-warnings=0" in front of "--".',
    ],
    executesProjectCode: true,
    needs: ["eslint"],
    files: [...SCRIPTS, "!node_modules/"],
    words: ["--", "{file}"],
    timeout: "2m",
    findings: {
      codes: "[1]",
      note: "1: it found errors. 2 is a wrong configuration: tried again, then a dead letter.",
    },
  }),
  fileCheck({
    id: "biome",
    title: "Biome lint: JavaScript, TypeScript, JSON, CSS linter",
    about: [
      "biome lint: looks at each file that the agent wrote and Biome knows. Costs 0.2 s a file. Writes nothing.",
      "Its plugins are patterns (GritQL), not programs: it runs no code of the project, unless it is installed there.",
      'Warnings alone are no findings; they are with "--error-on-warnings" before "--".',
    ],
    executesProjectCode: false,
    needs: ["biome"],
    files: [...SCRIPTS, "*.json", "*.jsonc", "*.css", "!node_modules/"],
    words: ["lint", "--no-errors-on-unmatched", "--", "{file}"],
    findings: { codes: "[1]", note: "1: it found errors, or its configuration is wrong: Biome has no other code." },
  }),
  fileCheck({
    id: "biome-format",
    title: "Biome format: formatting, only looked at",
    about: ["biome format without --write: says which file is not formatted. Costs 0.2 s a file. Writes nothing."],
    executesProjectCode: false,
    needs: ["biome"],
    files: [...SCRIPTS, "*.json", "*.jsonc", "*.css", "!node_modules/"],
    words: ["format", "--no-errors-on-unmatched", "--", "{file}"],
    findings: { codes: "[1]", note: "1: not formatted, or its configuration is wrong: Biome has no other code." },
  }),
  fileCheck({
    id: "oxlint",
    title: "oxlint: JavaScript and TypeScript linter",
    about: [
      "oxlint: looks at each script that the agent wrote. Costs 0.2 s a file.",
      "Runs the project's oxlint.config.ts and jsPlugins, where it has them, and those are code.",
      'Most of its rules only warn, so warnings are findings here; without "--deny-warnings" only errors are.',
    ],
    executesProjectCode: true,
    needs: ["oxlint"],
    files: [...SCRIPTS, "*.vue", "*.svelte", "*.astro", "!node_modules/"],
    words: ["--deny-warnings", "--no-error-on-unmatched-pattern", "--", "{file}"],
    findings: { codes: "[1]", note: "1: it found something, or its configuration is wrong: oxlint has no other code." },
  }),
  fileCheck({
    id: "prettier",
    title: "Prettier --check: formatting, only looked at",
    about: [
      "prettier --check: says which file is not formatted. Writes nothing. Costs 0.4 s a file.",
      "Runs the project's plugins and configuration, which can be code. It needs node on the daemon's PATH.",
    ],
    executesProjectCode: true,
    needs: ["prettier"],
    files: [...SCRIPTS, ..."*.json *.css *.scss *.less *.html *.vue *.md *.yaml *.yml".split(" "), "!node_modules/"],
    words: ["--check", "--ignore-unknown", "--", "{file}"],
    findings: { codes: "[1, 2]", note: "1: not formatted. 2: it could not be parsed (or the configuration is wrong)." },
  }),
  commandTemplate({
    id: "tsc",
    title: "tsc --noEmit: TypeScript's types",
    kind: "lint",
    executesProjectCode: false,
    needsProject: true,
    needs: ["tsc"],
    about: [
      "tsc --noEmit: checks the types of the whole project once the agent has been quiet. There is no check of one file alone.",
      "Costs seconds, in a large project a minute of processor time: make the debounce longer there.",
      "Runs no code of the project and writes nothing: no output, no .tsbuildinfo. It needs node on the daemon's PATH.",
      "What it found: offhook deliveries --state findings, then offhook show ID.",
    ],
    rows: ({ command, projects }) => [
      ...onWrites(["Write", "Edit"], [...SCRIPTS.slice(4), "*.json", "!node_modules/"]),
      ...projects,
      {
        key: "run",
        value: plainRun(command, [
          ...["--project", ".", "--noEmit", "--incremental", "false", "--composite", "false", "--pretty", "false"],
        ]),
        note: "The tsconfig.json at the top of the project, which is the directory it runs in.",
      },
      { key: "key", value: '"{project}"', note: "All writes of the project are one check." },
      { key: "debounce", value: '{ quiet = "5s", max = "2m" }' },
      { key: "timeout", value: '"5m"' },
      {
        key: "findings",
        value: "[1, 2]",
        note: "TypeScript 7 says 1 for errors, 5 says 2, and 1 for a wrong tsconfig.json.",
      },
    ],
  }),
  fileCheck({
    id: "shellcheck",
    title: "ShellCheck: shell scripts",
    about: [
      "shellcheck: looks at each shell script that the agent wrote. Runs nothing of it. Costs 20 ms a file and more.",
      'Only what matters more: "--severity=warning" before "--".',
    ],
    executesProjectCode: false,
    needs: ["shellcheck"],
    files: ["*.sh", "*.bash"],
    words: ["--format=gcc", "--", "{file}"],
    findings: {
      codes: "[1]",
      note: "1: it found something. 2 to 4 are its own troubles: tried again, then a dead letter.",
    },
  }),
];
