// Ledgers that cannot be used, or not right now: refused with advice and left as they are, while events wait in the spool.
import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
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

let on: Running;
let ledger: string;
beforeEach(() => {
  on = openGuarded();
  ledger = join(on.home, "ledger.db");
  on.consumer("all", `on = ["**"]\nshell = "true"\nstart = "earliest"\n`);
});
afterEach(() => on.end());

const publish = () => on.publish(wrote(on.file("a.py")));
const waiting = () => readdirSync(join(on.home, "spool", "new")).length;

/** A ledger with one event in it, and no daemon. */
async function madeLedger(): Promise<void> {
  const daemon = await on.start();
  await publish();
  await on.settled();
  expect(await daemon.stop()).toBe(0);
}

/** Every command must refuse the ledger with 78, say `said`, and leave its bytes alone; publish must go on. */
async function isRefused(said: RegExp): Promise<void> {
  const before = readFileSync(ledger);
  for (const args of [["consume"], ...LOOKING]) {
    const ran = await on.offhook(args, { stdin: "{}" });
    expect([args, ran.exitCode, ran.stdout]).toEqual([args, 78, ""]);
    expect(ran.stderr).toMatch(said);
    expect(ran.stderr).toMatch(/^error: .*ledger\.db.*\ntry: .+\n$/);
  }
  await publish();
  expect(waiting()).toBe(1);
  expect(readFileSync(ledger).equals(before)).toBe(true);
}

describe("a ledger", () => {
  test("of a newer version is refused with advice and not changed; the newer offhook finds what was published", async () => {
    await madeLedger();
    const db = new Database(ledger);
    const { user_version } = db.query("PRAGMA user_version").get() as { user_version: number };
    db.run("PRAGMA user_version = 999");
    db.run("PRAGMA wal_checkpoint(TRUNCATE)");
    db.close();
    await isRefused(/written by a newer offhook \(version 999, .*\ntry: install the newer offhook/);
    const again = new Database(ledger);
    again.run(`PRAGMA user_version = ${user_version}`);
    again.close();
    await on.start();
    expect(consumerOf(await on.settled(), "all").ok).toBe(2);
  });

  test("that is no database is refused, and set aside as the advice says nothing is lost", async () => {
    writeFileSync(ledger, "Dear diary,\n".repeat(1003), { mode: 0o600 });
    await isRefused(/cannot be read.*\ntry: set it aside \(mv /);
    renameSync(ledger, `${ledger}.damaged`);
    await on.start();
    expect(consumerOf(await on.settled(), "all").ok).toBe(1);
  });

  test("that is a directory is refused", async () => {
    mkdirSync(ledger);
    const ran = await on.offhook(["consume"]);
    expect(ran).toMatchObject({
      exitCode: 78,
      stderr: expect.stringMatching(/^error: cannot open the ledger .*\ntry: /),
    });
    await publish();
    expect(waiting()).toBe(1);
  });

  test("that is empty is a new one", async () => {
    writeFileSync(ledger, "", { mode: 0o600 });
    await publish();
    await on.start();
    expect(consumerOf(await on.settled(), "all").ok).toBe(1);
  });

  test("that was cut in half never makes the spool let go of an event", async () => {
    await madeLedger();
    const size = readFileSync(ledger).length;
    for (const name of ["ledger.db-wal", "ledger.db-shm"]) rmSync(join(on.home, name), { force: true });
    truncateSync(ledger, Math.floor(size / 2));
    await publish();
    const ran = await on.offhook(["consume"]);
    expect(ran.exitCode).toBe(78);
    expect(ran.stderr).toMatch(/^error: .*ledger\.db.*\ntry: set it aside/m);
    expect(waiting()).toBe(1);
    for (const args of LOOKING) expect((await on.offhook(args)).stderr).not.toContain("internal");
  });
});

describe("another process", () => {
  test("that holds the ledger's write lock for a moment is waited for", async () => {
    on.consumer("slow", `on = ["**"]\nshell = 'while test ! -e "$OFFHOOK_HOME/go"; do sleep 0.02; done'\n`);
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
