// The path of an event, whole, through the built binary: a hook publishes, consumers run, every command shows it.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { consumerOf, isRunning } from "./guarded.ts";
import { BINARY, openRunning, type Running, until, wrote } from "./running.ts";

let on: Running;
beforeEach(() => {
  on = openRunning();
});
afterEach(() => on.end());

describe("one write and three consumers", () => {
  test("each gets it once, by its own rules, and every command tells of it", async () => {
    on.consumer(
      "lint",
      `on = ["PostToolUse"]\nfiles = ["**/*.py"]\nrun = ["grep", "-c", "import", "--", "{file}"]\nfindings = [1]\n`,
    );
    on.consumer("log", `on = ["**"]\nbuiltin = "log"\n`);
    on.consumer("other", `on = ["Stop"]\nbuiltin = "none"\n`);
    await on.start();
    const file = on.file('shop/a b\'s "c".py', "import os\n");
    await on.publish(wrote(file));
    const status = await on.settled();

    expect(consumerOf(status, "lint")).toMatchObject({
      state: "active",
      error: null,
      ok: 1,
      findings: 0,
      failed: 0,
      lag: 0,
      pending: 0,
      dead: 0,
    });
    expect(consumerOf(status, "log")).toMatchObject({ ok: 1 });
    expect(consumerOf(status, "other")).toMatchObject({ ok: 0, lastOutcomeAt: null, oldestMs: null });
    expect(status).toMatchObject({
      daemon: { running: true },
      spool: { waiting: 0, bad: 0, oldestMs: null },
      stream: { events: 1, firstSeq: 1, lastSeq: 1 },
    });

    const [event] = await on.ndjson(["events"]);
    expect(event).toMatchObject({
      specversion: "1.0",
      seq: 1,
      type: "claude-code.PostToolUse",
      subject: file,
      tool: "Write",
      project: join(on.root, "shop"),
      data: { hook_event_name: "PostToolUse" },
    });
    const [delivery] = await on.ndjson(["deliveries", "--consumer", "lint"]);
    expect(delivery).toMatchObject({
      consumer: "lint",
      key: file,
      seqs: [1],
      eventIds: [event.id],
      state: "ok",
      attempts: [{ number: 1, outcome: "ok", exitCode: 0, signal: null, stdout: "1\n", stderr: "" }],
    });
    expect(delivery.id).toStartWith("d_");
    const shown = await on.offhook(["show", event.id.slice(-8)]);
    expect(shown.stdout).toContain(delivery.id);
    expect((await on.offhook(["show", delivery.id.slice(-6)])).stdout).toContain("exit 0");
    const logged = readFileSync(join(on.home, "logs", "log.ndjson"), "utf8")
      .trim()
      .split("\n");
    expect(logged.map((line) => JSON.parse(line).id)).toEqual([event.id]);
    expect((await on.offhook(["status"])).exitCode).toBe(0);
  });

  test("what waited in the spool before the first start reaches the consumers", async () => {
    on.consumer("all", `on = ["**"]\nbuiltin = "none"\n`);
    const file = on.file("a.py");
    for (let i = 0; i < 5; i++) await on.publish(wrote(file));
    await on.start();
    expect(consumerOf(await on.settled(), "all").ok).toBe(5);
  });
});

