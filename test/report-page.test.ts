// The page that `offhook bench --out` writes, looked at in a real Chromium on a phone and on a desk, light and dark: no text is cut
// or stands on other text, every figure and every mark is the report's, nothing is loaded and no name becomes markup.
import { afterAll, describe, expect, test } from "bun:test";
import { pageOf } from "../src/report/page.ts";
import type { Report } from "../src/report/shape.ts";
import { type Screen, testInChromium } from "./chromium.ts";
import { endPages, SCREENS, troublesOn, withPage } from "./opened-page.ts";
import { colourTroubles, type Facts, factsOf, plotTroubles, textTroubles } from "./page-facts.ts";
import { aLoad } from "./report-fixtures.ts";
import { HOSTILE, oddFigures, onlyOf, WHOLE, WIDE, withNames } from "./report-odd.ts";
import { makeDice } from "./torture/dice.ts";

afterAll(endPages);

/** Nothing is wrong on any of the screens; what was seen on the last one. */
async function looksRight(report: Report, screens: readonly Screen[] = SCREENS): Promise<Facts> {
  let facts: Facts | null = null;
  await withPage(report, async (page) => {
    for (const screen of screens) expect(await troublesOn(page, screen)).toEqual([]);
    facts = await factsOf(page);
  });
  return facts!;
}

describe("the page", () => {
  testInChromium("of everything reads well and says what the report says", async () => {
    await looksRight(WHOLE);
  });

  testInChromium("is as good on widths between, and where its layout changes", async () => {
    const widths = [320, 640, 899, 900, 2000];
    await looksRight(
      WHOLE,
      widths.map((width) => ({ width, height: 900, scheme: "light" })),
    );
  });

  for (const [part, section, ...plots] of [
    ["hook", "hook", "hook-wait", "hook-runs", "hook-beside"],
    ["publishers", "load", "load-perSecond", "load-p50Ms", "load-p99Ms"],
    ["delivery", "delivery", "delivery-runs"],
    ["drain", "drain", "drain-perSecond", "drain-peakMib", "drain-cpuMsPerEvent"],
    ["soak", "soak", "soak-rate", "soak-times", "soak-memory", "soak-files", "soak-lag"],
    ["claude", "claude", "claude-gaps", "claude-added"],
  ] as const) {
    testInChromium(`of ${section} alone has that part and no other`, async () => {
      const facts = await looksRight(onlyOf(part), part === "hook" ? SCREENS : SCREENS.slice(1, 3));
      expect(facts.sections).toEqual([section, "machine", "measured"]);
      expect(facts.plots.map(({ id }) => id)).toEqual([...plots, "load-of-others"]);
    });
  }

  testInChromium("of nothing says so", async () => {
    const { texts, sections } = await looksRight(onlyOf(), [SCREENS[0]!]);
    expect(sections).toEqual(["machine", "measured"]);
    expect(texts.map(({ text }) => text)).toContain("Nothing was measured.");
  });

  testInChromium("bears figures at the ends of what there is, and says what is wrong with them", async () => {
    const { doubts } = await looksRight(oddFigures());
    expect(doubts).toEqual([
      "3 publishers with 1 KB: 4 events acknowledged but missing, 1 event found that nobody published, or twice, 2 publishes failed",
      "a backlog of 1,500: 1 event acknowledged but missing",
      "a quick run: fewer runs, rougher figures",
    ]);
  });
});

describe("names", () => {
  testInChromium("that want to be code are text", async () => {
    const plain = await seen(WHOLE);
    const facts = await looksRight(withNames(HOSTILE));
    // No element, attribute or script but those of a page with harmless names.
    expect([facts.tags, facts.attributes, facts.scripts]).toEqual([
      [...new Set([...plain.tags, "li", "ul"])].sort(),
      plain.attributes,
      1,
    ]);
    for (const name of HOSTILE.slice(0, 5)) expect(facts.names).toContain(name);
    expect(facts.names).toContain("eslint\\u{202e}.tset\\u{0}\\u{1b}[31m\\n\\ttwo lines");
    expect(facts.names).toContain("half a pair \\u{d83d} of surrogates");
    expect(facts.json).toEqual(JSON.parse(JSON.stringify(withNames(HOSTILE))));
  });

  testInChromium("of any length, width and direction leave the page whole", async () => {
    await looksRight(withNames(WIDE));
  });
});

async function seen(report: Report): Promise<Facts> {
  let facts: Facts | null = null;
  await withPage(report, async (page) => {
    await page.show(SCREENS[0]!);
    facts = await factsOf(page);
  });
  return facts!;
}

