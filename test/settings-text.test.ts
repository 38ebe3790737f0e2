// Reading settings files strictly: what does not parse is told by line and column, and whatever JSON.parse would refuse is refused.
import { describe, expect, test } from "bun:test";
import { LARGEST_SETTINGS_BYTES, parseSettings, parseSettingsText } from "../src/claude/settings-text.ts";
import { generated, handWritten } from "./settings-corpus.ts";
import { makeDice } from "./torture/dice.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const deep = (levels: number) => `{"a":${"[".repeat(levels)}${"]".repeat(levels)}}`;

const BAD: [name: string, text: string | Uint8Array, line: number, column: number, says: string][] = [
  ["a line comment", '{\n  // models\n  "model": "opus"\n}', 2, 3, "a comment"],
  ["a block comment", '{ "a": 1 /* one */ }', 1, 10, "a comment"],
  ["a comment without an end", '{"a": 1} /* ', 1, 10, "a comment"],
  ["a comma behind the last key", '{\n  "a": 1,\n}\n', 3, 1, 'a comma before "}": take it away'],
  ["a comma behind the last element", '{"a": [1, 2,]}', 1, 13, 'a comma before "]": take it away'],
  ["a missing comma", '{\r\n  "a": 1\r\n  "b": 2\r\n}', 3, 3, 'a comma is missing before "\\"b\\""'],
  ["a missing colon", '{"a" 1}', 1, 6, "a colon is missing"],
  ["a missing value", '{"a": }', 1, 7, "a value is missing"],
  ["a missing brace", '{"a": 1\n', 2, 1, "a closing } is missing before the end of the file"],
  ["a missing bracket", '{"a": [1', 1, 9, "a closing ] is missing"],
  ["a brace too many", '{"a": 1}}', 1, 9, "something stands behind the end"],
  ["two objects", '{"a": 1}\n{"b": 2}', 2, 1, "something stands behind the end"],
  ["a key without quotes", "{model: 1}", 1, 2, '"model" is not JSON'],
  ["single quotes", "{'a': 1}", 1, 2, "is not JSON"],
  ["True", '{"a": True}', 1, 7, '"True" is not JSON'],
  ["NaN", '{"a": NaN}', 1, 7, "is not JSON"],
  ["a number with a plus", '{"a": +1}', 1, 7, "is not JSON"],
  ["a number with a naked point", '{"a": 1.}', 1, 7, "is no number of JSON"],
  ["a number that begins with 0", '{"a": 01}', 1, 8, "a comma is missing"],
  ["a text over two lines", '{"a": "x\ny"}', 1, 7, "a text begins here and has no end on its line"],
  ["a tab in a text", '{\t"a": "x\ty"}', 1, 8, "a control character"],
  ["an unknown escape", '{"path": "C:\\Users"}', 1, 10, "a backslash that JSON does not know"],
  ["a broken code", '{"a": "\\u12"}', 1, 7, "a backslash that JSON does not know"],
  ["a merge conflict", '{\n<<<<<<< HEAD\n  "a": 1\n}', 2, 1, "is not JSON"],
  ["a NUL at the end", '{"a": 1}\0', 1, 9, "is not JSON"],
  ["white space that JSON has not", '{\u00a0"a": 1}', 1, 2, "is not JSON"],
  ["two byte order marks", "\uFEFF\uFEFF{}", 1, 1, "is not JSON"],
  ["words", "no settings here", 1, 1, '"no" is not JSON'],
  ["too many levels", deep(200), 1, 205, "nested more than 200 levels deep"],
  ["a hundred thousand levels", deep(100_000), 1, 205, "nested more than 200 levels deep"],
  ["hooks twice", '{\n"hooks": {},\n"hooks": {}\n}', 3, 1, 'the key "hooks" is there twice (line 2 too)'],
  ["an event twice", '{"hooks": {"Stop": [], "Stop": []}}', 1, 24, 'the key "Stop" is there twice (line 1 too)'],
  ["a key twice by an escape", '{"hooks": {}, "h\\u006foks": {}}', 1, 15, '"hooks" is there twice'],
  ["a matcher twice", '{"hooks": {"Stop": [{"matcher": "a", "matcher": "b"}]}}', 1, 38, '"matcher" is there twice'],
  [
    "a command twice",
    '{"hooks": {"S": [{"hooks": [{"command": "a", "command": "b"}]}]}}',
    1,
    46,
    '"command" is there twice',
  ],
  ["UTF-16", new Uint8Array([0xff, 0xfe, 0x7b, 0, 0x7d, 0]), 1, 1, "it is UTF-16 text; save it as UTF-8"],
  ["Latin-1", new Uint8Array([...bytes('{\n"a": "'), 0xe9, ...bytes('"}')]), 2, 7, "it is not UTF-8 text from here on"],
  ["a text that is cut within a letter", bytes('{"a": "é').slice(0, -1), 1, 8, "it is not UTF-8"],
  ["more than 2 MiB", `{"a": "${"x".repeat(LARGEST_SETTINGS_BYTES)}"}`, 1, 1, "it is larger than 2 MiB"],
];

