// The lines that Claude Code is told to run: what is written for whom, what of what stands there is ours, and that the shell forms
// do what they say.
import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formFor, type HookForm, handlerOf, isOurs, ownLine } from "../src/claude/command.ts";
import { parseVersion } from "../src/claude/version.ts";
import { makeScratch } from "./binary.ts";

const scratch = makeScratch();
const BINARY = "/home/u/.local/bin/offhook";
const command = (line: string, more: object = {}) => ({ type: "command", command: line, ...more });

test("the user's own settings get an absolute path and no shell, an older Claude Code a guarded line, a project's file one for everybody", () => {
  const form = (scope: "user" | "project" | "local", version: string | null) =>
    formFor(scope, version === null ? null : parseVersion(version), BINARY).kind;
  expect([form("user", "2.1.329"), form("local", "2.1.139"), form("user", null)]).toEqual(["exec", "exec", "exec"]);
  expect([form("user", "2.1.138"), form("local", "2.0.999"), form("local", "1.0.0")]).toEqual([
    "shell",
    "shell",
    "shell",
  ]);
  expect([form("project", "2.1.329"), form("project", "1.0.0"), form("project", null)]).toEqual([
    "portable",
    "portable",
    "portable",
  ]);
});

test("the exec form is an absolute path, one argument and seconds", () => {
  expect(handlerOf({ kind: "exec", binary: BINARY }, 5)).toEqual({
    type: "command",
    command: BINARY,
    args: ["publish"],
    timeout: 5,
  });
});

describe("ours", () => {
  for (const handler of [
    command(BINARY, { args: ["publish"] }),
    command("offhook", { args: ["publish"], timeout: 5000 }),
    command("/opt/homebrew/bin/offhook", { args: [] }),
    command("/a b/offhook", { args: ["publish", "--durability", "process"] }),
    command("/a/offhook", { args: ["publish", "--durability=full"] }),
    { command: "offhook publish" },
    command("offhook"),
    command(" /x/offhook   publish ; "),
    command("'/a b/offhook' publish"),
    command('"$HOME/.local/bin/offhook" publish'),
    command("$HOME/bin/offhook publish"),
    command("~/.local/bin/offhook publish"),
    command("${CLAUDE_PROJECT_DIR}/bin/offhook publish"),
    command("/a\\ b/offhook publish"),
    command("exec offhook publish"),
    command("offhook publish || true"),
    command("offhook publish 2>/dev/null || :"),
    command("offhook publish >/dev/null 2>&1"),
    command("offhook publish --durability process"),
    command("command -v offhook >/dev/null 2>&1 || exit 0; exec offhook publish"),
    command("command -v offhook >/dev/null && offhook publish || true"),
    command("[ -x /a/offhook ] && /a/offhook publish"),
    command("test -x '/a b/offhook' && exec '/a b/offhook' publish; exit 0"),
    command("[ -x /a/offhook ] || exit 0; exec /a/offhook publish"),
    command("if [ -x /a/offhook ]; then exec /a/offhook publish; fi"),
    command("if command -v offhook >/dev/null 2>&1; then offhook publish; else exec cat >/dev/null; fi"),
  ]) {
    test(JSON.stringify(handler), () => expect(isOurs(handler)).toBe(true));
  }

  for (const binary of [
    BINARY,
    "/a b/offhook",
    "/o'neil/offhook",
    '/x"$(touch y)`z`/offhook',
    "/a\\b/offhook",
    "/é/offhook",
  ]) {
    for (const kind of ["exec", "shell"] as const) {
      test(`what is written for ${binary} as ${kind}, and the path is read back`, () => {
        expect(ownLine(handlerOf({ kind, binary }, 5))).toEqual({ binary, words: [] });
        const words = ["--durability", "process"];
        expect(ownLine(handlerOf({ kind, binary }, 5, words))).toEqual({ binary, words });
      });
    }
  }

  test("what is written for everybody", () => {
    expect(ownLine(handlerOf({ kind: "portable" }, 5))).toEqual({ binary: null, words: [] });
    expect(ownLine(handlerOf({ kind: "portable" }, 5, ["--durability=full"]))?.words).toEqual(["--durability=full"]);
  });
});

