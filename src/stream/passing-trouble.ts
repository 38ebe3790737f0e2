// Trouble that passes: nothing is wrong with the ledger or the spool, writing just has to wait until somebody acts. Pure.
import { codeOf } from "../errors.ts";

/** disk-full: no room or no quota left. disk-error: it does not answer, or is read-only. ledger-locked: by another program. */
export type PassingTrouble = { kind: "disk-full" | "disk-error" | "ledger-locked"; advice: string };

/**
 * What kind of passing trouble an error is, and what a person can do; null for any other error. SQLite calls a used-up quota
 * an I/O error (seekAndWrite in os_unix.c knows only ENOSPC), so a disk-error may turn out to be a full disk.
 */
export function passingTrouble(error: unknown): PassingTrouble | null {
  const code = codeOf(error) ?? "";
  if (/^(SQLITE_FULL|ENOSPC|EDQUOT)$/.test(code)) return { kind: "disk-full", advice: "make room on its disk" };
  if (/^(SQLITE_IOERR|EIO$|EROFS$)/.test(code))
    return { kind: "disk-error", advice: "look at its disk and at the system's log" };
  if (/^SQLITE_(BUSY|LOCKED)/.test(code))
    return { kind: "ledger-locked", advice: "end the program that holds the ledger open for writing" };
  return null;
}
