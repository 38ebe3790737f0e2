// What the doctor says about one thing it looked at: well or not, where, and how to mend it. Pure.

/** The headings that findings are shown under, in this order. */
export const GROUPS = ["hooks", "program", "home", "daemon", "cluster", "consumers", "service", "sessions"] as const;
export type Group = (typeof GROUPS)[number];

/** What `--fix` may do by itself; each is done once, whatever the number of findings that ask for it. */
export type Remedy = "permissions" | "hooks" | "service";

/**
 * `check`: a short name that stays the same, for programs. `where`: a path, or null. `mend`: what a person does, a command where there
 * is one; null where all is well. `fix`: what `--fix` does about it; null: it needs a person.
 */
export type Finding = {
  group: Group;
  check: string;
  level: "ok" | "warning" | "error";
  what: string;
  where: string | null;
  mend: string | null;
  fix: Remedy | null;
};

type Said = { where?: string | null; mend: string; fix?: Remedy | null };

/** Something that is as it should be. */
export function well(group: Group, check: string, what: string, where: string | null = null): Finding {
  return { group, check, level: "ok", what, where, mend: null, fix: null };
}

/** Something that keeps offhook from its work. */
export function wrong(group: Group, check: string, what: string, { where = null, mend, fix = null }: Said): Finding {
  return { group, check, level: "error", what, where, mend, fix };
}

/** Something that a person should know, and that may be as wanted. */
export function doubtful(group: Group, check: string, what: string, { where = null, mend, fix = null }: Said): Finding {
  return { group, check, level: "warning", what, where, mend, fix };
}

/** A path as a shell takes it, in a command to type. */
export function quoted(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

/** A number with its noun: "1 event", "3 events". */
export function counted(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}

/** A length of time in words for findings: "40 s", "12 min", "5 h", "3 d". */
export function span(ms: number): string {
  if (ms < 60_000) return `${Math.round(ms / 1000)} s`;
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)} min`;
  if (ms < 86_400_000) return `${Math.round(ms / 3_600_000)} h`;
  return `${Math.round(ms / 86_400_000)} d`;
}

/** A number of bytes in words: "12 MiB", "3.4 GiB". */
export function sizeText(bytes: number): string {
  if (bytes < 2 ** 20) return `${Math.ceil(bytes / 1024)} KiB`;
  return bytes < 2 ** 30 ? `${Math.round(bytes / 2 ** 20)} MiB` : `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}
