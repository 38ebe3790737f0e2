// Inside the machine: setup's questions on a terminal, where there is a service to be had. Leaves the home without hooks.
import { existsSync } from "node:fs";
import { KEY, type OnScreen, onScreen } from "../screen.ts";
import { holds, type Inside, same } from "./inside-tools.ts";

const CONSUMERS = "What should run beside the agent?";
const SERVICE = "Should the daemon run by itself?";
const USERS = "● Yes, as a service of mine (systemd-user)";
const WRITE = "Write it?";
const CLUSTER = "Do several machines share events?";

export async function wizardPart(inside: Inside): Promise<void> {
  const { check, home, unit } = inside;
  const settings = `${home}/.claude/settings.json`;

  const narrow = open(inside, 40);
  await narrow.answer(CONSUMERS, KEY.up + KEY.space + KEY.enter); // The last one: log.
  await narrow.shows("as a service of mine");
  narrow.type(KEY.enter);
  await narrow.answer(WRITE, KEY.ctrlC);
  const left = await narrow.ended();
  check("Ctrl-C at the last question, in 40 columns: no unit, no hook, no consumer", [
    ...same("ended", left.exitCode === 0, false),
    ...same("there", [unit, settings, `${home}/.offhook/consumers/log.toml`].filter(existsSync), []),
  ]);

  const wide = open(inside, 80);
  await wide.answer(CONSUMERS, KEY.up + KEY.space + KEY.enter);
  await wide.shows(SERVICE);
  await wide.shows(USERS);
  wide.type(KEY.enter);
  await wide.shows(WRITE);
  const shown = wide.screen.text();
  check("the question for a service offers the user's own, and its commands are shown before anything is written", [
    ...holds("the screen", shown, "run: systemctl --user enable offhook.service"),
    ...holds("the screen", shown, "  + Type=notify"),
    ...same("unit", existsSync(unit), false),
  ]);
  wide.type(KEY.enter);
  await wide.answer(CLUSTER, KEY.enter);
  const done = await wide.ended();
  check("Enter all the way: the service runs, and the event that setup sends goes through it", [
    ...same("exit code", done.exitCode, 0),
    ...same("state", await inside.property("ActiveState"), "active"),
    ...holds("the screen", wide.screen.text(), "Consumer: log was done"),
  ]);

  const again = open(inside, 80);
  await again.answer(CONSUMERS, KEY.enter);
  await again.ended();
  check("setup again does not ask for a service that is there", [
    ...holds("the screen", again.screen.text(), "There already: the service (systemd-user), active (running)"),
    ...holds("the screen", again.screen.text(), "nothing to change"),
    ...same("asked", again.screen.text().includes(SERVICE), false),
  ]);
  await inside.offhook(["uninstall-service"]);
  await inside.root(["rm", "-r", `${home}/.claude`, `${home}/.offhook/consumers/log.toml`]);
}

/** `offhook setup` on the user's terminal, outside of any project. */
function open({ binary, home, path }: Inside, columns: number): OnScreen {
  const env = { HOME: home, PATH: path };
  return onScreen(["-u", "tester", "--", binary, "setup"], { binary: "/usr/sbin/runuser", columns, cwd: home, env });
}
