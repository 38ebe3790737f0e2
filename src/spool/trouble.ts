// Why an event could not be stored, as one line: what, where, what to do. Pure.
import { HomeError } from "./home.ts";

const REASONS: Record<string, (home: string) => string> = {
  ENOSPC: (home) => `the disk of ${home} is full; free some space there`,
  EDQUOT: (home) => `the disk quota at ${home} is used up; free some space there`,
  EFBIG: (home) => `the file in ${home} would be larger than this process may write; raise ulimit -f`,
  EROFS: (home) => `${home} is on a read-only file system; set OFFHOOK_HOME to a place that can be written`,
  EACCES: (home) => `${home} cannot be written; look at its owner and mode: ls -la '${home}'`,
  EPERM: (home) => `${home} cannot be written; look at its owner and attributes: ls -la '${home}'`,
  EMFILE: (home) => `too many files are open to write to ${home}; raise ulimit -n`,
  ENFILE: (home) => `too many files are open in the whole system to write to ${home}; end what holds them`,
  ENOENT: (home) => `${home} could not be made or was taken away; make it: mkdir -p '${home}'`,
  ENOTDIR: (home) => `on the way to ${home} lies something that is not a directory; look at it: ls -la '${home}'`,
  EEXIST: (home) => `in the place of ${home} lies something else; look at it: ls -la '${home}'`,
  EIO: (home) => `the disk of ${home} reports an error; look at the system's log`,
};

/** One line for stderr. `home` is null where there is no place for one. */
export function whyNotStored(error: unknown, home: string | null): string {
  const { isVisible = false } = error as { isVisible?: boolean };
  const what = isVisible ? "the event may not survive a power cut" : "the event was not stored";
  return `offhook: ${what}: ${oneLine(reasonOf(error, home ?? "the home"))}`;
}

function reasonOf(error: unknown, home: string): string {
  if (error instanceof HomeError) return `${error.message}; ${error.hint}`;
  const { code, message } = error as NodeJS.ErrnoException;
  const reason = code === undefined ? undefined : REASONS[code];
  return reason === undefined
    ? `${message ?? String(error)} at ${home}; look at what lies there`
    : `${reason(home)} (${code})`;
}

/** A home's name may hold anything but a slash. */
function oneLine(text: string): string {
  return text.replace(/[\r\n]+/g, " ");
}
