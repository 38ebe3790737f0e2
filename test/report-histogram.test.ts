// Bars: every run is in one bin, what is longer stands farther to the right, and a line over time hides no peak.
import { describe, expect, test } from "bun:test";
import { axisOf, barsOf, binOf, binsOf, histogramLines, rulerOf, ticksOf } from "../src/report/histogram.ts";
import { boundsOf, sparkline } from "../src/report/sparkline.ts";
import { someTimes } from "./report-fixtures.ts";
import { aLook, widthOf } from "./report-looks.ts";
import { makeDice } from "./torture/dice.ts";

/** Lanes of many shapes: equal runs, zeros, one run, none at all, from a microsecond to an hour. */
function someLanes(seed: number): number[][] {
  const dice = makeDice(`lanes ${seed}`);
  const shapes = [
    () => someTimes(dice, dice.between(1, 400), 10 ** (dice.real() * 7 - 3)),
    () => Array.from({ length: dice.between(1, 50) }, () => 6.4),
    () => [0, 0, 0.0004],
    () => [3_600_000 * dice.real()],
    () => [],
  ];
  return Array.from({ length: dice.between(1, 6) }, () => dice.pick(shapes)());
}

describe("a histogram", () => {
  test("its bins hold each run once, whatever the runs are", () => {
    for (let seed = 0; seed < 300; seed++) {
      const lanes = someLanes(seed);
      const ruler = rulerOf(lanes, 1 + (seed % 130));
      for (const lane of lanes) {
        const bins = binsOf(lane, ruler);
        expect(bins).toHaveLength(ruler.bins);
        expect(bins.reduce((sum, runs) => sum + runs, 0)).toBe(lane.length);
      }
    }
  });

  test("a longer run never stands to the left of a shorter one", () => {
    for (let seed = 0; seed < 100; seed++) {
      const lanes = someLanes(seed);
      const ruler = rulerOf(lanes, 60);
      const bins = lanes
        .flat()
        .sort((a, b) => a - b)
        .map((ms) => binOf(ms, ruler));
      expect(bins).toEqual(bins.toSorted((a, b) => a - b));
    }
  });

  test("the fullest bin is the highest, a single run among thousands is still seen, an empty bin is blank", () => {
    expect(barsOf([0, 1, 5000, 2500, 0])).toBe(" ▁█▄ ");
    expect(barsOf([0, 0])).toBe("  ");
  });

  test("a tick stands over the bin in which a run of its length stands", () => {
    const ruler = rulerOf([[1.1, 1310]], 60);
    const [line, texts] = axisOf(ruler);
    for (const ms of ticksOf(ruler)) expect(line[binOf(ms, ruler)]).toBe("┴");
    expect([...line].filter((char) => char === "┴")).toHaveLength(ticksOf(ruler).length);
    expect(texts.indexOf("100 ms")).toBe(binOf(100, ruler));
  });

  test("an axis has no more figures than it has room for, and at least one from a decade on", () => {
    for (let seed = 0; seed < 300; seed++) {
      const ruler = rulerOf(someLanes(seed), 10 + (seed % 120));
      const [line, texts] = axisOf(ruler);
      expect(widthOf([line, texts])).toBeLessThanOrEqual(ruler.bins);
      expect(
        texts
          .trim()
          .split(/ {2,}|(?<=m?s) (?=\d)/)
          .every((text) => text === "" || /^[\d.]+ (µs|ms|s|min)$/.test(text)),
      ).toBe(true);
      if (ruler.mostMs / ruler.leastMs > 10) expect(ticksOf(ruler).length).toBeGreaterThan(0);
    }
  });

  test("within one decade the figures are finer, over many they are coarser", () => {
    expect(ticksOf(rulerOf([[5, 14]], 80))).toEqual([5, 6, 7, 8, 9, 10]);
    expect(ticksOf(rulerOf([[1, 1000]], 80))).toContain(20);
    expect(ticksOf(rulerOf([[0.01, 100_000]], 50))).toContain(100);
    expect(ticksOf(rulerOf([[0.01, 100_000]], 50))).not.toContain(20);
  });

  test("all lanes stand on one scale: the same run is at the same place in each", () => {
    const lanes = [
      { name: "one", timesMs: [6.4], isOurs: true },
      { name: "two", timesMs: [6.4, 412], isOurs: false },
    ];
    const [one = "", two = ""] = histogramLines(lanes, aLook(80));
    expect(one.indexOf("█")).toBe(two.indexOf("█"));
    expect(two.lastIndexOf("█")).toBeGreaterThan(two.indexOf("█") + 20);
  });
});

describe("a line over time", () => {
  test("shows the least value lowest and the largest highest", () => {
    expect(sparkline([1, 2, 3, 4, 5, 6, 7, 8], 8, "most")).toBe("▁▂▃▄▅▆▇█");
  });

  test("hides no peak where many samples share a bar", () => {
    const values = Array.from({ length: 1000 }, (_, index) => (index === 617 ? 90 : 10));
    expect(sparkline(values, 20, "most")).toBe("▁▁▁▁▁▁▁▁▁▁▁▁█▁▁▁▁▁▁▁");
    expect(
      sparkline(
        values.map((value) => 100 - value),
        20,
        "least",
      ),
    ).toBe("████████████▁███████");
  });

  test("draws what hardly moves as level, and counts by whole steps", () => {
    expect(sparkline([50, 50.5, 49.8], 3, "least")).toBe("▄▄▄");
    expect(sparkline([0, 0, 0], 3, "most")).toBe("▁▁▁");
    expect(sparkline([0, 2, 1], 3, "most", 7)).toBe("▁▃▂");
  });

  test("leaves a gap where nothing was seen, and is empty where nothing ever was", () => {
    expect(sparkline([1, null, 9], 3, "most")).toBe("▁ █");
    expect(sparkline([null, null], 2, "most")).toBe("");
    expect(boundsOf([null, 3, 1])).toEqual({ least: 1, most: 3 });
    expect(boundsOf([])).toBeNull();
  });

  test("has never more bars than columns or samples", () => {
    const dice = makeDice("sparkline");
    for (let round = 0; round < 200; round++) {
      const values = Array.from({ length: dice.between(1, 300) }, () => (dice.chance(0.1) ? null : dice.real() * 100));
      const columns = dice.between(1, 120);
      const bars = sparkline(values, columns, "most");
      if (boundsOf(values) !== null) expect(Bun.stringWidth(bars)).toBe(Math.min(columns, values.length));
    }
  });
});
