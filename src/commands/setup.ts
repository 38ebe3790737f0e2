// `offhook setup`: hooks, consumers and the service of this node, by questions on a terminal or by flags. Shows what would be
// written, writes after a yes, and proves with one real event that it works. `--sync`: only the hooks, in every settings file.
import * as prompts from "@clack/prompts";
import { SCOPES, type Scope } from "../claude/places.ts";
import { shownText } from "../claude/private-text.ts";
import { noMoreThan, parse } from "../cli/args.ts";
import { flush, paint, print } from "../cli/print.ts";
import { EXIT, OffhookError } from "../errors.ts";
import { applySetup } from "../setup/apply.ts";
import { type Around, lookAround, usualService } from "../setup/around.ts";
import { type Asked, type Choices, choicesOf, type ServiceChoice, wordsOf } from "../setup/choices.ts";
import { gatherFacts } from "../setup/facts.ts";
import { changesNothing, planSetup, type SetupPlan } from "../setup/plan.ts";
import { planLines, remarkLines, summaryOf } from "../setup/plan-lines.ts";
import type { Proven } from "../setup/proof.ts";
import { provenLines, troubleOf } from "../setup/proof-lines.ts";
import { type ProveSetup, proveSetup } from "../setup/prove-setup.ts";
import { sayLines } from "../setup/say-lines.ts";
import { askForChoices, askYes, CANCELLED, Cancelled, tell } from "../setup/wizard.ts";
import { isTerminal } from "../system/libc.ts";
import { clusterAfterSetup, setupCluster, withClusterValue } from "./setup-cluster.ts";
import { syncHooks } from "./setup-sync.ts";

const SERVICES: readonly string[] = ["none", "user", "system"] satisfies ServiceChoice[];

const OPTIONS = {
  yes: { type: "boolean", short: "y" },
  scope: { type: "string" },
  consumers: { type: "string" },
  service: { type: "string" },
  project: { type: "string" },
  sync: { type: "boolean" },
  cluster: { type: "string" },
  "cluster-ca": { type: "string" },
  "dry-run": { type: "boolean" },
  json: { type: "boolean" },
} as const;

export async function run(argv: string[]): Promise<number> {
  const { values, positionals } = parse("setup", withClusterValue(argv), OPTIONS);
  noMoreThan("setup", positionals, 0);
  const asked: Asked = {
    scope: oneOf("scope", values.scope, SCOPES) as Scope | null,
    consumers: values.consumers === undefined ? null : wordsOf(values.consumers),
    service: oneOf("service", values.service, SERVICES) as ServiceChoice | null,
  };
  const mode = { dryRun: values["dry-run"] === true, json: values.json === true };
  const isOnTerminal = isTerminal(0) && isTerminal(1);
  if (values.yes !== true && !mode.dryRun && (mode.json || !isOnTerminal)) throw needsYes(isOnTerminal);
  if (values.sync === true) return syncHooks({ ...mode, isAsked: values.yes !== true && !mode.dryRun });
  if (values.cluster !== undefined || values["cluster-ca"] !== undefined) {
    const isAsked = isOnTerminal && values.yes !== true && !mode.json;
    return setupCluster({ url: values.cluster || null, ca: values["cluster-ca"] ?? null }, { ...mode, isAsked });
  }
  const project = values.project ?? null;
  return isOnTerminal && values.yes !== true && !mode.json
    ? wizard(asked, project, mode.dryRun)
    : byFlags(asked, project, mode);
}

async function wizard(asked: Asked, project: string | null, dryRun: boolean): Promise<number> {
  prompts.intro(paint("bold", "offhook setup"));
  try {
    const around = await lookAround({ project });
    const choices = await askForChoices(around, asked);
    const plan = planSetup(choices, await gatherFacts(choices, around));
    if (changesNothing(plan)) {
      sayPlan(plan, around);
      prompts.outro("Everything is as it should be: nothing to change.");
      return EXIT.ok;
    }
    prompts.log.step("This would be written:");
    sayPlan(plan, around);
    const summary = summaryOf(plan, around.userHome);
    if (summary !== "") tell(summary, prompts.log.step);
    if (dryRun || !(await askYes("Write it?", "Yes", "No, change nothing"))) {
      prompts.outro("Nothing was changed.");
      return EXIT.ok;
    }
    await carryOut(plan, choices, (step) => tell(step, prompts.log.step));
    prompts.log.success("Written. Sending one event through it...");
    const mayAlert = (name: string) => askYes(`Send one event to ${name}? Somebody will see it`, "Yes", "No");
    const proven = await prove(plan, around, mayAlert);
    for (const line of provenLines(proven)) tell(line);
    const isWell = troubleOf(proven) === null;
    // Who stopped it has been asked enough.
    const mayAsk = isWell && typeof proven !== "string" && around.cluster === null;
    const clustered = mayAsk ? await clusterAfterSetup() : null;
    if (clustered !== null) return clustered;
    prompts.outro(isWell ? "Done. Have a look at any time: offhook status" : "Written, but look at the above.");
    return isWell ? EXIT.ok : EXIT.failed;
  } catch (error) {
    if (!(error instanceof Cancelled)) throw error;
    prompts.cancel("Nothing was changed.");
    return CANCELLED;
  }
}

