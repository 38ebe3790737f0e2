// What config.toml says of consumers that are disabled and of what the ledger keeps: values, and words for wrong ones.
import { describe, expect, test } from "bun:test";
import { parseNodeConfig } from "../src/config/node.ts";
import { likelySize, parseSize } from "../src/config/size.ts";
import { OffhookError } from "../src/errors.ts";

const DAY_MS = 86_400_000;
const GIB = 2 ** 30;

function said(text: string): string[] {
  try {
    parseNodeConfig(text);
  } catch (error) {
    if (error instanceof OffhookError) return error.message.split("\n");
    throw error;
  }
  throw new Error(`nothing was wrong with ${text}`);
}

describe("what is kept", () => {
  const bounds = (days: number, gib: number) => ({ ageMs: days * DAY_MS, sizeBytes: gib * GIB });
  const rows: [sentence: string, text: string, retention: object, maxLag: object][] = [
    ["is a week and 1 GiB, and what a group holds back a month", "", bounds(7, 1), bounds(30, 1)],
    ["is what the file says", 'retention = { age = "3d", size = "2GiB" }', bounds(3, 2), bounds(30, 2)],
    ["may be said in part", '[retention]\nsize = "512MiB"', bounds(7, 0.5), bounds(30, 1)],
    ["may be older than a timer can wait", 'retention.age = "25d"', bounds(25, 1), bounds(30, 1)],
    [
      "may be older than what a group holds back by default, which then follows",
      'retention = { age = "90d" }',
      bounds(90, 1),
      bounds(90, 1),
    ],
    [
      "may be more than what a group may hold back, in size",
      'max_lag = { size = "1MiB" }',
      bounds(7, 1),
      bounds(30, 1 / 1024),
    ],
    ["may be as old for both", 'retention = { age = "90d" }\nmax_lag = { age = "90d" }', bounds(90, 1), bounds(90, 1)],
    [
      "is by hours where a day is too long",
      'retention = { age = "12h" }\nmax_lag = { age = "1d" }',
      bounds(0.5, 1),
      bounds(1, 1),
    ],
  ];
  for (const [sentence, text, retention, maxLag] of rows)
    test(sentence, () => expect(parseNodeConfig(text)).toMatchObject({ retention, maxLag }));
});

describe("disabled consumers", () => {
  test("are named, whether their files are there or not", () => {
    expect(parseNodeConfig('disabled = ["lint", "not-there-2"]').disabled).toEqual(["lint", "not-there-2"]);
  });
  test("are none in an empty list", () => expect(parseNodeConfig("disabled = []").disabled).toEqual([]));
});

describe("what is said of config.toml", () => {
  const size = (example: string) => `must be a whole number and a unit (B, KiB, MiB, GiB), for instance "${example}"`;
  const rows: [sentence: string, text: string, lines: string[]][] = [
    [
      "of one name without its list",
      'disabled = "lint"',
      ['1: disabled = "lint" must be a list of consumers, for instance ["lint"]'],
    ],
    [
      "of everything disabled, which only a project may say",
      "disabled = true",
      ['1: disabled = true must be a list of consumers, for instance ["lint"]'],
    ],
    [
      "of what is no name",
      'disabled = ["lint.toml", 3]',
      [
        '1: disabled[1] = "lint.toml" must be a consumer\'s name: a-z, 0-9 and -, at most 64 of them',
        "1: disabled[2] = 3 must be a consumer's name in quotes",
      ],
    ],
    [
      "of an age alone",
      'retention = "7d"',
      ['1: retention = "7d" must be a table, for instance { age = "7d", size = "1GiB" }'],
    ],
    [
      "of a list of tables",
      '[[max_lag]]\nage = "40d"',
      ['1: max_lag must be a table, for instance { age = "30d", size = "1GiB" }'],
    ],
    [
      "of an age without its unit",
      "retention = { age = 7 }",
      ['1: retention.age = 7 must be text with a unit, for instance "7d"'],
    ],
    [
      "of a unit of age that is none",
      'retention = { age = "1w" }',
      ['1: retention.age = "1w" must be a whole number and a unit (ms, s, m, h, d), for instance "12h" or "7d"'],
    ],
    [
      "of an age that keeps nothing",
      'retention = { age = "0s" }',
      ['1: retention.age = "0s" must be more than nothing; to keep all, write for instance "3650d"'],
    ],
    [
      "of an age beyond all years",
      'max_lag = { age = "36501d" }',
      ['1: max_lag.age = "36501d" must be at most "36500d"'],
    ],
    ["of gigabytes", '[retention]\nsize = "1GB"', [`2: retention.size = "1GB" ${size("1GiB")}`]],
    [
      "of megabytes with a space",
      'retention = { size = "200 mb" }',
      [`1: retention.size = "200 mb" ${size("200MiB")}`],
    ],
    ["of a number of bytes", "retention = { size = 1024 }", [`1: retention.size = 1024 ${size("1GiB")}`]],
    [
      "of a size that keeps nothing",
      'retention = { size = "0B" }',
      ['1: retention.size = "0B" must be more than nothing; to keep all, write for instance "100000GiB"'],
    ],
    [
      "of a size beyond all disks",
      'max_lag = { size = "100001GiB" }',
      ['1: max_lag.size = "100001GiB" must be at most "100000GiB"'],
    ],
    [
      "of a mistyped key within",
      'retention = { ages = "7d" }',
      ['1: unknown key "retention.ages"; did you mean "retention.age"?'],
    ],
    [
      "of a group that may hold back less than is kept anyway",
      'retention = { age = "10d" }\nmax_lag = { age = "5d" }',
      ["2: max_lag must have an age (5d) of at least that of retention (10d)"],
    ],
    [
      "of the same by default",
      'max_lag = { age = "6d" }',
      ["1: max_lag must have an age (6d) of at least that of retention (7d)"],
    ],
    [
      "is all at once",
      'workers = 0\nretention = { age = "10d" }\nmax_lag = { age = "5d", size = "x" }\ndisabled = 1',
      [
        "1: workers = 0 must be a whole number from 1 to 1024",
        `3: max_lag.size = "x" ${size("1GiB")}`,
        '4: disabled = 1 must be a list of consumers, for instance ["lint"]',
      ],
    ],
  ];
  for (const [sentence, text, lines] of rows)
    test(sentence, () => expect(said(text)).toEqual(lines.map((line) => `config.toml:${line}`)));
});

describe("a size", () => {
  const rows: [text: string, bytes: number][] = [
    ["1B", 1],
    ["512KiB", 524_288],
    ["64MiB", 67_108_864],
    ["1GiB", 1_073_741_824],
    ["0B", 0],
  ];
  for (const [text, bytes] of rows) test(`${text} is ${bytes} bytes`, () => expect(parseSize(text)).toBe(bytes));
  for (const text of ["", "1", "GiB", "1GB", "1G", "1 GiB", "-1GiB", "1.5GiB", "1gib", "1GiB\n", "1TiB", "٣GiB"])
    test(`${JSON.stringify(text)} is none`, () => expect(parseSize(text)).toBeNull());
  test("that is proposed is one", () => {
    for (const written of ["1GB", "20k", "3 mb", "x", "", "1TB"])
      expect(parseSize(likelySize(written))).toBeGreaterThan(0);
  });
});
