// Flow as people meet it: through the real binary, with real workers, judged by what ran and what was said of the rest.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { consumerOf } from "./guarded.ts";
import { openRunning, type Running, until, wrote } from "./running.ts";

let on: Running;
beforeEach(() => {
  on = openRunning();
});
afterEach(() => on.end());

/** Appends one line to HOME/runs: how many events came on stdin, and the arguments. */
const NOTE = `echo "$(wc -l) $*" >> "$OFFHOOK_HOME/runs"`;
const runs = () =>
  existsSync(join(on.home, "runs")) ? readFileSync(join(on.home, "runs"), "utf8").trim().split("\n") : [];
const skips = async () => (await on.ndjson(["deliveries", "--skipped"])).map((skip) => skip.reason);

/** A spool file as publish would have written it at that time; publish itself has no other clock than the machine's. */
function publishedAt(timeMs: number, payload: unknown, args: string[] = []): string {
  const id = Bun.randomUUIDv7("hex", timeMs);
  const body = JSON.stringify(payload);
  const time = new Date(timeMs).toISOString();
  const header = { v: 1, id, time, pid: 1, args, env: {}, size: body.length, flags: [] };
  const written = join(on.home, "spool", "tmp", `${id}.${process.pid}`);
  writeFileSync(written, `${JSON.stringify(header)}\n${body}`, { mode: 0o600 });
  renameSync(written, join(on.home, "spool", "new", id));
  return id;
}

describe("dedup", () => {
  test("two events on either side of a full second are one, in a backlog as it happened, and after a restart", async () => {
    on.consumer("c", `on = ["PostToolUse"]\nshell = '${NOTE}'\ndedup = "1h"\n`);
    const first = await on.start();
    const file = on.file("a.py");
    const second = Math.floor(Date.now() / 1000) * 1000 - 7_200_000;
    publishedAt(second - 10, wrote(file));
    publishedAt(second + 10, wrote(file));
    await until(
      async () => consumerOf(await on.status(), "c").skipped === 1,
      () => first.output(),
    );
    expect(await first.stop()).toBe(0);
    await on.start();
    publishedAt(second + 3_000_000, wrote(file));
    publishedAt(second + 3_700_000, wrote(file));
    await until(
      async () => consumerOf(await on.status(), "c").ok === 2,
      () => JSON.stringify(runs()),
    );
    expect([runs().length, await skips()]).toEqual([2, ["duplicate", "duplicate"]]);
  });
});

describe("debounce", () => {
  test("ten writes of three modules are one run with the three files, and all ten events on stdin", async () => {
    on.consumer(
      "tests",
      `on = ["PostToolUse"]
run = ["/bin/sh", "-c", '${NOTE}', "tests", "{files}"]
key = "{project}"
debounce = { quiet = "400ms", max = "30s" }
`,
    );
    await on.start();
    const files = ["a.py", "b.py", "c.py"].map((name) => on.file(`shop/${name}`));
    for (let i = 0; i < 10; i++) await on.publish(wrote(files[i % 3] ?? ""));
    const held = consumerOf(await on.status(), "tests");
    expect(held.held + held.ok).toBeGreaterThan(0);
    await on.settled();
    expect(runs()).toEqual([`10 ${[files[1], files[2], files[0]].join(" ")}`]);
    expect(await on.ndjson(["deliveries"])).toMatchObject([{ state: "ok", seqs: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] }]);
  });

  test("what comes while it runs is the next delivery, one however much it is, and max ends the wait", async () => {
    on.consumer(
      "c",
      `on = ["PostToolUse"]
shell = '${NOTE}; while test -d "$OFFHOOK_HOME" -a ! -e "$OFFHOOK_HOME/go"; do sleep 0.02; done'
debounce = { quiet = "200ms", max = "600ms" }
`,
    );
    await on.start();
    const file = on.file("a.py");
    // Never quiet: max begins it.
    let sent = 0;
    await until(
      async () => {
        await on.publish(wrote(file));
        sent++;
        return runs().length === 1;
      },
      () => "never began",
    );
    for (let i = 0; i < 5; i++) await on.publish(wrote(file));
    writeFileSync(join(on.home, "go"), "");
    await on.settled();
    const counts = runs().map((run) => Number.parseInt(run, 10));
    expect(counts.length).toBe(2);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(sent + 5);
  });

  test("a hold survives a kill of the daemon, with all its events", async () => {
    on.consumer("c", `on = ["PostToolUse"]\nshell = '${NOTE}'\ndebounce = { quiet = "1s", max = "30s" }\n`);
    const first = await on.start();
    const file = on.file("a.py");
    for (let i = 0; i < 4; i++) await on.publish(wrote(file));
    await until(
      async () => consumerOf(await on.status(), "c").lag === 0 && (await on.status()).stream.events === 4,
      () => first.output(),
    );
    await first.stop("SIGKILL");
    await on.start();
    await on.settled();
    const counts = runs().map((run) => Number.parseInt(run, 10));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(4);
  });
});

