// Every process that this run starts, so that each is bounded in time and ended by its own id, also when the run fails.
// A child leads a process group of its own: what it leaves behind ends with it.

export type Finished = {
  exitCode: number | null;
  signal: string | null;
  timedOut: boolean;
  stdout: string;
  stderr: string;
};

export type StartOptions = { cwd: string; env: Record<string, string>; timeoutMs: number };

export type Running = { pid: number; finished: Promise<Finished>; end(graceMs: number): Promise<Finished> };

const running = new Map<number, (graceMs: number) => Promise<Finished>>();
let isOver = false;

/** Starts `argv` with exactly `env`. After `timeoutMs` its group gets TERM, 2 s later KILL. Throws after `endAll`. */
export function start(argv: string[], options: StartOptions): Running {
  if (isOver) throw new Error(`not started, the run is over: ${argv.join(" ")}`);
  const child = Bun.spawn(argv, {
    cwd: options.cwd,
    env: options.env,
    detached: true,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  let timedOut = false;

  async function end(graceMs: number): Promise<Finished> {
    signalGroup(child.pid, "SIGTERM");
    const hard = setTimeout(() => signalGroup(child.pid, "SIGKILL"), graceMs);
    await child.exited;
    clearTimeout(hard);
    return finished;
  }

  async function wait(): Promise<Finished> {
    const limit = setTimeout(() => {
      timedOut = true;
      void end(2000);
    }, options.timeoutMs);
    const outputs = Promise.all([child.stdout.text(), child.stderr.text()]);
    await child.exited;
    clearTimeout(limit);
    running.delete(child.pid);
    // What it left behind would hold the pipes open: give it a moment, then end the rest of the group.
    const leftovers = setTimeout(() => signalGroup(child.pid, "SIGKILL"), 1000);
    const [stdout, stderr] = await outputs;
    clearTimeout(leftovers);
    return { exitCode: child.exitCode, signal: child.signalCode?.toString() ?? null, timedOut, stdout, stderr };
  }

  running.set(child.pid, end);
  const finished = wait();
  return { pid: child.pid, finished, end };
}

/** Runs `argv` to its end. Throws when that end was `endAll`. */
export async function run(argv: string[], options: StartOptions): Promise<Finished> {
  const finished = await start(argv, options).finished;
  if (isOver) throw new Error(`cut short: ${argv.join(" ")}`);
  return finished;
}

/** Ends whatever still runs, and lets nothing start any more. */
export async function endAll(graceMs: number): Promise<void> {
  isOver = true;
  await Promise.all([...running.values()].map((end) => end(graceMs)));
}

/** Asks `isTrue` every 50 ms until it says yes (true) or `timeoutMs` is over (false). */
export async function until(isTrue: () => Promise<boolean>, timeoutMs: number): Promise<boolean> {
  const giveUpMs = performance.now() + timeoutMs;
  while (performance.now() < giveUpMs) {
    if (await isTrue()) return true;
    await Bun.sleep(50);
  }
  return false;
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    // ESRCH: the group is gone. EPERM: macOS says so of a group in which all have ended.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ESRCH" && code !== "EPERM") throw error;
  }
}
