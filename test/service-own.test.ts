// What the program knows of itself as a service: where it is, and the log that launchd never cuts.
import { expect, test } from "bun:test";
import {
  appendFileSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { cutLog } from "../src/service/own-log.ts";
import { ownBinary, repositoryOf } from "../src/system/own-binary.ts";
import { BINARY, makeScratch } from "./binary.ts";
import { openRunning, until, wrote } from "./running.ts";

const scratch = makeScratch();

function program(name: string): string {
  const file = join(scratch.directory(name), "offhook");
  writeFileSync(file, "#!/bin/sh\n", { mode: 0o755 });
  return file;
}

test("the link on PATH that leads to this program is its name", () => {
  const self = program("version-1");
  const bin = scratch.directory("bin");
  symlinkSync(self, join(bin, "offhook"));
  expect(ownBinary(`/nowhere:${bin}:/usr/bin`, self)).toBe(join(bin, "offhook"));
});

test("another offhook on PATH is not this program", () => {
  const self = program("mine");
  const other = program("other");
  expect(ownBinary(join(other, ".."), self)).toBe(self);
  expect(ownBinary("", self)).toBe(self);
});

test("what a relative entry of PATH or a repository holds is not taken", () => {
  const self = program("outside");
  const repository = scratch.directory("repository");
  mkdirSync(join(repository, ".git"));
  mkdirSync(join(repository, "bin"));
  symlinkSync(self, join(repository, "bin/offhook"));
  expect(ownBinary(join(repository, "bin"), self)).toBe(self);
  expect(ownBinary(".:bin", self)).toBe(self);
});

test("a repository is found upward, but a home that is one does not count", () => {
  const home = scratch.directory("home");
  mkdirSync(join(home, ".git"));
  mkdirSync(join(home, "project/.git"), { recursive: true });
  expect(repositoryOf(join(home, ".local/bin/offhook"), home)).toBeNull();
  expect(repositoryOf(join(home, "project/dist/offhook"), home)).toBe(join(home, "project"));
  expect(repositoryOf("/usr/bin/offhook", home)).toBeNull();
});

test("a log over its limit is kept once, and goes on in the same file", () => {
  const path = join(scratch.directory("log"), "offhook.log");
  const fd = openSync(path, "a");
  writeSync(fd, "x".repeat(100));
  expect(cutLog(path, fd, 100)).toBe(false);
  writeSync(fd, "last\n");
  expect(cutLog(path, fd, 100)).toBe(true);
  writeSync(fd, "first\n");
  closeSync(fd);
  expect(readFileSync(path, "utf8")).toBe("first\n");
  expect(readFileSync(`${path}.1`, "utf8")).toBe(`${"x".repeat(100)}last\n`);
});

for (const [name, isCut] of [
  ["offhook", true],
  ["com.example.other", false],
] as const) {
  test(`under launchd's name ${name} the daemon ${isCut ? "cuts" : "leaves"} the log it prints into`, async () => {
    const on = openRunning();
    const path = join(on.root, "Library/Logs/offhook.log");
    mkdirSync(join(path, ".."), { recursive: true });
    appendFileSync(path, "x".repeat(6 * 1024 * 1024));
    const fd = openSync(path, "a");
    const child = Bun.spawn([BINARY, "consume"], {
      env: { PATH: process.env.PATH ?? "", HOME: on.root, OFFHOOK_HOME: on.home, XPC_SERVICE_NAME: name },
      stdin: "ignore",
      stdout: fd,
      stderr: fd,
    });
    try {
      const text = () => readFileSync(path, "utf8");
      await until(
        () => text().includes("ready: "),
        () => `not ready: ${text().slice(-300)}`,
      );
      await on.publish(wrote(on.file("a.py")));
      await on.settled();
      expect(statSync(path).size < 1024 * 1024).toBe(isCut);
      expect(await Bun.file(`${path}.1`).exists()).toBe(isCut);
    } finally {
      child.kill("SIGTERM");
      await child.exited;
      closeSync(fd);
      await on.end();
    }
  });
}
