// The text of a consumer file: comments, then one key below the other, everything that was answered written as TOML. Pure.
//
// Where it may run: a template that works on a project, and every command that lies in one, is bound to that project by
// `projects`. What is in a project's own directory is the project's code, also when it is called ruff.
import { EXIT, OffhookError } from "../errors.ts";
import type { Answers, Template } from "./template.ts";

/** One key. `value` is TOML; `note` a sentence for above it. */
export type Row = { key: string; value: string; note?: string };

/** What a text is made with: the command as TOML, and the row of `projects` where it is bound to one. */
export type Place = { command: string; projects: Row[] };

/** A template that runs a command: everything but what all of them have alike. */
export type CommandTemplate = Omit<Template, "secret" | "text"> & { about: string[]; rows(place: Place): Row[] };

/** Makes the template of a command. */
export function commandTemplate({ about, rows, ...rest }: CommandTemplate): Template {
  return { ...rest, secret: null, text: (answers) => consumerText(about, rows(placeOf(rest, answers))) };
}

/** A consumer file: what it does, a blank line, its keys. */
export function consumerText(about: readonly string[], rows: readonly Row[]): string {
  const width = Math.max(...rows.map(({ key }) => key.length));
  const lines = rows.flatMap(({ key, value, note }) => [
    ...(note === undefined ? [] : [`# ${note}`]),
    `${key.padEnd(width)} = ${value}`,
  ]);
  return `${[...about.map((line) => `# ${line}`), "", ...lines].join("\n")}\n`;
}

/** A text of TOML 1.0 (basic string): what JSON writes, and DEL, which TOML wants escaped too. */
export function tomlText(text: string): string {
  return JSON.stringify(text).replaceAll("\x7f", "\\u007f");
}

/** A list of texts. */
export function tomlList(texts: readonly string[]): string {
  return `[${texts.map(tomlText).join(", ")}]`;
}

/** `run` with a script for sh in the middle; the command is its $0, what follows its "$@". The script holds no '''. */
export function scriptRun(script: string, command: string, words: readonly string[]): string {
  return `["/bin/sh", "-c", '''\n${script.trim()}\n''', ${[command, ...words.map(tomlText)].join(", ")}]`;
}

/** `run` of a command without a shell. */
export function plainRun(command: string, words: readonly string[]): string {
  return `[${[command, ...words.map(tomlText)].join(", ")}]`;
}

/**
 * A project as `projects` has it, where it is a glob: its own wildcards escaped, so that "shop[12]" is not shop1. The "!" too,
 * which would turn a glob round, but only then: without a wildcard the path is compared as it is.
 */
export function projectPattern(project: string): string {
  return /[*?[\]{}\\]/.test(project) ? project.replace(/[*?[\]{}\\!]/g, "\\$&") : project;
}

/** Whether a path lies in a directory. Both absolute and plain. */
export function isInside(path: string, directory: string): boolean {
  return path.startsWith(directory.endsWith("/") ? directory : `${directory}/`);
}

/** Whether the consumer will name the project: because of what it does, or because its command lies there. */
export function isBound(template: Pick<Template, "needsProject">, answers: Answers): boolean {
  return template.needsProject || isLocal(answers);
}

function isLocal({ project, found }: Answers): boolean {
  return project !== null && found !== null && isInside(found, project);
}

function placeOf(template: Pick<Template, "id" | "needs" | "needsProject">, answers: Answers): Place {
  const { project, found } = answers;
  const bare = template.needs[0] ?? template.id;
  if (!isBound(template, answers)) return { command: tomlText(bare), projects: [] };
  if (project === null)
    throw new OffhookError(
      EXIT.usage,
      `${template.id} works on one project, and none is given`,
      "name it with --project",
    );
  if (!project.startsWith("/") || !project.isWellFormed() || /[\0\ufffd]/.test(project))
    throw new OffhookError(
      EXIT.config,
      `no consumer file can name the project ${JSON.stringify(project)}`,
      "give its directory a name that is UTF-8 text",
    );
  const local = isLocal(answers) ? found : null;
  const note =
    local !== null
      ? "Only here: the command lies in the project, so whoever changes the project changes what runs."
      : "Only here. Name no project that you do not trust: its files decide what runs.";
  return {
    command: tomlText(local === null ? bare : localCommand(local, project)),
    projects: [{ key: "projects", value: tomlList([projectPattern(project)]), note }],
  };
}

/** Absolute, but from the project (where a command runs) when its path has what `run` would take for a placeholder or a secret. */
function localCommand(found: string, project: string): string {
  return /\{[A-Za-z_][A-Za-z0-9_]*\}|\$[A-Z_]/.test(found)
    ? `./${found.slice(project.length).replace(/^\/+/, "")}`
    : found;
}

/** The command that a `run` is about: of a script for sh, the word that it gets as $0. Null: sh alone. */
export function commandOf(argv: readonly string[]): string | null {
  const isScript = argv[0] === "/bin/sh" && argv[1] === "-c";
  return (isScript ? argv[3] : argv[0]) ?? null;
}
