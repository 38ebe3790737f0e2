// The parts of a benchmark one after the other, in one scratch directory that goes with them, with a line of progress.

import { homedir } from "node:os";
import { CLAUDE, measureClaude, QUICK_CLAUDE } from "../bench/claude-gap.ts";
import { DELIVERY, measureDelivery, QUICK_DELIVERY, whyNoDelivery } from "../bench/delivery.ts";
import { DRAIN, LARGE_DRAIN, measureDrain, QUICK_DRAIN } from "../bench/drain.ts";
import { HOOK, measureHook, QUICK_HOOK } from "../bench/hook.ts";
import { LOAD, measureLoad, QUICK_LOAD } from "../bench/load.ts";
import { measureSoak, SOAK } from "../bench/soak.ts";
import { formFor, handlerOf } from "../claude/command.ts";
import { timeoutOf } from "../claude/hook-events.ts";
import { parseVersion } from "../claude/version.ts";
import { printNote } from "../cli/print.ts";
import { nodeNameOf } from "../config/node.ts";
import { homeForLooking } from "../config/paths.ts";
import recorded from "../demo/payloads.jsonl" with { type: "text" };
import { codeOf, OffhookError } from "../errors.ts";
import { watchLoad } from "../measure/busy.ts";
import { machineFacts } from "../measure/machine-facts.ts";
import type { Means } from "../measure/means.ts";
import { leftoverScratches, makeScratch, markOf, removeTree, type Scratch } from "../measure/scratch.ts";
import type { Mine } from "../rehearsal/mine.ts";
import { doubtsOf } from "../report/doubts.ts";
import type { Part, Report } from "../report/shape.ts";
import { endTreeInSteps, processesWith } from "../system/process.ts";
import { version } from "../version.ts";
import type { Prepare } from "./bench-mine.ts";
import { drawProgress, endProgress } from "./bench-progress.ts";
import type { Measuring } from "./bench-request.ts";

/** Measures what was asked for. `error`: why it ended early; `report` is what there was until then, null for nothing. */
export async function measureParts(
  request: Measuring,
  prepare: Prepare | null,
): Promise<{ report: Report | null; error: unknown }> {
  const name = nodeName();
  await removeLeftovers();
  const scratch = makeScratch();
  const soaking = new AbortController();
  let now: Part | null = null;
  const unhook = onSignals(scratch, (signal) => {
    // A person who has seen enough of a soak wants its figures; a second time, or in any other part, it is over.
    if (now !== "soak" || signal !== "SIGINT" || soaking.signal.aborted) return false;
    soaking.abort();
    return true;
  });
  const startedAt = new Date();
  const watch = watchLoad(scratch);
  const measured: Measured = { hook: null, publishers: null, delivery: null, drain: null, soak: null, claude: null };
  let error: unknown = null;
  let isAny = false;
  try {
    const means: Means = { offhook: process.execPath, scratch, recorded, progress: drawProgress(request.parts) };
    const mine = prepare === null ? null : await prepare(means);
    for (const note of mine?.left ?? []) printNote(note);
    for (const part of request.parts) {
      now = part;
      await measurePart(part, request, means, { mine, signal: soaking.signal }, measured);
      isAny = true;
    }
  } catch (thrown) {
    error = thrown;
  } finally {
    endProgress();
  }
  const load = watch.end();
  scratch.end();
  // Only now, and after a look at what came meanwhile: removing takes its time, and who interrupts that wants no report either.
  await Bun.sleep(0);
  unhook();
  if (!isAny) return { report: null, error };
  const machine = machineFacts(name, scratch);
  const report: Report = {
    v: 1,
    what: "offhook bench",
    offhook: version,
    bun: Bun.version,
    startedAt: startedAt.toISOString(),
    tookMs: Math.round(Date.now() - startedAt.getTime()),
    isQuick: request.isQuick,
    machine,
    load: { ...load, doubts: doubtsOf(load, machine, measured.hook) },
    ...measured,
  };
  return { report, error };
}

type Measured = Pick<Report, "hook" | "publishers" | "delivery" | "drain" | "soak" | "claude">;
type Around = { mine: Mine | null; signal: AbortSignal };

