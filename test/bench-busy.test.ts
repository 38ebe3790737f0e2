// How busy the machine was during a benchmark, and when its figures are not to be trusted.
import { expect, test } from "bun:test";
import { machineTicks, sharesBetween, watchLoad } from "../src/measure/busy.ts";
import { makeScratch } from "../src/measure/scratch.ts";
import { doubtsOf } from "../src/report/doubts.ts";
import type { Hook, Load, Machine } from "../src/report/shape.ts";
import { timesOf } from "../src/report/statistics.ts";

const STAT = "cpu  100 20 30 800 40 5 6 7 9 9\ncpu0 50 10 15 400 20 2 3 3 4 4\nintr 1\n";

test("ticks are those of all cores, without what guests have had twice", () => {
  expect(machineTicks(STAT)).toEqual({ all: 1008, busy: 161, stolen: 7 });
});

test("others are what is busy and not ours", () => {
  const from = { all: 1000, busy: 100, stolen: 0, ours: 50 };
  const to = { all: 2000, busy: 700, stolen: 20, ours: 350 };
  expect(sharesBetween(from, to)).toEqual({ busy: 0.6, others: 0.3, stolen: 0.02 });
});

test("shares are not told where no time has passed, or where the system tells none", () => {
  const one = { all: 1000, busy: 100, stolen: 0, ours: 50 };
  expect(sharesBetween(one, one)).toBeNull();
  expect(sharesBetween(null, one)).toBeNull();
});

const isLinux = process.platform === "linux";

test.skipIf(!isLinux)(
  "work of a child counts as ours, while it runs and when it has ended (reason: /proc)",
  async () => {
    const scratch = makeScratch();
    try {
      const watch = watchLoad(scratch);
      const child = Bun.spawn(["sh", "-c", "i=0; while [ $i -lt 400000 ]; do i=$((i+1)); done"]);
      scratch.own(child);
      expect(scratch.pids()).toContain(child.pid);
      await child.exited;
      expect(scratch.pids()).not.toContain(child.pid);
      const { busy, others } = watch.end();
      // Whatever else runs here: the child's own share is not among the others'.
      expect(busy).toBeGreaterThan(0);
      expect(others).toBeLessThan(busy ?? 0);
    } finally {
      scratch.end();
    }
  },
);

const QUIET: Omit<Load, "doubts"> = { before: 0.1, busy: 0.5, others: 0.02, stolen: 0, samples: [] };
const MACHINE: Machine = {
  name: "here",
  platform: "linux x64",
  system: "6.1",
  cpu: null,
  cores: 2,
  memoryBytes: 1,
  disk: "ext4",
  isRealDisk: true,
};

/** A hook part whose control took these times. */
function hookOf(timesMs: number[]): Hook {
  const lane = { name: "null", kind: "null" as const, what: "", times: timesOf(timesMs), failed: 0 };
  return { payloadBytes: 1, rounds: 1, warmUpRounds: 0, lanes: [{ ...lane, beside: { value: 1, low: 1, high: 1 } }] };
}

const EVEN = Array.from({ length: 100 }, (_, index) => 5 + (index % 10) / 10);

test("a quiet machine with a steady control gives no doubt", () => {
  expect(doubtsOf(QUIET, MACHINE, hookOf(EVEN))).toEqual([]);
  expect(doubtsOf(QUIET, MACHINE, null)).toEqual([]);
});

test("each reason for a doubt is said, with its figure", () => {
  const only = (load: Partial<typeof QUIET>, machine: Partial<Machine> = {}, timesMs = EVEN) => {
    const doubts = doubtsOf({ ...QUIET, ...load }, { ...MACHINE, ...machine }, hookOf(timesMs));
    expect(doubts).toHaveLength(1);
    return doubts[0];
  };
  expect(only({ others: 0.4 })).toContain("40 %");
  expect(only({ stolen: 0.12 })).toContain("12 %");
  expect(only({ others: null, before: 3 })).toContain("3.0 on 2 cores");
  expect(only({}, { isRealDisk: false })).toContain("in memory");
  expect(only({}, {}, EVEN.slice(0, 10))).toContain("10 runs");
  // The slower runs are spread over the whole, or all in one half.
  expect(
    only(
      {},
      {},
      [...EVEN, ...EVEN].map((ms, index) => (index % 5 === 0 ? ms * 3 : ms)),
    ),
  ).toContain("slowest tenth");
  expect(only({}, {}, [...EVEN, ...EVEN.map((ms) => ms * 1.3)])).toContain("30 %");
});

test("a load average is no doubt where it is known who was busy: the benchmark itself may have been", () => {
  expect(doubtsOf({ ...QUIET, before: 3 }, MACHINE, null)).toEqual([]);
});
