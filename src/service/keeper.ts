// What both service managers can be asked for, and the shapes of their answers.
import { EXIT, OffhookError } from "../errors.ts";
import type { Manager } from "./detect.ts";
import type { ServicePlan } from "./plan.ts";

/** `since`: ISO time. `lastLog`: the last lines, oldest first; [] where there are none or they cannot be read. */
export type ServiceStatus = {
  installed: boolean;
  /** Null where nothing is installed. */
  manager: Manager | null;
  running: boolean;
  pid: number | null;
  since: string | null;
  /** Whether it comes back at login or boot. */
  enabled: boolean;
  /** How often the manager has started it again; null: not told. */
  restarts: number | null;
  /** In the manager's words: "active (running)", "failed (exit-code, 78)". */
  state: string;
  /** The unit or plist; null: none. */
  file: string | null;
  /** What the installed file runs, and with which PATH; null: no file, or not told. */
  binary: string | null;
  path: string | null;
  lastLog: string[];
};

/** What `install` would do now: files and what becomes of them, commands that would be run, in order. */
export type Outlook = { files: { path: string; change: "new" | "changed" | "same" }[]; commands: string[][] };

export type Installed = { did: "nothing" | "started" | "restarted"; written: string[]; status: ServiceStatus };

export type Removed = { removed: string[]; commands: string[][] };

/** One service manager. Errors: as service.ts says. */
export type Keeper = {
  outlook(plan: ServicePlan): Promise<Outlook>;
  install(plan: ServicePlan): Promise<Installed>;
  /** What uninstall would do; empty where there is nothing. */
  leaving(): Promise<Removed>;
  uninstall(): Promise<Removed>;
  status(): Promise<ServiceStatus>;
  restart(): Promise<ServiceStatus>;
  logs(lines: number): Promise<string[]>;
};

/** Lines shown where something did not start. */
export const LAST_LINES = 10;

/** Nothing is installed. Pure. */
export const NO_SERVICE: ServiceStatus = {
  installed: false,
  manager: null,
  running: false,
  pid: null,
  since: null,
  enabled: false,
  restarts: null,
  state: "not installed",
  file: null,
  binary: null,
  path: null,
  lastLog: [],
};

/** What the daemon's own exit codes mean, and what to do (errors.ts). Pure. */
export function meaningOf(exitCode: number): string {
  const meanings: Record<number, string> = {
    64: "a wrong call",
    66: "no such consumer",
    75: "another offhook consume holds the home: end that one",
    77: "not allowed to use its home",
    78: "its configuration is wrong",
    127: "the program is not there",
    203: "the program is not there, or cannot be run",
  };
  return meanings[exitCode] === undefined ? String(exitCode) : `${exitCode}: ${meanings[exitCode]}`;
}

/** No service of ours is there. */
export function notInstalled(): OffhookError {
  return new OffhookError(EXIT.notFound, "no service of offhook is installed", "offhook install-service");
}
