// The service under systemd: the user's own, or the machine's. What is run, and how its answers are read.
import { dirname, join } from "node:path";
import { EXIT, OffhookError } from "../errors.ts";
import { runtimeDirectory } from "./detect.ts";
import { changeOf, isOurs, remove, textAt, writeWhole } from "./files.ts";
import type { Host, Ran } from "./host.ts";
import { type Keeper, LAST_LINES, meaningOf, NO_SERVICE, notInstalled, type ServiceStatus } from "./keeper.ts";
import { fileOf, type ServicePlan } from "./plan.ts";
import { isRan, isReplaced, journalOf, refused, timeOf } from "./systemctl.ts";
import { fromUnit, UNIT } from "./unit.ts";

/** A start waits for the daemon to be ready (TimeoutStartSec of the unit), a stop for what runs (TimeoutStopSec). */
const START_LIMIT_MS = 345_000;

const JOURNAL_TRIES = 20;
const JOURNAL_EVERY_MS = 100;

/** What is asked of `systemctl show`, which answers for units that are not there too. */
const PROPERTIES = ["LoadState", "ActiveState", "SubState", "MainPID", "NRestarts", "UnitFileState", "Result"].concat([
  "ExecMainStatus",
  "ExecMainPID",
  "ActiveEnterTimestamp",
  "NeedDaemonReload",
]);