describe("debounce of what runs inside the daemon", () => {
  test("a log gets every event of a backlog, however its holds fall due while one is written", async () => {
    on.consumer("log", `on = ["t"]\nbuiltin = "log"\nkey = "all"\ndebounce = { quiet = "1ms", max = "1ms" }\n`);
    await on.start();
    await on.offhook(["pause", "log"]);
    const ids = Array.from({ length: 1501 }, (_, index) =>
      publishedAt(Date.now() - 60_000 + index, { n: index }, ["--type", "t"]),
    );
    await until(
      async () => (await on.status()).stream.events === ids.length,
      () => "not in",
    );
    await on.offhook(["resume", "log"]);
    await on.settled();
    const logged = readFileSync(join(on.home, "logs", "log.ndjson"), "utf8")
      .trim()
      .split("\n");
    expect(logged.map((line) => JSON.parse(line).id)).toEqual(ids);
  });
});

describe("cooldown, rate and age", () => {
  test("after an alert its key is quiet for a while; another key is not", async () => {
    on.consumer("alert", `on = ["PostToolUse"]\nshell = '${NOTE}'\ncooldown = "1h"\n`);
    await on.start();
    const [a, b] = [on.file("a.py"), on.file("b.py")];
    for (const file of [a, a, b, a]) await on.publish(wrote(file));
    expect(consumerOf(await on.settled(), "alert")).toMatchObject({ ok: 2, skipped: 2 });
    expect(await skips()).toEqual(["cooldown", "cooldown"]);
  });

  test("a failure does not cool down: the next event of the key runs", async () => {
    on.consumer("c", `on = ["PostToolUse"]\nshell = '${NOTE}; exit 100'\ncooldown = "1h"\n`);
    await on.start();
    const file = on.file("a.py");
    for (let i = 0; i < 2; i++) await on.publish(wrote(file));
    expect(consumerOf(await on.settled(), "c")).toMatchObject({ dead: 2, skipped: 0 });
  });

  test("no more than the rate begin within its window, and the rest waits and says so", async () => {
    on.consumer(
      "c",
      `on = ["PostToolUse"]\nshell = 'date +%s%N >> "$OFFHOOK_HOME/begun"'\nrate = "2/s"\nconcurrency = 4\n`,
    );
    await on.start();
    for (let i = 0; i < 5; i++) await on.publish(wrote(on.file(`${i}.py`)));
    await until(
      async () => (await on.ndjson(["deliveries", "--state", "ready"])).some((one) => one.reason === "rate"),
      () => "nothing waits for the rate",
    );
    expect(consumerOf(await on.settled(), "c").ok).toBe(5);
    const begun = readFileSync(join(on.home, "begun"), "utf8")
      .trim()
      .split("\n")
      .map((ns) => Number(ns) / 1e6)
      .sort();
    // 100 ms: a worker writes its line a moment after it began, one sooner than another.
    for (let i = 2; i < 5; i++) expect((begun[i] ?? 0) - (begun[i - 2] ?? 0)).toBeGreaterThan(900);
  });

  test("events older than max_age are skipped, newer ones run", async () => {
    on.consumer("c", `on = ["PostToolUse"]\nshell = '${NOTE}'\nmax_age = "10m"\n`);
    await on.start();
    publishedAt(Date.now() - 3_600_000, wrote(on.file("old.py")));
    publishedAt(Date.now() - 60_000, wrote(on.file("new.py")));
    await until(
      async () => (await on.status()).stream.events === 2,
      () => "not in",
    );
    expect(consumerOf(await on.settled(), "c")).toMatchObject({ ok: 1, skipped: 1 });
    expect(await skips()).toEqual(["max-age"]);
  });
});

