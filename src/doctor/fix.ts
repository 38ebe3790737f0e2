// Mends what is safe to mend, and says what it did: modes of what is ours, hooks that are out of line (as `offhook setup --sync` does,
// nothing of others), a service that is installed and does not run. Each may be done again and changes nothing then.
import { chmodSync, lstatSync } from "node:fs";
import { EXIT, messageOf, OffhookError } from "../errors.ts";
import { restart } from "../service/service.ts";
import { applySync, planSync } from "../setup/sync.ts";
import { checkHome } from "../spool/home.ts";
import { ownBinary } from "../system/own-binary.ts";
import type { Facts } from "./facts.ts";
import type { Finding, Remedy } from "./finding.ts";
import { lookAtHome } from "./home-facts.ts";
import { seenOf } from "./part.ts";

/** In this order: a service does not start in a home that it refuses. */
const ORDER: readonly Remedy[] = ["permissions", "hooks", "service"];

/** What reaches beyond files. */
export type Reach = { restart(): Promise<{ pid: number | null }> };

/** Mends what these findings ask for; gives a sentence for each thing that was done, or that could not be. Never throws. */
export async function mend(findings: readonly Finding[], facts: Facts, reach: Reach = { restart }): Promise<string[]> {
  const said: string[] = [];
  for (const remedy of ORDER) {
    if (!findings.some(({ fix }) => fix === remedy)) continue;
    try {
      said.push(...(await apply(remedy, facts, reach)));
    } catch (error) {
      said.push(`${WHAT[remedy]} could not be mended: ${messageOf(error)}`);
    }
  }
  return said;
}

const WHAT: Record<Remedy, string> = { permissions: "the permissions", hooks: "the hooks", service: "the service" };

async function apply(remedy: Remedy, facts: Facts, reach: Reach): Promise<string[]> {
  switch (remedy) {
    case "permissions":
      return closeHome(facts.home.path);
    case "hooks":
      return bringInLine(facts);
    case "service": {
      const { pid } = await reach.restart();
      return [`started the service${pid === null ? "" : ` (pid ${pid})`}`];
    }
    default:
      return remedy satisfies never;
  }
}

/** The home itself as every command does it, which also looks whether somebody was in it. Error: somebody was (HomeError). */
function closeHome(home: string): string[] {
  // Looked at anew: SQLite gives what it makes beside the ledger the ledger's mode.
  return lookAtHome(home).wide.map(({ path, wanted }) => {
    if (path === home) checkHome(home);
    // Again: a link that was put there meanwhile would lead elsewhere.
    else if (lstatSync(path).isSymbolicLink()) throw new Error(`${path} is a link now`);
    else chmodSync(path, wanted);
    return `closed ${path} to others (mode ${wanted.toString(8).padStart(4, "0")})`;
  });
}

/** As `setup --sync`; but not from half a picture, which would take out hooks that somebody waits for. Errors: 78, and those of the sync. */
function bringInLine({ home, claude, inside }: Facts): string[] {
  const consumers = inside === null ? null : seenOf(inside.consumers);
  const [broken] = consumers?.broken ?? [];
  if (consumers === null || broken !== undefined)
    throw new OffhookError(EXIT.config, `what ${broken?.name ?? "consumers"} waits for is not known; mend that first`);
  if (claude === null)
    throw new OffhookError(EXIT.config, "which Claude Code this is, is not known; put claude on PATH first");
  const plan = planSync(home.path, { consumers: consumers.consumers, version: claude, binary: ownBinary() });
  const backups = applySync(home.path, plan, Date.now());
  return [
    ...[...backups].map(
      ([path, backup]) => `brought the hooks in ${path} in line${backup === null ? "" : ` (before: ${backup})`}`,
    ),
    ...plan.gone.map((path) => `forgot ${path}: its project is gone`),
    ...plan.troubles.map(({ path, why }) => `${path} stays as it is: ${why}`),
  ];
}
