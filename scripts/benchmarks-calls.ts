// Calls to the kernel, apart from the programs that make them: what strace sees of publish, what a loop of the disk's calls takes,
// and what a run costs in page faults and processor time.
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Contestant } from "../src/measure/measure.ts";
import { empty } from "../src/measure/scratch.ts";
import { timesOf } from "../src/report/statistics.ts";
import { openCalls } from "../src/system/libc.ts";
import { EVENT_BYTES } from "./benchmarks-beside.ts";
import type { Inside } from "./benchmarks-page.ts";

const COST_RUNS = 20;
// <sys/resource.h>: struct rusage on 64-bit Linux and macOS; two struct timeval, then longs, the fifth of which is ru_minflt.
const RUSAGE_CHILDREN = -1;
const RUSAGE_LONGS = 18;

/** Page faults and processor time of one run, the mean of some runs; null where getrusage(2) cannot be called. */
export function costOf(
  contestant: Contestant | undefined,
  next: () => Uint8Array,
): { pageFaults: number | null; cpuMs: number | null } {
  const calls = openCalls({ getrusage: { args: ["i32", "ptr"], returns: "i32" } });
  if (calls === null || contestant === undefined) return { pageFaults: null, cpuMs: null };
  const usage = () => {
    const longs = new BigInt64Array(RUSAGE_LONGS);
    calls.getrusage(RUSAGE_CHILDREN, longs);
    const at = (index: number) => Number(longs[index] ?? 0n);
    return { faults: at(8), cpuMs: (at(0) + at(2)) * 1000 + (at(1) + at(3)) / 1000 };
  };
  const before = usage();
  for (let run = 0; run < COST_RUNS; run++)
    Bun.spawnSync(contestant.argv, {
      env: contestant.env,
      ...(contestant.cwd === undefined ? {} : { cwd: contestant.cwd }),
      stdin: next(),
      stdout: "ignore",
      stderr: "ignore",
    });
  const after = usage();
  return { pageFaults: (after.faults - before.faults) / COST_RUNS, cpuMs: (after.cpuMs - before.cpuMs) / COST_RUNS };
}

const TRACE_RUNS = 30;
const TRACED = "execve,read,write,fsync,rename,renameat,renameat2,exit_group";

/** The calls of publish as strace sees them; null where there is none, or it may not trace. */
export function traceOf(
  offhook: string,
  env: Record<string, string>,
  cwd: string,
  next: () => Uint8Array,
  spool: string,
): Inside["traced"] {
  const strace = Bun.which("strace");
  if (strace === null) return null;
  const log = `${spool}.strace`;
  const calls = new Map<string, number[]>();
  const wholes: number[] = [];
  empty(spool);
  for (let run = 0; run < TRACE_RUNS; run++) {
    const beganMs = performance.now();
    const { exitCode } = Bun.spawnSync(
      [strace, "-f", "--seccomp-bpf", "-ttt", "-T", "-y", "-e", `trace=${TRACED}`, "-o", log, offhook, "publish"],
      {
        env,
        cwd,
        stdin: next(),
        stdout: "ignore",
        stderr: "ignore",
      },
    );
    wholes.push(performance.now() - beganMs);
    if (exitCode !== 0 || empty(spool) !== 1) return null;
    for (const [name, tookMs] of callsIn(readFileSync(log, "utf8")))
      calls.set(name, [...(calls.get(name) ?? []), tookMs]);
  }
  unlinkSync(log);
  return { calls: [...calls].map(([name, timesMs]) => ({ name, times: timesOf(timesMs) })), whole: timesOf(wholes) };
}

/** Of one run under `strace -ttt -T -y`: execve to the first read of stdin, and how long each call about the event's file took. */
export function callsIn(log: string): Map<string, number> {
  const lines = [...log.matchAll(/^\d+ +(\d+\.\d+) (\w+)\((.*?)\) = (.*?) <(\d+\.\d+)>$/gm)];
  const calls = lines.map(([, at = "", name = "", args = "", , took = ""]) => ({
    atMs: Number(at) * 1000,
    name,
    args,
    tookMs: Number(took) * 1000,
  }));
  const found = new Map<string, number>();
  const began = calls.find(({ name }) => name === "execve");
  const read = calls.find(({ name, args }) => name === "read" && args.startsWith("0<"));
  const exitMs = msOf(/^\d+ +(\d+\.\d+) exit_group\(/m.exec(log)?.[1]);
  const goneMs = msOf([...log.matchAll(/^\d+ +(\d+\.\d+) \+\+\+ exited with/gm)].at(-1)?.[1]);
  if (began !== undefined && read !== undefined) found.set("execve until stdin is read", read.atMs - began.atMs);
  for (const { name, args, tookMs } of calls) {
    const about = args.includes("spool/tmp/") ? "the file" : args.includes("spool/new") ? "the directory" : null;
    if (about === null || name === "read") continue;
    const key = name.startsWith("rename") ? "rename" : `${name} ${about}`;
    found.set(key, (found.get(key) ?? 0) + tookMs);
  }
  if (exitMs !== null && goneMs !== null) found.set("exit until all its threads are gone", goneMs - exitMs);
  if (began !== undefined && goneMs !== null) found.set("execve until gone", goneMs - began.atMs);
  return found;
}

/** Seconds as strace writes them, in ms. */
function msOf(text: string | undefined): number | null {
  return text === undefined ? null : Number(text) * 1000;
}

const DISK_RUNS = 300;

/** What publish asks of the disk, again and again in this process. */
export function diskLoop(directory: string): Inside["disk"] {
  const names = ["create and write", "fsync the file", "rename", "fsync the directory"] as const;
  const timesMs = new Map<string, number[]>(names.map((name) => [name, []]));
  const timed = (name: (typeof names)[number], work: () => void) => {
    const beganMs = performance.now();
    work();
    timesMs.get(name)?.push(performance.now() - beganMs);
  };
  for (const name of ["", "tmp", "new"]) mkdirSync(join(directory, name));
  const body = new Uint8Array(EVENT_BYTES).fill(0x61);
  const above = openSync(join(directory, "new"), "r");
  for (let run = 0; run < DISK_RUNS; run++) {
    const [tmp, name] = [join(directory, "tmp", String(run)), join(directory, "new", String(run))];
    let fd = -1;
    timed("create and write", () => {
      fd = openSync(tmp, "wx", 0o600);
      writeSync(fd, body);
    });
    timed("fsync the file", () => fsyncSync(fd));
    closeSync(fd);
    timed("rename", () => renameSync(tmp, name));
    timed("fsync the directory", () => fsyncSync(above));
    unlinkSync(name);
  }
  closeSync(above);
  return names.map((name) => ({ name, times: timesOf(timesMs.get(name) ?? []) }));
}
