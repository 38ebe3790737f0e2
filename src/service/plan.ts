// What a service is to be: its files, the commands that make it run, what to know about it. Pure.
import { join } from "node:path";
import { EXIT, OffhookError } from "../errors.ts";
import type { Manager } from "./detect.ts";
import type { ServiceOptions } from "./options.ts";
import { LABEL, logPath, plistText } from "./plist.ts";
import { UNIT, unitText } from "./unit.ts";

/** `mode`: permission bits. Paths are absolute. */
export type ServiceFiles = { path: string; text: string; mode: number }[];

/** `commands` is the whole installation, from nothing; what is really left to do, service.ts `outlook` tells. */
export type ServicePlan = {
  manager: Manager;
  /** "offhook.service", or launchd's label. */
  name: string;
  files: ServiceFiles;
  commands: string[][];
  remarks: string[];
  options: ServiceOptions;
};

/** The service as it would be. Errors: a name or path that no unit can hold (64). */
export function plan(manager: Manager, given: ServiceOptions): ServicePlan {
  const { entries, left } = pathEntries(given.path);
  const hasPath = entries.length > 0;
  const options = { ...given, path: (hasPath ? entries : USUAL_PATH).join(":") };
  for (const [what, text] of [
    ["the program", options.binary],
    ["the home", options.home],
    ["the user's home", options.user.home],
    ["the user", options.user.name],
  ] as const) {
    if (text === "" || hasControls(text)) throw unfit(what, text);
  }
  for (const path of [options.binary, options.home, options.user.home]) {
    if (!path.startsWith("/")) throw unfit("a path", path);
  }
  // systemd takes no program whose path has one of these ("Executable name contains special characters"), however quoted.
  if (manager.startsWith("systemd") && /["'\\]/.test(options.binary)) throw unfit("the program", options.binary);
  const isDefaultHome = options.home === join(options.user.home, ".offhook");
  const remarks = [
    hasPath
      ? `PATH of the service, as it is here now: ${options.path}`
      : `no directory is on PATH here, so the service has the usual ones: ${options.path}; to have others: --path DIRECTORIES`,
  ];
  if (left.length > 0) {
    remarks.push(
      `left out of PATH, because they are no absolute directories: ${left.map((one) => `"${one}"`).join(", ")}`,
    );
  }
  const made = (path: string, text: string, commands: string[][]): ServicePlan => ({
    manager,
    name: manager.startsWith("systemd") ? UNIT : LABEL,
    files: [{ path, text, mode: 0o644 }],
    commands,
    remarks,
    options,
  });
  switch (manager) {
    case "systemd-user":
      remarks.push(lingerRemark(options));
      return made(fileOf(manager, options.user.home), unitText("user", options, isDefaultHome), [
        ...START.map((words) => ["systemctl", "--user", ...words]),
        ...(options.linger ? [["loginctl", "enable-linger", options.user.name]] : []),
      ]);
    case "systemd-system":
      remarks.push(`it runs as ${options.user.name}, from boot on`);
      return made(
        fileOf(manager, options.user.home),
        unitText("system", options, isDefaultHome),
        START.map((words) => ["systemctl", ...words]),
      );
    case "launchd-agent":
    case "launchd-daemon": {
      const kind = manager === "launchd-agent" ? "agent" : "daemon";
      remarks.push(
        kind === "agent"
          ? "an agent begins with your login; a Mac where nobody logs in needs --system"
          : `it runs as ${options.user.name}, from boot on`,
        `its log: ${logPath(options)}; it is cut at 5 MiB, and one older part is kept`,
        "what lies in Desktop, Documents or Downloads needs a grant of macOS, once after each upgrade",
      );
      const path = fileOf(manager, options.user.home);
      const domain = kind === "daemon" ? "system" : `gui/${options.user.uid}`;
      return made(path, plistText(kind, options, isDefaultHome), [
        ["launchctl", "enable", `${domain}/${LABEL}`],
        ["launchctl", "bootstrap", domain, path],
      ]);
    }
    default:
      return manager satisfies never;
  }
}

const USUAL_PATH = ["/usr/local/bin", "/usr/bin", "/bin"];

/** Read first, then enable: an enable of a unit that is not read yet takes the old one. */
const START = [["daemon-reload"], ["enable", UNIT], ["restart", UNIT]];

/** Where a manager's file lies. Pure. */
export function fileOf(manager: Manager, userHome: string): string {
  switch (manager) {
    case "systemd-user":
      return join(userHome, ".config/systemd/user", UNIT);
    case "systemd-system":
      return join("/etc/systemd/system", UNIT);
    case "launchd-agent":
      return join(userHome, "Library/LaunchAgents", `${LABEL}.plist`);
    case "launchd-daemon":
      return join("/Library/LaunchDaemons", `${LABEL}.plist`);
    default:
      return manager satisfies never;
  }
}

function lingerRemark({ linger, user }: ServiceOptions): string {
  return linger
    ? `it runs from boot on, with or without a session of ${user.name}: lingering is switched on`
    : `it runs while ${user.name} is logged in; without a session events wait. From boot on: loginctl enable-linger ${user.name} (or --linger here)`;
}

/** The directories of a PATH that mean the same everywhere, each once; and what is left out. */
function pathEntries(path: string): { entries: string[]; left: string[] } {
  const all = [...new Set(path.split(":").filter((entry) => entry !== ""))];
  const isFit = (entry: string) => entry.startsWith("/") && !hasControls(entry);
  return { entries: all.filter(isFit), left: all.filter((entry) => !isFit(entry)) };
}

function hasControls(text: string): boolean {
  return /\p{Cc}/u.test(text);
}

function unfit(what: string, text: string): OffhookError {
  return new OffhookError(
    EXIT.usage,
    `no service can be made for ${what} ${JSON.stringify(text)}`,
    "give it a plain absolute path; a link will do",
  );
}
