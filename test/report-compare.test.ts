// Two reports side by side: what was planted is found, what is the same is said to be, and what cannot be known is not claimed.
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Compared, type ComparedRow, compare } from "../src/report/compare.ts";
import { comparedLines } from "../src/report/compare-text.ts";
import type { HookKind, Report } from "../src/report/shape.ts";
import { spreadOf, timesOf } from "../src/report/statistics.ts";
import { aLoad, aReport, someTimes, stretched } from "./report-fixtures.ts";
import { aLook, widthOf } from "./report-looks.ts";
import { makeDice } from "./torture/dice.ts";

// Resampling takes its time where others use the processor too.
setDefaultTimeout(60_000);

const NOTHING = { hook: null, publishers: null, delivery: null, drain: null, soak: null, claude: null };
const KINDS: readonly HookKind[] = ["null", "publish"];

/** A report with nothing but the control and publish, of so many runs, with so many ms as their medians. */
function lean(seed: string, runs: number, medians: Partial<Record<HookKind, number>>): Report {
  const dice = makeDice(seed);
  const hook = aReport().hook!;
  const lanes = hook.lanes
    .filter(({ kind }) => KINDS.includes(kind))
    .map((lane) => ({ ...lane, times: timesOf(someTimes(dice.fork(lane.kind), runs, medians[lane.kind] ?? 6)) }));
  return aReport({ ...NOTHING, hook: { ...hook, lanes } });
}

const rowOf = (compared: Compared, part: string, name: string, figure = "p50"): ComparedRow =>
  compared.rows.find((row) => row.part === part && row.name === name && row.figure === figure)!;

/** The lanes of the hook part alone: what takes long is every interval of a whole report. */
const hookOnly = (report: Report): Report => ({ ...report, ...NOTHING, hook: report.hook });

/** A report of nothing but one backlog that was drained in so many turns. */
const drained = (turns: number[]) =>
  aReport({
    ...NOTHING,
    drain: [{ events: 1000, perSecond: spreadOf(turns), peakMib: null, cpuMsPerEvent: null, missing: 0, foreign: 0 }],
  });

describe("a report beside itself", () => {
  const report = aReport();
  const compared = compare(report, report);

  test("is the same in every figure, and it is said that it is the same run", () => {
    expect(compared.rows.length).toBeGreaterThan(40);
    expect(
      compared.rows.filter(({ ratio, perNull }) => ratio.verdict !== "same" || (perNull ?? ratio).verdict !== "same"),
    ).toEqual([]);
    expect(compared.rows.filter(({ ratio }) => ratio.value !== 1)).toEqual([]);
    expect(compared.differences).toEqual(["A and B are the same run"]);
    expect([compared.onlyA, compared.onlyB]).toEqual([[], []]);
  });

  test("is JSON that comes back as it went", () => {
    expect(JSON.parse(JSON.stringify(compared))).toEqual(compared);
  });

  test("is the same when it was read again", () => {
    expect(compare(JSON.parse(JSON.stringify(report)), report)).toEqual(compared);
  });
});

describe("a planted difference", () => {
  test("of 10 % in 200 runs with little noise is found, both ways, in nearly every one of 20 pairs", () => {
    let found = 0;
    for (let seed = 0; seed < 20; seed++) {
      const a = lean(`a ${seed}`, 200, { publish: 6.4 });
      const b = lean(`b ${seed}`, 200, { publish: 6.4 * 1.1 });
      const there = rowOf(compare(a, b), "hook", "publish").ratio;
      const back = rowOf(compare(b, a), "hook", "publish").ratio;
      if (there.verdict === "slower" && back.verdict === "faster") found++;
    }
    expect(found).toBeGreaterThanOrEqual(19);
  });

  test("none is claimed where there is none, in nearly every one of 20 pairs", () => {
    const verdicts = Array.from({ length: 20 }, (_, seed) => {
      const [a, b] = [lean(`a ${seed}`, 200, {}), lean(`b ${seed}`, 200, {})];
      return rowOf(compare(a, b), "hook", "publish").ratio.verdict;
    });
    expect(verdicts.filter((verdict) => verdict === "same" || verdict === "unsure").length).toBeGreaterThanOrEqual(19);
    expect(verdicts.filter((verdict) => verdict === "same").length).toBeGreaterThan(10);
  });

  test("lies within the interval of the ratio, and of the ratio beside the controls, in about 95 of 100 pairs", () => {
    let [raw, perNull] = [0, 0];
    for (let seed = 0; seed < 100; seed++) {
      const a = lean(`true a ${seed}`, 80, { publish: 6.4, null: 5.9 });
      const b = lean(`true b ${seed}`, 80, { publish: 6.4 * 1.25, null: 5.9 * 1.1 });
      const row = rowOf(compare(a, b), "hook", "publish");
      if (row.ratio.low! <= 1.25 && 1.25 <= row.ratio.high!) raw++;
      if (row.perNull!.low! <= 1.25 / 1.1 && 1.25 / 1.1 <= row.perNull!.high!) perNull++;
    }
    expect(raw).toBeGreaterThanOrEqual(88);
    expect(perNull).toBeGreaterThanOrEqual(88);
    // An interval that always holds it is too wide to be one of 95 %.
    expect(raw + perNull).toBeLessThan(200);
  });

  test("with few and noisy runs is unsure, not the same", () => {
    const verdicts = Array.from({ length: 20 }, (_, seed) => {
      const [a, b] = [lean(`a ${seed}`, 6, {}), lean(`b ${seed}`, 6, { publish: 6.4 })];
      return rowOf(compare(a, b), "hook", "publish").ratio.verdict;
    });
    expect(verdicts.filter((verdict) => verdict === "unsure").length).toBeGreaterThan(10);
  });
});

