// Where this program is, in the words that hooks and services should use for it. Changes nothing.
import { existsSync, realpathSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";

/**
 * The path of this program that outlives an upgrade: `offhook` on PATH where that is this very file (a link that an upgrade
 * turns elsewhere stays a link), else the file itself. One in a repository is not taken while there is another.
 */
export function ownBinary(path: string = process.env.PATH ?? "", self: string = process.execPath): string {
  const found = Bun.which("offhook", { PATH: absoluteEntries(path) });
  const isOurs = found !== null && isAbsolute(found) && realPath(found) === realPath(self);
  return isOurs && repositoryOf(found) === null ? found : self;
}

/** The repository that a file lies in, or null; a home directory that is one itself does not count. */
export function repositoryOf(file: string, userHome: string = homedir()): string | null {
  for (let directory = dirname(file); ; directory = dirname(directory)) {
    if (directory === userHome || directory === dirname(directory)) return null;
    if (existsSync(join(directory, ".git"))) return directory;
  }
}

/** An entry like "." or "node_modules/.bin" means another directory everywhere. */
function absoluteEntries(path: string): string {
  return path.split(":").filter(isAbsolute).join(":");
}

function realPath(path: string): string | null {
  try {
    return realpathSync(path);
  } catch {
    return null;
  }
}
