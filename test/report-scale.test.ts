// What the page is made of, without a browser: axes with round ticks, numbers as they are written, and text that stays text.
import { describe, expect, test } from "bun:test";
import { html, jsonForScript, shortened, visible } from "../src/report/markup.ts";
import { numberText, plainText, tickText } from "../src/report/page-figures.ts";
import { ALONG, chosenScale, labelled, linearScale, logScale, type Scale, spanScale } from "../src/report/scale.ts";
import { makeDice } from "./torture/dice.ts";

describe("an axis", () => {
  test("of even steps begins at zero, or below where a value is, and ends above the largest", () => {
    expect(linearScale([3, 47]).ticks).toEqual([0, 20, 40, 60]);
    expect(linearScale([0.3]).ticks).toEqual([0, 0.1, 0.2, 0.3]);
    expect(linearScale([-2.1, 15.3], 5).ticks).toEqual([-5, 0, 5, 10, 15, 20]);
    expect(linearScale([0, 0]).ticks).toEqual([0, 1]);
  });

  test("of tenfolds has its ends and its ticks at 1, 2 and 5, or at the tenfolds alone where they are many", () => {
    expect(logScale([6.2, 84]).ticks).toEqual([5, 10, 20, 50, 100]);
    expect(logScale([0.9, 2900]).ticks).toEqual(
      [0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000].filter(
        (tick) => tick === 0.5 || tick === 5000 || Number.isInteger(Math.log10(tick)),
      ),
    );
    expect(logScale([10]).ticks).toEqual([10, 20]);
    expect(logScale([]).ticks).toEqual([1, 2, 5, 10]);
  });

  test("of chosen figures has these ticks alone, a single one in the middle", () => {
    expect(chosenScale([64, 1, 16, 4, 4], { before: 0.05, after: 0.05 }).ticks).toEqual([1, 4, 16, 64]);
    expect(chosenScale([3], { before: 0, after: 0 }).at(3)).toBe(0.5);
  });

  test("of time ends where the time ends", () => {
    const scale = spanScale(0, 47);
    expect([scale.ticks, scale.at(47)]).toEqual([[0, 10, 20, 30, 40], 1]);
  });

  test("holds every value, in order, and gives it back from its place", () => {
    const dice = makeDice("axes");
    for (let round = 0; round < 500; round++) {
      const values = Array.from({ length: 1 + dice.below(6) }, () => 10 ** (12 * dice.real() - 6)).sort(
        (a, b) => a - b,
      );
      for (const scale of [linearScale(values), logScale(values)]) {
        const places = values.map(scale.at);
        expect(places).toEqual(places.toSorted((a, b) => a - b));
        expect([places[0]! >= -1e-9, places.at(-1)! <= 1 + 1e-9]).toEqual([true, true]);
        for (const value of values) expect(scale.valueAt(scale.at(value)) / value).toBeCloseTo(1, 5);
      }
    }
  });

  test("is labelled without two labels that touch, whatever its length", () => {
    const dice = makeDice("labels");
    for (let round = 0; round < 500; round++) {
      const from = 10 ** (8 * dice.real() - 4);
      const scale = logScale([from, from * 10 ** (6 * dice.real())]);
      const lengthPx = 100 + dice.below(800);
      const boxes = [...labelled(scale, lengthPx, tickText, ALONG)].sort((a, b) => a - b).map(boxOn(scale, lengthPx));
      for (const [index, { left, right }] of boxes.entries()) {
        expect(left).toBeGreaterThanOrEqual(-1e-6);
        expect(right).toBeLessThanOrEqual(lengthPx + 1e-6);
        if (index > 0) expect(left).toBeGreaterThan(boxes[index - 1]!.right);
      }
    }
  });
});

/** Where a label's letters are, 7 px each, by its tick: at the very ends it begins or ends there. */
function boxOn(scale: Scale, lengthPx: number): (tick: number) => { left: number; right: number } {
  return (tick) => {
    const width = 7 * tickText(tick).length;
    const place = scale.at(tick);
    const left = place * lengthPx - (place < 0.001 ? 0 : place > 0.999 ? width : width / 2);
    return { left, right: left + width };
  };
}

test("numbers have two or three digits, and none is rounded to nothing", () => {
  const written = [0, 0.00025, 0.085, 0.8124, 8.126, 9.996, 81.24, 99.96, 812.4, 23_586, -2.1].map(numberText);
  expect(written).toEqual(["0", "0.00025", "0.085", "0.81", "8.13", "10.0", "81.2", "100", "812", "23,586", "−2.10"]);
  expect([10, 0.41, 62.04, 0.4].map(plainText)).toEqual(["10", "0.41", "62", "0.4"]);
  expect([0.001, 0.5, 2000, 10_000, 2_500_000].map(tickText)).toEqual(["0.001", "0.5", "2,000", "10k", "2.5M"]);
});

describe("text of others", () => {
  test("is escaped in text and attributes, and markup is not escaped twice", () => {
    const name = `<b title='"&amp;'>`;
    expect(html`<i title="${name}">${html`<u>${name}</u>`}</i>`.markup).toBe(
      '<i title="&lt;b title=&#39;&quot;&amp;amp;&#39;&gt;"><u>&lt;b title=&#39;&quot;&amp;amp;&#39;&gt;</u></i>',
    );
  });

  test("shows what cannot be seen, and keeps what other scripts need", () => {
    expect(visible("a\u202eb\u0000\u009b\ud800\u2028\n")).toBe("a\\u{202e}b\\u{0}\\u{9b}\\u{d800}\\u{2028}\\n");
    for (const text of ["👩‍👩‍👧", "نَصّ", "שָׁלוֹם", "한국어", "नमस्ते", "é"]) expect(visible(text)).toBe(text);
    expect(visible(`a${"\u0301".repeat(500)}b`)).toBe(`a${"\u0301".repeat(6)}…b`);
  });

  test("is shortened by what a reader counts, never within a character", () => {
    expect(shortened("👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧", 3)).toBe("👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧");
    expect(shortened("👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧", 2)).toBe("👩‍👩‍👧…");
    expect(shortened("x".repeat(100_000), 5)).toBe("xxxx…");
  });

  test("in the page's JSON ends no script and means the same", () => {
    const value = { name: "</script><!-- <script> & \u2028 \ud800 ' \"" };
    const { markup } = jsonForScript(value);
    expect(markup).not.toMatch(/[<>&\u2028]/);
    expect(JSON.parse(markup)).toEqual(value);
  });
});
