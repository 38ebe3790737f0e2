// Which project a setup is about. Only looks.

import { realpathSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { resolve } from "node:path";
import { EXIT, OffhookError } from "../errors.ts";
import { projectFinder } from "../event/project.ts";
import { whereWeStand } from "../system/standing.ts";

/**
 * The project, absolute and without links: what was named, else the repository that we stand in, else the directory. Null at home
 * and above it: a home that is a repository is no project, its settings would be the user's own. Error: no such directory (66).
 */
export function projectHere(named: string | null): string | null {
  const userHome = realPath(homedir());
  if (named !== null) {
    const path = resolve(whereWeStand(), named);
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true)
      throw new OffhookError(EXIT.notFound, `there is no directory ${path}`, "name a project's directory");
    return realPath(path);
  }
  const cwd = realPath(whereWeStand());
  if (isAtOrAbove(cwd, userHome)) return null;
  const found = projectFinder({ now: Date.now })(null, cwd, null);
  return found === null || isAtOrAbove(found, userHome) ? null : found;
}

function isAtOrAbove(path: string, other: string): boolean {
  return path === "/" || `${other}/`.startsWith(`${path}/`);
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
