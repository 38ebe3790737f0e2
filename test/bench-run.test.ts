// The benchmark with real processes: who runs when, what a race refuses, what --check makes of planted programs, and that
// nothing is left behind.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EXIT } from "../src/errors.ts";
import { type Contestant, race } from "../src/measure/measure.ts";
import { makeScratch } from "../src/measure/scratch.ts";

/** A whole run of the benchmark takes seconds; on a busy machine many. */
const PATIENCE_MS = 60_000;
const BENCH = new URL("../scripts/bench.ts", import.meta.url).pathname;
let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "offhook-bench-test-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** A program for a race: a shell command, with the test's directory in $D. */
function shell(name: string, command: string): Contestant {
  return { name, argv: ["/bin/sh", "-c", command], env: { PATH: "/usr/bin:/bin", D: directory } };
}

const plan = {
  stdin: Buffer.from("{}\n"),
  rounds: 5,
  warmUpRounds: 2,
  concurrency: 3,
  limitMs: 20_000,
  afterTurn: () => {},
};

describe("a race", () => {
  test("lets everybody run once in each round, so many at once, and does not count the warm-up", async () => {
    const turns: string[] = [];
    const lanes = await race({
      ...plan,
      contestants: [shell("a", "cat >$D/a.$$"), shell("b", "cat >$D/b.$$"), shell("c", "cat >$D/c.$$")],
      afterTurn({ name }) {
        const files = readdirSync(directory);
        turns.push(name);
        // All of this turn have ended, and none of the next has begun.
        expect(files.map((file) => file[0])).toEqual([name, name, name] as string[]);
        for (const file of files) {
          expect(readFileSync(join(directory, file), "utf8")).toBe("{}\n");
          rmSync(join(directory, file));
        }
      },
    });
    const rounds = Array.from({ length: 7 }, (_, round) =>
      turns
        .slice(round * 3, round * 3 + 3)
        .toSorted()
        .join(""),
    );
    expect(rounds).toEqual(Array(7).fill("abc"));
    expect(lanes.map(({ name, timesMs }) => [name, timesMs.length])).toEqual([
      ["a", 15],
      ["b", 15],
      ["c", 15],
    ]);
    expect(lanes.every(({ timesMs }) => timesMs.every((ms) => ms > 0))).toBe(true);
  });

  test("gives each process a socket as stdin, as Claude Code does, and the whole of a large input", async () => {
    const stdin = Buffer.alloc(3_000_017, "x");
    const socket = shell(
      "socket",
      'case "$(readlink /proc/self/fd/0 || echo socket:)" in socket:*) test "$(wc -c)" -eq 3000017 ;; *) exit 9 ;; esac',
    );
    const [lane] = await race({ ...plan, contestants: [socket], stdin, rounds: 1, concurrency: 1 });
    expect(lane?.timesMs.length).toBe(1);
  });

  test("ends with what the program said when one fails", async () => {
    const broken = shell("broken", "cat >/dev/null; echo no room here >&2; exit 7");
    await expect(race({ ...plan, contestants: [broken] })).rejects.toThrow(/^broken ended with 7 .*no room here$/);
  });

  test("takes no run that could not be started for one, though it may fail", async () => {
    const place = join(directory, "place");
    mkdirSync(place);
    // It takes away the directory in which it stands.
    const vandal = { ...shell("vandal", 'cat >/dev/null; rmdir "$D/place"; exit 1'), cwd: place, mayFail: true };
    await expect(race({ ...plan, contestants: [vandal], concurrency: 1 })).rejects.toThrow(
      "vandal could not be started: ",
    );
  });

  test("ends when a program exits 0 without having read its stdin", async () => {
    const deaf = shell("deaf", "exit 0");
    await expect(race({ ...plan, contestants: [deaf], stdin: Buffer.alloc(3_000_017, "x") })).rejects.toThrow(
      "deaf did not read its stdin",
    );
  });

  test("begins no new round after its time", async () => {
    const [lane] = await race({
      ...plan,
      contestants: [shell("a", "cat >/dev/null")],
      rounds: 1_000_003,
      concurrency: 1,
      limitMs: 100,
    });
    expect(lane?.timesMs.length).toBeGreaterThan(0);
    expect(lane?.timesMs.length).toBeLessThan(1_000);
  });
});

test("the scratch directory takes the processes that belong to it with it", async () => {
  const scratch = makeScratch();
  scratch.makeHome({ lint: 'on = ["Stop"]\nbuiltin = "none"\n' });
  const child = Bun.spawn(["sleep", "600"]);
  scratch.own(child);
  scratch.end();
  await child.exited;
  expect(child.signalCode).toBe("SIGKILL");
  expect(existsSync(scratch.path)).toBe(false);
  scratch.end();
});

