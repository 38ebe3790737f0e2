// The environment of a worker: the daemon's, without what speaks of somebody else, with what its delivery is about.
// Pure.
import { isAbsolute } from "node:path";

const USUAL_PATH = "/usr/local/bin:/usr/bin:/bin";

/**
 * Names that speak of what started the daemon. It may have been started inside an agent's session or by a service: a
 * worker belongs to neither. Settings of Claude Code (CLAUDE_CODE_USE_BEDROCK, CLAUDE_CONFIG_DIR) stay. Names of a
 * session as of Claude Code 2.1.329, of a service from systemd.exec(5) and launchd(8).
 */
const SOMEBODY_ELSES = new Set([
  "CLAUDECODE",
  "CLAUDE_PID",
  "CLAUDE_EFFORT",
  "CLAUDE_ENV_FILE",
  "CLAUDE_PROJECT_DIR",
  "CLAUDE_PLUGIN_ROOT",
  "CLAUDE_PLUGIN_DATA",
  "CLAUDE_CODE_BRIDGE_SESSION_ID",
  "CLAUDE_CODE_CHILD_SESSION",
  "CLAUDE_CODE_ENTRYPOINT",
  "CLAUDE_CODE_MESSAGING_SOCKET",
  "CLAUDE_CODE_MESSAGING_TOKEN",
  "CLAUDE_CODE_SESSION_ATTENDED",
  "CLAUDE_CODE_SESSION_ID",
  "CLAUDE_CODE_SSE_PORT",
  "TRACEPARENT",
  "TRACESTATE",
  "NOTIFY_SOCKET",
  "WATCHDOG_PID",
  "WATCHDOG_USEC",
  "LISTEN_PID",
  "LISTEN_FDS",
  "LISTEN_FDNAMES",
  "INVOCATION_ID",
  "JOURNAL_STREAM",
  "SYSTEMD_EXEC_PID",
  "XPC_FLAGS",
  "XPC_SERVICE_NAME",
  "OLDPWD",
]);
const SOMEBODY_ELSES_PREFIX = /^(BUN_|OFFHOOK_|CLAUDE_PLUGIN_OPTION_)/;

export type WorkerEnvironment = {
  /** The daemon's own environment. */
  daemon: Readonly<Record<string, string | undefined>>;
  /** Every name of secrets.env. */
  secretNames: readonly string[];
  /** The secrets that the consumer's file names. */
  secrets: Readonly<Record<string, string>>;
  cwd: string;
  /** What the delivery is about, as OFFHOOK_*. */
  delivery: Readonly<Record<`OFFHOOK_${string}`, string>>;
};

/** Puts the environment together. Of two with the same name the delivery's wins, then the file's secret. */
export function workerEnvironment(given: WorkerEnvironment): Record<string, string> {
  return { ...inherited(given), PWD: given.cwd, ...given.secrets, ...given.delivery };
}

type Inherited = { secretNames: readonly string[]; environment: Record<string, string> };
const remembered = new WeakMap<object, Inherited>();

/** What every worker gets of the daemon's own. Of a frozen one it is found out once: it is the same for each attempt. */
function inherited({ daemon, secretNames }: WorkerEnvironment): Record<string, string> {
  const last = remembered.get(daemon);
  if (last !== undefined && Bun.deepEquals(last.secretNames, secretNames)) return last.environment;
  const environment = withoutOthers(daemon, secretNames);
  if (Object.isFrozen(daemon)) remembered.set(daemon, { secretNames, environment });
  return environment;
}

function withoutOthers(daemon: WorkerEnvironment["daemon"], secretNames: readonly string[]): Record<string, string> {
  const hidden = new Set(secretNames);
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(daemon)) {
    if (value === undefined || hidden.has(name) || SOMEBODY_ELSES.has(name) || SOMEBODY_ELSES_PREFIX.test(name))
      continue;
    environment[name] = value;
  }
  // In a project's directory a relative entry would find the project's own programs.
  const path = (environment.PATH ?? USUAL_PATH).split(":").filter((directory) => isAbsolute(directory));
  environment.PATH = path.length > 0 ? path.join(":") : USUAL_PATH;
  return environment;
}

/** What only the environments of one attempt's processes have: its marks, as entries. None where the environment is not a worker's. */
export function marksOf(env: Readonly<Record<string, string | undefined>>): string[] {
  const names = ["OFFHOOK_HOME", "OFFHOOK_DELIVERY_ID", "OFFHOOK_ATTEMPT"];
  return names.every((name) => env[name]) ? names.map((name) => `${name}=${env[name]}`) : [];
}
