// Whose service it is to be. Changes nothing.
import { join } from "node:path";
import { EXIT, OffhookError } from "../errors.ts";
import type { Wish } from "./detect.ts";
import type { Host } from "./host.ts";
import type { ServiceUser } from "./options.ts";

/**
 * Who the daemon shall run as: who calls; for the machine's service, root through sudo means the one who called sudo. Errors: a
 * service of the user is wished for through sudo, which would be root's (64); nobody of that name (66).
 */
export async function invokingUser(wish: Wish, host: Host): Promise<ServiceUser> {
  const own = { name: host.userName, uid: host.uid, home: host.userHome };
  const name = host.env.SUDO_USER;
  if (host.uid !== 0 || !name || name === "root") return own;
  if (wish === "user") {
    throw new OffhookError(
      EXIT.usage,
      `under sudo this would be a service of root, not of ${name}`,
      "without sudo it is yours; or have the service of the machine, which runs as you: --system",
    );
  }
  const id = await host.run(["id", "-u", name]);
  const home = await homeOf(name, host);
  if (id.exitCode !== 0 || home === null) {
    throw new OffhookError(EXIT.notFound, `nobody is called "${name}" here (SUDO_USER)`, "look at: id");
  }
  return { name, uid: Number(id.stdout), home };
}

/** offhook's home of that user: OFFHOOK_HOME where it is set, else the usual place. */
export function serviceHome(user: ServiceUser, host: Host): string {
  return host.env.OFFHOOK_HOME || join(user.home, ".offhook");
}

async function homeOf(name: string, host: Host): Promise<string | null> {
  if (host.platform === "darwin") {
    const { stdout } = await host.run(["dscl", ".", "-read", `/Users/${name}`, "NFSHomeDirectory"]);
    return /^NFSHomeDirectory:\s*(\/.*)$/m.exec(stdout)?.[1] ?? null;
  }
  const fields = (await host.run(["getent", "passwd", name])).stdout.split(":");
  return fields[5] || null;
}