describe("not ours", () => {
  for (const handler of [
    null,
    "offhook publish",
    [],
    {},
    { type: "http", url: "http://127.0.0.1/offhook publish" },
    { type: "prompt", command: "offhook publish" },
    command("offhook", { args: "publish" }),
    command("offhook", { args: ["publish", 5] }),
    command("offhook", { args: ["publish", "--type", "my.event"] }),
    command("offhook", { args: ["status"] }),
    command("offhook publish", { args: [] }),
    command("offhook status"),
    command("offhook publish --type my.event"),
    command("tee -a log | offhook publish"),
    command("offhook publish | tee log"),
    command("offhook publish; say done"),
    command("offhook publish && say done"),
    command("offhook publish > ~/log"),
    command("my-offhook publish"),
    command("/opt/offhook/bin/run publish"),
    command("/a/offhook.sh publish"),
    command("echo offhook publish"),
    command("$(which offhook) publish"),
    command("command -v offhook >/dev/null || brew install offhook; exec offhook publish"),
    command("[ -x /a/offhook ] && /a/other publish"),
    command(""),
  ]) {
    test(JSON.stringify(handler), () => expect(isOurs(handler)).toBe(false));
  }
});

describe("run by a shell", () => {
  const LARGE = "x".repeat(300_000);

  /** A binary that keeps what came in. */
  function fakeAt(directory: string): string {
    mkdirSync(directory, { recursive: true });
    const path = join(directory, "offhook");
    writeFileSync(path, `#!/bin/sh\nprintf '%s\\n' "$@" >"$0.args"\ncat >"$0.stdin"\n`);
    chmodSync(path, 0o755);
    return path;
  }

  /** Runs a line as Claude Code does, the way it sees it: stdin written whole, exit code, output. */
  async function run(line: string, { home, path = "/usr/bin:/bin" }: { home: string; path?: string }) {
    const child = Bun.spawn(["/bin/sh", "-c", line], {
      env: { PATH: path, HOME: home },
      cwd: home,
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
    });
    let isWhole = true;
    try {
      child.stdin.write(LARGE);
      await child.stdin.end();
    } catch {
      isWhole = false;
    }
    const [stdout, stderr, exitCode] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    return { exitCode, stdout, stderr, isWhole };
  }
  const silent = { exitCode: 0, stdout: "", stderr: "", isWhole: true };
  const line = (form: HookForm) => handlerOf(form, 5).command;
  const received = (binary: string) => [
    readFileSync(`${binary}.args`, "utf8"),
    readFileSync(`${binary}.stdin`, "utf8") === LARGE,
  ];

  test("the guarded form runs the binary, with a path that a shell would take apart", async () => {
    const home = scratch.directory("it's $HOME");
    const binary = fakeAt(join(home, 'a "b" `c` \\d'));
    expect(await run(line({ kind: "shell", binary }), { home })).toEqual(silent);
    expect(received(binary)).toEqual(["publish\n", true]);
  });

  test("without the binary it takes what comes and says nothing", async () => {
    const home = scratch.directory("none");
    expect(await run(line({ kind: "shell", binary: join(home, "offhook") }), { home })).toEqual(silent);
    expect(await run(line({ kind: "portable" }), { home })).toEqual(silent);
  });

  test("the form for everybody finds it on PATH, else in ~/.local/bin", async () => {
    const home = scratch.directory("both");
    const own = fakeAt(join(home, ".local", "bin"));
    expect(await run(line({ kind: "portable" }), { home })).toEqual(silent);
    expect(received(own)).toEqual(["publish\n", true]);
    const onPath = fakeAt(join(home, "elsewhere"));
    expect(await run(line({ kind: "portable" }), { home, path: `${join(home, "elsewhere")}:/usr/bin:/bin` })).toEqual(
      silent,
    );
    expect(received(onPath)).toEqual(["publish\n", true]);
  });

  test("the form for everybody starts nothing that a project brings along, whatever PATH says", async () => {
    const home = scratch.directory("project");
    const planted = fakeAt(join(home, "bin"));
    fakeAt(home);
    for (const path of ["bin:/usr/bin:/bin", ".:/usr/bin:/bin", ":/usr/bin:/bin"])
      expect(await run(line({ kind: "portable" }), { home, path })).toEqual(silent);
    expect(existsSync(`${planted}.args`)).toBe(false);
    expect(existsSync(join(home, "offhook.args"))).toBe(false);
  });
});
