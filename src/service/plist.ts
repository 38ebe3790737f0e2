// The text of launchd's property list. Pure. Keys as in launchd.plist(5).
import type { ServiceOptions } from "./options.ts";
import { WRITTEN_BY } from "./unit.ts";

export const LABEL = "offhook";

/** An agent of a user, or a daemon of the machine that runs as one. The values must be free of control characters. */
export function plistText(kind: "agent" | "daemon", options: ServiceOptions, isDefaultHome: boolean): string {
  const { binary, home, path, user, lang } = options;
  const log = logPath(options);
  // launchd gives PATH=/usr/bin:/bin:/usr/sbin:/sbin and no LANG.
  const environment: Dict = { HOME: user.home, PATH: path };
  if (lang) environment.LANG = lang;
  if (!isDefaultHome) environment.OFFHOOK_HOME = home;
  const keys: Dict = {
    Label: LABEL,
    ProgramArguments: [binary, "consume"],
    ...(kind === "daemon" ? { UserName: user.name } : {}),
    EnvironmentVariables: environment,
    RunAtLoad: true,
    KeepAlive: { SuccessfulExit: false },
    ThrottleInterval: 10,
    // What runs gets 20 s from the daemon, then 5 s more; launchd's own 20 would cut that short.
    ExitTimeOut: 40,
    // "Background", and LowPriorityIO too, would slow down every linter, and what the daemon writes.
    ProcessType: "Standard",
    SoftResourceLimits: { NumberOfFiles: 8192 },
    // The domains of a user: of the screen, and of one who came over ssh.
    ...(kind === "agent"
      ? { LimitLoadToSessionType: ["Aqua", "Background", "LoginWindow", "StandardIO", "System"] }
      : {}),
    StandardOutPath: log,
    StandardErrorPath: log,
  };
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">',
    `<!-- ${WRITTEN_BY}, which writes it anew. -->`,
    '<plist version="1.0">',
    ...element(keys, ""),
    "</plist>",
    "",
  ].join("\n");
}

/** launchd makes the file but no directory; this one is there in every home. launchd never cuts it: own-log.ts does. */
export function logPath({ user }: ServiceOptions): string {
  return `${user.home}/Library/Logs/offhook.log`;
}

type Dict = { [key: string]: Value };
type Value = string | number | boolean | string[] | Dict;

function element(value: Value, indent: string): string[] {
  if (typeof value === "string") return [`${indent}<string>${xml(value)}</string>`];
  if (typeof value === "number") return [`${indent}<integer>${value}</integer>`];
  if (typeof value === "boolean") return [`${indent}<${value}/>`];
  const deeper = `${indent}\t`;
  if (Array.isArray(value)) {
    return [`${indent}<array>`, ...value.flatMap((one) => element(one, deeper)), `${indent}</array>`];
  }
  const pairs = Object.entries(value).flatMap(([key, one]) => [
    `${deeper}<key>${xml(key)}</key>`,
    ...element(one, deeper),
  ]);
  return [`${indent}<dict>`, ...pairs, `${indent}</dict>`];
}

function xml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** Of an installed plist: what it runs, and with which PATH; null where the text has none of this form. */
export function fromPlist(text: string, key: "binary" | "PATH"): string | null {
  const name = key === "binary" ? "ProgramArguments</key>\\s*<array>" : "PATH</key>";
  return stringBehind(text, name);
}

/** Where a plist sends what the daemon prints. */
export function logOf(text: string): string {
  return stringBehind(text, "StandardOutPath</key>") ?? "";
}

function stringBehind(text: string, name: string): string | null {
  const found = new RegExp(`<key>${name}\\s*<string>([^<]*)</string>`).exec(text)?.[1];
  return found === undefined ? null : found.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}
