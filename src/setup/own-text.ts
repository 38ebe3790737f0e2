// Writes a text file of the home: whole or not at all, to the file that a link of its name leads to. Nothing of the text is ever in
// an error: it may hold secrets.
import { fchmodSync, realpathSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { codeOf, EXIT, messageOf, OffhookError } from "../errors.ts";
import { files } from "../system/files.ts";
import { syncDirectory } from "../templates/consumer-file.ts";

/** Writes and syncs. `mode`: null keeps the file's own (0600 for a new one). Errors: it cannot be written (77; 1 for a full disk). */
export function writeOwnText(path: string, text: string, { home, mode }: { home: string; mode: number | null }): void {
  let temporary: string | null = null;
  try {
    const target = targetOf(path);
    const kept = statSync(target, { throwIfNoEntry: false })?.mode ?? 0o600;
    temporary = `${target}.${process.pid}`;
    rmSync(temporary, { force: true });
    const fd = files.create(temporary);
    try {
      // Before the first byte: whatever the umask is.
      fchmodSync(fd, mode ?? kept & 0o777);
      files.writeAll(fd, Buffer.from(text));
      files.sync(fd);
    } finally {
      files.close(fd);
    }
    files.rename(temporary, target);
    temporary = null;
    syncDirectory(dirname(target));
  } catch (error) {
    const isFull = ["ENOSPC", "EDQUOT"].includes(codeOf(error) ?? "");
    throw new OffhookError(
      isFull ? EXIT.failed : EXIT.permission,
      `${path} cannot be written: ${messageOf(error)}`,
      isFull ? "make room on its disk" : `make ${home} writable for you`,
    );
  } finally {
    if (temporary !== null) rmSync(temporary, { force: true });
  }
}

/** What a link leads to; the path itself where there is none. */
function targetOf(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return path;
    throw error;
  }
}
