// Skipped without a reason, and put off.
import { expect, test } from "bun:test";

test.skipIf(true)("skipped, nobody knows why", () => {
  expect(true).toBe(false);
});

test.todo("put off");
