// Carries out an uninstall. The order: hooks out of every settings file, so that nothing calls us any more; the service; the binary;
// with --purge the home. What fails leaves what comes after it.
import { lstatSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { forgetSettings } from "../claude/record.ts";
import { restoreOrRemove } from "../claude/settings-file.ts";
import { takeLock } from "../daemon/lock.ts";
import { uninstall } from "../service/service.ts";
import type { RemovalPlan } from "./removal.ts";

/** `left`: names in the home that are not ours, which stay with it. */
export type Removed = {
  settings: { path: string; outcome: string; events: string[]; backup: string | null }[];
  service: string[];
  binary: string | null;
  home: { path: string; left: string[] } | null;
};

/** What we put into a home, and what a write that was cut off leaves there; what else lies there is somebody's. */
const OURS =
  /^(spool|consumers|logs|reports|backups|config\.toml(\.new)?|secrets\.env(\.\d+)?|hooks\.json|\.hooks\.json\.offhook-.+|ballast|daemon\.lock|control\.sock|ledger\..+|proof-\w+)$/;

/** Removes what the plan says. Errors: a daemon has begun in the home that is to go (75), those of the steps. */
export async function removeAll(plan: RemovalPlan, step: (what: string) => void): Promise<Removed> {
  const removed: Removed = { settings: [], service: [], binary: null, home: null };
  for (const { path } of plan.settings) {
    const { outcome, events, backup } = restoreOrRemove(path, plan.home);
    removed.settings.push({ path, outcome, events, backup });
    if (plan.isHomeThere) forgetSettings(plan.home, path);
  }
  if (plan.isHomeThere) for (const path of plan.forgotten) forgetSettings(plan.home, path);
  if (plan.service !== null) {
    step(`ending the service (${plan.service.manager})`);
    removed.service = (await uninstall()).removed;
  }
  // A program that runs may be unlinked.
  if (plan.binary.why === null) {
    rmSync(plan.binary.path, { force: true });
    removed.binary = plan.binary.path;
  }
  if (plan.purge && plan.isHomeThere) removed.home = { path: plan.home, left: await removeHome(plan.home) };
  return removed;
}

/** Removes a home that nobody holds. Gives what is left in it: it was not ours. */
async function removeHome(home: string): Promise<string[]> {
  // Held until this process ends: no daemon begins in what is about to go.
  await takeLock(home, { pid: process.pid, startedAt: new Date().toISOString(), command: "uninstall" });
  const names = readdirSync(home);
  // The lock last: without it a daemon could begin.
  const ours = names.filter((name) => OURS.test(name)).sort((a) => (a === "daemon.lock" ? 1 : -1));
  for (const name of ours) rmSync(join(home, name), { recursive: true, force: true });
  const left = readdirSync(home);
  if (left.length === 0 && !lstatSync(home).isSymbolicLink()) rmdirSync(home);
  return left;
}
