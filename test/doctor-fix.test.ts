// `doctor --fix`: mends what is safe, says what it did, does nothing the second time, and leaves what is not its own.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, lstatSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import type { Facts } from "../src/doctor/facts.ts";
import { wrong } from "../src/doctor/finding.ts";
import { mend } from "../src/doctor/fix.ts";
import { type Installation, LINT, openWell } from "./installation.ts";

let on: Installation;
beforeEach(async () => {
  on = await openWell();
});
afterEach(() => on.end());

const settings = () => JSON.parse(readFileSync(on.settings, "utf8"));

test("where all is well it does nothing", async () => {
  const before = readFileSync(on.settings, "utf8");
  const { fixed, problems, exitCode } = await on.doctor(["--fix"]);
  expect({ fixed, problems, exitCode }).toEqual({ fixed: [], problems: [], exitCode: 0 });
  expect(readFileSync(on.settings, "utf8")).toBe(before);
});

test("modes are put right, once", async () => {
  await on.stop();
  chmodSync(on.home, 0o755);
  chmodSync(join(on.home, "ledger.db"), 0o644);
  const { fixed, problems } = await on.doctor(["--fix"]);
  expect(fixed.slice(0, 2)).toEqual([
    `closed ${on.home} to others (mode 0700)`,
    `closed ${join(on.home, "ledger.db")} to others (mode 0600)`,
  ]);
  expect(problems.map((one) => one.check)).toEqual(["daemon"]);
  expect(lstatSync(on.home).mode & 0o777).toBe(0o700);
  expect((await on.doctor(["--fix"])).fixed).toEqual([]);
});

test("hooks that are out of line are brought in line, others' stay, and the second time nothing is done", async () => {
  const theirs = { matcher: "Bash", hooks: [{ type: "command", command: "/opt/theirs --check", timeout: 10_000 }] };
  const old = { type: "command", command: "/opt/old/offhook publish", timeout: 10_000 };
  const text = JSON.stringify(
    {
      model: "x",
      hooks: { PreToolUse: [theirs], PostToolUse: [{ matcher: "Write", hooks: [old] }], Stop: [{ hooks: [old] }] },
    },
    null,
    4,
  );
  on.write(".claude/settings.json", text);
  on.consumer("lint", LINT.replace('"Write"', '"Write", "Edit"'));
  const { fixed, problems } = await on.doctor(["--fix"]);
  expect(fixed).toEqual([expect.stringMatching(/^brought the hooks in .*settings\.json in line \(before: .*\)$/)]);
  // What is somebody else's needs somebody.
  expect(problems).toMatchObject([
    { check: "meaning", where: expect.stringContaining("hooks.PreToolUse[0]"), fix: null },
  ]);
  expect(settings().model).toBe("x");
  expect(settings().hooks.PreToolUse).toEqual([theirs]);
  expect(settings().hooks.Stop).toBeUndefined();
  expect(settings().hooks.PostToolUse).toEqual([
    { matcher: "Edit|Write", hooks: [{ type: "command", command: on.binary, args: ["publish"], timeout: 5 }] },
  ]);
  const mended = readFileSync(on.settings, "utf8");
  expect((await on.doctor(["--fix"])).fixed).toEqual([]);
  expect(readFileSync(on.settings, "utf8")).toBe(mended);
});

test("hooks stay as they are while a consumer file is broken: what it waits for is not known", async () => {
  on.hooks({ PostToolUse: "Write", Stop: null }, { timeout: 5000 });
  on.consumer("typo", `on = ["Stop"]\nrn = ["true"]\n`);
  const before = readFileSync(on.settings, "utf8");
  const { fixed, exitCode } = await on.doctor(["--fix"]);
  expect(fixed).toEqual(["the hooks could not be mended: what typo waits for is not known; mend that first"]);
  expect(exitCode).toBe(1);
  expect(readFileSync(on.settings, "utf8")).toBe(before);
});

test("hooks that setup did not write are not taken over", async () => {
  on.write(".offhook/hooks.json", JSON.stringify({ v: 1, settings: [] }));
  on.hooks({ PostToolUse: "Write" }, { timeout: 5000 });
  const { fixed, problems } = await on.doctor(["--fix"]);
  expect(fixed).toEqual([]);
  expect(problems).toMatchObject([{ check: "meaning", mend: "offhook setup", fix: null }]);
});

test("a settings file that does not parse is left as it is", async () => {
  on.write(".claude/settings.json", '{ "hooks": {}, }');
  const { problems, exitCode } = await on.doctor(["--fix"]);
  expect(problems).toMatchObject([{ check: "settings", level: "error", fix: null }]);
  expect(exitCode).toBe(1);
  expect(readFileSync(on.settings, "utf8")).toBe('{ "hooks": {}, }');
});

test("a link in the home is not followed to close what it leads to", async () => {
  await on.stop();
  const elsewhere = on.write("elsewhere", "x", 0o644);
  symlinkSync(elsewhere, join(on.home, "secrets.env"));
  expect((await on.doctor(["--fix"])).fixed).toEqual([]);
  expect(lstatSync(elsewhere).mode & 0o777).toBe(0o644);
});

describe("a service that stands still", () => {
  const still = [wrong("service", "service", "it does not run", { mend: "", fix: "service" })];
  // Only a restart is asked of the node, which is not a test's to restart anything on.
  const facts = {} as Facts;

  test("is started, once", async () => {
    let calls = 0;
    const restart = async () => ({ pid: ++calls });
    expect(await mend([...still, ...still], facts, { restart })).toEqual(["started the service (pid 1)"]);
    expect(await mend([], facts, { restart })).toEqual([]);
    expect(calls).toBe(1);
  });

  test("that does not start is told, and is no error of the doctor's", async () => {
    const restart = () => Promise.reject(new Error("exit 78"));
    expect(await mend(still, facts, { restart })).toEqual(["the service could not be mended: exit 78"]);
  });
});
