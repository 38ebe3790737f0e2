// The throw-away machine: systemd-nspawn boots this machine's own /usr over an empty tmpfs, runs inside.ts as its only duty and
// powers off. Checks come out of it as lines of a file. Bounded in time; it is ended by its own pid.
import {
  appendFileSync,
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
} from "node:fs";
import { join } from "node:path";

const LIMIT_MS = 240_000;
const LOOK_EVERY_MS = 100;

/** A line of the file, as inside.ts writes it. */
export type Line = { part: string } | { sentence: string; problems: string[] } | { done: true };

export type Machine = {
  /** What speaks against its having run to the end; [] is well. */
  ended: Promise<string[]>;
  end(reason: string): void;
};

/** What is missing for a machine here, as a sentence; null: nothing. */
export function whyNoMachine(): string | null {
  if (process.platform !== "linux") return "systemd is a program of Linux";
  if (process.getuid?.() !== 0) return "systemd-nspawn needs root";
  const missing = [
    ["systemd-container", "/usr/bin/systemd-nspawn"],
    ["dbus", "/usr/bin/dbus-daemon"],
    ["libpam-systemd", `/usr/lib/${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux-gnu/security/pam_systemd.so`],
  ].flatMap(([name, file]) => (existsSync(file ?? "") ? [] : [name]));
  if (missing.length > 0) return `not installed: ${missing.join(", ")} (names as in Debian)`;
  // A container may be root without being allowed to mount: the smallest machine tells.
  const ran = Bun.spawnSync([...NSPAWN, `--machine=offhook-probe-${process.pid}`, "/bin/true"], {
    stdin: "ignore",
    timeout: 20_000,
  });
  return ran.exitCode === 0 ? null : `systemd-nspawn cannot make a machine here: ${ran.stderr.toString().trim()}`;
}

const NSPAWN = ["systemd-nspawn", "--quiet", "--directory=/"].concat([
  "--volatile=yes", // Only /usr is this machine's, and read-only.
  "--register=no",
  "--keep-unit",
  "--private-network",
  "--link-journal=no",
]);

export function startMachine(given: {
  root: string;
  offhook: string;
  onCheck(sentence: string, problems: string[]): void;
  onPart(name: string): void;
}): Machine {
  const share = join(given.root, "share");
  mkdirSync(share);
  chmodSync(given.root, 0o755);
  copyFileSync(given.offhook, join(share, "offhook"));
  for (const unit of ["offhook-test.service", "offhook-test.target"]) {
    copyFileSync(join(import.meta.dir, unit), join(share, unit));
  }
  copyFileSync(join(import.meta.dir, "../../scripts/install.sh"), join(share, "install.sh"));
  const lines = join(share, "lines");
  appendFileSync(lines, "");
  const console = openSync(join(share, "console"), "w");
  const machine = Bun.spawn(
    [
      ...NSPAWN,
      `--machine=offhook-test-${process.pid}`,
      // How a login makes a session: PAM's files lie outside /usr.
      "--bind-ro=/etc/pam.d",
      "--bind-ro=/etc/security",
      `--bind=${share}:/share`,
      `--bind-ro=${join(import.meta.dir, "../..", "test")}:/checks/test`,
      `--bind-ro=${join(import.meta.dir, "../..", "src")}:/checks/src`,
      `--bind-ro=${process.execPath}:/checks/bun`,
      `--bind-ro=${join(share, "offhook-test.service")}:/run/systemd/system/offhook-test.service`,
      `--bind-ro=${join(share, "offhook-test.target")}:/run/systemd/system/offhook-test.target`,
      "--boot",
      "systemd.unit=offhook-test.target",
      "systemd.firstboot=off",
      "systemd.mask=systemd-firstboot.service",
    ],
    { stdin: "ignore", stdout: console, stderr: console, env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" } },
  );
  closeSync(console);

  const problems: string[] = [];
  let isDone = false;
  let seen = 0;
  const read = () => {
    const all = readFileSync(lines, "utf8").split("\n").slice(0, -1);
    for (const text of all.slice(seen)) {
      const line = JSON.parse(text) as Line;
      if ("done" in line) isDone = true;
      else if ("part" in line) given.onPart(line.part);
      else given.onCheck(line.sentence, line.problems);
    }
    seen = all.length;
  };
  const end = (reason: string) => {
    problems.push(reason);
    // Its process 1 takes everything inside with it; systemd-nspawn ends when that has. Killed itself it would leave it behind.
    const children = readFileSync(`/proc/${machine.pid}/task/${machine.pid}/children`, "utf8")
      .split(" ")
      .filter(Boolean);
    for (const pid of children) process.kill(Number(pid), "SIGKILL");
  };
  const limit = setTimeout(() => end(`not done after ${LIMIT_MS / 1000} s`), LIMIT_MS);
  const look = setInterval(read, LOOK_EVERY_MS);

  return {
    end,
    ended: machine.exited.then((exitCode) => {
      clearTimeout(limit);
      clearInterval(look);
      read();
      for (const tree of CGROUPS) removeEmpty(tree);
      if (isDone) return problems;
      const said = readFileSync(join(share, "console"), "utf8").trimEnd().split("\n").slice(-15).join("\n");
      return [...problems, `the machine ended with ${exitCode} before it was done; its console:\n${said}`];
    }),
  };
}

/** What systemd-nspawn makes with --keep-unit and leaves behind, by hierarchy (cgroups(7)). */
const CGROUPS = ["", "systemd/", "unified/"].flatMap((hierarchy) =>
  ["payload", "supervisor"].map((name) => `/sys/fs/cgroup/${hierarchy}${name}`),
);

/** Takes empty cgroups away, from the leaves on; one that another machine uses refuses. */
function removeEmpty(directory: string): void {
  try {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      if (entry.isDirectory()) removeEmpty(join(directory, entry.name));
    }
    rmdirSync(directory);
  } catch (error) {
    if (!["ENOENT", "EBUSY"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}
