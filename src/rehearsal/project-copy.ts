// A copy of a project for hooks to work in, so that the project stays as it is. Nothing leads from the copy to the project or to
// anywhere else: links that lead out are left out, and so is what is no file.
//
// 1. What belongs to it is listed and counted, before anything is written. 2. Files, each below directories that are no links.
// 3. The dependencies' directories, where they are not too large. 4. Links, last: nothing is written through them. 5. A git
// repository of its own with one commit, for tools that ask git.
import {
  chmodSync,
  constants,
  copyFileSync,
  lstatSync,
  mkdirSync,
  realpathSync,
  type Stats,
  statfsSync,
  symlinkSync,
  utimesSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import { codeOf, EXIT, OffhookError } from "../errors.ts";
import { filesBelow, findGit, listProject } from "./project-listing.ts";

/** `files`: the project's own, as paths below it, without dependencies. `left`: what is not in it, a sentence each. */
export type ProjectCopy = { path: string; files: string[]; sizeBytes: number; left: string[] };

/** The most that is copied; dependencies are counted by themselves. */
export type CopyLimits = { files: number; sizeBytes: number; dependencyFiles: number; dependencyBytes: number };

export const COPY_LIMITS: CopyLimits = {
  files: 50_000,
  sizeBytes: 500 * 1024 * 1024,
  dependencyFiles: 200_000,
  dependencyBytes: 1024 * 1024 * 1024,
};

const GIT_LIMIT_MS = 60_000;
/** Between two looks at whether the run was ended. */
const BATCH = 200;

/**
 * Copies `project` (absolute, without links) to `into`, which is not there yet. Errors: it has more than the limits allow, it does
 * not fit on the disk, `into` lies in it (1).
 */
export async function copyProject(
  project: string,
  into: string,
  path: string,
  limits: CopyLimits = COPY_LIMITS,
): Promise<ProjectCopy> {
  if (`${into}/`.startsWith(`${project === "/" ? "" : project}/`))
    throw new OffhookError(EXIT.failed, `${project} holds the benchmark's own files: it is no project`, HINT);
  const git = findGit(path, project);
  const listing = await listProject(project, git, limits.files);
  const measured = measure(project, listing.files);
  if (listing.files.length > limits.files || measured.sizeBytes > limits.sizeBytes)
    throw new OffhookError(
      EXIT.failed,
      `${project} is too large to be copied: more than ${limits.files} files or ${mib(limits.sizeBytes)}`,
      HINT,
    );
  const left = new Left();
  const dependencies = listing.dependencies.flatMap((directory) => {
    const { files } = filesBelow(project, directory, limits.dependencyFiles, () => false);
    const { sizeBytes } = measure(project, files);
    if (files.length <= limits.dependencyFiles && sizeBytes <= limits.dependencyBytes) return [{ files, sizeBytes }];
    left.say(`${directory} (more than ${limits.dependencyFiles} files or ${mib(limits.dependencyBytes)})`);
    return [];
  });
  const wantedBytes = dependencies.reduce((sum, { sizeBytes }) => sum + sizeBytes, measured.sizeBytes);
  checkRoom(dirname(into), wantedBytes);

  mkdirSync(into, { mode: 0o700 });
  const links: Link[] = [];
  const copied = await copyFiles(
    { project, into, files: [...new Set(listing.files)], isDependency: false },
    links,
    left,
  );
  for (const { files } of dependencies) await copyFiles({ project, into, files, isDependency: true }, links, left);
  for (const { at, target } of links) symlinkSync(target, join(into, at));
  if (listing.unnamed > 0) left.say(`${listing.unnamed} files whose names are no UTF-8`);
  if (listing.unread > 0) left.say(`${listing.unread} directories that you may not read`);
  if (listing.isGit) left.say("what git ignores, but for node_modules, .venv, venv and vendor; and the history");
  if (git !== null && listing.isGit && !(await makeRepository(git, into))) left.say("a git repository of its own");
  return { path: into, files: copied, sizeBytes: measured.sizeBytes, left: left.sentences() };
}

const HINT = "offhook bench --mine --project DIR-OF-A-SMALLER-ONE";

/** A link of the copy: where, and its text. */
type Link = { at: string; target: string };

type Copying = { project: string; into: string; files: readonly string[]; isDependency: boolean };

/** Copies files, and notes the links for later; gives the paths of the files that are there now. */
async function copyFiles(
  { project, into, files, isDependency }: Copying,
  links: Link[],
  left: Left,
): Promise<string[]> {
  const directories = new Map<string, boolean>([["", true]]);
  const copied: string[] = [];
  for (const [index, path] of files.entries()) {
    if (index % BATCH === BATCH - 1) await Bun.sleep(0);
    const from = join(project, path);
    const stats = lstatSync(from, { throwIfNoEntry: false });
    if (stats === undefined) continue; // git knows it, and it is gone.
    if (!makeDirectories(parentOf(path), project, into, directories)) left.count("leads out of the project", path);
    else if (stats.isSymbolicLink()) {
      const target = targetWithin(project, path, isDependency);
      if (target === null) left.count("leads out of the project, or nowhere", path);
      else links.push({ at: path, target });
    } else if (!stats.isFile()) left.count("is no file", path);
    else if (copyOne(from, join(into, path), stats)) copied.push(path);
    else left.count("cannot be read", path);
  }
  return copied;
}

/** Makes a directory and those above it in the copy. False: one of them is a link, or no directory, in the project. */
function makeDirectories(path: string, project: string, into: string, known: Map<string, boolean>): boolean {
  const before = known.get(path);
  if (before !== undefined) return before;
  const isReal =
    makeDirectories(parentOf(path), project, into, known) &&
    lstatSync(join(project, path), { throwIfNoEntry: false })?.isDirectory() === true;
  if (isReal) mkdirSync(join(into, path), { mode: 0o700, recursive: true });
  known.set(path, isReal);
  return isReal;
}

/** The text of a link in the copy: relative, to where the project's own ends. Null: that is not in the project, or nothing is there. */
function targetWithin(project: string, path: string, isDependency: boolean): string | null {
  try {
    const end = realpathSync(join(project, path));
    if (`${end}/`.startsWith(`${project}/`))
      return relative(dirname(path) === "." ? project : join(project, dirname(path)), end) || ".";
    // The interpreter of a virtual environment lies outside, and is only executed.
    const stats = lstatSync(end);
    return isDependency && stats.isFile() && (stats.mode & 0o111) !== 0 ? end : null;
  } catch (error) {
    if (codeOf(error) === null) throw error;
    return null;
  }
}

/** Copies one file, sharing its blocks where the file system can. False: it cannot be read. */
function copyOne(from: string, to: string, stats: Stats): boolean {
  try {
    copyFileSync(from, to, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
  } catch (error) {
    if (["EACCES", "EPERM", "ENOENT"].includes(codeOf(error) ?? "")) return false;
    throw error;
  }
  chmodSync(to, (stats.mode & 0o777) | 0o600);
  utimesSync(to, stats.atime, stats.mtime);
  return true;
}

function parentOf(path: string): string {
  const parent = dirname(path);
  return parent === "." ? "" : parent;
}

function measure(project: string, files: readonly string[]): { sizeBytes: number } {
  let sizeBytes = 0;
  for (const path of files) sizeBytes += lstatSync(join(project, path), { throwIfNoEntry: false })?.size ?? 0;
  return { sizeBytes };
}

function checkRoom(directory: string, wantedBytes: number): void {
  const { bavail, bsize } = statfsSync(directory);
  if (wantedBytes * 1.1 < bavail * bsize) return;
  const message = `a copy of the project needs ${mib(wantedBytes)}, and ${directory} has ${mib(bavail * bsize)} left`;
  throw new OffhookError(EXIT.failed, message, "make room there");
}

/** A repository with one commit: no template, no hook, no configuration of the user's. False: git failed. */
async function makeRepository(git: string, at: string): Promise<boolean> {
  const env = { PATH: "/usr/bin:/bin", HOME: dirname(at), GIT_CONFIG_NOSYSTEM: "1", GIT_TERMINAL_PROMPT: "0" };
  const quiet = ["-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0", "-c", "user.name=offhook bench"];
  const named = [...quiet, "-c", "user.email=bench@localhost", "-c", "core.autocrlf=false"];
  const steps = [
    ["init", "--quiet", "--template="],
    ["add", "--all"],
    ["commit", "--quiet", "--allow-empty", "--message", "a copy"],
  ];
  for (const step of steps) {
    const options = {
      cwd: at,
      env,
      stdin: "ignore",
      stdout: "ignore",
      stderr: "ignore",
      timeout: GIT_LIMIT_MS,
    } as const;
    if ((await Bun.spawn([git, ...named, ...step], options).exited) !== 0) return false;
  }
  return true;
}

/** Collects what is left out, so that it can be said without a line for each. */
class Left {
  #counts = new Map<string, string[]>();
  #said: string[] = [];

  count(why: string, path: string): void {
    const paths = this.#counts.get(why);
    if (paths === undefined) this.#counts.set(why, [path]);
    else paths.push(path);
  }

  say(sentence: string): void {
    this.#said.push(sentence);
  }

  sentences(): string[] {
    const counted = [...this.#counts].map(([why, paths]) => {
      const few = paths.slice(0, 3).map((path) => JSON.stringify(path));
      return `what ${why}: ${few.join(", ")}${paths.length > few.length ? ` and ${paths.length - few.length} more` : ""}`;
    });
    return [...this.#said, ...counted];
  }
}

function mib(bytes: number): string {
  return `${Math.ceil(bytes / 1024 / 1024)} MiB`;
}
