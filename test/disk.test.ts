// The disk's troubles in process, with a clock and a figure of free room that are handed in; the ballast is a real file.
// What a real full disk does to a daemon is full-disk.test.ts's.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Disk, makeDisk } from "../src/daemon/disk.ts";
import { OffhookError } from "../src/errors.ts";

const MIB = 1024 * 1024;
const KIB = 1024;
const PIECE = 128 * KIB;

let home: string;
let ballast: string;
let disk: Disk;
let said: string[];
let over: { kind: string; forMs: number }[];
let room: { freeBytes: number; totalBytes: number };
let nowMs: number;
let due: { atMs: number; call: () => void }[];

beforeEach(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), "offhook-disk-")));
  ballast = join(home, "ballast");
  [said, over, due, nowMs] = [[], [], [], 5_000];
  room = { freeBytes: 100 * MIB, totalBytes: 1000 * MIB };
  disk = open();
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** A disk on the virtual clock, with a ballast of 1 MiB. */
function open(): Disk {
  const made = makeDisk({
    home,
    log: (line) => said.push(line),
    now: () => Date.parse("2026-03-01T12:00:00Z"),
    steadyNow: () => nowMs,
    later(ms, call) {
      const entry = { atMs: nowMs + ms, call };
      due.push(entry);
      return () => {
        due = due.filter((one) => one !== entry);
      };
    },
    ballastBytes: MIB,
    roomOf: () => room,
  });
  made.onRoom((one) => over.push(one));
  return made;
}

/** Lets so much time go by, and everything be called when it is due. */
function pass(ms: number): void {
  const endMs = nowMs + ms;
  for (;;) {
    const next = due.filter((one) => one.atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0];
    if (next === undefined) break;
    due = due.filter((one) => one !== next);
    nowMs = next.atMs;
    next.call();
  }
  nowMs = endMs;
}

const failure = (code: string, text = "it failed") => Object.assign(new Error(text), { code });
const full = () => failure("SQLITE_FULL", "database or disk is full");
const sizeOf = (path: string) => lstatSync(path, { throwIfNoEntry: false })?.size ?? null;

describe("the ballast", () => {
  test("is made of real room: the owner's alone, no holes, and nothing that could be made smaller", () => {
    disk.ensure();
    const { size, blocks, mode } = statSync(ballast);
    expect([size, mode & 0o777]).toEqual([MIB, 0o600]);
    expect(blocks * 512).toBeGreaterThanOrEqual(size);
    const bytes = readFileSync(ballast);
    expect(Bun.zstdCompressSync(bytes).length).toBeGreaterThan(0.99 * size);
    expect(bytes.toString("latin1", 0, 60)).toStartWith("offhook keeps this room for a full disk");
    expect(said).toEqual([]);
  });

  test("stays as it is at the next start; what was cut short or is full of holes is made whole", () => {
    disk.ensure();
    const before = readFileSync(ballast);
    open().ensure();
    expect(readFileSync(ballast).equals(before)).toBe(true);
    truncateSync(ballast, 300_001);
    open().ensure();
    expect(sizeOf(ballast)).toBe(MIB);
    expect(readFileSync(ballast).subarray(0, 300_001).equals(before.subarray(0, 300_001))).toBe(true);
    writeFileSync(ballast, "");
    truncateSync(ballast, MIB);
    rmSync(ballast);
    writeFileSync(ballast, before.subarray(0, 4096));
    truncateSync(ballast, MIB);
    open().ensure();
    expect(statSync(ballast).blocks * 512).toBeGreaterThanOrEqual(MIB);
  });

  test("is a sixteenth of a small disk at most", () => {
    room = { freeBytes: 4 * MIB, totalBytes: 4 * MIB };
    disk.ensure();
    expect(sizeOf(ballast)).toBe(256 * KIB);
  });

  test("is not made where there is not as much room beside it; that is said once, and it is made when there is", () => {
    room.freeBytes = 2 * MIB - 1;
    disk.ensure();
    pass(10 * 60_000);
    expect(sizeOf(ballast)).toBe(null);
    expect(said).toEqual(["no room is kept for a full disk: 2.0 MiB must be free there, 1.9 are"]);
    expect([disk.isFull(), disk.state()]).toEqual([false, null]);
    room.freeBytes = 2 * MIB;
    pass(60_000);
    expect(sizeOf(ballast)).toBe(MIB);
    pass(10 * 60_000);
    expect([said.length, due.length]).toEqual([1, 0]);
  });

  const strangers: [string, () => void][] = [
    ["a file of somebody's", () => writeFileSync(ballast, "my notes\n".repeat(9001))],
    [
      "a link to a file",
      () => {
        writeFileSync(join(home, "target"), "precious");
        symlinkSync(join(home, "target"), ballast);
      },
    ],
    ["a link to nothing", () => symlinkSync(join(home, "nowhere"), ballast)],
    [
      "a second name of a file",
      () => {
        writeFileSync(join(home, "target"), "");
        linkSync(join(home, "target"), ballast);
      },
    ],
    ["a directory", () => mkdirSync(ballast)],
    ["a FIFO", () => Bun.spawnSync(["mkfifo", ballast])],
  ];
  for (const [what, put] of strangers) {
    test(`with ${what} in its place is done without: that is left alone, and a full disk is waited for all the same`, () => {
      put();
      const look = () => {
        const stat = lstatSync(ballast);
        return [stat.ino, stat.size, stat.mode, Bun.spawnSync(["ls", "-lR", home]).stdout.toString()];
      };
      const before = look();
      disk.ensure();
      room.freeBytes = 1000;
      expect([disk.trouble(full()), disk.isFull()]).toEqual([false, true]);
      pass(30_000);
      expect([disk.isFull(), over.length]).toEqual([true, 0]);
      room.freeBytes = 2 * MIB;
      pass(30_000);
      expect([disk.isFull(), over.length]).toEqual([false, 1]);
      expect(look()).toEqual(before);
      expect(said[0]).toBe(`no room is kept for a full disk: ${ballast} is not a file of this daemon; move it away`);
      expect(said.filter((line) => line.startsWith("no room is kept"))).toHaveLength(1);
    });
  }

  test("that cannot be looked at or written is no reason not to run", () => {
    rmSync(home, { recursive: true });
    disk.ensure();
    expect(said[0]).toStartWith("no room is kept for a full disk: ENOENT");
    expect([disk.isFull(), disk.state()]).toEqual([false, null]);
  });
});