describe("what does not parse", () => {
  for (const [name, text, line, column, says] of BAD) {
    test(name, () => {
      const parsed = parseSettings(typeof text === "string" ? bytes(text) : text);
      if (parsed.kind === "ok") throw new Error("it was read");
      expect(parsed.message).toContain(says);
      expect([parsed.line, parsed.column]).toEqual([line, column]);
    });
  }
});

describe("what is read", () => {
  for (const [name, text] of [
    ["an empty file", ""],
    ["white space", " \r\n\t"],
    ["a byte order mark alone", "\uFEFF"],
    ["a byte order mark and more", '\uFEFF{"a":1}'],
    ["a key twice where nobody looks for hooks", '{"env": {"A": "1", "A": "2"}}'],
    ["a replacement character that was written", '{"a": "\uFFFD"}'],
    ["200 levels", deep(199)],
    ["brackets in texts", JSON.stringify({ a: "[".repeat(1000), b: '\\"{' })],
    ["2 MiB to the byte", `{"a": "${"x".repeat(LARGEST_SETTINGS_BYTES - 9)}"}`],
  ] as const) {
    test(name, () => {
      const parsed = parseSettings(bytes(text));
      expect(parsed.kind).toBe("ok");
      if (parsed.kind === "ok") expect(parsed.tree.text === text).toBe(true);
    });
  }
});

test("what JSON.parse refuses is refused, what it takes is read: 12,000 texts with a few letters changed", () => {
  const seed = process.env.OFFHOOK_SEED ?? String(Math.floor(Math.random() * 2 ** 32));
  const dice = makeDice(seed);
  const texts = [...handWritten(), ...generated()].map(({ text }) => text).filter((text) => text.length < 3_000);
  const letters = [
    '"',
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\\",
    "/",
    "*",
    "\n",
    "\t",
    "\0",
    "0",
    "-",
    "e",
    ".",
    "u",
    " ",
    "\uFEFF",
    "é",
  ];
  let refused = 0;
  for (let round = 0; round < 12_000; round++) {
    const text = dice.pick(texts);
    const at = dice.below(text.length + 1);
    const changed = text.slice(0, at) + (dice.chance(0.7) ? dice.pick(letters) : "") + text.slice(at + dice.below(3));
    const read = parseSettingsText(changed);
    const isDouble = read.kind === "unreadable" && read.message.includes("is there twice");
    let isJson = /^\uFEFF?[ \t\r\n]*$/.test(changed);
    try {
      JSON.parse(changed.replace(/^\uFEFF/, ""));
      isJson = true;
    } catch {
      refused++;
    }
    if ((read.kind === "ok" || isDouble) !== isJson)
      throw new Error(
        `seed ${seed}: ${JSON.stringify(changed)} is ${isJson ? "" : "no "}JSON, and was ${JSON.stringify(read)}`,
      );
  }
  expect(refused).toBeGreaterThan(1_000);
});
