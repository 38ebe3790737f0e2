// What a project and a machine speak for: which templates to offer, and which of them are clearly wanted. Executes nothing.
import { realpathSync } from "node:fs";
import { basename, delimiter, dirname, isAbsolute, join } from "node:path";
import { evidenceIn } from "./evidence.ts";
import { isEnvironment, isProgram, lookAt } from "./project-files.ts";
import type { Template } from "./template.ts";
import { TEMPLATES } from "./templates.ts";
import { isInside } from "./text.ts";

/** A template that could be of use here. */
export type Detected = {
  /** Its id. */
  template: string;
  /** What speaks for it, for people: "ruff.toml", "on PATH"; and what is missing. */
  why: string;
  /** Its command, absolute: on PATH, or in the project; null: not there, and `why` says so. Goes into `Answers.found`. */
  found: string | null;
  /** The project clearly uses it, and the command is there. Never true for what rewrites files. */
  preselected: boolean;
};

/** Where a project keeps the commands it brings along, by command. */
const NODE_PLACES = ["node_modules/.bin"];
const PYTHON_PLACES = [".venv/bin", "venv/bin"];
const PLACES: Readonly<Record<string, readonly string[]>> = {
  eslint: NODE_PLACES,
  biome: NODE_PLACES,
  oxlint: NODE_PLACES,
  prettier: NODE_PLACES,
  tsc: NODE_PLACES,
  vitest: NODE_PLACES,
  jest: NODE_PLACES,
  ruff: PYTHON_PLACES,
  pytest: PYTHON_PLACES,
};

/** The check whose evidence speaks for a formatter that writes. */
const FORMATTER_OF: Readonly<Record<string, string>> = {
  "format-ruff": "ruff-format",
  "format-prettier": "prettier",
  "format-biome": "biome-format",
  "format-gofmt": "gofmt",
  "format-cargo": "cargo-fmt",
};

/**
 * What to offer for a project (absolute; null: none), with the PATH that the daemon will have. A template of one project is
 * offered when the project speaks for it, any other also when its command is on PATH. Reads a few files, runs nothing.
 */
export function detect(project: string | null, path: string): Detected[] {
  const evidence = project === null ? {} : evidenceIn(lookAt(project));
  return TEMPLATES.flatMap((template) => {
    const why = evidence[template.id] ?? evidence[FORMATTER_OF[template.id] ?? ""] ?? null;
    const detected = detectOne(template, why, project, path);
    return detected === null ? [] : [detected];
  });
}

function detectOne(template: Template, why: string | null, project: string | null, path: string): Detected | null {
  const [command, ...others] = template.needs;
  if (command === undefined || (why === null && template.needsProject)) return null;
  const found = findCommand(command, project, path);
  const environment = environmentFirst(command, project, path);
  if (environment !== null && (found === null || project === null || !isInside(found, project))) {
    // The bare name would mean that one, in every project.
    const problem = `${command} on PATH is that of ${environment}, an environment outside this project`;
    const both = why === null ? problem : `${why}, but ${problem}`;
    return { template: template.id, why: both, found, preselected: false };
  }
  if (why === null)
    return found === null ? null : { template: template.id, why: whereIs(found, project), found, preselected: false };
  const runtime = found?.includes("/node_modules/") ? ["node"] : [];
  const missing = [
    ...(found === null ? [command] : []),
    ...[...others, ...runtime].filter((name) => onPath(name, path) === null),
  ];
  if (missing.length === 0)
    return { template: template.id, why, found, preselected: template.kind === "lint" || template.kind === "test" };
  const problem = `${missing.join(" and ")} ${missing.length === 1 ? "is" : "are"} not there`;
  return { template: template.id, why: `${why}, but ${problem}`, found: null, preselected: false };
}

function whereIs(found: string, project: string | null): string {
  return project !== null && isInside(found, project) ? found.slice(project.length).replace(/^\/+/, "") : "on PATH";
}

/**
 * A command: the project's own, which has the version and the plugins that it wants; but of ruff, which needs neither, the one on
 * PATH, which serves every project and is nobody's to change.
 */
function findCommand(command: string, project: string | null, path: string): string | null {
  const own = project === null ? null : inProject(command, project);
  const outside = onPath(command, path, (directory) => isOf(directory, project) || isEnvironment(directory));
  return (command === "ruff" ? (outside ?? own) : (own ?? outside)) ?? inProjectByPath(command, project, path);
}

/** On PATH by an entry that leads into the project: named as the project's own, also where that entry is a link. */
function inProjectByPath(command: string, project: string | null, path: string): string | null {
  if (project === null) return null;
  const found = onPath(command, path, (directory) => !isOf(directory, project));
  return found === null || isInside(found, project) ? found : join(realPath(dirname(found)), basename(found));
}

/** The directory that the bare name leads to, where that is the environment of something else than this project. */
function environmentFirst(command: string, project: string | null, path: string): string | null {
  const first = onPath(command, path);
  if (first === null) return null;
  const directory = realPath(dirname(first));
  return isEnvironment(directory) && !isOf(directory, project) ? dirname(first) : null;
}

function isOf(directory: string, project: string | null): boolean {
  return project !== null && isInside(`${directory}/`, project);
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function inProject(command: string, project: string): string | null {
  const paths = (PLACES[command] ?? []).map((place) => join(project, place, command));
  return paths.find(isProgram) ?? null;
}

/** Finds on PATH what the daemon would: relative entries are left out, and those (without links) that `isLeftOut` is true of. */
function onPath(command: string, path: string, isLeftOut: (directory: string) => boolean = () => false): string | null {
  const directories = path.split(delimiter).filter((entry) => isAbsolute(entry) && !isLeftOut(realPath(entry)));
  return directories.length === 0 ? null : Bun.which(command, { PATH: directories.join(delimiter) });
}
