// Workers as real processes: what they are given, how they end, and that nothing of them is left.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { getPriority, tmpdir } from "node:os";
import { join } from "node:path";
import type { Attempt } from "../src/attempt/run.ts";
import { startWorker } from "../src/attempt/worker.ts";
import { processStartTime } from "../src/system/process.ts";
import { commandOf, eventually, isGone } from "./fixtures/delivery.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "offhook-worker-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

const options = { killAfterMs: 300, note: (line: string) => expect(line).toBe("no trouble") };
const shell = (script: string, ...rest: string[]) => ["/bin/sh", "-c", script, "sh", ...rest];
const run = (argv: string[], over: Parameters<typeof commandOf>[1] = {}) =>
  startWorker(commandOf(argv, over), options).done;

const pidOf = (attempt: Attempt) => {
  if (attempt.pid === null) throw new Error("it was not started");
  return attempt.pid;
};

/** The pid that a script wrote into a file of the test's directory. */
const pidIn = (name: string) =>
  eventually(() => {
    const path = join(directory, name);
    const text = existsSync(path) ? readFileSync(path, "utf8") : "";
    return text.endsWith("\n") ? Number(text) : null;
  });

describe("a command that runs to its end", () => {
  test("reads the event from stdin, and its output and exit code are the result's", async () => {
    const result = await run(shell("cat; echo trouble >&2"), { stdin: '{"id":"é"}\n{"id":"2"}\n' });
    expect(result).toMatchObject({ outcome: "ok", exitCode: 0, signal: null, reason: null, retryAfterMs: null });
    expect(result.stdout).toBe('{"id":"é"}\n{"id":"2"}\n');
    expect(result.stderr).toBe("trouble\n");
    expect(Number.isInteger(result.durationMs)).toBe(true);
  });

  test.each([
    [0, "ok"],
    [1, "findings"],
    [7, "findings"],
    [75, "failed"],
    [100, "failed"],
    [3, "failed"],
    [127, "failed"],
  ] as const)("that exits %d is %s where 1 and 7 mean findings", async (code, outcome) => {
    expect(await run(shell(`exit ${code}`), { findings: [1, 7] })).toMatchObject({
      outcome,
      exitCode: code,
      signal: null,
    });
  });

  test("or is killed by somebody, names the signal", async () => {
    expect(await run(shell("kill -SEGV $$"))).toMatchObject({
      outcome: "killed",
      exitCode: null,
      signal: "SIGSEGV",
      reason: null,
    });
  });

  test("need not read its stdin, not even 5 MB of it", async () => {
    expect(await run(["true"], { stdin: "x".repeat(5_000_003) })).toMatchObject({ outcome: "ok" });
    expect(await run(shell("exec 0<&-; echo closed"), { stdin: "x".repeat(5_000_003) })).toMatchObject({
      outcome: "ok",
      stdout: "closed\n",
    });
  });

  test("reads 5 MB where it wants to", async () => {
    expect(await run(["wc", "-c"], { stdin: "x".repeat(5_000_003) })).toMatchObject({
      outcome: "ok",
      stdout: "5000003\n",
    });
  });

  test("leads a session and a process group of its own, at low priority", async () => {
    const nice = Math.max(10, getPriority());
    // Field 5 of stat is the group, 6 the session; the priority is lowered just after the start, so it is waited for.
    const script = `until [ "$(nice)" = ${nice} ] && { [ ! -e /proc/self/autogroup ] || grep -q 'nice 10' /proc/self/autogroup; }
      do sleep 0.02; done; cut -d' ' -f1,5,6 /proc/$$/stat`;
    const attempt = startWorker(commandOf(shell(script)), options);
    expect(await attempt.done).toMatchObject({
      outcome: "ok",
      stdout: `${attempt.pid} ${attempt.pid} ${attempt.pid}\n`,
    });
  });

  test("what it started at once is lowered with it", async () => {
    const nice = Math.max(10, getPriority());
    const child = `until [ "$(nice)" = ${nice} ]; do sleep 0.02; done; echo lowered`;
    const attempt = startWorker(commandOf(shell(`sh -c '${child}' & wait`)), options);
    expect(await attempt.done).toMatchObject({ outcome: "ok", stdout: "lowered\n" });
  });
});

describe("a command that cannot be started", () => {
  const script = (text: string, mode: number) => {
    const path = join(directory, "script");
    writeFileSync(path, text, { mode });
    return path;
  };

  test("is not started, and the reason names what was looked for and where", async () => {
    const attempt = startWorker(commandOf(["no-such-linter", "x"], { env: { PATH: "/usr/bin:/opt/x" } }), options);
    expect(attempt.pid).toBeNull();
    expect(await attempt.done).toMatchObject({
      outcome: "not-started",
      exitCode: null,
      reason: "no-such-linter: not found on the daemon's PATH (/usr/bin:/opt/x)",
    });
  });

  test.each<[string, () => [string[], string, string]]>([
    [
      "a path where nothing is",
      () => [[join(directory, "none")], directory, `${join(directory, "none")}: no such program`],
    ],
    [
      "a relative path, seen from the project",
      () => [["./none"], directory, `${join(directory, "none")}: no such program`],
    ],
    ["a directory", () => [[directory], "/", `${directory}: is a directory`]],
    ["a file without the right to run", () => [[script("#!/bin/sh\n", 0o600)], "/", "is not executable (chmod +x)"]],
    [
      "a script whose interpreter is not there",
      () => [[script("#!/no/such\n", 0o700)], "/", "the interpreter that its first line names"],
    ],
    [
      "a script without a first line",
      () => [[script("echo hi\n", 0o700)], "/", "neither a binary for this machine nor a script"],
    ],
    [
      "a directory to run in that is gone",
      () => [["true"], join(directory, "gone"), `${join(directory, "gone")}: the directory to run in is gone`],
    ],
    ["too long an argument", () => [["true", "x".repeat(300_001)], "/", "too long for the system"]],
  ])("says so of %s", async (_, make) => {
    const [argv, cwd, reason] = make();
    const result = await run(argv, { cwd });
    expect(result.outcome).toBe("not-started");
    expect(result.reason).toContain(reason);
  });

  test("shows no secret in its reason", async () => {
    const result = await run(["no-such-tool-hunter22"], { secrets: { WORD: "hunter22" } });
    expect(result).toMatchObject({ outcome: "not-started" });
    expect(JSON.stringify(result)).not.toContain("hunter22");
  });
});

