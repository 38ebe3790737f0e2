// What modes forbid an ordinary user: a home that may not be written, files that may not be read. Root ignores modes, so for
// root the binary runs here as nobody, in a home of nobody's.
import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { consumerOf, neverTwo, timesIn } from "./guarded.ts";
import { BINARY, type Ran, until } from "./running.ts";

const IS_ROOT = process.geteuid?.() === 0;
const NOBODY = 65534;

let root: string;
let home: string;
let binary: string;
let daemons: { child: Bun.Subprocess; output(): string }[];

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "offhook-test-")));
  home = join(root, "home");
  binary = IS_ROOT ? join(root, "offhook") : BINARY;
  if (IS_ROOT) {
    copyFileSync(BINARY, binary);
    chmodSync(root, 0o711);
  }
  daemons = [];
  directory(home);
  directory(inHome("consumers"));
});
afterEach(async () => {
  for (const { child } of daemons) child.kill("SIGKILL");
  await Promise.all(daemons.map(({ child }) => child.exited));
  if (!IS_ROOT) Bun.spawnSync(["chmod", "-R", "u+rwx", root]);
  rmSync(root, { recursive: true });
});

const inHome = (...names: string[]) => join(home, ...names);

function theirs(path: string, mode: number): void {
  if (IS_ROOT) chownSync(path, NOBODY, NOBODY);
  chmodSync(path, mode);
}

function directory(path: string): void {
  mkdirSync(path, { recursive: true });
  theirs(path, 0o700);
}

function file(path: string, text: string): void {
  writeFileSync(path, text);
  theirs(path, 0o600);
}

function spawn(args: string[], stdin = "") {
  return Bun.spawn([binary, ...args], {
    env: { PATH: "/usr/bin:/bin", HOME: root, OFFHOOK_HOME: home },
    cwd: "/",
    stdin: Buffer.from(stdin),
    stdout: "pipe",
    stderr: "pipe",
    ...(IS_ROOT ? { uid: NOBODY, gid: NOBODY } : {}),
  });
}

async function offhook(args: string[], stdin = ""): Promise<Ran> {
  const child = spawn(args, stdin);
  const [stdout, stderr, exitCode] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  neverTwo(exitCode, `${args.join(" ")}: ${stderr}`);
  return { exitCode, stdout, stderr };
}

const publish = async () => expect((await offhook(["publish", "--type", "x", "--data", "{}"])).exitCode).toBe(0);
const status = async () => JSON.parse((await offhook(["status", "--json"])).stdout);

async function start(): Promise<{ output(): string; stop(): Promise<number> }> {
  const child = spawn(["consume"]);
  let said = "";
  const read = async (stream: ReadableStream<Uint8Array>) => {
    for await (const chunk of stream) said += Buffer.from(chunk).toString();
  };
  void Promise.all([read(child.stdout), read(child.stderr)]);
  daemons.push({ child, output: () => said });
  await until(
    () => said.includes("ready:") || child.exitCode !== null,
    () => said,
  );
  expect(said).toContain("ready:");
  const stop = () => {
    child.kill();
    return child.exited;
  };
  return { output: () => said, stop };
}

test("a home that may not be written, new or used: consume exits 77 and says what to do", async () => {
  const refused = async (said: RegExp) => {
    const ran = await offhook(["consume"]);
    expect([ran.exitCode, ran.stdout]).toEqual([77, ""]);
    expect(ran.stderr).toMatch(said);
    expect(ran.stderr).toMatch(/^error: .+\ntry: .+\n$/);
  };
  chmodSync(home, 0o500);
  await refused(/the home cannot be used: .*EACCES/);
  expect(readdirSync(home)).toEqual(["consumers"]);

  chmodSync(home, 0o700);
  const daemon = await start();
  expect(await daemon.stop()).toBe(0);
  chmodSync(inHome("daemon.lock"), 0o400);
  await refused(/the lock cannot be opened: .*EACCES/);
  expect((await offhook(["status"])).stdout).toContain("No daemon runs");
  rmSync(inHome("daemon.lock"));
  chmodSync(home, 0o500);
  await refused(/EACCES/);
});

