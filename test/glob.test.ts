// Globs over text, against their plain definition.
import { describe, expect, test } from "bun:test";
import { compileGlob } from "../src/match/glob.ts";

describe("a glob", () => {
  /** The definition, as slow as it is plain. */
  function slow(glob: string, text: string, stop: string | null): boolean {
    if (glob === "") return text === "";
    const deep = glob.startsWith("**");
    if (glob.startsWith("*")) {
      if (slow(glob.slice(deep ? 2 : 1), text, stop)) return true;
      return text !== "" && (deep || text[0] !== stop) && slow(glob, text.slice(1), stop);
    }
    if (text === "" || (glob[0] === "?" ? text[0] === stop : glob[0] !== text[0])) return false;
    return slow(glob.slice(1), text.slice(1), stop);
  }

  test("answers as its definition does, on 60,000 small cases", () => {
    let seed = 7;
    const next = (below: number) => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    const word = (letters: string, longest: number) =>
      Array.from({ length: next(longest + 1) }, () => letters[next(letters.length)]).join("");
    let matched = 0;
    for (let i = 0; i < 60_000; i++) {
      const glob = word("ab.*?*", 7);
      const text = word("aab.", 8);
      const stop = i % 2 === 0 ? "." : null;
      const expected = slow(glob, text, stop);
      matched += expected ? 1 : 0;
      if (compileGlob(glob, stop)(text) !== expected)
        throw new Error(`${glob} on ${text} with stop ${stop} should be ${expected}`);
    }
    expect(matched).toBeGreaterThan(3_000);
  });
  test("takes an emoji for one character", () => {
    expect(compileGlob("a?b", null)("a😀b")).toBe(true);
  });
  test("does not explode on a text made for it", () => {
    expect(compileGlob("*a*a*a*a*a*a*a*a*a*a*b", null)("a".repeat(20_000))).toBe(false);
    expect(compileGlob("**.a*a*.**.a*a*.**b", ".")("a.aa.".repeat(4_000))).toBe(false);
  });
});
