// The room's door: the node's service manager runs `offhook consume`. Every operation may be done again: what is as it should be
// is left alone. Texts are made by unit.ts and plist.ts, commands are run by systemd.ts and launchd.ts.
import type { Manager, Wish } from "./detect.ts";
import { textAt } from "./files.ts";
import { type Host, thisHost } from "./host.ts";
import {
  type Installed,
  type Keeper,
  NO_SERVICE,
  notInstalled,
  type Outlook,
  type Removed,
  type ServiceStatus,
} from "./keeper.ts";
import { openLaunchd } from "./launchd.ts";
import { fileOf, type ServicePlan } from "./plan.ts";
import { openSystemd } from "./systemd.ts";

export { type Detected, detect, type Manager, type Wish } from "./detect.ts";
export { type Host, thisHost } from "./host.ts";
export type { Installed, Outlook, Removed, ServiceStatus } from "./keeper.ts";
export type { ServiceOptions, ServiceUser } from "./options.ts";
export { plan, type ServiceFiles, type ServicePlan } from "./plan.ts";
export { invokingUser, serviceHome } from "./user.ts";

/** What `install` would do with this plan now. Changes nothing. Error: a file of this name that we did not write (78). */
export function outlook(plan: ServicePlan, host: Host = thisHost()): Promise<Outlook> {
  return keeperOf(plan.manager, host).outlook(plan);
}

/**
 * Writes what differs and makes sure that it runs; one whose program was replaced is started again. Errors: not allowed (77); it
 * does not start, with its last log lines (1); a file of this name that we did not write (78).
 */
export function install(plan: ServicePlan, host: Host = thisHost()): Promise<Installed> {
  return keeperOf(plan.manager, host).install(plan);
}

/** What `uninstall` would do. Changes nothing. */
export async function leaving(wish: Wish | null = null, host: Host = thisHost()): Promise<Removed> {
  return (await installedKeeper(wish, host)?.leaving()) ?? { removed: [], commands: [] };
}

/** Ends the service and takes its files away, of the user's service, else the machine's. Errors: as install. */
export async function uninstall(wish: Wish | null = null, host: Host = thisHost()): Promise<Removed> {
  return (await installedKeeper(wish, host)?.uninstall()) ?? { removed: [], commands: [] };
}

/** The service that is installed: the user's, else the machine's; or the one that is wished for. */
export async function status(wish: Wish | null = null, host: Host = thisHost()): Promise<ServiceStatus> {
  return (await installedKeeper(wish, host)?.status()) ?? NO_SERVICE;
}

/** Ends it gently and starts it. Errors: nothing installed (66), it does not start (1), not allowed (77). */
export async function restart(wish: Wish | null = null, host: Host = thisHost()): Promise<ServiceStatus> {
  const keeper = installedKeeper(wish, host);
  if (keeper === null) throw notInstalled();
  return keeper.restart();
}

/** The last lines of its log, oldest first. Errors: nothing installed (66), they cannot be read (77). */
export async function logs(lines: number, wish: Wish | null = null, host: Host = thisHost()): Promise<string[]> {
  const keeper = installedKeeper(wish, host);
  if (keeper === null) throw notInstalled();
  return keeper.logs(lines);
}

/** Which of both is there: told by its file, since a service that nobody can reach now is installed all the same. */
function installedKeeper(wish: Wish | null, host: Host): Keeper | null {
  const wishes: Wish[] = wish === null ? ["user", "system"] : [wish];
  const isLaunchd = host.platform === "darwin";
  const managers = wishes.map((one): Manager => {
    if (isLaunchd) return one === "user" ? "launchd-agent" : "launchd-daemon";
    return one === "user" ? "systemd-user" : "systemd-system";
  });
  const manager = managers.find((one) => textAt(fileOf(one, host.userHome)) !== null);
  return manager === undefined ? null : keeperOf(manager, host);
}

function keeperOf(manager: Manager, host: Host): Keeper {
  switch (manager) {
    case "systemd-user":
      return openSystemd("user", host);
    case "systemd-system":
      return openSystemd("system", host);
    case "launchd-agent":
      return openLaunchd("agent", host);
    case "launchd-daemon":
      return openLaunchd("daemon", host);
    default:
      return manager satisfies never;
  }
}
