// `offhook bench` through the binary, as people call it: what it prints and writes, how it ends, and that nothing stays behind.
import { afterAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathsOf } from "../src/config/paths.ts";
import { codeOf, EXIT } from "../src/errors.ts";
import { openInspection } from "../src/ledger/inspect.ts";
import { scratchPlace } from "../src/measure/scratch.ts";
import { readReport } from "../src/report/read.ts";
import { processesWith } from "../src/system/process.ts";
import { BINARY } from "./binary.ts";
import { aReport } from "./report-fixtures.ts";
import { until } from "./running.ts";
import { onScreen } from "./screen.ts";

const PATIENCE_MS = 180_000;
const root = realpathSync(mkdtempSync(join(tmpdir(), "offhook-test-")));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const USER_HOME = join(root, "user");
mkdirSync(USER_HOME);
const ENV = { PATH: process.env.PATH!, HOME: USER_HOME, LANG: "C.UTF-8" };

const begun: Bun.Subprocess[] = [];
// Of a test that failed half way.
afterAll(() => {
  for (const child of begun) child.kill("SIGTERM");
});

function begin(args: string[], cwd = root) {
  const how = { env: ENV, cwd, stdin: "ignore", stdout: "pipe", stderr: "pipe" } as const;
  const child = Bun.spawn([BINARY, "bench", ...args], how);
  begun.push(child);
  return child;
}

async function bench(args: string[], cwd = root) {
  const child = begin(args, cwd);
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  const exitCode = await child.exited;
  expect(scratchesOf(child.pid)).toEqual([]);
  return { exitCode, stdout, stderr };
}

/** The scratch directories that a run has now. */
function scratchesOf(pid: number): string[] {
  return readdirSync(scratchPlace())
    .filter((name) => name.startsWith(`offhook-bench-${pid}-`))
    .map((name) => realpathSync(join(scratchPlace(), name)));
}

/** A run whose daemon is there. */
async function drainUnderWay() {
  const child = begin(["drain"]);
  await until(
    () => scratchesOf(child.pid).length === 1,
    () => "no scratch directory",
  );
  const [scratch = ""] = scratchesOf(child.pid);
  await until(
    () => processesWith([`HOME=${scratch}`]).length > 0,
    () => "no daemon",
  );
  return { child, scratch };
}

function eventsIn(home: string): number {
  const inspection = openInspection(pathsOf(home).ledger);
  try {
    return inspection?.stream().events ?? 0;
  } finally {
    inspection?.close();
  }
}

/** How many names there are in a directory that may go at any moment. */
function namesIn(directory: string): number {
  try {
    return readdirSync(directory).length;
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return 0;
    throw error;
  }
}

