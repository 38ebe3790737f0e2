// Where things lie in a home, and the home itself as commands see it: checked, or an error for people.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { codeOf, EXIT, messageOf, OffhookError } from "../errors.ts";
import { checkHome, ensureHome, HomeError, homePath, makeHome } from "../spool/home.ts";

/** The files and directories of a home (absolute paths). */
export function pathsOf(home: string) {
  return {
    config: join(home, "config.toml"),
    consumers: join(home, "consumers"),
    secrets: join(home, "secrets.env"),
    ledger: join(home, "ledger.db"),
    logs: join(home, "logs"),
  };
}

/** Where the home is or would be. Error: there is no place for it (78). */
export function wantedHome(): string {
  return forPeople(() => homePath(process.env));
}

/** The home for a command that looks: null where there is none yet. Errors: not ours or not safe (77), no place for it (78). */
export function homeForLooking(): string | null {
  return forPeople(() => checkHome(homePath(process.env))?.path ?? null);
}

/** The home for a command that works in it: made where it is missing, with all its directories. Same errors. */
export function homeForWriting(): string {
  return forPeople(() => {
    const home = ensureHome(homePath(process.env)).path;
    makeHome(home);
    for (const directory of [pathsOf(home).consumers, pathsOf(home).logs])
      mkdirSync(directory, { recursive: true, mode: 0o700 });
    return home;
  });
}

function forPeople<T>(look: () => T): T {
  try {
    return look();
  } catch (error) {
    if (error instanceof HomeError)
      throw new OffhookError(error.kind === "unset" ? EXIT.config : EXIT.permission, error.message, error.hint);
    const isFull = ["ENOSPC", "EDQUOT"].includes(codeOf(error) ?? "");
    throw new OffhookError(
      isFull ? EXIT.failed : EXIT.permission,
      `the home cannot be used: ${messageOf(error)}`,
      `${isFull ? "make room on its disk" : "make it writable for you"}, or set OFFHOOK_HOME to another directory`,
    );
  }
}
