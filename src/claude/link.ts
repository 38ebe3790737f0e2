// Where a path ends when its links are followed, also where nothing lies there yet.
import { lstatSync, readlinkSync, realpathSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { EXIT, OffhookError } from "../errors.ts";

const MOST_LINKS = 40;

/** The path of the file itself: every link followed, a link to nothing too. Errors: links in a circle (77), the system call's. */
export function targetOf(path: string): string {
  let at = resolve(path);
  for (let links = 0; links < MOST_LINKS; links++) {
    const stats = lstatSync(at, { throwIfNoEntry: false });
    if (stats?.isSymbolicLink() !== true) return join(realDirectory(dirname(at)), basename(at));
    at = resolve(dirname(at), readlinkSync(at));
  }
  throw new OffhookError(EXIT.permission, `${path} is a link that leads to itself`, "look at it: ls -l");
}

/** The directory without links, as far as it is there. */
function realDirectory(directory: string): string {
  if (lstatSync(directory, { throwIfNoEntry: false }) !== undefined) return realpathSync(directory);
  const above = dirname(directory);
  return above === directory ? directory : join(realDirectory(above), basename(directory));
}
