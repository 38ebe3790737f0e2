// The service that runs this home's daemon. Only looks.
import { readFileSync } from "node:fs";
import { type ServiceStatus, status } from "../service/service.ts";

const NOT_OURS = { installed: false, running: false, pid: null, state: "of another home" } as const;

/** The installed service, as one that is not there where it runs the daemon of another home: a machine has one for all its users. */
export async function serviceHere(home: string): Promise<ServiceStatus> {
  const found = await status();
  return found.installed && !servesHome(found, home) ? { ...found, ...NOT_OURS } : found;
}

/** A user's own service is told by where its file lies. */
function servesHome({ manager, file }: ServiceStatus, home: string): boolean {
  if (manager === "systemd-user" || manager === "launchd-agent" || file === null) return true;
  try {
    return readFileSync(file, "utf8").includes(home);
  } catch {
    return true; // It cannot be told; whoever wants to change it is refused there.
  }
}
