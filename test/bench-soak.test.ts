// A soak with the built binary: seconds instead of hours, judged by what it counts. Losses are planted by a script in the place of
// the binary.
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { measureSoak, SOAK, type SoakPlan } from "../src/bench/soak.ts";
import type { Step } from "../src/measure/means.ts";
import type { Soak } from "../src/report/shape.ts";
import { isRunning } from "./guarded.ts";
import { inBench, type Planted } from "./planted-bench.ts";

const PATIENCE_MS = 60_000;

/** A second and a half, with a sample every three tenths. */
function planOf(over: Partial<SoakPlan> = {}): SoakPlan {
  const { signal } = new AbortController();
  return { ...SOAK, minutes: 0.025, perSecond: 20, sampleEveryMs: 300, signal, ...over };
}

const counts = ({ acknowledged, arrived, missing, foreign, refused, dead }: Soak) => ({
  acknowledged,
  arrived,
  missing,
  foreign,
  refused,
  dead,
});
const isAscending = (values: number[]) =>
  values.every((value, index) => index === 0 || value >= (values[index - 1] ?? 0));

test(
  "what is published at a steady rate arrives, and is sampled from the first moment to the last",
  async () => {
    await inBench(null, async ({ means, steps }) => {
      const soak = await measureSoak(planOf(), means);
      const { acknowledged, samples, times } = soak;
      expect(counts(soak)).toEqual({
        acknowledged,
        arrived: acknowledged,
        missing: 0,
        foreign: 0,
        refused: 0,
        dead: 0,
      });
      expect(acknowledged).toBeGreaterThan(1);
      expect(times.runs).toBe(acknowledged);
      expect(soak).toMatchObject({ payloadBytes: 997, wantedPerSecond: 20 });
      expect(soak.minutes).toBeGreaterThanOrEqual(0.025);

      expect(samples.length).toBeGreaterThan(1);
      expect(isAscending(samples.map(({ atMs }) => atMs))).toBe(true);
      expect(isAscending(samples.map(({ published }) => published))).toBe(true);
      expect(samples.at(-1)?.published).toBeLessThanOrEqual(acknowledged);
      for (const sample of samples) {
        expect(sample.rssMib).toBeGreaterThan(1);
        expect(sample.openFiles === null).toBe(process.platform !== "linux");
        expect(sample.openFiles ?? 1).toBeGreaterThan(0);
        // Published in its time, or nothing to tell of.
        expect(sample.perSecond > 0).toBe(sample.p50Ms !== null);
      }
      const rates = samples.map(({ perSecond, atMs }, index) => perSecond * (atMs - (samples[index - 1]?.atMs ?? 0)));
      expect(rates.reduce((sum, events) => sum + events, 0) / 1000).toBeCloseTo(samples.at(-1)?.published ?? 0, 1);
      expect(steps.every(({ part, done, of }) => part === "soak" && done <= of && of === 2)).toBe(true);
      expect(means.scratch.pids()).toEqual([]);
    });
  },
  PATIENCE_MS,
);

test(
  "however long it is, there are no more samples than wanted",
  async () => {
    await inBench(null, async ({ means }) => {
      const { samples } = await measureSoak(planOf({ sampleEveryMs: 1, mostSamples: 4 }), means);
      expect(samples.length).toBeGreaterThan(1);
      expect(samples.length).toBeLessThanOrEqual(4);
    });
  },
  PATIENCE_MS,
);

test(
  "ended early it gives what there is until then, and its real length",
  async () => {
    const ending = new AbortController();
    await inBench(null, async ({ means }) => {
      const progress = ({ doing }: Step) => {
        if (Number.parseInt(doing, 10) >= 2) ending.abort();
      };
      const soak = await measureSoak(planOf({ minutes: 60, signal: ending.signal }), { ...means, progress });
      expect(soak.minutes).toBeLessThan(60);
      expect(soak.samples.length).toBe(1);
      expect(soak.acknowledged).toBeGreaterThan(1);
      expect([soak.arrived, soak.missing]).toEqual([soak.acknowledged, 0]);
      expect(means.scratch.pids()).toEqual([]);
    });
  },
  PATIENCE_MS,
);

