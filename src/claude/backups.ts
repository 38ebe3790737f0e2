// Copies of settings files before we wrote them: HOME/backups/NAME.HASH.original and .previous, two a file at most. The name tells
// which file it was: its path with "-" for "/", and a hash of the whole path.
//
// original: as it was before it had a hook of ours; in an .absent file: there was none, and which directories were made for it.
// previous: as it was before the last write, when that is something else.
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { without } from "./merge.ts";
import { bytesOf, removeEmpty, writeWhole } from "./whole-file.ts";

/** What is known of a file before us. `directories`: made by us, the deepest first. `path`: where it is kept. */
export type Original =
  | { kind: "text"; text: string; path: string }
  | { kind: "absent"; directories: string[]; path: null }
  | { kind: "unknown"; path: null };

const LONGEST_NAME = 120;
/** Settings may hold keys and tokens. */
const OURS_ALONE = { mode: 0o600, owner: null };

/** Keeps what a file is before it is written (null: there is none); gives where. */
export function backUp(
  home: string,
  target: string,
  present: string | null,
  directories: readonly string[],
): string | null {
  const at = pathsOf(home, target);
  const isOriginal = present === null || !hasOurs(present) || originalOf(home, target).kind === "unknown";
  if (isOriginal) dropBackups(home, target);
  mkdirSync(join(home, "backups"), { recursive: true, mode: 0o700 });
  if (present === null) {
    writeWhole(at.absent, `${JSON.stringify(directories)}\n`, OURS_ALONE);
    return null;
  }
  const path = isOriginal ? at.original : at.previous;
  writeWhole(path, present, OURS_ALONE);
  return path;
}

/** What a file was before us. */
export function originalOf(home: string, target: string): Original {
  const at = pathsOf(home, target);
  const bytes = bytesOf(at.original);
  if (bytes !== null)
    return { kind: "text", text: new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes), path: at.original };
  const absent = bytesOf(at.absent);
  return absent === null
    ? { kind: "unknown", path: null }
    : { kind: "absent", directories: listIn(absent), path: null };
}

/** Removes what is kept of a file, and the directory of backups when it was the last. */
export function dropBackups(home: string, target: string): void {
  for (const path of Object.values(pathsOf(home, target))) rmSync(path, { force: true });
  removeEmpty(join(home, "backups"));
}

function pathsOf(home: string, target: string) {
  const hash = new Bun.CryptoHasher("sha256").update(target).digest("hex").slice(0, 8);
  const name = target
    .replace(/[^A-Za-z0-9._-]+/g, "-")
    .replace(/^-+/, "")
    .slice(-LONGEST_NAME);
  const path = (kind: string) => join(home, "backups", `${name}.${hash}.${kind}`);
  return { original: path("original"), previous: path("previous"), absent: path("absent") };
}

function hasOurs(text: string): boolean {
  const left = without(text);
  return left.kind === "ok" && left.removed.length > 0;
}

function listIn(bytes: Uint8Array): string[] {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
  } catch {
    return []; // Then the directories stay.
  }
}
