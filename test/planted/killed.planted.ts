// A test that kills the process it runs in.
import { test } from "bun:test";

test("kills its process", () => {
  process.kill(process.pid, "SIGKILL");
});