describe("what is said", () => {
  testInChromium("holds every figure of the report that is no single run", async () => {
    const { figures, json } = await seen(WHOLE);
    const shown = new Set(figures.map(({ path }) => path));
    const left = pathsOf(json).filter((path) => !shown.has(path) && !NOT_SHOWN.some((pattern) => pattern.test(path)));
    expect(left).toEqual([]);
  });

  testInChromium("is drawn for every lane, part and sample", async () => {
    const { plots, json } = await seen(WHOLE);
    const drawn = new Set(plots.flatMap(({ marks }) => marks.map(({ path }) => path)));
    for (const [index] of json.hook.lanes.entries()) {
      for (const end of ["times.p50Ms", "times.p90Ms", "times.p99Ms", "times.maxMs", "beside.value", "beside.low"]) {
        expect(drawn).toContain(`hook.lanes.${index}.${end}`);
      }
    }
    for (const [index] of json.publishers.entries()) {
      for (const end of ["perSecond.median", "perSecond.least", "times.p50Ms", "times.p99Ms"]) {
        expect(drawn).toContain(`publishers.${index}.${end}`);
      }
    }
    for (const path of ["delivery.poller.toWorker.p50Ms", "drain.2.peakMib.most", "claude.kinds.3.addedMs.high"]) {
      expect(drawn).toContain(path);
    }
    const lines = plots.flatMap(({ lines }) => lines.map(({ line, points }) => [line, points.length]));
    for (const key of ["perSecond", "p50Ms", "p99Ms", "rssMib", "openFiles", "lag", "pending"]) {
      expect(lines).toContainEqual([`soak.samples.*.${key}`, json.soak.samples.length]);
    }
    expect(lines).toContainEqual(["load.samples.*.others", json.load.samples.length]);
  });

  testInChromium("has its doubts above all figures", async () => {
    const { doubts, texts } = await seen({ ...WHOLE, load: aLoad(makeDice("busy"), 0.34) });
    expect(doubts).toEqual(["other programs took 34 % of the processor while it was measured"]);
    const topOf = (text: string) => texts.find((one) => one.text.startsWith(text))?.boxes[0]?.top ?? Number.NaN;
    expect(topOf("Read these figures with care")).toBeLessThan(topOf("What one hook costs"));
  });

  test("begins with publish beside null and beside the slowest of the user's own hooks", () => {
    const words = pageOf(WHOLE)
      .replace(/<style>.*<\/style>/s, "")
      .replace(/<[^>]*>/g, "")
      .replace(/\s+/g, " ");
    expect(words).toMatch(
      /A hook with publish keeps the agent waiting for 6\.\d+ ms \(median of 200 runs\); the same program that only reads, parses and exits \(null\) takes 5\.\d+ ms\. The slowest of your hooks, user: PostToolUse, takes 1,\d{3} ms: 20\d \(\d+ to \d+\) times as long\./,
    );
  });

  test("is in the page as JSON that gives the same report again", () => {
    const report = withNames(HOSTILE);
    const [, json = ""] = /<script type="application\/json" id="report">(.*?)<\/script>/s.exec(pageOf(report)) ?? [];
    expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify(report)));
  });
});

/** Single runs and samples are drawn, not written. Sizes are written as people say them, numbers of rounds in a sentence. */
const NOT_SHOWN = [/^v$/, /\.(timesMs|turns|samples)\./, /payloadBytes$/, /(rounds|warmUpRounds|writes)$/].concat([
  /^publishers\.\d+\.publishers$/,
  /\.times\.(p90Ms|maxMs|runs)$/,
  /^delivery\.events$/,
  /^hook\.lanes\.2\.beside\.(low|high)$/,
  /^claude\.kinds\.0\.addedMs\.(low|high)$/,
  /\.failed$/,
]);

/** The path of every number in a report. */
function pathsOf(value: unknown, path = ""): string[] {
  if (typeof value === "number") return [path];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => pathsOf(inner, path === "" ? key : `${path}.${key}`));
}

describe("on paper", () => {
  testInChromium("it is light and in columns, whatever the screen is", async () => {
    await withPage(WHOLE, async (page) => {
      await page.show({ width: 718, height: 1000, scheme: "dark", media: "print" });
      const facts = await factsOf(page);
      expect(facts.paper).toBe("rgb(255, 255, 255)");
      const plots = facts.plots.flatMap((plot) => plotTroubles(plot, facts.json));
      expect([...colourTroubles(facts), ...textTroubles(facts), ...plots]).toEqual([]);
      expect(await page.evaluate("getComputedStyle(document.querySelector('tbody tr')).display")).toBe("table-row");
    });
  });
});