describe("a command that takes too long", () => {
  test("ends at the timeout", async () => {
    const attempt = startWorker(commandOf(["sleep", "1000"], { timeoutMs: 60 }), options);
    expect(await attempt.done).toMatchObject({ outcome: "timeout", signal: "SIGTERM", reason: "no end within 60 ms" });
    expect(await isGone(pidOf(attempt))).toBe(true);
  });

  test("and ignores TERM is killed, with all of its output so far", async () => {
    const attempt = startWorker(
      commandOf(shell("trap '' TERM; echo began; while :; do sleep 0.05; done"), { timeoutMs: 700 }),
      options,
    );
    expect(await attempt.done).toMatchObject({ outcome: "timeout", signal: "SIGKILL", stdout: "began\n" });
    expect(await isGone(pidOf(attempt))).toBe(true);
  });

  test("takes with it what it started: children, and grandchildren in a session of their own that ignore TERM", async () => {
    const script = `sleep 1000 & echo $! > child
      setsid sh -c 'trap "" TERM; echo $$ > far; while :; do sleep 0.05; done' & wait`;
    const attempt = startWorker(commandOf(shell(script), { cwd: directory, timeoutMs: 2000 }), options);
    const [child, far] = [await pidIn("child"), await pidIn("far")];
    expect(processStartTime(far)).not.toBeNull();
    expect((await attempt.done).outcome).toBe("timeout");
    expect(await isGone(child)).toBe(true);
    expect(await isGone(far)).toBe(true);
  });

  test("is timed out also when it ends well on TERM: the first cause counts", async () => {
    const script = "trap 'exit 0' TERM; while :; do sleep 0.02; done";
    expect(await run(shell(script), { timeoutMs: 700 })).toMatchObject({ outcome: "timeout", exitCode: 0 });
  });

  test("has no limit where the timeout is off", async () => {
    expect(await run(["sleep", "0.2"], { timeoutMs: 0 })).toMatchObject({ outcome: "ok" });
  });
});

describe("ending early", () => {
  test("ends the whole tree, and the reason says who did it", async () => {
    const attempt = startWorker(commandOf(shell("sleep 1000 & echo $! > child; wait"), { cwd: directory }), options);
    const child = await pidIn("child");
    attempt.end();
    attempt.end();
    expect(await attempt.done).toMatchObject({ outcome: "killed", signal: "SIGTERM", reason: "ended by offhook" });
    expect(await isGone(child)).toBe(true);
  });

  test("after the timeout leaves the outcome a timeout", async () => {
    const script = "trap 'echo told > told' TERM; while :; do sleep 0.02; done";
    const attempt = startWorker(commandOf(shell(script), { cwd: directory, timeoutMs: 700 }), options);
    await eventually(() => (existsSync(join(directory, "told")) ? true : null));
    attempt.end();
    expect((await attempt.done).outcome).toBe("timeout");
  });

  test("after the end changes nothing", async () => {
    const attempt = startWorker(commandOf(["true"]), options);
    await attempt.done;
    attempt.end();
    expect((await attempt.done).outcome).toBe("ok");
  });
});

describe("what a command leaves running", () => {
  test("in its group is ended, also when it holds the output, and does not hold up the delivery", async () => {
    const result = await run(shell("trap '' TERM; sleep 1000 & echo $! > held; echo done"), { cwd: directory });
    expect(result).toMatchObject({ outcome: "ok", exitCode: 0, stdout: "done\n" });
    expect(result.stderr).toContain("ended what the command left running");
    expect(await isGone(await pidIn("held"))).toBe(true);
  });

  test("in its group is ended also when it is quiet", async () => {
    const result = await run(shell("sleep 1000 >/dev/null 2>&1 </dev/null & echo $! > quiet"), { cwd: directory });
    expect(result.outcome).toBe("ok");
    expect(await isGone(await pidIn("quiet"))).toBe(true);
  });

  test("and ends by itself at once is left to finish", async () => {
    const result = await run(shell("(sleep 0.05; echo late > late; echo late) & echo done"), { cwd: directory });
    expect(result).toMatchObject({ outcome: "ok", stdout: "done\nlate\n", stderr: "" });
    expect(existsSync(join(directory, "late"))).toBe(true);
  });

  test("in a session of its own lives on, but does not hold up the delivery", async () => {
    const result = await run(
      shell("setsid sh -c 'echo $$ > far; exec sleep 1000' & until [ -s far ]; do sleep 0.02; done"),
      { cwd: directory },
    );
    const far = await pidIn("far");
    const began = processStartTime(far);
    process.kill(far, "SIGKILL");
    expect(began).not.toBeNull();
    expect(result).toMatchObject({ outcome: "ok", exitCode: 0 });
    expect(result.stderr).toContain("still holds the output");
  });
});
