// Finds a worker's program before it is started, so that the reason why it cannot be is a clear one.
import { existsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { messageOf } from "../errors.ts";
import type { CommandPlan } from "./plan.ts";

const MAX_PATH_SHOWN = 300;

export type Program = { path: string } | { path: null; reason: string };

/** The program that argv[0] means: with a slash a path, seen from the worker's directory; else one on its PATH. */
export function findProgram({ argv, cwd, env }: Pick<CommandPlan, "argv" | "cwd" | "env">): Program {
  const name = argv[0] ?? "";
  const path = env.PATH ?? "";
  if (!name.includes("/")) {
    const found = Bun.which(name, { PATH: path });
    return found === null
      ? { path: null, reason: `${name}: not found on the daemon's PATH (${shortened(path)})` }
      : { path: found };
  }
  const place = resolve(cwd, name);
  if (Bun.which(place) !== null) return { path: place };
  if (!existsSync(place)) return { path: null, reason: `${place}: no such program` };
  return { path: null, reason: `${place}: ${isDirectory(place) ? "is a directory" : "is not executable (chmod +x)"}` };
}

/** Why the system refused to start a program that is there. A bad directory gives the same code as a bad program. */
export function spawnReason(error: unknown, plan: Pick<CommandPlan, "cwd">, path: string): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case "ENOENT":
    case "ENOTDIR":
      if (!isDirectory(plan.cwd)) return `${plan.cwd}: the directory to run in is gone`;
      return `${path}: the interpreter that its first line names is not there`;
    case "ENOEXEC":
      return `${path}: neither a binary for this machine nor a script with a first line like #!/bin/sh`;
    case "E2BIG":
      return `${path}: its arguments and environment are too long for the system; take the event from stdin instead`;
    case "EACCES":
      return `${path}: permission denied, for it or for the directory ${plan.cwd}`;
    default:
      return `${path}: ${messageOf(error)}`;
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function shortened(path: string): string {
  return path.length <= MAX_PATH_SHOWN ? path : `${path.slice(0, MAX_PATH_SHOWN)}…`;
}
