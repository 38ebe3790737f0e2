// What the text of a project's .offhook.toml asks for, and that anything but silence refuses it whole.
import { describe, expect, test } from "bun:test";
import { parseProjectFile } from "../src/config/project-file.ts";

const LINT = 'disabled = ["lint"]\n';
const NOTHING = { disabled: [], cooldownMs: {} };

describe("what it says", () => {
  const rows: [text: string, silencing: object][] = [
    ["", NOTHING],
    ["# nothing yet\n", NOTHING],
    ["disabled = []", NOTHING],
    ["disabled = true", { disabled: true, cooldownMs: {} }],
    ['disabled = ["a-1"]', { disabled: ["a-1"], cooldownMs: {} }],
    ['[cooldown]\nlint = "90s"\ntests = "1h"', { disabled: [], cooldownMs: { lint: 90_000, tests: 3_600_000 } }],
    ['cooldown.constructor = "1s"', { disabled: [], cooldownMs: { constructor: 1_000 } }],
  ];
  for (const [text, silencing] of rows)
    test(JSON.stringify(text), () => {
      const file: object = parseProjectFile(text, "/p");
      expect(file).toEqual({ path: "/p", silencing, error: null });
    });

  test("has a cooldown for no consumer but those it names, whatever their names", () => {
    const name: string = "constructor";
    for (const text of ["", LINT, 'cooldown.a = "1s"', "broken"])
      expect(parseProjectFile(text, "/p").silencing.cooldownMs[name]).toBeUndefined();
  });
});

describe("what is refused, and then silences nothing", () => {
  const rows: [sentence: string, text: string, said: string][] = [
    ["a command", `${LINT}run = ["touch", "x"]`, '2: unknown key "run"; the keys are disabled, cooldown'],
    ["a shell line", 'shell = "true"', '1: unknown key "shell"; the keys are disabled, cooldown'],
    ["a consumer", '[lint]\non = ["Stop"]', '1: unknown key "lint"; the keys are disabled, cooldown'],
    ["a mistyped key", '\ndisable = ["lint"]', '2: unknown key "disable"; did you mean "disabled"?'],
    ["what would switch on", "enabled = true", '1: unknown key "enabled"; the keys are disabled, cooldown'],
    [
      "a name without its list",
      'disabled = "lint"',
      '1: disabled = "lint" must be true or a list of consumers, for instance ["lint"]',
    ],
    [
      "false, which says nothing",
      "disabled = false",
      '1: disabled = false must be true or a list of consumers, for instance ["lint"]',
    ],
    ["a number for a name", "disabled = [1]", "1: disabled[1] = 1 must be a consumer's name in quotes"],
    [
      "a glob",
      'disabled = ["*"]',
      '1: disabled[1] = "*" must be a consumer\'s name: a-z, 0-9 and -, at most 64 of them',
    ],
    ["one cooldown for all", 'cooldown = "5m"', '1: cooldown = "5m" must be a table, for instance { tests = "5m" }'],
    [
      "a cooldown without its unit",
      "cooldown = { tests = 5 }",
      '1: cooldown.tests = 5 must be text with a unit, for instance "5s"',
    ],
    [
      "a cooldown that no timer can wait",
      '[cooldown]\ntests = "25d"',
      '2: cooldown.tests = "25d" must be at most "24d"',
    ],
    [
      "a cooldown of no consumer",
      'cooldown = { "Tests" = "5m" }',
      '1: cooldown.Tests = "5m" is for a name that no consumer can have',
    ],
    ["broken TOML", `${LINT}disabled = [`, "2: this is not TOML: unterminated array"],
    ["a key twice", `${LINT}${LINT}`, "2: this is not TOML: cannot redefine key 'disabled'"],
    ["the prototype", "__proto__ = { disabled = true }", "1: the key __proto__ cannot be used"],
  ];
  for (const [sentence, text, said] of rows) {
    test(sentence, () => {
      const file = parseProjectFile(text, "/p/.offhook.toml");
      expect(file.silencing).toEqual(NOTHING);
      expect(file.error).toStartWith(`/p/.offhook.toml:${said}`);
    });
  }

  test("names without end", () => {
    const names = Array.from({ length: 201 }, (_, index) => `"c${index}"`);
    expect(parseProjectFile(`disabled = [${names.slice(1)}]`, "/p").error).toBeNull();
    expect(parseProjectFile(`disabled = [${names}]`, "/p").error).toBe(
      "/p:1: disabled names more than 200 consumers; for all of them write disabled = true",
    );
    const table = names.map((name) => `${name} = "1s"`);
    expect(parseProjectFile(`cooldown = { ${table} }`, "/p").error).toBe(
      "/p:1: cooldown names more than 200 consumers; it needs a few lines only",
    );
  });
  test("keys without end, which would take a parser seconds", () => {
    const keys = Array.from({ length: 9_000 }, (_, index) => `${index} = 1`);
    expect(parseProjectFile(`cooldown = {${keys.join(",\n")}x}`, "/p").error).toBe(
      "/p: it has more than 1000 keys; it needs a few lines only",
    );
  });
  test("control characters and invisible ones, which are shown in one line and not sent", () => {
    const name = '"\\u001b]0;x\\u0007\\n\\u202e\\u200b\\u0085\\u2028é"';
    const [key, directory] = [parseProjectFile(`${name} = 1`, "/p"), parseProjectFile("x", "/a\n\u001b[31m/p")];
    expect(key.error).toStartWith('/p:1: unknown key "\\u001b]0;x\\u0007\\n\\u202e\\u200b\\u0085\\u2028é"; ');
    expect(directory.error).toStartWith("/a\\u000a\\u001b[31m/p:1: this is not TOML: ");
    const inCooldown = parseProjectFile(`cooldown = { ${name} = "\\u001b[2J" }`, "/p");
    expect(inCooldown.error).toMatch(/^\/p:1: cooldown\.[^\p{C}]+ is for a name that no consumer can have$/u);
  });
  test("a key of 60,000 letters, which is not repeated", () => {
    expect(parseProjectFile(`${"k".repeat(60_000)} = 1`, "/p").error).toMatch(/^\/p:1: unknown key "k{280,300}\.\.\.$/);
  });
});
