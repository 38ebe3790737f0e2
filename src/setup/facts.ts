// What a plan must know of the disk and the node for the choices that were made. Only looks.
import { existsSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { formFor, handlerOf } from "../claude/command.ts";
import { targetOf } from "../claude/link.ts";
import { SCOPES, settingsPath } from "../claude/places.ts";
import { registeredHooks } from "../claude/registered.ts";
import { settingsText, textBefore } from "../claude/settings-file.ts";
import { switchedOff } from "../claude/switches.ts";
import { pathsOf } from "../config/paths.ts";
import { EXIT, OffhookError } from "../errors.ts";
import { realPathFinder } from "../event/project.ts";
import { invokingUser, outlook, plan as planService, thisHost } from "../service/service.ts";
import { repositoryOf } from "../system/own-binary.ts";
import { planConsumerFile } from "../templates/consumer-file.ts";
import { isInside } from "../templates/text.ts";
import type { Around } from "./around.ts";
import type { Choices, ServiceChoice } from "./choices.ts";
import type { SetupFacts } from "./plan.ts";

/** Gathers what the plan needs. Errors: a service that cannot be had here (69), or that another daemon is in the way of (75). */
export async function gatherFacts(choices: Choices, around: Around): Promise<SetupFacts> {
  const { home, configDir, project } = around;
  const path = settingsPath(choices.scope, { configDir, project });
  const isNoted = around.known.some((one) => one.path === path);
  const text = settingsText(path);
  const target = targetOf(path);
  if (choices.scope !== "user" && target === realPath(settingsPath("user", { configDir, project })))
    throw new OffhookError(EXIT.usage, `${path} is your own settings file, for all projects`, "--scope user");
  const isOutside = choices.scope !== "user" && project !== null && !isInside(target, project);
  // What a repository brings along must not say which file is made somewhere else.
  if (isOutside && !existsSync(target))
    throw new OffhookError(
      EXIT.permission,
      `${path} leads to ${target}, which is not there and not in the project`,
      "look at the link; make that file, or take the link away",
    );
  const leads = isOutside ? [`${path} leads out of the project: ${target} is what is written.`] : [];
  return {
    home,
    userHome: around.userHome,
    version: around.version,
    binary: around.binary,
    consumers: around.consumers,
    files: choices.consumers.map(({ template, answers }) => planConsumerFile(home, template, answers)),
    secrets: around.secrets,
    secretsPath: pathsOf(home).secrets,
    settings: { path, text, original: textBefore(path, home), isNoted },
    service: await serviceFor(choices.service, around),
    realPath: realPathFinder({ now: Date.now }),
    remarks: [...leads, ...remarksOn(choices, around, path), ...doubles(choices, path, around)],
  };
}

async function serviceFor(wish: ServiceChoice, around: Around): Promise<SetupFacts["service"]> {
  if (wish === "none") return null;
  const found = around.managers[wish];
  if (found.kind === "none") throw new OffhookError(EXIT.noDaemon, `no service: ${found.why}`, found.instead);
  const { service, daemon, binary } = around;
  if (repositoryOf(binary) !== null)
    throw new OffhookError(
      EXIT.usage,
      `this offhook lies in a repository: ${binary}`,
      "install it elsewhere (~/.local/bin), or leave the service: --service none",
    );
  if (wish === "system" && process.geteuid?.() !== 0)
    throw new OffhookError(
      EXIT.permission,
      "the machine's service needs root, and the rest of setup needs you",
      "offhook setup --service none, and then: sudo offhook install-service --system",
    );
  if (!service.installed && service.file !== null)
    throw new OffhookError(EXIT.busy, `${service.file} runs the daemon of another home`, "leave it: --service none");
  if (service.installed && service.manager !== found.manager)
    throw new OffhookError(
      EXIT.busy,
      `there is a service already, of another kind (${service.manager})`,
      "take it away first: offhook uninstall-service; or leave it: --service none",
    );
  if (daemon !== null && daemon.pid !== service.pid)
    throw new OffhookError(
      EXIT.busy,
      `an offhook consume (pid ${daemon.pid}) runs, so a service could not start`,
      `end it first: kill ${daemon.pid}; or leave it: --service none`,
    );
  const made = planService(found.manager, {
    binary: around.binary,
    home: around.home,
    path: around.path,
    user: await invokingUser(wish, thisHost()),
    lang: process.env.LANG ?? null,
  });
  return { plan: made, outlook: await outlook(made) };
}

/** What a person should know of what was seen, a sentence each. */
function remarksOn(choices: Choices, around: Around, path: string): string[] {
  const { home, userHome, configDir, project, binary, version, broken, daemon, service } = around;
  const repository = repositoryOf(binary);
  const isAlone = choices.service === "none" && !service.installed && daemon === null;
  return [
    ...switchedOff({ configDir, project }).map(({ key, file, means }) => `${file}: ${key}: ${means}.`),
    ...(version === null
      ? ["There is no claude on PATH, so its version is not known. The hooks are written for 2.1.139 and later."]
      : []),
    ...(home === join(userHome, ".offhook")
      ? []
      : [`Start Claude Code with OFFHOOK_HOME=${home} too, or its events go to ~/.offhook.`]),
    ...(repository === null || choices.scope === "project"
      ? []
      : [`The hooks name ${binary}, which lies in a repository: install it elsewhere, and run setup again.`]),
    ...choices.consumers.flatMap(({ template, answers }) => {
      const command = template.needs.find((name) => Bun.which(name, { PATH: around.path }) === null);
      if (command === undefined || answers.found !== null) return [];
      return [`${command} is not on PATH: what ${template.id} has to do fails until it is there.`];
    }),
    ...broken.map(({ name }) => `The file of ${name} is broken, so no hook is made for it. How: offhook status`),
    ...(choices.scope === "project" ? [`Commit ${path}: it does nothing where offhook is not installed.`] : []),
    ...(isAlone ? ["Nothing starts the daemon. Start it yourself: offhook consume"] : []),
  ];
}

/** Other settings files that have hooks of ours and count in the same session. */
function doubles(choices: Choices, path: string, { known, configDir, project, version, binary }: Around): string[] {
  const place = { configDir, project };
  const here = SCOPES.filter((scope) => scope === "user" || project !== null).map((scope) =>
    settingsPath(scope, place),
  );
  const elsewhere = choices.scope === "user" ? known.map((one) => one.path) : [];
  const others = [...new Set([...here, ...elsewhere])].filter((other) => realPath(other) !== realPath(path));
  const { command } = handlerOf(formFor(choices.scope, version, binary), 1);
  return others.flatMap((other) => {
    const { hooks } = registeredHooks(other);
    if (hooks.length === 0) return [];
    // Source: Claude Code 2.1.329 runs the same command of several settings files once.
    const isSame = hooks.every((hook) => hook.command === command);
    return isSame
      ? [`${other} has the same hooks: where both count, Claude Code runs them once.`]
      : [`${other} has hooks of ours in another form: where both count, an event is stored twice and delivered once.`];
  });
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
