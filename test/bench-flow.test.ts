// What delivering and draining cost, measured with the built binary: small plans, judged by what they count. Losses are planted by a
// script in the place of the binary. How fast anything is here is not tested.
import { describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DeliveryPlan, measureDelivery, spansOf, whyNoDelivery } from "../src/bench/delivery.ts";
import { drainedOf, measureDrain } from "../src/bench/drain.ts";
import { startPoller } from "../src/bench/poller.ts";
import { countById } from "../src/measure/by-id.ts";
import type { Draining } from "../src/measure/intake.ts";
import { clockWorker } from "../src/measure/latency.ts";
import type { Step } from "../src/measure/means.ts";
import { percentile } from "../src/report/statistics.ts";
import { inBench, type Planted } from "./planted-bench.ts";

const PATIENCE_MS = 60_000;
const IS_LINUX = process.platform === "linux";

describe("delivery", () => {
  const plan: DeliveryPlan = {
    events: 7,
    warmUpEvents: 2,
    limitMs: 20_000,
    least: 7,
    everyMs: 120,
    pauseMs: { least: 5, most: 30 },
    settleLimitMs: 20_000,
  };

  test(
    "each publish has a worker and then an outcome, and the poller's has a worker",
    async () => {
      await inBench(null, async ({ means, steps }) => {
        expect(whyNoDelivery()).toBeNull();
        const { events, toWorker, toOutcome, poller } = await measureDelivery(plan, means);
        expect([events, toWorker.runs, toOutcome.runs, poller.toWorker.runs]).toEqual([7, 7, 7, 7]);
        expect([...toWorker.timesMs, ...poller.toWorker.timesMs].every((ms) => ms > 0)).toBe(true);
        // The outcome is stored after its worker has read the clock.
        expect(toOutcome.timesMs.every((ms, index) => ms > (toWorker.timesMs[index] ?? Number.NaN))).toBe(true);
        expect(poller.everyMs).toBe(120);
        expect(poller.beside.value).toBeCloseTo(
          percentile(poller.toWorker.timesMs, 50) / percentile(toWorker.timesMs, 50),
          1,
        );
        expect(steps.map(({ part, done, of }) => [part, done, of])).toEqual(
          Array.from({ length: 10 }, (_, done) => ["delivery", done, 9] as [Step["part"], number, number]),
        );
        expect(means.scratch.pids()).toEqual([]);
      });
    },
    PATIENCE_MS,
  );

  test(
    "ends with its time, but not before the least that says something",
    async () => {
      await inBench(null, async ({ means }) => {
        const { events } = await measureDelivery({ ...plan, limitMs: 0, least: 3 }, means);
        expect(events).toBe(3);
      });
    },
    PATIENCE_MS,
  );

  test(
    "an event that is acknowledged and lost is an error",
    async () => {
      const loses: Planted = { command: "publish", script: 'case "$N" in 3 | 4) cat >/dev/null; exit 0 ;; esac' };
      await inBench(loses, async ({ means }) => {
        await expect(measureDelivery({ ...plan, settleLimitMs: 1_000 }, means)).rejects.toThrow(
          "not every worker ran well within 1 s",
        );
        expect(means.scratch.pids()).toEqual([]);
      });
    },
    PATIENCE_MS,
  );

  test("is from the n-th publish to the end of its own event, and an event without one is an error", () => {
    const endsMs = new Map([
      ["b", 31.5],
      ["a", 12.25],
    ]);
    expect(spansOf(["a", "b"], [10, 20], endsMs)).toEqual([2.25, 11.5]);
    expect(() => spansOf(["a", "c"], [10, 20], endsMs)).toThrow("of 2 events 1 have no worker that told the time");
    // A worker that printed something else.
    expect(() => spansOf(["a"], [10], new Map([["a", Number("oops")]]))).toThrow("of 1 events 1 have no worker");
  });
});

describe("the poller", () => {
  async function inDirectory(look: (directory: string) => Promise<void>): Promise<void> {
    const directory = mkdtempSync(join(tmpdir(), "offhook-poller-test-"));
    try {
      await look(directory);
    } finally {
      rmSync(directory, { recursive: true });
    }
  }
  const worker = (argv: string[]) => ({ argv, env: { PATH: process.env.PATH ?? "/usr/bin:/bin" } });

  test("starts a worker for each file it finds, in their order, with the file on its stdin, and removes it", async () => {
    await inDirectory(async (directory) => {
      for (const name of ["2", "1", "3"]) writeFileSync(join(directory, name), `file ${name}\n`);
      const beganMs = Date.now();
      const clock = `read word name; test "$word" = file; ${clockWorker()
        ?.map((word) => `'${word.replaceAll("\\n", "\\\\n")}'`)
        .join(" ")}`;
      const poller = startPoller({ directory, everyMs: 10, worker: worker(["/bin/sh", "-ec", clock]) });
      const polled = await poller.until(3, 20_000);
      await poller.stop();
      expect(polled.map(({ text }) => text)).toEqual(["file 1\n", "file 2\n", "file 3\n"]);
      const stamps = polled.map(({ workerMs }) => workerMs);
      expect(stamps).toEqual(stamps.toSorted((a, b) => a - b));
      expect(stamps.every((ms) => ms >= beganMs && ms <= Date.now() + 1)).toBe(true);
      expect(readdirSync(directory)).toEqual([]);
    });
  });

  test("tells what a worker that fails has said, and how many are done when the time is up", async () => {
    await inDirectory(async (directory) => {
      const none = startPoller({ directory, everyMs: 10, worker: worker(["true"]) });
      await expect(none.until(1, 50)).rejects.toThrow("the poller did 0 of 1 events");
      await none.stop();
      writeFileSync(join(directory, "1"), "");
      const fails = worker(["/bin/sh", "-c", "echo no clock here >&2; exit 7"]);
      const poller = startPoller({ directory, everyMs: 10, worker: fails });
      await expect(poller.until(1, 20_000)).rejects.toThrow(/ended with 7: no clock here$/);
      await poller.stop();
    });
  });
});

