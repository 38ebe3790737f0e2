// Times whole processes side by side, spawn to exit. Contestants take turns, so that noise of the machine hits all alike.
// It judges nothing and prints nothing. Shares of the time are in shares.ts, one process in run.ts.
//
// Each round, in a new order, every contestant in turn starts `concurrency` processes at once, and the next one begins when all
// of them have ended: whoever follows the heaviest finds the caches cold, so a fixed order would not be fair.
import { EXIT, OffhookError } from "../errors.ts";
import { type Ended, type Program, RUN_LIMIT_MS, runOnce } from "./run.ts";
import type { Scratch } from "./scratch.ts";
import { periodsOf } from "./shares.ts";

/** One program to time. It must read its stdin to the end and exit 0. */
export type Contestant = Program & {
  /** What it gets on stdin; else that of the race. */
  stdin?: Uint8Array;
  /** A command of the user's: it may leave its stdin unread and end with any code, which is counted. Still, it must end. */
  mayFail?: boolean;
  /** It may take so long, if the race gives no less. */
  timeoutMs?: number;
};

export type Race<C extends Contestant = Contestant> = {
  contestants: readonly C[];
  /** What each process gets on stdin. */
  stdin: Uint8Array;
  rounds: number;
  /** Not counted: page cache, directories that a first run makes. */
  warmUpRounds: number;
  /** How many processes of one contestant run at once. */
  concurrency: number;
  /** No new round begins after this many ms; the rounds done by then count. */
  limitMs: number;
  /** The slow take part in so few rounds that all rounds fit into the time, but so often at least, whatever that takes. None: all in all. */
  leastRuns?: number;
  /** A process that takes longer is ended, and the measurement with it. Default: 20 s. */
  runLimitMs?: number;
  /** Called after each turn, warm-up too; throws when the contestant did not do its work. */
  afterTurn(contestant: C): void;
  /** Called after each counted round with the share that is done, 0 to 1. */
  onRound?(done: number): void;
  /** Takes each process, so that none outlives it. */
  scratch?: Scratch;
};

/** The times of one contestant, in ms, in the order of the runs. `failed`: those that did not exit 0, and what the first of them said. */
export type Lane = { name: string; timesMs: number[]; failed: number; firstFailure: string | null };

/** Beyond this one warm-up is enough. */
const SLOW_MS = 2_000;

/** Runs a race. Errors: a contestant that exits with anything but 0 and may not, or that takes too long, ends it (1). */
export async function race<C extends Contestant>(plan: Race<C>): Promise<Lane[]> {
  const lanes: Lane[] = plan.contestants.map(({ name }) => ({ name, timesMs: [], failed: 0, firstFailure: null }));
  const costsMs = lanes.map(() => Number.POSITIVE_INFINITY);
  const turn = async (index: number): Promise<Ended[]> => {
    const contestant = plan.contestants[index] as C;
    const { stdin = plan.stdin } = contestant;
    const runLimitMs = Math.min(contestant.timeoutMs ?? Number.POSITIVE_INFINITY, plan.runLimitMs ?? RUN_LIMIT_MS);
    const options = plan.scratch === undefined ? { runLimitMs } : { runLimitMs, scratch: plan.scratch };
    const all = Array.from({ length: plan.concurrency }, () => runOnce(contestant, stdin, options));
    const ended = await Promise.all(all);
    for (const one of ended) await mustBeWell(contestant, one, runLimitMs);
    plan.afterTurn(contestant);
    return ended;
  };

  for (let round = 0; round < plan.warmUpRounds; round++) {
    for (const index of shuffled(lanes.length)) {
      // Who takes seconds has waited for more than a cold cache.
      if (round > 0 && (costsMs[index] ?? 0) > SLOW_MS) continue;
      const tookMs = Math.max(...(await turn(index)).map((one) => one.tookMs));
      costsMs[index] = Math.min(costsMs[index] ?? Number.NaN, tookMs);
    }
  }

  const least = Math.min(plan.leastRuns ?? 1, plan.rounds);
  const periods =
    plan.leastRuns === undefined || plan.warmUpRounds === 0
      ? lanes.map(() => 1)
      : periodsOf(costsMs, { ...plan, least });
  const beganMs = performance.now();
  for (let round = 0; round < plan.rounds; round++) {
    const spentMs = performance.now() - beganMs;
    if (spentMs > plan.limitMs && lanes.every(({ timesMs }) => timesMs.length >= least)) break;
    for (const index of shuffled(lanes.length)) {
      // Each with another rest, so that the slow ones do not meet in one round.
      if ((round + index) % (periods[index] ?? 1) !== 0) continue;
      const lane = lanes[index] as Lane;
      for (const one of await turn(index)) count(lane, one);
    }
    const spent = (performance.now() - beganMs) / plan.limitMs;
    plan.onRound?.(Math.min(1, Math.max((round + 1) / plan.rounds, spent)));
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

/** Times one process in ms. Errors as in a race. */
export async function timeOne(contestant: Contestant, stdin: Uint8Array): Promise<number> {
  const ended = await runOnce(contestant, stdin);
  await mustBeWell(contestant, ended, RUN_LIMIT_MS);
  return ended.tookMs;
}

function count(lane: Lane, { tookMs, end, said }: Ended): void {
  lane.timesMs.push(tookMs);
  if (end === 0) return;
  lane.failed++;
  lane.firstFailure ??= `${wordsOf(end)}${said === "" ? "" : `: ${said}`}`;
}

async function mustBeWell(contestant: Contestant, ended: Ended, limitMs: number): Promise<void> {
  const { name, argv, mayFail = false } = contestant;
  const { tookMs, end, isCut, said } = ended;
  const failed = (how: string) => new OffhookError(EXIT.failed, `${name} ${how}`, argv.join(" "));
  if (isCut) throw failed(`did not end within ${limitMs / 1000} s; it was ended, with what it had started`);
  // No run at all, and as quick as none: for instance the directory is gone in which it was to stand.
  if (end === null) throw failed(`could not be started: ${said}`);
  if (mayFail) return;
  if (end !== 0) throw failed(`${wordsOf(end)} after ${tookMs.toFixed(0)} ms: ${said}`);
  if (!(await ended.isRead)) throw failed("did not read its stdin to the end");
}

/** How a run ended, in words. */
function wordsOf(end: Ended["end"]): string {
  return end === null ? "could not be started" : `ended with ${end}`;
}