describe("a full disk", () => {
  test("gets a piece of the ballast back each time somebody meets it, until there is none", () => {
    disk.ensure();
    room.freeBytes = 0;
    const left: (number | null)[] = [];
    for (let piece = 0; piece < 8; piece++) {
      expect(disk.trouble(full())).toBe(true);
      left.push(sizeOf(ballast));
    }
    expect(left).toEqual([...[7, 6, 5, 4, 3, 2, 1].map((pieces) => pieces * PIECE), null]);
    expect(disk.trouble(full())).toBe(false);
    expect(disk.isFull()).toBe(true);
  });

  for (const code of ["SQLITE_FULL", "ENOSPC", "EDQUOT"])
    test(`is what ${code} says`, () => {
      disk.ensure();
      disk.trouble(failure(code));
      expect(disk.state()).toEqual({
        kind: "disk-full",
        since: "2026-03-01T12:00:00.000Z",
        text: `the disk of ${home} is full: it failed; make room on its disk`,
      });
    });

  test("is over when the whole ballast and as much room again are there, and not before", () => {
    disk.ensure();
    room.freeBytes = 0;
    for (let piece = 0; piece < 3; piece++) disk.trouble(full());
    room.freeBytes = MIB + 3 * PIECE - 1;
    pass(90_000);
    expect([disk.isFull(), sizeOf(ballast), over]).toEqual([true, 5 * PIECE, []]);
    expect(disk.state()?.text).toBe(`the disk of ${home} is full: 1.4 MiB must be free there, 1.3 are`);
    room.freeBytes += 1;
    pass(1000);
    expect([disk.isFull(), disk.state(), sizeOf(ballast)]).toEqual([false, null, MIB]);
    expect(over).toEqual([{ kind: "disk-full", forMs: 91_000 }]);
    expect(statSync(ballast).blocks * 512).toBeGreaterThanOrEqual(MIB);
    pass(60_000);
    expect(due).toEqual([]);
  });

  test("is said at once and once a minute, however many meet it, and its end once", () => {
    disk.ensure();
    room.freeBytes = 0;
    for (let second = 0; second < 150; second++) {
      disk.trouble(full());
      disk.trouble(full());
      pass(1000);
    }
    expect(said.filter((line) => line.startsWith("intake waits, consumers wait: "))).toHaveLength(3);
    room.freeBytes = 3 * MIB;
    pass(1000);
    expect(said.at(-1)).toBe("intake goes on, consumers go on: the disk has room again (after 151 s)");
    expect(said).toHaveLength(4);
  });

  test("can come and go many times", () => {
    disk.ensure();
    for (let round = 1; round <= 20; round++) {
      room.freeBytes = 0;
      expect([disk.trouble(full()), disk.isFull()]).toEqual([true, true]);
      pass(2000);
      room.freeBytes = 2 * MIB;
      pass(1000);
      expect([disk.isFull(), over.length, sizeOf(ballast)]).toEqual([false, round, MIB]);
    }
  });

  test("that stops being looked at leaves nothing behind", () => {
    disk.ensure();
    disk.trouble(full());
    disk.stop();
    expect(due).toEqual([]);
  });
});

