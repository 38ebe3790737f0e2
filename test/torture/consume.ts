// A `consume` of a torture run, from its first instant: it may be killed or frozen before it has said anything.
// Nothing of src/ is used.
import { readdirSync, readFileSync } from "node:fs";
import { comes } from "./node.ts";

export type Life = {
  pid: number;
  /** Everything it has said so far. */
  output(): string;
  /** Null while it runs; a signal's name where one ended it. */
  end(): number | string | null;
  ended: Promise<number | string>;
  signal(name: NodeJS.Signals): void;
  /** True when it is ready; false when it ended before. Throws when it is neither in time. */
  isReady(): Promise<boolean>;
};

/** Starts one on a home. `before`: words in front of it (strace). Its last instant is up to the caller. */
export function startConsume(binary: string, home: string, before: readonly string[] = []): Life {
  const child = Bun.spawn([...before, binary, "consume"], {
    env: { PATH: "/usr/bin:/bin", HOME: home, OFFHOOK_HOME: home, LANG: "C.UTF-8" },
    cwd: home,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  let said = "";
  const read = async (stream: ReadableStream<Uint8Array>) => {
    for await (const chunk of stream) said += Buffer.from(chunk).toString();
  };
  void Promise.all([read(child.stdout), read(child.stderr)]);
  const end = () => child.signalCode ?? child.exitCode;
  const isUp = () => said.includes("ready:");
  return {
    pid: child.pid,
    output: () => said,
    end,
    ended: child.exited.then(() => end() ?? "unknown"),
    signal: (name) => child.kill(name),
    async isReady() {
      if (!(await comes(() => isUp() || end() !== null))) throw new Error(`the daemon is not ready: ${said}`);
      return isUp();
    },
  };
}

/** Pids of all processes whose environment names this home: daemons, their workers and what those started. Linux. */
export function processesOf(home: string): number[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => environmentOf(pid).includes(`OFFHOOK_HOME=${home}`));
}

/** Ends with SIGKILL whatever names this home, until nothing does. */
export async function endAllOf(home: string): Promise<void> {
  const isOver = () => {
    const left = processesOf(home);
    for (const pid of left) kill(pid);
    return left.length === 0;
  };
  if (!(await comes(isOver))) throw new Error(`${processesOf(home)} outlive SIGKILL`);
}

function environmentOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1").split("\0");
  } catch {
    return []; // It has ended, or is somebody else's.
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