describe("a worker", () => {
  test("gets the event on stdin, its variables, the project as its directory, and nothing of BUN_ or of unnamed secrets", async () => {
    writeFileSync(join(on.home, "secrets.env"), "NAMED=open-sesame\nUNNAMED=hush\n", { mode: 0o600 });
    on.consumer(
      "probe",
      `on = ["PostToolUse"]\nshell = 'env > "$OFFHOOK_HOME/env"; cat > "$OFFHOOK_HOME/stdin"; pwd > "$OFFHOOK_HOME/pwd"; : \${NAMED}'\n`,
    );
    await on.start([], { BUN_OPTIONS: "--smol", UNNAMED: "from the environment", CLAUDE_CODE_SESSION_ID: "stale" });
    const file = on.file("shop/a.py");
    await on.publish(wrote(file));
    await on.settled();
    const env = readFileSync(join(on.home, "env"), "utf8");
    const [event] = await on.ndjson(["events"]);
    const [delivery] = await on.ndjson(["deliveries"]);
    for (const line of [
      `OFFHOOK_FILE=${file}`,
      `OFFHOOK_EVENT_ID=${event.id}`,
      `OFFHOOK_DELIVERY_ID=${delivery.id}`,
      "OFFHOOK_CONSUMER=probe",
      "OFFHOOK_ATTEMPT=1",
      "OFFHOOK_DEPTH=1",
      "NAMED=open-sesame",
    ]) {
      expect(env).toContain(line);
    }
    expect(env).not.toMatch(/BUN_|UNNAMED|CLAUDE_CODE_SESSION_ID/);
    expect(JSON.parse(readFileSync(join(on.home, "stdin"), "utf8"))).toEqual(event);
    expect(readFileSync(join(on.home, "pwd"), "utf8").trim()).toBe(join(on.root, "shop"));
  });

  const exits: [number, string, Partial<Record<string, unknown>>][] = [
    [0, "ok", { ok: 1 }],
    [4, "findings", { findings: 1 }],
    [100, "a dead letter at once", { dead: 1, failed: 1 }],
    [9, "a dead letter after its retries", { dead: 1, failed: 3 }],
  ];
  for (const [exit, meaning, counts] of exits) {
    test(`that exits ${exit} is ${meaning}`, async () => {
      on.consumer(
        "c",
        `on = ["PostToolUse"]\nshell = "exit ${exit}"\nfindings = [4]\nretry = { max = 2, backoff = "20ms" }\n`,
      );
      await on.start();
      await on.publish(wrote(on.file("a.py")));
      expect(consumerOf(await on.settled(), "c")).toMatchObject(counts);
      expect((await on.offhook(["status"])).exitCode).toBe(meaning.includes("dead") ? 1 : 0);
    });
  }

  test("that exits 75 is tried again until it is well", async () => {
    on.consumer(
      "c",
      `on = ["PostToolUse"]\nshell = 'test "$OFFHOOK_ATTEMPT" = 3 || exit 75'\nretry = { max = 5, backoff = "20ms" }\n`,
    );
    await on.start();
    await on.publish(wrote(on.file("a.py")));
    expect(consumerOf(await on.settled(), "c")).toMatchObject({ ok: 1, failed: 2, dead: 0 });
    const [delivery] = await on.ndjson(["deliveries"]);
    expect(delivery.attempts.map((attempt: any) => attempt.exitCode)).toEqual([75, 75, 0]);
  });

  test("whose file is gone is skipped, with the reason", async () => {
    on.consumer("c", `on = ["PostToolUse"]\nrun = ["cat", "{file}"]\n`);
    const file = on.file("gone.py");
    await on.publish(wrote(file));
    rmSync(file);
    await on.start();
    expect(consumerOf(await on.settled(), "c")).toMatchObject({ ok: 0, skipped: 1, failed: 0 });
    expect(await on.ndjson(["deliveries", "--skipped"])).toMatchObject([
      { consumer: "c", seq: 1, key: file, reason: "file-gone" },
    ]);
  });
});

describe("what is not delivered", () => {
  test("a double firing is kept, marked and skipped", async () => {
    on.consumer("c", `on = ["PostToolUse"]\nbuiltin = "none"\n`);
    await on.start();
    const payload = wrote(on.file("a.py"));
    await Promise.all([on.publish(payload), on.publish(payload)]);
    await until(
      async () => (await on.status()).stream.events === 2,
      () => "no second event",
    );
    expect(consumerOf(await on.settled(), "c")).toMatchObject({ ok: 1, skipped: 1 });
    const events = await on.ndjson(["events"]);
    expect(events[1].duplicateof).toBe(events[0].id);
  });

  test("what a worker publishes is deeper and does not start a storm, unless the file says so", async () => {
    on.consumer("deep", `on = ["echo"]\nbuiltin = "none"\nmax_depth = 1\n`);
    on.consumer("echo", `on = ["PostToolUse", "echo"]\nshell = '"${BINARY}" publish --type echo --data "{}"'\n`);
    await on.start();
    await on.publish(wrote(on.file("a.py")));
    await until(
      async () => consumerOf(await on.status(), "deep")?.ok === 1,
      () => "the deep event did not come",
    );
    const status = await on.settled();
    expect(consumerOf(status, "echo")).toMatchObject({ ok: 1, skipped: 1 });
    expect(status.stream.events).toBe(2);
    expect((await on.ndjson(["events"])).map((event) => event.depth)).toEqual([0, 1]);
  });
});

