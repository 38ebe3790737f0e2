// One test fails, in a group; one passes.
import { describe, expect, test } from "bun:test";

describe("a group", () => {
  test('fails <loudly> & "clearly"', () => {
    expect("wolf").toBe("sheep");
  });
});

test("passes", () => {
  expect(true).toBe(true);
});
