// Processes as the operating system tells of them: this boot, a process's start time, who belongs to whom, and ending a
// whole tree. A pid alone is not believed: it may be somebody else's by now, so it goes with its start time.
import { readdirSync, readFileSync } from "node:fs";
import { isGroupThere } from "./libc.ts";
import { readProcFile } from "./proc-file.ts";
import { waitUntil } from "./wait.ts";

/** One running process. `session` is null where the system does not tell (macOS). */
export type Process = {
  pid: number;
  parent: number;
  group: number;
  session: number | null;
  startTime: string;
  isZombie: boolean;
};

/** Names this boot, so that pids of an earlier one are not believed; null when the system does not tell. */
export function bootId(): string | null {
  if (process.platform === "linux") return readText("/proc/sys/kernel/random/boot_id");
  return output(["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"]); // macOS: not run here
}

/** When a process began, in the system's words (Linux: clock ticks since boot); null when there is no such process. */
export function processStartTime(pid: number): string | null {
  if (process.platform === "linux") return fromStat(pid)?.startTime ?? null;
  return output(["/bin/ps", "-o", "lstart=", "-p", String(pid)]); // macOS: not run here
}

/** Whether a process group still has a member that runs; members that only wait to be collected do not count. */
export function groupAlive(group: number): boolean {
  if (!(isGroupThere(group) ?? isSignalled(-group, 0))) return false;
  return listProcesses().some((candidate) => candidate.group === group && !candidate.isZombie);
}

/**
 * A leader's process and everything that came of it, while its parents live: its group, its session, and descendants
 * that began a session of their own. The leader itself may be gone.
 */
export function processTree(leader: number): Process[] {
  const all = listProcesses();
  const childrenOf = Map.groupBy(all, (candidate) => candidate.parent);
  const tree = new Map<number, Process>();
  const queue = all.filter(({ pid, group, session }) => pid === leader || group === leader || session === leader);
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    if (tree.has(next.pid)) continue;
    tree.set(next.pid, next);
    queue.push(...(childrenOf.get(next.pid) ?? []));
  }
  return [...tree.values()];
}

/**
 * Processes whose environment has all these entries ("NAME=value"): what came of one program and kept its environment, also what
 * left its session and lost its parent. Only Linux tells (proc_pid_environ(5)); elsewhere, and with no entries, nobody is found.
 * This process is never among them.
 */
export function processesWith(entries: readonly string[]): Process[] {
  if (process.platform !== "linux" || entries.length === 0) return [];
  return listProcesses().filter(({ pid, isZombie }) => {
    if (isZombie || pid === process.pid) return false;
    const environment = new Set(environmentOf(pid));
    return entries.every((entry) => environment.has(entry));
  });
}

/** The values that a variable has in the environments of running processes, all looked through once. Linux alone; this process is left out. */
export function valuesInProcesses(name: string): Set<string> {
  if (process.platform !== "linux") return new Set();
  const entries = listProcesses().flatMap(({ pid }) => (pid === process.pid ? [] : environmentOf(pid)));
  return new Set(entries.filter((entry) => entry.startsWith(`${name}=`)).map((entry) => entry.slice(name.length + 1)));
}

/** Sends a signal to the whole tree of a leader. Gives whom it was meant for. */
export function endTree(leader: number, signal: NodeJS.Signals): Process[] {
  refuseWideTargets(leader);
  // Listed first: when the leader is gone its children have another parent.
  const tree = processTree(leader);
  isSignalled(-leader, signal);
  for (const member of tree) if (member.group !== leader) isSignalled(member.pid, signal);
  return tree;
}

/**
 * Ends the whole tree of a leader (null: it is gone, or was never known), and with it whatever has all of `entries` in its
 * environment: TERM, after `killAfterMs` KILL for what is left. False: something outlives KILL.
 */
