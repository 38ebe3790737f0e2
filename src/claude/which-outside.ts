// Where a program is on PATH, for one that is to be run: a repository that we stand in must not be able to put its own there.
import { realpathSync } from "node:fs";
import { codeOf } from "../errors.ts";

/**
 * Makes the finder of programs on a PATH: an entry that is not absolute means another directory everywhere and is left out, and
 * with a project (absolute, without links) what lies in it too.
 */
export function whichOutside(project: string | null, path: string): (name: string) => string | null {
  const entries = path.split(":").filter((entry) => entry.startsWith("/") && !isWithin(entry, project));
  return (name) => {
    const found = entries.length === 0 ? null : Bun.which(name, { PATH: entries.join(":") });
    return found === null || isWithin(found, project) ? null : found;
  };
}

/** Whether a path, links followed, is a project or lies in it. */
export function isWithin(path: string, project: string | null): boolean {
  return project !== null && `${realPath(path)}/`.startsWith(`${project}/`);
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if (codeOf(error) === null) throw error;
    return path;
  }
}
