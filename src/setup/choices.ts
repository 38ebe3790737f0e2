// What a person chooses, whether by flags or in the wizard: one shape for both. Pure.
import type { Scope } from "../claude/places.ts";
import { EXIT, OffhookError } from "../errors.ts";
import type { Wish } from "../service/service.ts";
import type { Detected } from "../templates/detect.ts";
import type { Answers, Template } from "../templates/template.ts";
import { TEMPLATES } from "../templates/templates.ts";
import { isInside } from "../templates/text.ts";

export type ServiceChoice = "none" | Wish;

/** A template with what its text is made for. */
export type Chosen = { template: Template; answers: Answers };

export type Choices = {
  scope: Scope;
  /** Absolute; null: none. Never null where scope is not "user". */
  project: string | null;
  consumers: Chosen[];
  /** Values that were asked for, by name. Never shown. */
  secrets: Readonly<Record<string, string>>;
  service: ServiceChoice;
};

/** A template as it is offered on this node. `why`: what speaks for it, or what is missing. */
export type Offer = {
  template: Template;
  why: string;
  found: string | null;
  preselected: boolean;
  isDetected: boolean;
};

const KINDS: readonly string[] = ["lint", "test", "format", "alert", "log"] satisfies Template["kind"][];

/** What flags said; null: nothing. */
export type Asked = { scope: Scope | null; consumers: string[] | null; service: ServiceChoice | null };

/** What the choices are made from where nobody is asked. */
export type Chance = {
  project: string | null;
  offers: readonly Offer[];
  /** Where hooks of ours are in this project, or for all of them; null: nowhere yet. */
  presentScope: Scope | null;
  /** Names of the secrets that secrets.env has. */
  secretNames: readonly string[];
  /** What Enter would choose. */
  service: ServiceChoice;
  env: Readonly<Record<string, string | undefined>>;
};

/**
 * The choices of flags; what they do not say is what Enter would choose in the wizard, but for what runs the project's code: nobody has
 * seen it chosen. Errors: as the parts say (64).
 */
export function choicesOf(asked: Asked, chance: Chance): { choices: Choices; remarks: string[] } {
  const { project, offers, secretNames, env } = chance;
  const named =
    asked.consumers === null
      ? withoutProjectCode(
          preselectedOf(offers).filter(({ template }) => !template.needsProject || project !== null),
          project,
        )
      : offersNamed(asked.consumers, offers);
  const consumers = named.chosen.map((offer) => chosenOf(offer, project));
  const scope = asked.scope ?? chance.presentScope ?? "user";
  if (scope !== "user" && project === null)
    throw usage(`--scope ${scope} is about a project: say which with --project DIR, or go there first`);
  return {
    choices: {
      scope,
      project,
      consumers,
      secrets: secretsFromEnvironment(consumers, secretNames, env),
      service: asked.service ?? chance.service,
    },
    remarks: named.remarks,
  };
}

/** A repository must not get its code run by lying here while somebody types --yes. */
function withoutProjectCode(offers: readonly Offer[], project: string | null): { chosen: Offer[]; remarks: string[] } {
  const isProjects = ({ template, found }: Offer) =>
    template.executesProjectCode || (project !== null && found !== null && isInside(found, project));
  const ids = offers.filter(isProjects).map(({ template }) => template.id);
  return {
    chosen: offers.filter((offer) => !isProjects(offer)),
    remarks: ids.length === 0 ? [] : [`What runs this project's code has to be named: --consumers ${ids.join(",")}`],
  };
}

/** Every template with what was detected of it, in the order in which they are offered. */
export function offersOf(detected: readonly Detected[], templates: readonly Template[] = TEMPLATES): Offer[] {
  return templates.map((template) => {
    const one = detected.find(({ template: id }) => id === template.id);
    const { why, found, preselected } = one ?? { why: "", found: null, preselected: false };
    return { template, why, found, preselected, isDetected: one !== undefined };
  });
}

