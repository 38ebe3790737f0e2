// What one hook costs, through the built binary: who takes part, what is counted, and what ends the measurement. How fast anything is
// is not asked here.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { HOOK, type HookPlan, measureHook, type Others, QUICK_HOOK } from "../src/bench/hook.ts";
import { handlerOf } from "../src/claude/command.ts";
import type { Step } from "../src/measure/means.ts";
import { findPython } from "../src/measure/python.ts";
import { makeScratch, markOf, type Scratch } from "../src/measure/scratch.ts";
import { periodsOf } from "../src/measure/shares.ts";
import { openSyncHook, type Tools, WRITTEN } from "../src/measure/sync-hook.ts";
import type { Hook, HookLane } from "../src/report/shape.ts";
import { endTreeInSteps, processesWith } from "../src/system/process.ts";
import { BINARY } from "./binary.ts";
import { isRunning } from "./guarded.ts";
import { until } from "./running.ts";

const PATIENCE_MS = 60_000;
const recorded = readFileSync(new URL("./fixtures/claude-code-2.1.329.jsonl", import.meta.url), "utf8");
const tools: Tools = { python: findPython(), curl: Bun.which("curl") };
/** Every lane in every round: nothing is left to the time that a command takes. */
const SMALL: HookPlan = { ...HOOK, rounds: 6, warmUpRounds: 1, limitMs: PATIENCE_MS, leastRuns: 6, alertMs: 5 };

let scratch: Scratch;
let steps: Step[];
beforeEach(() => {
  scratch = makeScratch();
  steps = [];
});
afterEach(async () => {
  scratch.end();
  expect(existsSync(scratch.path)).toBe(false);
  const left = await endTreeInSteps(null, 0, [markOf(scratch)]);
  expect(left).toBe(true);
});

/** Measures with what is given; without tools of ours but the binary, which is quickest. */
function measure(over: Partial<Others> = {}, plan = SMALL, offhook = BINARY): Promise<Hook> {
  const means = { offhook, scratch, recorded, progress: (step: Step) => void steps.push(step) };
  return measureHook(plan, means, {
    against: [],
    mine: [],
    shellCommand: handlerOf({ kind: "shell", binary: offhook }, 10).command,
    endAll: (entries) => endTreeInSteps(null, 100, entries),
    tools: { python: null, curl: null },
    ...over,
  });
}

/** The last lane, which is that of the command a test is about. */
const lastOf = (hook: Hook) => hook.lanes.at(-1) as HookLane;
const kindsOf = (hook: Hook) => hook.lanes.map(({ kind }) => kind);

/** A program that stands for offhook: a script for sh. */
function planted(text: string): string {
  const path = join(scratch.path, "planted");
  writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o700 });
  return path;
}

describe("one hook", () => {
  test(
    "is timed in every form, beside a floor, a control and the hooks that it replaces, and each run is counted",
    async () => {
      const hook = await measure({ tools });
      const { python, curl } = tools;
      expect(kindsOf(hook)).toEqual([
        "floor",
        "null",
        "publish",
        "publish-shell",
        ...(python === null ? [] : (["python"] as const)),
        ...(python === null && curl === null ? [] : (["sync"] as const)),
      ]);
      expect(hook).toMatchObject({ rounds: 6, warmUpRounds: 1 });
      expect(hook.payloadBytes).toBeGreaterThan(WRITTEN.length);
      for (const { times, failed, what } of hook.lanes) {
        expect(times.timesMs).toHaveLength(6);
        expect(times.runs).toBe(6);
        expect(times.timesMs.every((ms) => ms > 0)).toBe(true);
        expect(failed).toBe(0);
        expect(what).not.toBe("");
      }
    },
    PATIENCE_MS,
  );

  test(
    "is told beside publish, with an interval that holds the value",
    async () => {
      const { lanes } = await measure({ against: ["cat >/dev/null; sleep 0.02"] });
      for (const { kind, beside } of lanes) {
        if (kind === "publish") expect(beside).toEqual({ value: 1, low: 1, high: 1 });
        expect(beside.low).toBeLessThanOrEqual(beside.value);
        expect(beside.high).toBeGreaterThanOrEqual(beside.value);
      }
    },
    PATIENCE_MS,
  );

  test(
    "says how far it is, from nothing to all",
    async () => {
      await measure();
      expect(steps.map(({ done }) => done)).toEqual([0, 1, 2, 3, 4, 5, 6]);
      expect(steps.every(({ part, of, doing }) => part === "hook" && of === 6 && doing === "4 commands in turns")).toBe(
        true,
      );
    },
    PATIENCE_MS,
  );

  test(
    "is not quick by storing nothing: a publish that does is an error",
    async () => {
      const store = 'cat >"$OFFHOOK_HOME/spool/new/$$"';
      await expect(measure({}, SMALL, planted("cat >/dev/null"))).rejects.toThrow(
        /^publish(, sh -c)? stored 0 events instead of 1/,
      );
      const exec = planted(`[ "$1" = null ] && exec cat >/dev/null; ${store}`);
      await expect(measure({ shellCommand: "cat >/dev/null" }, SMALL, exec)).rejects.toThrow(
        "publish, sh -c stored 0 events instead of 1",
      );
      expect(kindsOf(await measure({}, SMALL, exec))).toEqual(["floor", "null", "publish", "publish-shell"]);
    },
    PATIENCE_MS,
  );

  test(
    "ends with what offhook said when it fails",
    async () => {
      const broken = planted('cat >/dev/null; [ "$1" = null ] || { echo no room >&2; exit 1; }');
      await expect(measure({}, SMALL, broken)).rejects.toThrow(/^publish(, sh -c)? ended with 1 after .*: no room$/);
    },
    PATIENCE_MS,
  );
});

