// Inside the machine: the machine's service, which root installs and which runs as the user who called sudo.
import { existsSync, statSync } from "node:fs";
import { ended, holds, type Inside, same } from "./inside-tools.ts";

const UNIT = "/etc/systemd/system/offhook.service";

export async function systemPart(inside: Inside): Promise<void> {
  const { check, offhook, binary, path } = inside;
  // As sudo leaves it: root's home and another PATH.
  const sudo = (args: string[]) =>
    inside.root([binary, ...args], { SUDO_USER: "tester", SUDO_UID: String(inside.uid) });
  const property = async (name: string) =>
    (await inside.root(["systemctl", "show", "-P", name, "offhook.service"])).stdout;

  const forbidden = await offhook(["install-service", "--system"]);
  check("who is not root is told to use sudo", [
    ...ended(forbidden, 77),
    ...holds("it", forbidden.stderr, "sudo offhook install-service --system"),
    ...same("unit", existsSync(UNIT), false),
  ]);
  const roots = await sudo(["install-service"]);
  check("sudo without --system is refused: it would be root's own", [
    ...ended(roots, 64),
    ...holds("it", roots.stderr, "--system"),
  ]);

  const dry = await sudo(["install-service", "--system", "--dry-run"]);
  check("--dry-run says as whom it will run, and that the PATH is sudo's", [
    ...ended(dry, 0),
    ...holds("it", dry.stdout, "it runs as tester"),
    ...holds("it", dry.stdout, "PATH of sudo"),
    ...same("unit", existsSync(UNIT), false),
  ]);

  // `su` without a dash leaves USER and LOGNAME as they were.
  const su = await inside.root([binary, "install-service", "--system", "--dry-run"], {
    USER: "tester",
    LOGNAME: "tester",
  });
  check("root through su is root, whatever USER says", [
    ...ended(su, 0),
    ...holds("it", su.stdout, "it runs as root"),
    ...holds("it", su.stdout, "  User=root\n"),
  ]);

  const installed = await sudo(["install-service", "--system", "--path", path]);
  const pid = Number(await property("MainPID"));
  const home = (await inside.root(["sh", "-c", "echo ~root"])).stdout.trim();
  check("root through sudo installs it for who called, with the PATH that was given", [
    ...ended(installed, 0),
    ...same("state", [await property("ActiveState"), await property("UnitFileState")], ["active", "enabled"]),
    ...same("uid", pid > 0 ? statSync(`/proc/${pid}`).uid : null, inside.uid),
    ...same("root's home is untouched", existsSync(`${home}/.offhook`), false),
  ]);
  const verified = await inside.root(["systemd-analyze", "verify", UNIT]);
  check(
    "systemd-analyze verify has nothing to say of it",
    verified.stderr.split("\n").filter((line) => line.includes("offhook")),
  );

  await inside.publish(7);
  check("the user's events arrive", await inside.mustSee(7));
  process.kill(pid, "SIGKILL");
  await inside.publish(8);
  check("kill -9: it comes back", [
    ...(await inside.mustSee(8)),
    ...same("another", Number(await property("MainPID")) !== pid, true),
  ]);

  const seen = await offhook(["service", "status", "--json"]);
  check("its user may look at it without root", [
    ...ended(seen, 0),
    ...same("manager", JSON.parse(seen.stdout || "{}").manager, "systemd-system"),
  ]);
  const removed = await sudo(["uninstall-service", "--system"]);
  check("it is gone without a trace", [
    ...ended(removed, 0),
    ...same("files", [UNIT, "/etc/systemd/system/multi-user.target.wants/offhook.service"].filter(existsSync), []),
    ...same("known", await property("LoadState"), "not-found"),
  ]);
}