describe("order and isolation", () => {
  test("one key never overlaps itself, while other keys run beside it", async () => {
    on.consumer(
      "c",
      `on = ["PostToolUse"]\nconcurrency = 4\nshell = 'd="$OFFHOOK_HOME/$(basename "$OFFHOOK_FILE")"; mkdir "$d.lock" || exit 100; sleep 0.05; echo "$OFFHOOK_EVENT_ID" >> "$d.ids"; rmdir "$d.lock"'\n`,
    );
    const [a, b] = [on.file("a.py"), on.file("b.py")];
    await on.start([], {});
    for (let i = 0; i < 7; i++) await Promise.all([on.publish(wrote(a)), on.publish(wrote(b))]);
    expect(consumerOf(await on.settled(), "c")).toMatchObject({ ok: 14, dead: 0, failed: 0 });
    const events = await on.ndjson(["events"]);
    for (const [name, file] of [
      ["a.py", a],
      ["b.py", b],
    ]) {
      const ids = events.filter((event) => event.subject === file).map((event) => event.id);
      expect(
        readFileSync(join(on.home, `${name}.ids`), "utf8")
          .trim()
          .split("\n"),
      ).toEqual(ids);
    }
  });

  test("a consumer that hangs, one that fails and one that is broken leave the others alone", async () => {
    on.consumer("hangs", `on = ["PostToolUse"]\nshell = "sleep 60"\ntimeout = "0s"\n`);
    on.consumer("fails", `on = ["PostToolUse"]\nshell = "exit 1"\nretry = { max = 0 }\n`);
    on.consumer("broken", `on = ["PostToolUse"]\nruns = ["true"]\n`);
    on.consumer("well", `on = ["PostToolUse"]\nshell = "true"\n`);
    await on.start();
    const file = on.file("a.py");
    for (let i = 0; i < 3; i++) await on.publish(wrote(file));
    await until(
      async () => consumerOf(await on.status(), "well")?.ok === 3 && consumerOf(await on.status(), "fails")?.dead === 3,
      () => "the others did not go on",
    );
    const status = await on.status();
    // Three writes, and the daemon's own events: one broken consumer, three dead letters.
    expect(consumerOf(status, "broken")).toMatchObject({ state: "broken", lag: 7 });
    expect(consumerOf(status, "broken").error).toMatch(/broken\.toml:2: .*runs.*run/);
    expect(consumerOf(status, "hangs")).toMatchObject({ running: 1, ready: 2 });
  });
});

