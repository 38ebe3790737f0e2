// launchd and its launchctl for tests: answers as the one of macOS does, as far as offhook asks it. Sources: launchctl(1), and
// what others reported (nix-installer 1157, tuist 10143, headroom 1289 on GitHub): bootout returns at once, and bootstrap fails with
// "5: Input/output error" until some time after the old one is gone; 3 and 113 for what is not there; 5 for what is disabled.
// Time is counted in questions, not in seconds, so that a test is the same on every machine.
import { appendFileSync, readFileSync } from "node:fs";

type Service = {
  path: string;
  program: string;
  log: string;
  runs: number;
  pid: number | null;
  exit: number | null;
  state: string;
};

export type Launchd = {
  /** By target: "gui/501/offhook". */
  loaded: Map<string, Service>;
  /** What was booted out, and how many questions later it is gone. */
  leaving: Map<string, number>;
  disabled: Set<string>;
  /** Every question so far. */
  asked: string[];
  /** How many questions a service takes to end. */
  slow: number;
  /** How many bootstraps still fail with 5, whatever is asked. */
  busy: number;
  /** The exit code that a service ends with at once; null: it lives. */
  dies: number | null;
  /** How many questions a kickstart waits (ThrottleInterval), and what waits so, with the questions left. */
  throttle: number;
  waiting: Map<string, number>;
  /** Whether a service that lives says that it is ready. */
  ready: boolean;
  lastPid: number;
};

/** One without services. */
export function launchd(): Launchd {
  const none = { loaded: new Map(), leaving: new Map(), waiting: new Map(), disabled: new Set<string>(), asked: [] };
  return { ...none, slow: 3, busy: 0, throttle: 0, dies: null, ready: true, lastPid: 400 };
}

type Ran = { exitCode: number; stdout: string; stderr: string };

/** Answers `launchctl WORDS`. */
export function launchctl(state: Launchd, words: readonly string[]): Ran {
  state.asked.push(words.join(" "));
  pass(state);
  const [verb = "", ...rest] = words;
  const target = rest[verb === "kill" ? 1 : 0] ?? "";
  const service = state.loaded.get(target);
  switch (verb) {
    case "print":
      return service === undefined ? unknown(target) : said(printed(target, service));
    case "print-disabled": {
      const lines = [...state.disabled].map((one) => `\t\t"${one.split("/").at(-1)}" => disabled\n`);
      return said(`\tdisabled services = {\n${lines.join("")}\t}`);
    }
    case "enable":
      state.disabled.delete(target);
      return said("");
    case "bootstrap":
      return bootstrap(state, target, rest[1] ?? "");
    case "bootout":
      if (service === undefined) return failed("Boot-out", 3, "No such process");
      if (state.leaving.has(target)) return failed("Boot-out", 36, "Operation now in progress");
      service.state = "SIGTERMed";
      state.leaving.set(target, state.slow);
      return said("");
    case "kickstart":
      if (service === undefined) return unknown(target);
      if (service.pid !== null) return said("");
      if (state.throttle === 0) start(state, service);
      else {
        service.state = "spawn scheduled";
        state.waiting.set(target, state.throttle);
      }
      return said("");
    case "kill":
      if (service === undefined) return unknown(target);
      // It ends with 0, and KeepAlive SuccessfulExit=false leaves it so.
      Object.assign(service, { pid: null, exit: 0, state: "not running" });
      return said("");
    default:
      return { exitCode: 64, stdout: "", stderr: `Unrecognized subcommand: ${verb}` };
  }
}

/** One question later. */
function pass(state: Launchd): void {
  for (const [target, left] of state.waiting) {
    state.waiting.set(target, left - 1);
    const service = state.loaded.get(target);
    if (left > 1 || service === undefined) continue;
    state.waiting.delete(target);
    start(state, service);
  }
  for (const [target, left] of state.leaving) {
    state.leaving.set(target, left - 1);
    if (left > 1) continue;
    state.leaving.delete(target);
    state.loaded.delete(target);
    state.busy = 2; // And even then bootstrap fails for a while.
  }
}

function bootstrap(state: Launchd, domain: string, path: string): Ran {
  const plist = readFileSync(path, "utf8");
  const string = (name: string) =>
    new RegExp(`<key>${name}</key>\\s*(?:<array>\\s*)?<string>(.*?)</string>`).exec(plist)?.[1] ?? "";
  const target = `${domain}/${string("Label")}`;
  if (state.busy-- > 0) return failed("Bootstrap", 5, "Input/output error");
  state.busy = 0;
  if (state.leaving.has(target)) return failed("Bootstrap", 37, "Operation already in progress");
  if (state.loaded.has(target) || state.disabled.has(target)) return failed("Bootstrap", 5, "Input/output error");
  const still = { runs: 0, pid: null, exit: null, state: "not running" };
  const service: Service = { path, program: string("ProgramArguments"), log: string("StandardOutPath"), ...still };
  state.loaded.set(target, service);
  if (/<key>RunAtLoad<\/key>\s*<true\/>/.test(plist)) start(state, service);
  return said("");
}

/** A process of it begins, and lives or ends at once. */
function start(state: Launchd, service: Service): void {
  service.runs++;
  if (state.dies !== null) {
    Object.assign(service, { pid: null, exit: state.dies, state: "spawn scheduled" });
    appendFileSync(service.log, "error: config.toml: it is wrong\n");
    return;
  }
  const pid = ++state.lastPid;
  Object.assign(service, { pid, exit: null, state: "running" });
  if (state.ready) appendFileSync(service.log, `12:00:00 ready: /Users/ada/.offhook (pid ${pid})\n`);
}

function printed(target: string, { path, program, runs, pid, exit, state }: Service): string {
  return [
    `${target} = {`,
    "\tactive count = 1",
    `\tpath = ${path}`,
    `\tstate = ${state}`,
    `\tprogram = ${program}`,
    "\tdefault environment = {",
    "\t\tPATH => /usr/bin:/bin:/usr/sbin:/sbin",
    "\t}",
    `\truns = ${runs}`,
    ...(pid === null ? [] : [`\tpid = ${pid}`]),
    `\tlast exit code = ${exit ?? "(never exited)"}`,
    "\tendpoints = {",
    "\t\tpid = 1",
    "\t}",
    "}",
  ].join("\n");
}

function said(stdout: string): Ran {
  return { exitCode: 0, stdout, stderr: "" };
}

function unknown(target: string): Ran {
  return {
    exitCode: 113,
    stdout: "",
    stderr: `Could not find service "${target.split("/").at(-1)}" in domain for ${target}`,
  };
}

function failed(what: string, code: number, why: string): Ran {
  return { exitCode: code, stdout: "", stderr: `${what} failed: ${code}: ${why}` };
}
