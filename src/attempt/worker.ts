// Runs one command: a process group of its own, low priority, bounded time, bounded output.
//
// 1. Spawn detached (own session and group); event text goes to its stdin, which it may leave unread.
// 2. At the timeout, or when told to end: TERM to the whole tree, later KILL. The first cause is the outcome's. What left its
//    session and lost its parent is known by its environment.
// 3. After the leader's end its pipes and group get a moment; then what is left is ended and the pipes are let go. So a
//    grandchild that holds a pipe neither delays the delivery nor outlives it in its group.
import { messageOf } from "../errors.ts";
import { lowerPriority } from "../system/priority.ts";
import { endTreeInSteps, groupAlive, processTree } from "../system/process.ts";
import { endsWithin, waitUntil } from "../system/wait.ts";
import { type Attempt, ENDED_EARLY, notStarted, resultOf } from "./attempt.ts";
import { type AttemptResult, outcomeOfExit } from "./outcome.ts";
import { makeBoundedOutput, readInto } from "./output.ts";
import type { CommandPlan } from "./plan.ts";
import { findProgram, spawnReason } from "./program.ts";
import { makeRedactor } from "./redact.ts";
import { marksOf } from "./worker-env.ts";

/** What a worker's pipes and group get after their leader's end. */
const AFTERMATH_MS = 250;
/** What is left after that gets at most so long between TERM and KILL. */
const LEFTOVER_KILL_AFTER_MS = 1000;
/** How long a worker and what it starts run at usual priority. */
const LOWER_AFTER_MS = 5;
/** setTimeout takes no more; a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export type WorkerOptions = {
  /** Between TERM and KILL. */
  killAfterMs: number;
  /** Takes a line about trouble that is not the command's. */
  note(line: string): void;
};

type Cause = "timeout" | "ended";

/** Starts a planned command. One that cannot be started is a result like any other: `not-started`, with the reason. */
export function startWorker(plan: CommandPlan, options: WorkerOptions): Attempt {
  const redact = makeRedactor(plan.secrets);
  const program = findProgram(plan);
  if (program.path === null) return notStarted(redact.whole(program.reason));
  const beganAt = performance.now();
  let child: Bun.Subprocess<Uint8Array | "ignore", "pipe", "pipe">;
  try {
    child = Bun.spawn([program.path, ...plan.argv.slice(1)], {
      cwd: plan.cwd,
      env: plan.env,
      stdin: plan.stdin === "" ? "ignore" : new TextEncoder().encode(plan.stdin),
      stdout: "pipe",
      stderr: "pipe",
      detached: true,
    });
  } catch (error) {
    return notStarted(redact.whole(spawnReason(error, plan, program.path)));
  }

  // crash point: after-spawn
  const { pid } = child;
  const isRunning = () => child.exitCode === null && child.signalCode === null;
  // Not at once: what ends sooner is over before it could be in anybody's way, and lowering costs a third of starting.
  const lowering = setTimeout(lowerPriority, LOWER_AFTER_MS, pid, isRunning, options.note);
  const stdout = makeBoundedOutput();
  const stderr = makeBoundedOutput();
  const readers = [readInto(child.stdout, stdout), readInto(child.stderr, stderr)];
  const allRead = Promise.all(readers.map((reader) => reader.ended));

  let cause: Cause | null = null;
  const treeEnded = Promise.withResolvers<boolean>();
  const endBecause = (why: Cause) => {
    if (cause !== null || !isRunning()) return;
    cause = why;
    endTreeInSteps(pid, options.killAfterMs, marksOf(plan.env)).then(treeEnded.resolve, treeEnded.reject);
  };
  const timer = plan.timeoutMs === 0 ? null : setTimeout(endBecause, Math.min(plan.timeoutMs, MAX_TIMER_MS), "timeout");

  const run = async (): Promise<AttemptResult> => {
    // A process that not even KILL ends (it hangs in the kernel) must not keep the delivery.
    await Promise.race([child.exited, treeEnded.promise.then((isOver) => (isOver ? child.exited : null))]);
    if (timer !== null) clearTimeout(timer);
    clearTimeout(lowering);
    const durationMs = performance.now() - beganAt;
    if (cause === null) {
      const left = await endLeftover(pid, allRead, options.killAfterMs);
      if (left !== null) stderr.push(new TextEncoder().encode(`[offhook: ${left}]\n`));
    } else {
      await treeEnded.promise;
      await endsWithin(allRead, AFTERMATH_MS);
    }
    for (const reader of readers) reader.cancel();
    return resultOf({
      ...outcomeOf(cause, child, plan),
      durationMs,
      stdout: stdout.text(redact),
      stderr: stderr.text(redact),
    });
  };
  const done = run().catch((error: unknown) => {
    // Not the command's failure but ours, such as /proc that cannot be listed: said in both places, never thrown.
    options.note(`worker ${pid}: ${messageOf(error)}`);
    return resultOf({ outcome: "killed", durationMs: performance.now() - beganAt, reason: messageOf(error) });
  });
  return { pid, done, end: () => endBecause("ended") };
}

/** Waits for pipes and group to end by themselves, then ends what is left. Says what that was, for who reads stderr. */
async function endLeftover(pid: number, allRead: Promise<unknown>, killAfterMs: number): Promise<string | null> {
  const beganAt = performance.now();
  const areRead = await endsWithin(allRead, AFTERMATH_MS);
  const leftMs = AFTERMATH_MS - (performance.now() - beganAt);
  // Background processes that write elsewhere, such as `> >(tee log)`, get the same moment to finish.
  if (areRead && (await waitUntil(() => !groupAlive(pid), leftMs))) return null;
  if (!processTree(pid).some((left) => !left.isZombie))
    return "a process in a session of its own still holds the output; let go of it";
  await endTreeInSteps(pid, Math.min(killAfterMs, LEFTOVER_KILL_AFTER_MS));
  await endsWithin(allRead, AFTERMATH_MS);
  return "ended what the command left running";
}

type Ended = Pick<AttemptResult, "outcome" | "exitCode" | "signal" | "reason">;

function outcomeOf(cause: Cause | null, child: Bun.Subprocess, plan: CommandPlan): Ended {
  const { exitCode, signalCode } = child;
  // A real-time signal has a number and no name.
  const signal = signalCode === null ? null : String(signalCode);
  const ended = { exitCode, signal, reason: null };
  const outlived = exitCode === null && signal === null ? "; it outlived SIGKILL" : "";
  if (cause === "timeout")
    return { ...ended, outcome: "timeout", reason: `no end within ${plan.timeoutMs} ms${outlived}` };
  if (cause === "ended") return { ...ended, outcome: "killed", reason: `${ENDED_EARLY}${outlived}` };
  return { ...ended, outcome: exitCode === null ? "killed" : outcomeOfExit(exitCode, plan.findings) };
}
