// What a service is to be, as text: the unit, what it must escape, what it leaves out, and where no service manager is.
import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  detect,
  type Host,
  plan,
  restart,
  type ServiceOptions,
  serviceHome,
  thisHost,
} from "../src/service/service.ts";
import { fromUnit, unitText } from "../src/service/unit.ts";
import { invokingUser } from "../src/service/user.ts";
import { makeScratch, offhook } from "./binary.ts";

const scratch = makeScratch();

const ADA: ServiceOptions = {
  binary: "/home/ada/.local/bin/offhook",
  home: "/home/ada/.offhook",
  path: "/home/ada/.local/bin:/usr/bin",
  user: { name: "ada", uid: 1000, home: "/home/ada" },
};

function unitOf(options: ServiceOptions, manager: "systemd-user" | "systemd-system" = "systemd-user"): string {
  return plan(manager, options).files[0]?.text ?? "";
}

/** A machine without anything but what is given. */
function host(over: Partial<Host>): Host {
  const none = { exitCode: 127, stdout: "", stderr: "not here" };
  const plain = { uid: 1000, realUid: 1000, userName: "ada", userHome: "/home/ada", env: {}, platform: "linux" };
  return {
    ...plain,
    exists: () => false,
    ownerOf: () => null,
    run: async () => none,
    sleep: async () => undefined,
    ...over,
  };
}

test("the user's unit runs consume, with a watchdog, reload and the PATH it was given", () => {
  const lines = unitOf(ADA).split("\n");
  expect(lines).toContain('ExecStart="/home/ada/.local/bin/offhook" consume');
  expect(lines).toContain(`ExecStartPre=-/bin/sh -c 'exec cat "$$0" >/dev/null' "/home/ada/.local/bin/offhook"`);
  expect(lines).toContain('Environment="PATH=/home/ada/.local/bin:/usr/bin"');
  expect(lines).toContain("Type=notify");
  expect(lines).toContain("WatchdogSec=60");
  expect(lines).toContain('ExecReload=/bin/sh -c "kill -HUP $MAINPID"');
  expect(lines).toContain("UnsetEnvironment=BUN_BE_BUN BUN_OPTIONS BUN_INSPECT BUN_INSPECT_PRELOAD");
  expect(lines).toContain("WantedBy=default.target");
  expect(lines.some((line) => line.startsWith("User="))).toBe(false);
});

test("the machine's unit names its user and waits for the disk of the home", () => {
  const lines = unitOf(ADA, "systemd-system").split("\n");
  expect(lines).toContain("User=ada");
  expect(lines).toContain('RequiresMountsFor="/home/ada/.offhook"');
  expect(lines).toContain("WantedBy=multi-user.target");
});

test("a service is told its home only where that is not the usual one", () => {
  expect(unitOf(ADA)).not.toContain("OFFHOOK_HOME");
  expect(unitOf({ ...ADA, home: "/data/a b" })).toContain('Environment="OFFHOOK_HOME=/data/a b"\n');
});

test("what has a meaning in a unit is escaped, and read back as it was", () => {
  const path = '/a b:/100%h:/q"uote:/back\\slash:/$HOME:/%%';
  const binary = "/home/a b/%u $y/offhook";
  const text = unitOf({ ...ADA, path, binary });
  expect(text).toContain('Environment="PATH=/a b:/100%%h:/q\\"uote:/back\\\\slash:/$HOME:/%%%%"\n');
  expect(text).toContain(`' "/home/a b/%%u $$y/offhook"\n`);
  expect(fromUnit(text, "PATH")).toBe(path);
  expect(fromUnit(text, "binary")).toBe(binary);
});

test("the unit sets nothing that breaks linters, or does nothing in a user's unit", () => {
  const text = unitText("user", ADA, true) + unitText("system", ADA, true);
  const keys = text.split("\n").flatMap((line) => /^(\w+)=/.exec(line)?.[1] ?? []);
  for (const key of ["MemoryDenyWriteExecute", "SystemCallFilter", "RestrictAddressFamilies", "ProtectHome", "UMask"]) {
    expect(keys).not.toContain(key);
  }
});