describe("two machines", () => {
  const slow = hookOnly(stretched(aReport({}, "another"), 1.5));
  const compared = compare(aReport(), slow);

  test("of which one is slower in all: slower by itself, the same beside its own control", () => {
    for (const name of ["cat", "publish", "python", "lint + alert"]) {
      const row = rowOf(compared, "hook", name);
      expect(row.ratio.verdict).toBe("slower");
      expect(row.ratio.value).toBeWithin(1.4, 1.6);
      expect(row.perNull!.value).toBeWithin(0.94, 1.06);
      expect(row.perNull!.verdict).not.toBe("slower");
    }
  });

  test("of which one has a slower publish only: slower both ways, and the control has no control", () => {
    const planted = compare(aReport(), hookOnly(stretched(aReport({}, "another"), 1.5, ["publish"])));
    expect(rowOf(planted, "hook", "publish")).toMatchObject({
      ratio: { verdict: "slower" },
      perNull: { verdict: "slower" },
    });
    expect(rowOf(planted, "hook", "null").perNull).toBeNull();
  });

  test("what differs beside the figures is said", () => {
    const b = aReport({ offhook: "0.2.0", bun: "1.5.0", isQuick: true });
    b.machine = { ...b.machine, name: "hermes", cpu: "Apple M4", cores: 10, system: "macOS 26", disk: "apfs" };
    b.hook = { ...b.hook!, payloadBytes: 20_011 };
    b.hook.lanes = b.hook.lanes.map((lane) => (lane.name === "curl" ? { ...lane, what: "curl elsewhere" } : lane));
    b.drain![0]!.missing = 2;
    const text = compare(aReport(), b).differences.join("\n");
    for (const said of [
      "offhook differs: A 0.1.0; B 0.2.0",
      "Bun differs",
      "machine differs: A atlas; B hermes",
      "Apple M4, 10 cores",
      "macOS 26",
      "B apfs",
      "B quick",
      "payload of hook differs: A 1 KB; B 20 KB",
      "what runs as curl differs",
      "B: 2 events MISSING",
    ])
      expect(text).toContain(said);
  });
});

describe("what is doubtful", () => {
  const busy = { load: aLoad(makeDice("busy"), 0.5) };

  test("in one report makes every verdict doubtful, whichever it is", () => {
    for (const compared of [
      compare(aReport(busy), hookOnly(stretched(aReport({}, "b"), 2))),
      compare(aReport(), hookOnly(stretched(aReport(busy, "b"), 2))),
    ]) {
      expect(compared.doubtful).toBe(true);
      expect(compared.rows.filter(({ doubtful }) => !doubtful)).toEqual([]);
      const lines = comparedLines(compared, aLook(100));
      expect(lines.join("\n")).toContain("THIS COMPARISON IS DOUBTFUL");
      expect(lines.join("\n")).toContain("other programs took 50 %");
      expect(lines.filter((line) => /slower(?!\?)/.test(line.replace(/\d+ slower/, "")))).toEqual([]);
      expect(lines.filter((line) => line.includes("slower?")).length).toBeGreaterThan(5);
    }
  });

  test("in none leaves them as they are", () => {
    const compared = compare(aReport(), hookOnly(stretched(aReport({}, "b"), 2)));
    expect(compared.rows.some(({ doubtful }) => doubtful)).toBe(false);
    expect(comparedLines(compared, aLook(100)).join("\n")).not.toMatch(/DOUBTFUL|slower\?/);
  });
});