describe("a command of the user's", () => {
  test(
    "runs in a project of its own with the file that the payload names, and with a HOME of its own",
    async () => {
      const look = [
        'test "$CLAUDE_PROJECT_DIR" = "$PWD"',
        `test "\${HOME#${scratch.path}/}" != "$HOME"`,
        `test "$HOME" != "${scratch.path}"`,
        'grep -q "\\"file_path\\":\\"$PWD/cart.py\\""',
        "grep -q 'import os' cart.py",
        '! test -e "$HOME/was-here.$0"',
      ].join(" && ");
      const { lanes } = await measure({ against: [look, `${look}; echo >"$HOME/mine"`, '! test -e "$HOME/mine"'] });
      expect(lanes.slice(-3).map(({ kind, failed, what }) => [kind, failed, what])).toEqual([
        ["against", 0, look],
        ["against", 0, `${look}; echo >"$HOME/mine"`],
        ["against", 0, '! test -e "$HOME/mine"'],
      ]);
    },
    PATIENCE_MS,
  );

  test(
    "that fails is counted each time, and it is said how; it may leave its stdin unread",
    async () => {
      const { failed, times, what, name } = lastOf(await measure({ against: ["echo 'no\tsuch\nthing' >&2; exit 3"] }));
      expect({ failed, runs: times.runs }).toEqual({ failed: 6, runs: 6 });
      expect(what).toBe("echo 'no\tsuch\nthing' >&2; exit 3 (ended with 3: no such)");
      expect(name).toBe("echo 'no such thing' >&2; exit 3");
    },
    PATIENCE_MS,
  );

  test(
    "that fails now and then is counted so often, the warm-up aside",
    async () => {
      const once = 'cat >/dev/null; echo >>ran; [ "$(wc -l <ran)" -ne 4 ]';
      const { failed, times } = lastOf(await measure({ against: [once] }));
      expect({ failed, runs: times.runs }).toEqual({ failed: 1, runs: 6 });
    },
    PATIENCE_MS,
  );

  test(
    "may say more than a pipe holds",
    async () => {
      const { failed } = lastOf(await measure({ against: ["cat >/dev/null; head -c 300000 /dev/zero >&2"] }));
      expect(failed).toBe(0);
    },
    PATIENCE_MS,
  );

  test(
    "that does not end is ended after its limit, with all that it has started, and is an error",
    async () => {
      const pids = join(scratch.path, "pids");
      const apart = 'setsid sh -c \'echo $$ >>"$0"; exec sleep 600\' "$P" &';
      const command = `P=${pids}; sleep 600 & echo $! >>"$P"; ${Bun.which("setsid") === null ? "" : apart} echo $$ >>"$P"; wait`;
      const seen: number[] = [];
      const measuring = measure(
        {
          against: [command],
          async endAll(entries) {
            seen.push(...readFileSync(pids, "utf8").trim().split("\n").map(Number));
            await endTreeInSteps(null, 100, entries);
          },
        },
        { ...SMALL, runLimitMs: 700 },
      );
      await expect(measuring).rejects.toThrow("did not end within 0.7 s; it was ended, with what it had started");
      expect(seen.length).toBeGreaterThanOrEqual(2);
      await until(
        () => !seen.some(isRunning),
        () => `one of ${seen.join(", ")} still runs`,
      );
    },
    PATIENCE_MS,
  );

  test(
    "leaves nothing running in its process group from one run to the next, and nothing at all in the end",
    async () => {
      // A run that finds the sleep of the one before it fails.
      const command =
        'cat >/dev/null; [ -e pid ] && case $(ps -o stat= -p "$(cat pid)") in "" | Z*) ;; *) exit 1 ;; esac; sleep 600 & echo $! >pid';
      const apart = Bun.which("setsid") === null ? [] : ["cat >/dev/null; setsid sleep 600 &"];
      const { lanes } = await measure({ against: [command, ...apart] });
      expect(lanes.slice(4).map(({ failed }) => failed)).toEqual(apart.length === 0 ? [0] : [0, 0]);
      expect(processesWith([markOf(scratch)])).toEqual([]);
      expect(scratch.pids()).toEqual([]);
    },
    PATIENCE_MS,
  );

  test(
    "from their settings runs where it was prepared, with its own payload and environment",
    async () => {
      const mine = {
        name: "user: Stop",
        what: "notify.sh, in the user's settings",
        argv: ["/bin/sh", "-c", 'test "$(cat)" = "a stop of $WHO" && test "$PWD" = /'],
        env: { PATH: "/usr/bin:/bin", WHO: "theirs" },
        cwd: "/",
        timeoutMs: 20_000,
        mayFail: true as const,
        stdin: Buffer.from("a stop of theirs"),
      };
      expect(lastOf(await measure({ mine: [mine] }))).toMatchObject({
        name: "user: Stop",
        kind: "mine",
        what: mine.what,
        failed: 0,
        times: { runs: 6 },
      });
      // That it was tried before does not say that it is still there.
      const missing = { ...mine, name: "user: none", argv: [join(scratch.path, "no-such-program")] };
      await expect(measure({ mine: [mine, missing] })).rejects.toThrow("user: none could not be started: ");
    },
    PATIENCE_MS,
  );

  test(
    "that is slow takes part in fewer rounds, never in fewer than it must",
    async () => {
      const plan = { ...SMALL, rounds: 24, limitMs: 1_000, leastRuns: 3 };
      const { rounds, lanes } = await measure({ against: ["cat >/dev/null; sleep 0.2"] }, plan);
      const slow = lastOf({ lanes } as Hook).times.runs;
      expect(slow).toBeGreaterThanOrEqual(3);
      expect(slow).toBeLessThan(rounds);
      expect(lanes.every(({ times }) => times.runs >= 3 && times.runs <= rounds)).toBe(true);
    },
    PATIENCE_MS,
  );
});