export async function endTreeInSteps(
  leader: number | null,
  killAfterMs: number,
  entries: readonly string[] = [],
): Promise<boolean> {
  const known = new Map<number, Process>();
  const tell = (signal: NodeJS.Signals) => {
    const tree = leader === null ? [] : endTree(leader, signal);
    for (const member of tree) known.set(member.pid, member);
    for (const member of processesWith(entries)) {
      known.set(member.pid, member);
      if (!tree.some(({ pid }) => pid === member.pid)) isSignalled(member.pid, signal);
    }
  };
  const isOver = () =>
    running(known.values()).length === 0 &&
    (leader === null || !groupAlive(leader)) &&
    processesWith(entries).length === 0;
  tell("SIGTERM");
  if (await waitUntil(isOver, killAfterMs)) return true;

  tell("SIGKILL");
  // Those that left the group are found by their pid from here on: their parents may be gone.
  for (const member of running(known.values())) {
    for (const child of processTree(member.pid)) {
      known.set(child.pid, child);
      isSignalled(child.pid, "SIGKILL");
    }
  }
  return waitUntil(isOver, 1000);
}

/** Those that are still the same process, and not one that only waits to be collected. */
function running(known: Iterable<Process>): Process[] {
  const members = [...known];
  if (process.platform === "linux") return members.filter((member) => isSame(member, fromStat(member.pid)));
  const now = new Map(listProcesses().map((found) => [found.pid, found]));
  return members.filter((member) => isSame(member, now.get(member.pid) ?? null));
}

function isSame(known: Process, now: Process | null): boolean {
  return now !== null && now.startTime === known.startTime && !now.isZombie;
}

function listProcesses(): Process[] {
  if (process.platform !== "linux") return fromPs(output(["/bin/ps", "-axo", "pid=,ppid=,pgid=,stat=,lstart="]) ?? "");
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.map((pid) => fromStat(Number(pid))).filter((found) => found !== null);
}

/** proc_pid_stat(5): the name in parentheses may hold anything, so fields are counted after the last ")". */
function fromStat(pid: number): Process | null {
  const stat = readText(`/proc/${pid}/stat`);
  if (stat === null) return null;
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state = "", parent, group, session] = fields;
  const startTime = fields[19] ?? "";
  return {
    pid,
    parent: Number(parent),
    group: Number(group),
    session: Number(session),
    startTime,
    isZombie: /^[ZXx]/.test(state),
  };
}

/** Lines of `ps -axo pid=,ppid=,pgid=,stat=,lstart=`. Exported for its test: ps is only asked on macOS. */
export function fromPs(lines: string): Process[] {
  return lines.split("\n").flatMap((line) => {
    const found = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(.+?)\s*$/.exec(line);
    if (found === null) return [];
    const [, pid, parent, group, state = "", startTime = ""] = found;
    return [
      {
        pid: Number(pid),
        parent: Number(parent),
        group: Number(group),
        session: null,
        startTime,
        isZombie: state.startsWith("Z"),
      },
    ];
  });
}

/** Whether there was anybody to take the signal. Somebody else's process counts as there (EPERM). */
function isSignalled(target: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(target, signal);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ESRCH") return false;
    if (code === "EPERM") return true;
    throw error;
  }
}

/** kill(2) takes 0 for our own group and -1 for everybody. */
function refuseWideTargets(leader: number): void {
  if (!Number.isInteger(leader) || leader <= 1) throw new Error(`${leader} leads no process group of ours`);
}

/** The entries of a process's environment; none where it has ended or is somebody else's. */
function environmentOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
  } catch (error) {
    if (["ENOENT", "ESRCH", "EACCES", "EPERM"].includes((error as NodeJS.ErrnoException).code ?? "")) return [];
    throw error;
  }
}

/** A small file of the system without its final newline; null when it is not there (a process that ended: ESRCH). */
function readText(path: string): string | null {
  try {
    return readProcFile(path).trimEnd();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ESRCH") return null;
    throw error;
  }
}

/** What a system tool prints; null when it fails or prints nothing. */
function output(argv: string[]): string | null {
  const ran = Bun.spawnSync(argv, {
    stdin: "ignore",
    stderr: "ignore",
    env: { LC_ALL: "C", PATH: "/usr/bin:/bin:/usr/sbin:/sbin" },
  });
  const text = ran.stdout.toString().trimEnd();
  return ran.exitCode === 0 && text !== "" ? text : null;
}
