// What systemctl's answers mean.
import { readlinkSync } from "node:fs";
import { codeOf, EXIT, OffhookError } from "../errors.ts";
import type { Ran } from "./host.ts";
import { UNIT } from "./unit.ts";

/** Whether the answer is that systemd cannot be reached. */
export function isRan(asked: Record<string, string> | Ran): asked is Ran {
  return typeof asked.exitCode === "number";
}

/** An error for what systemctl said no to: not allowed (77), or anything else (1). */
export function refused(what: string, ran: Ran): OffhookError {
  const said = ran.stderr || ran.stdout || `exit code ${ran.exitCode}`;
  const isPermission = /permission|denied|authentication|not permitted/i.test(said);
  return new OffhookError(
    isPermission ? EXIT.permission : EXIT.failed,
    `${what}: ${said}`,
    isPermission ? "do it as root" : "look at: systemctl status",
  );
}

/**
 * What of the journal is the service's: words of journalctl(1). What a user's program says that has ended before the journal looks
 * who it was has no unit there (seen with systemd 252), only its name, its user and that it came through a service's stdout.
 */
export function journalOf(kind: "user" | "system", uid: number): string[] {
  if (kind === "system") return [`--unit=${UNIT}`];
  const own = [`_SYSTEMD_USER_UNIT=${UNIT}`, `USER_UNIT=${UNIT}`, "SYSLOG_IDENTIFIER=offhook _TRANSPORT=stdout"];
  return own.flatMap((match, at) => [...(at > 0 ? ["+"] : []), ...match.split(" "), `_UID=${uid}`]);
}

/** "Sat 2026-11-21 14:53:29 UTC" as ISO; null: never. */
export function timeOf(text: string): string | null {
  const [, date, time] = /^\w+ (\S+) (\S+) UTC$/.exec(text) ?? [];
  return date === undefined ? null : `${date}T${time}Z`;
}

/** Whether the file of a running program has been replaced (proc_pid_exe(5)); false where that is not told. */
export function isReplaced(pid: number): boolean {
  if (!(pid > 0)) return false;
  try {
    return readlinkSync(`/proc/${pid}/exe`).endsWith(" (deleted)");
  } catch (error) {
    if (["ENOENT", "EACCES", "EPERM"].includes(codeOf(error) ?? "")) return false;
    throw error;
  }
}
