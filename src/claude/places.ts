// Where Claude Code keeps its settings. Only paths: nothing here is read, but the names of the managed drop-ins.
import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { EXIT, OffhookError } from "../errors.ts";

/** Which settings file: the user's, the project's committed one, or the project's for this machine. */
export type Scope = "user" | "project" | "local";

export const SCOPES: readonly Scope[] = ["user", "project", "local"];

/** Where the organisation's settings lie. Source: Claude Code 2.1.329, settings documentation. */
export const MANAGED_DIRECTORY =
  process.platform === "darwin" ? "/Library/Application Support/ClaudeCode" : "/etc/claude-code";

/** Claude Code's own directory: $CLAUDE_CONFIG_DIR, else $HOME/.claude. Error: neither is set (78). */
export function configDirOf(env: Record<string, string | undefined>): string {
  if (env.CLAUDE_CONFIG_DIR) return resolve(env.CLAUDE_CONFIG_DIR);
  if (env.HOME?.startsWith("/")) return join(env.HOME, ".claude");
  throw new OffhookError(EXIT.config, "there is no place for Claude Code's settings", "set HOME, or CLAUDE_CONFIG_DIR");
}

/** The path of a settings file; `project` is the top of the project, which the scopes but "user" need. Error: it is null (64). */
export function settingsPath(
  scope: Scope,
  { configDir, project }: { configDir: string; project: string | null },
): string {
  if (scope === "user") return join(configDir, "settings.json");
  if (project === null)
    throw new OffhookError(EXIT.usage, `the ${scope} settings are a project's`, "say it from within a project");
  return join(project, ".claude", scope === "project" ? "settings.json" : "settings.local.json");
}

/** The organisation's settings files, in the order in which the later wins; they may not be there. */
export function managedPaths(directory = MANAGED_DIRECTORY): string[] {
  const dropIns = join(directory, "managed-settings.d");
  return [join(directory, "managed-settings.json"), ...jsonFilesIn(dropIns)];
}

function jsonFilesIn(directory: string): string[] {
  try {
    const names = readdirSync(directory).filter((name) => name.endsWith(".json") && !name.startsWith("."));
    return names.sort().map((name) => join(directory, name));
  } catch {
    return []; // Not there, or not ours to see: Claude Code of this user does not see them either.
  }
}
