// What launchctl's words mean. Pure, but for asking the host who is at the screen.
import { EXIT, OffhookError } from "../errors.ts";
import type { Host, Ran } from "./host.ts";
import { meaningOf } from "./keeper.ts";
import { LABEL } from "./plist.ts";

/** launchd's service as `launchctl print` tells of it. */
export type Loaded = {
  domain: string;
  pid: number | null;
  state: string;
  lastExit: number | null;
  runs: number | null;
};

/**
 * The domain for an agent, as Homebrew chooses it (brew services): the screen's, but the user's own over ssh while somebody
 * else, or nobody, is at the screen, and under sudo or a setuid program. Pure but for asking who owns the console.
 */
export function agentDomain(host: Host): string {
  const { SSH_CONNECTION, SSH_CLIENT, SSH_TTY, SUDO_USER } = host.env;
  const isRemote = Boolean(SSH_CONNECTION || SSH_CLIENT || SSH_TTY) && host.ownerOf("/dev/console") !== host.uid;
  return isRemote || SUDO_USER || host.uid !== host.realUid ? `user/${host.uid}` : `gui/${host.uid}`;
}

/** Reads what `launchctl print SERVICE` prints. Only the service's own lines: those of one tab. Pure. */
export function printed(text: string): Omit<Loaded, "domain"> {
  const of = (key: string) => new RegExp(`^\\t${key} = (.*)$`, "m").exec(text)?.[1] ?? null;
  const numberOf = (key: string) => {
    const number = Number.parseInt(of(key) ?? "", 10);
    return Number.isNaN(number) ? null : number;
  };
  return {
    pid: numberOf("pid"),
    state: of("state") ?? "unknown",
    lastExit: numberOf("last exit code"),
    runs: numberOf("runs"),
  };
}

/** Whether `launchctl print-disabled DOMAIN` says that ours is not started at login or boot. Pure. */
export function isDisabled(text: string): boolean {
  return new RegExp(`"${LABEL}" => (true|disabled)`).test(text);
}

/** How it is, for people. Pure. */
export function stateOf(one: Loaded | undefined): string {
  if (one === undefined) return "not loaded";
  const ended = one.pid === null && one.lastExit !== null ? `, it ended with ${meaningOf(one.lastExit)}` : "";
  return `${one.state} in ${one.domain}${ended}`;
}

/** An error for what launchctl said no to: not allowed (77), or anything else (1). */
export function refused(verb: string, ran: Ran): OffhookError {
  return new OffhookError(
    ran.exitCode === 1 || /not permitted|not privileged/i.test(ran.stderr) ? EXIT.permission : EXIT.failed,
    `launchctl ${verb}: ${ran.stderr || ran.stdout || `exit code ${ran.exitCode}`}`,
    "look at: launchctl print system | grep offhook, and Console for launchd",
  );
}
