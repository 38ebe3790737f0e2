// What a setup would write: consumer files, secrets, service, settings, and what to know about them. Pure: what the disk and the
// node say is gathered before (facts.ts); plan-lines.ts shows it, apply.ts carries it out.

import type { Change } from "../claude/changes.ts";
import { formFor, type HookForm } from "../claude/command.ts";
import { merged } from "../claude/merge.ts";
import type { Scope } from "../claude/places.ts";
import { untouched } from "../claude/settings-file.ts";
import type { ClaudeVersion } from "../claude/version.ts";
import { hooksWanted, type WantedHook } from "../claude/wanted.ts";
import { parseConsumer } from "../config/consumer.ts";
import type { Consumer } from "../config/schema.ts";
import type { SecretValues } from "../config/secret-text.ts";
import { EXIT, OffhookError } from "../errors.ts";
import { makeEvent } from "../event/event.ts";
import { compileMatch } from "../match/match.ts";
import type { RealPath } from "../match/rule.ts";
import type { Outlook, ServicePlan } from "../service/service.ts";
import type { ConsumerFile } from "../templates/consumer-file.ts";
import type { Choices } from "./choices.ts";

/** One settings file: its text as it is (null: not there) and as it would be. */
export type SettingsPlan = {
  path: string;
  scope: Scope;
  form: HookForm;
  before: string | null;
  after: string | null;
  changes: Change[];
  hooks: WantedHook[];
  /** Whether the file is noted as one that has hooks of ours. */
  isNoted: boolean;
};

export type SetupPlan = {
  home: string;
  consumers: ConsumerFile[];
  /** Names only. `path` of the file that they are added to. */
  secrets: { path: string; names: string[] };
  /** Null: nothing is asked of the node. */
  service: { plan: ServicePlan; outlook: Outlook } | null;
  settings: SettingsPlan;
  remarks: string[];
};

/** A settings file as it is (null: not there), and as it was before it ever had hooks of ours, where that is known. */
export type SettingsSeen = { path: string; text: string | null; original: string | null; isNoted: boolean };

/** What planSetup must know. `consumers`: those that run already. `remarks`: what was seen on the way, first things first. */
export type SetupFacts = {
  home: string;
  userHome: string;
  version: ClaudeVersion | null;
  binary: string;
  consumers: readonly Consumer[];
  files: readonly ConsumerFile[];
  secrets: SecretValues;
  secretsPath: string;
  settings: SettingsSeen;
  service: SetupPlan["service"];
  realPath: RealPath;
  remarks: readonly string[];
};

/** Plans a setup. Errors: the settings file is not one that can be written to (78), a template's text is no consumer (78). */
export function planSetup(choices: Choices, facts: SetupFacts): SetupPlan {
  const { home, files, settings, version, binary } = facts;
  const made = files.filter((file) => file.exists === null).map((file) => consumerOf(file, choices, facts));
  const all = [...facts.consumers, ...made];
  const concerned =
    choices.scope === "user" ? all : all.filter((consumer) => concerns(consumer, choices.project, facts.realPath));
  const { hooks, unsent } = hooksWanted(concerned, version);
  const form = formFor(choices.scope, version, binary);
  const planned = planSettings(settings, { scope: choices.scope, form, hooks });
  const kept = files.filter((file) => file.exists === "different");
  return {
    home,
    consumers: [...files],
    secrets: { path: facts.secretsPath, names: Object.keys(choices.secrets).sort() },
    service: facts.service,
    settings: planned,
    remarks: [
      ...facts.remarks,
      ...kept.map(({ path }) => `${path} is there already and was edited: it stays as it is.`),
      ...unsent.map(({ consumer, event, why }) => `${consumer} waits for ${event}, which will not come: ${why}.`),
      ...(concerned.length === 0 ? ["There is no consumer, so no hook is needed."] : []),
    ],
  };
}

/** What a settings file would become with these hooks. Error: its text is not one to put hooks into (78). */
export function planSettings(
  { path, text, original, isNoted }: SettingsSeen,
  { scope, form, hooks }: { scope: Scope; form: HookForm; hooks: WantedHook[] },
): SettingsPlan {
  // Nothing to write is no reason to make a file.
  if (text === null && hooks.length === 0)
    return { path, scope, form, before: text, after: null, changes: [], hooks, isNoted };
  const result = merged(text, hooks, form, original);
  if (result.kind === "refused") throw untouched(path, result);
  return { path, scope, form, before: text, after: result.text, changes: result.changes, hooks, isNoted };
}

/** Whether a setup would change nothing at all. Pure. */
export function changesNothing({ consumers, secrets, service, settings }: SetupPlan): boolean {
  return (
    consumers.every((file) => file.exists !== null) &&
    secrets.names.length === 0 &&
    (service === null || isServiceDone(service.outlook)) &&
    settings.after === settings.before &&
    (settings.isNoted || settings.hooks.length === 0)
  );
}

/** Whether the service is as it would be made. Pure. */
export function isServiceDone({ files, commands }: Outlook): boolean {
  return commands.length === 0 && files.every((file) => file.change === "same");
}

function consumerOf({ name, path, text }: ConsumerFile, choices: Choices, facts: SetupFacts): Consumer {
  const secrets = { ...facts.secrets, ...choices.secrets };
  const label = `consumers/${name}.toml`;
  const loaded = parseConsumer(text, { name, path, label, userHome: facts.userHome, secrets });
  if (loaded.kind === "ok") return loaded.consumer;
  throw new OffhookError(
    EXIT.config,
    loaded.errors.join("\n"),
    "leave it out of --consumers, and write the file yourself",
  );
}

/** Whether a consumer would ever take something of a project. */
export function concerns(consumer: Consumer, project: string | null, realPath: RealPath): boolean {
  if (consumer.projects === null || project === null) return true;
  const body = new TextEncoder().encode(`{"hook_event_name":"Stop"}`);
  const header = { v: 1 as const, id: "", time: "", pid: 0, args: [], env: {}, size: body.length, flags: [] };
  const event = makeEvent(header, body, { node: "", projectOf: () => project });
  const anywhere: Consumer = { ...consumer, on: ["**"], tools: null, files: null, agent: "any", where: {} };
  return compileMatch(anywhere, realPath)(event);
}
