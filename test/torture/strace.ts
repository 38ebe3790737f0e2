// strace as the torture suite uses it: which system calls a program makes, and stopping or spoiling one of them.
//
// `inject=all:when=N` is NOT the N-th call: strace counts for each thread and each call's name on its own (its table of
// injections is copied for each tracee and indexed by call number), so `all` with N=3 strikes at the first name that is called
// for the third time and never at anything later. Hence one name at a time, its N-th call, until the program outlives it.

export const STRACE = Bun.which("strace");

/** How often each call is made, one map a thread; the first is the main thread's. */
export type Calls = Map<string, number>[];

/** Reads what `strace -f -o` wrote. The second half of a call that another thread interrupted is not a call. */
export function callsIn(trace: string): Calls {
  const threads = new Map<string, Map<string, number>>();
  for (const line of trace.split("\n")) {
    const [, thread = "main", name] = /^(?:(\d+) +)?([a-z_]\w*)\(/.exec(line) ?? [];
    if (name === undefined) continue;
    const calls = threads.get(thread) ?? new Map<string, number>();
    calls.set(name, (calls.get(name) ?? 0) + 1);
    threads.set(thread, calls);
  }
  return [...threads.values()];
}

/** The words that run a command with SIGKILL at its n-th call of `name`, before the call does anything. `everyThread`: n counts in
 *  each thread, the first to reach it dies, and all with it; else only the main thread's calls count. */
export function killedAt(name: string, n: number, everyThread: boolean, trace: string): string[] {
  const who = everyThread ? ["-f"] : [];
  return [STRACE ?? "strace", ...who, "-o", trace, `--trace=${name}`, `--inject=${name}:signal=KILL:when=${n}`];
}

/** The words that run a command and write down every call of every thread, with the paths of its files. */
export function traced(trace: string): string[] {
  return [STRACE ?? "strace", "-f", "-y", "-o", trace];
}

/** Why rows that need it are skipped; null: it is here and may trace. */
export function missingStrace(): string | null {
  if (process.platform !== "linux") return "strace is Linux's";
  if (STRACE === null) return "strace is not here";
  const tried = Bun.spawnSync([STRACE, "-o", "/dev/null", "true"], { stdout: "ignore", stderr: "ignore" });
  return tried.exitCode === 0 ? null : "strace may not trace here (ptrace is forbidden)";
}
