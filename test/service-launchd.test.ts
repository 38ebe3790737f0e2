// The service under launchd, against a launchctl of our own (test/services/launchctl) that answers as the one of macOS is known
// to. Not a Mac: what was asked, in which order, and what becomes of the answers.
import { beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { agentDomain, printed } from "../src/service/launchctl.ts";
import * as service from "../src/service/service.ts";
import { makeScratch } from "./binary.ts";
import { type Launchd, launchctl, launchd } from "./services/launchctl.ts";

const scratch = makeScratch();

let home = "";
let state: Launchd = launchd();
let plistFile = "";

beforeEach(() => {
  home = scratch.directory("mac");
  state = launchd();
  plistFile = join(home, "Library/LaunchAgents/offhook.plist");
  mkdirSync(join(home, "Library/Logs"), { recursive: true });
});

function mac(over: Partial<service.Host> = {}): service.Host {
  return {
    platform: "darwin",
    env: {},
    uid: 501,
    realUid: 501,
    userName: "ada",
    userHome: home,
    exists: existsSync,
    ownerOf: () => 501,
    async run(argv) {
      if (argv[0] !== "launchctl") return { exitCode: 1, stdout: "", stderr: "" };
      return launchctl(state, argv.slice(1));
    },
    sleep: async () => undefined,
    ...over,
  };
}

function planned(path = "/opt/homebrew/bin:/usr/bin:/bin"): service.ServicePlan {
  const user = { name: "ada", uid: 501, home };
  return service.plan("launchd-agent", { binary: "/opt/offhook", home: join(home, ".offhook"), path, user });
}

/** What launchctl was asked that changes something, since the last call of this. */
function asked(): string[] {
  return state.asked.splice(0).filter((line) => !line.startsWith("print"));
}

describe("an agent", () => {
  test("is enabled, bootstrapped into the screen's domain, and runs", async () => {
    const made = await service.install(planned(), mac());
    expect(made).toMatchObject({
      did: "started",
      written: [plistFile],
      status: { running: true, pid: 401, enabled: true },
    });
    expect(asked()).toEqual(["enable gui/501/offhook", `bootstrap gui/501 ${plistFile}`]);
    expect(made.status).toMatchObject({ binary: "/opt/offhook", path: "/opt/homebrew/bin:/usr/bin:/bin" });
  });

  test("that is as it should be is left alone", async () => {
    await service.install(planned(), mac());
    asked();
    const again = await service.install(planned(), mac());
    expect(again).toMatchObject({ did: "nothing", written: [], status: { pid: 401 } });
    expect(asked()).toEqual([]);
  });

  test("that is unchanged but does not run is kickstarted", async () => {
    await service.install(planned(), mac());
    await mac().run(["launchctl", "kill", "SIGTERM", "gui/501/offhook"]);
    asked();
    expect(await service.install(planned(), mac())).toMatchObject({ did: "started", status: { pid: 402 } });
    expect(asked()).toEqual(["kickstart gui/501/offhook"]);
  });

  test("that changed is booted out, waited for, and bootstrapped until launchd takes it", async () => {
    await service.install(planned(), mac());
    asked();
    const changed = await service.install(planned("/usr/bin"), mac());
    expect(changed).toMatchObject({
      did: "restarted",
      written: [plistFile],
      status: { running: true, path: "/usr/bin" },
    });
    const words = asked();
    expect(words.slice(0, 2)).toEqual(["bootout gui/501/offhook", "enable gui/501/offhook"]);
    // launchd says "5: Input/output error" twice after it let go.
    expect(words.slice(2)).toEqual(Array(3).fill(`bootstrap gui/501 ${plistFile}`));
  });

  test("keeps its old file until the old one is gone, so that an end in between is made good by doing it again", async () => {
    await service.install(planned(), mac());
    const before = readFileSync(plistFile, "utf8");
    state.slow = 10_000;
    expect(service.install(planned("/usr/bin"), mac())).rejects.toThrow("is still there after 45 s");
    expect(readFileSync(plistFile, "utf8")).toBe(before);
    state.leaving.set("gui/501/offhook", 1);
    expect(await service.install(planned("/usr/bin"), mac())).toMatchObject({ status: { running: true } });
  });

  test("whose bootstrap never succeeds is an error with launchd's words", async () => {
    state.busy = 1000;
    expect(service.install(planned(), mac())).rejects.toThrow(
      "launchctl bootstrap: Bootstrap failed: 5: Input/output error",
    );
  });

  test("that ends at once is shown with its exit code and its last lines, not those of before", async () => {
    writeFileSync(join(home, "Library/Logs/offhook.log"), "an old line\n");
    state.dies = 78;
    const failed = await service.install(planned(), mac()).catch((error: Error) => error.message);
    expect(failed).toContain("it ended with 78: its configuration is wrong");
    expect(failed).toContain("  error: config.toml: it is wrong");
    expect(failed).not.toContain("an old line");
  });

  test("that lives but recovers for long is not called failed", async () => {
    state.ready = false;
    expect(await service.install(planned(), mac())).toMatchObject({ did: "started", status: { running: true } });
  });

  test("is asked to end before it is started again, so that what runs may end", async () => {
    await service.install(planned(), mac());
    asked();
    expect(await service.restart(null, mac())).toMatchObject({ running: true, pid: 402 });
    expect(asked()).toEqual(["kill SIGTERM gui/501/offhook", "kickstart gui/501/offhook"]);
  });

  test("restarted soon after its start is waited for, and the end of the one before is not taken for its own", async () => {
    await service.install(planned(), mac());
    state.throttle = 20;
    expect(await service.restart(null, mac())).toMatchObject({ running: true, pid: 402, restarts: 1 });
  });

  test("restarted over ssh stays in the screen's domain", async () => {
    await service.install(planned(), mac());
    asked();
    const remote = mac({ env: { SSH_CONNECTION: "x" }, ownerOf: () => 0 });
    expect(await service.restart(null, remote)).toMatchObject({ running: true, pid: 402 });
    expect(asked()).toEqual(["kill SIGTERM gui/501/offhook", "kickstart gui/501/offhook"]);
  });

  test("that was disabled and is not loaded can be started by restart", async () => {
    await service.install(planned(), mac());
    state.loaded.clear();
    state.disabled.add("gui/501/offhook");
    asked();
    expect(await service.restart(null, mac())).toMatchObject({ running: true, enabled: true });
    expect(asked()).toEqual(["enable gui/501/offhook", `bootstrap gui/501 ${plistFile}`]);
  });

  test("that runs but was disabled is enabled by install, and goes on", async () => {
    await service.install(planned(), mac());
    state.disabled.add("gui/501/offhook");
    expect(await service.status(null, mac())).toMatchObject({ running: true, enabled: false });
    asked();
    const made = await service.install(planned(), mac());
    expect(made).toMatchObject({ did: "nothing", status: { pid: 401, enabled: true } });
    expect(asked()).toEqual(["enable gui/501/offhook"]);
  });

  test("installed over ssh and then at the screen is in one domain only", async () => {
    const remote = mac({ env: { SSH_CONNECTION: "x" }, ownerOf: () => 0 });
    await service.install(planned(), remote);
    expect(asked()).toEqual(["enable user/501/offhook", `bootstrap user/501 ${plistFile}`]);
    await service.install(planned(), mac());
    expect(asked()[0]).toBe("bootout user/501/offhook");
    expect([...state.loaded.keys()]).toEqual(["gui/501/offhook"]);
  });

  test("that somebody has disabled is enabled again", async () => {
    state.disabled.add("gui/501/offhook");
    expect(await service.install(planned(), mac())).toMatchObject({ status: { running: true, enabled: true } });
  });

  test("is gone when uninstall returns, its file too; again is no error", async () => {
    await service.install(planned(), mac());
    asked();
    expect(await service.uninstall(null, mac())).toMatchObject({ removed: [plistFile] });
    expect(asked()).toEqual(["bootout gui/501/offhook"]);
    expect(state.loaded.size).toBe(0);
    expect(existsSync(plistFile)).toBe(false);
    expect(await service.uninstall(null, mac())).toEqual({ removed: [], commands: [] });
    expect(await service.status(null, mac())).toMatchObject({ installed: false });
  });

  test("whose log is shown from its end", async () => {
    await service.install(planned(), mac());
    expect(await service.logs(5, null, mac())).toEqual(["12:00:00 ready: /Users/ada/.offhook (pid 401)"]);
  });

  test("outlook changes nothing and tells what install would do", async () => {
    const before = await service.outlook(planned(), mac());
    expect(before.files).toEqual([{ path: plistFile, change: "new" }]);
    expect(before.commands.map((argv) => argv[1])).toEqual(["enable", "bootstrap"]);
    expect(existsSync(plistFile)).toBe(false);
    await service.install(planned(), mac());
    expect(await service.outlook(planned(), mac())).toEqual({
      files: [{ path: plistFile, change: "same" }],
      commands: [],
    });
    const changed = await service.outlook(planned("/usr/bin"), mac());
    expect(changed.commands.map((argv) => argv[1])).toEqual(["bootout", "enable", "bootstrap"]);
    rmSync(plistFile);
  });
});

test("a daemon of the machine is root's to change", async () => {
  const user = { name: "ada", uid: 501, home };
  const made = service.plan("launchd-daemon", { binary: "/opt/offhook", home: "/x", path: "/bin", user });
  expect(made.files[0]?.path).toBe("/Library/LaunchDaemons/offhook.plist");
  expect(service.install(made, mac())).rejects.toThrow("root's to change");
});

test("the domain is the screen's, but over ssh, sudo or setuid the user's own", () => {
  expect(agentDomain(mac())).toBe("gui/501");
  expect(agentDomain(mac({ env: { SSH_TTY: "/dev/ttys1" } }))).toBe("gui/501"); // Who is at the screen too.
  expect(agentDomain(mac({ env: { SSH_TTY: "/dev/ttys1" }, ownerOf: () => 0 }))).toBe("user/501");
  expect(agentDomain(mac({ env: { SUDO_USER: "bob" } }))).toBe("user/501");
  expect(agentDomain(mac({ realUid: 502 }))).toBe("user/501");
});

test("of what launchctl prints, only the service's own lines count", () => {
  const text =
    "gui/501/offhook = {\n\tstate = not running\n\truns = 3\n\tlast exit code = 78: EX_CONFIG\n\tendpoints = {\n\t\tpid = 1\n\t}\n}";
  expect(printed(text)).toEqual({ pid: null, state: "not running", lastExit: 78, runs: 3 });
  expect(printed("\tpid = 12\n\tstate = running\n\tlast exit code = (never exited)")).toMatchObject({
    pid: 12,
    lastExit: null,
  });
});
