// The settings files that may hold hooks of ours: the user's, those of the project that we stand in, and every one that was noted
// when hooks were written into it. Looks only.
import { existsSync, realpathSync } from "node:fs";
import { type Scope, settingsPath } from "../claude/places.ts";
import { knownSettings } from "../claude/record.ts";
import { type RegisteredHook, registeredIn } from "../claude/registered.ts";
import { readSettings } from "../claude/settings-file.ts";
import { LARGEST_SETTINGS_BYTES, plainValue } from "../claude/settings-text.ts";
import { bytesUpTo } from "../claude/whole-file.ts";
import { projectFinder } from "../event/project.ts";
import { type EntryProblem, entryProblems } from "./entries.ts";

/**
 * `trouble`: why it cannot be read, with line and column where it does not parse, and what to do; null: it can, or is not there.
 * `isLoaded`: Claude Code takes it all the same (a key that is there twice), and offhook keeps away from it.
 */
export type SettingsFile = {
  scope: Scope;
  path: string;
  exists: boolean;
  trouble: { text: string; place: string; mend: string; isLoaded: boolean } | null;
  hooks: RegisteredHook[];
  problems: EntryProblem[];
  /** Since when hooks of ours are in it, in ms since 1970; null: not noted. */
  sinceMs: number | null;
};

/** `home`: the offhook home, null where there is none. Error: the record is damaged (78). */
export function lookAtSettings(configDir: string, project: string | null, home: string | null): SettingsFile[] {
  const known = home === null ? [] : knownSettings(home);
  const scopes: Scope[] = project === null ? ["user"] : ["user", "project", "local"];
  const here = scopes.map((scope) => ({ scope, path: settingsPath(scope, { configDir, project }) }));
  const seen = new Set<string>();
  const wanted = [...here, ...known].filter(({ path }) => {
    const real = existsSync(path) ? realpathSync(path) : path;
    return !seen.has(real) && seen.add(real) !== null;
  });
  return wanted.map(({ scope, path }) => {
    const since = known.find((one) => one.path === path)?.since ?? null;
    return lookAtFile(scope, path, since === null ? null : Date.parse(since));
  });
}

/** The project that a directory belongs to; null for the user's own home and what is above it. */
export function projectAt(cwd: string, userHome: string): string | null {
  const found = projectFinder({ now: Date.now })(null, cwd, null);
  const home = existsSync(userHome) ? realpathSync(userHome) : userHome;
  return found === null || found === "/" || `${home}/`.startsWith(`${found}/`) ? null : found;
}

function lookAtFile(scope: Scope, path: string, sinceMs: number | null): SettingsFile {
  const file: SettingsFile = { scope, path, exists: true, trouble: null, hooks: [], problems: [], sinceMs };
  const read = readSettings(path);
  switch (read.kind) {
    case "absent":
      return { ...file, exists: false };
    case "unreadable": {
      const place = `${path}:${read.line}:${read.column}`;
      return {
        ...file,
        trouble: { text: read.message, place, mend: "mend that place in an editor", isLoaded: isJson(path) },
      };
    }
    case "refused":
      return { ...file, trouble: { text: read.message, place: path, mend: read.hint, isLoaded: false } };
    case "ok": {
      const { body, root } = read.tree;
      const problems = root === null ? [] : entryProblems(plainValue(body, root));
      return { ...file, hooks: registeredIn(read.tree).hooks, problems };
    }
    default:
      return read satisfies never;
  }
}

function isJson(path: string): boolean {
  try {
    const bytes = bytesUpTo(path, LARGEST_SETTINGS_BYTES + 1);
    if (bytes === null || bytes.length > LARGEST_SETTINGS_BYTES) return false;
    JSON.parse(new TextDecoder().decode(bytes));
    return true;
  } catch {
    return false;
  }
}
