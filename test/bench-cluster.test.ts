// The benchmark's part about two nodes and a Redis: it measures where a redis-server is, and says so where none is.
import { expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BINARY } from "./binary.ts";
import { redisProgram } from "./redis-server.ts";

const BENCH = new URL("../scripts/bench.ts", import.meta.url).pathname;
const isHere = redisProgram !== null && Bun.which("redis-benchmark") !== null;
const named = (name: string) => (isHere ? name : `${name} (reason: redis-server or redis-benchmark is not installed)`);

/** Runs the part, roughly; `path`: where programs are looked for. */
function bench(words: string[], path = process.env.PATH ?? "") {
  const argv = [process.execPath, BENCH, "--only", "cluster", "--quick", "--offhook", BINARY, "--null", "/bin/true"];
  const { exitCode, stdout, stderr } = Bun.spawnSync([...argv, ...words], {
    env: { PATH: path, HOME: "/" },
    stdin: "ignore",
    timeout: 60_000,
  });
  return { exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
}

test.skipIf(!isHere)(
  named("both figures are measured, each beside what it is judged by"),
  () => {
    const ran = bench(["--json"]);
    expect(ran).toMatchObject({ exitCode: 0, stderr: "" });
    const [part] = JSON.parse(ran.stdout).compared;
    expect(part.name).toBe("cluster");
    const [rate, latency] = part.rows;
    expect(rate).toMatchObject({ unit: "/s", aim: { kind: "share", least: 0.25 } });
    expect(rate.base).toBeGreaterThan(rate.measured);
    expect(rate.measured).toBeGreaterThan(0);
    expect(latency).toMatchObject({ unit: "ms", base: 0, aim: { kind: "more", most: 25 } });
    expect(latency.measured).toBeGreaterThan(0);
  },
  90_000,
);

test("without a redis-server nothing is measured, and the checks are skipped with the reason", () => {
  const directory = mkdtempSync(join(tmpdir(), "offhook-bench-path-"));
  try {
    for (const name of ["date", "sync"]) {
      const from = Bun.which(name);
      if (from !== null && existsSync(from)) symlinkSync(from, join(directory, name));
    }
    const ran = bench(["--check"], directory);
    expect(ran.stdout).toContain("not to be seen here");
    expect(ran.stdout).toContain("skip cluster, events of 1 KB");
    expect(ran).toMatchObject({ exitCode: 0, stderr: "" });
    expect(ran.stdout.trim().split("\n").at(-1)).toBe("0 passed, 0 failed, 2 skipped");
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