describe("a run", () => {
  test(
    "gives one object that can be read again, a page, a line for each part on stderr, and touches nothing of the user's",
    async () => {
      const ran = await bench([
        "hook",
        "drain",
        "--quick",
        "--json",
        "--out",
        "page.html",
        "--against",
        "cat >/dev/null; exit 3",
      ]);
      expect(ran.exitCode).toBe(EXIT.ok);
      const report = readReport(ran.stdout, "stdout");
      expect(report).toMatchObject({ isQuick: true, publishers: null, delivery: null, soak: null, claude: null });
      expect(report.machine.name).not.toBe("");
      const lanes = report.hook?.lanes ?? [];
      expect(lanes.map(({ kind }) => kind)).toEqual(
        expect.arrayContaining(["floor", "null", "publish", "publish-shell", "against"]),
      );
      const against = lanes.find(({ kind }) => kind === "against");
      expect(against?.failed).toBe(against?.times.runs);
      expect(report.drain?.map(({ events, missing, foreign }) => [events, missing, foreign])).toEqual([
        [1_000, 0, 0],
        [10_000, 0, 0],
      ]);
      expect(ran.stderr).toContain("1/2 hook");
      expect(ran.stderr).toContain("2/2 drain");
      const page = readFileSync(join(root, "page.html"), "utf8");
      expect(page).toStartWith("<!doctype html>");
      expect(page).toContain(report.startedAt);
      expect(readdirSync(USER_HOME)).toEqual([]);
      rmSync(join(root, "page.html"));
    },
    PATIENCE_MS,
  );

  test(
    "is told before its page is written, which may fail; then the page that was there stays",
    async () => {
      const page = join(root, "page.html");
      writeFileSync(page, "an older page\n");
      // No file may become larger than 32 blocks (of 512 bytes, or 1,024): the page would.
      const line = 'ulimit -f 32; trap "" XFSZ; exec "$0" bench hook --quick --out page.html';
      const child = Bun.spawn(["/bin/sh", "-c", line, BINARY], { env: ENV, cwd: root, stdout: "pipe", stderr: "pipe" });
      const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
      expect(await child.exited).toBe(EXIT.failed);
      expect(stderr).toContain("the page could not be written: ");
      expect(stdout).toContain("publish takes");
      expect(readFileSync(page, "utf8")).toBe("an older page\n");
      rmSync(page);
      expect(readdirSync(root).filter((name) => name.includes("page"))).toEqual([]);
    },
    PATIENCE_MS,
  );

  test(
    "on a terminal says where the page is in letters alone, and leaves no line of progress",
    async () => {
      const on = onScreen(["bench", "delivery", "--quick", "--out", "page.html"], { env: ENV, cwd: root });
      await on.shows("1/1 delivery");
      expect(await on.ended()).toEqual({ exitCode: EXIT.ok, signal: null });
      const lines = on.screen.text().split("\n");
      expect(lines).toContain(`page ${join(root, "page.html")}`);
      expect(on.screen.text()).not.toContain("1/1 delivery");
      expect(on.screen.text()).not.toContain("\\u");
      rmSync(join(root, "page.html"));
    },
    PATIENCE_MS,
  );

  test(
    "does without a home of the user's, and with one that is not well",
    async () => {
      const { PATH } = ENV;
      const unwell = join(root, "unwell");
      mkdirSync(unwell, { mode: 0o777 });
      chmodSync(unwell, 0o777);
      for (const env of [{ PATH }, { PATH, HOME: "/nowhere" }, { PATH, HOME: USER_HOME, OFFHOOK_HOME: unwell }]) {
        const child = Bun.spawn([BINARY, "bench", "delivery", "--quick", "--json"], { env, cwd: root, stderr: "pipe" });
        const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
        expect({ exitCode: await child.exited, stderr }).toMatchObject({ exitCode: EXIT.ok });
        expect(readReport(stdout, "stdout").machine.name).not.toBe("");
      }
      expect(readdirSync(unwell)).toEqual([]);
    },
    PATIENCE_MS,
  );

  test(
    "times a script that is named below the user's home, in another home",
    async () => {
      mkdirSync(join(USER_HOME, ".claude", "hooks"), { recursive: true });
      writeFileSync(join(USER_HOME, ".claude", "hooks", "lint.sh"), "cat >/dev/null; touch ~/was-here\n");
      const ran = await bench(["hook", "--quick", "--json", "--against", "sh ~/.claude/hooks/lint.sh"]);
      const lane = readReport(ran.stdout, "stdout").hook?.lanes.find(({ kind }) => kind === "against");
      expect(lane).toMatchObject({ failed: 0 });
      expect(existsSync(join(USER_HOME, "was-here"))).toBe(false);
    },
    PATIENCE_MS,
  );

  test(
    "is told to people with the machine, its trust and the figures of each part",
    async () => {
      const ran = await bench(["hook", "--quick"]);
      expect(ran.exitCode).toBe(EXIT.ok);
      for (const words of ["offhook bench on", "publish", "null", "figures"]) expect(ran.stdout).toContain(words);
    },
    PATIENCE_MS,
  );

  test(
    "that is interrupted ends as the signal says, with its processes and its directory",
    async () => {
      const { child, scratch } = await drainUnderWay();
      child.kill("SIGINT");
      await child.exited;
      expect(child.signalCode).toBe("SIGINT");
      expect(existsSync(scratch)).toBe(false);
      await until(
        () => processesWith([`HOME=${scratch}`]).length === 0,
        () => "a process is left",
      );
    },
    PATIENCE_MS,
  );

  test(
    "that was killed leaves a daemon and a directory, and the next run takes both away",
    async () => {
      const { child, scratch } = await drainUnderWay();
      child.kill("SIGKILL");
      await child.exited;
      expect(existsSync(scratch)).toBe(true);
      expect((await bench(["delivery", "--quick", "--json"])).exitCode).toBe(EXIT.ok);
      expect(existsSync(scratch)).toBe(false);
      expect(processesWith([`HOME=${scratch}`])).toEqual([]);
    },
    PATIENCE_MS,
  );

  test(
    "that writes a large backlog can be interrupted all the same",
    async () => {
      const child = begin(["drain"]);
      const files = () =>
        scratchesOf(child.pid).flatMap((path) =>
          readdirSync(path).map((name) => namesIn(join(path, name, "spool", "new"))),
        );
      await until(
        // No other of its backlogs is as large.
        () => Math.max(0, ...files()) > 11_000,
        () => `${files()} files`,
      );
      child.kill("SIGINT");
      let most = 0;
      await until(
        () => {
          most = Math.max(most, ...files());
          return child.signalCode !== null;
        },
        () => `it goes on with ${most} files`,
      );
      expect(child.signalCode).toBe("SIGINT");
      expect(most).toBeLessThan(100_000);
      expect(scratchesOf(child.pid)).toEqual([]);
    },
    PATIENCE_MS,
  );

  test(
    "that was killed leaves a command of the user's too, and the next run takes it away",
    async () => {
      const child = begin(["hook", "--quick", "--against", "cat >/dev/null; exec setsid sleep 600"]);
      const own = () => scratchesOf(child.pid).flatMap((path) => processesWith([`OFFHOOK_BENCH=${path}`]));
      await until(
        () => own().length > 0,
        () => "the command did not begin",
      );
      const [scratch = ""] = scratchesOf(child.pid);
      child.kill("SIGKILL");
      await child.exited;
      expect(processesWith([`OFFHOOK_BENCH=${scratch}`]).length).toBeGreaterThan(0);
      expect((await bench(["delivery", "--quick", "--json"])).exitCode).toBe(EXIT.ok);
      expect(processesWith([`OFFHOOK_BENCH=${scratch}`])).toEqual([]);
      expect(existsSync(scratch)).toBe(false);
    },
    PATIENCE_MS,
  );

  test(
    "of a soak gives what there is when it is interrupted",
    async () => {
      const child = begin(["soak", "--minutes", "60", "--json"]);
      await until(
        () => scratchesOf(child.pid).length === 1,
        () => "no scratch directory",
      );
      const [scratch = ""] = scratchesOf(child.pid);
      const events = () => readdirSync(scratch).map((name) => eventsIn(join(scratch, name)));
      await until(
        () => Math.max(0, ...events()) > 3,
        () => `${events()} events`,
      );
      child.kill("SIGINT");
      const { soak } = readReport(await new Response(child.stdout).text(), "stdout");
      expect(await child.exited).toBe(EXIT.ok);
      expect(soak?.minutes).toBeLessThan(60);
      expect(soak).toMatchObject({ missing: 0, foreign: 0 });
      expect(soak?.acknowledged).toBeGreaterThan(0);
      expect(scratchesOf(child.pid)).toEqual([]);
    },
    PATIENCE_MS,
  );
});

