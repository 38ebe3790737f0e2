// A home with consumers and a daemon of its own, as rows end and damage it. Nothing of src/ is used.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Ended, startPublisher } from "./publisher.ts";

/** How long something that must come may take, in ms. */
const PATIENCE_MS = 30_000;

export type Daemon = {
  pid: number;
  /** Everything it has said so far. */
  output(): string;
  /** Null while it runs; a signal's name where one ended it. */
  end(): number | string | null;
  ended: Promise<number | string>;
  /** TERM, and its end. */
  stop(): Promise<number | string>;
};

export type Node = {
  home: string;
  /** Writes a consumer file. */
  consumer(name: string, toml: string): void;
  /** Publishes one event of this name to its end; `env`: what a test build is told. */
  publish(name: string, body: Uint8Array, env?: Record<string, string>): Promise<Ended & { pid: number }>;
  /** Starts a daemon; it is ready or has ended when this resolves. */
  start(env?: Record<string, string>): Promise<Daemon>;
  /** Runs a command to its end. */
  run(...args: string[]): Promise<{ exitCode: number | null; stdout: string; stderr: string }>;
};

/** Makes a home in a new directory `home`. What it starts is handed to `undo` to be ended. */
export function openNode(home: string, binary: string, undo: (step: () => Promise<void>) => void): Node {
  mkdirSync(join(home, "consumers"), { recursive: true, mode: 0o700 });
  const environment = { PATH: "/usr/bin:/bin", HOME: home, OFFHOOK_HOME: home, LANG: "C.UTF-8" };

  return {
    home,
    consumer: (name, toml) => writeFileSync(join(home, "consumers", `${name}.toml`), toml, { mode: 0o600 }),

    async publish(name, body, env = {}) {
      const told = Object.entries(env).map(([key, value]) => `${key}=${value}`);
      const command = [...(told.length === 0 ? [] : ["/usr/bin/env", ...told]), binary, "publish"];
      const { pid, ended } = startPublisher({ command, home, name, body });
      return { ...(await ended), pid };
    },

    async start(env = {}) {
      const child = Bun.spawn([binary, "consume"], {
        env: { ...environment, ...env },
        cwd: home,
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
      });
      let said = "";
      const read = async (stream: ReadableStream<Uint8Array>) => {
        for await (const chunk of stream) said += Buffer.from(chunk).toString();
      };
      const reading = [read(child.stdout), read(child.stderr)];
      const end = () => child.signalCode ?? child.exitCode;
      // Its own end, not that of its pipes: a worker that outlives it holds those open.
      const ended = child.exited.then(() => end() ?? "unknown");
      undo(async () => {
        child.kill("SIGKILL");
        await ended;
      });
      await until(
        () => said.includes("ready:") || end() !== null,
        () => `the daemon is not ready: ${said}`,
      );
      // What it said last comes by pipes, after its end.
      if (end() !== null) await Promise.race([Promise.all(reading), Bun.sleep(200)]);
      return {
        pid: child.pid,
        output: () => said,
        end,
        ended,
        stop() {
          child.kill("SIGTERM");
          return ended;
        },
      };
    },

    async run(...args) {
      const child = Bun.spawn([binary, ...args], {
        env: environment,
        cwd: home,
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
        timeout: PATIENCE_MS,
        killSignal: "SIGKILL",
      });
      const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
      return { exitCode: child.exitCode, stdout, stderr };
    },
  };
}

/** Waits for a condition; throws what was seen instead. */
export async function until(condition: () => boolean, otherwise: () => string): Promise<void> {
  if (!(await comes(condition))) throw new Error(otherwise());
}

/** Waits for a condition; false: it did not come in time. */
export async function comes(condition: () => boolean): Promise<boolean> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!condition()) {
    if (performance.now() > deadline) return false;
    await Bun.sleep(10);
  }
  return true;
}
