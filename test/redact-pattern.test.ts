// The user's patterns: what they may say, what they find (as JavaScript's own expressions would), and what is refused.
import { describe, expect, test } from "bun:test";
import { patternFinder, patternProblem } from "../src/redact/pattern.ts";
import { makeRedact } from "../src/redact/redact.ts";

const found = (pattern: string, text: string) => {
  const all: string[] = [];
  patternFinder(pattern, "p")(text, (start, end) => all.push(text.slice(start, end)));
  return all;
};

test.each([
  ["CUST-[0-9]{8}", "CUST-12345678 CUST-1234", ["CUST-12345678"]],
  ["^ab+$", "abb\nxabb\nab", ["abb", "ab"]],
  ["\\bfoo\\b|x(?:y|zz)+", "foo food xyzzy", ["foo", "xyzzy"]],
  ["(?i)kunde \\d+", "KUNDE 77, Kunde x", ["KUNDE 77"]],
  ["\\p{Lu}{3}[😀-😂]?", "ÄÖÜ😁 abc", ["ÄÖÜ😁"]],
  ["[\\]a]{2}\\u0041", "]aA", ["]aA"]],
])("%s finds what it says", (pattern, text, expected) => expect(found(pattern, text)).toEqual(expected));

test.each([
  ["(", "it is no regular expression: "],
  ["x*", "it matches an empty text"],
  ["(?=a)b", "it has (?="],
  ["(a)\\1", "refers back"],
  ["a{9999}", "it is too large"],
])("%s is refused with the reason", (pattern, reason) => {
  expect(patternProblem(pattern)).toContain(reason);
  expect(() => makeRedact({ patterns: [pattern], secretValues: {} })).toThrow(
    /redact: the pattern .* cannot be used: /,
  );
});

test("a text that would take too many states does not leave at all", () => {
  const costly = "a(?:a|b){18}a";
  const text = Array.from({ length: 30_000 }, (_, at) => (Bun.hash(`${at}`) % 2n === 0n ? "a" : "b")).join("");
  expect(found(costly, text)).toEqual([text]);
  expect(found(costly, `x${"ab".repeat(10)}!`)).toEqual([]);
  expect(found(costly, `x${"a".repeat(20)}!`)).toEqual(["a".repeat(20)]);
});

describe("finds what JavaScript's own expressions can match", () => {
  test("in 2,000 random ones", () => {
    let state = 7;
    const below = (limit: number) => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return (state >>> 8) % limit;
    };
    const one = <T>(list: readonly T[]) => list[below(list.length)] as T;
    const make = (depth: number): string => {
      const kind = depth === 0 ? 0 : below(5);
      if (kind < 2) return one(["a", "b", "[ab]", ".", "c", "\\b", "^", "$", "[^a]", "\\w"]);
      if (kind === 2) return make(depth - 1) + make(depth - 1);
      if (kind === 3) return `(?:${make(depth - 1)}|${make(depth - 1)})`;
      return `(?:${make(depth - 1)})${one(["*", "+", "?", "{2}", "{1,3}"])}`;
    };
    let tried = 0;
    let matched = 0;
    while (tried < 2000) {
      const pattern = make(3);
      if (patternProblem(pattern) !== null) continue;
      tried++;
      const text = Array.from({ length: below(8) }, () => one(["a", "b", "c", " ", "\n"])).join("");
      const mine = new Array<boolean>(text.length).fill(false);
      patternFinder(pattern, "p")(text, (start, end) => mine.fill(true, start, end));
      const theirs = new Array<boolean>(text.length).fill(false);
      for (let start = 0; start < text.length; start++) {
        for (let end = start + 1; end <= text.length; end++) {
          const whole = `(?<=(?<![^])[^]{${start}})(?:${pattern})(?=[^]{${text.length - end}}(?![^]))`;
          if (new RegExp(whole, "um").test(text)) theirs.fill(true, start, end);
        }
      }
      if (theirs.includes(true)) matched++;
      expect({ pattern, text, found: mine }).toEqual({ pattern, text, found: theirs });
    }
    expect(matched).toBeGreaterThan(500);
  });
});
