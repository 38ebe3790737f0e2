// Homes that are missing, open, somebody else's, deep or full of the wrong things: made, mended, or refused with what to do.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { consumerOf, openGuarded } from "./guarded.ts";
import { type Running, until, wrote } from "./running.ts";

const IS_ROOT = process.geteuid?.() === 0;
const NOBODY = 65534;
const REFUSED = /^error: .+\ntry: .+\n$/;

let on: Running;
beforeEach(() => {
  on = openGuarded();
  on.consumer("all", `on = ["**"]\nshell = "true"\nstart = "earliest"\n`);
});
afterEach(() => on.end());

const publish = () => on.publish(wrote(on.file("a.py")));
const modeOf = (path: string) => statSync(path).mode & 0o7777;

test("a home that is missing is made by consume, closed to others, and events go through it", async () => {
  rmSync(on.home, { recursive: true });
  expect(await on.offhook(["status"])).toMatchObject({
    exitCode: 1,
    stdout: expect.stringContaining("offhook consume"),
  });
  expect(existsSync(on.home)).toBe(false);
  await on.start();
  for (const part of ["", "consumers", "logs", "spool", "spool/new"]) expect(modeOf(join(on.home, part))).toBe(0o700);
  for (const part of ["ledger.db", "config.toml", "daemon.lock", "control.sock"])
    expect(modeOf(join(on.home, part))).toBe(0o600);
  await publish();
  expect((await on.settled()).stream.events).toBe(1);
});

test("a home that others may enter is closed, and consume says so", async () => {
  for (const mode of [0o777, 0o755]) {
    chmodSync(on.home, mode);
    const daemon = await on.start();
    expect(modeOf(on.home)).toBe(0o700);
    expect(daemon.output()).toContain(`${on.home} was open to others; it is closed now (mode 0700)`);
    await daemon.stop();
  }
  const daemon = await on.start();
  expect(daemon.output()).not.toContain("open to others");
});

test("a home that somebody opened while the daemon runs is closed by the next hook, and the daemon says so", async () => {
  const daemon = await on.start();
  chmodSync(on.home, 0o777);
  await publish();
  await until(
    () => daemon.output().includes(`${on.home} was open to others; publish closed it`),
    () => daemon.output(),
  );
  expect(modeOf(on.home)).toBe(0o700);
  expect(consumerOf(await on.settled(), "all").ok).toBe(1);
});

test("another user's home is refused by every command, and left as it is", async () => {
  const theirs = IS_ROOT ? join(on.root, "theirs") : "/usr";
  if (IS_ROOT) {
    mkdirSync(theirs, { mode: 0o755 });
    chownSync(theirs, NOBODY, NOBODY);
  }
  const before = readdirSync(theirs);
  for (const args of [["consume"], ["status"], ["events"], ["deliveries"], ["try", "all"], ["show", "1"]]) {
    const ran = await on.offhook(args, { env: { OFFHOOK_HOME: theirs } });
    expect([args, ran.exitCode, ran.stdout]).toEqual([args, 77, ""]);
    expect(ran.stderr).toMatch(REFUSED);
    expect(ran.stderr).toContain("belongs to another user");
  }
  expect(readdirSync(theirs)).toEqual(before);
});

