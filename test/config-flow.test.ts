// The keys of a consumer that decide how often it runs: what they become, and what people are told when they are wrong.
import { describe, expect, test } from "bun:test";
import { parseConsumer } from "../src/config/consumer.ts";
import { likelyRate, parseRate } from "../src/config/rate.ts";
import { errorsOf, ON, type Row } from "./consumer-errors.ts";

function consumer(text: string) {
  const reading = { name: "lint", path: "/h/lint.toml", label: "lint.toml", userHome: "/home/dev", secrets: {} };
  const loaded = parseConsumer(ON + text, reading);
  if (loaded.kind === "broken") throw new Error(loaded.errors.join("\n"));
  return loaded.consumer;
}

const DAY_MS = 86_400_000;

describe("debounce", () => {
  const rows: [text: string, wait: { quietMs: number; maxMs: number } | null][] = [
    ['"1s"', { quietMs: 1_000, maxMs: 30_000 }],
    ['"250ms"', { quietMs: 250, maxMs: 7_500 }],
    ['{ quiet = "1s", max = "5m" }', { quietMs: 1_000, maxMs: 300_000 }],
    ['{ quiet = "2s" }', { quietMs: 2_000, maxMs: 60_000 }],
    ['{ quiet = "2s", max = "2s" }', { quietMs: 2_000, maxMs: 2_000 }],
    ['"2d"', { quietMs: 2 * DAY_MS, maxMs: 24 * DAY_MS }],
    ['"0s"', null],
    ['{ quiet = "0s", max = "30s" }', null],
  ];
  for (const [text, wait] of rows) {
    test(`${text} waits ${JSON.stringify(wait)}`, () =>
      expect(consumer(`builtin = "none"\ndebounce = ${text}`).debounce).toEqual(wait));
  }
  test("may be a table of its own", () => {
    expect(consumer('builtin = "none"\n[debounce]\nquiet = "1s"\nmax = "3s"').debounce).toEqual({
      quietMs: 1_000,
      maxMs: 3_000,
    });
  });
});

describe("a rate", () => {
  const rows: [text: string, rate: { count: number; perMs: number } | null][] = [
    ["30/m", { count: 30, perMs: 60_000 }],
    ["1/s", { count: 1, perMs: 1_000 }],
    ["1000/h", { count: 1_000, perMs: 3_600_000 }],
    ["2/d", { count: 2, perMs: DAY_MS }],
    ["0/s", null],
    ["0/d", null],
  ];
  for (const [text, rate] of rows) {
    test(`${text} is ${JSON.stringify(rate)}`, () =>
      expect(consumer(`builtin = "none"\nrate = "${text}"`).rate).toEqual(rate));
  }
  for (const text of [
    "",
    "30",
    "/m",
    "30/",
    "30m",
    "30/ms",
    "-1/m",
    "1.5/m",
    "30 /m",
    "1e2/m",
    "٣/m",
    "30/m\n",
    "30/M",
  ]) {
    test(`${JSON.stringify(text)} is none`, () => expect(parseRate(text)).toBeNull());
  }
  const meant: [written: string, rate: string][] = [
    ["30", "30/m"],
    ["5/min", "5/m"],
    ["10 / second", "10/s"],
    ["3/H", "3/h"],
    ["0", "30/m"],
    ["9999/min", "30/m"],
    ["2/week", "30/m"],
  ];
  for (const [written, rate] of meant) {
    test(`where ${written} is written, ${rate} is proposed, which is one`, () => {
      expect(likelyRate(written)).toBe(rate);
      expect(parseRate(rate)).not.toBeNull();
    });
  }
});

describe("whether a project may silence a consumer", () => {
  const rows: [action: string, silenceable: boolean][] = [
    ['run = ["true"]', true],
    ['shell = "true"', true],
    ['builtin = "none"', true],
    ['builtin = "log"', false],
    ['builtin = "notify"', false],
    ['webhook = { url = "https://x.example" }', false],
  ];
  for (const [action, silenceable] of rows) {
    test(`with ${action} is ${silenceable}, unless the file says otherwise`, () => {
      expect(consumer(action).silenceable).toBe(silenceable);
      expect(consumer(`silenceable = true\n${action}`).silenceable).toBe(true);
      expect(consumer(`silenceable = false\n${action}`).silenceable).toBe(false);
    });
  }
});

describe("what is said of flow", () => {
  const flowRows: Row[] = [
    ["of a rate without its unit", 'rate = "30"', [`rate = "30" ${rateMustBe("30/m")}`]],
    ["of a rate as a number", "rate = 10", [`rate = 10 ${rateMustBe("10/m")}`]],
    ["of a rate in words", 'rate = "5 / hour"', [`rate = "5 / hour" ${rateMustBe("5/h")}`]],
    ["of a rate as a table", "rate = { count = 5 }", [`rate ${rateMustBe("30/m")}`]],
    [
      "of a rate that nobody needs",
      'rate = "2000/h"',
      ['rate = "2000/h" must be at most 1000 of a unit (s, m, h, d), for instance "1000/h"'],
    ],
    ["of a dedup without its unit", "dedup = 2", ['dedup = 2 must be text with a unit, for instance "2s"']],
    ["of a cooldown that no timer can wait", 'cooldown = "25d"', ['cooldown = "25d" must be at most "24d"']],
    [
      "of an age in two units",
      'max_age = "1h30m"',
      ['max_age = "1h30m" must be a whole number and a unit (ms, s, m, h, d), for instance "250ms" or "5m"'],
    ],
    [
      "of a debounce that is a number",
      "debounce = 5",
      ['debounce = 5 must be a text or a table, for instance "1s" or { quiet = "1s", max = "30s" }'],
    ],
    [
      "of a debounce that is a list",
      'debounce = ["1s", "30s"]',
      ['debounce must be a text or a table, for instance "1s" or { quiet = "1s", max = "30s" }'],
    ],
    [
      "of a debounce without its unit",
      'debounce = "5"',
      ['debounce = "5" must be a whole number and a unit (ms, s, m, h, d), for instance "250ms" or "5m"'],
    ],
    [
      "of a debounce without quiet",
      'debounce = { max = "30s" }',
      ['debounce.quiet is missing; write for instance quiet = "1s"'],
    ],
    [
      "of a debounce with a number for its max",
      'debounce = { quiet = "1s", max = 30 }',
      ['debounce.max = 30 must be text with a unit, for instance "30s"'],
    ],
    [
      "of a debounce that could never wait for quiet",
      'debounce = { quiet = "1m", max = "30s" }',
      ["debounce must have a max (30s) of at least quiet (1m)"],
    ],
    [
      "of a mistyped key in a debounce",
      'debounce = { quiet = "1s", maximum = "30s" }',
      ['unknown key "debounce.maximum"; the keys are quiet, max'],
    ],
    ["of a mistyped flow key", 'debouce = "1s"', ['unknown key "debouce"; did you mean "debounce"?']],
    ["of an age with a dash", 'max-age = "10m"', ['unknown key "max-age"; did you mean "max_age"?']],
    ["of quotes around a truth", 'silenceable = "no"', ['silenceable = "no" must be true or false, without quotes']],
  ];
  for (const [sentence, text, said] of flowRows) {
    test(sentence, () =>
      expect(errorsOf(`${ON}builtin = "log"\n${text}`)).toEqual(said.map((line) => `lint.toml:3: ${line}`)),
    );
  }
});

function rateMustBe(example: string): string {
  return `must be a whole number and a unit (s, m, h, d), for instance "${example}"`;
}
