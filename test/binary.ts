// The compiled offhook as tests use it: where it is, a scratch place for homes, and running it to its end.
// OFFHOOK_BINARY names another binary than dist/offhook.
import { afterAll } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/** The binary under test, absolute. */
export const BINARY = resolve(process.env.OFFHOOK_BINARY || join(import.meta.dir, "..", "dist", "offhook"));

if (!existsSync(BINARY)) throw new Error(`${BINARY} is not there: run scripts/build first`);

/** A scratch place of one test file, removed after its last test. Make it at the top of the file. */
export type Scratch = {
  root: string;
  /** The path of a home that is not there yet. */
  home(): string;
  /** A new empty directory. */
  directory(name: string): string;
};

export function makeScratch(): Scratch {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "offhook-test-")));
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  let count = 0;
  return {
    root,
    home: () => join(root, `home-${++count}`),
    directory(name) {
      const path = join(root, `${name}-${++count}`);
      mkdirSync(path, { mode: 0o700 });
      return path;
    },
  };
}

export type Finished = { exitCode: number | null; signal: string | null; stdout: string; stderr: string };

export type RunOptions = {
  home: string;
  /** Default: nothing, closed at once. */
  stdin?: string | Uint8Array;
  /** Beside PATH, HOME and OFFHOOK_HOME; nothing of ours is inherited. */
  env?: Record<string, string>;
  cwd?: string;
  /** After this it is killed, and `signal` says so. */
  timeoutMs?: number;
};

/** The whole environment of a run: a HOME that is not the user's. */
export function plainEnv(home: string, more: Record<string, string> = {}): Record<string, string> {
  return { PATH: process.env.PATH ?? "/usr/bin:/bin", HOME: join(home, ".."), OFFHOOK_HOME: home, ...more };
}

/** Runs `offhook ARGS` to its end. */
export async function offhook(args: string[], options: RunOptions): Promise<Finished> {
  const child = Bun.spawn([BINARY, ...args], {
    env: plainEnv(options.home, options.env),
    cwd: options.cwd ?? join(options.home, ".."),
    stdin: Buffer.from(options.stdin ?? ""),
    stdout: "pipe",
    stderr: "pipe",
    timeout: options.timeoutMs ?? 20_000,
    killSignal: "SIGKILL",
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return {
    exitCode: child.exitCode,
    signal: child.signalCode === null ? null : String(child.signalCode),
    stdout,
    stderr,
  };
}

/** Runs `offhook ARGS` with a terminal as stdin, stdout and stderr; `shown` is what a person would see. */
export async function onTerminal(args: string[], home: string): Promise<{ exitCode: number; shown: string }> {
  let shown = "";
  const end = Promise.withResolvers<void>();
  const child = Bun.spawn([BINARY, ...args], {
    env: plainEnv(home, { TERM: "xterm" }),
    timeout: 20_000,
    terminal: {
      data(_, bytes) {
        shown += Buffer.from(bytes).toString();
      },
      exit: () => end.resolve(),
    },
  });
  const exitCode = await child.exited;
  await end.promise;
  return { exitCode, shown };
}
