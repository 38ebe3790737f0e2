// Trouble that passes when somebody makes room: nothing is wrong with the ledger or the spool, writing just has to wait.
import { codeOf } from "../errors.ts";

const PASSING = /^(SQLITE_FULL|SQLITE_IOERR|ENOSPC|EDQUOT|EIO)/;

/** Whether an error is of that kind: a full disk or quota, or a disk that does not answer. */
export function isDiskTrouble(error: unknown): boolean {
  return PASSING.test(codeOf(error) ?? "");
}
