// Cannot be loaded: bun test exits 1, and its JUnit file does not name this file.
import { expect, test } from "bun:test";
// @ts-expect-error: it is not there, on purpose.
import { nothing } from "./not-there.ts";

test("never runs", () => {
  expect(nothing).toBeDefined();
});
