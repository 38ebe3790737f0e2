// Ledgers that cannot be used, or not right now. A damaged one is set aside whole, with advice, and a new one begins; any other
// is refused and left as it is. Events wait in the spool meanwhile, and nothing that waits is lost.
import { Database } from "bun:sqlite";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { damagedLedgers, openSound, suspect } from "../src/ledger/damaged.ts";
import { openForWriting } from "../src/ledger/opening.ts";
import { consumerOf, openGuarded } from "./guarded.ts";
import { type Running, until, wrote } from "./running.ts";

const LOOKING = [
  ["status"],
  ["status", "--json"],
  ["events"],
  ["deliveries"],
  ["show", "1"],
  ["try", "all", "--event", "1"],
];
const EVENTS = 2003;
const PAGE = 4096;

/** A real ledger with a few thousand events: at rest, and as a killed daemon leaves it, with what its -wal alone holds. */
let real: { rest: Buffer; live: Buffer; wal: Buffer };
beforeAll(async () => {
  const made = openGuarded();
  made.consumer("all", `on = ["**"]\nbuiltin = "none"\nstart = "earliest"\n`);
  const file = (suffix: string) => readFileSync(join(made.home, `ledger.db${suffix}`));
  const daemon = await made.start();
  spool(made.home, EVENTS);
  await made.settled();
  expect(await daemon.stop()).toBe(0);
  const rest = file("");
  const killed = await made.start();
  for (let i = 0; i < 5; i++) {
    spool(made.home, 20);
    await made.settled();
  }
  await killed.stop("SIGKILL");
  real = { rest, live: file(""), wal: file("-wal") };
  await made.end();
}, 60_000);

let on: Running;
let ledger: string;
beforeEach(() => {
  on = openGuarded();
  ledger = join(on.home, "ledger.db");
  on.consumer("all", `on = ["**"]\nshell = "true"\nstart = "earliest"\n`);
});
afterEach(() => on.end());

const publish = (name = "a.py") => on.publish(wrote(on.file(name)));
const waiting = () => readdirSync(join(on.home, "spool", "new")).length;

/** Puts events into the spool as publish would have. */
function spool(home: string, count: number): void {
  for (let i = 0; i < count; i++) {
    const id = Bun.randomUUIDv7();
    const header = { v: 1, id, time: new Date().toISOString(), pid: 1, args: [], env: {}, size: 0, flags: [] };
    const pad = "abcdefg ".repeat(i % 100 === 7 ? 40_001 : (i % 7) * 41);
    const text = `${JSON.stringify(header)}\n${JSON.stringify(wrote(`/p/f${i % 97}.py`, { pad }))}`;
    const written = join(home, "spool", "tmp", `${id}.${process.pid}`);
    writeFileSync(written, text, { mode: 0o600 });
    renameSync(written, join(home, "spool", "new", id));
  }
}

/** A copy of a file's bytes that something was done to. */
function spoiled(bytes: Buffer, spoil: (copy: Buffer) => Buffer | undefined): Buffer {
  const copy = Buffer.from(bytes);
  return spoil(copy) ?? copy;
}

/** With some bits of one byte turned. */
function flipped(bytes: Buffer, at: number, bits: number): Buffer {
  return spoiled(bytes, (copy) => void copy.writeUInt8(copy.readUInt8(at) ^ bits, at));
}

const noise = (bytes: Buffer) => crypto.getRandomValues(bytes) as Buffer;

/** Lets SQLite itself change a file's bytes. */
function changed(bytes: Buffer, ...statements: string[]): Buffer {
  const path = join(on.root, "changed.db");
  writeFileSync(path, bytes);
  const db = new Database(path);
  db.run("PRAGMA journal_mode = DELETE");
  for (const statement of statements) db.run(statement);
  db.run("PRAGMA journal_mode = WAL");
  db.close();
  return readFileSync(path);
}

/** A ledger with one event in it, and no daemon. */
async function madeLedger(): Promise<void> {
  const daemon = await on.start();
  await publish();
  await on.settled();
  expect(await daemon.stop()).toBe(0);
}

