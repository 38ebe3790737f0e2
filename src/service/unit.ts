// The text of the systemd unit. Pure. It keeps to what systemd 247 to 257 know, in a user's unit and in the machine's.
// Not set, because linters and test runs in any project must work: MemoryDenyWriteExecute and SystemCallFilter (programs that
// compile at run time), ProtectHome and ProtectSystem (no effect in a user's unit, systemd.exec(5)), RestrictAddressFamilies
// (requests), UMask (what a worker writes in a project belongs to the project).
import type { ServiceOptions } from "./options.ts";

export const UNIT = "offhook.service";
/** The first line of every file that we write: one without it is somebody else's. */
export const WRITTEN_BY = "Written by offhook install-service";

/** The unit of a user ("user") or of the machine ("system"). The values must be free of control characters. */
export function unitText(kind: "user" | "system", options: ServiceOptions, isDefaultHome: boolean): string {
  const { binary, home, path, user } = options;
  const lines = [
    `# ${WRITTEN_BY}, which writes it anew. Settings of your own: systemctl ${kind === "user" ? "--user " : ""}edit ${UNIT}`,
    "[Unit]",
    "Description=offhook: what Claude Code's hooks published",
    ...(kind === "system" ? ["After=network.target", `RequiresMountsFor=${quoted(home)}`] : []),
    "# It is to come back however often it ends: what it would do waits in the spool.",
    "StartLimitIntervalSec=0",
    "",
    "[Service]",
    "Type=notify",
    "# Read through once, in order: a hook starts 3 ms faster from a program that is in memory in large pieces (docs/benchmarks.md).",
    `ExecStartPre=-/bin/sh -c 'exec cat "$$0" >/dev/null' ${quoted(binary).replaceAll("$", () => "$$")}`,
    `ExecStart=${quoted(binary)} consume`,
    'ExecReload=/bin/sh -c "kill -HUP $MAINPID"',
    ...(kind === "system" ? [`User=${specifiersKept(user.name)}`] : []),
    `Environment=${quoted(`PATH=${path}`)}`,
    ...(isDefaultHome ? [] : [`Environment=${quoted(`OFFHOOK_HOME=${home}`)}`]),
    "UnsetEnvironment=BUN_BE_BUN BUN_OPTIONS BUN_INSPECT BUN_INSPECT_PRELOAD",
    "Restart=on-failure",
    "RestartSec=3",
    "# Usage, no such consumer, permission, configuration: a person is needed first.",
    "RestartPreventExitStatus=64 66 77 78",
    "# A long recovery is no failed start; a loop that answers nothing for a minute is one that hangs.",
    "TimeoutStartSec=300",
    "WatchdogSec=60",
    "# Any end is safe for it, and a program that is stopped takes no other signal.",
    "WatchdogSignal=SIGKILL",
    "# The daemon alone is asked to end: it gives what runs 20 s, then 5 s more. What is left after that is killed.",
    "KillMode=mixed",
    "TimeoutStopSec=40",
    "OOMPolicy=continue",
    "NoNewPrivileges=yes",
    "LockPersonality=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "SystemCallArchitectures=native",
    "# Beside the agent, not in front of it.",
    "CPUWeight=20",
    "IOSchedulingClass=best-effort",
    "IOSchedulingPriority=7",
    "TasksMax=8192",
    "MemoryHigh=60%",
    "MemoryMax=80%",
    "LimitNOFILE=8192:524288",
    "",
    "[Install]",
    `WantedBy=${kind === "user" ? "default.target" : "multi-user.target"}`,
  ];
  return `${lines.join("\n")}\n`;
}

/**
 * One word of a unit's line: quoted, C escapes and specifiers kept as they are written (systemd.syntax(7), "Quoting";
 * systemd.unit(5), "Specifiers"). In arguments of Exec lines, but not in their programs, "$" is written twice.
 */
function quoted(text: string): string {
  return `"${specifiersKept(text).replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

function specifiersKept(text: string): string {
  return text.replaceAll("%", "%%");
}

/** The word that `quoted` made, as it was; null where the line has none of this form. For looking at an installed unit. */
export function fromUnit(text: string, key: "binary" | "PATH"): string | null {
  const pattern = key === "binary" ? /^ExecStart="((?:[^"\\]|\\.)*)"/m : /^Environment="PATH=((?:[^"\\]|\\.)*)"/m;
  const found = pattern.exec(text)?.[1];
  return found === undefined ? null : found.replace(/\\(.)/g, "$1").replaceAll("%%", "%");
}
