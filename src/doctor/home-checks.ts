// Findings about the home: is it there, ours, closed to others, on a disk with room. Pure.
import { doubtful, type Finding, quoted, sizeText, well, wrong } from "./finding.ts";
import type { HomeFacts } from "./home-facts.ts";

/** Below the first nothing can be relied on; below the second a busy day may fill the disk (the ledger keeps up to 1 GiB). */
const NO_ROOM_BYTES = 64 * 2 ** 20;
const LITTLE_ROOM_BYTES = 512 * 2 ** 20;

/** Judges the home. */
export function homeFindings(home: HomeFacts): Finding[] {
  if (home.refusal !== null)
    return [wrong("home", "home", home.refusal.text, { where: home.path, mend: home.refusal.hint })];
  if (!home.exists)
    return [
      wrong("home", "home", "there is no home yet", { where: home.path, mend: "offhook setup, or offhook consume" }),
    ];
  return [
    well("home", "home", `${home.path} is there and yours`, home.path),
    ...permissionFindings(home),
    ...roomFindings(home),
    ...(home.network === null
      ? []
      : [
          wrong("home", "file-system", home.network, {
            where: home.path,
            mend: "set OFFHOOK_HOME to a directory on a local disk, for the hooks too",
          }),
        ]),
    ...(home.configError === null
      ? []
      : [
          wrong("home", "config", `config.toml is broken, no daemon can start with it: ${home.configError}`, {
            where: `${home.path}/config.toml`,
            mend: "mend the line, then: offhook doctor",
          }),
        ]),
  ];
}

function permissionFindings({ wide }: HomeFacts): Finding[] {
  if (wide.length === 0) return [well("home", "permissions", "only you can look into it")];
  return wide.map(({ path, mode, wanted }) =>
    wrong("home", "permissions", `others can ${(mode & 0o022) === 0 ? "read" : "write"} it (mode ${octal(mode)})`, {
      where: path,
      mend: `chmod ${octal(wanted)} ${quoted(path)}`,
      fix: "permissions",
    }),
  );
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}

function roomFindings({ path, freeBytes }: HomeFacts): Finding[] {
  if (freeBytes === null) return [];
  const free = `${sizeText(freeBytes)} free on its disk`;
  if (freeBytes < NO_ROOM_BYTES)
    return [
      wrong("home", "disk", `only ${free}: events may not be stored`, {
        where: path,
        mend: `make room: df -h ${quoted(path)}`,
      }),
    ];
  if (freeBytes < LITTLE_ROOM_BYTES)
    return [
      doubtful("home", "disk", `only ${free}`, {
        where: path,
        mend: "make room, or keep less: retention in config.toml, offhook prune",
      }),
    ];
  return [well("home", "disk", free)];
}