/** Every command must refuse the ledger with 78, say `said`, and leave its bytes alone; publish must go on. */
async function isRefused(commands: string[][], said: RegExp): Promise<void> {
  const before = readFileSync(ledger);
  for (const args of commands) {
    const ran = await on.offhook(args, { stdin: "{}" });
    expect([args, ran.exitCode, ran.stdout]).toEqual([args, 78, ""]);
    expect(ran.stderr).toMatch(said);
    expect(ran.stderr).toMatch(/^error: .*ledger\.db.*\ntry: .+\n$/);
  }
  await publish();
  expect(waiting()).toBe(1);
  expect(readFileSync(ledger).equals(before)).toBe(true);
}

/** A daemon that has set one ledger aside: it is shown until it is moved away, and what waited has arrived in the new one. */
async function isSetAside(output: string, bytes: Buffer | null): Promise<void> {
  const settled = await on.settled();
  const [aside, ...others] = damagedLedgers(on.home);
  if (aside === undefined) throw new Error(`nothing was set aside: ${output}`);
  expect(others).toEqual([]);
  if (bytes !== null) expect(readFileSync(aside).equals(bytes)).toBe(true);
  expect(output).toMatch(/the ledger was damaged \(.+\) and is set aside: .*ledger\.damaged-\d{8}T\d{6}Z\.db\n/);
  expect(output).toMatch(/a new one begins(.*\n)+.*sqlite3 ledger\.damaged-.*\.db \.recover/);
  expect(settled.damagedLedgers).toEqual([aside]);
  expect((await on.ndjson(["events"])).map((event) => event.subject)).toEqual([join(on.root, "waits.py")]);
  expect(consumerOf(settled, "all")).toMatchObject({ ok: 1, failed: 0 });
  const shown = await on.offhook(["status"]);
  expect(shown).toMatchObject({ exitCode: 1, stdout: expect.stringContaining(aside) });
  renameSync(aside, join(on.root, "evidence.db"));
  expect((await on.offhook(["status"])).exitCode).toBe(0);
}

