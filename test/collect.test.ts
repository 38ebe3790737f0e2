// The cold half of the spool: order, strangers, damage, and what dead writers left.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSpool, spoolState, timeOfId } from "../src/spool/collect.ts";

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "offhook-collect-"));
  for (const directory of ["tmp", "new", "bad"]) mkdirSync(join(home, "spool", directory), { recursive: true });
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const LIMIT = { maxFiles: 500, maxBytes: 8_000_000 };
const inNew = (name: string) => join(home, "spool", "new", name);
const headerOf = (id: string, over: object = {}) => ({
  v: 1,
  id,
  time: "2026-11-20T12:00:00.000Z",
  pid: 7,
  args: [],
  env: {},
  size: 2,
  flags: [],
  ...over,
});

function put(id = Bun.randomUUIDv7(), body = "{}", over: object = {}): string {
  writeFileSync(inNew(id), `${JSON.stringify(headerOf(id, over))}\n${body}`);
  return id;
}

describe("reading", () => {
  test("gives events in the order of their ids, with the bytes of stdin untouched", () => {
    const ids = [put(), put(undefined, "a\nb\u0000c\n"), put()].sort();
    const spool = openSpool(home);
    expect(spool.list()).toEqual(ids);
    const bodies = spool.read(ids, LIMIT).files.map((file) => Buffer.from(file.body).toString());
    expect(bodies).toContain("a\nb\u0000c\n");
  });

  test("stops at the limits and says how far it came", () => {
    for (let i = 0; i < 7; i++) put(undefined, "x".repeat(1001));
    const spool = openSpool(home);
    const names = spool.list();
    expect(spool.read(names, { maxFiles: 3, maxBytes: 1e9 }).taken).toBe(3);
    expect(spool.read(names, { maxFiles: 99, maxBytes: 2500 }).files.length).toBe(3);
  });

  test("passes over a file that is gone", () => {
    const ids = [put(), put()].sort();
    rmSync(inNew(ids[0]!));
    expect(openSpool(home).read(ids, LIMIT)).toMatchObject({ taken: 2, files: [{ name: ids[1] }], bad: [] });
  });

  test("removes only what it is told to, and twice is no error", async () => {
    const [one, two] = [put(), put()];
    const spool = openSpool(home);
    await spool.remove([one]);
    await spool.remove([one]);
    expect(readdirSync(join(home, "spool", "new"))).toEqual([two]);
  });
});

describe("what is not ours goes to bad/ and holds nothing up", () => {
  const id = Bun.randomUUIDv7();
  const strangers: [string, () => void][] = [
    ["a foreign file", () => writeFileSync(inNew("notes.txt"), "milk")],
    ["a directory", () => mkdirSync(inNew("directory"))],
    ["a directory with an event's name", () => mkdirSync(inNew(id))],
    ["a FIFO with an event's name", () => void Bun.spawnSync(["mkfifo", inNew(id)])],
    ["a link with an event's name", () => symlinkSync("/etc/hostname", inNew(id))],
    ["an empty file", () => writeFileSync(inNew(id), "")],
    ["a file without a header", () => writeFileSync(inNew(id), "{}\n{}")],
    ["a header cut off", () => writeFileSync(inNew(id), '{"v":1,"id":"')],
    ...Object.entries({
      args: { args: "x" },
      "an argument": { args: [1] },
      time: { time: 5 },
      flags: { flags: [{}] },
      env: { env: null },
      "a variable": { env: { CLAUDE_PROJECT_DIR: {} } },
      cwd: { cwd: 5 },
      "the version": { v: 1.5 },
    }).map(([what, over]): [string, () => void] => [
      `a header of another kind: ${what}`,
      () => writeFileSync(inNew(id), `${JSON.stringify({ ...headerOf(id), ...over })}\n{}`),
    ]),
    [
      "more than publish would write",
      () => {
        writeFileSync(inNew(id), `${JSON.stringify(headerOf(id))}\n`);
        truncateSync(inNew(id), 3 * 2 ** 30);
      },
    ],
    ["another event's bytes", () => writeFileSync(inNew(id), `${JSON.stringify(headerOf(Bun.randomUUIDv7()))}\n{}`)],
    ["a name of 255 bytes", () => writeFileSync(inNew("x".repeat(255)), "")],
  ];
  for (const [what, plant] of strangers) {
    test(what, () => {
      plant();
      const good = put();
      const spool = openSpool(home);
      const result = spool.read(spool.list(), LIMIT);
      expect(result.files.map((file) => file.name)).toEqual([good]);
      expect(result.bad.length).toBe(1);
      expect(readdirSync(join(home, "spool", "bad")).length).toBe(1);
      expect(readdirSync(join(home, "spool", "new"))).toEqual([good]);
    });
  }

  test("a second stranger of the same name does not replace the first", () => {
    const spool = openSpool(home);
    for (const text of ["one", "two"]) {
      writeFileSync(inNew("notes.txt"), text);
      spool.read(spool.list(), LIMIT);
    }
    const kept = readdirSync(join(home, "spool", "bad")).map((name) =>
      readFileSync(join(home, "spool", "bad", name), "utf8"),
    );
    expect(kept.sort()).toEqual(["one", "two"]);
  });
});

describe("a newer version", () => {
  test("waits where it is, is reported once, and is counted", () => {
    const id = put(undefined, "{}", { v: 7 });
    const good = put();
    const spool = openSpool(home);
    const first = spool.read(spool.list(), LIMIT);
    expect(first.newer).toEqual([id]);
    expect(first.files.map((file) => file.name)).toEqual([good]);
    expect(spool.list()).toEqual([good]);
    expect(existsSync(inNew(id))).toBe(true);
    expect(spoolState(home, Date.now())).toMatchObject({ waiting: 2, newer: 1, bad: 0 });
  });
});

describe("tmp/", () => {
  test("is swept of dead writers and of what is older than a day, not of a living writer", () => {
    const gone = Bun.spawnSync(["true"]).pid;
    const tmp = (name: string) => join(home, "spool", "tmp", name);
    const [dead, living, old] = [
      `${Bun.randomUUIDv7()}.${gone}`,
      `${Bun.randomUUIDv7()}.${process.pid}`,
      `${Bun.randomUUIDv7()}.${process.pid}`,
    ];
    for (const name of [dead, living, old]) writeFileSync(tmp(name), "half");
    const dayAgo = Date.now() / 1000 - 25 * 3600;
    utimesSync(tmp(old), dayAgo, dayAgo);
    const minutesAgo = Date.now() / 1000 - 90;
    utimesSync(tmp(dead), minutesAgo, minutesAgo);
    expect(openSpool(home).sweep(Date.now())).toBe(2);
    expect(readdirSync(join(home, "spool", "tmp"))).toEqual([living]);
  });
});

test("the age of the oldest event comes from its id", () => {
  const id = put();
  expect(Math.abs(timeOfId(id) - Date.now())).toBeLessThan(60_000);
  expect(spoolState(home, timeOfId(id) + 1234)).toEqual({ waiting: 1, bad: 0, newer: 0, oldestMs: 1234 });
});
