// A machine on which offhook was just put: a scratch HOME with the built binary, a `claude` that only says its version, a project,
// and fakes of the tools that are wanted. What tests of setup and uninstall begin with; every byte of it can be compared.
import {
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { neverTwo } from "./guarded.ts";
import { BINARY, type Ran, until } from "./running.ts";
import { type OnScreen, onScreen } from "./screen.ts";

export type RunOptions = { env?: Record<string, string>; cwd?: string; stdin?: string };

export type Machine = {
  root: string;
  /** Where the offhook home would be. */
  home: string;
  /** The installed binary. */
  binary: string;
  /** The user's settings file. */
  settings: string;
  /** A Python project of root, with ruff's and pytest's settings. */
  project: string;
  write(name: string, text: string, mode?: number): string;
  read(name: string): string;
  has(name: string): boolean;
  /** A program on PATH. */
  tool(name: string, script?: string): void;
  run(args: string[], options?: RunOptions): Promise<Ran>;
  /** The JSON that a command prints; its exit code must be the one that is given. */
  json(args: string[], options?: RunOptions & { exitCode?: number }): Promise<any>;
  /** In a terminal, in the project. */
  screen(args: string[], options?: { columns?: number; env?: Record<string, string>; cwd?: string }): OnScreen;
  /** Starts a daemon; gives its pid once it is ready. */
  consume(): Promise<number>;
  /** Everything below root: path, mode and content. */
  tree(): string[];
  end(): Promise<void>;
};

/** Makes the machine; nothing of offhook's is there but the binary. */
export function openMachine(): Machine {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "offhook-test-")));
  const binary = join(root, ".local", "bin", "offhook");
  const environment = {
    PATH: [join(root, ".local", "bin"), join(root, "bin")].join(":"),
    HOME: root,
    LANG: "C.UTF-8",
  };
  const daemons: Bun.Subprocess[] = [];
  const screens: OnScreen[] = [];
  mkdirSync(dirname(binary), { recursive: true });
  copyFileSync(BINARY, binary, constants.COPYFILE_FICLONE);

  const on: Machine = {
    root,
    home: join(root, ".offhook"),
    binary,
    settings: join(root, ".claude", "settings.json"),
    project: join(root, "shop"),
    write(name, text, mode = 0o644) {
      const path = join(root, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
      chmodSync(path, mode);
      return path;
    },
    read: (name) => readFileSync(join(root, name), "utf8"),
    has: (name) => existsSync(join(root, name)),
    tool: (name, script = "exit 0") => void on.write(`bin/${name}`, `#!/bin/sh\n${script}\n`, 0o755),
    async run(args, { env = {}, cwd = on.project, stdin = "" } = {}) {
      const child = Bun.spawn([binary, ...args], {
        env: { ...environment, ...env },
        cwd,
        stdin: Buffer.from(stdin),
        stdout: "pipe",
        stderr: "pipe",
        timeout: 60_000,
        killSignal: "SIGKILL",
      });
      const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
      neverTwo(child.exitCode, `${args.join(" ")}: ${stderr}`);
      return { exitCode: child.exitCode, stdout, stderr };
    },
    async json(args, { exitCode = 0, ...options } = {}) {
      const ran = await on.run([...args, "--json"], options);
      if (ran.exitCode !== exitCode) throw new Error(`${args.join(" ")}: ${JSON.stringify(ran)}`);
      return JSON.parse(ran.stdout);
    },
    screen(args, { columns = 100, env = {}, cwd = on.project } = {}) {
      const screen = onScreen(args, { env: { ...environment, ...env }, cwd, columns, binary });
      screens.push(screen);
      return screen;
    },
    async consume() {
      const child = Bun.spawn([binary, "consume"], {
        env: environment,
        cwd: root,
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
      });
      daemons.push(child);
      let said = "";
      const read = async (stream: ReadableStream<Uint8Array>) => {
        for await (const chunk of stream) said += Buffer.from(chunk).toString();
      };
      void Promise.all([read(child.stdout), read(child.stderr)]);
      await until(
        () => said.includes("ready:"),
        () => `the daemon is not ready: ${said}`,
      );
      return child.pid;
    },
    tree: () => treeBelow(root),
    async end() {
      for (const screen of screens) await screen.kill();
      for (const child of daemons) child.kill("SIGTERM");
      await Promise.all(daemons.map((child) => child.exited));
      rmSync(root, { recursive: true, force: true });
    },
  };
  on.tool("claude", 'echo "2.1.329 (Claude Code)"');
  on.tool("ruff");
  on.write("shop/pyproject.toml", "[tool.ruff]\n");
  mkdirSync(join(root, "shop", ".git"));
  return on;
}

function treeBelow(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: "utf8" })
    .sort()
    .map((name) => {
      const path = join(root, name);
      const stats = lstatSync(path);
      const mode = (stats.mode & 0o7777).toString(8);
      if (stats.isSymbolicLink()) return `${name} -> ${readlinkSync(path)}`;
      return stats.isFile() ? `${name} ${mode} ${Bun.hash(readFileSync(path)).toString(36)}` : `${name} ${mode}`;
    });
}
