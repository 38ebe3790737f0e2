// Inside the machine: a daemon that is killed, one that stands still, one that reads its settings again, one that is to end gently.
import { existsSync, readFileSync } from "node:fs";
import { ended, holds, type Inside, same } from "./inside-tools.ts";

export async function watchPart(inside: Inside): Promise<void> {
  const { check, offhook, home } = inside;
  check("it is installed again", ended(await offhook(["install-service", "--linger"]), 0));

  inside.write(`${home}/.offhook/consumers/slow.toml`, 'on = ["test.slow"]\nrun = ["sleep", "1000"]\ntimeout = "1h"\n');
  await inside.root(["chown", "tester:", `${home}/.offhook/consumers/slow.toml`]);
  await inside.until(async () => (await offhook(["status"])).stdout.includes("slow"));
  await offhook(["publish", "--type", "test.slow", "--data", "{}"]);
  const sleepers = async () =>
    (await inside.root(["pgrep", "-u", "tester", "-x", "sleep"])).stdout.split("\n").filter(Boolean);
  const hasBegun = await inside.until(async () => (await sleepers()).length === 1);
  const [old = ""] = await sleepers();
  const killed = await inside.pid();
  process.kill(killed, "SIGKILL");
  await inside.publish(2);
  const isBack = await inside.until(async () => (await inside.pid()) > 0 && (await inside.pid()) !== killed);
  check("kill -9: systemd starts it again, and what was published meanwhile arrives", [
    ...same("back", isBack, true),
    ...(await inside.mustSee(2)),
    ...same("restarts", Number(await inside.property("NRestarts")), 1),
    ...same("status", JSON.parse((await offhook(["service", "status", "--json"])).stdout || "{}").restarts, 1),
  ]);
  check("no worker outlives the daemon that was killed", [
    ...same("it had begun", hasBegun, true),
    ...same("it is gone", existsSync(`/proc/${old}`), false),
  ]);
  await offhook(["dead-letters", "purge", "--all"]);
  await inside.root(["rm", `${home}/.offhook/consumers/slow.toml`]);

  await dropIn(inside, "[Service]\nWatchdogSec=2\n");
  const watched = await inside.pid();
  const beat = () => inside.property("WatchdogTimestampMonotonic");
  const beats = [await beat()];
  const isBeating = await inside.until(async () => {
    const now = await beat();
    if (now !== beats.at(-1)) beats.push(now);
    return beats.length > 4;
  });
  check("the watchdog is told again and again, and the daemon stays", [
    ...same("beats", isBeating, true),
    ...same("pid", await inside.pid(), watched),
  ]);
  process.kill(watched, "SIGSTOP");
  await inside.publish(3);
  const isReplaced = await inside.until(async () => (await inside.pid()) > 0 && (await inside.pid()) !== watched);
  const journal = await inside.root([
    "journalctl",
    `_SYSTEMD_USER_UNIT=offhook.service`,
    "+",
    "USER_UNIT=offhook.service",
    "--no-pager",
  ]);
  check("SIGSTOP: the watchdog notices, and another one goes on where it was", [
    ...same("replaced", isReplaced, true),
    ...holds("the journal", journal.stdout, "Watchdog timeout"),
    ...(await inside.mustSee(3)),
  ]);

  // Longer than the watchdog's time: a reload that never ended would not be forgiven either.
  const before = await inside.pid();
  inside.write(`${home}/.offhook/consumers/other.toml`, 'on = ["test.other"]\nbuiltin = "log"\n');
  await inside.root(["chown", "tester:", `${home}/.offhook/consumers/other.toml`]);
  const reloaded = await inside.systemctl("reload", "offhook.service");
  const hasRead = await inside.until(async () => (await inside.property("StatusText")).startsWith("2 consumer files"));
  const isActive = await inside.until(async () => (await inside.property("ActiveState")) === "active");
  check("reload: settings and consumers are read again by the same process, which says so", [
    ...ended(reloaded, 0),
    ...same("read", hasRead, true),
    ...same("active again", isActive, true),
    ...same("pid", await inside.pid(), before),
  ]);

  inside.write(
    `${home}/.offhook/consumers/gentle.toml`,
    `on = ["test.gentle"]\nshell = "echo began >> ${home}/gentle; sleep 2; echo ended >> ${home}/gentle"\n`,
  );
  await inside.root(["chown", "tester:", `${home}/.offhook/consumers/gentle.toml`]);
  await inside.systemctl("reload", "offhook.service");
  await offhook(["publish", "--type", "test.gentle", "--data", "{}"]);
  const words = () => (existsSync(`${home}/gentle`) ? readFileSync(`${home}/gentle`, "utf8") : "");
  await inside.until(() => words() === "began\n");
  const restarted = await offhook(["service", "restart"]);
  const deliveries = (await offhook(["deliveries", "--consumer", "gentle", "--json"])).stdout
    .split("\n")
    .filter(Boolean);
  check("service restart lets what runs end by itself, once", [
    ...ended(restarted, 0),
    ...same("words", words(), "began\nended\n"),
    ...same(
      "deliveries",
      deliveries.map((line) => JSON.parse(line).state),
      ["ok"],
    ),
  ]);
  await dropIn(inside, null);
}

/** Settings of a user's own beside our unit, as `systemctl --user edit` makes them; null takes them away. */
async function dropIn(inside: Inside, text: string | null): Promise<void> {
  const path = `${inside.unit}.d/test.conf`;
  if (text === null) await inside.root(["rm", "-r", `${inside.unit}.d`]);
  else {
    inside.write(path, text, 0o644);
    await inside.root(["chown", "-R", "tester:", `${inside.unit}.d`]);
  }
  await inside.systemctl("daemon-reload");
  await inside.systemctl("restart", "offhook.service");
}
