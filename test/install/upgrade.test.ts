// install.sh replaces the real program under a daemon that runs, while publishers publish through the path that is replaced:
// every event that was acknowledged is delivered, by its id, by the old daemon or by the new one.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile } from "../../scripts/compile.ts";
import { BINARY, until } from "../running.ts";
import { SOURCE } from "./stage.ts";

const root = realpathSync(mkdtempSync(join(tmpdir(), "offhook-upgrade-")));
const dir = join(root, "bin");
const place = join(dir, "offhook");
const home = join(root, "home");
const env = { PATH: process.env.PATH ?? "", HOME: root, OFFHOOK_HOME: home };

beforeAll(() => {
  for (const path of [dir, join(home, "consumers")]) mkdirSync(path, { recursive: true, mode: 0o700 });
  compile({
    entry: join(import.meta.dir, "../../src/main.ts"),
    outFile: join(root, "older/offhook"),
    version: "0.0.1",
  });
  copyFileSync(join(root, "older/offhook"), place);
  writeFileSync(join(home, "consumers/log.toml"), 'on = ["upgrade.*"]\nbuiltin = "log"\n', { mode: 0o600 });
}, 60_000);
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Publishes one event after another until told to stop; `acknowledged` are those that exited 0. */
function startPublisher(name: string) {
  const acknowledged: string[] = [];
  const failed: string[] = [];
  let isOn = true;
  const done = (async () => {
    for (let count = 0; isOn; count++) {
      const id = `${name}-${count}`;
      const args = ["publish", "--type", "upgrade.tick", "--data", JSON.stringify({ id })];
      const child = Bun.spawn([place, ...args], { env, cwd: root, stdin: "ignore", stdout: "ignore", stderr: "pipe" });
      const [words, exitCode] = await Promise.all([child.stderr.text(), child.exited]);
      if (exitCode === 0) acknowledged.push(id);
      else failed.push(`${id}: ${exitCode} ${words}`);
    }
  })();
  return {
    acknowledged,
    failed,
    async stop() {
      isOn = false;
      await done;
    },
  };
}

async function startDaemon() {
  const child = Bun.spawn([place, "consume"], { env, cwd: root, stdin: "ignore", stdout: "pipe", stderr: "ignore" });
  let said = "";
  void (async () => {
    for await (const chunk of child.stdout) said += Buffer.from(chunk).toString();
  })();
  await until(
    () => said.includes("ready:") || child.exitCode !== null,
    () => `not ready: ${said}`,
  );
  return child;
}

function run(...command: string[]) {
  const { exitCode, stdout, stderr } = Bun.spawnSync(command, { env, cwd: root, stdin: "ignore", timeout: 20_000 });
  return { exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
}

/** Ids in the log of the consumer, in its order. */
function delivered(): string[] {
  const lines = readFileSync(join(home, "logs/log.ndjson"), "utf8").trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line).data.id);
}

test("an upgrade over a running daemon loses nothing that was acknowledged", async () => {
  let daemon = await startDaemon();
  const publishers = ["a", "b", "c"].map(startPublisher);
  const count = () => publishers.reduce((sum, { acknowledged }) => sum + acknowledged.length, 0);
  const atLeast = (wanted: number) =>
    until(
      () => count() >= wanted,
      () => `only ${count()} published: ${publishers.flatMap(({ failed }) => failed).slice(0, 3)}`,
    );
  try {
    await atLeast(20);
    const script = join(root, "install.sh");
    writeFileSync(script, SOURCE);
    const install = Bun.spawn(["sh", script, "--dir", dir, "--file", BINARY], {
      env,
      cwd: root,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const [output, words, exitCode] = await Promise.all([install.stdout.text(), install.stderr.text(), install.exited]);
    expect({ exitCode, words }).toEqual({ exitCode: 0, words: "" });
    const version = run(BINARY, "--version").stdout.trim();
    expect(output).toContain(`installed offhook ${version} as ${place} (before: 0.0.1)`);
    expect(output).toContain("a daemon runs that no service started");
    expect(run(place, "--version").stdout.trim()).toBe(version);

    // The old daemon goes on beside the new publish, then the new one takes over.
    await atLeast(count() + 20);
    expect(daemon.exitCode).toBeNull();
    daemon.kill("SIGTERM");
    expect(await daemon.exited).toBe(0);
    await atLeast(count() + 10);
    daemon = await startDaemon();
    await atLeast(count() + 10);
  } finally {
    await Promise.all(publishers.map((publisher) => publisher.stop()));
  }
  expect(publishers.flatMap(({ failed }) => failed)).toEqual([]);
  expect(run(place, "drain", "--timeout", "20s").exitCode).toBe(0);
  daemon.kill("SIGTERM");
  expect(await daemon.exited).toBe(0);
  expect(delivered().sort()).toEqual(publishers.flatMap(({ acknowledged }) => acknowledged).sort());
});
