// What report-page.test.ts looks for in a page, planted in one: each is seen. A look that sees nothing would pass everything.
import { afterAll, describe, expect, test } from "bun:test";
import { pageOf } from "../src/report/page.ts";
import { testInChromium } from "./chromium.ts";
import { endPages, openText, SCREENS, troublesOn } from "./opened-page.ts";
import { contrast } from "./page-facts.ts";
import { onlyOf } from "./report-odd.ts";

afterAll(endPages);

describe("the look at a page", () => {
  testInChromium("sees what is cut, overlaps, is pale, is loaded, or stands in the wrong place", async () => {
    const whole = pageOf(onlyOf("hook", "soak"));
    const spoilt = (from: string | RegExp, to: string) => whole.replace(from, to);
    const planted: [string, RegExp][] = [
      [spoilt(".name{", ".name{overflow:hidden;white-space:nowrap;width:30px;"), /cut: div\.name/],
      [
        spoilt("<h2", '<p style="position:absolute;top:60px;left:16px">other</p><h2'),
        /"other".* overlap|overlap.*"other"/,
      ],
      [spoilt("--quiet:#596069", "--quiet:#999999"), /rgb\(153, 153, 153\) on/],
      [spoilt("<h2", '<p style="width:700px">wide</p><h2'), /the page is \d+ px wide on a screen of 360/],
      [spoilt(/(<line class="p90"[^>]* x1="\d+)/, "$11"), /p90 hook\.lanes\.0\.times\.p90Ms at/],
      [spoilt(/(data-figure="hook\.lanes\.3\.times\.p99Ms">)/, "$19"), /hook\.lanes\.3\.times\.p99Ms is/],
      [spoilt(/data-count="(\d+)"/, 'data-count="1$1"'), /hook\.lanes\.0\.times in bars, not 200/],
      [spoilt(/(<polyline class="line" data-line="soak[^>]* points="\d+\.\d+,)\d/, "$19"), /line soak\.samples\.0/],
    ];
    for (const [text, expected] of planted) {
      const page = await openText(text);
      expect((await troublesOn(page, SCREENS[0]!)).join("\n")).toMatch(expected);
      await page.close();
    }
    const page = await openText(spoilt("<h2", '<img src="/elsewhere" alt="">\n<script>1</script><h2'));
    expect(page.said.join("\n")).toContain("Content Security Policy");
    await page.close();
  });

  test("knows a contrast", () => {
    expect(contrast("#000", "rgb(255, 255, 255)")).toBe(21);
    expect(contrast("#767676", "#ffffff")).toBeCloseTo(4.54, 2);
  });
});
