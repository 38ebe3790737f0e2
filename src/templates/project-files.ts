// The files of a project that speak for tools: names two levels deep and a few texts. Reads only, a bounded amount of it, and
// nothing that is no plain file; it never looks into node_modules and its like.
import {
  accessSync,
  closeSync,
  constants,
  type Dirent,
  existsSync,
  fstatSync,
  opendirSync,
  openSync,
  statSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { textOf } from "../config/own-file.ts";
import { isProblem, parseToml, type TomlTable } from "../config/toml.ts";

const MOST_ENTRIES = 2_000;
const MOST_DIRECTORIES = 50;
const MAX_BYTES = 1024 * 1024;
const LEFT_OUT = /^(\..*|node_modules|bower_components|vendor|venv|env|target|dist|build|out|coverage|__pycache__)$/;

/** What was found. Paths are relative to the project; nothing there, or not what it should be, is null. */
export type ProjectFiles = {
  /** The first name, at the top or one directory down, that a pattern matches whole; those at the top come first. */
  first(pattern: RegExp): string | null;
  /** The same at the top alone. */
  top(pattern: RegExp): string | null;
  /** The same in one directory at the top. */
  inside(directory: string, pattern: RegExp): string | null;
  text(name: string): string | null;
  json(name: string): Record<string, unknown> | null;
  toml(name: string): TomlTable | null;
};

/** Looks at a project (absolute). One that cannot be read has nothing. */
export function lookAt(project: string): ProjectFiles {
  const atTop = entriesOf(project);
  const directories = atTop.filter((entry) => entry.isDirectory() && !LEFT_OUT.test(entry.name));
  const top = namesOf(atTop);
  const below = directories
    .slice(0, MOST_DIRECTORIES)
    .map(({ name }) => name)
    .sort()
    .flatMap((directory) => namesOf(entriesOf(join(project, directory))).map((name) => ({ directory, name })));
  const text = (name: string) => textIn(join(project, name));
  return {
    first(pattern) {
      const found = below.find(({ name }) => pattern.test(name));
      return (
        top.find((name) => pattern.test(name)) ?? (found === undefined ? null : `${found.directory}/${found.name}`)
      );
    },
    top: (pattern) => top.find((name) => pattern.test(name)) ?? null,
    inside(directory, pattern) {
      const found = below.find((one) => one.directory === directory && pattern.test(one.name));
      return found === undefined ? null : `${directory}/${found.name}`;
    },
    text,
    json(name) {
      const source = text(name);
      return source === null ? null : jsonTable(source);
    },
    toml(name) {
      const source = text(name);
      const parsed = source === null ? null : parseToml(source);
      return parsed === null || isProblem(parsed) ? null : parsed.table;
    },
  };
}

/** Whether a path is a file that we may execute. */
export function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false; // not there, or not for us: no program either way
  }
}

/**
 * Whether a directory of commands (absolute, without links) is that of one environment: a virtual one of Python, which has a
 * pyvenv.cfg above its bin (PEP 405), or node_modules/.bin.
 */
export function isEnvironment(directory: string): boolean {
  return directory.endsWith("/node_modules/.bin") || existsSync(join(dirname(directory), "pyvenv.cfg"));
}

function entriesOf(directory: string): Dirent[] {
  const entries: Dirent[] = [];
  try {
    const open = opendirSync(directory);
    try {
      for (let entry = open.readSync(); entry !== null && entries.length < MOST_ENTRIES; entry = open.readSync())
        entries.push(entry);
    } finally {
      open.closeSync();
    }
  } catch {
    // A directory that cannot be read speaks for nothing.
  }
  return entries;
}

function namesOf(entries: readonly Dirent[]): string[] {
  return entries
    .filter((entry) => !entry.isDirectory())
    .map(({ name }) => name)
    .sort();
}

function textIn(path: string): string | null {
  try {
    // O_NONBLOCK: a FIFO of that name would hold us for ever.
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stats = fstatSync(fd);
      return stats.isFile() && stats.size <= MAX_BYTES ? textOf(fd, stats.size) : null;
    } finally {
      closeSync(fd);
    }
  } catch {
    return null; // the same as a file that is not there: it speaks for nothing
  }
}

function jsonTable(source: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(source);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : null;
  } catch {
    return null; // a file with mistakes, or with comments, speaks for nothing
  }
}
