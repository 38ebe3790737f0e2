// `offhook uninstall`: hooks out of every settings file, then the service and the binary; with --purge the home too. Shows what
// would go, and asks.

import { homedir } from "node:os";
import { shownText } from "../claude/private-text.ts";
import { noMoreThan, parse } from "../cli/args.ts";
import { count, flush, oneLine, paint, print } from "../cli/print.ts";
import { EXIT, OffhookError } from "../errors.ts";
import { diffLines, remarkLines, shortPath } from "../setup/plan-lines.ts";
import {
  linkTarget,
  planRemoval,
  type RemovalPlan,
  removesNothing,
  type SettingsKept,
  type Unsettled,
} from "../setup/removal.ts";
import { type Removed, removeAll } from "../setup/remove.ts";
import { refusal } from "../setup/wizard.ts";
import { isTerminal } from "../system/libc.ts";

export async function run(argv: string[]): Promise<number> {
  const { values, positionals } = parse("uninstall", argv, {
    yes: { type: "boolean", short: "y" },
    purge: { type: "boolean" },
    "dry-run": { type: "boolean" },
    json: { type: "boolean" },
  });
  noMoreThan("uninstall", positionals, 0);
  const dryRun = values["dry-run"] === true;
  const json = values.json === true;
  const isAsked = values.yes !== true && !dryRun;
  if (isAsked && (json || !isTerminal(0) || !isTerminal(1))) throw needsYes();

  const plan = await planRemoval({ purge: values.purge === true });
  const changed = !removesNothing(plan);
  if (!json) for (const line of lines(plan)) print(line);
  if (!json && !changed) print("Nothing of offhook's is here to remove.");
  flush();
  const question = plan.purge ? "Remove all this, and the events with it?" : "Remove this?";
  const refused = changed && isAsked ? await refusal(question) : null;
  const removed = changed && !dryRun && refused === null ? await removeNow(plan, json) : null;
  if (json) print(JSON.stringify(jsonOf(plan, { dryRun, changed, removed })));
  else for (const line of removed === null ? undone(changed) : doneLines(plan, removed)) print(line);
  flush();
  return refused ?? EXIT.ok;
}

/** Ctrl-C would leave half of it: it waits until all is gone. */
async function removeNow(plan: RemovalPlan, json: boolean): Promise<Removed> {
  const wait = () => undefined;
  process.on("SIGINT", wait);
  try {
    return await removeAll(plan, (step) => {
      if (json) return;
      print(`${step} ...`);
      flush();
    });
  } finally {
    process.off("SIGINT", wait);
  }
}

function lines({
  settings,
  kept,
  service,
  binary,
  home,
  isHomeThere,
  purge,
  unsettled,
  foregroundPid,
}: RemovalPlan): string[] {
  const short = (path: string) => shortPath(path, homedir());
  const link = binary.why === null ? linkTarget(binary.path) : null;
  return [
    ...settings.flatMap(({ path, before, after, events }) => [
      paint(
        "bold",
        `${short(path)} (${after === null ? "removed: setup made it" : `without ${count(events.length, "hook")}`})`,
      ),
      ...diffLines(before, after),
      "",
    ]),
    ...remarkLines(kept.map(keptRemark), homedir()),
    ...(service === null
      ? []
      : [
          paint("bold", `service (${service.manager})`),
          ...service.removed.map((path) => `  remove ${short(path)}`),
          ...service.commands.map((command) => `  run: ${oneLine(command.join(" "))}`),
          "",
        ]),
    ...(binary.why === null
      ? [
          paint(
            "bold",
            `remove ${short(binary.path)}${link === null ? "" : `, a link to ${short(link)}, which stays`}`,
          ),
          "",
        ]
      : [`${short(binary.path)} stays: ${binary.why.replaceAll(binary.path, short(binary.path))}`]),
    ...(!isHomeThere
      ? []
      : purge
        ? [paint("bold", `remove ${short(home)}: events, consumer files, secrets, all of it`)]
        : [`${short(home)} stays, with its events and consumer files (--purge removes it too)`]),
    ...unsettledLines(unsettled, purge),
    ...(foregroundPid === null
      ? []
      : [`An offhook consume runs (pid ${foregroundPid}). End it with: kill ${foregroundPid}`]),
  ];
}

function keptRemark({ path, events }: SettingsKept): string {
  return `${path} keeps ${count(events.length, "hook")}: no setup of yours wrote there, so a colleague did, and without offhook they do nothing. To take them out: by hand; or note the file first, in that project: offhook setup --scope project`;
}

/** What has not been done: lost with a purge, and waiting without one. */
function unsettledLines({ spool, consumers }: Unsettled, purge: boolean): string[] {
  const parts = [
    ...(spool > 0 ? [`${count(spool, "event")} in the spool`] : []),
    ...consumers.map(({ name, lag, pending, dead }) => {
      const work = [
        lag > 0 ? `${lag} to decide on` : "",
        pending > 0 ? `${pending} to do` : "",
        dead > 0 ? count(dead, "dead letter") : "",
      ];
      return `${oneLine(name)}: ${work.filter(Boolean).join(", ")}`;
    }),
  ];
  if (parts.length === 0) return [];
  const what = purge ? "Not done yet, and gone then" : "Not done yet, and not done until offhook runs again";
  return [`${paint("red", "!")} ${what}: ${parts.join("; ")}`];
}

function undone(changed: boolean): string[] {
  return changed ? ["Nothing was changed."] : [];
}

function doneLines({ home, purge, isHomeThere }: RemovalPlan, removed: Removed): string[] {
  const short = (path: string) => shortPath(path, homedir());
  const left = removed.home?.left ?? [];
  return [
    "Removed.",
    ...removed.settings.flatMap(({ path, backup }) =>
      backup === null || purge ? [] : [`${short(path)} was changed since setup, so the backup stays: ${short(backup)}`],
    ),
    ...(left.length > 0 ? [`In ${short(home)} lies what is not offhook's: ${left.map(oneLine).join(", ")}`] : []),
    ...(isHomeThere && !purge ? [`To remove the rest: rm -r ${short(home)}`] : []),
  ];
}

function jsonOf(
  { home, isHomeThere, purge, settings, kept, forgotten, service, binary, unsettled }: RemovalPlan,
  { dryRun, changed, removed }: { dryRun: boolean; changed: boolean; removed: Removed | null },
) {
  return {
    dryRun,
    changed,
    purge,
    settings: settings.map(({ path, after, events }) => ({
      path,
      events,
      text: shownText(after),
      outcome: removed?.settings.find((one) => one.path === path)?.outcome ?? null,
      backup: removed?.settings.find((one) => one.path === path)?.backup ?? null,
    })),
    kept: kept.map((one) => ({ ...one, why: keptRemark(one) })),
    forgotten,
    service,
    binary: { path: binary.path, stays: binary.why },
    home: { path: home, there: isHomeThere, removed: removed?.home != null, left: removed?.home?.left ?? [] },
    unsettled,
  };
}

function needsYes(): OffhookError {
  return new OffhookError(
    EXIT.usage,
    "uninstall asks before it removes, and there is no terminal to ask on",
    "offhook uninstall --dry-run shows what would go, offhook uninstall --yes removes it",
  );
}
