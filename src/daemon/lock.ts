// One process a home holds the ledger: an OS lock on daemon.lock, which the system frees however that process ends.
// The file's text says who holds it, for people and for `status`; only the lock itself counts.
import { closeSync, constants, fstatSync, ftruncateSync, lstatSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { codeOf, EXIT, messageOf, OffhookError } from "../errors.ts";
import { lockExclusive, lockShared, unlock } from "../system/libc.ts";

/** `command`: no daemon, but a command that changes something and ends soon. */
export type Holder = { pid: number; startedAt: string; command?: string };

const TRY_EVERY_MS = 10;
/** Who only looks has it for a moment; a command that changes something, for a while. */
const LOOK_MS = 200;
const COMMAND_MS = 10_000;

/** Takes the lock of a home for this process, for as long as it lives; waits for a command. Error: somebody holds it (75). */
export async function takeLock(home: string, holder: Holder): Promise<void> {
  const fd = openLock(home, constants.O_RDWR | constants.O_CREAT);
  // `status` holds it for a moment while it looks: try again before believing that a daemon is there.
  const beganMs = performance.now();
  while (!lockExclusive(fd)) {
    const other = readHolder(home);
    if (performance.now() - beganMs > (other?.command === undefined ? LOOK_MS : COMMAND_MS)) {
      closeSync(fd);
      throw new OffhookError(
        EXIT.busy,
        `${other?.command === undefined ? "another offhook consume" : `offhook ${other.command}`}${other === null ? "" : ` (pid ${other.pid}, since ${other.startedAt})`} holds ${home}`,
        "look at `offhook status`; end that one first, or set OFFHOOK_HOME to another home",
      );
    }
    await Bun.sleep(TRY_EVERY_MS);
  }
  const text = `${JSON.stringify(holder)}\n`;
  try {
    // Written over, then cut: on a full disk that takes no block that is not there.
    writeSync(fd, text, 0);
    ftruncateSync(fd, Buffer.byteLength(text));
  } catch (error) {
    throw new OffhookError(
      EXIT.failed,
      `the lock in ${home} cannot be written: ${messageOf(error)}`,
      "make room on its disk; what waits in the spool is not lost",
    );
  }
}

/** Who holds the lock of a home right now; null: nobody. */
export function lockHolder(home: string): Holder | null {
  if (lstatSync(join(home, "daemon.lock"), { throwIfNoEntry: false }) === undefined) return null;
  const fd = openLock(home, constants.O_RDONLY);
  try {
    if (lockShared(fd)) {
      unlock(fd);
      return null;
    }
    return readHolder(home);
  } finally {
    closeSync(fd);
  }
}

/** Not through a link, and without waiting where somebody put a FIFO. Errors: no plain file (78), not ours to open (77). */
function openLock(home: string, flags: number): number {
  const path = join(home, "daemon.lock");
  const notAFile = () =>
    new OffhookError(EXIT.config, `${path} is not a plain file`, "look at what lies there, and move it away");
  let fd: number;
  try {
    fd = openSync(path, flags | constants.O_NOFOLLOW | constants.O_NONBLOCK, 0o600);
  } catch (error) {
    const code = codeOf(error);
    if (code !== "EACCES" && code !== "EPERM" && code !== "EROFS") throw notAFile();
    throw new OffhookError(
      EXIT.permission,
      `the lock cannot be opened: ${messageOf(error)}`,
      `make ${home} and what is in it writable for you`,
    );
  }
  try {
    if (fstatSync(fd).isFile()) return fd;
  } catch (error) {
    closeSync(fd);
    throw new OffhookError(EXIT.failed, `the lock in ${home} cannot be read: ${messageOf(error)}`, "look at its disk");
  }
  closeSync(fd);
  throw notAFile();
}

function readHolder(home: string): Holder | null {
  try {
    const holder = JSON.parse(readFileSync(join(home, "daemon.lock"), "utf8"));
    return typeof holder?.pid === "number" ? holder : null;
  } catch {
    return null; // Being written this moment: the lock is held, by whom is not known yet.
  }
}
