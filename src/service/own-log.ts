// launchd appends what the daemon prints to a file and never cuts it: so the daemon itself does, from time to time. systemd's
// journal keeps itself in bounds.
import { copyFileSync, fstatSync, ftruncateSync, rmSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { LABEL } from "./plist.ts";

const LIMIT_BYTES = 5 * 1024 * 1024;

/** The log that launchd writes for this process; null: this is not launchd's, or its output goes elsewhere. */
export function ownLog(env: Record<string, string | undefined> = process.env, userHome = homedir()): string | null {
  if (env.XPC_SERVICE_NAME !== LABEL) return null;
  const path = join(userHome, "Library/Logs/offhook.log");
  const [out, there] = [fstatSync(1), statSync(path, { throwIfNoEntry: false })];
  return there?.isFile() && there.ino === out.ino && there.dev === out.dev ? path : null;
}

/**
 * Keeps what a log holds in `LOG.1` and empties it, once it is larger than the limit. Only for the process that writes it: the file
 * is open for appending, so that the next line is its first. True: it was cut.
 */
export function cutLog(path: string, fd: number, limitBytes = LIMIT_BYTES): boolean {
  if (fstatSync(fd).size <= limitBytes) return false;
  try {
    copyFileSync(path, `${path}.1`);
  } catch {
    // A disk without room for both keeps neither: a log must not be what fills it.
    rmSync(`${path}.1`, { force: true });
  }
  ftruncateSync(fd, 0);
  return true;
}
