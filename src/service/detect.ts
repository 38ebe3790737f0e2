// Which service manager this node has, and whether it can be spoken to from here. Changes nothing.
import { join } from "node:path";
import { type Host, thisHost } from "./host.ts";

export type Wish = "user" | "system";
export type Manager = "systemd-user" | "systemd-system" | "launchd-agent" | "launchd-daemon";

/** `why`: what is missing. `instead`: what a person can do, one sentence or command. */
export type Detected = { kind: "found"; manager: Manager } | { kind: "none"; why: string; instead: string };

/** Which manager would run the service that is wished for. /run/systemd/system is there when systemd is process 1 (sd_booted(3)). */
export function detect(wish: Wish, host: Host = thisHost()): Detected {
  if (host.platform === "darwin")
    return { kind: "found", manager: wish === "user" ? "launchd-agent" : "launchd-daemon" };
  if (host.platform !== "linux" || !host.exists("/run/systemd/system")) {
    return {
      kind: "none",
      why:
        host.platform === "linux"
          ? "systemd does not run on this machine"
          : `offhook knows no service manager of ${host.platform}`,
      instead: foreground(),
    };
  }
  if (wish === "system") return { kind: "found", manager: "systemd-system" };
  if (host.exists(join(runtimeDirectory(host), "systemd/private"))) return { kind: "found", manager: "systemd-user" };
  return {
    kind: "none",
    why: `no systemd of yours runs: ${runtimeDirectory(host)} has none (no login session, as after su or in cron)`,
    instead: `let it run without a session: sudo loginctl enable-linger ${host.userName}; or have the service of the machine: --system`,
  };
}

/** Where a user's own systemd listens. su, sudo and `ssh host command` leave XDG_RUNTIME_DIR unset, or that of somebody else. */
export function runtimeDirectory(host: Host): string {
  return `/run/user/${host.uid}`;
}

/** How to run the daemon where nothing runs services. Pure. */
export function foreground(): string {
  return "run it yourself, under whatever starts programs here: offhook consume (or: nohup offhook consume --quiet &)";
}
