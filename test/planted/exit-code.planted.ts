// Every test passes, yet bun test exits 3.
import { expect, test } from "bun:test";

test("sets the exit code", () => {
  process.exitCode = 3;
  expect(process.exitCode).toBe(3);
});
