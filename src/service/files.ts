// A service's files on the disk: compared, written whole or not at all, taken away. Never one that we did not write.
import {
  closeSync,
  fchmodSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { codeOf, EXIT, messageOf, OffhookError } from "../errors.ts";
import type { ServiceFiles } from "./plan.ts";
import { WRITTEN_BY } from "./unit.ts";

type ServiceFile = ServiceFiles[number];

/** The text at a path; null: nothing is there. */
export function textAt(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return null;
    throw new OffhookError(EXIT.permission, `${path} cannot be read: ${messageOf(error)}`, "look at what lies there");
  }
}

/** What writing this file would be. Error: somebody else's file is there (78). */
export function changeOf({ path, text, mode }: ServiceFile): "new" | "changed" | "same" {
  const there = textAt(path);
  if (there === null) return "new";
  if (!isOurs(there)) {
    throw new OffhookError(
      EXIT.config,
      `${path} was not written by offhook`,
      "move it away, then do this again; settings of your own belong into a drop-in: docs/service.md",
    );
  }
  return there === text && (lstatSync(path).mode & 0o777) === mode ? "same" : "changed";
}

/** Whether a unit or plist is one that we wrote. */
export function isOurs(text: string): boolean {
  return text.includes(WRITTEN_BY);
}

/** Writes a file beside itself and renames it into place, so that whoever reads it sees the old text or the new one. Error: 77. */
export function writeWhole({ path, text, mode }: ServiceFile): void {
  const part = `${path}.${process.pid}.part`;
  try {
    mkdirSync(dirname(path), { recursive: true });
    const fd = openSync(part, "wx", mode);
    try {
      fchmodSync(fd, mode); // Whatever the umask is.
      writeFileSync(fd, text);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(part, path);
  } catch (error) {
    rmSync(part, { force: true });
    throw notAllowed(path, error);
  }
}

/** Takes a file away if it is there. Error: 77. */
export function remove(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch (error) {
    throw notAllowed(path, error);
  }
}

function notAllowed(path: string, error: unknown): OffhookError {
  return new OffhookError(EXIT.permission, `${path}: ${messageOf(error)}`, "make it writable for you");
}
