// The machine as the service room sees it: who we are, what is there, how programs are run. Handed in, so that tests can have
// another one.
import { existsSync, statSync } from "node:fs";
import { userInfo } from "node:os";

/** How a program ended; `stdout` and `stderr` are cut at the end of lines of white space. 127: it is not there. 124: not in time. */
export type Ran = { exitCode: number; stdout: string; stderr: string };

export type Host = {
  platform: string;
  env: Record<string, string | undefined>;
  /** Who runs this process (effective). */
  uid: number;
  /** Who began it: another number than `uid` under a setuid program. */
  realUid: number;
  userName: string;
  userHome: string;
  exists(path: string): boolean;
  /** The uid of a path's owner; null: there is nothing. */
  ownerOf(path: string): number | null;
  run(argv: readonly string[], options?: { env?: Record<string, string>; timeoutMs?: number }): Promise<Ran>;
  sleep(ms: number): Promise<void>;
};

const RUN_LIMIT_MS = 30_000;

/** This machine and this process. */
export function thisHost(): Host {
  let name: string | null = null;
  return {
    platform: process.platform,
    env: process.env,
    uid: process.geteuid?.() ?? -1,
    realUid: process.getuid?.() ?? -1,
    get userName() {
      name ??= nameOf(this.uid);
      return name;
    },
    userHome: process.env.HOME || userInfo().homedir,
    exists: existsSync,
    ownerOf: (path) => statSync(path, { throwIfNoEntry: false })?.uid ?? null,
    run,
    sleep: Bun.sleep,
  };
}

/** The system's own programs: what stands in the caller's PATH before them is not asked. */
const SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin";

/** As the system knows this user, else the number. Bun's userInfo() believes $USER, which cron leaves out and su to root keeps. */
function nameOf(uid: number): string {
  const { exitCode, stdout } = Bun.spawnSync(["id", "-un"], {
    env: { PATH: SYSTEM_PATH },
    stdin: "ignore",
    stderr: "ignore",
  });
  return (exitCode === 0 && stdout.toString().trim()) || String(uid);
}

async function run(
  argv: readonly string[],
  { env = {}, timeoutMs = RUN_LIMIT_MS }: { env?: Record<string, string>; timeoutMs?: number } = {},
): Promise<Ran> {
  const [name = ""] = argv;
  const program = Bun.which(name, { PATH: SYSTEM_PATH });
  if (program === null) return { exitCode: 127, stdout: "", stderr: `${name} is not there` };
  const child = Bun.spawn([program, ...argv.slice(1)], {
    env: { PATH: SYSTEM_PATH, LC_ALL: "C.UTF-8", ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: timeoutMs,
    killSignal: "SIGKILL",
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  const exitCode = child.exitCode ?? 124;
  return {
    exitCode,
    stdout: stdout.trimEnd(),
    stderr: stderr.trimEnd() || (exitCode === 124 ? `${name} did not end in ${timeoutMs / 1000} s` : ""),
  };
}
