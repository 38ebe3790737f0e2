// What keeps hooks from running though they are registered, or makes them run twice. Only looks, and only at files: switches of
// one run (--bare, CLAUDE_CODE_SIMPLE) cannot be seen here. Source of precedence: Claude Code 2.1.329, settings documentation.
import { join } from "node:path";
import { managedPaths, settingsPath } from "./places.ts";
import { pluginsWithOurs } from "./plugins.ts";
import { lastYes } from "./setting.ts";

/** A switch: its key, the file it stands in, and what it means for hooks, as a sentence. */
export type Switch = { key: string; file: string; means: string };

export type SwitchPlaces = { configDir: string; project: string | null; managed?: readonly string[] };

/** Every switch that is on; none where hooks run as they are registered. `managed`: the organisation's files, the later wins. */
export function switchedOff({ configDir, project, managed = managedPaths() }: SwitchPlaces): Switch[] {
  const own = [join(configDir, "settings.json")];
  if (project !== null)
    own.push(...(["project", "local"] as const).map((scope) => settingsPath(scope, { configDir, project })));
  const found: Switch[] = [];
  const add = (key: string, file: string | null, means: string) => {
    if (file !== null) found.push({ key, file, means });
  };
  const isTrue = (value: unknown) => value === true;
  // The last word counts: local before project before user, and the organisation's before all.
  add("disableAllHooks", lastYes("disableAllHooks", [...own, ...managed], isTrue), "no hook runs at all");
  add("allowManagedHooksOnly", lastYes("allowManagedHooksOnly", managed, isTrue), "only hooks of the organisation run");
  const strict = (value: unknown) => value === true || (Array.isArray(value) && value.includes("hooks"));
  add(
    "strictPluginOnlyCustomization",
    lastYes("strictPluginOnlyCustomization", managed, strict),
    "only hooks of plugins run, not those of settings files",
  );
  for (const { id, file } of pluginsWithOurs(configDir, [...own, ...managed]))
    add(
      `enabledPlugins.${id}`,
      file,
      "this plugin calls offhook too: each event is published twice, and one of the two skipped",
    );
  return found;
}
