// What one hook costs the agent: publish in both its forms beside what a process costs at all, beside the hooks that it replaces, and
// beside commands of the user's. All take turns in one race.
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { inOneLine } from "../measure/command-text.ts";
import type { Means } from "../measure/means.ts";
import { type Lane, race } from "../measure/measure.ts";
import { findPython } from "../measure/python.ts";
import { markOf } from "../measure/scratch.ts";
import { openSyncHook, type Tools } from "../measure/sync-hook.ts";
import type { MineLane } from "../rehearsal/mine.ts";
import type { Hook } from "../report/shape.ts";
import { ratioOf, timesOf } from "../report/statistics.ts";
import { againstLane, type HookLane, makeProject, mineLane, type Stage, usualLanes } from "./hook-lanes.ts";

export type HookPlan = {
  rounds: number;
  warmUpRounds: number;
  /** The counted rounds take no longer, unless the slowest have not had `leastRuns` by then. */
  limitMs: number;
  leastRuns: number;
  /** A command that takes longer ends the measurement. */
  runLimitMs: number;
  /** After how long the server answers that stands for a chat's. */
  alertMs: number;
};

export const HOOK: HookPlan = {
  rounds: 210,
  warmUpRounds: 3,
  limitMs: 21_000,
  leastRuns: 7,
  runLimitMs: 60_000,
  alertMs: 300,
};
export const QUICK_HOOK: HookPlan = { ...HOOK, rounds: 41, warmUpRounds: 2, limitMs: 6_000, leastRuns: 5 };

export type Others = {
  /** Command lines for sh. */
  against: readonly string[];
  mine: readonly MineLane[];
  /** What a settings file says where offhook is run through a shell. */
  shellCommand: string;
  /** Ends every process that has all these "NAME=value" in its environment: what the user's commands left running. */
  endAll(entries: readonly string[]): Promise<unknown>;
  /** What the lanes are made with, instead of what is on the PATH. */
  tools?: Tools;
  /** Where the scripts are that commands name with ~. */
  userHome?: string;
};

/**
 * Measures it. Errors: one of ours that fails or did not do its work, a command of the user's that does not end or cannot be started
 * (1). Such a command may fail: how often is counted, and `what` says how the first time.
 */
export async function measureHook(plan: HookPlan, means: Means, others: Others): Promise<Hook> {
  const { offhook, scratch, recorded } = means;
  const tools = others.tools ?? { python: findPython(), curl: Bun.which("curl") };
  const place = mkdtempSync(join(scratch.path, "hook-"));
  const sync = openSyncHook(join(place, "hooks"), tools, plan.alertMs);
  const stage: Stage = {
    offhook,
    scratch,
    place,
    recorded,
    shellCommand: others.shellCommand,
    userHome: others.userHome ?? "/nonexistent",
    python: tools.python,
    sync,
  };
  try {
    const project = makeProject(join(place, "project"), recorded);
    const contestants = [
      ...usualLanes(stage, project),
      ...others.against.map((command, index) => againstLane(stage, command, index + 1)),
      ...others.mine.map((mine) => mineLane(mine, scratch)),
    ];
    const doing = `${contestants.length} commands in turns`;
    means.progress({ part: "hook", done: 0, of: plan.rounds, doing });
    const lanes = await race({
      ...plan,
      contestants,
      stdin: project.stdin,
      concurrency: 1,
      scratch,
      afterTurn: (contestant) => contestant.mustHaveDone(),
      onRound: (share) =>
        means.progress({ part: "hook", done: Math.round(share * plan.rounds), of: plan.rounds, doing }),
    });
    const rounds = Math.max(...lanes.map(({ timesMs }) => timesMs.length));
    return {
      payloadBytes: project.stdin.length,
      rounds,
      warmUpRounds: plan.warmUpRounds,
      lanes: resultsOf(contestants, lanes),
    };
  } finally {
    await sync?.end();
    // Else a service that a hook has started would run beside all that is measured later.
    await others.endAll([markOf(scratch)]);
  }
}

function resultsOf(contestants: readonly HookLane[], lanes: readonly Lane[]): Hook["lanes"] {
  const timed = contestants.map((contestant, index) => {
    const lane = lanes[index] as Lane;
    return { ...contestant, failed: lane.failed, firstFailure: lane.firstFailure, times: timesOf(lane.timesMs) };
  });
  const publish = timed.find(({ kind }) => kind === "publish");
  if (publish === undefined) throw new Error("publish did not take part");
  return timed.map((one) => ({
    name: one.name,
    kind: one.kind,
    what: one.firstFailure === null ? one.what : `${one.what} (${firstLineOf(one.firstFailure)})`,
    times: one.times,
    beside: one === publish ? { value: 1, low: 1, high: 1 } : ratioOf(one.times.timesMs, publish.times.timesMs),
    failed: one.failed,
  }));
}

const MOST_SAID = 120;

function firstLineOf(said: string): string {
  const [first = ""] = said.split("\n", 1);
  return inOneLine(first).slice(0, MOST_SAID);
}
