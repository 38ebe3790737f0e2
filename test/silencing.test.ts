// Consumers that are left alone, through the binary: what a project says in its .offhook.toml, what it says in vain, and what
// this machine's config.toml says.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { consumerOf } from "./guarded.ts";
import { openRunning, type Running, until, wrote } from "./running.ts";

let on: Running;
beforeEach(() => {
  on = openRunning();
  for (const project of ["shop", "quiet"]) mkdirSync(join(on.root, project, ".git"), { recursive: true });
});
afterEach(() => on.end());

const ON = 'on = ["PostToolUse"]\n';

/** The skips so far, as "consumer reason", in order of the names. */
async function skips(): Promise<string[]> {
  const lines = await on.ndjson(["deliveries", "--skipped"]);
  return lines.map((skip) => `${skip.consumer} ${skip.reason}`).sort();
}

test("a project silences what may be silenced, there and nowhere else", async () => {
  on.consumer("lint", `${ON}run = ["true"]`);
  on.consumer("tests", `${ON}run = ["true"]`);
  on.consumer("audit", `${ON}run = ["true"]\nsilenceable = false`);
  on.consumer("log", `${ON}builtin = "log"`);
  on.file("quiet/.offhook.toml", 'disabled = ["lint", "audit", "log", "not-here"]\n');
  await on.start();
  await on.publish(wrote(on.file("quiet/deep/down/a.py")));
  await on.publish(wrote(on.file("shop/a.py")));
  const status = await on.settled();
  expect(await skips()).toEqual(["lint silenced"]);
  expect(["lint", "tests", "audit", "log"].map((name) => consumerOf(status, name).ok)).toEqual([1, 2, 2, 2]);
});

test("a project silences everything that may be silenced", async () => {
  on.consumer("lint", `${ON}run = ["true"]`);
  on.consumer("tests", `${ON}shell = "true"`);
  on.consumer("log", `${ON}builtin = "log"`);
  on.file("quiet/.offhook.toml", "disabled = true\n");
  await on.start();
  await on.publish(wrote(on.file("quiet/a.py")));
  await on.settled();
  expect(await skips()).toEqual(["lint silenced", "tests silenced"]);
});

test("a project makes a consumer come less often", async () => {
  on.consumer("tests", `${ON}run = ["true"]\nkey = "{project}"`);
  on.file("quiet/.offhook.toml", 'cooldown = { tests = "1h" }\n');
  await on.start();
  for (const file of ["quiet/a.py", "shop/a.py"]) await on.publish(wrote(on.file(file)));
  await on.settled();
  for (const file of ["quiet/b.py", "shop/b.py"]) await on.publish(wrote(on.file(file)));
  const status = await on.settled();
  expect(await skips()).toEqual(["tests cooldown"]);
  expect(consumerOf(status, "tests").ok).toBe(3);
});

test("a hostile project's file runs nothing, silences nothing, holds nobody up, and is reported", async () => {
  on.consumer("lint", `${ON}run = ["true"]`);
  const trap = join(on.root, "trap");
  on.file("shop/.offhook.toml", `disabled = ["lint"]\nrun = ["touch", ${JSON.stringify(trap)}]\n`);
  symlinkSync("/etc/passwd", join(on.root, "quiet/.offhook.toml"));
  mkdirSync(join(on.root, "pipe/.git"), { recursive: true });
  expect(Bun.spawnSync(["mkfifo", join(on.root, "pipe/.offhook.toml")]).exitCode).toBe(0);
  const daemon = await on.start();
  for (const file of ["shop/a.py", "quiet/a.py", "pipe/a.py"]) await on.publish(wrote(on.file(file)));
  const status = await on.settled();
  expect(consumerOf(status, "lint").ok).toBe(3);
  expect(await skips()).toEqual([]);
  expect(existsSync(trap)).toBe(false);
  for (const said of [
    `${on.root}/shop/.offhook.toml:2: unknown key "run"; the keys are disabled, cooldown`,
    `${on.root}/quiet/.offhook.toml: it is a link, which is not followed; put the file itself in its place`,
    `${on.root}/pipe/.offhook.toml: this is not a file; put a text file in its place`,
  ])
    expect(daemon.output()).toContain(said);
});

test("config.toml disables a consumer on this machine, without a restart", async () => {
  on.consumer("lint", `${ON}run = ["true"]`);
  await on.start();
  const settings = (text: string) => writeFileSync(join(on.home, "config.toml"), text, { mode: 0o600 });
  const stateIs = (state: string) =>
    until(
      async () => consumerOf(await on.status(), "lint").state === state,
      () => `lint is not ${state}`,
    );
  settings('name = "n1"\ndisabled = ["lint"]\n');
  await stateIs("disabled");
  await on.publish(wrote(on.file("shop/a.py")));
  await on.settled();
  settings('name = "n1"\n');
  await stateIs("active");
  await on.publish(wrote(on.file("shop/a.py")));
  const status = await on.settled();
  expect(await skips()).toEqual(["lint disabled"]);
  expect(consumerOf(status, "lint").ok).toBe(1);
});