describe("a ledger that was damaged at rest is set aside, and what waits in the spool goes into a new one:", () => {
  const half = (bytes: Buffer) => Math.floor(bytes.length / PAGE / 2) * PAGE;
  const damages: [string, () => Buffer][] = [
    ["a text in its place", () => Buffer.from("Dear diary,\n".repeat(1003))],
    ["a file of 10 bytes", () => real.rest.subarray(0, 10)],
    ["the first bit flipped", () => flipped(real.rest, 0, 0x80)],
    ["the header's format flipped, which SQLite calls read-only", () => flipped(real.rest, 18, 0x40)],
    ["the header's format of tables flipped", () => flipped(real.rest, 47, 0x40)],
    ["the header's page overwritten", () => spoiled(real.rest, (bytes) => void noise(bytes.subarray(0, PAGE)))],
    [
      "a bit of its tables' text flipped",
      () =>
        Buffer.from(real.rest.toString("latin1").replaceAll("CREATE TABLE events", "KREATE TABLE events"), "latin1"),
    ],
    [
      "a bit of a trigger's text flipped, so that it still reads well",
      () => Buffer.from(real.rest.toString("latin1").replaceAll("= new.reason;", "= mew.reason;"), "latin1"),
    ],
    [
      "a bit of an index's text flipped, so that it still reads well",
      () => Buffer.from(real.rest.toString("latin1").replaceAll("reason = 'expired'", "reason = 'expirad'"), "latin1"),
    ],
    ["cut in half", () => real.rest.subarray(0, half(real.rest))],
    ["cut by a page and 1,003 bytes", () => real.rest.subarray(0, -PAGE - 1003)],
    [
      "a page in its middle overwritten",
      () => spoiled(real.rest, (bytes) => void noise(bytes.subarray(half(bytes), half(bytes) + PAGE))),
    ],
    [
      "pages in its middle zeroed",
      () => spoiled(real.rest, (bytes) => void bytes.fill(0, half(bytes), half(bytes) + 11 * PAGE)),
    ],
    ["a table missing", () => changed(real.rest, "DROP TABLE deliveries")],
    ["a version that its tables are not of", () => changed(real.rest, "PRAGMA user_version = 1")],
    ["another program's database in its place", () => changed(Buffer.alloc(0), "CREATE TABLE diary (day TEXT)")],
  ];
  for (const [what, make] of damages)
    test(what, async () => {
      const bytes = make();
      writeFileSync(ledger, bytes, { mode: 0o600 });
      await publish("waits.py");
      const daemon = await on.start();
      await isSetAside(daemon.output(), bytes);
      expect(await daemon.stop()).toBe(0);
    }, 20_000);

  test("with its -wal beside it, which goes with it", async () => {
    const bytes = spoiled(real.live, (copy) => void noise(copy.subarray(half(copy), half(copy) + PAGE)));
    writeFileSync(ledger, bytes, { mode: 0o600 });
    writeFileSync(`${ledger}-wal`, real.wal, { mode: 0o600 });
    await publish("waits.py");
    const daemon = await on.start();
    const [aside] = damagedLedgers(on.home);
    expect(readFileSync(`${aside}-wal`).equals(real.wal)).toBe(true);
    await isSetAside(daemon.output(), bytes);
  }, 20_000);

  test("twice in the same home: each keeps its own name", async () => {
    const now = () => Date.parse("2026-03-01T12:00:00.5Z");
    const said: string[] = [];
    for (let round = 0; round < 3; round++) {
      writeFileSync(ledger, `no ledger ${round}`);
      openSound(ledger, { open: () => openForWriting(ledger).close(), now, log: (line) => said.push(line) });
      rmSync(ledger);
    }
    const names = [
      "ledger.damaged-20260301T120000Z-2.db",
      "ledger.damaged-20260301T120000Z-3.db",
      "ledger.damaged-20260301T120000Z.db",
    ];
    expect(damagedLedgers(on.home)).toEqual(names.map((name) => join(on.home, name)));
    expect(damagedLedgers(on.home).map((path) => readFileSync(path, "utf8"))).toEqual([
      "no ledger 1",
      "no ledger 2",
      "no ledger 0",
    ]);
    expect(said).toHaveLength(3);
  });
});

describe("a ledger's -wal that is damaged", () => {
  const live = async (wal: Buffer) => {
    writeFileSync(ledger, real.live, { mode: 0o600 });
    writeFileSync(`${ledger}-wal`, wal, { mode: 0o600 });
    on.consumer("all", `on = ["**"]\nbuiltin = "none"\nstart = "earliest"\n`);
    await publish("waits.py");
    const daemon = await on.start();
    await until(
      async () => (await on.ndjson(["events"])).at(-1)?.subject === join(on.root, "waits.py"),
      () => daemon.output(),
    );
    expect(damagedLedgers(on.home)).toEqual([]);
    const status = await on.settled();
    expect(await daemon.stop()).toBe(0);
    return { output: daemon.output(), events: status.stream.events };
  };

  test("is no trouble while it is whole: all of it is in the ledger, and nothing is said", async () => {
    const { output, events } = await live(real.wal);
    expect(events).toBe(EVENTS + 100 + 1);
    expect(output).not.toContain("damaged");
  }, 20_000);

  for (const [what, at] of [
    ["in its header", 3],
    ["in its first write", 32 + 24 + 501],
  ] as const)
    test(`by one bit ${what}: that later writes are lost is said, and the daemon goes on with what is left`, async () => {
      const { output, events } = await live(flipped(real.wal, at, 1));
      expect(events).toBeLessThan(EVENTS + 100);
      expect(output).toMatch(/ledger\.db-wal is damaged: the last \d+ writes to the ledger are lost/);
    }, 20_000);

  test("by being cut short, as a write is that was cut off: the daemon goes on with what is left", async () => {
    const { events } = await live(real.wal.subarray(0, 10_007));
    expect(events).toBeGreaterThanOrEqual(EVENTS);
  }, 20_000);
});

