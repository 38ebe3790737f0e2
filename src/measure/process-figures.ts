// What a process takes of the machine, as Linux tells it in /proc. Elsewhere only its resident memory is known (ps).
import { readdirSync, readFileSync } from "node:fs";

/** In KiB; null where the system does not tell. `rss` counts shared pages too, `private` is what ending it would free. */
export type Memory = { rssKib: number; privateKib: number | null; peakRssKib: number | null };

/** USER_HZ: proc_pid_stat(5) counts in it, and it is 100 on every Linux that Bun runs on. */
const TICK_MS = 10;

/** The memory of a running process. Throws when there is no such process. */
export function memoryOf(pid: number): Memory {
  if (process.platform !== "linux") {
    const ps = Bun.spawnSync(["/bin/ps", "-o", "rss=", "-p", String(pid)], { stdin: "ignore" }); // macOS: not run here
    return { rssKib: Number(ps.stdout.toString()), privateKib: null, peakRssKib: null };
  }
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return {
    rssKib: kibOf(rollup, "Rss"),
    privateKib: kibOf(rollup, "Private_Clean") + kibOf(rollup, "Private_Dirty"),
    peakRssKib: kibOf(status, "VmHWM"),
  };
}

/** The processor time that a process has used since its start, all its threads, in ms; null where there is no /proc. */
export function cpuMsOf(pid: number): number | null {
  if (process.platform !== "linux") return null;
  return cpuMsIn(readFileSync(`/proc/${pid}/stat`, "utf8"));
}

/** How many files, sockets and pipes a process holds open; null where there is no /proc. Throws when it has ended. */
export function openFilesOf(pid: number): number | null {
  return process.platform === "linux" ? readdirSync(`/proc/${pid}/fd`).length : null;
}

/** utime + stime of a line of /proc/PID/stat: fields 14 and 15, counted after the name, which may hold anything. */
export function cpuMsIn(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** The figure of a line like "Rss:    1234 kB"; NaN when there is none. */
export function kibOf(text: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text)?.[1] ?? Number.NaN);
}
