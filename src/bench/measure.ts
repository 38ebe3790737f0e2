// Times whole processes side by side, spawn to exit. Contestants take turns, so that noise of the machine hits all alike.
// It judges nothing and prints nothing.
//
// 1. Warm-up rounds, not counted: page cache, directories that a first run makes.
// 2. Each round, in a new order: every contestant in turn starts `concurrency` processes at once, each with the same bytes
//    on stdin, and the next one begins when all of them have ended. A fixed order would not be fair: whoever follows the
//    heaviest finds the caches cold.
// 3. Between turns `afterTurn` tidies up; that is not timed.
import { EXIT, OffhookError } from "../errors.ts";

/** One program to time. It must read its stdin to the end and exit 0. */
export type Contestant = { name: string; argv: string[]; env: Record<string, string> };

export type Race = {
  contestants: readonly Contestant[];
  /** What each process gets on stdin. */
  stdin: Uint8Array;
  rounds: number;
  warmUpRounds: number;
  /** How many processes of one contestant run at once. */
  concurrency: number;
  /** No new round begins after this many ms; the rounds done by then count. */
  limitMs: number;
  /** Called after each turn, warm-up too; throws when the contestant did not do its work. */
  afterTurn(contestant: Contestant): void;
};

/** The times of one contestant, in ms, in the order of the runs. */
export type Lane = { name: string; timesMs: number[] };

/** A process that takes longer is ended and the measurement with it. */
const RUN_LIMIT_MS = 20_000;

/** Runs a race. Errors: a contestant that exits with anything but 0, or takes longer than 20 s, ends it (1). */
export async function race(plan: Race): Promise<Lane[]> {
  const lanes = plan.contestants.map((contestant) => ({ name: contestant.name, timesMs: [] as number[] }));
  let endMs = Number.POSITIVE_INFINITY;
  for (let round = -plan.warmUpRounds; round < plan.rounds; round++) {
    if (round === 0) endMs = performance.now() + plan.limitMs;
    if (performance.now() > endMs) break;
    for (const index of shuffled(plan.contestants.length)) {
      const contestant = plan.contestants[index] as Contestant;
      const turn = Array.from({ length: plan.concurrency }, () => timeOne(contestant, plan.stdin));
      const timesMs = await Promise.all(turn);
      plan.afterTurn(contestant);
      if (round >= 0) lanes[index]?.timesMs.push(...timesMs);
    }
  }
  return lanes;
}

/** The numbers below `count` in an order of chance (Fisher and Yates). */
export function shuffled(count: number): number[] {
  const order = Array.from({ length: count }, (_, index) => index);
  for (let last = count - 1; last > 0; last--) {
    const other = Math.floor(Math.random() * (last + 1));
    [order[last], order[other]] = [order[other] as number, order[last] as number];
  }
  return order;
}

/**
 * Times one process in ms, from before the spawn until its exit is seen. Its stdin is a socket, as under Claude Code:
 * Bun.spawn makes one for "pipe", but a memory file for a buffer, which is cheaper to read and would flatter everybody.
 */
export async function timeOne({ name, argv, env }: Contestant, stdin: Uint8Array): Promise<number> {
  const beganMs = performance.now();
  const child = Bun.spawn(argv, { env, stdin: "pipe", stdout: "ignore", stderr: "pipe" });
  const written = Promise.all([child.stdin.write(stdin), child.stdin.end()]).then(
    () => true,
    () => false,
  );
  const alarm = setTimeout(() => child.kill("SIGKILL"), RUN_LIMIT_MS);
  const exitCode = await child.exited;
  const tookMs = performance.now() - beganMs;
  clearTimeout(alarm);
  if (exitCode !== 0) {
    const said = (await new Response(child.stderr).text()).trim();
    throw new OffhookError(
      EXIT.failed,
      `${name} ended with ${child.signalCode ?? exitCode} after ${tookMs.toFixed(0)} ms: ${said}`,
      argv.join(" "),
    );
  }
  if (!(await written))
    throw new OffhookError(EXIT.failed, `${name} did not read its stdin to the end`, argv.join(" "));
  return tookMs;
}
