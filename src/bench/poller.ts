// What people have where nothing wakes them: a program that looks into a directory every so many ms, and for each file that it
// finds starts a worker and removes the file. As kind to it as can be: it is a loop in this process, without a start of its own.
import { readdirSync, readFileSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { EXIT, OffhookError } from "../errors.ts";

export type PollerPlan = {
  directory: string;
  everyMs: number;
  /** What each file gets, on its stdin: a program that prints the wall clock in ns since 1970. */
  worker: { argv: string[]; env: Record<string, string> };
};

/** What became of one file: its text, and when its worker's own code read the clock, in ms since 1970. */
export type Polled = { text: string; workerMs: number };

export type Poller = {
  /** Waits until so many files are done, and gives them in their order. Errors: a worker that fails, `limitMs` are over (1). */
  until(count: number, limitMs: number): Promise<Polled[]>;
  /** Looks no more; what runs goes on to its end. */
  stop(): Promise<void>;
};

/** Starts one. It looks at fixed moments, however long its workers take. */
export function startPoller({ directory, everyMs, worker }: PollerPlan): Poller {
  const polled: Polled[] = [];
  let failure: unknown = null;
  let turn: Promise<void> | null = null;

  const look = async () => {
    // One after the other, in the order of the names: that of the events.
    for (const name of readdirSync(directory).sort()) {
      const path = join(directory, name);
      const text = readFileSync(path, "utf8");
      polled.push({ text, workerMs: await stampOf(worker, text) });
      unlinkSync(path);
    }
  };
  const timer = setInterval(() => {
    if (turn !== null || failure !== null) return;
    turn = look()
      .catch((error: unknown) => {
        // Told by `until`.
        failure = error;
      })
      .finally(() => {
        turn = null;
      });
  }, everyMs);

  return {
    async until(count, limitMs) {
      for (const endMs = performance.now() + limitMs; polled.length < count; await Bun.sleep(20)) {
        if (failure !== null) throw failure;
        if (performance.now() > endMs)
          throw new OffhookError(EXIT.failed, `the poller did ${polled.length} of ${count} events`);
      }
      return [...polled];
    },
    async stop() {
      clearInterval(timer);
      await turn;
    },
  };
}

async function stampOf({ argv, env }: PollerPlan["worker"], text: string): Promise<number> {
  const child = Bun.spawn(argv, { env, stdin: Buffer.from(text), stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr, exitCode] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (exitCode === 0) return Number(stdout) / 1e6;
  throw new OffhookError(EXIT.failed, `${argv.join(" ")} ended with ${child.signalCode ?? exitCode}: ${stderr.trim()}`);
}
