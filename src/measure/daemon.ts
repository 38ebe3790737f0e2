// A real daemon in a scratch home, as the benchmark uses it: started, asked by the commands that people use, ended by pid.
import { readFileSync } from "node:fs";
import { EXIT, messageOf, OffhookError } from "../errors.ts";
import type { Scratch } from "./scratch.ts";

export type Daemon = {
  pid: number;
  /** Waits until it says that everything is in place. Errors: it ended instead, or took more than 20 s (1). */
  ready(): Promise<void>;
  /** Runs `offhook ARGS` in this daemon's home and gives its stdout. Errors: an exit other than those allowed (0). */
  ask(args: readonly string[], allowedExits?: readonly number[]): Promise<string>;
  /** `offhook status --json`, the part that is used here. It exits 1 where a person is needed; that is no error here. */
  status(): Promise<Status>;
  /** Waits until `isSo` says true, looking every `everyMs`; false when `limitMs` are over. Errors: the daemon ended (1). */
  within(limitMs: number, everyMs: number, isSo: () => boolean | Promise<boolean>): Promise<boolean>;
  /** TERM, and KILL after 10 s. */
  stop(): Promise<void>;
};

export type Status = {
  daemon: { running: boolean };
  stream: { events: number };
  consumers: { name: string; ok: number }[];
};

const START_LIMIT_MS = 20_000;
const STOP_LIMIT_MS = 10_000;
const ASK_LIMIT_MS = 60_000;

/**
 * Starts `offhook consume` in a home of the scratch directory; its output goes to a file beside the home. `isApart`: in a session
 * of its own, where Ctrl-C on the terminal does not reach it.
 */
export function startDaemon(
  offhook: string,
  home: string,
  scratch: Scratch,
  { isApart = false }: { isApart?: boolean } = {},
): Daemon {
  const env = scratch.envOf(home);
  const child = Bun.spawn([offhook, "consume"], {
    env,
    stdin: "ignore",
    stdout: Bun.file(`${home}.log`),
    stderr: Bun.file(`${home}.err`),
    detached: isApart,
  });
  scratch.own(child);

  const ask: Daemon["ask"] = async (args, allowedExits = [EXIT.ok]) => {
    const command = Bun.spawn([offhook, ...args], {
      env,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      timeout: ASK_LIMIT_MS,
    });
    scratch.own(command);
    const [stdout, stderr] = await Promise.all([
      new Response(command.stdout).text(),
      new Response(command.stderr).text(),
    ]);
    const exitCode = await command.exited;
    if (allowedExits.includes(exitCode)) return stdout;
    throw new OffhookError(
      EXIT.failed,
      `offhook ${args.join(" ")} ended with ${command.signalCode ?? exitCode}: ${stderr.trim()}`,
    );
  };

  const within: Daemon["within"] = async (limitMs, everyMs, isSo) => {
    const endMs = performance.now() + limitMs;
    while (!(await isSo())) {
      if (child.exitCode !== null || child.signalCode !== null) {
        throw new OffhookError(
          EXIT.failed,
          `the daemon ended with ${child.signalCode ?? child.exitCode}: ${textOf(`${home}.err`).slice(-800).trim()}`,
        );
      }
      if (performance.now() > endMs) return false;
      await Bun.sleep(everyMs);
    }
    return true;
  };

  return {
    pid: child.pid,
    async ready() {
      const isReady = () => new RegExp(`ready: .*\\(pid ${child.pid}\\)`).test(textOf(`${home}.log`));
      if (await within(START_LIMIT_MS, 5, isReady)) return;
      throw new OffhookError(EXIT.failed, `the daemon did not start within ${START_LIMIT_MS / 1000} s`);
    },
    ask,
    within,
    status: async () => JSON.parse(await ask(["status", "--json"], [EXIT.ok, EXIT.failed])),
    async stop() {
      child.kill("SIGTERM");
      const alarm = setTimeout(() => child.kill("SIGKILL"), STOP_LIMIT_MS);
      await child.exited;
      clearTimeout(alarm);
    },
  };
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    return messageOf(error);
  }
}
