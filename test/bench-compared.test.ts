// What delivering may cost beside something else of the same run: the relations, their limits, and how they are said.
// What is measured is tested in bench-daemon.test.ts, as far as it can be without a stopwatch.
import { describe, expect, test } from "bun:test";
import { comparedLines } from "../scripts/bench-print.ts";
import {
  type Aim,
  type Compared,
  type Comparison,
  isMet,
  judgeRow,
  relationOf,
  type Unit,
} from "../src/limits/comparison.ts";
import { spanOf } from "../src/limits/deliveries.ts";
import { quartersOf } from "../src/limits/private-memory.ts";
import { openProcessorClock } from "../src/measure/processor-clock.ts";

const SHARE: Aim = { kind: "share", least: 0.7 };
const FIVE: Aim = { kind: "times", even: 5, most: 5.5 };
const MORE: Aim = { kind: "more", most: 10 };

function rowOf(aim: Aim, base: number, measured: number | null, unit: Unit = "ms"): Comparison {
  return { figure: "4 at once", base, measured, unit, aim };
}

function partOf(...rows: Comparison[]): Compared {
  return {
    name: "deliveries",
    title: "deliveries of /bin/true",
    baseName: "bare spawn",
    measuredName: "offhook",
    rows,
  };
}

function stateOf(aim: Aim, base: number, measured: number | null): string {
  const row = rowOf(aim, base, measured);
  return judgeRow(partOf(row), row).state;
}

describe("a relation", () => {
  test("is a ratio, or for memory a difference", () => {
    expect(relationOf(rowOf(SHARE, 800, 600))).toBe(0.75);
    expect(relationOf(rowOf(FIVE, 100, 520))).toBe(5.2);
    expect(relationOf(rowOf(MORE, 60, 58.5))).toBe(-1.5);
    expect(relationOf(rowOf(FIVE, 100, null))).toBeNaN();
  });

  test("meets its aim without slack, up to the aim itself", () => {
    expect([699, 701].map((rate) => isMet(rowOf(SHARE, 1000, rate)))).toEqual([false, true]);
    expect([549, 551].map((ms) => isMet(rowOf(FIVE, 100, ms)))).toEqual([true, false]);
    expect([69, 71].map((mib) => isMet(rowOf(MORE, 60, mib)))).toEqual([true, false]);
  });
});

describe("a check", () => {
  test.each([
    // 70 % are 1 / (1 + 3/7): half as much again of the 3/7 leaves 60.9 %.
    ["a share", SHARE, 1000, 610, 608],
    // 5.5 times is half above what five even ones cost: three quarters with slack.
    ["many times", FIVE, 100, 574, 576],
    ["an even result", { kind: "times", even: 1, most: 1.2 } satisfies Aim, 100, 129, 131],
    // No noise of the machine is in memory.
    ["growth", MORE, 60, 69.9, 70.1],
  ])("of %s allows half as much again of what the limit has above an even result", (_, aim, base, just, beyond) => {
    expect(stateOf(aim, base, just)).toBe("passed");
    expect(stateOf(aim, base, beyond)).toBe("failed");
  });

  test("never passes what is no number, and skips only what this machine does not tell", () => {
    for (const aim of [SHARE, FIVE, MORE]) {
      expect(stateOf(aim, 10, Number.NaN)).toBe("failed");
      expect(stateOf(aim, Number.NaN, 10)).toBe("failed");
      expect(stateOf(aim, 10, null)).toBe("skipped");
    }
  });

  test("says the relation, what it may be, both figures and the limit", () => {
    const share = rowOf(SHARE, 812.4, 402.2, "/s");
    expect(judgeRow(partOf(share), share).text).toBe(
      "deliveries, 4 at once: 50 % < 61 % (offhook 402 /s, bare spawn 812 /s; at least 70 %, slack 1.5)",
    );
    const more = rowOf(MORE, 60.04, 58.5, "MiB");
    expect(judgeRow(partOf(more), more).text).toBe(
      "deliveries, 4 at once: -1.5 MiB <= +10.0 MiB (offhook 58.5 MiB, bare spawn 60.0 MiB; at most +10.0 MiB)",
    );
  });
});

test("the table has a line for each comparison, and says which aim is missed", () => {
  expect(
    comparedLines(partOf(rowOf(SHARE, 800, 640, "/s"), rowOf(SHARE, 1600, 800, "/s"), rowOf(FIVE, 1, null))),
  ).toEqual([
    "deliveries of /bin/true  bare spawn  offhook             relation  limit",
    "  4 at once                  800 /s   640 /s                 80 %  at least 70 %",
    "  4 at once                1,600 /s   800 /s                 50 %  at least 70 %  (missed)",
    "  4 at once                                   not to be seen here  at most 5.50 x",
  ]);
});

test("a turn is timed from the first worker's start to the last one's end, whatever the order of the list", () => {
  const delivery = (startedAt: string, durationMs: number) => JSON.stringify({ attempts: [{ startedAt, durationMs }] });
  const ndjson = `${delivery("2026-11-20T12:00:01.500Z", 12.5)}\n${delivery("2026-11-20T12:00:01.000Z", 800)}\n`;
  expect(spanOf(ndjson, 2)).toBe(800);
  expect(() => spanOf(ndjson, 3)).toThrow("2 attempts at 3 deliveries");
});

test("a quarter is told by its median, so that one collection of garbage decides nothing", () => {
  expect(quartersOf([50, 10, 52, 1, 1, 1, 1, 1, 1, 70, 71, 200])).toEqual({ first: 50, last: 71 });
  expect(quartersOf([])).toEqual({ first: Number.NaN, last: Number.NaN });
});

test("the processor clock of a process stands while it sleeps and runs while it works", async () => {
  const clock = openProcessorClock();
  if (clock === null) return expect(process.platform).not.toBe("linux");
  const child = Bun.spawn(["/bin/sh", "-c", "read line; while :; do :; done"], { stdin: "pipe" });
  try {
    const before = clock(child.pid);
    expect(before).toBeLessThan(1_000);
    child.stdin.write("go\n");
    await child.stdin.flush();
    while (clock(child.pid) < before + 50) await Bun.sleep(5);
  } finally {
    child.kill("SIGKILL");
    await child.exited;
  }
  expect(() => clock(child.pid)).toThrow("no processor clock");
});
