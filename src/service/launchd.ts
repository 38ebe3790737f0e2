// The service under launchd: an agent of this user, or a daemon of the machine. What is run, and how its answers are read.
//
// Written by what is documented and reported, tried against a launchctl of our own (test/services), not yet on a Mac.
// `bootout` returns before the service has ended, and a `bootstrap` until then fails with 5, 36 or 37: so it is waited for, and
// bootstrap is tried again.
import { EXIT, OffhookError } from "../errors.ts";
import { changeOf, isOurs, remove, textAt, writeWhole } from "./files.ts";
import type { Host, Ran } from "./host.ts";
import { type Keeper, LAST_LINES, NO_SERVICE, notInstalled, type ServiceStatus } from "./keeper.ts";
import { agentDomain, isDisabled, type Loaded, printed, refused, stateOf } from "./launchctl.ts";
import { sizeOf, tail } from "./log-tail.ts";
import { fileOf, type ServicePlan } from "./plan.ts";
import { fromPlist, LABEL, logOf } from "./plist.ts";

/** The daemon's own time to end is 25 s, ExitTimeOut 40. */
const GONE_LIMIT_MS = 45_000;
const BOOTSTRAP_LIMIT_MS = 15_000;
/** One that ran for less than ThrottleInterval is started again only when that is over. */
const START_LIMIT_MS = 20_000;
const LOOK_EVERY_MS = 250;
/** What bootstrap answers while the old one still ends: Input/output error, in progress, already in progress. */
const NOT_YET = [5, 36, 37];
/** What bootout answers where there is nothing: no such process, no such service. */
const NOTHING_THERE = [3, 113];

