// Part four: what a new user does, on a machine that never saw offhook. The installer through a pipe, setup, a session of Claude
// Code, doctor, uninstall; each step timed. The daemon is started by hand: with a real service manager it is tested in
// scripts/test-services.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { bakedInstaller } from "../../scripts/release-files.ts";
import { type Finished, run, start, until } from "./children.ts";
import { play } from "./claude.ts";
import type { Report } from "./report.ts";
import { makeScratch, plainEnv, type Scratch } from "./scratch.ts";
import { wholeScript } from "./script.ts";
import type { Tools } from "./tools.ts";

const STEP_TIMEOUT_MS = 60_000;
/** Somebody else's settings, in a style of their own; they must be there afterwards, byte for byte. */
const SETTINGS = `{\n\t"env": { "MINE": "1" },   "permissions": {"deny": [ "Read(./secret)" ]},\n\n\t"hooks": {
\t\t"PostToolUse": [{"matcher": "Write", "hooks": [{ "type": "command", "command": "/bin/true", "args": [], "timeout": 7 }]}]
\t}\n}\n`;

export async function installationPart(tools: Tools, report: Report): Promise<void> {
  report.part("A new machine: installed, set up, worked with, looked over, taken away");
  const made = await makeScratch(tools.root, "new machine");
  const scratch: Scratch = { ...made, offhookHome: join(made.home, ".offhook") };
  const settings = join(scratch.home, ".claude", "settings.json");
  mkdirSync(join(scratch.home, ".claude"), { mode: 0o700 });
  mkdirSync(join(scratch.home, ".local", "bin"), { recursive: true });
  writeFileSync(settings, SETTINGS);
  const before = tree(scratch.home);

  const { OFFHOOK_HOME: _, ...plain } = plainEnv(scratch);
  const env = { ...plain, PATH: `${join(scratch.home, ".local/bin")}:${join(tools.claude, "..")}:/usr/bin:/bin` };
  const step = async (name: string, argv: string[]): Promise<Finished> => {
    const beganMs = performance.now();
    const finished = await run(argv, { cwd: scratch.project, env, timeoutMs: STEP_TIMEOUT_MS });
    steps.push(`${name} ${((performance.now() - beganMs) / 1000).toFixed(1)} s`);
    return finished;
  };
  const steps: string[] = [];

  const server = await releaseOf(tools.offhook);
  const address = `${server.url}install.sh`;
  // Without --dir it would go to /usr/local/bin where these tests run as root.
  const install = `curl -fsSL ${address} | sh -s -- --dir "$HOME/.local/bin"`;
  const installed = await step("install", ["/bin/sh", "-c", install]).finally(() => server.stop(true));
  report.check("curl | sh puts offhook in place", wrong(installed, /next: .*offhook setup/));

  const wanted = ["--scope", "user", "--consumers", "log", "--service", "none"];
  const setup = await step("setup", ["offhook", "setup", "--yes", ...wanted]);
  report.check("setup --yes writes hooks and a consumer, and proves them", wrong(setup, / ms/));

  const daemon = start(["offhook", "consume"], { cwd: scratch.project, env, timeoutMs: 120_000 });
  const script = wholeScript(scratch.project, "foreground");
  const beganMs = performance.now();
  const played = await play(tools.claude, scratch, script, {});
  steps.push(`a session of Claude Code ${((performance.now() - beganMs) / 1000).toFixed(1)} s`);
  report.check("Claude Code reads the settings and plays its script", wrong(played.finished, /./));
  report.check("its hooks fire: what the log consumer waits for is there", await isLogged(scratch));

  const doctor = await step("doctor", ["offhook", "doctor"]);
  report.check("doctor finds nothing wrong", wrong(doctor, /./));
  const { exitCode } = await daemon.end(25_000);
  report.check("the daemon ends on TERM", exitCode === 0 ? [] : [`exit ${exitCode}`]);

  const removed = await step("uninstall", ["offhook", "uninstall", "--yes", "--purge"]);
  report.check("uninstall --purge says what went", wrong(removed, /./));
  report.check("the settings are as they were, byte for byte", sameText(SETTINGS, readFileSync(settings, "utf8")));
  report.check("nothing of it is left", left(before, tree(scratch.home)));

  const again = await play(tools.claude, scratch, wholeScript(scratch.project, "foreground"), {});
  const fired = existsSync(scratch.offhookHome) ? ["a hook of ours fired"] : [];
  report.check("Claude Code runs without it as before", [...wrong(again.finished, /./), ...fired]);
  console.log(`  ${steps.join(", ")}`);
}

/** A release of this binary for this machine, on loopback. */
async function releaseOf(binary: string) {
  const version = (await run([binary, "--version"], { cwd: "/", env: {}, timeoutMs: STEP_TIMEOUT_MS })).stdout.trim();
  const packed = Bun.gzipSync(await Bun.file(binary).bytes());
  const name = `offhook-linux-${process.arch === "arm64" ? "arm64" : "x64"}.gz`;
  const sums = [{ sha256: new Bun.CryptoHasher("sha256").update(packed).digest("hex"), name }];
  const source = await Bun.file(join(import.meta.dir, "../../scripts/install.sh")).text();
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request) {
      const { pathname, origin } = new URL(request.url);
      if (pathname === "/install.sh") return new Response(bakedInstaller(source, { version, sums, baseUrl: origin }));
      if (pathname === `/v${version}/${name}`) return new Response(packed);
      return new Response(null, { status: 404 });
    },
  });
  return server;
}

async function isLogged(scratch: Scratch): Promise<string[]> {
  const log = join(scratch.offhookHome, "logs", "log.ndjson");
  const has = (type: string) => existsSync(log) && readFileSync(log, "utf8").includes(`"claude-code.${type}"`);
  const types = ["PostToolUse", "Stop"];
  await until(async () => types.every(has), 15_000);
  return types.filter((type) => !has(type)).map((type) => `no ${type} in the log of the consumer`);
}

function wrong({ exitCode, stdout, stderr }: Finished, words: RegExp): string[] {
  if (exitCode === 0 && words.test(stdout)) return [];
  return [`exit ${exitCode}\n${stdout.slice(-1500)}\n${stderr.slice(-1500)}`];
}

function sameText(expected: string, found: string): string[] {
  return expected === found ? [] : [found];
}

/** What is there now and was not before; Claude Code's own is not ours. */
function left(before: readonly string[], now: readonly string[]): string[] {
  return now.filter((path) => !before.includes(path) && !/^\.(claude|cache|npm)(\/|\.json|$)/.test(path));
}

function tree(root: string): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true }).map((entry) =>
    relative(root, join(entry.parentPath, entry.name)),
  );
}
