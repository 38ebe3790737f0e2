// Inside the machine: installing the user's service, what it runs with, doing it again, its words, taking it away.
import { existsSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { ended, holds, type Inside, same } from "./inside-tools.ts";

export async function userPart(inside: Inside): Promise<void> {
  const { check, offhook, unit, binary, path } = inside;
  const dry = await offhook(["install-service", "--dry-run", "--json"]);
  const planned = ended(dry, 0).length === 0 ? JSON.parse(dry.stdout) : { files: [], commands: [], remarks: [] };
  check("--dry-run shows the file and the commands, and writes nothing", [
    ...ended(dry, 0),
    ...same("change", planned.files[0]?.change, "new"),
    ...same("commands", planned.commands.at(-1), ["systemctl", "--user", "restart", "offhook.service"]),
    ...holds("the remarks", planned.remarks.join("\n"), path),
    ...same("unit", existsSync(unit), false),
  ]);

  const installed = await offhook(["install-service", "--json"]);
  check("install-service without XDG_RUNTIME_DIR writes what --dry-run showed, and it runs", [
    ...ended(installed, 0),
    ...same("text", existsSync(unit) ? readFileSync(unit, "utf8") : null, planned.files[0]?.text),
    ...same("mode", statSync(unit).mode & 0o777, 0o644),
    ...same("state", await inside.property("ActiveState"), "active"),
    ...same("enabled", await inside.property("UnitFileState"), "enabled"),
    ...same("pid", JSON.parse(installed.stdout || "{}").pid, await inside.pid()),
    ...holds("the status text", await inside.property("StatusText"), "1 consumer files in /home/tester/.offhook"),
  ]);

  const bare = await inside.root([
    "/usr/sbin/runuser",
    "-u",
    "tester",
    "--",
    "/usr/bin/env",
    "-i",
    binary,
    "install-service",
    "--dry-run",
  ]);
  check("with no environment at all it knows whose service it is, and says that there is no PATH", [
    ...ended(bare, 0),
    ...holds("it", bare.stdout, "enable-linger tester"),
    ...holds("it", bare.stdout, "no directory is on PATH here"),
  ]);

  const runtime = { XDG_RUNTIME_DIR: `/run/user/${inside.uid}` };
  const verified = await inside.user(["systemd-analyze", "--user", "verify", unit], runtime);
  // It exits 0 for what it does not know: only its words count. Of the units around it some are not in this machine.
  const complaints = verified.stderr.split("\n").filter((line) => line.includes("offhook"));
  check("systemd-analyze verify has nothing to say of the unit", complaints);

  await inside.publish(1);
  check(
    "an event reaches its worker, which is found in a PATH of spaces, quotes, %, backslash and $",
    await inside.mustSee(1),
  );

  const pid = await inside.pid();
  const environment = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
  check("the daemon has the PATH of the installing shell, and the program's own name", [
    ...same(
      "PATH",
      environment.find((entry) => entry.startsWith("PATH=")),
      `PATH=${path}`,
    ),
    ...same("program", readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, 2), [binary, "consume"]),
    ...same(
      "no home of its own",
      environment.some((entry) => entry.startsWith("OFFHOOK_HOME=")),
      false,
    ),
  ]);

  const again = await offhook(["install-service", "--json"]);
  check("installing again does nothing, and the daemon is the same", [
    ...ended(again, 0),
    ...same("did", JSON.parse(again.stdout || "{}").did, "nothing"),
    ...same("commands", JSON.parse(again.stdout || "{}").commands, []),
    ...same("pid", await inside.pid(), pid),
  ]);

  await inside.systemctl("set-environment", "BUN_OPTIONS=--preload /nowhere.ts", "BUN_BE_BUN=1");
  const restarted = await offhook(["service", "restart", "--json"]);
  const second = await inside.pid();
  check("the runtime's switches do not reach the daemon, though systemd has them", [
    ...ended(restarted, 0),
    ...same("another process", second !== pid && second > 0, true),
    ...same("BUN_", readFileSync(`/proc/${second}/environ`, "utf8").includes("BUN_"), false),
  ]);
  await inside.systemctl("unset-environment", "BUN_OPTIONS", "BUN_BE_BUN");

  const status = await offhook(["service", "status", "--json"]);
  const said = JSON.parse(status.stdout || "{}");
  check("service status says what runs, since when, and from which file", [
    ...ended(status, 0),
    ...same("running", [said.installed, said.running, said.enabled, said.manager], [true, true, true, "systemd-user"]),
    ...same("pid", said.pid, second),
    ...same("since", Number.isNaN(Date.parse(said.since)), false),
    ...same("file", [said.file, said.binary, said.path], [unit, binary, path]),
  ]);

  const logs = await offhook(["service", "logs", "--lines", "20"]);
  check("service logs shows the daemon's lines to its own user", [
    ...ended(logs, 0),
    ...holds("the log", logs.stdout, " ready: "),
  ]);

  const open = await inside.root(["find", `${inside.home}/.offhook`, "-perm", "/077", "-not", "-name", "count.toml"]);
  check(
    "what the service writes in its home is closed to others, without a umask in the unit",
    same("open", open.stdout, ""),
  );

  const gone = await offhook(["uninstall-service"]);
  check("uninstall-service ends it and leaves the home alone", [
    ...ended(gone, 0),
    ...same("state", await inside.property("ActiveState"), "inactive"),
    ...same("known", await inside.property("LoadState"), "not-found"),
    ...same(
      "files",
      [unit, `${inside.home}/.config/systemd/user/default.target.wants/offhook.service`].filter(existsSync),
      [],
    ),
    ...same("home", existsSync(`${inside.home}/.offhook/ledger.db`), true),
  ]);
  const nothing = await offhook(["uninstall-service"]);
  const none = await offhook(["service", "status"]);
  check("uninstalling again is no error, and status says that there is none", [
    ...ended(nothing, 0),
    ...holds("it", nothing.stdout, "No service"),
    ...ended(none, 66),
  ]);

  const quoted = `${inside.tools}/offhook`;
  await inside.user(["ln", binary, quoted]);
  const refused = await inside.user([quoted, "install-service"], { PATH: "/usr/bin:/bin" });
  check("a program whose name systemd never takes is refused before anything is written", [
    ...ended(refused, 64),
    ...same("unit", existsSync(unit), false),
  ]);
  const strange = `${inside.home}/a b 100%h $HOME/offhook`;
  await inside.user(["mkdir", `${inside.home}/a b 100%h $HOME`]);
  const elsewhere = `${inside.home}/a "home" 100%h \\n $HOME`;
  await inside.user(["ln", binary, strange]);
  const words = await inside.user([strange, "install-service", "--json"], {
    PATH: "/usr/bin:/bin",
    OFFHOOK_HOME: elsewhere,
  });
  const third = await inside.pid();
  const own = third > 0 ? readFileSync(`/proc/${third}/environ`, "utf8").split("\0") : [];
  check("a program with spaces, % and $ in its name, and a home with quotes and a backslash too, run as they are", [
    ...ended(words, 0),
    ...same("program", third > 0 ? readlinkSync(`/proc/${third}/exe`) : null, strange),
    ...same(
      "home",
      own.find((entry) => entry.startsWith("OFFHOOK_HOME=")),
      `OFFHOOK_HOME=${elsewhere}`,
    ),
    ...same("ledger", existsSync(`${elsewhere}/ledger.db`), true),
  ]);
  inside.write(unit, `# Written by offhook install-service\n[Service]\nExecStart=not absolute\n`);
  await inside.systemctl("daemon-reload");
  check("a unit that somebody edited until it does not load goes all the same, and so does its daemon", [
    ...ended(await inside.user([strange, "uninstall-service"]), 0),
    ...same("unit", existsSync(unit), false),
    ...same("daemon", existsSync(`/proc/${third}`), false),
  ]);
  await inside.user(["rm", strange, quoted]);
}