/** The launchd of this user ("agent") or of the machine ("daemon"). */
export function openLaunchd(kind: "agent" | "daemon", host: Host): Keeper {
  const manager = kind === "agent" ? "launchd-agent" : "launchd-daemon";
  const file = fileOf(manager, host.userHome);
  const launchctl = (...words: string[]) => host.run(["launchctl", ...words]);
  const wanted = kind === "daemon" ? "system" : agentDomain(host);
  const domains = kind === "daemon" ? ["system"] : [`gui/${host.uid}`, `user/${host.uid}`];

  /** Where it is loaded; an agent may be in the domain of the screen or of those who come over ssh. */
  async function loaded(): Promise<Loaded[]> {
    const found: Loaded[] = [];
    for (const domain of domains) {
      const ran = await launchctl("print", `${domain}/${LABEL}`);
      if (ran.exitCode === 0) found.push({ domain, ...printed(ran.stdout) });
    }
    return found;
  }

  async function status(): Promise<ServiceStatus> {
    const text = textAt(file);
    if (text === null) return NO_SERVICE;
    const [one] = await loaded();
    const pid = one?.pid ?? null;
    const disabled = await launchctl("print-disabled", one?.domain ?? wanted);
    return {
      installed: true,
      manager,
      running: pid !== null,
      pid,
      since: pid === null ? null : await startOf(pid),
      enabled: !isDisabled(disabled.stdout),
      restarts: one?.runs === null || one === undefined ? null : Math.max(0, one.runs - 1),
      state: stateOf(one),
      file,
      binary: fromPlist(text, "binary"),
      path: fromPlist(text, "PATH"),
      lastLog: tail(logOf(text), 0, LAST_LINES),
    };
  }

  async function startOf(pid: number): Promise<string | null> {
    const { stdout } = await host.run(["ps", "-o", "lstart=", "-p", String(pid)]);
    const ms = Date.parse(stdout);
    return Number.isNaN(ms) ? null : new Date(ms).toISOString();
  }

  async function commandsFor(plan: ServicePlan, hasChanged: boolean): Promise<string[][]> {
    const there = await loaded();
    const isRight = !hasChanged && there.length === 1 && there[0]?.domain === wanted;
    if (isRight) {
      const verbs = isDisabled((await launchctl("print-disabled", wanted)).stdout) ? ["enable"] : [];
      if (there[0]?.pid === null) verbs.push("kickstart");
      return verbs.map((verb) => ["launchctl", verb, `${wanted}/${LABEL}`]);
    }
    return [
      ...there.map(({ domain }) => ["launchctl", "bootout", `${domain}/${LABEL}`]),
      ["launchctl", "enable", `${wanted}/${LABEL}`],
      ["launchctl", "bootstrap", wanted, plan.files[0]?.path ?? file],
    ];
  }

  /** Ends what is loaded, and waits until it is really gone. */
  async function bootOut(domain: string): Promise<void> {
    const target = `${domain}/${LABEL}`;
    const ran = await launchctl("bootout", target);
    if (ran.exitCode !== 0 && ![...NOTHING_THERE, ...NOT_YET].includes(ran.exitCode)) throw refused("bootout", ran);
    const isGone = async () => (await launchctl("print", target)).exitCode !== 0;
    if (await seen(isGone, GONE_LIMIT_MS)) return;
    throw new OffhookError(
      EXIT.failed,
      `${target} is still there after ${GONE_LIMIT_MS / 1000} s`,
      `launchctl print ${target}`,
    );
  }

  async function bootstrap(path: string): Promise<void> {
    let ran: Ran = { exitCode: 0, stdout: "", stderr: "" };
    const isIn = async () => {
      ran = await launchctl("bootstrap", wanted, path);
      if (ran.exitCode === 0) return true;
      if (!NOT_YET.includes(ran.exitCode)) throw refused("bootstrap", ran);
      // The same numbers are the answer for one that is loaded already.
      return (await launchctl("print", `${wanted}/${LABEL}`)).exitCode === 0;
    };
    if (!(await seen(isIn, BOOTSTRAP_LIMIT_MS))) throw refused("bootstrap", ran);
  }

  /**
   * Waits until it says that it is ready; one that only lives at the end of the time still recovers. `runs`: how often it had been
   * started before, since launchd goes on telling how the one before ended.
   */
  async function mustRun(domain: string, log: string, logAt: number, runs: number): Promise<void> {
    let one: Loaded | undefined;
    const isDecided = async () => {
      one = (await loaded()).find((each) => each.domain === domain);
      const isReady = tail(log, logAt, 1000).some((line) => line.includes(" ready: "));
      if (one?.pid === null) return one.lastExit !== null && (one.runs ?? Infinity) > runs;
      return isReady && one !== undefined;
    };
    await seen(isDecided, START_LIMIT_MS);
    if (one !== undefined && one.pid !== null) return;
    const lines = tail(log, logAt, LAST_LINES);
    throw new OffhookError(
      EXIT.failed,
      [
        `${LABEL} does not start: ${stateOf(one)}. Its last lines:`,
        ...(lines.length > 0 ? lines : [`(nothing in ${log})`]).map((line) => `  ${line}`),
      ].join("\n"),
      `mend what they say, then: offhook service restart; launchd's own words: launchctl print ${domain}/${LABEL}`,
    );
  }

  /** Looks again and again; false when it was not seen within the time. */
  async function seen(look: () => Promise<boolean>, limitMs: number): Promise<boolean> {
    for (let waitedMs = 0; ; waitedMs += LOOK_EVERY_MS) {
      if (await look()) return true;
      if (waitedMs >= limitMs) return false;
      await host.sleep(LOOK_EVERY_MS);
    }
  }

  return {
    async outlook(plan) {
      const files = plan.files.map((one) => ({ path: one.path, change: changeOf(one) }));
      return {
        files,
        commands: await commandsFor(
          plan,
          files.some(({ change }) => change !== "same"),
        ),
      };
    },

    async install(plan) {
      const changed = plan.files.filter((one) => changeOf(one) !== "same");
      mustBeAllowed("install-service");
      const there = await loaded();
      const commands = await commandsFor(plan, changed.length > 0);
      const log = logOf(plan.files[0]?.text ?? "");
      const logAt = sizeOf(log);
      const verbs = commands.map(([, verb]) => verb);
      const isNew = verbs.includes("bootstrap");
      if (isNew) {
        // Written when the old one is gone: what ends in between is seen as changed, and done again.
        for (const { domain } of there) await bootOut(domain);
        for (const one of changed) writeWhole(one);
      }
      if (verbs.includes("enable")) await launchctl("enable", `${wanted}/${LABEL}`);
      if (isNew) await bootstrap(plan.files[0]?.path ?? file);
      if (verbs.includes("kickstart")) await kickstart(wanted);
      const starts = isNew || verbs.includes("kickstart");
      if (starts) await mustRun(wanted, log, logAt, isNew ? 0 : (there[0]?.runs ?? 0));
      const did = !starts ? "nothing" : there.some(({ pid }) => pid !== null) ? "restarted" : "started";
      return { did, written: changed.map(({ path }) => path), status: await status() };
    },

    async leaving() {
      const text = textAt(file);
      if (text === null || !isOurs(text)) return { removed: [], commands: [] };
      const there = await loaded();
      return { removed: [file], commands: there.map(({ domain }) => ["launchctl", "bootout", `${domain}/${LABEL}`]) };
    },

    async uninstall() {
      const { removed, commands } = await this.leaving();
      if (removed.length === 0) return { removed, commands };
      mustBeAllowed("uninstall-service");
      for (const { domain } of await loaded()) await bootOut(domain);
      remove(file);
      return { removed, commands };
    },

    status,

    async restart() {
      const text = textAt(file);
      if (text === null) throw notInstalled();
      mustBeAllowed("service restart");
      const log = logOf(text);
      const logAt = sizeOf(log);
      // Where it is: over ssh that may be another domain than the one it would be installed into.
      const there = await loaded();
      const one = there.find(({ domain }) => domain === wanted) ?? there[0];
      const domain = one?.domain ?? wanted;
      if (one === undefined) {
        await launchctl("enable", `${domain}/${LABEL}`);
        await bootstrap(file);
      } else {
        // kickstart -k would kill it at once, and what it runs would be run again.
        if (one.pid !== null) await launchctl("kill", "SIGTERM", `${domain}/${LABEL}`);
        const isEnded = async () =>
          (await loaded()).every((each) => each.domain !== domain || each.pid !== one.pid || each.pid === null);
        await seen(isEnded, GONE_LIMIT_MS);
        await kickstart(domain);
      }
      await mustRun(domain, log, logAt, one?.runs ?? 0);
      return status();
    },

    async logs(lines) {
      const text = textAt(file);
      if (text === null) throw notInstalled();
      return tail(logOf(text), 0, lines);
    },
  };

  async function kickstart(domain: string): Promise<void> {
    const ran = await launchctl("kickstart", `${domain}/${LABEL}`);
    if (ran.exitCode !== 0 && !NOT_YET.includes(ran.exitCode)) throw refused("kickstart", ran);
  }

  function mustBeAllowed(command: string): void {
    if (kind === "agent" || host.uid === 0) return;
    throw new OffhookError(
      EXIT.permission,
      "the machine's services are root's to change",
      `sudo offhook ${command} --system`,
    );
  }
}
