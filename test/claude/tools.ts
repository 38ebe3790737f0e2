// What every part of this run is given: the programs under test, where to put things, and the hooks made of them.
import { join } from "node:path";
import type { Hook } from "./claude.ts";
import type { Scratch } from "./scratch.ts";

export type Tools = {
  /** The real Claude Code, and the compiled offhook: absolute paths. */
  claude: string;
  offhook: string;
  bun: string;
  /** The scratch directory of the whole run. */
  root: string;
};

export const WORKER_SCRIPT = join(import.meta.dir, "worker.sh");

/** publish as a person would set it up, in exec form. */
export function publishHook(tools: Tools): Hook {
  return { command: tools.offhook, args: ["publish"] };
}

/** The plain recorder. */
export function recorderHook(scratch: Scratch): Hook {
  return { command: "/bin/sh", args: [join(import.meta.dir, "record.sh"), scratch.recordings] };
}
