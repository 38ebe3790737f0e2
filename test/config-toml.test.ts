// Lines of keys and of errors in TOML texts, and durations.
import { describe, expect, test } from "bun:test";
import { formatDuration, parseDuration } from "../src/config/duration.ts";
import { isProblem, parseToml } from "../src/config/toml.ts";

function problem(text: string): { line: number; text: string } {
  const parsed = parseToml(text);
  if (!isProblem(parsed)) throw new Error(`no problem was found in ${JSON.stringify(text)}`);
  return parsed;
}

describe("the line of an error", () => {
  const rows: [sentence: string, text: string, line: number, words: string][] = [
    ["a value that is missing", "a = 1\nb =\nc = 2\n", 2, "missing value after '='"],
    ["a unit without quotes", "# x\n\na = 5m", 3, "unexpected character"],
    ["a key that is given twice: the second", "a = 1\nb = 2\na = 3\nc = 4", 3, "cannot redefine key 'a'"],
    ["a table that is given twice", "[x]\na = 1\n[y]\n[x]\nb = 2", 4, "cannot redefine table 'x'"],
    ["a list that is not closed: where it begins", 'a = 1\non = ["x",\n"y"\nb = 2', 4, "expected ',' or ']'"],
    ["a list that is not closed by the end", 'a = 1\non = [\n"x",\n', 2, "unterminated array"],
    ["a list that is closed, and later one that is not", "a = [\n1,\n]\nb = 2\nc = [\n1,\n", 5, "unterminated array"],
    ["a quote that is not closed", 'a = 1\nb = "x\nc = 2\n', 2, "unterminated string"],
    ["a long text that is not closed", 'a = 1\nb = """x\nc = 2\n', 2, "unterminated"],
    ["no equals sign", "a = 1\n\nnonsense here\n", 3, "expected '='"],
    ["after a long text with what looks like keys", 'a = """\nb =\n[c\n"""\nd =\n', 5, "missing value"],
    ["after a comment with quotes", '# it\'s """ so\na = 1 # [\nb =\n', 3, "missing value"],
    ["with Windows' line ends", "a = 1\r\nb =\r\nc = 2\r\n", 2, "missing value"],
    ["the key __proto__ at the top", "a = 1\n__proto__ = 2", 2, "__proto__ cannot be used"],
    ["the key __proto__ inside a table", '[where]\nx = "1"\n\n"__proto__" = "y"', 4, "__proto__ cannot be used"],
    ["the key __proto__ inside a list", "a = [{ __proto__ = 1 }]", 1, "__proto__ cannot be used"],
  ];
  for (const [sentence, text, line, words] of rows) {
    test(sentence, () => {
      const found = problem(text);
      expect(found.line).toBe(line);
      expect(found.text).toContain(words);
    });
  }
  test("is found in a long file", () => {
    const lines = Array.from({ length: 1_900 }, (_, index) => `key${index} = ${index}`);
    lines[1_456] = "oops = 5m";
    expect(problem(lines.join("\n")).line).toBe(1_457);
  });
  test("of a file with more keys than anybody writes is the first one too many", () => {
    const lines = Array.from({ length: 100_000 }, (_, index) => `key${index} = ${index}`);
    expect(problem(`# many\n${lines.join("\n")}`)).toEqual({
      line: 2_002,
      text: expect.stringContaining("more than 2000 keys"),
    });
  });
  test("is found where nothing ends: 900,000 brackets", () => {
    expect(problem(`a = 1\nb = ${"[".repeat(900_000)}`).line).toBe(2);
  });
});

test("a key of 30,000 parts is refused as too deep", () => {
  expect(problem(`a = 1\n${"b.".repeat(30_000)}c = 1`)).toEqual({
    line: 2,
    text: "tables and lists are nested more than 40 deep",
  });
});

describe("the line of a key", () => {
  const text = [
    'on = ["a"] # retry = 1',
    "",
    'shell = """',
    "retry = 5",
    '"""',
    'where = { "data.x" = "1" }',
    "run = [",
    '  "x", # files = ]',
    "]",
    "a.b = 1",
    "[retry] # comment",
    "  max = 3",
    '\t"back off" = "2s"',
    "[[list]]",
    "x = 1",
    "[webhook.headers]",
    "'A-B' = '#'",
  ].join("\n");
  const rows: [path: PropertyKey[], line: number][] = [
    [["on"], 1],
    [["on", 0], 1],
    [["shell"], 3],
    [["where"], 6],
    [["where", "data.x"], 6],
    [["run", 0], 7],
    [["a"], 10],
    [["a", "b"], 10],
    [["retry"], 11],
    [["retry", "max"], 12],
    [["retry", "back off"], 13],
    [["list"], 14],
    [["webhook"], 16],
    [["webhook", "headers", "A-B"], 17],
    [["nowhere"], 1],
  ];
  for (const [path, line] of rows) {
    test(`${path.join(" > ")} is on line ${line}`, () => {
      const parsed = parseToml(text);
      expect(isProblem(parsed) ? parsed.text : parsed.lineOf(path)).toBe(line);
    });
  }
});

describe("a duration", () => {
  const well: [text: string, ms: number][] = [
    ["250ms", 250],
    ["2s", 2_000],
    ["5m", 300_000],
    ["1h", 3_600_000],
    ["7d", 604_800_000],
    ["0s", 0],
    ["90s", 90_000],
  ];
  for (const [text, ms] of well) {
    test(`${text} is ${ms} ms, and is written so again`, () => {
      expect(parseDuration(text)).toBe(ms);
      expect(formatDuration(ms)).toBe(text);
    });
  }
  for (const text of [
    "",
    "5",
    "s",
    "5 s",
    "-5s",
    "1.5s",
    "5S",
    "5m30s",
    "5sec",
    " 5s",
    "5s\n",
    "1e3s",
    "٣s",
    `${"9".repeat(400)}s`,
  ]) {
    test(`${JSON.stringify(text.slice(0, 20))} is none`, () => expect(parseDuration(text)).toBeNull());
  }
});
