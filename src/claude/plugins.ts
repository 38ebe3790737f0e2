// Plugins of Claude Code that call offhook themselves: their hooks run beside those of settings files. Only looks.
// Source: CONFIG/plugins/installed_plugins.json as Claude Code 2.1 writes it, { plugins: { ID: [ { installPath } ] } }.
import { join } from "node:path";
import { ownLine } from "./command.ts";
import { settingOf } from "./setting.ts";
import { bytesUpTo } from "./whole-file.ts";

/** What is longer is cut, and so no JSON: nobody writes that much by hand. */
const MOST_BYTES = 4 * 1024 * 1024;

/** A plugin by its id ("name@marketplace"), and the file in which it names offhook. */
export type PluginWithOurs = { id: string; file: string };

/** The plugins that are switched on in `settings` (the later file wins) and publish. What cannot be read is not there. */
export function pluginsWithOurs(configDir: string, settings: readonly string[]): PluginWithOurs[] {
  const enabled: Record<string, unknown> = Object.assign(
    {},
    ...settings.map((file) => table(settingOf(file, "enabledPlugins"))),
  );
  const installed = table(table(jsonOf(join(configDir, "plugins", "installed_plugins.json"))).plugins);
  return Object.entries(installed).flatMap(([id, places]) => {
    if (enabled[id] !== true) return [];
    const files = [places].flat().flatMap((place) => {
      const path = table(place).installPath;
      return typeof path === "string" && path.startsWith("/") ? hookFilesOf(path) : [];
    });
    const file = files.find((one) => hasOurs(jsonOf(one)));
    return file === undefined ? [] : [{ id, file }];
  });
}

/** A plugin names its hooks in hooks/hooks.json, in its manifest, or in files that the manifest names. */
function hookFilesOf(root: string): string[] {
  const manifest = join(root, ".claude-plugin", "plugin.json");
  const named = [table(jsonOf(manifest)).hooks].flat().filter((one) => typeof one === "string");
  return [join(root, "hooks", "hooks.json"), manifest, ...named.map((name) => join(root, name))];
}

function hasOurs(value: unknown): boolean {
  const events = Object.values(table(table(value).hooks));
  const groups = events.flatMap((event) => (Array.isArray(event) ? event : []));
  const entries = groups.flatMap((group) => [table(group).hooks].flat());
  return entries.some((entry) => ownLine(entry) !== null);
}

function jsonOf(path: string): unknown {
  try {
    const bytes = bytesUpTo(path, MOST_BYTES);
    return bytes === null ? null : JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return null; // Not ours to judge: Claude Code says what is wrong with a plugin.
  }
}

function table(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
