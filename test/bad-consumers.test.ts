// Consumer files that cannot be used: each is told with its file, line and what to write, its events wait, and the others run.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { consumerOf, openGuarded, timesIn } from "./guarded.ts";
import { type Running, until, wrote } from "./running.ts";

const WELL = `on = ["PostToolUse"]\nbuiltin = "none"\n`;

let on: Running;
beforeEach(() => {
  on = openGuarded();
  on.consumer("well", WELL);
});
afterEach(() => on.end());

const path = (name: string) => join(on.home, "consumers", `${name}.toml`);
const publish = () => on.publish(wrote(on.file("a.py")));
const stateOf = async (name: string) => consumerOf(await on.status(), name)?.state;
const becomes = (name: string, state: string) =>
  until(
    async () => (await stateOf(name)) === state,
    () => `${name} is not ${state}`,
  );

describe("a consumer file with a mistake", () => {
  const mistakes: [string, string, RegExp][] = [
    ["a key that is none", `on = ["PostToolUse"]\n\nruns = ["true"]\n`, /consumers\/bad\.toml:3: .*runs.*run/],
    ["a value of another kind", `on = ["PostToolUse"]\ntimeout = 60\nshell = "true"\n`, /bad\.toml:2: .*timeout.*"/],
    ["a quote that is missing", `on = ["PostToolUse"]\nshell = "true\nkey = "x"\n`, /bad\.toml:2: /],
    ["nothing that runs", `# What I want to run:\non = ["PostToolUse"]\n`, /bad\.toml.*run.*shell.*webhook.*builtin/],
    [
      "two things that run",
      `on = ["PostToolUse"]\nshell = "true"\nbuiltin = "none"\n`,
      /bad\.toml:3: .*(shell|builtin)/,
    ],
    ["an event pasted into code", `on = ["PostToolUse"]\nshell = "lint {file}"\n`, /bad\.toml:2: .*\$OFFHOOK_FILE/],
    ["a key of a later version", `on = ["PostToolUse"]\npartitions = 8\nshell = "true"\n`, /bad\.toml:2: .*partitions/],
    ["nothing in it", "", /bad\.toml:1: on is missing; write .*on = /],
  ];
  for (const [what, toml, said] of mistakes) {
    test(`(${what}) is told with file, line and what to write wherever one looks`, async () => {
      on.consumer("bad", toml);
      const daemon = await on.start();
      await publish();
      expect(daemon.output()).toMatch(said);
      const status = await on.offhook(["status"]);
      expect(status.exitCode).toBe(1);
      expect(status.stdout).toMatch(said);
      const tried = await on.offhook(["try", "bad"], { stdin: JSON.stringify(wrote(on.file("a.py"))) });
      expect(tried).toMatchObject({ exitCode: 78, stdout: "", stderr: expect.stringMatching(said) });
      await until(
        async () => consumerOf(await on.status(), "well").ok === 1,
        () => "the other one did not run",
      );
      // The write, and the daemon's own event about the broken file.
      expect(consumerOf(await on.status(), "bad")).toMatchObject({ state: "broken", lag: 2, pending: 0, ok: 0 });
      on.consumer("bad", WELL);
      await until(
        async () => consumerOf(await on.status(), "bad").state === "active",
        () => "the mended file was not picked up",
      );
      expect(consumerOf(await on.settled(), "bad")).toMatchObject({ state: "active", ok: 1, error: null });
    });
  }

  test("takes nothing of its start: mended, it begins with the earliest event, as its file says", async () => {
    await on.start();
    await publish();
    on.consumer("bad", `on = ["PostToolUse"]\nstart = "earliest"\nbuiltin = "nome"\n`);
    await until(
      async () => consumerOf(await on.status(), "bad")?.state === "broken",
      () => "not seen",
    );
    on.consumer("bad", `on = ["PostToolUse"]\nstart = "earliest"\nbuiltin = "none"\n`);
    await until(
      async () => consumerOf(await on.status(), "bad").ok === 1,
      () => "it did not get what was there before",
    );
  });

  test("is refused by `consume NAME` no less than by `consume`: it waits, and the daemon runs", async () => {
    on.consumer("bad", "on = 1\n");
    const daemon = await on.start(["bad"]);
    expect(daemon.output()).toMatch(/bad\.toml:1: /);
    expect(await on.status()).toMatchObject({ daemon: { running: true } });
  });
});

describe("in the place of a consumer file", () => {
  const things: [string, RegExp, () => void][] = [
    ["directory", /not a file/, () => mkdirSync(path("directory"))],
    ["fifo", /not a file/, () => Bun.spawnSync(["mkfifo", "-m", "600", path("fifo")])],
    ["nowhere", /link to nothing/, () => symlinkSync("/nowhere/at/all", path("nowhere"))],
    ["itself", /cannot be read/, () => symlinkSync("itself.toml", path("itself"))],
    ["large", /larger than 1 MiB/, () => on.consumer("large", `# ${"x".repeat(2_000_003)}\n${WELL}`)],
    ["bytes", /not UTF-8/, () => writeFileSync(path("bytes"), Buffer.from([0x6f, 0x6e, 0xff, 0xfe]), { mode: 0o600 })],
    ["nul", /nul\.toml/, () => on.consumer("nul", `${WELL}\0`)],
    [
      "open",
      /chmod go-w/,
      () => Bun.spawnSync(["sh", "-c", 'umask 0; printf %s "$2" > "$1"', "sh", path("open"), WELL]),
    ],
    ["Bad Name", /rename it to bad-name\.toml/, () => on.consumer("Bad Name", WELL)],
    ["new\nline", /rename it to new-line\.toml/, () => on.consumer("new\nline", WELL)],
  ];
  for (const when of ["before the daemon starts", "while it runs"]) {
    test(`anything else, ${when}, is told and nobody's trouble`, async () => {
      const plant = () => {
        for (const [, , put] of things) put();
      };
      if (when.startsWith("before")) plant();
      const daemon = await on.start();
      if (!when.startsWith("before")) plant();
      for (const [name] of things) await becomes(name, "broken");
      await publish();
      await until(
        async () => consumerOf(await on.status(), "well").ok === 1,
        () => "the other one did not run",
      );
      const status = await on.status();
      for (const [name, said] of things) {
        const { state, error } = consumerOf(status, name);
        expect(state).toBe("broken");
        expect(error).toMatch(said);
        expect([name, timesIn(daemon.output(), error)]).toEqual([name, 1]);
      }
      expect(await on.offhook(["try", "fifo"])).toMatchObject({ exitCode: 78, stdout: "" });
      const text = (await on.offhook(["status"])).stdout;
      for (const [name] of things) expect(text).toContain(`! ${name.replace("\n", "\\n")} does not run:\n`);
      rmSync(path("directory"), { recursive: true });
      on.consumer("directory", WELL);
      chmodSync(path("open"), 0o600);
      for (const mended of ["directory", "open"]) {
        await until(
          async () => consumerOf(await on.status(), mended).ok === 1,
          () => `what waited did not run: ${mended}`,
        );
      }
    });
  }
});

describe("an editor that saves", () => {
  test("a new file in two steps: nothing that came in between is missed", async () => {
    await on.start();
    writeFileSync(path("new"), `on = ["Post`, { mode: 0o600 });
    await becomes("new", "broken");
    await publish();
    writeFileSync(path("new"), WELL);
    expect(consumerOf(await on.settled(), "new")).toMatchObject({ state: "active", ok: 1 });
  });

  test("in half, then whole: the last good version goes on in between, and each event is run once", async () => {
    on.consumer("edited", `on = ["PostToolUse"]\nshell = "echo one"\n`);
    const daemon = await on.start();
    const halves: [string, RegExp][] = [
      [`on = ["PostToolUse"]\nshell = "ech`, /edited\.toml:2: /],
      ["", /edited\.toml:1: on is missing/],
      ["on = ", /edited\.toml:1: .*missing value/],
    ];
    for (const [half, said] of halves) {
      truncateSync(path("edited"));
      writeFileSync(path("edited"), half);
      await until(
        async () => said.test(consumerOf(await on.status(), "edited").error ?? ""),
        () => daemon.output(),
      );
      expect(await stateOf("edited")).toBe("stale");
      await publish();
      await on.settled();
    }
    writeFileSync(path("edited"), `on = ["PostToolUse"]\nshell = "echo two"\n`);
    await becomes("edited", "active");
    await publish();
    expect(consumerOf(await on.settled(), "edited")).toMatchObject({ ok: 4, failed: 0 });
    const said = (await on.ndjson(["deliveries", "--consumer", "edited"])).map((one) => one.attempts[0].stdout);
    expect(said).toEqual(["one\n", "one\n", "one\n", "two\n"]);
    expect(timesIn(daemon.output(), "the last good version goes on")).toBeGreaterThanOrEqual(3);
  });

  test("through a file beside it leaves no consumer behind", async () => {
    await on.start();
    for (const beside of [".well.toml.swp", "well.toml~", "4913", ".#well.toml", "well.toml.bak"]) {
      writeFileSync(join(on.home, "consumers", beside), "half a line");
    }
    writeFileSync(join(on.home, "consumers", "well.toml.new"), `on = ["PostToolUse"]\nshell = "echo new"\n`, {
      mode: 0o600,
    });
    renameSync(join(on.home, "consumers", "well.toml.new"), path("well"));
    await until(
      async () => {
        await publish();
        await on.settled();
        return (await on.ndjson(["deliveries", "--limit", "1"]))[0].attempts[0].stdout === "new\n";
      },
      () => "the saved file was not followed",
    );
    expect((await on.status()).consumers.map((one: any) => [one.name, one.state])).toEqual([["well", "active"]]);
  });
});