describe("what is not a full disk", () => {
  test("and does not pass is left to others", () => {
    disk.ensure();
    for (const error of [new Error("no"), failure("SQLITE_CORRUPT"), failure("ENOENT"), null, "text"])
      expect(disk.trouble(error)).toBe(false);
    expect([disk.state(), said, sizeOf(ballast)]).toEqual([null, [], MIB]);
  });

  for (const [code, kind, ends] of [
    ["SQLITE_IOERR_WRITE", "disk-error", "the disk answers again"],
    ["EIO", "disk-error", "the disk answers again"],
    ["EROFS", "disk-error", "the disk answers again"],
    ["SQLITE_BUSY", "ledger-locked", "the ledger can be written again"],
  ] as const)
    test(`but ${code}: those who met it try again by themselves, and it is over when nobody meets it any more`, () => {
      disk.ensure();
      for (let times = 0; times < 30; times++) {
        expect(disk.trouble(failure(code))).toBe(false);
        pass(5000);
      }
      expect([disk.isFull(), disk.state()?.kind, over]).toEqual([false, kind, []]);
      expect(said).toHaveLength(3);
      pass(10_000);
      expect([disk.state(), over.map((one) => one.kind)]).toEqual([null, [kind]]);
      expect(said.at(-1)).toStartWith(`intake goes on, consumers go on: ${ends}`);
      expect(sizeOf(ballast)).toBe(MIB);
      expect(due).toEqual([]);
    });

  test("becomes one when the disk is found to be full meanwhile", () => {
    disk.ensure();
    disk.trouble(failure("SQLITE_IOERR_READ"));
    room.freeBytes = 0;
    expect(disk.trouble(full())).toBe(true);
    expect(disk.state()?.kind).toBe("disk-full");
    disk.trouble(failure("SQLITE_BUSY"));
    expect(disk.state()?.kind).toBe("disk-full");
    pass(120_000);
    expect(disk.isFull()).toBe(true);
  });
});

describe("a start", () => {
  test("on a full disk gets the ballast's room, and intake waits from the beginning", () => {
    disk.ensure();
    room.freeBytes = 0;
    let tries = 0;
    const opened = disk.withRoom(() => {
      if (++tries < 4) throw full();
      return "opened";
    });
    expect([opened, tries, sizeOf(ballast), disk.isFull()]).toEqual(["opened", 4, 4 * PIECE, true]);
  });

  test("that not even that helps says what is wrong, with exit code 1", () => {
    disk.ensure();
    const wrapped = Object.assign(new OffhookError(78, "cannot open"), { cause: full() });
    const start = () =>
      disk.withRoom(() => {
        throw wrapped;
      });
    expect(start).toThrow(
      expect.objectContaining({
        exitCode: 1,
        message: `the disk of ${home} is full: database or disk is full; make room on its disk`,
      }),
    );
    expect(sizeOf(ballast)).toBe(null);
  });

  test("that fails for another reason fails as it did", () => {
    disk.ensure();
    const other = new OffhookError(78, "a newer offhook");
    for (const error of [other, failure("SQLITE_BUSY"), new Error("no")]) {
      const start = () =>
        disk.withRoom(() => {
          throw error;
        });
      expect(start).toThrow(error);
    }
    expect([disk.state(), sizeOf(ballast)]).toEqual([null, MIB]);
  });
});
