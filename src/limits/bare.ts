// The control of the deliveries: Bun.spawn with a worker's options and nothing around it. It must not learn anything else.
import { EXIT, OffhookError } from "../errors.ts";

/** What each process gets. */
export type Bare = { argv: string[]; env: Record<string, string>; cwd: string; stdin: Uint8Array };

/** Runs `count` processes, `concurrency` at a time, each to its end and its pipes to theirs. Gives the ms from the first start to the last end. Errors: an exit other than 0 (1). */
export async function spawnBare(count: number, concurrency: number, bare: Bare): Promise<number> {
  let started = 0;
  const runOn = async () => {
    while (started < count) {
      started++;
      await spawnOne(bare);
    }
  };
  const beganMs = performance.now();
  await Promise.all(Array.from({ length: concurrency }, runOn));
  return performance.now() - beganMs;
}

async function spawnOne({ argv, env, cwd, stdin }: Bare): Promise<void> {
  const child = Bun.spawn(argv, { cwd, env, stdin, stdout: "pipe", stderr: "pipe", detached: true });
  const [, , exitCode] = await Promise.all([child.stdout.bytes(), child.stderr.bytes(), child.exited]);
  if (exitCode === 0) return;
  throw new OffhookError(EXIT.failed, `${argv.join(" ")} ended with ${child.signalCode ?? exitCode}`);
}
