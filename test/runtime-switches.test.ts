// What the runtime's own environment switches do to a compiled program, and that the seal ends it. Each is shown first on an
// unsealed build of the same program: a switch that does nothing there would prove nothing here.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { troublesOf } from "../scripts/check-binary.ts";
import { compile } from "../scripts/compile.ts";
import { ENGINE_OPTION, SWITCHES } from "../scripts/runtime-switches.ts";
import { sealRuntime, targetOfThisMachine } from "../scripts/seal-runtime.ts";

const root = realpathSync(mkdtempSync(join(tmpdir(), "offhook-seal-")));
const sealed = join(root, "sealed/probe");
const unsealed = join(root, "unsealed/probe");
const said = { args: ["say"], stdin: "", stdout: "said\n", stores: false };

beforeAll(() => {
  const entry = join(import.meta.dir, "planted/runtime-probe.ts");
  compile({ entry, outFile: sealed });
  compile({ entry, outFile: unsealed, sealed: false });
}, 60_000);
afterAll(() => rmSync(root, { recursive: true, force: true }));

// These two show only where a request is sent, or where the parent ends: below.
const QUIET = ["BUN_CONFIG_VERBOSE_FETCH", "BUN_FEATURE_FLAG_NO_ORPHANS"];

test("a sealed binary ignores hostile files and every switch", () => {
  expect(troublesOf(sealed, [said])).toEqual([]);
});

test("without the seal every one of them shows, so that the check of the build can fail", () => {
  const troubles = troublesOf(unsealed, [said]);
  const target = targetOfThisMachine();
  const expected = SWITCHES.filter(({ name, missingOn }) => !QUIET.includes(name) && !missingOn?.includes(target));
  for (const { name } of [...expected, ENGINE_OPTION]) {
    expect(troubles.filter((trouble) => trouble.startsWith(`with ${name}=`))).not.toBeEmpty();
  }
  expect(troubles.filter((trouble) => trouble.startsWith("in a hostile directory"))).toEqual([]);
});

test("without the seal BUN_JSC_watchdog ends a program that has not done its work, with exit code 0", () => {
  const watchdog = { name: "BUN_JSC_watchdog", value: "1" };
  expect(run(unsealed, ["work"], watchdog)).toEqual({ exitCode: 0, stdout: "", stderr: "" });
  expect(run(sealed, ["work"], watchdog)).toEqual({ exitCode: 0, stdout: "worked\n", stderr: "" });
});

test("an invalid BUN_JSC_ option does not keep a sealed binary from running", () => {
  const option = { name: "BUN_JSC_noSuchOption", value: "1" };
  expect(run(unsealed, ["say"], option).exitCode).toBe(1);
  expect(run(sealed, ["say"], option)).toEqual({ exitCode: 0, stdout: "said\n", stderr: "" });
});

test("a sealed binary does not print its requests and their secret headers", () => {
  const verbose = { name: "BUN_CONFIG_VERBOSE_FETCH", value: "curl" };
  expect(run(unsealed, ["fetch"], verbose).stderr).toContain("secret-of-ours");
  expect(run(sealed, ["fetch"], verbose)).toEqual({ exitCode: 0, stdout: "answer\n", stderr: "" });
});

test("a sealed binary outlives its parent, whatever BUN_FEATURE_FLAG_NO_ORPHANS says", async () => {
  expect(await outputAfterParentEnded(unsealed)).toBe("ready\n");
  expect(await outputAfterParentEnded(sealed)).toBe("ready\noutlived\n");
});

test("a name that stands elsewhere than expected ends the build, and says which", () => {
  const target = targetOfThisMachine();
  const runtime = readFileSync(process.execPath);
  sealRuntime(runtime, target);
  expect(() => sealRuntime(runtime, target)).toThrow(/BUN_BE_BUN stands 0 times .* expected 1/);
});

test("a build leaves nothing but the binary", () => {
  expect(readdirSync(join(root, "sealed"))).toEqual(["probe"]);
});

function run(binary: string, args: string[], { name, value }: { name: string; value: string }) {
  const env = { PATH: "/usr/bin:/bin", HOME: root, [name]: value };
  const { exitCode, stdout, stderr } = Bun.spawnSync([binary, ...args], {
    cwd: root,
    env,
    stdin: "ignore",
    timeout: 20_000,
  });
  return { exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
}

/** What the probe writes when its parent, a shell, ends while it runs. Its end is the end of its output. */
async function outputAfterParentEnded(binary: string): Promise<string> {
  const signal = join(root, `go-${Bun.randomUUIDv7()}`);
  const parent = Bun.spawn(["/bin/sh", "-c", '"$0" outlive "$1" & read line', binary, signal], {
    env: { PATH: "/usr/bin:/bin", HOME: root, BUN_FEATURE_FLAG_NO_ORPHANS: "1" },
    stdin: "pipe",
    stdout: "pipe",
  });
  let output = "";
  for await (const chunk of parent.stdout.pipeThrough(new TextDecoderStream())) {
    output += chunk;
    if (output !== "ready\n") continue;
    await parent.stdin.end();
    await parent.exited;
    writeFileSync(signal, "");
  }
  return output;
}
