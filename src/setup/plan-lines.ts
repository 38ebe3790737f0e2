// A plan as a person reads it: every new file whole, the settings as a diff, the service with its commands, what to know. Pure but
// for the colours.
import { shownText } from "../claude/private-text.ts";
import { count, oneLine, paint } from "../cli/print.ts";
import { type DiffLine, diffOf } from "./diff.ts";
import { isServiceDone, type SettingsPlan, type SetupPlan } from "./plan.ts";

/** The lines of a setup's plan, in the order in which it is carried out. */
export function planLines(plan: SetupPlan, userHome: string): string[] {
  const short = (path: string) => shortPath(path, userHome);
  const { secrets, service, settings } = plan;
  const created = plan.consumers.filter((file) => file.exists === null);
  const parts: string[][] = [
    ...created.map(({ path, text }) => fileLines(`new file ${short(path)}`, text)),
    ...(secrets.names.length === 0
      ? []
      : [[paint("bold", `${short(secrets.path)}: ${secrets.names.join(", ")} (never shown)`)]]),
    ...(service === null || isServiceDone(service.outlook) ? [] : [serviceLines(service, short)]),
    ...(settings.after !== settings.before
      ? [settingsLines(settings, short)]
      : settings.isNoted || settings.hooks.length === 0
        ? []
        : [[`${short(settings.path)} has the hooks already; it is noted in ${short(plan.home)}/hooks.json`]]),
  ];
  return parts.flatMap((part, at) => (at === 0 ? part : ["", ...part]));
}

/** What to know about a plan, a line each. */
export function remarkLines(remarks: readonly string[], userHome: string): string[] {
  return remarks.map((remark) => `${paint("yellow", "!")} ${oneLine(remark.replaceAll(`${userHome}/`, "~/"))}`);
}

/** A settings file's change: what it comes to, and the diff. */
export function settingsLines(
  { path, before, after, hooks }: Pick<SettingsPlan, "path" | "before" | "after" | "hooks">,
  short: (path: string) => string,
): string[] {
  const what = before === null ? "new file" : after === null ? "removed" : "changed";
  const sent = hooks.length === 0 ? "no hooks of ours" : count(hooks.length, "hook");
  return [paint("bold", `${short(path)} (${what}, ${sent})`), ...diffLines(before, after)];
}

/** The diff of a settings file, coloured; without what may be a token. */
export function diffLines(before: string | null, after: string | null): string[] {
  return diffOf(shownText(before), shownText(after)).map(diffLine);
}

/** The diff of a text that holds no token, coloured. */
export function textDiffLines(before: string | null, after: string | null): string[] {
  return diffOf(before, after).map(diffLine);
}

/** What the plan comes to, in one line: what is asked about may have scrolled away. */
export function summaryOf({ consumers, secrets, service, settings }: SetupPlan, userHome: string): string {
  const files = consumers.filter(({ exists }) => exists === null).length;
  const parts = [
    ...(files === 0 ? [] : [count(files, "consumer file")]),
    ...(secrets.names.length === 0 ? [] : [count(secrets.names.length, "secret")]),
    ...(service === null || isServiceDone(service.outlook) ? [] : [`the service (${service.plan.manager})`]),
    ...(settings.after === settings.before
      ? []
      : [`${count(settings.hooks.length, "hook")} in ${shortPath(settings.path, userHome)}`]),
  ];
  return parts.join(", ");
}

function diffLine(line: DiffLine): string {
  switch (line.kind) {
    case "same":
      return `    ${shown(line.text)}`;
    case "added":
      return paint("green", `  + ${shown(line.text)}`);
    case "removed":
      return paint("red", `  - ${shown(line.text)}`);
    case "left-out":
      return paint("dim", `    ... ${count(line.count, "line")}`);
    default:
      return line satisfies never;
  }
}

function fileLines(title: string, text: string): string[] {
  const lines = text.replace(/\n$/, "").split("\n");
  return [paint("bold", title), ...lines.map((line) => paint("green", `  + ${shown(line)}`))];
}

function serviceLines({ plan, outlook }: NonNullable<SetupPlan["service"]>, short: (path: string) => string): string[] {
  const changed = plan.files.filter(({ path }) => outlook.files.find((file) => file.path === path)?.change !== "same");
  return [
    paint("bold", `service ${plan.name} (${plan.manager})`),
    ...changed.flatMap(({ path, text }) => fileLines(`${short(path)}`, text)),
    ...outlook.commands.map((command) => `  run: ${oneLine(command.join(" "))}`),
    ...plan.remarks.map((remark) => `  ${oneLine(remark)}`),
  ];
}

/** A line of a file: what a terminal would obey is shown, its end is not. */
function shown(line: string): string {
  return oneLine(line.replace(/\r?\n$/, "").replaceAll("\t", "  "));
}

/** A path with ~ for the user's home directory, safe for a terminal. */
export function shortPath(path: string, userHome: string): string {
  return oneLine(path.startsWith(`${userHome}/`) ? `~${path.slice(userHome.length)}` : path);
}
