// The doctor where no daemon runs, or one that does not answer: what it says of that, of the ledger that lies there, and that it
// changes nothing by looking.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { onTerminal } from "./binary.ts";
import { type Installation, LINT, openWell } from "./installation.ts";
import { until, wrote } from "./running.ts";

let on: Installation;
beforeEach(async () => {
  on = await openWell();
});
afterEach(() => on.end());

const checks = (found: { problems: any[] }) => found.problems.map((one) => `${one.level} ${one.check}`);

test("no daemon is an error, and what waits for one is told", async () => {
  await on.stop();
  expect(checks(await on.doctor())).toEqual(["error daemon"]);
  await on.run(["publish"], { stdin: JSON.stringify(wrote(join(on.root, "a.py"))) });
  const { problems, exitCode } = await on.doctor();
  expect(problems).toMatchObject([
    { check: "daemon", mend: expect.stringContaining("offhook consume"), fix: null },
    { check: "spool", level: "warning", what: expect.stringContaining("1 event waits for a daemon") },
  ]);
  expect(exitCode).toBe(1);
  await on.start();
  await on.run(["drain"]);
  expect((await on.doctor()).problems).toEqual([]);
});

test("a daemon that does not answer is told with its pid", async () => {
  process.kill(on.daemonPid(), "SIGSTOP");
  const { problems } = await on.doctor();
  process.kill(on.daemonPid(), "SIGCONT");
  expect(problems).toMatchObject([
    { check: "daemon", level: "error", what: `the daemon (pid ${on.daemonPid()}) does not answer` },
  ]);
  await until(
    async () => (await on.doctor()).problems.length === 0,
    () => "it does not answer again",
  );
});

test("a damaged ledger is told, and the next daemon's new one is well", async () => {
  await on.stop();
  for (const suffix of ["-wal", "-shm"]) rmSync(join(on.home, `ledger.db${suffix}`), { force: true });
  writeFileSync(join(on.home, "ledger.db"), "this was a database once");
  const { problems } = await on.doctor();
  expect(problems).toContainEqual(
    expect.objectContaining({ check: "ledger", level: "error", what: expect.stringContaining("damaged") }),
  );
  await on.start();
  expect(checks(await on.doctor())).toEqual(["warning ledger-set-aside"]);
});

test("secrets that others can read are told, and closed by --fix alone", async () => {
  await on.stop();
  const path = on.write(".offhook/secrets.env", "TOKEN=very-secret-value\n", 0o644);
  on.consumer("hook", `on = ["PostToolUse"]\ntools = ["Write"]\nwebhook = { url = "https://example.org/\${TOKEN}" }\n`);
  const { problems } = await on.doctor();
  expect(problems).toContainEqual(
    expect.objectContaining({ check: "permissions", level: "error", where: path, mend: `chmod 0600 ${path}` }),
  );
  expect(problems.map((one) => one.check)).not.toContain("consumer-file");
  expect(lstatSync(path).mode & 0o777).toBe(0o644);
  const { fixed, problems: left } = await on.doctor(["--fix"]);
  expect(fixed).toEqual([`closed ${path} to others (mode 0600)`]);
  expect(left.map((one) => one.check)).toEqual(["daemon"]);
  expect(lstatSync(path).mode & 0o777).toBe(0o600);
});

test("values of secrets are in no line, whatever is broken", async () => {
  await on.stop();
  on.write(".offhook/secrets.env", "TOKEN=very-secret-value\nnonsense very-secret-value\n", 0o644);
  on.consumer("hook", `on = ["PostToolUse"]\nwebhook = { url = "https://example.org/\${TOKEN}", methd = "x" }\n`);
  on.consumer("lint", LINT.replace('"true"', '"missing-${TOKEN}"'));
  for (const args of [["doctor"], ["doctor", "--json"], ["doctor", "--fix"]]) {
    const { stdout, stderr } = await on.run(args);
    expect(stdout).toContain("secrets.env");
    expect(stdout + stderr).not.toContain("very-secret-value");
  }
});

test("looking changes nothing: no file, no mode, no time", async () => {
  await on.stop();
  chmodSync(on.home, 0o755);
  on.write(".offhook/secrets.env", "TOKEN=very-secret-value\n", 0o644);
  rmSync(join(on.home, "config.toml"));
  on.hooks({ PostToolUse: "Write", Stop: null }, { timeout: 5000 });
  const before = everything(on.root);
  const { problems } = await on.doctor();
  expect(problems.filter((one) => one.fix !== null).length).toBeGreaterThan(2);
  expect(everything(on.root)).toEqual(before);
});

test("a home that is a file, or lies where others write, is refused with the reason", async () => {
  const file = on.write("a-file", "");
  const notOne = await on.doctor([], { env: { OFFHOOK_HOME: file } });
  expect(notOne.problems).toContainEqual(
    expect.objectContaining({ check: "home", level: "error", what: expect.stringContaining("is not a directory") }),
  );
  mkdirSync(join(on.root, "open"));
  chmodSync(join(on.root, "open"), 0o777);
  const open = await on.doctor([], { env: { OFFHOOK_HOME: join(on.root, "open", "home") } });
  expect(open.problems).toContainEqual(
    expect.objectContaining({ check: "home", level: "error", mend: expect.stringContaining("chmod go-w") }),
  );
  expect([notOne.exitCode, open.exitCode]).toEqual([1, 1]);
});

test("a claude and a program that never end hold nothing up for good", async () => {
  on.write("bin/claude", "#!/bin/sh\nexec sleep 60\n", 0o755);
  const binary = on.write("other/offhook", "#!/bin/sh\nexec sleep 60\n", 0o755);
  on.hooks({ PostToolUse: "Write" }, { binary });
  process.kill(on.daemonPid(), "SIGSTOP");
  const { problems } = await on.doctor();
  process.kill(on.daemonPid(), "SIGCONT");
  expect(problems.map((one) => one.check)).toEqual(["claude", "binary", "daemon"]);
});

test("on a terminal it is coloured, and says what mends by itself", async () => {
  await on.stop();
  chmodSync(on.home, 0o755);
  const { exitCode, shown } = await onTerminal(["doctor"], on.home);
  expect(exitCode).toBe(1);
  expect(shown).toContain("\x1b[31m✗\x1b[0m");
  expect(shown).toContain("\x1b[32m✓\x1b[0m");
  expect(shown).toContain("offhook doctor --fix");
});

/** Every path below, with mode, size and time of change; but for what SQLite makes for who reads. */
function everything(directory: string): string[] {
  const names = readdirSync(directory, { recursive: true, encoding: "utf8" }).sort();
  return names
    .filter((name) => !/ledger\.db-(shm|wal)$/.test(name))
    .map((name) => {
      const { mode, size, mtimeMs } = lstatSync(join(directory, name));
      const isDirectory = (mode & 0o170000) === 0o040000;
      const text = isDirectory || size > 1_000_000 ? "" : Bun.hash(readFileSync(join(directory, name)));
      // The home's own time changes with SQLite's files.
      return `${name} ${mode.toString(8)} ${isDirectory ? "" : `${size} ${mtimeMs} ${text}`}`;
    });
}