test(
  "ended before it has begun it gives one publish",
  async () => {
    await inBench(null, async ({ means }) => {
      const soak = await measureSoak(planOf({ signal: AbortSignal.abort() }), means);
      expect(soak).toMatchObject({ acknowledged: 1, arrived: 1, missing: 0, times: { runs: 1 } });
      expect(soak.samples.length).toBe(1);
    });
  },
  PATIENCE_MS,
);

test(
  "an event that is acknowledged and lost is counted, and one that is there twice, and a publish that fails",
  async () => {
    const faults = [
      "2) cat >/dev/null; exit 0 ;;",
      '4) cat >"$D/event"; "$REAL" publish <"$D/event"; exec "$REAL" publish <"$D/event" ;;',
      "6) cat >/dev/null; exit 7 ;;",
      // Not acknowledged, and there all the same: neither lost nor foreign.
      '8) "$REAL" publish; exit 7 ;;',
    ];
    await inBench({ command: "publish", script: `case "$N" in ${faults.join(" ")} esac` }, async ({ means }) => {
      const soak = await measureSoak(planOf(), means);
      const { acknowledged } = soak;
      expect(acknowledged).toBeGreaterThan(6);
      expect(counts(soak)).toEqual({
        acknowledged,
        arrived: acknowledged - 1,
        missing: 1,
        foreign: 1,
        refused: 2,
        dead: 0,
      });
      expect(soak.times.runs).toBe(acknowledged);
    });
  },
  PATIENCE_MS,
);

test(
  "no publish waits for the one before it",
  async () => {
    // Each waits until three are there: one after the other none would end before it is ended from outside.
    const meets: Planted = {
      command: "publish",
      script: 'while [ -d "$D" ] && [ ! -d "$D/call-3" ]; do sleep 0.02; done',
    };
    await inBench(meets, async ({ means }) => {
      const soak = await measureSoak(planOf(), means);
      expect(soak).toMatchObject({ missing: 0, refused: 0 });
      expect(soak.acknowledged).toBeGreaterThan(2);
    });
  },
  PATIENCE_MS,
);

test(
  "where every publish fails there is nothing to tell but why",
  async () => {
    const fails: Planted = { command: "publish", script: "cat >/dev/null; echo no room here >&2; exit 7" };
    await inBench(fails, async ({ means }) => {
      await expect(measureSoak(planOf(), means)).rejects.toThrow("no publish was acknowledged: 7: no room here");
      expect(means.scratch.pids()).toEqual([]);
    });
  },
  PATIENCE_MS,
);

test(
  "a daemon that dies on the way is an error, and nothing runs on",
  async () => {
    // Its pid is that of the script, which becomes offhook.
    const dies: Planted = {
      command: "consume",
      script: '(while [ -d "$D" ] && [ ! -f "$D/now" ]; do sleep 0.02; done; kill -9 $$) & echo $$ >"$D/pid"',
    };
    await inBench(dies, async ({ means, directory }) => {
      const progress = () => void Bun.write(join(directory, "now"), "");
      await expect(measureSoak(planOf({ minutes: 60 }), { ...means, progress })).rejects.toThrow(
        "the daemon ended with SIGKILL",
      );
      expect(isRunning(Number(readFileSync(join(directory, "pid"), "utf8")))).toBe(false);
      expect(means.scratch.pids()).toEqual([]);
    });
  },
  PATIENCE_MS,
);

test(
  "its daemon is in a session of its own, where Ctrl-C does not reach it",
  async () => {
    const tells: Planted = { command: "consume", script: 'ps -o pid=,pgid= -p $$ >"$D/ids"' };
    await inBench(tells, async ({ means, directory }) => {
      await measureSoak(planOf({ signal: AbortSignal.abort() }), means);
      const [pid, group] = readFileSync(join(directory, "ids"), "utf8").trim().split(/\s+/);
      expect(group).toBe(pid ?? "");
    });
  },
  PATIENCE_MS,
);