describe("the hook that the agent waits for", () => {
  const { python, curl } = tools;
  const variants: [string, Tools, boolean][] = [
    ["python3 and curl", { python, curl }, python !== null && curl !== null],
    ["python3 alone", { python, curl: null }, python !== null],
    ["curl alone", { python: null, curl }, curl !== null],
  ];

  for (const [name, chosen, isHere] of variants) {
    test.skipIf(!isHere)(`lints the written file and tells its channel with ${name}`, async () => {
      const file = join(scratch.path, "cart.py");
      writeFileSync(file, WRITTEN);
      const hook = openSyncHook(join(scratch.path, "hooks"), chosen, 1);
      if (hook === null) throw new Error("there is none");
      try {
        const run = async () => {
          const child = Bun.spawn(hook.argv, {
            env: { ...scratch.envOf(scratch.path), ...hook.env },
            stdin: Buffer.from(`${JSON.stringify({ tool_input: { file_path: file } })}\n`),
            stdout: "pipe",
            stderr: "pipe",
          });
          const said = await Promise.all([child.stdout.text(), child.stderr.text()]);
          expect([await child.exited, ...said]).toEqual([0, "", ""]);
        };
        await run();
        hook.mustHaveTold(1);
        expect(() => hook.mustHaveTold(1)).toThrow("told its channel 0 times instead of 1");
        // A file without a finding: it is told, but not of what was to be found.
        writeFileSync(file, "import json\n\nprint(json.dumps(1))\n");
        await run();
        expect(() => hook.mustHaveTold(1)).toThrow("lint + alert told its channel 1 times");
      } finally {
        await hook.end();
      }
    });
  }

  test("is left out where nothing can post", () => {
    expect(openSyncHook(join(scratch.path, "hooks"), { python: null, curl: null }, 1)).toBe(null);
  });
});

describe("the share of the time", () => {
  const plan = { rounds: 210, limitMs: 21_000, least: 7 };
  const spentMs = (costs: number[], periods: number[]) =>
    costs.reduce((sum, cost, index) => sum + cost * Math.ceil(plan.rounds / (periods[index] ?? 1)), 0);

  test("lets the quick take part in every round, and gives what they leave to the slow", () => {
    const costs = [400, 1, 8, 6, 35, 9];
    const periods = periodsOf(costs, plan);
    expect(periods).toEqual([10, 1, 1, 1, 1, 1]);
    expect(spentMs(costs, periods)).toBeLessThan(plan.limitMs * 1.05);
  });

  test("gives the slow their least, even where the time is too short for it", () => {
    expect(periodsOf([5_000, 8], plan)).toEqual([30, 1]);
    expect(periodsOf([5_000, 6_000, 7_000], plan)).toEqual([30, 30, 30]);
    expect(periodsOf([8], { ...plan, limitMs: 0 })).toEqual([30]);
  });

  test("of one alone is all of it", () => {
    expect(periodsOf([100], plan)).toEqual([1]);
    expect(periodsOf([], plan)).toEqual([]);
  });
});

test("the plans keep to what a run may take", () => {
  for (const plan of [HOOK, QUICK_HOOK]) {
    expect(plan.limitMs).toBeLessThanOrEqual(22_000);
    expect(plan.leastRuns).toBeGreaterThanOrEqual(5);
    expect(plan.rounds / plan.leastRuns).toBeGreaterThan(2);
  }
  expect(HOOK.rounds).toBeGreaterThanOrEqual(200);
});