test("of a PATH, only absolute directories are taken, each once, and what is left out is said", () => {
  const made = plan("systemd-user", { ...ADA, path: "/b:.:node_modules/.bin:/b::/a\n:/c" });
  expect(made.options.path).toBe("/b:/c");
  expect(made.remarks.join("\n")).toContain('".", "node_modules/.bin", "/a');
});

test("names that no unit can hold are refused", () => {
  for (const over of [
    { binary: "/a\nExecStart=/bin/evil" },
    { home: "relative" },
    { binary: "" },
    { home: "/a\u0007" },
  ]) {
    expect(() => plan("systemd-user", { ...ADA, ...over })).toThrow("no service can be made");
  }
});

test("lingering is explained, and switched on only where it was asked for", () => {
  expect(plan("systemd-user", ADA).remarks.join("\n")).toContain("loginctl enable-linger ada");
  expect(plan("systemd-user", ADA).commands.flat()).not.toContain("enable-linger");
  expect(plan("systemd-user", { ...ADA, linger: true }).commands.at(-1)).toEqual(["loginctl", "enable-linger", "ada"]);
});

test("the unit is read before it is enabled", () => {
  const verbs = plan("systemd-user", ADA).commands.map((argv) => argv[2]);
  expect(verbs).toEqual(["daemon-reload", "enable", "restart"]);
});

test("without systemd as process 1 there is no service, and what to do instead is said", () => {
  const found = detect("user", host({}));
  expect(found.kind === "none" && found.instead).toContain("offhook consume");
});

test("with systemd but without one of the user, only the machine's service is there", () => {
  const exists = (path: string) => path === "/run/systemd/system";
  expect(detect("user", host({ exists })).kind).toBe("none");
  expect(detect("system", host({ exists }))).toEqual({ kind: "found", manager: "systemd-system" });
});

test("a user's systemd is found by its socket, whatever XDG_RUNTIME_DIR says", () => {
  const exists = (path: string) => ["/run/systemd/system", "/run/user/1000/systemd/private"].includes(path);
  const env = { XDG_RUNTIME_DIR: "/run/user/0" };
  expect(detect("user", host({ exists, env }))).toEqual({ kind: "found", manager: "systemd-user" });
});

test("where PATH is empty the service has the usual one, and that is said", () => {
  const made = plan("systemd-user", { ...ADA, path: ".:" });
  expect(fromUnit(made.files[0]?.text ?? "", "PATH")).toBe("/usr/local/bin:/usr/bin:/bin");
  expect(made.remarks[0]).toContain("no directory is on PATH here");
  expect(plan("systemd-user", ADA).remarks[0]).toContain("as it is here now: /home/ada/.local/bin:/usr/bin");
});

test("who runs this is asked of the system, not of USER, which su to root keeps and cron leaves out", () => {
  const name = Bun.spawnSync(["id", "-un"]).stdout.toString().trim();
  const code = `import { thisHost } from "${import.meta.dir}/../src/service/service.ts"; console.log(thisHost().userName)`;
  for (const env of [{ USER: "somebody-else", LOGNAME: "somebody-else" }, {}]) {
    const ran = Bun.spawnSync([process.execPath, "--no-env-file", "-e", code], { env });
    expect(ran.stdout.toString()).toBe(`${name}\n`);
  }
});

