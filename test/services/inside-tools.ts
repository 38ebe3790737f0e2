// What the parts inside the throw-away machine have in common: a user, the binary as that user calls it, systemctl, waiting.
import { appendFileSync, chownSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const PATIENCE_MS = 15_000;
const LOOK_EVERY_MS = 50;

export type Ran = { exitCode: number; stdout: string; stderr: string };

export type Inside = {
  check(sentence: string, problems: string[]): void;
  home: string;
  uid: number;
  /** A directory of the user's PATH, with characters that a unit must escape. */
  tools: string;
  /** The PATH of the user's shell. */
  path: string;
  binary: string;
  unit: string;
  /** Runs as root. */
  root(argv: string[], env?: Record<string, string>): Promise<Ran>;
  /** Runs as the user, as after `su`: without XDG_RUNTIME_DIR. */
  user(argv: string[], env?: Record<string, string>): Promise<Ran>;
  /** The user's offhook. */
  offhook(args: string[]): Promise<Ran>;
  /** The user's systemctl, with the way to it. */
  systemctl(...words: string[]): Promise<Ran>;
  /** One property of the user's service. */
  property(name: string): Promise<string>;
  pid(): Promise<number>;
  publish(n: number): Promise<void>;
  /** The numbers that the consumer has seen, as its worker wrote them. */
  seen(): number[];
  /** Waits until the consumer has seen a number; what is wrong, if it does not come. */
  mustSee(n: number): Promise<string[]>;
  until(condition: () => boolean | Promise<boolean>): Promise<boolean>;
  write(path: string, text: string, mode?: number): void;
};

/** Makes the user, whose systemd runs without a session, and a consumer that writes down what it sees. */
export async function openInside(check: Inside["check"]): Promise<Inside> {
  await must(["useradd", "--create-home", "--user-group", "--shell", "/bin/bash", "tester"]);
  // The journal of a user is readable for that user where it is kept on disk.
  mkdirSync("/var/log/journal", { recursive: true });
  await must(["systemd-tmpfiles", "--create", "--prefix", "/var/log/journal"]);
  await must(["journalctl", "--flush"]);
  await must(["loginctl", "enable-linger", "tester"]);
  const uid = Number((await must(["id", "-u", "tester"])).stdout);
  const home = "/home/tester";
  const tools = `${home}/my "tools" 100%h \\n $HOME`;
  const path = `${home}/.local/bin:${tools}:/usr/local/bin:/usr/bin:/bin`;
  const binary = `${home}/.local/bin/offhook`;
  const unit = `${home}/.config/systemd/user/offhook.service`;
  const plain = { HOME: home, PATH: path, LANG: "C.UTF-8" };

  const inside: Inside = {
    check,
    home,
    uid,
    tools,
    path,
    binary,
    unit,
    root: (argv, env = {}) =>
      run(argv, { HOME: "/root", PATH: "/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin", ...env }),
    user: (argv, env = {}) => run(["/usr/sbin/runuser", "-u", "tester", "--", ...argv], { ...plain, ...env }),
    offhook: (args) => inside.user([binary, ...args]),
    systemctl: (...words) => inside.user(["systemctl", "--user", ...words], { XDG_RUNTIME_DIR: `/run/user/${uid}` }),
    property: async (name) => (await inside.systemctl("show", "-P", name, "offhook.service")).stdout,
    pid: async () => Number(await inside.property("MainPID")),
    async publish(n) {
      const ran = await inside.offhook(["publish", "--type", "test.counted", "--data", JSON.stringify({ n })]);
      if (ran.exitCode !== 0) throw new Error(`publish: ${JSON.stringify(ran)}`);
    },
    seen() {
      const file = join(home, "seen");
      if (!existsSync(file)) return [];
      const lines = readFileSync(file, "utf8").split("\n").filter(Boolean);
      return lines.map((line) => JSON.parse(line).data.n);
    },
    async mustSee(n) {
      if (await inside.until(() => inside.seen().includes(n))) return [];
      const { stdout } = await inside.offhook(["status"]);
      return [`event ${n} has not reached the consumer; status:\n${stdout}`];
    },
    until,
    write(file, text, mode = 0o600) {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      writeFileSync(file, text, { mode });
    },
  };
  await until(() => existsSync(`/run/user/${uid}/systemd/private`));
  inside.write(join(tools, "note-it"), `#!/bin/sh\ncat >> ${home}/seen\n`, 0o755);
  inside.write(join(home, ".offhook/consumers/count.toml"), 'on = ["test.counted"]\nrun = ["note-it"]\nkey = "all"\n');
  mkdirSync(dirname(binary), { recursive: true });
  copyFileSync("/share/offhook", binary);
  await must(["chown", "-R", "tester:tester", home]);
  await must(["chmod", "700", `${home}/.offhook`]);
  chownSync(binary, uid, uid);
  return inside;
}

/** Runs to the end, at most 60 s. */
export async function run(argv: string[], env: Record<string, string>): Promise<Ran> {
  const child = Bun.spawn(argv, { env, cwd: "/", stdin: "ignore", stdout: "pipe", stderr: "pipe", timeout: 60_000 });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  const ran = { exitCode: child.exitCode ?? -1, stdout: stdout.trimEnd(), stderr: stderr.trimEnd() };
  appendFileSync("/share/log", `${argv.join(" ")}\n${JSON.stringify(ran)}\n`);
  return ran;
}

async function must(argv: string[]): Promise<Ran> {
  const ran = await run(argv, { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" });
  if (ran.exitCode !== 0) throw new Error(`${argv.join(" ")}: ${ran.exitCode} ${ran.stderr}`);
  return ran;
}

/** Whether a condition comes to hold within the patience. */
async function until(condition: () => boolean | Promise<boolean>): Promise<boolean> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await condition())) {
    if (performance.now() > deadline) return false;
    await Bun.sleep(LOOK_EVERY_MS);
  }
  return true;
}

/** A problem where two values differ. */
export function same(what: string, is: unknown, wanted: unknown): string[] {
  return Bun.deepEquals(is, wanted) ? [] : [`${what}: ${JSON.stringify(is)}, not ${JSON.stringify(wanted)}`];
}

/** A problem where a run did not end as wanted, with what it said. */
export function ended(ran: Ran, exitCode: number): string[] {
  return ran.exitCode === exitCode ? [] : [`exit ${ran.exitCode}, not ${exitCode}: ${ran.stdout}\n${ran.stderr}`];
}

/** A problem where a text does not hold a part. */
export function holds(what: string, text: string, part: string): string[] {
  return text.includes(part) ? [] : [`${what} says nothing of "${part}": ${text}`];
}