describe("in a home", () => {
  const wrong: [string, number, RegExp, () => void][] = [
    [
      "a lock that is a directory",
      78,
      /daemon\.lock is not a plain file/,
      () => mkdirSync(join(on.home, "daemon.lock")),
    ],
    [
      "a lock that is a link",
      78,
      /daemon\.lock is not a plain file/,
      () => symlinkSync("config.toml", join(on.home, "daemon.lock")),
    ],
    [
      "a lock that is a FIFO",
      78,
      /daemon\.lock is not a plain file/,
      () => Bun.spawnSync(["mkfifo", join(on.home, "daemon.lock")]),
    ],
    [
      "a control socket that is a directory",
      78,
      /control\.sock cannot be made/,
      () => mkdirSync(join(on.home, "control.sock")),
    ],
    [
      "a config.toml that is a directory",
      78,
      /config\.toml: .*not a file/,
      () => mkdirSync(join(on.home, "config.toml")),
    ],
    ["logs that are a file", 77, /logs/, () => writeFileSync(join(on.home, "logs"), "")],
    ["a spool that is a file", 77, /spool/, () => writeFileSync(join(on.home, "spool"), "")],
    [
      "consumers that are a file",
      77,
      /consumers/,
      () => {
        rmSync(join(on.home, "consumers"), { recursive: true });
        writeFileSync(join(on.home, "consumers"), "");
      },
    ],
  ];
  for (const [what, exitCode, said, plant] of wrong) {
    test(`${what}: consume says what lies there and what to do, and starts nothing`, async () => {
      plant();
      const ran = await on.offhook(["consume"]);
      expect(ran.exitCode).toBe(exitCode);
      expect(ran.stderr).toMatch(said);
      expect(ran.stderr).toMatch(/^error: .+(; |\ntry: ).+\n$/);
      expect(ran.stdout).not.toContain("ready");
      const looked = await on.offhook(["status"]);
      expect(looked.stderr).not.toContain("internal");
    });
  }

  test("secrets that cannot be read are told, and only who names them stands still", async () => {
    mkdirSync(join(on.home, "secrets.env"));
    on.consumer("named", `on = ["**"]\nwebhook = { url = "https://127.0.0.1/\${TOKEN}" }\n`);
    const daemon = await on.start();
    await publish();
    await until(
      async () => consumerOf(await on.status(), "all").ok === 2, // the write, and the daemon's own event about the broken file
      () => daemon.output(),
    );
    expect(daemon.output()).toMatch(/secrets\.env: .*not a file/);
    expect(consumerOf(await on.status(), "named")).toMatchObject({
      state: "broken",
      error: expect.stringContaining("TOKEN"),
    });
  });
});

test("what a daemon that was killed with -9 left behind is no obstacle: socket, lock, half-written files", async () => {
  const first = await on.start();
  expect(await first.stop("SIGKILL")).toBe(null);
  expect(existsSync(join(on.home, "control.sock"))).toBe(true);
  const half = join(on.home, "spool", "tmp", `${Bun.randomUUIDv7()}.${first.pid}`);
  writeFileSync(half, "half");
  const minutesAgo = Date.now() / 1000 - 90;
  utimesSync(half, minutesAgo, minutesAgo);
  writeFileSync(join(on.home, "config.toml.new"), "half");
  expect(await on.offhook(["status"])).toMatchObject({ exitCode: 1, stdout: expect.stringContaining("not running") });
  const second = await on.start();
  expect(await on.status()).toMatchObject({ daemon: { running: true, answers: true, pid: second.pid } });
  expect(existsSync(half)).toBe(false);
  await publish();
  expect(consumerOf(await on.settled(), "all").ok).toBe(1);
  expect(await second.stop()).toBe(0);
  expect(existsSync(join(on.home, "control.sock"))).toBe(false);
});

test("a home whose path is too long for a socket works like any other", async () => {
  const deep = join(on.root, ...Array(9).fill("d".repeat(30)), "home");
  expect(deep.length).toBeGreaterThan(300);
  mkdirSync(join(deep, "consumers"), { recursive: true, mode: 0o700 });
  on.consumer("all", "");
  writeFileSync(join(deep, "consumers", "deep.toml"), `on = ["**"]\nshell = 'test -S "$OFFHOOK_HOME/control.sock"'\n`, {
    mode: 0o600,
  });
  const env = { OFFHOOK_HOME: deep };
  await on.start([], env);
  await on.offhook(["publish", "--type", "deep", "--data", "{}"], { env });
  const status = async () => JSON.parse((await on.offhook(["status", "--json"], { env, cwd: "/" })).stdout);
  await until(
    async () => consumerOf(await status(), "deep").ok === 1,
    () => "not delivered",
  );
  expect(await status()).toMatchObject({ home: deep, daemon: { running: true, answers: true } });
  expect(readFileSync(join(deep, "config.toml"), "utf8")).toContain("name = ");
});