test("a failed start is shown in the daemon's own words, also where the journal does not know whose they were", async () => {
  const home = scratch.directory("failed");
  mkdirSync(join(home, ".config/systemd/user"), { recursive: true });
  writeFileSync(join(home, ".config/systemd/user/offhook.service"), unitOf(ADA));
  const asked: string[] = [];
  const run: Host["run"] = async ([name = "", ...words]) => {
    asked.push(`${name} ${words.join(" ")}`);
    const of = (stdout: string, exitCode = 0) => ({ exitCode, stdout, stderr: "" });
    if (words.includes("show")) return of("ActiveState=failed\nResult=exit-code\nExecMainStatus=78\nExecMainPID=42");
    if (words.includes("restart")) return of("", 1);
    if (name !== "journalctl") return of("");
    const own = words.includes("_PID=42");
    return of(
      own ? "at offhook[42]: error: workers" : "at systemd[7]: offhook.service: Failed\nat offhook[41]: before",
    );
  };
  const failed = await restart("user", host({ userHome: home, run })).catch((error: Error) => error.message);
  expect(failed).toBe(
    "offhook.service does not start: failed (exit-code, 78: its configuration is wrong). Its last lines:\n  at offhook[42]: error: workers",
  );
  const logs = asked.find((line) => line.startsWith("journalctl --user") && !line.includes("_PID"));
  expect(logs).toContain("_SYSTEMD_USER_UNIT=offhook.service _UID=1000 + ");
  expect(logs).toContain(" + SYSLOG_IDENTIFIER=offhook _TRANSPORT=stdout _UID=1000");
});

test("root through sudo means who called sudo, with that user's home", async () => {
  const run: Host["run"] = async (argv) => ({
    exitCode: 0,
    stderr: "",
    stdout: argv[0] === "id" ? "1000" : "ada:x:1000:1000::/home/ada:/bin/sh",
  });
  const root = host({ uid: 0, realUid: 0, userName: "root", userHome: "/root", env: { SUDO_USER: "ada" }, run });
  const user = await invokingUser("system", root);
  expect(user).toEqual({ name: "ada", uid: 1000, home: "/home/ada" });
  expect(serviceHome(user, root)).toBe("/home/ada/.offhook");
  expect(invokingUser("user", root)).rejects.toThrow("under sudo this would be a service of root");
});

test("on a Mac that user's home is asked of the directory service", async () => {
  const run: Host["run"] = async (argv) => ({
    exitCode: 0,
    stderr: "",
    stdout: argv[0] === "id" ? "501" : "NFSHomeDirectory: /Users/ada",
  });
  const mac = host({ uid: 0, userName: "root", platform: "darwin", env: { SUDO_USER: "ada" }, run });
  expect(await invokingUser("system", mac)).toEqual({ name: "ada", uid: 501, home: "/Users/ada" });
});

test.if(detect("user", thisHost()).kind === "none")(
  "where nothing runs services the command says so, with 69, and writes nothing",
  async () => {
    const home = scratch.home();
    const outside = scratch.directory("bin");
    const ran = await offhook(["install-service"], { home, env: { HOME: outside } });
    // The binary under test may lie in a repository, which is refused later.
    expect(ran.exitCode).toBe(69);
    expect(ran.stderr).toContain("error: no service can be installed: ");
    expect(await Array.fromAsync(new Bun.Glob("**/*").scan({ cwd: outside, dot: true }))).toEqual([]);
  },
);

test("service, service status and uninstall-service where none is installed", async () => {
  const home = scratch.home();
  const env = { HOME: scratch.directory("user") };
  expect(await offhook(["service"], { home, env })).toMatchObject({ exitCode: 64, stdout: "" });
  const status = await offhook(["service", "status", "--json"], { home, env });
  expect([status.exitCode, JSON.parse(status.stdout)]).toMatchObject([
    66,
    { installed: false, manager: null, pid: null },
  ]);
  expect(await offhook(["service", "logs"], { home, env })).toMatchObject({ exitCode: 66, stdout: "" });
  expect(await offhook(["uninstall-service", "--json"], { home, env })).toMatchObject({
    exitCode: 0,
    stdout: `${JSON.stringify({ removed: [], commands: [], dryRun: false })}\n`,
  });
});

test("--linger and --system contradict each other", async () => {
  const ran = await offhook(["install-service", "--system", "--linger"], { home: scratch.home() });
  expect(ran.exitCode).toBe(64);
});
