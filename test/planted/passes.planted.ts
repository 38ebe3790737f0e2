// Well: the wrapper must not cry wolf.
import { expect, test } from "bun:test";

test("one and one is two", () => {
  expect(1 + 1).toBe(2);
});
