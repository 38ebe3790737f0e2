// A whole installation in a scratch HOME: the built binary as a person would have it, Claude Code's settings, a `claude` that only says
// its version, a home with a consumer and a daemon. What tests of the doctor break, one thing at a time.
import {
  chmodSync,
  constants,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { neverTwo } from "./guarded.ts";
import { BINARY, type Ran, until } from "./running.ts";

export type Installation = {
  root: string;
  /** The offhook home. */
  home: string;
  /** The installed binary. */
  binary: string;
  /** The user's settings file. */
  settings: string;
  /** Writes a file below root, with its directories; gives the path. */
  write(name: string, text: string, mode?: number): string;
  consumer(name: string, toml: string): void;
  /** Writes the user's settings: hooks of ours for these events (null: no matcher), beside what else is given. */
  hooks(events: Record<string, string | null>, over?: { binary?: string; timeout?: number; more?: object }): void;
  /** Lets `claude --version` say this; null: there is no claude. */
  claude(version: string | null): void;
  run(args: string[], options?: { env?: Record<string, string>; cwd?: string; stdin?: string }): Promise<Ran>;
  /** `doctor --json` with more words; `problems` are its findings that are not ok. */
  doctor(args?: string[], options?: { env?: Record<string, string>; cwd?: string }): Promise<Examined>;
  start(env?: Record<string, string>): Promise<void>;
  stop(): Promise<void>;
  daemonPid(): number;
  end(): Promise<void>;
};

export type Examined = { exitCode: number | null; findings: any[]; problems: any[]; fixed: string[]; stdout: string };

/** Makes the scratch HOME and installs the binary; no settings, no consumer, no daemon. */
export function openInstallation(): Installation {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "offhook-test-")));
  const home = join(root, ".offhook");
  const binary = join(root, ".local", "bin", "offhook");
  const settings = join(root, ".claude", "settings.json");
  const environment = { PATH: `${join(root, "bin")}:/usr/bin:/bin`, HOME: root, LANG: "C.UTF-8" };
  mkdirSync(dirname(binary), { recursive: true });
  copyFileSync(BINARY, binary, constants.COPYFILE_FICLONE);
  mkdirSync(join(home, "consumers"), { recursive: true });
  for (const path of [home, join(home, "consumers")]) chmodSync(path, 0o700);
  let daemon: Bun.Subprocess<"ignore", "pipe", "pipe"> | null = null;

  const on: Installation = {
    root,
    home,
    binary,
    settings,
    write(name, text, mode = 0o600) {
      const path = join(root, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
      chmodSync(path, mode);
      return path;
    },
    consumer: (name, toml) => void on.write(`.offhook/consumers/${name}.toml`, toml),
    hooks(events, { binary: named = binary, timeout, more = {} } = {}) {
      const hooks = Object.fromEntries(
        Object.entries(events).map(([event, matcher]) => [
          event,
          [
            {
              ...(matcher === null ? {} : { matcher }),
              hooks: [{ type: "command", command: named, args: ["publish"], timeout: timeout ?? 5 }],
            },
          ],
        ]),
      );
      on.write(".claude/settings.json", `${JSON.stringify({ hooks, ...more }, null, 2)}\n`);
    },
    claude(version) {
      rmSync(join(root, "bin", "claude"), { force: true });
      if (version !== null) on.write("bin/claude", `#!/bin/sh\necho "${version} (Claude Code)"\n`, 0o755);
    },
    async run(args, { env = {}, cwd = root, stdin = "" } = {}) {
      const child = Bun.spawn([binary, ...args], {
        env: { ...environment, ...env },
        cwd,
        stdin: Buffer.from(stdin),
        stdout: "pipe",
        stderr: "pipe",
        timeout: 30_000,
        killSignal: "SIGKILL",
      });
      const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
      neverTwo(child.exitCode, `${args.join(" ")}: ${stderr}`);
      return { exitCode: child.exitCode, stdout, stderr };
    },
    async doctor(args = [], options) {
      const { exitCode, stdout, stderr } = await on.run(["doctor", "--json", ...args], options);
      if (stderr !== "") throw new Error(`doctor: ${stderr}`);
      const { findings, fixed } = JSON.parse(stdout);
      return { exitCode, findings, problems: findings.filter((one: any) => one.level !== "ok"), fixed, stdout };
    },
    async start(env = {}) {
      const child = Bun.spawn([binary, "consume"], {
        env: { ...environment, ...env },
        cwd: root,
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
      });
      daemon = child;
      let said = "";
      const read = async (stream: ReadableStream<Uint8Array>) => {
        for await (const chunk of stream) said += Buffer.from(chunk).toString();
      };
      void Promise.all([read(child.stdout), read(child.stderr)]);
      await until(
        () => said.includes("ready:") || child.exitCode !== null,
        () => `the daemon is not ready: ${said}`,
      );
      if (child.exitCode !== null) throw new Error(`the daemon ended with ${child.exitCode}: ${said}`);
    },
    async stop() {
      daemon?.kill("SIGCONT");
      daemon?.kill("SIGTERM");
      await daemon?.exited;
      daemon = null;
    },
    daemonPid() {
      if (daemon === null) throw new Error("no daemon was started");
      return daemon.pid;
    },
    async end() {
      await on.stop();
      rmSync(root, { recursive: true, force: true });
    },
  };
  return on;
}

/** The same as it is when all is well: a consumer, the hook that it needs, a daemon that runs. */
export async function openWell(): Promise<Installation> {
  const on = openInstallation();
  on.claude("2.1.329");
  on.consumer("lint", LINT);
  on.hooks({ PostToolUse: "Write" });
  const noted = { path: on.settings, scope: "user", form: "exec", since: "2026-01-01T00:00:00.000Z" };
  on.write(".offhook/hooks.json", JSON.stringify({ v: 1, settings: [noted] }));
  await on.start();
  return on;
}

export const LINT = `on = ["PostToolUse"]\ntools = ["Write"]\nrun = ["true"]\n`;
