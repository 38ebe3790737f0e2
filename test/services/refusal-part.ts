// Inside the machine: what keeps the service from starting is said before, or with its last lines.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { ended, holds, type Inside, same } from "./inside-tools.ts";

export async function refusalPart(inside: Inside): Promise<void> {
  const { check, offhook, home, unit } = inside;
  const config = `${home}/.offhook/config.toml`;
  const kept = readFileSync(config, "utf8");
  writeFileSync(config, "workers = 'many'\n");
  const broken = await offhook(["service", "restart"]);
  const state = await inside.property("ActiveState");
  check("a start that fails is shown with its reason and the daemon's last lines, and is not tried for ever", [
    ...ended(broken, 1),
    ...holds("it", broken.stderr, "78: its configuration is wrong"),
    ...holds("it", broken.stderr, "workers"),
    ...same("state", state, "failed"),
  ]);
  const status = await offhook(["service", "status"]);
  check("service status says that it does not run, and why", [
    ...ended(status, 1),
    ...holds("it", status.stdout, "78"),
  ]);
  const journal = (await inside.root(["systemctl", "show", "-P", "MainPID", "systemd-journald.service"])).stdout;
  process.kill(Number(journal), "SIGSTOP");
  setTimeout(() => process.kill(Number(journal), "SIGCONT"), 1000);
  const late = await offhook(["service", "restart"]);
  const last = await inside.property("ExecMainPID");
  const logs = await offhook(["service", "logs", "--lines", "5"]);
  check(
    "its last lines are shown also when the journal reads them after it has ended, and cannot tell whose they are",
    [
      ...ended(late, 1),
      ...holds("it", late.stderr, `offhook[${last}]: error: config.toml`),
      ...holds("the log", logs.stdout, `offhook[${last}]: error: config.toml`),
    ],
  );
  writeFileSync(config, kept);
  check("mended, it starts", ended(await offhook(["install-service"]), 0));

  const foreign = readFileSync(unit, "utf8");
  writeFileSync(unit, "[Service]\nExecStart=/bin/true\n");
  const refused = await offhook(["install-service"]);
  const kept2 = readFileSync(unit, "utf8");
  writeFileSync(unit, foreign);
  check("a unit of that name that somebody else wrote is left alone", [
    ...ended(refused, 78),
    ...same("text", kept2, "[Service]\nExecStart=/bin/true\n"),
  ]);
  await inside.systemctl("daemon-reload");

  check("it can be taken away", ended(await offhook(["uninstall-service"]), 0));
  const foreground = Bun.spawn(["/usr/sbin/runuser", "-u", "tester", "--", inside.binary, "consume", "--quiet"], {
    env: { HOME: home, PATH: inside.path },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
  });
  const holder = async () => JSON.parse((await offhook(["status", "--json"])).stdout).daemon.pid;
  await inside.until(async () => (await holder()) !== null);
  const pid = await holder();
  const busy = await offhook(["install-service"]);
  check("a daemon in the foreground: it is named before anything is written", [
    ...ended(busy, 75),
    ...holds("it", busy.stderr, `pid ${pid}`),
    ...same("unit", existsSync(unit), false),
  ]);
  process.kill(pid, "SIGTERM");
  await foreground.exited;

  await inside.root(["useradd", "--create-home", "--user-group", "nobodyhere"]);
  const alone = await inside.root(["/usr/sbin/runuser", "-u", "nobodyhere", "--", inside.binary, "install-service"], {
    HOME: "/home/nobodyhere",
  });
  check("where no systemd of the user runs, it says so, and what to do", [
    ...ended(alone, 69),
    ...holds("it", alone.stderr, "loginctl enable-linger nobodyhere"),
  ]);

  const repository = `${home}/project`;
  await inside.user(["mkdir", "-p", `${repository}/.git`]);
  await inside.user(["ln", inside.binary, `${repository}/offhook`]);
  const inRepository = await inside.user([`${repository}/offhook`, "install-service"], { PATH: "/usr/bin:/bin" });
  check("a program in a repository is refused", [...ended(inRepository, 78), ...same("unit", existsSync(unit), false)]);
}
