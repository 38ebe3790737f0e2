// Trouble that passes: nothing is wrong with the ledger or the spool, writing just has to wait until somebody acts.
import { codeOf } from "../errors.ts";

/**
 * What to do about an error of that kind: a full disk or quota, a disk that does not answer, a ledger that another program has
 * locked. Null for any other.
 */
export function passingTrouble(error: unknown): string | null {
  const code = codeOf(error) ?? "";
  if (/^(SQLITE_FULL|SQLITE_IOERR|ENOSPC|EDQUOT|EIO)/.test(code)) return "make room on its disk";
  if (/^SQLITE_(BUSY|LOCKED)/.test(code)) return "end the program that holds the ledger open for writing";
  return null;
}
