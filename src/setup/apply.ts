// Carries out a plan. The order: the home, secrets, consumer files, the service, and the settings last, so that no hook calls before
// somebody is there. Each step is whole or not at all; what fails leaves the steps before it, which a second run finds.
import { noteSettings } from "../claude/record.ts";
import { writeSettings } from "../claude/settings-file.ts";
import { homeForWriting } from "../config/paths.ts";
import { type Installed, install } from "../service/service.ts";
import { writeConsumerFile } from "../templates/consumer-file.ts";
import type { Choices } from "./choices.ts";
import { isServiceDone, type SettingsPlan, type SetupPlan } from "./plan.ts";
import { readSecretsText, withSecret, writeSecrets } from "./secrets-file.ts";

/** `written`: paths in order. `backup`: where the settings as they were lie; null: there was nothing to keep. */
export type Applied = { written: string[]; backup: string | null; service: Installed | null };

/** Carries out a plan; `step` is told of each step before it. Errors: those of the steps. */
export async function applySetup(
  plan: SetupPlan,
  choices: Choices,
  { nowMs, step }: { nowMs: number; step(what: string): void },
): Promise<Applied> {
  const home = homeForWriting();
  const written: string[] = [];
  if (plan.secrets.names.length > 0) {
    let text = readSecretsText(home) ?? "";
    for (const [name, value] of Object.entries(choices.secrets)) text = withSecret(text, name, value);
    writeSecrets(home, text);
    written.push(plan.secrets.path);
  }
  for (const file of plan.consumers.filter((one) => one.exists === null)) {
    writeConsumerFile(file);
    written.push(file.path);
  }
  let service: Installed | null = null;
  if (plan.service !== null && !isServiceDone(plan.service.outlook)) {
    step(`Starting the service (${plan.service.plan.manager})`);
    service = await install(plan.service.plan);
    written.push(...service.written);
  }
  const backup = applySettings(plan.settings, { home, nowMs });
  if (plan.settings.after !== plan.settings.before) written.push(plan.settings.path);
  return { written, backup, service };
}

/** Writes a settings file, and notes it first. Gives the backup's path. Errors: those of writeSettings. */
export function applySettings(
  { path, scope, form, before, after, hooks }: SettingsPlan,
  { home, nowMs }: { home: string; nowMs: number },
): string | null {
  // Hooks that nobody knows of would outlive an uninstall.
  if (hooks.length > 0) noteSettings(home, { path, scope, form: form.kind }, nowMs);
  return after === null || after === before ? null : writeSettings(path, after, home, before).backup;
}
