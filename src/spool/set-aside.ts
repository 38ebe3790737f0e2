// Moves what is no event out of the way, whatever it is and whatever it is called. What cannot be moved (a directory that
// may not be written, for one) stays where it is: nothing else waits for it.
import { lstatSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { codeOf, messageOf } from "../errors.ts";

/** As many bytes as a name may have, and as many as are kept of one that needs another ending. */
const NAME_MAX_BYTES = 255;
const KEPT_BYTES = 180;

/** Moves the entry `name` of `from` to `to`. Null: it is not in `from` any more; else why it stays there. */
export function setAside(from: string, to: string, name: string): string | null {
  try {
    mkdirSync(to, { recursive: true, mode: 0o700 });
    renameSync(pathOf(from, name), join(to, freeName(to, name)));
    return null;
  } catch (error) {
    return codeOf(error) === "ENOENT" ? null : messageOf(error);
  }
}

/** readdir gives text: a name that is no UTF-8 is only reached by its bytes. */
function pathOf(directory: string, name: string): string | Buffer {
  if (!name.includes("\ufffd")) return join(directory, name);
  const raw = readdirSync(directory, { encoding: "buffer" }).find((bytes) => bytes.toString("utf8") === name);
  return raw === undefined ? join(directory, name) : Buffer.concat([Buffer.from(`${directory}/`), raw]);
}

/** Never over what lies there: an earlier stranger of the same name keeps its own. */
function freeName(directory: string, name: string): string {
  const isShort = Buffer.byteLength(name) <= NAME_MAX_BYTES;
  if (isShort && lstatSync(join(directory, name), { throwIfNoEntry: false }) === undefined) return name;
  const kept = Buffer.from(name).subarray(0, KEPT_BYTES).toString("utf8");
  return `${kept}.${Bun.randomUUIDv7()}`;
}