describe("what cannot be measured", () => {
  test("is said before anything is started", async () => {
    expect(await bench(["hok"])).toMatchObject({ exitCode: EXIT.usage, stdout: "" });
    expect((await bench(["hook", "--out", "no/such/page.html"])).exitCode).toBe(EXIT.notFound);
    expect((await bench(["hook", "--out", "."])).exitCode).toBe(EXIT.usage);
    expect((await bench(["claude", "--claude", "/nowhere/claude"])).exitCode).toBe(EXIT.notFound);
  });

  test("delivery without a program that tells the time is left out, with a note", async () => {
    const child = Bun.spawn([BINARY, "bench", "delivery"], {
      env: { ...ENV, PATH: "/nowhere" },
      cwd: root,
      stdout: "pipe",
      stderr: "pipe",
    });
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    expect(stderr).toContain("delivery is not measured: no program here tells the time");
    expect(stdout).toContain("Nothing was measured.");
    expect(await child.exited).toBe(EXIT.ok);
  });

  test("from its sources it is another program, and says so", async () => {
    const sources = join(import.meta.dir, "..", "src", "main.ts");
    const child = Bun.spawn([process.execPath, sources, "bench", "hook"], { env: ENV, stdout: "pipe", stderr: "pipe" });
    expect(await child.exited).toBe(EXIT.noDaemon);
    expect(await new Response(child.stderr).text()).toContain("scripts/build");
  });
});