describe("drain", () => {
  const plan = { backlogs: [37, 211], turns: 2, limitMs: 60_000, least: 2 };

  test(
    "each backlog is drained in each turn, all of it, by a daemon of its own",
    async () => {
      await inBench(null, async ({ means, steps }) => {
        const drained = await measureDrain(plan, means);
        expect(drained.map(({ events, missing, foreign }) => [events, missing, foreign])).toEqual([
          [37, 0, 0],
          [211, 0, 0],
        ]);
        for (const { perSecond, peakMib, cpuMsPerEvent } of drained) {
          const told = IS_LINUX ? 2 : undefined;
          expect([perSecond.turns.length, peakMib?.turns.length, cpuMsPerEvent?.turns.length]).toEqual([2, told, told]);
          for (const figure of [perSecond, peakMib, cpuMsPerEvent])
            expect(figure?.turns.every((turn) => turn > 0) ?? true).toBe(true);
        }
        expect(steps.map(({ done }) => done)).toEqual([0, 0, 1, 2, 3, 4]);
        expect(steps.every(({ part, of }) => part === "drain" && of === 4)).toBe(true);
        expect(means.scratch.pids()).toEqual([]);
        expect(readdirSync(means.scratch.path).filter((name) => /^home-\d+$/.test(name))).toEqual([]);
      });
    },
    PATIENCE_MS,
  );

  test(
    "ends with its time, but not before the least that says something",
    async () => {
      await inBench(null, async ({ means }) => {
        const [drained] = await measureDrain({ backlogs: [31], turns: 5, limitMs: 0, least: 1 }, means);
        expect(drained?.perSecond.turns.length).toBe(1);
      });
    },
    PATIENCE_MS,
  );

  test(
    "an event that is lost, and one that nobody published, are counted",
    async () => {
      const changes: Planted = {
        command: "consume",
        script:
          'rm "$OFFHOOK_HOME/spool/new/$(ls "$OFFHOOK_HOME/spool/new" | sed -n 5p)"; echo {} | "$REAL" publish; echo {} | "$REAL" publish',
      };
      await inBench(changes, async ({ means }) => {
        const [drained] = await measureDrain({ ...plan, backlogs: [31] }, means);
        // In each of two turns.
        expect(drained).toMatchObject({ events: 31, missing: 2, foreign: 4 });
      });
    },
    PATIENCE_MS,
  );

  test(
    "a daemon that ends is an error in its own words",
    async () => {
      await inBench({ command: "consume", script: "echo no room here >&2; exit 3" }, async ({ means }) => {
        await expect(measureDrain(plan, means)).rejects.toThrow("the daemon ended with 3: no room here");
        expect(means.scratch.pids()).toEqual([]);
      });
    },
    PATIENCE_MS,
  );

  const turn: Draining = {
    takenInMs: 100,
    left: 0,
    deliveries: 40,
    settledMs: 200,
    isAllSettled: true,
    memory: { rssKib: 2_048, privateKib: null, peakRssKib: 4_096 },
    cpuMs: 20,
    counted: { acknowledged: 40, arrived: 40, missing: 0, foreign: 0 },
  };

  test("figures are those of all turns, and none where the system does not tell", () => {
    const slow = { ...turn, settledMs: 400, cpuMs: 60, memory: { ...turn.memory, peakRssKib: 8_192 } };
    expect(drainedOf(40, [turn, slow, turn])).toEqual({
      events: 40,
      perSecond: { median: 200, least: 100, most: 200, turns: [200, 100, 200] },
      peakMib: { median: 4, least: 4, most: 8, turns: [4, 8, 4] },
      cpuMsPerEvent: { median: 0.5, least: 0.5, most: 1.5, turns: [0.5, 1.5, 0.5] },
      missing: 0,
      foreign: 0,
    });
    const mute = { ...turn, cpuMs: null, memory: { ...turn.memory, peakRssKib: null } };
    expect(drainedOf(40, [turn, mute])).toMatchObject({ peakMib: null, cpuMsPerEvent: null });
  });

  test("a daemon that stands still, or settles otherwise than well, is an error", () => {
    expect(() => drainedOf(40, [turn, { ...turn, isAllSettled: false, deliveries: 7 }])).toThrow(
      "the daemon stands still: of 40 events 0 were not taken in, and 7 settled",
    );
    expect(() => drainedOf(40, [turn, { ...turn, deliveries: 39 }])).toThrow("39 settled");
  });
});

test("by id, what is missing, foreign, and there twice is told apart from what has arrived", () => {
  expect(countById(["a", "b", "c"], ["c", "x", "a", "a"])).toEqual({
    acknowledged: 3,
    arrived: 2,
    missing: 1,
    foreign: 2,
  });
  expect(countById([], [])).toEqual({ acknowledged: 0, arrived: 0, missing: 0, foreign: 0 });
});
