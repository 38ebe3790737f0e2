// The log file and the desktop notice.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { appendLog, notifyCommand } from "../src/attempt/builtin.ts";
import { planDelivery } from "../src/attempt/plan.ts";
import { startAttempt } from "../src/attempt/run.ts";
import { consumerWith, contextHere, storedEvent } from "./fixtures/delivery.ts";

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "offhook-builtin-"));
  path = join(directory, "logs", "all.ndjson");
});
afterEach(() => rmSync(directory, { recursive: true }));

const options = { killAfterMs: 300, note: (line: string) => expect(line).toBe("no trouble") };
const read = (name: string) => readFileSync(name, "utf8");

describe("the log", () => {
  test("gets each delivery's CloudEvents as lines, in a file of ours alone", async () => {
    const log = consumerWith({ kind: "builtin", builtin: "log" }, { name: "all" });
    for (const seqs of [[1, 2], [3]]) {
      const plan = planDelivery(
        log,
        seqs.map((seq) => storedEvent({ seq })),
        contextHere(directory),
      );
      const attempt = startAttempt(plan, options);
      expect(attempt.pid).toBeNull();
      expect(await attempt.done).toMatchObject({ outcome: "ok", exitCode: null, reason: null });
    }
    const lines = read(path).trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line).seq)).toEqual([1, 2, 3]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(directory, "logs")).mode & 0o777).toBe(0o700);
  });

  test("is moved aside before it grows too large, and one older log is kept", () => {
    for (const text of ["one\n", "two\n", "three\n", "four\n"]) expect(appendLog(path, text, 9).outcome).toBe("ok");
    expect(read(path)).toBe("four\n");
    expect(read(`${path}.1`)).toBe("three\n");
  });

  test("takes what is larger than its limit all the same, by itself", () => {
    appendLog(path, "small\n", 9);
    appendLog(path, "larger than nine\n", 9);
    expect(read(path)).toBe("larger than nine\n");
    expect(read(`${path}.1`)).toBe("small\n");
  });

  test("is not written through a link, into a FIFO or over a directory", () => {
    appendLog(path, "mine\n");
    const other = join(directory, "other");
    writeFileSync(other, "theirs");
    symlinkSync(other, join(directory, "logs", "link.ndjson"));
    Bun.spawnSync(["mkfifo", join(directory, "logs", "fifo.ndjson")]);
    for (const name of ["link.ndjson", "fifo.ndjson", ""]) {
      const result = appendLog(join(directory, "logs", name), "x\n");
      expect(result.outcome).toBe("failed");
      expect(result.reason).not.toBeNull();
    }
    expect(read(other)).toBe("theirs");
  });

  test("on a full disk fails, and keeps no half line", () => {
    appendLog(path, "whole\n");
    // RLIMIT_FSIZE stands for the full disk: the write stops in the middle. Blocks of 512 bytes in sh.
    const script = `import { appendLog } from ${JSON.stringify(join(import.meta.dir, "../src/attempt/builtin.ts"))};
      console.log(JSON.stringify(appendLog(${JSON.stringify(path)}, "x".repeat(5003) + "\\n")));`;
    const ran = Bun.spawnSync([
      "/bin/sh",
      "-c",
      'trap "" XFSZ; ulimit -f 2; exec "$@"',
      "sh",
      process.execPath,
      "-e",
      script,
    ]);
    const result = JSON.parse(ran.stdout.toString());
    expect(result.outcome).toBe("failed");
    expect(result.reason).toContain("EFBIG");
    expect(read(path)).toBe("whole\n");
  });
});

describe("the notice", () => {
  const nasty = storedEvent({ subject: '/home/ann/shop/<b>&"; do shell script "x.py' });
  const shown = 'PostToolUse Write <b>&"; do shell script "x.py in shop';

  test("on Linux is notify-send with escaped markup, and no text of it can be an option", () => {
    const escaped = shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
    expect(notifyCommand("linux", "alert", [nasty])).toEqual([
      "notify-send",
      "--app-name=offhook",
      "--",
      "offhook: alert",
      escaped,
    ]);
  });

  test("on macOS is a fixed script with the texts as its arguments", () => {
    const [program, ...rest] = notifyCommand("darwin", "alert", [nasty]);
    expect(program).toBe("/usr/bin/osascript");
    expect(rest.slice(-2)).toEqual(["offhook: alert", shown]);
    expect(rest.slice(0, -2)).toEqual(notifyCommand("darwin", "other", [storedEvent()]).slice(1, -2));
  });

  test("is at most 1,000 characters, also for many events", () => {
    const body =
      notifyCommand("darwin", "alert", Array(30).fill(storedEvent({ subject: "😀".repeat(100) }))).at(-1) ?? "";
    expect(body.length).toBeLessThanOrEqual(1000);
    expect(body.isWellFormed()).toBe(true);
  });

  test("runs as a command like any other", async () => {
    const tool = join(directory, "notify-send");
    writeFileSync(tool, '#!/bin/sh\nprintf "%s|" "$@"\n');
    chmodSync(tool, 0o700);
    const context = { ...contextHere(directory), environment: { PATH: `${directory}:/usr/bin:/bin` } };
    const notify = consumerWith({ kind: "builtin", builtin: "notify" }, { name: "alert" });
    const plan = planDelivery(notify, [storedEvent({ project: directory, subject: null })], context);
    const name = directory.split("/").at(-1);
    expect(await startAttempt(plan, options).done).toMatchObject({
      outcome: "ok",
      stdout: `--app-name=offhook|--|offhook: alert|PostToolUse Write in ${name}|`,
    });
  });
});

test("none is ok at once", async () => {
  const plan = planDelivery(
    consumerWith({ kind: "builtin", builtin: "none" }),
    [storedEvent()],
    contextHere(directory),
  );
  expect(await startAttempt(plan, options).done).toMatchObject({
    outcome: "ok",
    durationMs: 0,
    stdout: "",
    stderr: "",
  });
});