async function measurePart(
  part: Part,
  { isQuick, isWholeDrain, against, minutes, claude }: Measuring,
  means: Means,
  { mine, signal }: Around,
  measured: Measured,
): Promise<void> {
  switch (part) {
    case "hook": {
      const { command } = handlerOf({ kind: "shell", binary: means.offhook }, timeoutOf("PostToolUse"));
      const others = {
        against,
        mine: mine?.lanes ?? [],
        shellCommand: command,
        userHome: homedir(),
        endAll: endAllWith,
      };
      measured.hook = await measureHook(isQuick ? QUICK_HOOK : HOOK, means, others);
      return;
    }
    case "load":
      measured.publishers = await measureLoad(isQuick ? QUICK_LOAD : LOAD, means);
      return;
    case "delivery": {
      const why = whyNoDelivery();
      if (why === null) measured.delivery = await measureDelivery(isQuick ? QUICK_DELIVERY : DELIVERY, means);
      else printNote(`delivery is not measured: ${why}`);
      return;
    }
    case "drain":
      measured.drain = await measureDrain(
        isWholeDrain && !isQuick ? LARGE_DRAIN : isQuick ? QUICK_DRAIN : DRAIN,
        means,
      );
      return;
    case "soak":
      measured.soak = await measureSoak({ ...SOAK, minutes, signal }, means);
      return;
    case "claude": {
      const publish = (told: string) =>
        handlerOf(formFor("user", parseVersion(told), means.offhook), timeoutOf("PostToolUse"));
      const plan = isQuick ? QUICK_CLAUDE : CLAUDE;
      measured.claude = await measureClaude(
        { ...plan, claude: claude ?? "", publish, mine, beside: [], endAll: endAllWith },
        means,
      );
      return;
    }
    default:
      part satisfies never;
  }
}

/** What this machine goes by. The user's home is only asked for it: one that is not there, or not safe, spoils no benchmark. */
function nodeName(): string {
  try {
    return nodeNameOf(homeForLooking()).name;
  } catch (error) {
    if (!(error instanceof OffhookError)) throw error;
    return nodeNameOf(null).name;
  }
}

const END_MS = 2_000;

/**
 * Of a benchmark that was killed: its daemon, which has the scratch directory as its HOME, commands of the user's, which have HOMEs
 * below it and are marked with it, and the directory.
 */
async function removeLeftovers(): Promise<void> {
  for (const path of leftoverScratches()) {
    await endAllWith([`HOME=${path}`]);
    await endAllWith([markOf({ path })]);
    removeTree(path);
  }
}

function endAllWith(entries: readonly string[]): Promise<boolean> {
  return endTreeInSteps(null, END_MS, entries);
}

const GONE_STEP_MS = 5;
const GONE_STEPS = 100;

/** KILL to every process with these in its environment; comes back when they are gone, at the latest after half a second. */
function endAllNow(entries: readonly string[]): void {
  for (let step = 0; step < GONE_STEPS; step++) {
    const left = processesWith(entries);
    if (left.length === 0) return;
    for (const { pid } of left) endOne(pid);
    Bun.sleepSync(GONE_STEP_MS);
  }
}

/** KILL to one process, which may have ended by now. */
function endOne(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (codeOf(error) !== "ESRCH") throw error;
  }
}

/** A signal that is not `taken` ends all that was started, takes the scratch directory away, and ends this program as it would. */
function onSignals(scratch: Scratch, taken: (signal: NodeJS.Signals) => boolean): () => void {
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const leave = (signal: NodeJS.Signals) => {
    if (taken(signal)) return;
    endProgress();
    try {
      // What a command of the user's left behind, out of its session.
      endAllNow([markOf(scratch)]);
      // And what we run ourselves in between, for instance the git of a copy: it would go on to write below what is removed.
      endAllNow([`HOME=${scratch.path}`]);
      scratch.end();
    } finally {
      // Whatever could not be taken away: the next run does.
      unhook();
      process.kill(process.pid, signal);
    }
  };
  const unhook = () => {
    for (const signal of signals) process.off(signal, leave);
  };
  for (const signal of signals) process.on(signal, leave);
  return unhook;
}
