// The HOME that the user's hooks get in the benchmark: new, with the scripts in it that the user's own hooks name below theirs, so
// that what a hook writes to its HOME stays there. Nothing else of the user's home is read: no settings, no keys.
import { chmodSync, copyFileSync, mkdirSync, realpathSync, statSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { codeOf } from "../errors.ts";
import { filesBelow } from "./project-listing.ts";

/** What is looked at of a hook. */
type Naming = { command: string; args: string[] | null; source: string };

/** Where Claude Code's documentation puts scripts of hooks: they may need what lies beside them, so it is taken whole. */
const HOOKS = ".claude/hooks";
const MOST_FILES = 500;
const LARGEST_SCRIPT_BYTES = 4 * 1024 * 1024;
/** A script by its name. */
export const SCRIPT = /\.(?:sh|bash|zsh|py|[cm]?[jt]s|rb|pl|php)$/;

/** Makes `home` (new), and gives which path of the user's became which: for the text of commands. */
export function furnish(home: string, userHome: string, hooks: readonly Naming[]): [from: string, to: string][] {
  mkdirSync(home, { mode: 0o700 });
  // What a project's hook names is not ours to bring to it.
  const texts = hooks
    .filter(({ source }) => source === "user")
    .flatMap(({ command, args }) => [command, ...(args ?? [])]);
  const named = new Set(texts.flatMap((text) => namedBelow(userHome, text)));
  const wanted = new Set(named);
  if ([...named].some((path) => path.startsWith(`${HOOKS}/`))) for (const path of inHooks(userHome)) wanted.add(path);
  for (const path of wanted) if (!bring(join(userHome, path), join(home, path))) named.delete(path);
  return [...named].map((path) => [join(userHome, path), join(home, path)]);
}

/** The paths below the home that a command names, as a shell or a person writes them. */
function namedBelow(userHome: string, text: string): string[] {
  const literal = userHome.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const names = new RegExp(
    `(?:(?<![\\w./-])${literal}|(?<![\\w./-])~|\\$HOME|\\$\\{HOME\\})"?/([^\\s"'\`;&|<>()\\\\$*?]+)`,
    "g",
  );
  return [...text.matchAll(names)]
    .map(([, path = ""]) => normalize(path))
    .filter((path) => path !== "." && !path.startsWith(".."));
}

function inHooks(userHome: string): string[] {
  try {
    const top = realpathSync(join(userHome, HOOKS));
    const { files } = filesBelow(top, "", MOST_FILES, (_, name) => name === "node_modules");
    return files.length > MOST_FILES ? [] : files.map((file) => `${HOOKS}/${file}`);
  } catch (error) {
    if (codeOf(error) === null) throw error;
    return []; // It is not there, or not to be read: then what is named fails, and that is said.
  }
}

/** Copies one script, links followed: they are often kept elsewhere. False: it is none, or cannot be had. */
function bring(from: string, to: string): boolean {
  try {
    const { mode, size } = statSync(from);
    const isScript =
      statSync(from).isFile() && (SCRIPT.test(from) || (mode & 0o111) !== 0 || from.includes(`/${HOOKS}/`));
    if (!isScript || size > LARGEST_SCRIPT_BYTES) return false;
    mkdirSync(dirname(to), { recursive: true, mode: 0o700 });
    copyFileSync(from, to);
    chmodSync(to, (mode & 0o777) | 0o600);
    return true;
  } catch (error) {
    if (codeOf(error) === null) throw error;
    return false;
  }
}