describe("turns", () => {
  const verdictOf = (a: number[], b: number[]) =>
    rowOf(compare(drained(a), drained(b)), "drain", "1,000 events", "settled").ratio;

  test("three of each that lie close are unsure, without an interval, and why is said", () => {
    const ratio = verdictOf([100, 104, 98], [101, 107, 96]);
    expect(ratio).toMatchObject({ verdict: "unsure", low: null, high: null });
    expect(ratio.why).toContain("only 3 and 3 turns: too few for an interval");
  });

  test("three of each that lie far apart differ; a rate that is higher is faster", () => {
    expect(verdictOf([100, 104, 98], [201, 207, 196]).verdict).toBe("faster");
    expect(verdictOf([201, 207, 196], [100, 104, 98]).verdict).toBe("slower");
  });

  test("one or two of each are never more than unsure", () => {
    expect(verdictOf([100], [900]).verdict).toBe("unsure");
    expect(verdictOf([100, 101], [900, 901]).verdict).toBe("unsure");
  });

  test("from five on there is an interval", () => {
    const ratio = verdictOf([100, 101, 99, 102, 98], [120, 121, 119, 123, 118]);
    expect(ratio.verdict).toBe("faster");
    expect(ratio.low!).toBeGreaterThan(1.1);
    expect(ratio.why).toBeNull();
  });

  test("more memory is more, not slower", () => {
    const of = (turns: number[]) => {
      const report = drained([100, 101, 99]);
      report.drain![0]!.peakMib = spreadOf(turns);
      return report;
    };
    const row = rowOf(compare(of([60, 61, 60]), of([90, 91, 90])), "drain", "1,000 events", "peak memory");
    expect(row).toMatchObject({ unit: "MiB", ratio: { verdict: "more" } });
  });

  test("a ratio to nothing is no number, and the JSON has none either", () => {
    const compared = compare(drained([0, 0, 0]), drained([5, 6, 5]));
    expect(compared.rows[0]!.ratio.value).toBeNull();
    expect(comparedLines(compared, aLook(80)).join("\n")).toContain("no ratio");
    expect(JSON.parse(JSON.stringify(compared))).toEqual(compared);
  });
});

describe("what only one has", () => {
  test("is listed and not compared", () => {
    const b = aReport({ soak: null });
    b.hook = { ...b.hook!, lanes: b.hook!.lanes.filter(({ name }) => name !== "curl") };
    const compared = compare(aReport(), b);
    expect(compared.onlyA).toEqual(["hook: curl, p50", "soak: publish, p50", "soak: daemon, median memory"]);
    expect(compared.rows.filter(({ part, name }) => part === "soak" || name === "curl")).toEqual([]);
    expect(compare(b, aReport()).onlyB).toEqual(compared.onlyA);
  });

  test("two reports without a figure in common say so", () => {
    const lines = comparedLines(compare(aReport({ ...NOTHING }), aReport()), aLook(80));
    expect(lines.join("\n")).toContain("They have no figure in common.");
  });

  test("two lanes of one name are each compared with their like", () => {
    const twice = (report: Report) => {
      const lanes = report.hook!.lanes.map((lane) => (lane.kind === "python" ? { ...lane, name: "curl" } : lane));
      return { ...report, hook: { ...report.hook!, lanes } };
    };
    const compared = compare(twice(aReport()), hookOnly(twice(aReport({}, "other"))));
    expect(rowOf(compared, "hook", "curl").a).toBeGreaterThan(30);
    expect(rowOf(compared, "hook", "curl (2)").a).toBeLessThan(20);
  });
});

describe("a comparison as text", () => {
  const other = stretched(aReport({ offhook: "0.2.0" }, "another"), 1.4);
  const name = `漢字👩‍👩‍👧\x1b[31m\x07 ${"long ".repeat(40)}`;
  const hook = { ...other.hook!, lanes: other.hook!.lanes.map((lane) => ({ ...lane, name: `${lane.kind} ${name}` })) };
  const odd = {
    ...other,
    ...NOTHING,
    hook,
    machine: { ...other.machine, name },
    load: { ...other.load, doubts: [name] },
  };

  const whole = compare(aReport(), other);
  const long = compare(odd, { ...odd, offhook: "9" });

  test.each([60, 80, 120])("is never wider than %d columns, whatever names are in it", (columns) => {
    for (const compared of [whole, long, compare(aReport(), odd)])
      for (const isAscii of [false, true]) {
        const lines = comparedLines(compared, aLook(columns, { isAscii, isColoured: true }));
        expect(widthOf(lines)).toBeLessThanOrEqual(columns);
        if (isAscii && compared === whole)
          expect(lines.filter((line) => !/^[ -~]*$/.test(Bun.stripANSI(line)))).toEqual([]);
      }
  });

  test("counts its verdicts, and shows both figures, the ratio with its interval and what is held of it", () => {
    const lines = comparedLines(whole, aLook(100));
    expect(lines.join("\n")).toMatch(/58 figures, B beside A: \d+ slower, .*\d+ same\./);
    expect(lines.find((line) => line.startsWith("  publish "))).toMatch(
      /^ {2}publish +6\.5 ms +\d\.\d ms +1\.\d\d x \(1\.\d\d–1\.\d\d\) +slower +[01]\.\d\d x/,
    );
  });

  test("shows a name that was cut whole below its table", () => {
    const lines = comparedLines(long, aLook(80));
    const text = lines.map((line) => line.trim()).join(" ");
    expect(text).toContain(`cut: publish 漢字`);
    expect(text).toContain("long ".repeat(39).trim());
  });
});
