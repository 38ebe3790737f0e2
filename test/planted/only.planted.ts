// One test marked "only" would leave out the others unseen.
import { expect, test } from "bun:test";

test("would fail, but is left out", () => {
  expect(true).toBe(false);
});

// biome-ignore lint/suspicious/noFocusedTests: this is what is tested.
test.only("passes", () => {
  expect(true).toBe(true);
});
