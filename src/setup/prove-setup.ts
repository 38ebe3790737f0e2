// The proof of a setup that was just carried out: which payload, through which hook line, in which directory.
import { realpathSync } from "node:fs";
import { join } from "node:path";
import { registeredHooks } from "../claude/registered.ts";
import { loadConsumers } from "../config/load.ts";
import type { Consumer } from "../config/schema.ts";
import { loadSecrets } from "../config/secrets.ts";
import { gather } from "../daemon/status.ts";
import { realPathFinder } from "../event/project.ts";
import type { Template } from "../templates/template.ts";
import { TEMPLATES } from "../templates/templates.ts";
import type { SetupPlan } from "./plan.ts";
import { lineFor, openScratch, type Proven, prove } from "./proof.ts";
import { oneOfEachKind, type ProofContext, proofOf } from "./proof-payload.ts";

/** Files of a project that are looked at for one that a consumer takes. */
const MOST_FILES = 2_000;
const MOST_LOOKS = 20_000;

export type ProveSetup = {
  project: string | null;
  expectsDaemon: boolean;
  signal: AbortSignal;
  /** Asked where only an alert would take an event: may it be sent to that consumer? Null: nobody can be asked. */
  mayAlert: ((consumer: string) => Promise<boolean>) | null;
};

/** Sends one event and follows it; a sentence where none was sent, or where it was ended. */
export async function proveSetup({ home, settings }: SetupPlan, options: ProveSetup): Promise<Proven | string> {
  const { project, expectsDaemon, signal, mayAlert } = options;
  const { hooks } = registeredHooks(settings.path);
  if (hooks.length === 0) return "No hook is registered, so no event was sent.";
  const scratch = openScratch(home);
  try {
    const session = `offhook-setup-${Bun.randomUUIDv7()}`;
    const { consumers } = loadConsumers(home, loadSecrets(home));
    const status = await gather(home, home, Date.now());
    const stateOf = (name: string) => status.consumers.find((one) => one.name === name)?.state ?? null;
    const context: ProofContext = {
      consumers: consumers.filter((consumer) => consumer.enabled),
      onlyLooks,
      // A daemon may not have seen a new file yet. What the cluster does is done on any node, and not in this ledger.
      isRunning: ({ name, scope }) => scope === "node" && [null, "active"].includes(stateOf(name)),
      hooks,
      scratch: scratch.path,
      project: project === null ? null : realpathSync(project),
      projectFiles: project === null ? [] : oneOfEachKind(filesOf(project)),
      session,
      nowMs: Date.now(),
      realPath: realPathFinder({ now: Date.now }),
    };
    let proof = proofOf(context);
    if (mayAlert !== null && (proof === null || proof.consumer === null)) {
      const loud = proofOf({
        ...context,
        onlyLooks: (consumer) => onlyLooks(consumer) || kindOf(consumer) === "alert",
      });
      if (loud?.consumer != null && (await mayAlert(loud.consumer.name))) proof = loud;
    }
    if (proof === null) return "No event was sent: every one would reach a consumer that does more than look.";
    const cwd = String(proof.payload.cwd);
    const line = lineFor(proof.event, hooks);
    const proven = await prove(proof, { home, line, cwd, session, expectsDaemon, self: self(), signal });
    return signal.aborted ? "Stopped. Everything is written all the same." : proven;
  } finally {
    scratch.end();
  }
}

/** Whether an event does nothing with a consumer that anybody would mind: it logs, does nothing, or is a linter of ours. */
function onlyLooks(consumer: Consumer): boolean {
  const { action } = consumer;
  if (action.kind === "builtin") return action.builtin !== "notify";
  return action.kind !== "webhook" && kindOf(consumer) === "lint";
}

/** The kind of template that a consumer was made from, by its name; null: of none. */
function kindOf({ name }: Consumer): Template["kind"] | null {
  // The longest: ruff-format-shop is of ruff-format.
  const [template] = TEMPLATES.filter(({ id }) => name === id || name.startsWith(`${id}-`)).sort(
    (a, b) => b.id.length - a.id.length,
  );
  return template?.kind ?? null;
}

function filesOf(project: string): string[] {
  const files: string[] = [];
  let looked = 0;
  for (const name of new Bun.Glob("**/*.*").scanSync({ cwd: project, onlyFiles: true })) {
    if (++looked > MOST_LOOKS) break;
    if (/(^|\/)(node_modules|target|vendor|dist|build)\//.test(name)) continue;
    files.push(join(project, name));
    if (files.length >= MOST_FILES) break;
  }
  return files;
}

/** This program, compiled or not. */
function self(): string[] {
  return Bun.main.startsWith("/$bunfs") ? [process.execPath] : [process.execPath, Bun.main];
}
