// Runs a worker beside the agent instead of in front of it: low priority for the processor.
import { getPriority, setPriority } from "node:os";
import { messageOf } from "../errors.ts";
import { setGroupPriority } from "./libc.ts";
import { writeProcFile } from "./proc-file.ts";

/** nice(2): 0 is usual, 19 the lowest. */
const LOW = 10;
/** A daemon that was itself started lower stays where it is: going up again is refused. */
let lowered: number | null = null;
const AUTOGROUP_TRY_EVERY_MS = 120;
const AUTOGROUP_TRIES = 50;

/**
 * Lowers the priority of a process that leads a group of its own, of its group and of what they start from now on. Best effort:
 * what fails while the process still runs goes to `note`.
 */
export function lowerPriority(pid: number, isRunning: () => boolean, note: (line: string) => void): void {
  // Its pid may be somebody else's by now.
  if (!isRunning()) return;
  try {
    lowered ??= Math.max(LOW, getPriority());
    if (!setGroupPriority(pid, lowered)) setPriority(pid, lowered);
  } catch (error) {
    if (isRunning() && !isGone(error)) note(`worker ${pid} runs at normal priority: ${messageOf(error)}`);
  }
  if (process.platform === "linux") lowerAutogroup(pid, isRunning, note, AUTOGROUP_TRIES);
}

/**
 * sched(7): where autogrouping is on, each session is weighed as one, and nice counts only inside it. A worker has a
 * session of its own, so its group must be lowered too. Tried again, because without CAP_SYS_ADMIN the kernel takes one
 * such write in 100 ms (EAGAIN), and the file is root's in the last moment of the program's start (EACCES).
 */
function lowerAutogroup(pid: number, isRunning: () => boolean, note: (line: string) => void, triesLeft: number): void {
  if (!isRunning()) return;
  try {
    writeProcFile(`/proc/${pid}/autogroup`, String(LOW));
  } catch (error) {
    if (isGone(error)) return;
    if (triesLeft === 0) note(`worker ${pid} takes a full share of the processor: ${messageOf(error)}`);
    else setTimeout(lowerAutogroup, AUTOGROUP_TRY_EVERY_MS, pid, isRunning, note, triesLeft - 1).unref();
  }
}

/** No such process, or a kernel without autogroups: then nice alone is enough. */
function isGone(error: unknown): boolean {
  const { code, info } = error as { code?: string; info?: { code?: string } };
  return ["ENOENT", "ESRCH"].includes(info?.code ?? code ?? "");
}
