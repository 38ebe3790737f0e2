// Whether the files that this daemon opened still lie in its home. Somebody may delete or move the home while it runs: what
// is written to the old files then is nobody's any more, so this must be asked before the spool lets go of an event.
import { lstatSync } from "node:fs";
import { EXIT, OffhookError } from "../errors.ts";

/** Remembers the files at these paths. What it gives throws (1) when one of them is gone or another one by now. */
export function rememberFiles(home: string, paths: readonly string[]): () => void {
  const before = paths.map(identity);
  return () => {
    if (paths.every((path, index) => identity(path) === before[index])) return;
    throw new OffhookError(
      EXIT.failed,
      `the home ${home} was moved, deleted or replaced while this daemon ran in it`,
      "start it again: offhook consume. What waits in the spool of the home is not lost",
    );
  };
}

/** Device and inode: the daemon holds these files open, so that no other file can be given their numbers. */
function identity(path: string): string | null {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat === undefined ? null : `${stat.dev}:${stat.ino}`;
}
