// The questions of setup on a terminal. Asks, shows, and writes nothing: what was answered are the same choices that flags make.
// What a flag has answered already is not asked.
import * as prompts from "@clack/prompts";
import type { Scope } from "../claude/places.ts";
import { settingsPath } from "../claude/places.ts";
import { oneLine } from "../cli/print.ts";
import { EXIT } from "../errors.ts";
import { repositoryOf } from "../system/own-binary.ts";
import { planConsumerFile } from "../templates/consumer-file.ts";
import type { Template } from "../templates/template.ts";
import type { Around } from "./around.ts";
import {
  type Asked,
  type Choices,
  type Chosen,
  chosenOf,
  type Offer,
  offersNamed,
  type ServiceChoice,
  withoutSecret,
} from "./choices.ts";
import { shortPath } from "./plan-lines.ts";

/** The exit code where a person cancelled: as a shell says it of a program that Ctrl-C ended. */
export const CANCELLED = 130;

/** Thrown where a person pressed Ctrl-C or Escape: nothing is changed. */
export class Cancelled extends Error {
  override readonly name = "Cancelled";
}

/** Asks for everything that was not said by flags. Errors: Cancelled; those of the flags (64). */
export async function askForChoices(around: Around, asked: Asked): Promise<Choices> {
  for (const line of presentLines(around)) tell(line);
  const scope = asked.scope ?? (await askScope(around));
  const consumers = await askConsumers(around, asked.consumers);
  const secrets = await askSecrets(consumers, around);
  const service = asked.service ?? (await askService(around));
  return { scope, project: around.project, consumers, secrets, service };
}

/** Says something between the questions, in lines of the terminal's width: the library breaks its questions only. */
export function tell(line: string, say: (text: string) => void = prompts.log.info): void {
  say(Bun.wrapAnsi(line, Math.max(20, (process.stdout.columns ?? 80) - 3)));
}

/** What is there already, a line each; none on a fresh machine. */
export function presentLines({ known, consumers, broken, service, daemon, userHome, cluster }: Around): string[] {
  const names = [...consumers.map(({ name }) => name), ...broken.map(({ name }) => `${oneLine(name)} (broken)`)].sort();
  return [
    ...known.map(({ path }) => `There already: hooks in ${shortPath(path, userHome)}`),
    ...(names.length === 0 ? [] : [`There already: ${names.join(", ")}`]),
    ...(cluster === null ? [] : [`There already: a cluster, at ${cluster.urls.join(", ")}`]),
    ...(service.installed ? [`There already: the service (${service.manager}), ${service.state}`] : []),
    ...(!service.installed && daemon !== null ? [`An offhook consume runs (pid ${daemon.pid})`] : []),
  ];
}

/** A yes or no; `enter` is the answer to Enter. Error: Cancelled. */
export async function askYes(question: string, yes: string, no: string, enter = true): Promise<boolean> {
  return asking((signal) =>
    prompts.confirm({ message: question, active: yes, inactive: no, initialValue: enter, signal }),
  );
}

/** Asks before something is carried out. Gives null for a yes, else the exit code of this command. */
export async function refusal(question: string): Promise<number | null> {
  try {
    return (await askYes(question, "Yes", "No, change nothing")) ? null : EXIT.ok;
  } catch (error) {
    if (error instanceof Cancelled) return CANCELLED;
    throw error;
  }
}

async function askScope({ configDir, project, userHome, presentScope }: Around): Promise<Scope> {
  const path = (scope: Scope) => shortPath(settingsPath(scope, { configDir, project }), userHome);
  if (project === null) {
    tell(`Hooks for all your projects, in ${path("user")} (this is no project)`);
    return "user";
  }
  return asking((signal) =>
    prompts.select<Scope>({
      signal,
      message: "Where should the hooks be?",
      initialValue: presentScope ?? "user",
      options: [
        { value: "user", label: "In all my projects", hint: path("user") },
        { value: "local", label: "In this project, for me", hint: path("local") },
        { value: "project", label: "In this project, for everybody", hint: `${path("project")}, to be committed` },
      ],
    }),
  );
}