async function byFlags(
  asked: Asked,
  project: string | null,
  { dryRun, json }: { dryRun: boolean; json: boolean },
): Promise<number> {
  const around = await lookAround({ project });
  const { choices, remarks } = choicesOf(asked, {
    project: around.project,
    offers: around.offers,
    presentScope: around.presentScope,
    secretNames: Object.keys(around.secrets),
    service: usualService(around),
    env: process.env,
  });
  const planned = planSetup(choices, await gatherFacts(choices, around));
  const plan = { ...planned, remarks: [...remarks, ...planned.remarks] };
  const changed = !changesNothing(plan);
  if (!json) {
    if (changed) print(dryRun ? "This would be written:" : "Writing this:");
    sayPlan(plan, around);
    if (!changed) print("Everything is as it should be: nothing to change.");
    else if (dryRun) print("Nothing was changed.");
    flush();
  }
  const isDone = changed && !dryRun;
  const applied = isDone ? await carryOut(plan, choices, (step) => (json ? undefined : say(`${step} ...`))) : null;
  if (isDone && !json) say("Written. Sending one event through it ...");
  const proven = isDone ? await prove(plan, around, null) : null;
  if (json) print(JSON.stringify(jsonOf(plan, choices, around, { dryRun, changed, applied, proven })));
  else if (proven !== null) for (const line of provenLines(proven)) print(line);
  flush();
  return proven === null || troubleOf(proven) === null ? EXIT.ok : EXIT.failed;
}

/** From here on Ctrl-C would leave half of it: it waits until all is written. */
async function carryOut(plan: SetupPlan, choices: Choices, step: (what: string) => void) {
  const wait = () => undefined;
  process.on("SIGINT", wait);
  try {
    return await applySetup(plan, choices, { nowMs: Date.now(), step });
  } finally {
    process.off("SIGINT", wait);
  }
}

/** The proof, or why there is none. Everything is written by then, so Ctrl-C only ends the waiting. */
async function prove(
  plan: SetupPlan,
  { project, service }: Around,
  mayAlert: ProveSetup["mayAlert"],
): Promise<Proven | string> {
  const stop = new AbortController();
  const abort = () => stop.abort();
  process.once("SIGINT", abort);
  try {
    const expectsDaemon = plan.service !== null || service.installed;
    return await proveSetup(plan, { project, expectsDaemon, signal: stop.signal, mayAlert });
  } catch (error) {
    if (error instanceof Cancelled) return "Stopped. Everything is written all the same.";
    throw error;
  } finally {
    process.off("SIGINT", abort);
  }
}

function sayPlan(plan: SetupPlan, { userHome }: Around): void {
  const lines = planLines(plan, userHome);
  const remarks = remarkLines(plan.remarks, userHome);
  const between = lines.length > 0 && remarks.length > 0 ? [""] : [];
  const after = lines.length + remarks.length > 0 ? [""] : [];
  sayLines([...lines, ...between, ...remarks, ...after]);
}

function jsonOf(
  plan: SetupPlan,
  choices: Choices,
  { project, version }: Around,
  done: {
    dryRun: boolean;
    changed: boolean;
    applied: Awaited<ReturnType<typeof applySetup>> | null;
    proven: Proven | string | null;
  },
) {
  const { settings, service, secrets } = plan;
  return {
    dryRun: done.dryRun,
    changed: done.changed,
    scope: choices.scope,
    project,
    claude: version?.text ?? null,
    settings: {
      path: settings.path,
      form: settings.form.kind,
      changed: settings.after !== settings.before,
      hooks: settings.hooks,
      text: shownText(settings.after),
      backup: done.applied?.backup ?? null,
    },
    consumers: plan.consumers.map(({ name, path, text, exists }) => ({ name, path, state: exists ?? "new", text })),
    secrets,
    service:
      service === null
        ? null
        : {
            manager: service.plan.manager,
            name: service.plan.name,
            files: service.plan.files,
            ...commandsOf(service.outlook),
          },
    remarks: plan.remarks,
    written: done.applied?.written ?? [],
    proof: typeof done.proven === "string" ? null : done.proven,
  };
}

function commandsOf({ commands, files }: NonNullable<SetupPlan["service"]>["outlook"]) {
  return { changes: files, commands };
}

function say(line: string): void {
  print(line);
  flush();
}

function oneOf(name: string, value: string | undefined, words: readonly string[]): string | null {
  if (value === undefined) return null;
  if (words.includes(value)) return value;
  throw new OffhookError(
    EXIT.usage,
    `setup: --${name} is one of ${words.join(", ")}, not "${value}"`,
    "offhook setup --help",
  );
}

function needsYes(isOnTerminal: boolean): OffhookError {
  return new OffhookError(
    EXIT.usage,
    `setup asks before it writes, and ${isOnTerminal ? "with --json it cannot" : "there is no terminal to ask on"}`,
    "offhook setup --dry-run shows what would be written, offhook setup --yes writes it; offhook setup --help has more",
  );
}