/** The systemd of this user ("user") or of the machine ("system"). */
export function openSystemd(kind: "user" | "system", host: Host): Keeper {
  const manager = kind === "user" ? "systemd-user" : "systemd-system";
  const file = fileOf(manager, host.userHome);
  const scope = kind === "user" ? ["--user"] : [];
  // su, sudo and ssh leave it unset, or somebody else's. Times are read, so they must come in one zone.
  const env: Record<string, string> = {
    TZ: "UTC",
    ...(kind === "user" ? { XDG_RUNTIME_DIR: runtimeDirectory(host) } : {}),
  };
  const systemctl = (...words: string[]) => ["systemctl", ...scope, ...words];
  const run = (argv: readonly string[]) => host.run(argv, { env, timeoutMs: START_LIMIT_MS });

  /** The unit as systemd has it; its words where it cannot be reached (no session, a container without systemd). */
  async function ask(): Promise<Record<string, string> | Ran> {
    const ran = await run(systemctl("show", UNIT, `--property=${PROPERTIES.join(",")}`));
    if (ran.exitCode !== 0) return ran;
    return Object.fromEntries(ran.stdout.split("\n").map((line) => line.split(/=(.*)/s).slice(0, 2)));
  }

  async function show(): Promise<Record<string, string>> {
    const asked = await ask();
    if (isRan(asked)) throw refused("systemctl show", asked);
    return asked;
  }

  async function journal(lines: number, which = journalOf(kind, host.uid)): Promise<Ran> {
    const words = ["journalctl", ...scope, `--lines=${lines}`, "--no-pager", "--output=short-iso"];
    return run([...words, "--no-hostname", "--quiet", ...which]);
  }

  async function lastLog(): Promise<string[]> {
    const { exitCode, stdout } = await journal(LAST_LINES);
    return exitCode === 0 && stdout !== "" ? stdout.split("\n") : [];
  }

  /** What the process that ended just now has said: not what the one before it said, and the journal may get it a moment later. */
  async function lastWords(beganMs: number): Promise<string[]> {
    const { ExecMainPID } = await show();
    const since = `--since=@${Math.floor(beganMs / 1000)}`;
    for (let tries = 0; tries <= JOURNAL_TRIES; tries++) {
      const { stdout } = await journal(LAST_LINES, [since, `_PID=${ExecMainPID}`]);
      const own = stdout.split("\n").filter((line) => line.includes(`[${ExecMainPID}]: `));
      if (own.length > 0) return own;
      await host.sleep(JOURNAL_EVERY_MS);
    }
    return (await journal(LAST_LINES, [since, ...journalOf(kind, host.uid)])).stdout.split("\n").filter(Boolean);
  }

  async function status(): Promise<ServiceStatus> {
    const text = textAt(file);
    if (text === null) return NO_SERVICE;
    const known = {
      installed: true,
      manager,
      file,
      binary: fromUnit(text, "binary"),
      path: fromUnit(text, "PATH"),
    } as const;
    const shown = await ask();
    if (isRan(shown)) return { ...NO_SERVICE, ...known, state: `systemd cannot be reached: ${shown.stderr}` };
    const pid = Number(shown.MainPID);
    const result = shown.Result ?? "";
    const ended = Number(shown.ExecMainStatus);
    return {
      ...known,
      running: isActive(shown),
      pid: pid > 0 ? pid : null,
      since: timeOf(shown.ActiveEnterTimestamp ?? ""),
      enabled: shown.UnitFileState === "enabled",
      restarts: Number(shown.NRestarts) || 0,
      state: `${shown.ActiveState} (${result === "" || result === "success" ? shown.SubState : `${result}${ended > 0 ? `, ${meaningOf(ended)}` : ""}`})`,
      lastLog: await lastLog(),
    };
  }

  /** The commands that are left to do. Each is safe to repeat. */
  async function commandsFor(plan: ServicePlan, hasChanged: boolean): Promise<string[][]> {
    const shown = await show();
    const commands: string[][] = [];
    if (hasChanged || shown.NeedDaemonReload === "yes") commands.push(systemctl("daemon-reload"));
    if (shown.UnitFileState !== "enabled") commands.push(systemctl("enable", UNIT));
    const isOld = hasChanged || isReplaced(Number(shown.MainPID));
    // Also what is between two starts: a start by hand does not wait.
    if (!isActive(shown) || isOld) commands.push(systemctl("restart", UNIT));
    // Last: where only root may switch it on, the service runs all the same.
    if (plan.options.linger && !(await isLingering(plan.options.user.name))) {
      commands.push(["loginctl", "enable-linger", plan.options.user.name]);
    }
    return commands;
  }

  async function isLingering(name: string): Promise<boolean> {
    return (await run(["loginctl", "show-user", name, "--property=Linger", "--value"])).stdout === "yes";
  }

  /** Runs the commands; a start that fails says why, in the daemon's own words. */
  async function runAll(commands: readonly string[][]): Promise<void> {
    for (const argv of commands) {
      const beganMs = Date.now();
      const ran = await run(argv);
      if (ran.exitCode === 0) continue;
      if (argv.includes("restart")) throw await notStarted(ran, beganMs);
      throw refused(argv.join(" "), ran);
    }
  }

  async function notStarted(ran: Ran, beganMs: number): Promise<OffhookError> {
    const { state } = await status();
    const lines = await lastWords(beganMs);
    const shown = lines.length > 0 ? lines : [ran.stderr];
    return new OffhookError(
      EXIT.failed,
      [`${UNIT} does not start: ${state}. Its last lines:`, ...shown.map((line) => `  ${line}`)].join("\n"),
      `mend what they say, then: offhook service restart${kind === "system" ? " --system" : ""}; all of it: ${["journalctl", ...scope, "-u", UNIT].join(" ")}`,
    );
  }

  return {
    async outlook(plan) {
      const files = plan.files.map((one) => ({ path: one.path, change: changeOf(one) }));
      const hasChanged = files.some(({ change }) => change !== "same");
      return { files, commands: await commandsFor(plan, hasChanged) };
    },

    async install(plan) {
      const changed = plan.files.filter((one) => changeOf(one) !== "same");
      mustBeAllowed("install-service");
      const before = await show();
      const commands = await commandsFor(plan, changed.length > 0);
      for (const one of changed) writeWhole(one);
      await runAll(commands);
      const starts = commands.some((argv) => argv.includes("restart"));
      const did = !starts ? "nothing" : isActive(before) ? "restarted" : "started";
      return { did, written: changed.map(({ path }) => path), status: await status() };
    },

    async leaving() {
      const text = textAt(file);
      if (text === null || !isOurs(text)) return { removed: [], commands: [] };
      return {
        removed: [file],
        commands: [systemctl("disable", "--now", UNIT), systemctl("daemon-reload"), systemctl("reset-failed", UNIT)],
      };
    },

    async uninstall() {
      const { removed, commands } = await this.leaving();
      if (removed.length === 0) return { removed, commands };
      mustBeAllowed("uninstall-service");
      const [disable = [], reload = [], reset = []] = commands;
      // Where no systemd can be reached none runs it: then only the files are left to take away.
      const asked = await ask();
      const isReached = !isRan(asked);
      // One that somebody edited until it does not load is no reason to keep it.
      if (isReached) await (asked.LoadState === "loaded" ? runAll([disable]) : run(systemctl("disable", UNIT)));
      remove(file);
      remove(join(dirname(file), `${kind === "user" ? "default" : "multi-user"}.target.wants`, UNIT));
      if (!isReached) return { removed, commands: [] };
      await runAll([reload]);
      if (isActive(await show())) await runAll([systemctl("stop", UNIT)]);
      await run(reset); // Fails where nothing had failed.
      return { removed, commands };
    },

    status,

    async restart() {
      if (textAt(file) === null) throw notInstalled();
      mustBeAllowed("service restart");
      await runAll([systemctl("restart", UNIT)]);
      return status();
    },

    async logs(lines) {
      if (textAt(file) === null) throw notInstalled();
      const ran = await journal(lines);
      if (ran.exitCode === 0) return ran.stdout === "" ? [] : ran.stdout.split("\n");
      throw new OffhookError(
        EXIT.permission,
        `the journal cannot be read: ${ran.stderr || `journalctl ended with ${ran.exitCode}`}`,
        `as root: journalctl ${kind === "user" ? `_SYSTEMD_USER_UNIT=${UNIT}` : `-u ${UNIT}`}; or be a member of the group systemd-journal`,
      );
    },
  };

  function mustBeAllowed(command: string): void {
    if (kind === "user" || host.uid === 0) return;
    throw new OffhookError(
      EXIT.permission,
      "the machine's services are root's to change",
      `sudo offhook ${command} --system`,
    );
  }
}

function isActive(shown: Record<string, string>): boolean {
  return shown.ActiveState === "active" || shown.ActiveState === "reloading";
}
