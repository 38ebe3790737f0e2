// One test is skipped, with its reason.
import { expect, test } from "bun:test";

test("passes", () => {
  expect(true).toBe(true);
});

test.skipIf(true)("needs a machine of glass (reason: this one is of metal)", () => {
  expect(true).toBe(false);
});