describe("--mine", () => {
  const project = join(root, "project");
  const ran = join(root, "ran");
  const settings = (command: string) =>
    JSON.stringify({ hooks: { PostToolUse: [{ matcher: "Write", hooks: [{ type: "command", command }] }] } });
  mkdirSync(join(project, ".claude"), { recursive: true });
  mkdirSync(join(project, ".git"));
  writeFileSync(join(project, ".claude", "settings.json"), settings(`cat >/dev/null; touch '${ran}'`));

  test("runs nothing where nobody is there to be asked, and the hooks of a repository not for --yes alone", async () => {
    for (const words of [[], ["--yes"], ["--project-hooks"]]) {
      const { exitCode, stderr } = await bench(["hook", "--quick", "--mine", ...words], project);
      expect(stderr).toContain(ran);
      expect(exitCode).toBe(words.includes("--yes") ? EXIT.ok : EXIT.usage);
      expect(existsSync(ran)).toBe(false);
    }
  });

  test(
    "times them once both words were said, in a copy",
    async () => {
      const { exitCode, stdout } = await bench(
        ["hook", "--quick", "--json", "--mine", "--yes", "--project-hooks"],
        project,
      );
      expect(exitCode).toBe(EXIT.ok);
      const lane = readReport(stdout, "stdout").hook?.lanes.find(({ kind }) => kind === "mine");
      expect(lane?.times.runs).toBeGreaterThan(0);
      expect(existsSync(ran)).toBe(true);
      rmSync(ran);
    },
    PATIENCE_MS,
  );

  test(
    "interrupted while the copy is made leaves neither it nor the git that works on it",
    async () => {
      const tools = join(root, "tools");
      mkdirSync(tools);
      const git = `#!/bin/sh
for word; do case "$word" in
  ls-files) printf 'a.py\\0'; exit ;;
  add) i=0; while [ $i -lt 100000 ]; do i=$((i + 1)); mkdir -p "$PWD/.git/objects/$i"; done ;;
esac; done
`;
      writeFileSync(join(tools, "git"), git, { mode: 0o755 });
      writeFileSync(join(project, "a.py"), "x = 1\n");
      const child = Bun.spawn([BINARY, "bench", "hook", "--quick", "--mine", "--yes", "--project-hooks"], {
        env: { ...ENV, PATH: `${tools}:${ENV.PATH}` },
        cwd: project,
        stdin: "ignore",
        stdout: "ignore",
        stderr: "ignore",
      });
      begun.push(child);
      const copies = () => scratchesOf(child.pid).map((path) => join(path, "copy-of-project"));
      await until(
        () => copies().some((path) => namesIn(join(path, ".git", "objects")) > 10),
        () => "git did not begin",
      );
      const [scratch = ""] = scratchesOf(child.pid);
      child.kill("SIGTERM");
      await child.exited;
      expect(child.signalCode).toBe("SIGTERM");
      expect(processesWith([`HOME=${scratch}`])).toEqual([]);
      expect(existsSync(scratch)).toBe(false);
    },
    PATIENCE_MS,
  );

  test("says where there is no hook to time, or no project", async () => {
    const bare = join(root, "bare");
    mkdirSync(join(bare, ".git"), { recursive: true });
    expect((await bench(["--mine"], bare)).exitCode).toBe(EXIT.notFound);
    expect((await bench(["--mine", "--project", "/nowhere"], bare)).exitCode).toBe(EXIT.notFound);
  });
});

describe("--compare", () => {
  const path = join(root, "a.json");
  writeFileSync(path, JSON.stringify(aReport()));

  test("sets two reports beside each other, as text or as JSON", async () => {
    const told = await bench(["--compare", path, path]);
    expect(told).toMatchObject({ exitCode: EXIT.ok, stderr: "" });
    expect(told.stdout).toContain("B beside A");
    const compared = JSON.parse((await bench(["--compare", path, path, "--json"])).stdout);
    expect(compared.rows.length).toBeGreaterThan(5);
    expect(new Set(compared.rows.map((row: any) => row.verdict))).not.toContain("slower");
  });

  test("says which file is not there, or is no report", async () => {
    expect((await bench(["--compare", path, "nowhere.json"])).exitCode).toBe(EXIT.notFound);
    const other = join(root, "other.json");
    writeFileSync(other, "{}");
    expect(await bench(["--compare", path, other])).toMatchObject({ exitCode: EXIT.config, stdout: "" });
  });
});
