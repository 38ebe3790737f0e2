// A scratch home with a real daemon of the built binary: what tests through the binary stand on.
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** The program under test. */
export const BINARY = process.env.OFFHOOK_BINARY ?? join(import.meta.dir, "..", "dist", "offhook");

/** How long a test waits for what should come, in ms: long, because it ends as soon as it is there. */
const PATIENCE_MS = 30_000;

export type Ran = { exitCode: number | null; stdout: string; stderr: string };

export type Daemon = {
  pid: number;
  /** Everything it has said so far. */
  output(): string;
  stop(signal?: NodeJS.Signals): Promise<number | null>;
};

export type Running = {
  home: string;
  /** A directory for projects, beside the home. */
  root: string;
  /** Writes a consumer file. */
  consumer(name: string, toml: string): void;
  /** Writes a file below root and gives its path. */
  file(name: string, text?: string): string;
  offhook(
    args: string[],
    options?: { stdin?: string | Uint8Array; env?: Record<string, string>; cwd?: string },
  ): Promise<Ran>;
  publish(payload: unknown): Promise<void>;
  start(args?: string[], env?: Record<string, string>): Promise<Daemon>;
  /** `status --json`, whatever its exit code. */
  status(): Promise<any>;
  /** Lines of a command's NDJSON. */
  ndjson(args: string[]): Promise<any[]>;
  /** Waits until every consumer has nothing left to do and the spool is empty; gives the status. */
  settled(): Promise<any>;
  /** Ends daemons and removes everything. */
  end(): Promise<void>;
};

/** Makes a scratch home; nothing runs in it yet. */
export function openRunning(): Running {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "offhook-test-")));
  const home = join(root, "home");
  mkdirSync(join(home, "consumers"), { recursive: true, mode: 0o700 });
  const environment = { PATH: process.env.PATH!, HOME: root, OFFHOOK_HOME: home, LANG: "C.UTF-8" };
  const daemons: Daemon[] = [];

  const running: Running = {
    home,
    root,
    consumer: (name, toml) => writeFileSync(join(home, "consumers", `${name}.toml`), toml, { mode: 0o600 }),
    file(name, text = "x = 1\n") {
      const path = join(root, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
      return path;
    },
    async offhook(args, { stdin = "", env = {}, cwd = root } = {}) {
      const child = Bun.spawn([BINARY, ...args], {
        env: { ...environment, ...env },
        cwd,
        stdin: Buffer.from(stdin),
        stdout: "pipe",
        stderr: "pipe",
      });
      const [stdout, stderr, exitCode] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
      return { exitCode, stdout, stderr };
    },
    async publish(payload) {
      const ran = await running.offhook(["publish"], {
        stdin: typeof payload === "string" ? payload : `${JSON.stringify(payload)}\n`,
      });
      if (ran.exitCode !== 0 || ran.stdout !== "") throw new Error(`publish: ${JSON.stringify(ran)}`);
    },
    async start(args = [], env = {}) {
      const child = Bun.spawn([BINARY, "consume", ...args], {
        env: { ...environment, ...env },
        cwd: root,
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
      });
      let said = "";
      const read = async (stream: ReadableStream<Uint8Array>) => {
        for await (const chunk of stream) said += Buffer.from(chunk).toString();
      };
      void Promise.all([read(child.stdout), read(child.stderr)]);
      const daemon: Daemon = {
        pid: child.pid,
        output: () => said,
        async stop(signal = "SIGTERM") {
          child.kill(signal);
          return child.exited.then(() => child.exitCode);
        },
      };
      daemons.push(daemon);
      await until(
        () => said.includes("ready:") || child.exitCode !== null,
        () => `the daemon is not ready: ${said}`,
      );
      if (child.exitCode !== null) throw new Error(`the daemon ended with ${child.exitCode}: ${said}`);
      return daemon;
    },
    async status() {
      return JSON.parse((await running.offhook(["status", "--json"])).stdout);
    },
    async ndjson(args) {
      const { stdout } = await running.offhook([...args, "--json"]);
      return stdout
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line));
    },
    async settled() {
      let status: any;
      const isSettled = () =>
        status.spool.waiting === 0 &&
        status.consumers.every((one: any) => one.lag + one.pending === 0 || one.state === "removed");
      await until(
        async () => {
          status = await running.status();
          return isSettled();
        },
        () => `not settled: ${JSON.stringify(status)}\n${daemons.map((daemon) => daemon.output()).join("\n")}`,
      );
      return status;
    },
    async end() {
      await Promise.all(daemons.map(endWithWorkers));
      rmSync(root, { recursive: true, force: true });
    },
  };
  return running;
}

/** Asks until it has ended: the second time it ends what still runs, so that no worker outlives its test. */
async function endWithWorkers(daemon: Daemon): Promise<void> {
  const ended = daemon.stop("SIGTERM").then(() => true);
  while (!(await Promise.race([ended, Bun.sleep(50).then(() => false)]))) void daemon.stop("SIGTERM");
}

/** Waits for a condition; the error says what was seen instead. */
export async function until(condition: () => boolean | Promise<boolean>, otherwise: () => string): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(otherwise());
    await Bun.sleep(20);
  }
}

let calls = 0;

/** A PostToolUse payload as Claude Code 2.1.329 sends it, about one file, each with its own tool call. */
export function wrote(file: string, over: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    session_id: "5f97a1c4-a1df-4a2c-ba8a-529ba1650b3d",
    transcript_path: "",
    cwd: dirname(file),
    permission_mode: "acceptEdits",
    hook_event_name: "PostToolUse",
    tool_name: "Write",
    tool_input: { file_path: file, content: "x = 1\n" },
    tool_response: { type: "create", filePath: file },
    tool_use_id: `toolu_${process.pid}_${calls++}`,
    ...over,
  };
}
