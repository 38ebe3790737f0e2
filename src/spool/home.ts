// The home: where it is, whether it is safe to write to, and making it. On the hot path.
//
// Safe means that nobody but we and the system's owner could put something else in its place. Every directory on the way
// is looked at, and where the way goes through a symbolic link, the link and every directory of its target too. The home
// itself must be ours; a mode that lets others in is put right, if it is a home and nobody planted a spool in it.
import { files, type Look, nodeFs } from "../system/files.ts";

/** The home cannot be used: `unset` says that there is no place for it, `refused` that the place is not safe or not ours. */
export class HomeError extends Error {
  override readonly name = "HomeError";

  constructor(
    readonly kind: "unset" | "refused",
    message: string,
    readonly hint: string,
  ) {
    super(message);
  }
}

/** A home that can be used. `mended`: its mode let others in and was set to 0700 just now. */
export type UsableHome = { path: string; mended: boolean };

const ELSEWHERE = "set OFFHOOK_HOME to a directory of your own";
const OTHERS = 0o077;
const OTHERS_WRITE = 0o022;
const STICKY = 0o1000;
/** As many as Linux follows in one path (path_resolution(7)). */
const MAX_LINKS = 40;

/** The absolute path of the home, which may not be there yet: $OFFHOOK_HOME, else $HOME/.offhook. Errors: HomeError. */
export function homePath(env: Record<string, string | undefined>): string {
  const own = env.OFFHOOK_HOME;
  if (own) {
    if (!own.startsWith("/"))
      throw new HomeError("unset", `OFFHOOK_HOME is not an absolute path: ${own}`, "begin it with /");
    return withoutSlash(own);
  }
  const user = env.HOME;
  if (!user?.startsWith("/")) {
    throw new HomeError(
      "unset",
      user ? `HOME is not an absolute path: ${user}` : "HOME is not set",
      "set HOME, or OFFHOOK_HOME",
    );
  }
  return `${user === "/" ? "" : withoutSlash(user)}/.offhook`;
}

/** Looks at the home and the way to it; mends its mode. Null: it is not there. Errors: HomeError. */
export function checkHome(path: string): UsableHome | null {
  const found = walk(path);
  if (found === null) return null;
  const { at, here } = found;
  if (here.uid !== us()) throw refused(path, `belongs to another user (uid ${here.uid})`);
  if ((here.mode & OTHERS) === 0) return { path, mended: false };
  mend(path, at, here.mode);
  return { path, mended: true };
}

/** The home, made where it is missing. Errors: HomeError, or that of the system call. */
export function ensureHome(path: string): UsableHome {
  const home = checkHome(path);
  if (home !== null) return home;
  makeHome(path);
  // Somebody may have been quicker where others can write (/tmp): what is there now is looked at, not believed.
  const made = checkHome(path);
  if (made === null) throw refused(path, "could not be made", "look at what lies there");
  return made;
}

/** Makes the home and its spool, or what is missing of them, so that they outlive a power cut. Errors: the system call's. */
export function makeHome(path: string): void {
  for (const directory of [path, `${path}/spool`, `${path}/spool/tmp`, `${path}/spool/new`, `${path}/spool/bad`]) {
    const first = nodeFs().mkdirSync(directory, { recursive: true, mode: 0o700 });
    if (first === undefined) continue;
    for (let at = directory; at.length >= first.length; at = parentOf(at)) syncDirectory(parentOf(at));
  }
}

/** Writes a directory's entries to the disk. Errors: the system call's. */
export function syncDirectory(path: string): void {
  const fd = files.openDirectory(path);
  try {
    files.sync(fd);
  } finally {
    files.close(fd);
  }
}

/** Goes the way to `path` name by name; `at` is where it ends, free of links. Null: something on the way is not there. */
function walk(path: string): { at: string; here: Look } | null {
  const names = path.split("/");
  let at = "/";
  let here = lookOn(path, at);
  // Whoever has / has everything: root, or in a user namespace the id that stands for the root outside of it.
  const trusted = [0, us(), here?.uid ?? 0];
  let links = 0;
  while (here !== null) {
    const name = names.shift();
    if (name === undefined) return { at, here };
    if (name === "" || name === ".") continue;
    if (name === "..") {
      at = parentOf(at);
      here = lookOn(path, at);
      continue;
    }
    checkAncestor(path, at, here, trusted);
    const next: string = at === "/" ? `/${name}` : `${at}/${name}`;
    const there = lookOn(path, next);
    if (there?.kind === "link") {
      if (!trusted.includes(there.uid)) throw refused(path, `${next} is a link of another user (uid ${there.uid})`);
      if (++links > MAX_LINKS) throw refused(path, "goes through too many links");
      const target = nodeFs().readlinkSync(next);
      names.unshift(...target.split("/"));
      if (!target.startsWith("/")) continue;
      at = "/";
      here = lookOn(path, at);
      continue;
    }
    if (there?.kind === "other")
      throw refused(path, next === path ? "is not a directory" : `${next} is not a directory`);
    at = next;
    here = there;
  }
  return null;
}

function checkAncestor(path: string, at: string, here: Look, trusted: readonly number[]): void {
  if (!trusted.includes(here.uid))
    throw refused(path, `lies below ${at}, which belongs to another user (uid ${here.uid})`);
  if ((here.mode & OTHERS_WRITE) !== 0 && (here.mode & STICKY) === 0) {
    throw refused(
      path,
      `lies below ${at}, which others can write to`,
      `take that away (chmod go-w '${at}'), or ${ELSEWHERE}`,
    );
  }
}

function lookOn(path: string, at: string): Look | null {
  try {
    return files.look(at);
  } catch (error) {
    throw refused(path, `cannot be looked at: ${(error as Error).message}`);
  }
}

/** What a home holds; a directory that holds other things alone is none, and its mode is somebody's intention. */
const OURS = ["spool", "consumers", "config.toml", "ledger.db"];

function mend(path: string, at: string, mode: number): void {
  const names = nodeFs().readdirSync(at);
  if (names.length > 0 && !OURS.some((name) => names.includes(name))) {
    throw refused(
      path,
      "is open to other users and holds things that are not offhook's",
      `chmod 700 it, or ${ELSEWHERE}`,
    );
  }
  // First the door, then a look inside: now nobody can put anything there any more.
  nodeFs().chmodSync(at, 0o700);
  const planted = ["spool", "spool/tmp", "spool/new", "spool/bad"].find((name) => !isOurs(path, `${at}/${name}`));
  if (planted === undefined) return;
  nodeFs().chmodSync(at, mode); // Or the next one would believe it.
  throw refused(
    path,
    `is open to other users, and ${planted} in it is not a directory of yours`,
    `look at it and move it away, or ${ELSEWHERE}`,
  );
}

function isOurs(path: string, at: string): boolean {
  const there = lookOn(path, at);
  return there === null || (there.kind === "directory" && there.uid === us());
}

function refused(path: string, why: string, hint = ELSEWHERE): HomeError {
  return new HomeError(
    "refused",
    why.startsWith("/") ? `the home ${path} cannot be used: ${why}` : `the home ${path} ${why}`,
    hint,
  );
}

/** By hand: the first regular expression of a process costs 0.1 ms. */
function withoutSlash(path: string): string {
  return path.length > 1 && path.endsWith("/") ? withoutSlash(path.slice(0, -1)) : path;
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf("/")));
}

function us(): number {
  return process.geteuid?.() ?? 0;
}
