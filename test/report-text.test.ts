// A report as a person reads it: what it concludes, what it says loudly, and that it fits the terminal whatever the names are.
import { describe, expect, test } from "bun:test";
import { msText, rangeText, rateText, shareText, sizeText, timesText } from "../src/report/figure-text.ts";
import { PARTS, type Part, type Report } from "../src/report/shape.ts";
import { timesOf } from "../src/report/statistics.ts";
import { endLines, partLines, reportLines } from "../src/report/text.ts";
import { aLoad, aReport } from "./report-fixtures.ts";
import { aLook, widthOf } from "./report-looks.ts";
import { makeDice } from "./torture/dice.ts";

const report = aReport();
const doubtful = aReport({ load: aLoad(makeDice("busy"), 0.4) });

/** The lines as one text without line breaks: sentences are wrapped anywhere. */
const spoken = (lines: readonly string[]) => lines.map((line) => line.trim()).join(" ");
const part = (name: Part, of: Report = report, columns = 100) => partLines(name, of, aLook(columns), of.load.doubts);

/** A copy with every name and command replaced. */
function named(text: string): Report {
  const copy = structuredClone(report);
  copy.machine = { ...copy.machine, name: text, cpu: text, system: text, disk: text };
  for (const lane of copy.hook!.lanes) Object.assign(lane, { name: text, what: text });
  for (const kind of copy.claude!.kinds) Object.assign(kind, { name: text, what: text });
  copy.claude!.version = text;
  copy.load.doubts = [text];
  return copy;
}

