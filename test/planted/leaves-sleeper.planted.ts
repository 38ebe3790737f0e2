// Leaves a process running that holds the output open: the run must neither wait for it nor leave it.
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";

test("leaves a sleeper behind", () => {
  const sleeper = Bun.spawn(["sleep", "600"], { stdin: "ignore", stdout: "inherit", stderr: "inherit" });
  sleeper.unref();
  writeFileSync(process.env.PLANTED_PID_FILE ?? "", String(sleeper.pid));
  expect(sleeper.pid).toBeGreaterThan(0);
});
