// Brings the hooks in every noted settings file in line with the consumers that are there now, after files were added or removed
// by hand. A file that cannot be used is nobody else's trouble.
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { formFor } from "../claude/command.ts";
import type { Scope } from "../claude/places.ts";
import { forgetSettings, knownSettings } from "../claude/record.ts";
import { registeredHooks } from "../claude/registered.ts";
import { settingsText, textBefore } from "../claude/settings-file.ts";
import type { ClaudeVersion } from "../claude/version.ts";
import { hookSends, hooksWanted, type Unsent, type WantedHook } from "../claude/wanted.ts";
import type { Consumer } from "../config/schema.ts";
import { EXIT, OffhookError } from "../errors.ts";
import { realPathFinder } from "../event/project.ts";
import { applySettings } from "./apply.ts";
import { concerns, planSettings, type SettingsPlan } from "./plan.ts";

/** `gone`: noted files whose project is no more. `troubles`: files that stay as they are, and why. */
export type SyncPlan = {
  settings: SettingsPlan[];
  gone: string[];
  troubles: { path: string; why: string }[];
  unsent: Unsent[];
};

/**
 * Plans the hooks of every noted settings file. Errors: none is noted (66); `version` is null, and a hook would go for no other
 * reason (78).
 */
export function planSync(
  home: string,
  { consumers, version, binary }: { consumers: readonly Consumer[]; version: ClaudeVersion | null; binary: string },
): SyncPlan {
  const known = knownSettings(home);
  if (known.length === 0)
    throw new OffhookError(EXIT.notFound, "setup has written to no settings file yet", "offhook setup");
  const realPath = realPathFinder({ now: Date.now });
  const plan: SyncPlan = { settings: [], gone: [], troubles: [], unsent: hooksWanted(consumers, version).unsent };
  for (const { path, scope } of known) {
    const project = projectOf(path, scope);
    if (project !== null && !existsSync(project)) {
      plan.gone.push(path);
      continue;
    }
    const concerned = consumers.filter((consumer) => concerns(consumer, project, realPath));
    const { hooks } = hooksWanted(concerned, version);
    if (version === null) refuseToLose(path, concerned, hooks);
    try {
      const text = settingsText(path);
      // A checkout may have put a link there: two plans for one file would take each other's hooks out.
      if (known.some((one) => one.path !== path && one.scope === "user" && realPath(one.path) === realPath(path)))
        throw new OffhookError(EXIT.usage, `${path} is a link to your own settings now`, "take the link away");
      const seen = { path, text, original: textBefore(path, home), isNoted: true };
      const form = formFor(scope, version, binary);
      plan.settings.push(planSettings(seen, { scope, form, hooks }));
    } catch (error) {
      if (!(error instanceof OffhookError)) throw error;
      plan.troubles.push({ path, why: error.message });
    }
  }
  return plan;
}

/** Where `claude` is not on PATH a hook that somebody waits for must not go because its version is not known. Error: one would (78). */
function refuseToLose(path: string, consumers: readonly Consumer[], hooks: readonly WantedHook[]): void {
  const there = new Set(registeredHooks(path).hooks.map(({ event }) => event));
  const lost = [...new Set(consumers.flatMap((consumer) => hookSends(hooks, consumer)))].filter((one) =>
    there.has(one),
  );
  if (lost.length > 0)
    throw new OffhookError(
      EXIT.config,
      `which Claude Code this is, is not known, and not every one has ${lost.join(" and ")}: ${path} stays as it is`,
      "put claude on PATH first",
    );
}

/** Carries it out. Gives the backups by path. Errors: those of the steps. */
export function applySync(home: string, plan: SyncPlan, nowMs: number): Map<string, string | null> {
  for (const path of plan.gone) forgetSettings(home, path);
  const changed = plan.settings.filter(({ before, after }) => before !== after);
  return new Map(changed.map((settings) => [settings.path, applySettings(settings, { home, nowMs })]));
}

/** The project that a settings file belongs to; null for the user's. */
export function projectOf(path: string, scope: Scope): string | null {
  return scope === "user" ? null : dirname(dirname(path));
}