describe("live reload", () => {
  test("a new file is a new consumer, an edit is followed, a removed one is shown as removed", async () => {
    await on.start();
    const file = on.file("a.py");
    await on.publish(wrote(file));
    await until(
      async () => (await on.status()).stream.events === 1,
      () => "not ingested",
    );
    on.consumer("c", `on = ["PostToolUse"]\nshell = "echo one"\n`);
    await until(
      async () => consumerOf(await on.status(), "c")?.state === "active",
      () => "not picked up",
    );
    await on.publish(wrote(file));
    expect(consumerOf(await on.settled(), "c").ok).toBe(1);
    on.consumer("c", `on = ["PostToolUse"]\nshell = "echo two"\nfindings = [3]\n`);
    await until(
      async () => {
        await on.publish(wrote(file));
        await on.settled();
        return (await on.ndjson(["deliveries", "--limit", "1"]))[0].attempts[0].stdout === "two\n";
      },
      () => "the edit was not followed",
    );
    rmSync(join(on.home, "consumers", "c.toml"));
    await until(
      async () => consumerOf(await on.status(), "c").state === "removed",
      () => "not shown as removed",
    );
  });

  test("a broken edit leaves the last good version running, says so, and SIGHUP reads the mended one", async () => {
    on.consumer("c", `on = ["PostToolUse"]\nshell = "true"\n`);
    const daemon = await on.start();
    on.consumer("c", `on = ["PostToolUse"\nshell = "true"\n`);
    await until(
      async () => consumerOf(await on.status(), "c").state === "stale",
      () => daemon.output(),
    );
    await on.publish(wrote(on.file("a.py")));
    expect(consumerOf(await on.settled(), "c").ok).toBe(1);
    const status = await on.offhook(["status"]);
    expect(status.exitCode).toBe(1);
    expect(status.stdout).toMatch(/c\.toml:2/);
    on.consumer("c", `on = ["PostToolUse"]\nshell = "true"\n`);
    process.kill(daemon.pid, "SIGHUP");
    await until(
      async () => consumerOf(await on.status(), "c").state === "active",
      () => daemon.output(),
    );
  });
});

describe("the daemon", () => {
  test("a second one is told who holds the home, and exits 75", async () => {
    const first = await on.start();
    const second = await on.offhook(["consume"]);
    expect(second.exitCode).toBe(75);
    expect(second.stderr).toContain(`pid ${first.pid}`);
  });

  test("ends on SIGTERM when what runs has ended, and exits 0", async () => {
    on.consumer("c", `on = ["PostToolUse"]\nshell = "sleep 0.3; echo done"\n`);
    const daemon = await on.start();
    await on.publish(wrote(on.file("a.py")));
    await until(
      async () => consumerOf(await on.status(), "c").running === 1,
      () => "not running",
    );
    expect(await daemon.stop()).toBe(0);
    expect(await on.ndjson(["deliveries"])).toMatchObject([{ state: "ok", attempts: [{ stdout: "done\n" }] }]);
    expect(await on.status()).toMatchObject({ daemon: { running: false, pid: null } });
  });

  test("killed with -9, the next one ends what was left running, runs it again and counts no attempt", async () => {
    on.consumer(
      "c",
      `on = ["PostToolUse"]\nretry = { max = 0 }\nshell = 'test "$OFFHOOK_ATTEMPT" = 2 && exit 0; echo $$ > "$OFFHOOK_HOME/worker"; exec sleep 60'\n`,
    );
    const first = await on.start();
    await on.publish(wrote(on.file("a.py")));
    await until(
      () => existsSync(join(on.home, "worker")),
      () => "the worker did not start",
    );
    await first.stop("SIGKILL");
    const worker = Number(readFileSync(join(on.home, "worker"), "utf8"));
    expect(isRunning(worker)).toBe(true);
    await on.start();
    expect(consumerOf(await on.settled(), "c")).toMatchObject({ ok: 1, failed: 0, dead: 0 });
    const [delivery] = await on.ndjson(["deliveries"]);
    expect(delivery.attempts.map((attempt: any) => attempt.outcome)).toEqual(["killed", "ok"]);
    expect(isRunning(worker)).toBe(false);
  });

  test("started for some consumers runs those only, and the others lose nothing", async () => {
    on.consumer("a", `on = ["PostToolUse"]\nbuiltin = "none"\n`);
    on.consumer("b", `on = ["PostToolUse"]\nbuiltin = "none"\n`);
    const first = await on.start(["a"]);
    await on.publish(wrote(on.file("a.py")));
    await until(
      async () => consumerOf(await on.status(), "a").ok === 1,
      () => "a did not run",
    );
    expect(consumerOf(await on.status(), "b")).toMatchObject({ state: "left-out", lag: 1, ok: 0 });
    await first.stop();
    await on.start();
    expect(consumerOf(await on.settled(), "b").ok).toBe(1);
    expect((await on.offhook(["consume", "nobody"])).exitCode).toBe(66);
  });
});
