// What is asked of the C library: a lock that the system frees, and waiting for bytes.
import { expect, test } from "bun:test";
import { closeSync, constants, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { isTerminal, lockExclusive, lockShared, openPoll, unlock } from "../src/system/libc.ts";
import { makeScratch } from "./binary.ts";

const scratch = makeScratch();

test("of two that open a file, one has the exclusive lock; shared ones wait for it and not for each other", () => {
  const path = join(scratch.root, "lock");
  const [a, b, c] = [openSync(path, "a+"), openSync(path, "r"), openSync(path, "r")];
  expect(lockExclusive(a)).toBe(true);
  expect([lockExclusive(b), lockShared(b)]).toEqual([false, false]);
  unlock(a);
  expect([lockShared(b), lockShared(c), lockExclusive(a)]).toEqual([true, true, false]);
  for (const fd of [a, b, c]) closeSync(fd);
});

test("the lock of a process that was killed is free", async () => {
  const path = join(scratch.root, "killed");
  const libc = join(import.meta.dir, "..", "src", "system", "libc.ts");
  const script = `
    const { lockExclusive } = await import(${JSON.stringify(libc)});
    console.log(lockExclusive(require("node:fs").openSync(${JSON.stringify(path)}, "a+")));
    setInterval(() => {}, 1000);`;
  const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe", stderr: "inherit" });
  const said = await child.stdout.getReader().read();
  expect(Buffer.from(said.value ?? []).toString()).toBe("true\n");
  const fd = openSync(path, "r");
  expect(lockExclusive(fd)).toBe(false);
  child.kill("SIGKILL");
  await child.exited;
  expect(lockExclusive(fd)).toBe(true);
  closeSync(fd);
});

test("a lock of what is not open is an error, not a lock that somebody holds", () => {
  expect(() => lockExclusive(987_654)).toThrow("flock failed with errno 9");
});

test("poll waits for bytes, and tells them from silence and from the end", () => {
  const fifo = join(scratch.root, "fifo");
  expect(Bun.spawnSync(["mkfifo", fifo]).exitCode).toBe(0);
  const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(fifo, constants.O_WRONLY);
  const poll = openPoll();
  expect(poll?.(reader, 5)).toBe(false);
  writeSync(writer, "x");
  expect(poll?.(reader, 5)).toBe(true);
  const empty = openSync("/dev/null", "r");
  expect(poll?.(empty, 5)).toBe(true);
  expect(isTerminal(reader)).toBe(false);
  for (const fd of [reader, writer, empty]) closeSync(fd);
});