/** The templates that pressing Enter chooses. */
export function preselectedOf(offers: readonly Offer[]): Offer[] {
  return offers.filter((offer) => offer.preselected);
}

/**
 * The offers that the words of --consumers name: ids of templates, or kinds, which stand for all preselected ones of the kind;
 * "none" for no consumer. `remarks` say which kinds found nothing. Errors: a word that is neither, a kind that has to be chosen from (64).
 */
export function offersNamed(
  words: readonly string[],
  offers: readonly Offer[],
): { chosen: Offer[]; remarks: string[] } {
  const chosen = new Set<Offer>();
  const remarks: string[] = [];
  for (const word of words.filter((one) => one !== "none")) {
    const named = offers.find(({ template }) => template.id === word);
    if (named !== undefined) {
      chosen.add(named);
      continue;
    }
    const ofKind = offers.filter(({ template }) => template.kind === word);
    if (!KINDS.includes(word) || ofKind.length === 0) throw unknownConsumer(word, offers);
    const ids = ofKind.map(({ template }) => template.id).join(", ");
    if (word === "alert") throw usage(`"alert" has to say where to: name one of ${ids}`);
    const preselected = preselectedOf(ofKind);
    for (const offer of preselected) chosen.add(offer);
    if (preselected.length === 0)
      remarks.push(`Nothing here speaks for ${aKind(word)}. To have one all the same, name it: ${ids}`);
  }
  return { chosen: [...chosen], remarks };
}

/** The words of a list as it is typed: "lint, test". */
export function wordsOf(list: string): string[] {
  return list
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");
}

/** An offer with what its text is made for. Error: it needs a project, and there is none (64). */
export function chosenOf({ template, found }: Offer, project: string | null): Chosen {
  if (template.needsProject && project === null)
    throw usage(`${template.id} works on one project: say which with --project DIR, or go there first`);
  // A command that lies in the project is the project's code, whatever it is.
  const isLocal = project !== null && found !== null && isInside(found, project);
  return { template, answers: { project: template.needsProject || isLocal ? project : null, found } };
}

/** The templates whose secret is neither in secrets.env nor among the given ones. */
export function withoutSecret(
  consumers: readonly Chosen[],
  there: readonly string[],
  given: Readonly<Record<string, string>>,
): Chosen[] {
  return consumers.filter(
    ({ template: { secret } }) => secret !== null && !there.includes(secret.name) && !Object.hasOwn(given, secret.name),
  );
}

/**
 * The secrets that the environment has for these templates. Errors: one is not to be had (64), or does not look right (64); no
 * value is shown.
 */
export function secretsFromEnvironment(
  consumers: readonly Chosen[],
  there: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const values: Record<string, string> = {};
  for (const { template } of withoutSecret(consumers, there, {})) {
    const { secret } = template;
    const value = secret === null ? "" : (env[secret.name] ?? "");
    if (secret === null) continue;
    if (value === "")
      throw usage(
        `${template.id} needs an address, which is a secret: put ${secret.name}=... into the environment of this command, or into secrets.env`,
      );
    if (!secret.looksRight(value))
      throw usage(`${secret.name} in the environment does not look right. It should look like ${secret.looksLike}`);
    values[secret.name] = value;
  }
  return values;
}

function unknownConsumer(word: string, offers: readonly Offer[]): OffhookError {
  const ids = offers.map(({ template }) => template.id).join(", ");
  return usage(
    `--consumers does not know "${word}". There are ${KINDS.filter((kind) => kind !== "alert").join(", ")}; or one by one: ${ids}`,
  );
}

function aKind(kind: string): string {
  return kind === "lint" ? "a linter" : kind === "test" ? "tests" : kind === "format" ? "a formatter" : kind;
}

function usage(message: string): OffhookError {
  return new OffhookError(EXIT.usage, `setup: ${message}`, "offhook setup --help");
}