describe("--check", () => {
  const STORE = 'cat >"$OFFHOOK_HOME/spool/new/$$"';

  function start(programs: { publish: string; control: string }, options: string[]) {
    const [publish, control] = [join(directory, "publish"), join(directory, "control")];
    writeFileSync(publish, `#!/bin/sh\n${programs.publish}\n`, { mode: 0o700 });
    writeFileSync(control, `#!/bin/sh\n${programs.control}\n`, { mode: 0o700 });
    const words = `--check --quick --only 1k --offhook ${publish} --null ${control}`.split(" ");
    return Bun.spawn([process.execPath, BENCH, ...words, ...options], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
  }

  async function check(programs: { publish: string; control: string }, ...options: string[]) {
    const bench = start(programs, options);
    const [stdout, stderr] = await Promise.all([new Response(bench.stdout).text(), new Response(bench.stderr).text()]);
    return { exitCode: await bench.exited, stdout, stderr };
  }

  test(
    "passes a publish that costs no more than the control",
    async () => {
      const { exitCode, stdout, stderr } = await check({ publish: STORE, control: "cat >/dev/null; sleep 0.02" });
      expect(stderr).toBe("");
      expect(stdout).toMatch(/^ok {3}publish 1 KB p50: .* ms <= .* ms = null .* \+ 2 ms x 1\.5/m);
      expect(stdout).toEndWith("\n2 passed, 0 failed, 0 skipped\n");
      expect(exitCode).toBe(EXIT.ok);
      const scratch = /scratch files in (\S+)/.exec(stdout)?.[1] ?? "";
      expect(scratch).toContain("offhook-bench-");
      expect(existsSync(scratch)).toBe(false);
    },
    PATIENCE_MS,
  );

  test(
    "fails a planted slow publish, after three tries",
    async () => {
      const { exitCode, stdout } = await check({ publish: `${STORE}; sleep 0.03`, control: "cat >/dev/null" });
      expect(stdout).toMatch(/^FAIL publish 1 KB p50: .* ms > .* ms = null .*\(best of 3\)$/m);
      expect(stdout).toMatch(/\n\d passed, [12] failed, 0 skipped\n$/);
      expect(exitCode).toBe(EXIT.failed);
    },
    PATIENCE_MS,
  );

  test(
    "fails a publish that is quick because it stores nothing",
    async () => {
      const { exitCode, stderr } = await check({ publish: "cat >/dev/null", control: "cat >/dev/null" });
      expect(stderr).toMatch(/^error: publish.* stored 0 of 1 events/);
      expect(exitCode).toBe(EXIT.failed);
    },
    PATIENCE_MS,
  );

  test(
    "prints one object of JSON, with the same figures and verdicts",
    async () => {
      const { exitCode, stdout } = await check({ publish: STORE, control: "cat >/dev/null; sleep 0.02" }, "--json");
      const { machine, tables, checks } = JSON.parse(stdout);
      expect(machine.cores).toBeGreaterThan(0);
      expect(tables.map(({ name }: { name: string }) => name)).toEqual(["1k"]);
      expect(tables[0].summaries.map(({ name, runs }: { name: string; runs: number }) => [name, runs])).toEqual([
        ["cat", 40],
        ["null", 40],
        ["publish, no fsync", 40],
        ["publish", 40],
      ]);
      expect(checks.map(({ state }: { state: string }) => state)).toEqual(["passed", "passed"]);
      expect(exitCode).toBe(EXIT.ok);
    },
    PATIENCE_MS,
  );

  test(
    "names the parts there are when one is unknown",
    async () => {
      const { exitCode, stderr } = await check({ publish: STORE, control: "cat" }, "--only", "9k");
      const parts = "1k, 1k-16, 200k, 5m, python, latency, intake, deliveries, fanout, memory, large, cluster";
      expect(stderr).toBe(`error: no part "9k"\ntry: there are: ${parts}\n`);
      expect(exitCode).toBe(EXIT.usage);
    },
    PATIENCE_MS,
  );

  test(
    "says so when nothing of what was chosen can be checked",
    async () => {
      const { exitCode, stderr } = await check({ publish: STORE, control: "cat" }, "--only", "latency");
      expect(stderr).toStartWith("error: nothing to check in latency\n");
      expect(exitCode).toBe(EXIT.usage);
    },
    PATIENCE_MS,
  );

  test(
    "leaves nothing behind when it is ended from outside",
    async () => {
      const bench = start({ publish: `${STORE}; sleep 0.2`, control: "cat >/dev/null" }, []);
      let said = "";
      let scratch = "";
      for await (const chunk of bench.stdout) {
        said += new TextDecoder().decode(chunk);
        scratch = /scratch files in (\S+) /.exec(said)?.[1] ?? scratch;
        // At its first words it is at work, for 8 s and more.
        if (scratch !== "") break;
      }
      expect(existsSync(scratch)).toBe(true);
      bench.kill("SIGTERM");
      await bench.exited;
      expect(bench.signalCode).toBe("SIGTERM");
      expect(existsSync(scratch)).toBe(false);
    },
    PATIENCE_MS,
  );
});
