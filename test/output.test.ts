// What is kept of a worker's output: both ends, whole characters, no secrets; and what it costs to drain the rest.
import { describe, expect, test } from "bun:test";
import { startWorker } from "../src/attempt/worker.ts";
import { commandOf } from "./fixtures/delivery.ts";

const options = { killAfterMs: 300, note: (line: string) => expect(line).toBe("no trouble") };
const shell = (script: string) => ["/bin/sh", "-c", script];
const run = (argv: string[], over: Parameters<typeof commandOf>[1] = {}) =>
  startWorker(commandOf(argv, over), options).done;

describe("output", () => {
  test("of 200 MB takes no memory; its first and last part are kept, and how much is not", async () => {
    const before = process.memoryUsage.rss();
    const result = await run(
      shell("echo first; head -c 200000003 /dev/zero | tr '\\0' x; echo; echo last; echo flood >&2"),
    );
    expect(process.memoryUsage.rss() - before).toBeLessThan(100_000_000);
    expect(result.outcome).toBe("ok");
    expect(result.stdout).toStartWith("first\nxxx");
    expect(result.stdout).toEndWith("xxx\nlast\n");
    expect(result.stdout).toContain(`\n[${6 + 200_000_003 + 6 - 8 * 1024 - 24 * 1024} bytes left out]\n`);
    expect(result.stdout.length).toBeLessThan(33_000);
    expect(result.stderr).toBe("flood\n");
  });

  test("is never cut inside a character", async () => {
    // 3 bytes each, and one byte before and after: neither cut falls between two of them.
    const result = await run(
      shell("printf '.'; i=0; while [ $i -lt 500 ]; do printf '€%.0s' $(seq 100); i=$((i+1)); done; printf '.'"),
    );
    const [, start = "", left = "", end = ""] = /^\.(€+)\n\[(\d+) bytes left out\]\n(€+)\.$/.exec(result.stdout) ?? [];
    expect(start.length * 3 + Number(left) + end.length * 3).toBe(150_000);
  });

  test("that just fits is whole", async () => {
    const size = 8 * 1024 + 24 * 1024;
    expect((await run(shell(`head -c ${size} /dev/zero | tr '\\0' x`))).stdout).toBe("x".repeat(size));
  });

  test("may hold any bytes: what is no UTF-8 and NUL are replaced, control characters stay", async () => {
    const { stdout } = await run(["printf", "a\\000b\\377c\\033[1m"]);
    expect(stdout).toBe("a\u2400b\ufffdc\u001b[1m");
  });

  test("holds no secret, also not a part of one where the output was cut", async () => {
    const secret = `s3cret-${"abcdefgh".repeat(4)}`;
    const script = `echo "token $WORD"; head -c 8120 /dev/zero | tr '\\0' x; i=0; while [ $i -lt 900 ]; do printf %s "$WORD"; i=$((i+1)); done`;
    const { stdout } = await run(shell(script), {
      env: { PATH: process.env.PATH ?? "", WORD: secret },
      secrets: { WORD: secret },
    });
    expect(stdout).toStartWith("token ${WORD}\nxxx");
    expect(stdout).toContain("bytes left out");
    expect(stdout).not.toContain("s3cret");
    expect(stdout).not.toContain("efgh");
  });
});
