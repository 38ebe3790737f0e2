// publish from any program: --type says what happened; mistakes are named, in one line, with exit 64.
import { expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { BINARY, makeScratch, offhook, plainEnv } from "./binary.ts";
import { namesIn, onlySpooled } from "./spooled.ts";

const scratch = makeScratch();
const SILENT = { exitCode: 0, signal: null, stdout: "", stderr: "" };

test("type, subject and data: the data is the body and is not repeated in the header", async () => {
  const home = scratch.home();
  const cwd = scratch.directory("work here");
  const data = '{ "steps": 20, "big": 12345678901234567890, "é": "\\u0000" }';
  const args = ["publish", "--type", "render.finished", "--subject", "--type", "--data", data];
  expect(await offhook(args, { home, cwd })).toEqual(SILENT);
  const { header, body } = onlySpooled(home);
  expect(body.toString()).toBe(data);
  expect(header).toMatchObject({
    args: ["--type=render.finished", "--subject=--type"],
    cwd,
    size: Buffer.byteLength(data),
    flags: [],
  });
});

test("with --data, stdin is not read at all, and need not close", async () => {
  const home = scratch.home();
  const child = Bun.spawn([BINARY, "publish", "--type=a.b", "--data=[1]"], {
    env: plainEnv(home),
    stdin: "pipe",
    timeout: 20_000,
  });
  expect(await child.exited).toBe(0);
  expect(onlySpooled(home).body.toString()).toBe("[1]");
});

test("without --data, stdin is the data: text too, and a slow program is waited for", async () => {
  const home = scratch.home();
  const child = Bun.spawn([BINARY, "publish", "--type", "build.log"], {
    env: plainEnv(home),
    stdin: "pipe",
    timeout: 20_000,
  });
  child.stdin.write("{}\n");
  await child.stdin.flush();
  await Bun.sleep(1200); // Longer than a hook's stdin may be silent.
  child.stdin.write("done\n");
  await child.stdin.end();
  expect(await child.exited).toBe(0);
  const { header, body } = onlySpooled(home);
  expect(body.toString()).toBe("{}\ndone\n");
  expect(header.flags).toEqual([]);
});

test("an empty subject is none", async () => {
  const home = scratch.home();
  expect(await offhook(["publish", "--type", "a.b", "--subject", "", "--data", "1"], { home })).toEqual(SILENT);
  expect(onlySpooled(home).header.args).toEqual(["--type=a.b"]);
});

test("a working directory that is gone is no reason to lose the event", async () => {
  const home = scratch.home();
  const gone = join(scratch.root, "gone");
  mkdirSync(gone);
  const script = `cd '${gone}' && rmdir '${gone}' && '${BINARY}' publish --type a.b --data 1`;
  expect(await Bun.spawn(["sh", "-c", script], { env: plainEnv(home) }).exited).toBe(0);
  expect(onlySpooled(home).body.toString()).toBe("1");
});

const wrong: [string, string[], string][] = [
  ["an unknown option", ["--type", "a.b", "--frobnicate"], 'unknown option "--frobnicate"'],
  ["an unknown option with a value", ["--type=a.b", "--sub=x"], 'unknown option "--sub"'],
  ["a word too many", ["--type", "a.b", "stray"], 'unknown word "stray"'],
  ["an option without its value", ["--data", "1", "--type"], "--type needs a value"],
  ["the same option twice", ["--type", "a.b", "--type=c.d"], "--type is there twice"],
  ["data without a type", ["--data", "{}"], "--type is missing"],
  ["a subject without a type", ["--subject", "x"], "--type is missing"],
  ["a type with white space", ["--type", "a b"], '--type "a b" is no type'],
  ["an empty type", ["--type="], '--type "" is no type'],
  ["a type that is a glob", ["--type", "render.*"], '--type "render.*" is no type'],
  ["data that is not JSON", ["--type", "a.b", "--data", "{steps:20}"], "--data is not JSON"],
  [
    "a durability that is not there",
    ["--type", "a.b", "--durability", "eternal"],
    '--durability is one of power, full, process, not "eternal"',
  ],
];
for (const [what, args, message] of wrong) {
  test(`${what} is a usage error, named in one line`, async () => {
    const home = scratch.home();
    const { stderr, ...result } = await offhook(["publish", ...args], { home, stdin: "{}" });
    expect(result).toEqual({ exitCode: 64, signal: null, stdout: "" });
    expect(stderr).toMatch(/^offhook publish: [^\n]+\n$/);
    expect(stderr).toContain(message);
    expect(namesIn(home, "new")).toEqual([]);
  });
}