describe("silencing", () => {
  test("a project's .offhook.toml silences what may be silenced, is taken back by deleting it, and runs nothing", async () => {
    on.consumer("lint", `on = ["PostToolUse"]\nshell = '${NOTE} lint'\n`);
    on.consumer("audit", `on = ["PostToolUse"]\nshell = '${NOTE} audit'\nsilenceable = false\n`);
    on.file("shop/.git/HEAD", "ref: refs/heads/main\n");
    on.file("shop/.offhook.toml", `disabled = true\n`);
    on.file("evil/.git/HEAD", "ref: refs/heads/main\n");
    on.file("evil/.offhook.toml", `disabled = ["lint"]\nrun = ["touch", "${on.root}/pwned"]\n`);
    const daemon = await on.start();
    await on.publish(wrote(on.file("shop/a.py")));
    await on.publish(wrote(on.file("evil/a.py")));
    await on.settled();
    const byConsumer = async (name: string) => {
      const { ok, skipped } = consumerOf(await on.status(), name);
      return { ok, skipped };
    };
    expect(await byConsumer("lint")).toEqual({ ok: 1, skipped: 1 });
    expect(await byConsumer("audit")).toEqual({ ok: 2, skipped: 0 });
    expect(await skips()).toEqual(["silenced"]);
    expect(daemon.output()).toContain("evil/.offhook.toml");
    expect(existsSync(join(on.root, "pwned"))).toBe(false);
  });

  test("what waits to begin when its consumer is switched off is skipped too", async () => {
    on.consumer(
      "slow",
      `on = ["PostToolUse"]\nshell = 'while test -d "$OFFHOOK_HOME" -a ! -e "$OFFHOOK_HOME/go"; do sleep 0.02; done'\n`,
    );
    await on.start();
    const file = on.file("a.py");
    for (let i = 0; i < 3; i++) await on.publish(wrote(file));
    await until(
      async () =>
        consumerOf(await on.status(), "slow").running === 1 && consumerOf(await on.status(), "slow").ready === 2,
      () => "not one running and two behind it",
    );
    on.consumer("slow", `on = ["PostToolUse"]\nshell = "true"\nenabled = false\n`);
    await until(
      async () => consumerOf(await on.status(), "slow").state === "disabled",
      () => "not disabled",
    );
    writeFileSync(join(on.home, "go"), "");
    expect(consumerOf(await on.settled(), "slow")).toMatchObject({ ok: 1, skipped: 2 });
    expect(await skips()).toEqual(["disabled", "disabled"]);
  });

  test("disabled in config.toml switches a consumer off and on again without a restart", async () => {
    on.consumer("lint", `on = ["PostToolUse"]\nshell = '${NOTE}'\nsilenceable = false\n`);
    await on.start();
    const config = readFileSync(join(on.home, "config.toml"), "utf8");
    const stateIs = (state: string) =>
      until(
        async () => consumerOf(await on.status(), "lint").state === state,
        () => `not ${state}`,
      );
    writeFileSync(join(on.home, "config.toml"), `${config}\ndisabled = ["lint"]\n`, { mode: 0o600 });
    await stateIs("disabled");
    await on.publish(wrote(on.file("a.py")));
    await on.settled();
    writeFileSync(join(on.home, "config.toml"), config, { mode: 0o600 });
    await stateIs("active");
    await on.publish(wrote(on.file("a.py")));
    expect(consumerOf(await on.settled(), "lint")).toMatchObject({ ok: 1, skipped: 1 });
    expect(await skips()).toEqual(["disabled"]);
  });
});
