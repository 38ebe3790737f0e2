// A report from a file: read as it was written, and what is wrong with a file said with its name and place.
import { describe, expect, test } from "bun:test";
import { OffhookError } from "../src/errors.ts";
import { compare } from "../src/report/compare.ts";
import { readReport } from "../src/report/read.ts";
import { aReport } from "./report-fixtures.ts";

/** The error of a text that is no report. */
function errorOf(text: string): OffhookError {
  try {
    readReport(text, "old.json");
  } catch (error) {
    if (error instanceof OffhookError) return error;
    throw error;
  }
  throw new Error("it was read");
}

/** The text of a report with one thing changed. */
function changed(change: (report: any) => void): string {
  const report = structuredClone(aReport());
  change(report);
  return JSON.stringify(report);
}

test("what was written is read, also indented, also after a byte order mark", () => {
  const report = aReport();
  expect(readReport(JSON.stringify(report), "a.json")).toEqual(report);
  expect(readReport(`\ufeff${JSON.stringify(report, null, 2)}\n`, "a.json")).toEqual(report);
});

test("a report without any part is one", () => {
  const nothing = { hook: null, publishers: null, delivery: null, drain: null, soak: null, claude: null };
  expect(readReport(JSON.stringify(aReport(nothing)), "a.json").hook).toBeNull();
});

test("keys that a later offhook added are no trouble", () => {
  expect(
    readReport(
      changed((report) => (report.tomorrow = 1)),
      "a.json",
    ).v,
  ).toBe(1);
});

describe("what is no report says what it is instead, names the file and exits 78", () => {
  const cases: [string, string, string][] = [
    ["an empty file", " \n", "old.json: is empty"],
    ["a report that was cut off", JSON.stringify(aReport(), null, 2).slice(0, 300), "old.json: is not JSON: line "],
    ["a trailing comma", '{\n  "v": 1,\n}', "line 3, column 1"],
    ["a comment", '{\n  // mine\n  "v": 1 }', "line 2, column 3"],
    ["something behind the end", '{"v":1}\n{"v":1}', "line 2, column 1"],
    ["other JSON", '{"v":1}', "is not a report of offhook bench"],
    ["brackets without an end", "[".repeat(2_000_000), "is not JSON"],
    ["brackets in brackets", `${"[".repeat(200_000)}${"]".repeat(200_000)}`, "is not a report of offhook bench"],
    ["JSON that is no table", "[1,2]", "is not a report of offhook bench"],
    ["null", "null", "is not a report of offhook bench"],
    [
      "a comparison",
      JSON.stringify(compare(aReport({ soak: null, publishers: null }), aReport())),
      "is a comparison of two reports",
    ],
    ["a newer one", changed((report) => (report.v = 2)), "is a report of a newer offhook: its shape is 2"],
    ["a key that is missing", changed((report) => delete report.machine.cores), "machine.cores is missing"],
    [
      "a key that is wrong",
      changed((report) => (report.hook.lanes[1].times.p50Ms = "fast")),
      "hook.lanes[1].times.p50Ms: ",
    ],
    ["a kind that is not known", changed((report) => (report.hook.lanes[3].kind = "magic")), "hook.lanes[3].kind: "],
    ["a version that is none", changed((report) => (report.v = "1")), "old.json: v: "],
    [
      "a lane without runs",
      changed((report) => (report.hook.lanes[0].times.timesMs = [])),
      "hook.lanes[0].times.timesMs holds no run",
    ],
    [
      "fewer runs than are said",
      changed((report) => report.delivery.toWorker.timesMs.pop()),
      "delivery.toWorker.runs is 100, and timesMs holds 99",
    ],
    [
      "a spread without turns",
      changed((report) => (report.drain[2].perSecond.turns = [])),
      "drain[2].perSecond.turns holds no turn",
    ],
    ["a figure that is not finite", changed((report) => (report.tookMs = "x")).replace('"x"', "1e999"), "tookMs: "],
  ];

  test.each(cases)("%s", (_, text, said) => {
    const error = errorOf(text);
    expect(error.exitCode).toBe(78);
    expect(error.message).toStartWith("old.json: ");
    expect(error.message).toContain(said);
    expect(error.hint).not.toBeNull();
    expect(error.message.length).toBeLessThan(300);
  });
});