test("a ledger that may not be written or read is refused with what to look at", async () => {
  const daemon = await start();
  await daemon.stop();
  chmodSync(home, 0o500);
  const refused = await offhook(["consume"]);
  expect(refused.exitCode).toBe(78);
  expect(refused.stderr).toMatch(/^error: .*ledger\.db.*\ntry: .*mode and owner/);
  chmodSync(home, 0o700);
  chmodSync(inHome("ledger.db"), 0);
  const looked = await offhook(["events"]);
  expect(looked.exitCode).toBe(78);
  expect(looked.stderr).toMatch(/^error: .*ledger\.db.*\ntry: .*mode and owner/);
});

test("consumer files and secrets that may not be read are told, and the others run", async () => {
  file(inHome("consumers", "closed.toml"), `on = ["x"]\nbuiltin = "none"\n`);
  chmodSync(inHome("consumers", "closed.toml"), 0);
  file(inHome("consumers", "well.toml"), `on = ["x"]\nbuiltin = "none"\n`);
  file(inHome("secrets.env"), "TOKEN=x\n");
  chmodSync(inHome("secrets.env"), 0);
  const daemon = await start();
  expect(daemon.output()).toMatch(/closed\.toml: it may not be read; do: chmod u\+r .*closed\.toml/);
  expect(daemon.output()).toMatch(/secrets\.env: it may not be read; do: chmod u\+r/);
  await publish();
  await until(
    async () => consumerOf(await status(), "well").ok === 1,
    () => daemon.output(),
  );
  chmodSync(inHome("consumers", "closed.toml"), 0o600);
  await until(
    async () => consumerOf(await status(), "closed").ok === 1,
    () => daemon.output(),
  );
});

test("a directory in the spool that cannot be moved stays, told once, and events go on arriving", async () => {
  file(inHome("consumers", "well.toml"), `on = ["**"]\nbuiltin = "none"\n`);
  const daemon = await start();
  directory(inHome("spool", "new", "immovable"));
  chmodSync(inHome("spool", "new", "immovable"), 0o500);
  for (let count = 1; count <= 3; count++) {
    await publish();
    await until(
      async () => consumerOf(await status(), "well").ok === count,
      () => daemon.output(),
    );
  }
  expect(timesIn(daemon.output(), '"immovable" stays in spool/new (')).toBe(1);
  const looked = await offhook(["status"]);
  expect(looked.exitCode).toBe(1);
  expect(looked.stdout).toContain("1 in the spool is no event");
  expect(await daemon.stop()).toBe(0);
});

test("a spool that may not be read, and logs that may not be written, are waited for, and nothing is lost", async () => {
  file(
    inHome("consumers", "log.toml"),
    `on = ["**"]\nbuiltin = "log"\nretry = { max = 90, backoff = "20ms", max_backoff = "20ms" }\n`,
  );
  const daemon = await start();
  chmodSync(inHome("spool", "new"), 0o300);
  const id = Bun.randomUUIDv7();
  const header = {
    v: 1,
    id,
    time: new Date().toISOString(),
    pid: 1,
    args: ["--type", "x"],
    env: {},
    size: 2,
    flags: [],
  };
  file(inHome("spool", "tmp", id), `${JSON.stringify(header)}\n{}`);
  renameSync(inHome("spool", "tmp", id), inHome("spool", "new", id));
  await until(
    () => daemon.output().includes("intake waits: EACCES"),
    () => daemon.output(),
  );
  expect((await offhook(["status"])).stderr).toMatch(/^error: the spool cannot be read: .*\ntry: look at/);
  chmodSync(inHome("logs"), 0o500);
  chmodSync(inHome("spool", "new"), 0o700);
  await until(
    async () => consumerOf(await status(), "log").failed > 0,
    () => daemon.output(),
  );
  chmodSync(inHome("logs"), 0o700);
  await until(
    async () => consumerOf(await status(), "log").ok === 1,
    () => daemon.output(),
  );
  expect(timesIn(daemon.output(), "intake goes on")).toBe(1);
});