describe("a report as text", () => {
  test.each([60, 80, 120])("is never wider than %d columns, whatever names are in it", (columns) => {
    const names = [
      "publish",
      "x".repeat(300),
      `sh -c ${"very long words that go on ".repeat(12)}`,
      "漢字かな交じり文の名前".repeat(9),
      "👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 e\u0301 ".repeat(20),
      "\x1b[31m\x07\r\n\t\x00 red \u202e drawkcab \x9b2J",
      "",
    ];
    for (const name of names)
      for (const isAscii of [false, true]) {
        const lines = reportLines(named(name), aLook(columns, { isAscii, isColoured: true }));
        expect(widthOf(lines)).toBeLessThanOrEqual(columns);
        expect(lines.length).toBeGreaterThan(50);
      }
  });

  test.each([1, 20, 40])("comes to an end at %d columns too", (columns) => {
    expect(widthOf(reportLines(report, aLook(columns)))).toBeLessThanOrEqual(columns);
  });

  test("cuts nothing of an ordinary report at 80 columns", () => {
    expect(reportLines(report, aLook(80)).filter((line) => line.includes("…"))).toEqual([]);
  });

  test("sends no control character of a name to the terminal, but shows it", () => {
    const lines = reportLines(named("a\x1b]0;title\x07\r\nb\u202e"), aLook(80));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    expect(lines.filter((line) => /[\x00-\x1f\x7f-\x9f\u202e]/.test(line))).toEqual([]);
    expect(lines.join("\n")).toContain("\\u001b]0;title");
  });

  test("shows a long command cut in the table and whole below it", () => {
    const command = "docker compose exec -T linter node_modules/.bin/eslint --format stylish --max-warnings 0 src";
    const copy = structuredClone(report);
    Object.assign(copy.hook!.lanes[6]!, { name: command, what: command });
    const lines = part("hook", copy, 80);
    expect(lines.filter((line) => /docker.*….*\d ms/.test(line))).toHaveLength(1);
    expect(spoken(lines)).toContain(command);
  });

  test("is plain ASCII where the terminal knows no UTF-8, histograms too", () => {
    const lines = reportLines(report, aLook(80, { isAscii: true }));
    expect(lines.filter((line) => !/^[ -~]*$/.test(line))).toEqual([]);
    expect(lines.some((line) => /publish {2,}.*#/.test(line))).toBe(true);
    expect(widthOf(lines)).toBeLessThanOrEqual(80);
  });

  test("holds each part that was measured and no other", () => {
    const nothing = { hook: null, publishers: null, delivery: null, drain: null, soak: null, claude: null };
    for (const name of PARTS) {
      expect(part(name)[0]).toStartWith(name);
      expect(part(name, aReport(nothing))).toEqual([]);
    }
    expect(spoken(reportLines(aReport(nothing), aLook(80)))).toContain("Nothing was measured");
  });

  test("a part is the same whether it is printed alone or in the whole", () => {
    const whole = reportLines(report, aLook(80)).join("\n");
    for (const name of PARTS) expect(whole).toContain(part(name, report, 80).join("\n"));
  });

  test("names no figure without its unit, in its tables", () => {
    const bare = ["runs", "missing", "foreign", "arrived", "acknowledged", "publishers", "turns"];
    for (const name of ["hook", "delivery", "claude"] as const) {
      const rows = part(name, report, 120).filter((line) => /\d ms/.test(line) && !/[─┴]/.test(line));
      expect(rows.length).toBeGreaterThan(2);
    }
    const header = part("load", report, 120).find((line) => line.includes("publishers  "))!;
    for (const word of bare.slice(1, 6)) expect(header).toContain(word);
  });
});

describe("whether figures can be trusted", () => {
  test("is said at the top of a report without doubts, and its conclusions stand by themselves", () => {
    const lines = reportLines(report, aLook(80));
    expect(spoken(lines.slice(0, 12))).toContain("The figures can be trusted");
    expect(spoken(lines)).not.toContain("oubtful");
  });

  test("with doubts each is said at both ends, and every conclusion is doubtful", () => {
    const lines = reportLines(doubtful, aLook(80));
    const text = spoken(lines);
    expect(text.split("THE FIGURES ARE DOUBTFUL")).toHaveLength(3);
    expect(text.split(doubtful.load.doubts[0]!)).toHaveLength(3);
    expect(text).not.toContain("can be trusted");
    for (const name of PARTS) expect(spoken(part(name, doubtful))).toContain("Doubtful: ");
    expect(spoken(endLines(doubtful, aLook(80)))).toContain("THE FIGURES ARE DOUBTFUL");
  });

  test("a quick run says so", () => {
    expect(spoken(reportLines(aReport({ isQuick: true }), aLook(80)))).toContain("A quick run");
  });

  test("what the machine does not tell is not made up", () => {
    const load = { ...report.load, busy: null, others: null, stolen: null };
    const machine = { ...report.machine, cpu: null, disk: null, isRealDisk: false };
    const text = spoken(reportLines(aReport({ load, machine, startedAt: "yesterday" }), aLook(80)).slice(0, 14));
    expect(text).toContain("how busy it was meanwhile is not to be seen here");
    expect(text).toContain("a file system that is not known, in memory");
    expect(text).toContain("yesterday");
    expect(text).not.toMatch(/null|NaN|undefined/);
  });
});

describe("what each part concludes", () => {
  test("hook: publish above the control with its interval, and the user's own hook", () => {
    const text = spoken(part("hook"));
    expect(text).toMatch(/publish takes 6\.\d ms, 0\.\d+ ms \(0\.\d+–0\.\d+ ms\) above a program of the same runtime/);
    expect(text).toContain("Your slowest hook (user: PostToolUse) takes 1.3 s, 207 x as long.");
    expect(text).toContain("3 of 40 runs ended with another code than 0");
  });

  test("hook: lanes from the quickest to the slowest", () => {
    const names = part("hook").flatMap((line) => line.match(/^ {2}(\S.*?) {2,}[\d.]+ m?s /)?.[1] ?? []);
    expect(names).toEqual([
      "cat",
      "null",
      "publish",
      "publish, shell",
      "curl",
      "python",
      "lint + alert",
      "user: PostToolUse",
    ]);
  });

  test("hook: where the control is as slow as publish, no difference is claimed", () => {
    const copy = structuredClone(report);
    const [control, publish] = [copy.hook!.lanes[1]!, copy.hook!.lanes[2]!];
    control.times = publish.times;
    expect(spoken(part("hook", copy))).toMatch(
      /not to be told from a program of the same runtime .* \(the difference is −0\.\d+ to 0\.\d+ ms\)/,
    );
  });

  test("load: all is said to have arrived only where it has; else what is missing is loud, with its place", () => {
    expect(spoken(part("load"))).toContain("All 3,328 acknowledged events arrived");
    const copy = structuredClone(report);
    Object.assign(copy.publishers![6]!, { arrived: 253, missing: 3, foreign: 2, refused: 1 });
    const lines = partLines("load", copy, aLook(100, { isColoured: true }));
    const loud = lines.filter((line) => line.startsWith("\x1b[31m"));
    const text = spoken(loud);
    expect(text).toContain("MISSING: 3 of 256 events did not arrive (16 publishers, 20 KB)");
    expect(text).toContain("FOREIGN: 2 events arrived");
    expect(text).toContain("REFUSED: 1 publish failed");
    expect(spoken(lines)).not.toContain("All 3,328");
  });

  test("drain and soak: what is missing is loud there too", () => {
    const copy = structuredClone(report);
    copy.drain![1]!.missing = 7;
    copy.soak!.foreign = 1;
    expect(spoken(part("drain", copy))).toContain("MISSING: 7 of 10,000 events did not arrive (a backlog of 10,000)");
    expect(spoken(part("soak", copy))).toContain("FOREIGN: 1 event arrived");
  });

  test("delivery: beside the poller, with its interval", () => {
    expect(spoken(part("delivery"))).toMatch(
      /A worker begins 18\.0 ms after its hook; with a 500 ms poller it would be \d+ ms, [\d.]+ x as long \([\d.]+–[\d.]+\)/,
    );
  });

  test("soak: a line for each figure with its least and most, and one that was not seen says so", () => {
    const copy = structuredClone(report);
    for (const sample of copy.soak!.samples) sample.openFiles = null;
    const lines = part("soak", copy);
    expect(lines.find((line) => line.trim().startsWith("memory"))).toMatch(/[▁-█]{20,} {2}5\d\.\d–6\d\.\d MiB$/);
    expect(lines.find((line) => line.trim().startsWith("open files"))).toContain("not seen on this machine");
    expect(spoken(lines)).toMatch(/Memory: 59\.9 MiB in the first tenth, 65\.9 MiB in the last\./);
  });

  test("soak: of a single sample too, and of none", () => {
    const copy = structuredClone(report);
    copy.soak!.samples = copy.soak!.samples.slice(0, 1);
    expect(spoken(part("soak", copy))).toContain("▄");
    copy.soak!.samples = [];
    expect(spoken(part("soak", copy))).toContain("not seen on this machine");
  });

  test("claude: what each kind of hooks adds to a tool call", () => {
    expect(spoken(part("claude"))).toContain(
      "Added to each tool call: publish 15.3 ms, lint + alert 427 ms, yours 1.3 s.",
    );
  });

  test("a lane with a single run is shown like others", () => {
    const copy = structuredClone(report);
    copy.hook!.lanes[2]!.times = timesOf([6.4]);
    expect(spoken(part("hook", copy))).toContain("publish takes 6.4 ms");
  });
});

test("figures are rounded to what they are worth and keep their unit", () => {
  const ms: [number, string][] = [
    [0, "0 ms"],
    [0.0042, "4.2 µs"],
    [0.062, "62 µs"],
    [0.62, "0.62 ms"],
    [6.44, "6.4 ms"],
    [9.96, "10.0 ms"],
    [99.96, "100 ms"],
    [411.6, "412 ms"],
    [999.6, "1.0 s"],
    [2149, "2.1 s"],
    [83_200, "83.2 s"],
    [720_000, "12 min"],
    [-0.4, "−0.40 ms"],
    [Number.NaN, "?"],
  ];
  for (const [value, text] of ms) expect(msText(value)).toBe(text);
  expect([0.917, 5.25, 48.13, 206.6].map(timesText)).toEqual(["0.92 x", "5.25 x", "48.1 x", "207 x"]);
  expect([50, 9.43, 46.42, 21_412.3].map(rateText)).toEqual(["50/s", "9.43/s", "46.4/s", "21,412/s"]);
  expect([512, 997, 20_011, 200_003, 5_000_011].map(sizeText)).toEqual(["512 B", "1 KB", "20 KB", "200 KB", "5 MB"]);
  expect([0, 0.004, 0.62, 1].map(shareText)).toEqual(["0 %", "0.4 %", "62 %", "100 %"]);
  expect(rangeText(0.43, 0.66, msText)).toBe("0.43–0.66 ms");
  expect(rangeText(980, 1200, msText)).toBe("980 ms–1.2 s");
  expect(rangeText(-0.1, 0.2, msText)).toBe("−0.10 to 0.20 ms");
  expect(rangeText(3, 3, rateText)).toBe("3/s");
});
