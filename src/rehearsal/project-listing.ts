// Which files belong to a project: what git knows and what is not ignored, else what lies there. Only names; nothing of the project
// is executed, neither by its git configuration, and no link is followed.
import { type Dirent, lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { codeOf } from "../errors.ts";

/**
 * Paths below the project's top. `dependencies`: directories that hooks' tools need and that git ignores. `unnamed`: names that are
 * no UTF-8; `unread`: directories that may not be read.
 */
export type Listing = { files: string[]; dependencies: string[]; isGit: boolean; unnamed: number; unread: number };

const GIT_LIMIT_MS = 60_000;
const LARGEST_LIST_BYTES = 64 * 1024 * 1024;
const DEEPEST_NESTING = 8;
/** What a package manager fills. */
const DEPENDENCIES = ["node_modules", ".venv", "venv", "vendor"];
/** What is built from the rest, where git does not say what is ignored. */
const LEFT_WITHOUT_GIT = ["dist"];

/** git as it is asked about repositories of others: their configuration names no program that runs, and no lock is taken. */
const QUIET = ["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.untrackedCache=false"];

/**
 * A repository that lacks objects has git fetch them while it lists names, by a program that its configuration may name. The first
 * forbids that (git 2.44 and what was mended since), an empty list of transports all of them in every version (git(1)).
 */
const FETCHING_NOTHING = { GIT_NO_LAZY_FETCH: "1", GIT_ALLOW_PROTOCOL: "" };

/** What belongs to the project at `top`, at most `limit` files and one more. `git`: the program; null: there is none. */
export async function listProject(top: string, git: string | null, limit: number): Promise<Listing> {
  const listing: Listing = { files: [], dependencies: [], isGit: false, unnamed: 0, unread: 0 };
  listing.isGit = git !== null && (await addFromGit(top, "", git, limit, 0, listing));
  if (!listing.isGit) addFromDisk(top, "", limit, listing);
  return listing;
}

/** The git on a PATH that is not in the project; null: none. */
export function findGit(path: string, project: string): string | null {
  const entries = path.split(":").filter((entry) => entry.startsWith("/") && !`${entry}/`.startsWith(`${project}/`));
  return Bun.which("git", { PATH: entries.join(":") });
}

/** Every file below a directory, links as such, at most `limit` and one more; `isLeft` says of a directory's path that it stays out. */
export function filesBelow(
  top: string,
  below: string,
  limit: number,
  isLeft: (path: string, name: string) => boolean,
): Pick<Listing, "files" | "unnamed" | "unread"> {
  const found = { files: [] as string[], unnamed: 0, unread: 0 };
  const open = [below];
  for (let directory = open.pop(); directory !== undefined; directory = open.pop()) {
    const entries = entriesOf(join(top, directory));
    if (entries === null) found.unread++;
    for (const entry of entries ?? []) {
      const path = directory === "" ? entry.name : `${directory}/${entry.name}`;
      if (isGitsOwn(entry.name)) continue;
      if (!isNamed(entry.name)) found.unnamed++;
      else if (!entry.isDirectory()) found.files.push(path);
      else if (!isLeft(path, entry.name)) open.push(path);
      if (found.files.length > limit) return found;
    }
  }
  return found;
}

/** Adds what git says of a directory below the top, nested repositories too. False: it says nothing of use. */
async function addFromGit(
  top: string,
  below: string,
  git: string,
  limit: number,
  depth: number,
  to: Listing,
): Promise<boolean> {
  const at = join(top, below);
  const names = await askGit(git, at, ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
  // All that lies there may be ignored by a repository far above, for instance one of the home directory's own files.
  if (names === null || (names.length === 0 && entriesOf(at)?.length !== 0)) return false;
  for (const name of new Set(names)) {
    const path = below === "" ? name.replace(/\/$/, "") : `${below}/${name.replace(/\/$/, "")}`;
    if (!isNamed(path)) to.unnamed++;
    else if (!isInside(path)) continue;
    else if (isRealDirectory(join(top, path))) {
      // A submodule, or a repository in a repository.
      const isListed = depth < DEEPEST_NESTING && (await addFromGit(top, path, git, limit, depth + 1, to));
      if (!isListed) addFromDisk(top, path, limit, to);
    } else to.files.push(path);
    if (to.files.length > limit) return true;
  }
  const ignored = await askGit(git, at, [
    "ls-files",
    "-z",
    "--others",
    "--ignored",
    "--exclude-standard",
    "--directory",
  ]);
  for (const name of ignored ?? []) {
    const path = (below === "" ? name : `${below}/${name}`).replace(/\/$/, "");
    const isWanted = name.endsWith("/") && DEPENDENCIES.includes(path.split("/").at(-1) ?? "");
    if (isWanted && isInside(path) && isNamed(path)) to.dependencies.push(path);
  }
  return true;
}

function addFromDisk(top: string, below: string, limit: number, to: Listing): void {
  const { files, unnamed, unread } = filesBelow(top, below, limit - to.files.length, (path, name) => {
    if (DEPENDENCIES.includes(name)) to.dependencies.push(path);
    return DEPENDENCIES.includes(name) || LEFT_WITHOUT_GIT.includes(name);
  });
  to.files.push(...files);
  to.unnamed += unnamed;
  to.unread += unread;
}

/** Runs git in a directory and gives the names it prints; null where it fails. */
async function askGit(git: string, at: string, args: string[]): Promise<string[] | null> {
  const { PATH = "/usr/bin:/bin", HOME = "/", XDG_CONFIG_HOME } = process.env;
  const env = { PATH, HOME, GIT_OPTIONAL_LOCKS: "0", GIT_TERMINAL_PROMPT: "0", ...FETCHING_NOTHING };
  const child = Bun.spawn([git, ...QUIET, ...args], {
    cwd: at,
    env: XDG_CONFIG_HOME === undefined ? env : { ...env, XDG_CONFIG_HOME },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore",
    timeout: GIT_LIMIT_MS,
    maxBuffer: LARGEST_LIST_BYTES,
  });
  const [text] = await Promise.all([child.stdout.text(), child.exited]);
  return child.exitCode === 0 ? text.split("\0").filter((name) => name !== "") : null;
}

/** Names come as UTF-8; one that is not cannot be told from another, and is left. */
function isNamed(name: string): boolean {
  return !name.includes("\uFFFD");
}

function isInside(path: string): boolean {
  return (
    !path.startsWith("/") &&
    !path.split("/").some((part) => part === "" || part === "." || part === ".." || isGitsOwn(part))
  );
}

function isGitsOwn(name: string): boolean {
  return name.toLowerCase() === ".git";
}

function isRealDirectory(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function entriesOf(directory: string): Dirent[] | null {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch (error) {
    if (codeOf(error) === null) throw error;
    return null; // Not to be read, or gone meanwhile.
  }
}
