// What the operating system says of processes.
import { afterAll, afterEach, expect, test } from "bun:test";
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  bootId,
  endTree,
  endTreeInSteps,
  fromPs,
  groupAlive,
  processStartTime,
  processTree,
} from "../src/system/process.ts";
import { eventually, isGone } from "./fixtures/delivery.ts";

const directory = mkdtempSync(join(tmpdir(), "offhook-process-"));
const started: Bun.Subprocess[] = [];
const start = (argv: string[]) => {
  const child = Bun.spawn(argv, {
    cwd: directory,
    detached: true,
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
  });
  started.push(child);
  return child;
};
afterEach(async () => {
  for (const child of started.splice(0)) {
    endTree(child.pid, "SIGKILL");
    await child.exited;
  }
});
afterAll(() => rmSync(directory, { recursive: true }));

test("a boot has a name that stays", () => {
  expect(bootId()).toMatch(/^[0-9A-Fa-f-]{36}$/);
  expect(bootId()).toBe(bootId());
});

test("a process has a start time that stays while it runs, and none afterwards", async () => {
  const child = start(["sleep", "1000"]);
  const began = processStartTime(child.pid);
  expect(began).toMatch(/\d/);
  expect(processStartTime(child.pid)).toBe(began);
  child.kill("SIGKILL");
  await child.exited;
  expect(processStartTime(child.pid)).toBeNull();
});

test("a program's name may hold what looks like fields", () => {
  const path = join(directory, "a) Z 1 (");
  copyFileSync("/bin/sleep", path);
  const child = start([path, "1000"]);
  const [found, ...others] = processTree(child.pid);
  expect(others).toEqual([]);
  expect(found).toMatchObject({ pid: child.pid, parent: process.pid, group: child.pid, isZombie: false });
  expect(found?.startTime).toMatch(/^\d+$/);
});

test("a tree is a group and what left the group, and all of it is told to end, then ended", async () => {
  const far = `trap "echo told > told" TERM; touch ready; while :; do sleep 0.02; done`;
  const child = start(["sh", "-c", `setsid sh -c '${far}' & exec sleep 1000`]);
  await eventually(() => (existsSync(join(directory, "ready")) ? true : null));
  const other = start(["sleep", "1000"]);
  const tree = await eventually(() => {
    const found = processTree(child.pid);
    return found.some(({ group }) => group !== child.pid) ? found : null;
  });
  expect(await endTreeInSteps(child.pid, 500)).toBe(true);
  expect(existsSync(join(directory, "told"))).toBe(true);
  for (const { pid } of tree) expect(await isGone(pid)).toBe(true);
  expect(groupAlive(child.pid)).toBe(false);
  expect(groupAlive(other.pid)).toBe(true);
});

test("a group is alive as long as one of its members runs, also without its leader", async () => {
  const child = start(["sh", "-c", "sleep 1000 & echo $! > member"]);
  await child.exited;
  expect(groupAlive(child.pid)).toBe(true);
  expect(existsSync(join(directory, "member"))).toBe(true);
  process.kill(Number(readFileSync(join(directory, "member"), "utf8")), "SIGKILL");
  expect(await eventually(() => (groupAlive(child.pid) ? null : "over"))).toBe("over");
});

test("what kill(2) takes for everybody is refused", () => {
  for (const pid of [-1, 0, 1, Number.NaN, 1.5])
    expect(() => endTree(pid, "SIGTERM")).toThrow("no process group of ours");
});

test("lines of macOS ps are read: blanks in the start time, zombies, and lines that are none", () => {
  const lines =
    "    1     0     1 Ss   Thu Nov 20 09:00:01 2026\n  501   500   501 Z    Thu Nov 20 10:00:00 2026    \n\nps: oops\n";
  expect(fromPs(lines)).toEqual([
    { pid: 1, parent: 0, group: 1, session: null, startTime: "Thu Nov 20 09:00:01 2026", isZombie: false },
    { pid: 501, parent: 500, group: 501, session: null, startTime: "Thu Nov 20 10:00:00 2026", isZombie: true },
  ]);
});
