// `offhook setup --sync`: the hooks in every settings file that setup has written to, in line with the consumers of now.
import { shownText } from "../claude/private-text.ts";
import { flush, oneLine, paint, print } from "../cli/print.ts";
import { EXIT, OffhookError } from "../errors.ts";
import { type Around, lookAround } from "../setup/around.ts";
import { remarkLines, settingsLines, shortPath } from "../setup/plan-lines.ts";
import { applySync, planSync, type SyncPlan } from "../setup/sync.ts";
import { refusal } from "../setup/wizard.ts";

/** Shows, asks where `isAsked`, and writes. Gives the exit code: 1 where a settings file could not be used. */
export async function syncHooks({
  dryRun,
  json,
  isAsked,
}: {
  dryRun: boolean;
  json: boolean;
  isAsked: boolean;
}): Promise<number> {
  const around = await lookAround({ project: null });
  if (!around.isHomeThere)
    throw new OffhookError(EXIT.notFound, "setup has written to no settings file yet", "offhook setup");
  const [broken] = around.broken;
  // From half a picture hooks would go that somebody waits for.
  if (broken !== undefined)
    throw new OffhookError(
      EXIT.config,
      `what ${broken.name} waits for is not known, its file is broken`,
      "mend it first; how: offhook status",
    );
  const plan = planSync(around.home, around);
  const changed = plan.gone.length > 0 || plan.settings.some(({ before, after }) => before !== after);
  if (!json) {
    for (const line of lines(plan, around)) print(line);
    if (!changed) print("The hooks are in line: nothing to change.");
    flush();
  }
  const refused = changed && isAsked ? await refusal("Write it?") : null;
  if (refused !== null) {
    print("Nothing was changed.");
    flush();
    return refused;
  }
  const isDone = changed && !dryRun;
  const backups = isDone ? applySync(around.home, plan, Date.now()) : new Map<string, string | null>();
  if (json) print(JSON.stringify(jsonOf(plan, { dryRun, changed, backups })));
  else if (changed) print(dryRun ? "Nothing was changed." : "Written. Running sessions take it up within seconds.");
  flush();
  return plan.troubles.length === 0 ? EXIT.ok : EXIT.failed;
}

function lines({ settings, gone, troubles, unsent }: SyncPlan, { userHome }: Around): string[] {
  const short = (path: string) => shortPath(path, userHome);
  return [
    ...settings.flatMap((one) => (one.before === one.after ? [] : [...settingsLines(one, short), ""])),
    ...gone.map((path) => `${short(path)}: its project is gone; it is forgotten`),
    ...remarkLines(
      unsent.map(({ consumer, event, why }) => `${consumer} waits for ${event}, which will not come: ${why}.`),
      userHome,
    ),
    ...troubles.map(({ why }) => `${paint("red", "!")} ${oneLine(why)}`),
  ];
}

function jsonOf(
  { settings, gone, troubles, unsent }: SyncPlan,
  { dryRun, changed, backups }: { dryRun: boolean; changed: boolean; backups: Map<string, string | null> },
) {
  return {
    dryRun,
    changed,
    settings: settings.map(({ path, scope, form, before, after, hooks }) => ({
      path,
      scope,
      form: form.kind,
      changed: before !== after,
      hooks,
      text: shownText(after),
      backup: backups.get(path) ?? null,
    })),
    forgotten: gone,
    troubles,
    unsent,
  };
}
