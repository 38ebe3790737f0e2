// Inside the machine: setup with a service of the user, and uninstall of all of it. The last part: nothing is left after it.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { ended, holds, type Inside, same } from "./inside-tools.ts";

export async function setupPart(inside: Inside): Promise<void> {
  const { check, offhook, unit, binary, home } = inside;
  const setup = ["setup", "--yes", "--scope", "user", "--service", "user", "--consumers", "log"];
  const json = async (args: string[]) => {
    const ran = await offhook([...args, "--json"]);
    return { ran, said: JSON.parse(ran.stdout || "{}") };
  };
  const before = existsSync(`${home}/.claude`);

  const { said: would } = await json([...setup, "--dry-run"]);
  check("setup --dry-run shows the unit and the commands, and writes nothing", [
    ...same("unit", existsSync(unit), false),
    ...same("changes", would.service?.changes, [{ path: unit, change: "new" }]),
    ...same("commands", would.service?.commands?.at(-1)?.slice(0, 2), ["systemctl", "--user"]),
    ...same("settings", existsSync(`${home}/.claude`), before),
  ]);

  const { ran, said: did } = await json(setup);
  check("setup installs the service, and one event goes through hook, spool, the service's daemon and a consumer", [
    ...ended(ran, 0),
    ...same("unit", existsSync(unit) ? readFileSync(unit, "utf8") : null, would.service?.files?.[0]?.text),
    ...same("state", await inside.property("ActiveState"), "active"),
    ...same(
      "the hook's program",
      JSON.parse(readFileSync(`${home}/.claude/settings.json`, "utf8")).hooks.Stop[0].hooks[0].command,
      binary,
    ),
    ...same(
      "proof",
      [did.proof?.reached, did.proof?.consumer, did.proof?.daemon, did.proof?.trouble],
      ["consumer", "log", "running", null],
    ),
    ...same("the last thing that is written", did.written?.at(-1), `${home}/.claude/settings.json`),
  ]);

  const pid = await inside.pid();
  const { ran: again, said: same2 } = await json(setup);
  check("setup again changes nothing, and the daemon is the same", [
    ...ended(again, 0),
    ...same("changed", same2.changed, false),
    ...same("pid", await inside.pid(), pid),
  ]);

  const shown = await offhook(["uninstall", "--purge", "--dry-run"]);
  check("uninstall --dry-run names the service, its file and its commands", [
    ...ended(shown, 0),
    ...holds("it", shown.stdout, "service (systemd-user)"),
    ...holds("it", shown.stdout, "remove ~/.config/systemd/user/offhook.service"),
    ...same("state", await inside.property("ActiveState"), "active"),
  ]);

  const { ran: gone, said: removed } = await json(["uninstall", "--yes", "--purge"]);
  check("uninstall --purge leaves nothing: no hook, no service, no binary, no home, no process", [
    ...ended(gone, 0),
    ...same("service", removed.service?.removed, [unit]),
    ...same("unit", existsSync(unit), false),
    ...same("state", await inside.property("ActiveState"), "inactive"),
    ...same("process", existsSync(`/proc/${pid}`), false),
    ...same("binary", existsSync(binary), false),
    ...same(
      "left in the home directory",
      readdirSync(home).filter((name) => [".offhook", ".claude"].includes(name)),
      [],
    ),
  ]);
}