async function askConsumers(around: Around, words: string[] | null): Promise<Chosen[]> {
  const { home, project, offers } = around;
  const possible = offers.filter(({ template }) => !template.needsProject || project !== null);
  if (words !== null) return offersNamed(words, offers).chosen.map((offer) => chosenOf(offer, project));
  const isThere = (offer: Offer) => {
    const { template, answers } = chosenOf(offer, project);
    return planConsumerFile(home, template, answers).exists !== null;
  };
  const isOffered = ({ isDetected, template: { kind } }: Offer) => isDetected || kind === "alert" || kind === "log";
  const offered = possible.filter((offer) => isOffered(offer) && !isThere(offer));
  if (offered.length === 0) {
    tell("Everything that could be offered here is there already");
    return [];
  }
  const ids = await asking((signal) =>
    prompts.multiselect<string>({
      signal,
      message: "What should run beside the agent?",
      required: false,
      initialValues: offered.filter((offer) => offer.preselected).map(({ template }) => template.id),
      // Each has a hint: without colours it is all that shows where the cursor stands.
      options: offered.map((offer) => ({
        value: offer.template.id,
        label: oneLine(offer.template.title),
        hint: oneLine(offer.why || usualHint(offer.template)),
      })),
    }),
  );
  return offered.filter(({ template }) => ids.includes(template.id)).map((offer) => chosenOf(offer, project));
}

function usualHint({ secret, needs, kind }: Template): string {
  if (secret !== null) return "asks for the address";
  if (needs[0] !== undefined) return `with ${needs[0]}`;
  return kind === "log" ? "in logs/ of the home" : "nothing else is needed";
}

async function askSecrets(consumers: readonly Chosen[], around: Around): Promise<Record<string, string>> {
  const values: Record<string, string> = {};
  const there = Object.keys(around.secrets);
  for (const chosen of withoutSecret(consumers, there, {})) {
    const { secret } = chosen.template;
    if (secret === null || Object.hasOwn(values, secret.name)) continue;
    const value = await asking((signal) =>
      prompts.password({
        signal,
        message: secret.question,
        validate: (text) => (secret.looksRight((text ?? "").trim()) ? undefined : `It looks like ${secret.looksLike}`),
      }),
    );
    values[secret.name] = value.trim();
  }
  return values;
}

async function askService({ managers, service, daemon, binary }: Around): Promise<ServiceChoice> {
  // What runs is left alone; a second one could not start.
  if (service.installed || daemon !== null) return "none";
  if (repositoryOf(binary) !== null) {
    tell("No service: this offhook lies in a repository. Install it elsewhere, or start it with: offhook consume");
    return "none";
  }
  const { user, system } = managers;
  const isRoot = process.geteuid?.() === 0;
  const none = { value: "none" as const, label: "No, I start it myself", hint: "offhook consume" };
  const options: { value: ServiceChoice; label: string; hint: string }[] = [
    ...(user.kind === "found"
      ? [{ value: "user" as const, label: "Yes, as a service of mine", hint: user.manager }]
      : []),
    ...(system.kind === "found" && isRoot
      ? [{ value: "system" as const, label: "Yes, as a service of this machine", hint: system.manager }]
      : []),
    none,
  ];
  if (options.length === 1) {
    tell(`No service here${user.kind === "none" ? `: ${user.why}` : ""}. Start the daemon with: offhook consume`);
    return "none";
  }
  return asking((signal) => prompts.select({ signal, message: "Should the daemon run by itself?", options }));
}

/**
 * Asks one question. Ctrl-D is a no like Ctrl-C: the library (1.9.0) would close its line reader there and wait for ever. Error:
 * Cancelled.
 */
export async function asking<T>(ask: (signal: AbortSignal) => Promise<T | typeof prompts.CANCEL_SYMBOL>): Promise<T> {
  const stop = new AbortController();
  const onKey = (_: unknown, key: { name?: string; ctrl?: boolean } | undefined) => {
    if (key?.ctrl === true && key.name === "d") stop.abort();
  };
  process.stdin.prependListener("keypress", onKey);
  try {
    const answer = await ask(stop.signal);
    if (prompts.isCancel(answer)) throw new Cancelled();
    return answer;
  } finally {
    process.stdin.off("keypress", onKey);
  }
}
