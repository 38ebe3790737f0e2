// Findings about single consumers: their files, whether their command is found, whether they get on. Pure, but for where a command is,
// which is handed in.
import { isRelativePath } from "../config/argv.ts";
import type { Consumer } from "../config/schema.ts";
import type { DaemonState } from "../daemon/control.ts";
import type { GroupState } from "../ledger/group-state.ts";
import type { ConsumerFacts } from "./daemon-facts.ts";
import { counted, doubtful, type Finding, quoted, span, well, wrong } from "./finding.ts";

/** Where commands are looked for: `which` gives the path of a name (or of a path that can be run) on a PATH, or null. */
export type Commands = {
  which(name: string, path: string): string | null;
  /** The PATH of the daemon; null: it is not known. */
  daemonPath: string | null;
  /** The PATH of this shell. */
  ownPath: string;
  platform: string;
};

/** What the doctor knows of how consumers stand. */
export type Standing = { groups: readonly GroupState[]; state: DaemonState | null };

/** What waits longer than this, and longer than the consumer itself waits for quiet, is late. */
const LATE_MS = 10 * 60_000;

/** Judges every consumer. */
export function consumerFindings(
  { consumers, broken }: ConsumerFacts,
  standing: Standing,
  commands: Commands,
): Finding[] {
  if (consumers.length + broken.length === 0)
    return [
      doubtful("consumers", "consumers", "there are none: events are kept, and nothing runs", {
        mend: "offhook setup",
      }),
    ];
  return [
    ...broken.map(({ name, path, errors }) =>
      wrong(
        "consumers",
        "consumer-file",
        `${name} ${lastGood(name, standing) ? "runs its last good version, its file is broken" : "does not run, its file is broken"}: ${errors.join("; ")}`,
        {
          where: path,
          mend: `mend the file, then: offhook try ${name}`,
        },
      ),
    ),
    ...consumers.flatMap((consumer) => {
      const found = [...commandFindings(consumer, commands), ...progressFindings(consumer, standing)];
      return found.length > 0 ? found : [well("consumers", "consumer", sentenceFor(consumer, standing), consumer.path)];
    }),
  ];
}

function lastGood(name: string, { state }: Standing): boolean {
  return state?.consumers.some((one) => one.name === name && one.state === "stale") === true;
}

function sentenceFor({ name, enabled }: Consumer, { groups, state }: Standing): string {
  if (!enabled || state?.consumers.some((one) => one.name === name && one.state === "disabled"))
    return `${name} is switched off`;
  const group = groups.find((one) => one.consumer === name);
  if (group?.paused) return `${name} is paused`;
  const waiting = (group?.lag ?? 0) + (group?.pending ?? 0);
  if (waiting === 0 || group?.oldestMs == null) return `${name} can run`;
  return `${name} is at work: ${group.lag} to decide on, ${group.pending} pending, the oldest for ${span(group.oldestMs)}`;
}

/** The program that a consumer starts; null where there is none, or where it depends on the event. */
export function programOf({ action }: Pick<Consumer, "action">, platform: string): string | null {
  switch (action.kind) {
    case "run": {
      const [name = ""] = action.argv;
      return name.includes("{") || isRelativePath(name) ? null : name;
    }
    case "builtin":
      if (action.builtin !== "notify") return null;
      return platform === "darwin" ? "/usr/bin/osascript" : "notify-send";
    case "shell":
    case "webhook":
      return null;
    default:
      return action satisfies never;
  }
}

function commandFindings(consumer: Consumer, commands: Commands): Finding[] {
  const program = programOf(consumer, commands.platform);
  if (program === null || !consumer.enabled) return [];
  const path = commands.daemonPath ?? commands.ownPath;
  if (commands.which(program, absoluteEntries(path)) !== null) return [];
  const whose = commands.daemonPath === null ? "this shell's PATH (no daemon was there to ask)" : "the daemon's PATH";
  const here = commands.which(program, absoluteEntries(commands.ownPath));
  const where = { where: consumer.path };
  if (program.includes("/"))
    return [
      wrong("consumers", "command", `${consumer.name}: ${program} is not there, or cannot be run`, {
        ...where,
        mend: `install it, or mend run in the file; if it is there: chmod +x ${quoted(program)}`,
      }),
    ];
  return [
    wrong("consumers", "command", `${consumer.name}: ${program} is not on ${whose}`, {
      ...where,
      mend:
        here === null
          ? `install ${program}, or write its whole path into the file`
          : `it is ${here} here: write that path into the file, or give the service this PATH: offhook install-service`,
    }),
  ];
}

/** As the daemon does it: in a project's directory a relative entry would find the project's own programs. */
function absoluteEntries(path: string): string {
  const entries = path.split(":").filter((entry) => entry.startsWith("/"));
  return entries.length > 0 ? entries.join(":") : "/usr/local/bin:/usr/bin:/bin";
}

function progressFindings({ name, debounce, enabled, path }: Consumer, { groups, state }: Standing): Finding[] {
  const group = groups.find((one) => one.consumer === name);
  const entry = state?.consumers.find((one) => one.name === name);
  const findings: Finding[] = [];
  if (entry?.state === "left-out")
    findings.push(
      doubtful("consumers", "left-out", `${name} is left out: the daemon was started for other consumers`, {
        where: path,
        mend: "start the daemon without names: offhook consume",
      }),
    );
  if (group === undefined) return findings;
  const moves = state !== null && enabled && !group.paused && (entry === undefined || entry.state === "active");
  const patienceMs = Math.max(LATE_MS, 2 * (debounce?.maxMs ?? 0));
  if (moves && group.waiting === null && (group.oldestMs ?? 0) > patienceMs)
    findings.push(
      doubtful(
        "consumers",
        "lag",
        `${name} is late: its oldest event is ${span(group.oldestMs ?? 0)} old (${group.lag} to decide on, ${group.pending} pending)`,
        { where: path, mend: `see what it is doing: offhook deliveries --consumer ${name}` },
      ),
    );
  if (group.dead > 0)
    findings.push(
      doubtful("consumers", "dead-letters", `${name} has ${counted(group.dead, "dead letter")}`, {
        where: path,
        mend: `offhook dead-letters list --consumer ${name}`,
      }),
    );
  return findings;
}