describe("damage that is met while the daemon runs", () => {
  test("ends it with advice; the spool keeps what comes meanwhile, and the next start sets the ledger aside", async () => {
    writeFileSync(ledger, real.rest, { mode: 0o600 });
    on.consumer("all", `on = ["**"]\nbuiltin = "none"\n`);
    const daemon = await on.start();
    writeFileSync(
      ledger,
      spoiled(real.rest, (bytes) => void noise(bytes.subarray(100 * PAGE, 400 * PAGE))),
    );
    on.consumer("late", `on = ["**"]\nbuiltin = "log"\nstart = "earliest"\n`);
    await until(
      () => daemon.output().includes("error: "),
      () => daemon.output(),
    );
    expect(await daemon.stop()).toBe(1);
    expect(daemon.output()).toMatch(/^error: the ledger .* seems damaged: .*\ntry: start the daemon \(again\)/m);
    await publish("waits.py");
    rmSync(join(on.home, "consumers", "late.toml"));
    const next = await on.start();
    expect(existsSync(join(on.home, "ledger.suspect"))).toBe(false);
    await isSetAside(next.output(), null);
    expect(await next.stop()).toBe(0);
  }, 20_000);

  test("in the data of one event, which SQLite cannot see, is that event's alone", async () => {
    const at = real.rest.indexOf('"hook_event_name"', Math.floor(real.rest.length / 2));
    writeFileSync(ledger, flipped(real.rest, at, 1), { mode: 0o600 });
    on.consumer("all", `on = ["**"]\nbuiltin = "log"\nstart = "earliest"\n`);
    on.consumer(
      "data",
      `on = ["**"]\nbuiltin = "none"\nstart = "earliest"\nwhere = { "data.tool_input.content" = "x*" }\n`,
    );
    await publish("waits.py");
    const daemon = await on.start();
    const settled = await on.settled();
    expect(consumerOf(settled, "all")).toMatchObject({ ok: EVENTS + 1, failed: 0 });
    expect(consumerOf(settled, "data").ok).toBe(EVENTS);
    expect((await on.ndjson(["events"])).filter((event) => event.data.damaged !== undefined)).toHaveLength(1);
    expect(await daemon.stop()).toBe(0);
  }, 20_000);

  test("is only believed after the whole file was looked through", () => {
    const said: string[] = [];
    const log = (line: string) => said.push(line);
    openForWriting(ledger).close();
    const before = readFileSync(ledger);
    const error = Object.assign(new Error("database disk image is malformed"), { code: "SQLITE_CORRUPT" });
    expect(suspect(ledger, error)).toMatchObject({ exitCode: 1, message: expect.stringContaining("seems damaged") });
    const opened = openSound(ledger, { open: () => "opened", now: Date.now, log });
    expect([opened, said]).toEqual([
      "opened",
      ["the ledger was looked through, because it seemed damaged: it is sound"],
    ]);
    expect(readdirSync(on.home)).not.toContain("ledger.suspect");
    expect([damagedLedgers(on.home), readFileSync(ledger).equals(before)]).toEqual([[], true]);
    openSound(ledger, { open: () => "opened", now: Date.now, log });
    expect(said).toHaveLength(1);
  });
});

