// The way in: which word leads where, how errors are told, and that no command ever exits 2.
import { expect, test } from "bun:test";
import { closeSync, constants, openSync } from "node:fs";
import { join } from "node:path";
import { BINARY, makeScratch, offhook, onTerminal, plainEnv } from "./binary.ts";
import { namesIn, onlySpooled } from "./spooled.ts";

const scratch = makeScratch();
const COMMANDS = ["publish", "consume", "demo", "status", "events", "deliveries", "show", "try", "drain"].concat([
  "dead-letters",
  "replay",
  "pause",
  "resume",
  "forget",
  "prune",
  "setup",
  "uninstall",
  "doctor",
  "install-service",
  "uninstall-service",
  "service",
]);

test("--version, -V and version print the version and nothing else", async () => {
  const { version } = await import("../package.json");
  for (const word of ["--version", "-V", "version"]) {
    expect(await offhook([word], { home: scratch.home() })).toEqual({
      exitCode: 0,
      signal: null,
      stdout: `${version}\n`,
      stderr: "",
    });
  }
});

test("help names every command, and every command's help has an example, however it is asked for", async () => {
  const home = scratch.home();
  const overview = await offhook(["help"], { home });
  expect(overview).toMatchObject({ exitCode: 0, stderr: "" });
  for (const command of COMMANDS) expect(overview.stdout).toMatch(new RegExp(`^ +${command} `, "m"));
  // By what somebody is about to do, each on one line of a usual terminal.
  expect(overview.stdout).toMatch(
    /^install:\n( {2}.+\n)+\nrun:\n( {2}.+\n)+\nlook:\n( {2}.+\n)+\nchange:\n( {2}.+\n)+\n/m,
  );
  expect(overview.stdout.split("\n").filter((line) => line.length > 110)).toEqual([]);
  for (const words of [["--help"], ["-h"]]) expect(await offhook(words, { home })).toEqual(overview);

  for (const command of COMMANDS) {
    const help = await offhook(["help", command], { home });
    expect(help).toMatchObject({ exitCode: 0, stderr: "" });
    expect(help.stdout).toContain(`usage: offhook ${command}`);
    expect(help.stdout).toMatch(/\nexample:\n +\S/);
    for (const words of [
      [command, "--help"],
      [command, "-h"],
      ["--help", command],
    ])
      expect(await offhook(words, { home })).toEqual(help);
  }
});

test("asking for help stores nothing and needs no home", async () => {
  const home = scratch.home();
  await offhook(["publish", "--help"], { home, stdin: "{}" });
  expect(namesIn(home, "new")).toEqual([]);
});

test("an unknown command is a usage error that names the nearest one", async () => {
  const home = scratch.home();
  const unknown = (words: string[]) => offhook(words, { home, stdin: "{}" });
  expect(await unknown(["publsh"])).toEqual({
    exitCode: 64,
    signal: null,
    stdout: "",
    stderr: 'error: unknown command "publsh"\ntry: offhook publish\n',
  });
  expect(await unknown(["help", "statsu"])).toMatchObject({
    exitCode: 64,
    stderr: 'error: unknown command "statsu"\ntry: offhook status\n',
  });
  expect(await unknown(["xyzzy"])).toMatchObject({
    exitCode: 64,
    stderr: 'error: unknown command "xyzzy"\ntry: offhook help\n',
  });
  expect(await unknown(["constructor"])).toMatchObject({ exitCode: 64, stdout: "" });
});

test("offhook alone with something on stdin is publish", async () => {
  const [file, socket] = [scratch.home(), scratch.home()];
  expect(await offhook([], { home: file, stdin: '{"a":1}\n' })).toEqual({
    exitCode: 0,
    signal: null,
    stdout: "",
    stderr: "",
  });
  expect(onlySpooled(file).body.toString()).toBe('{"a":1}\n');

  const child = Bun.spawn([BINARY], { env: plainEnv(socket), stdin: "pipe", stdout: "pipe" });
  child.stdin.write('{"a":2}\n');
  await child.stdin.end();
  expect([await child.stdout.text(), await child.exited]).toEqual(["", 0]);
  expect(onlySpooled(socket).body.toString()).toBe('{"a":2}\n');
});

test("offhook alone with nothing on stdin is help, on a terminal too", async () => {
  const home = scratch.home();
  const nothing = Bun.spawn([BINARY], { env: plainEnv(home), stdin: null, stdout: "pipe" });
  expect([await nothing.stdout.text(), await nothing.exited]).toEqual([(await offhook(["help"], { home })).stdout, 0]);

  const { exitCode, shown } = await onTerminal([], home);
  expect(exitCode).toBe(0);
  expect(shown).toContain("usage: offhook COMMAND");
  expect(namesIn(home, "new")).toEqual([]);
});

test("no command exits 2, whatever its words", async () => {
  const home = scratch.home();
  const words = [
    ["--nonsense"],
    ["-x", "y"],
    ["--json", "--nonsense"],
    ["--", "--"],
    ["--limit", "no number"],
    [""],
    ["name that is not there"],
  ];
  for (const command of [
    "help",
    "version",
    "xyzzy",
    ...COMMANDS.filter((name) => name !== "consume" && name !== "demo"),
  ]) {
    for (const more of words) {
      const { exitCode } = await offhook([command, ...more], { home, stdin: "not JSON" });
      expect([command, more, exitCode]).not.toEqual([command, more, 2]);
      expect(exitCode).not.toBeNull();
    }
  }
});

test("a reader that is gone is no error", async () => {
  const fifo = join(scratch.root, "fifo");
  expect(Bun.spawnSync(["mkfifo", fifo]).exitCode).toBe(0);
  const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(fifo, constants.O_WRONLY);
  closeSync(reader);
  for (const words of [["help"], ["events", "--help"], ["--version"]]) {
    const child = Bun.spawn([BINARY, ...words], { env: plainEnv(scratch.home()), stdout: writer, stderr: "pipe" });
    expect([words, await child.stderr.text(), await child.exited]).toEqual([words, "", 0]);
  }
  closeSync(writer);
});