describe("a ledger that is not damaged", () => {
  for (const code of [
    "SQLITE_BUSY",
    "SQLITE_IOERR_READ",
    "SQLITE_CANTOPEN",
    "SQLITE_FULL",
    "SQLITE_READONLY",
    "EACCES",
  ])
    test(`is left alone by a start that ${code} ends`, () => {
      openForWriting(ledger).close();
      const error = Object.assign(new Error("not now"), { code });
      let opens = 0;
      const open = () => {
        opens++;
        throw error;
      };
      expect(() => openSound(ledger, { open, now: Date.now, log: () => undefined })).toThrow(error);
      expect([opens, damagedLedgers(on.home), existsSync(ledger)]).toEqual([1, [], true]);
      expect(suspect(ledger, error)).toBe(error);
      expect(existsSync(join(on.home, "ledger.suspect"))).toBe(false);
    });

  test("but of a newer version is refused with advice and not changed; the newer offhook finds what was published", async () => {
    await madeLedger();
    const db = new Database(ledger);
    const { user_version } = db.query("PRAGMA user_version").get() as { user_version: number };
    db.run("PRAGMA user_version = 999");
    db.run("PRAGMA wal_checkpoint(TRUNCATE)");
    db.close();
    await isRefused(
      [["consume"], ...LOOKING],
      /written by a newer offhook \(version 999, .*\ntry: install the newer offhook/,
    );
    expect(damagedLedgers(on.home)).toEqual([]);
    const again = new Database(ledger);
    again.run(`PRAGMA user_version = ${user_version}`);
    again.close();
    await on.start();
    expect(consumerOf(await on.settled(), "all").ok).toBe(2);
  });

  for (const file of ["ledger.db", "ledger.db-wal", "ledger.db-shm"]) {
    for (const [what, make] of [
      ["a directory", (path: string) => mkdirSync(path)],
      ["a FIFO", (path: string) => void Bun.spawnSync(["mkfifo", path])],
      ["a link to nowhere", (path: string) => symlinkSync("/nowhere/at/all", path)],
    ] as const) {
      test(`but has ${what} for its ${file} is refused at once`, async () => {
        if (file !== "ledger.db") await madeLedger();
        rmSync(join(on.home, file), { force: true });
        make(join(on.home, file));
        await publish();
        const ran = await on.offhook(["consume"]);
        expect(ran).toMatchObject({
          exitCode: 78,
          stderr: expect.stringMatching(/^error: .*ledger\.db\S* is not a plain file\ntry: /),
        });
        expect(waiting()).toBe(1);
        expect(damagedLedgers(on.home)).toEqual([]);
      });
    }
  }

  test("but empty is a new one", async () => {
    writeFileSync(ledger, "", { mode: 0o600 });
    await publish();
    await on.start();
    expect(consumerOf(await on.settled(), "all").ok).toBe(1);
    expect(damagedLedgers(on.home)).toEqual([]);
  });
});

test("commands that look at a damaged ledger refuse it with advice and leave it where it is", async () => {
  writeFileSync(ledger, "Dear diary,\n".repeat(1003), { mode: 0o600 });
  await isRefused(LOOKING, /is damaged: file is not a database\ntry: start the daemon \(again\): offhook consume/);
  expect(damagedLedgers(on.home)).toEqual([]);
});

describe("another process", () => {
  test("that holds the ledger's write lock for a moment is waited for", async () => {
    on.consumer(
      "slow",
      `on = ["**"]\nshell = 'while test -d "$OFFHOOK_HOME" -a ! -e "$OFFHOOK_HOME/go"; do sleep 0.02; done'\n`,
    );
    const daemon = await on.start();
    await publish();
    await until(
      async () => consumerOf(await on.status(), "slow").running === 1,
      () => daemon.output(),
    );
    const db = new Database(ledger);
    for (let round = 0; round < 3; round++) {
      db.run("BEGIN IMMEDIATE");
      // An outcome and an event reach the daemon while it cannot write.
      writeFileSync(join(on.home, "go"), "");
      await publish();
      await Bun.sleep(200);
      db.run("ROLLBACK");
      await until(
        async () => consumerOf(await on.status(), "slow").ok === round + 2,
        () => daemon.output(),
      );
    }
    db.close();
    expect(consumerOf(await on.settled(), "all")).toMatchObject({ ok: 4, failed: 0 });
    expect(await daemon.stop()).toBe(0);
  });

  test("that looks, over and over and many at once, disturbs nothing", async () => {
    const daemon = await on.start();
    const counts: number[] = [];
    let done = false;
    const look = async () => {
      while (!done) counts.push((await on.status()).stream.events);
    };
    const looking = Promise.all([look(), look(), look()]);
    for (let i = 0; i < 20; i++) await publish();
    const status = await on.settled();
    done = true;
    await looking;
    expect(consumerOf(status, "all")).toMatchObject({ ok: 20, failed: 0 });
    expect(counts.every((count) => count <= 20)).toBe(true);
    expect(await daemon.stop()).toBe(0);
    expect(existsSync(`${ledger}-wal`)).toBe(false);
  });
});
