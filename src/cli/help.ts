// The words of `--help`. Every command has an example that works as it stands.
import { BENCH } from "./help-bench.ts";
import { CLUSTER } from "./help-cluster.ts";
import { type Help, INSTALLATION } from "./help-installation.ts";

const CONSUMER_EXAMPLE = `  # ~/.offhook/consumers/lint.toml
  on       = ["PostToolUse"]
  tools    = ["Write", "Edit", "NotebookEdit"]
  files    = ["**/*.py"]
  run      = ["ruff", "check", "--", "{file}"]
  findings = [1]`;

const COMMANDS: Record<string, Help> = {
  publish: {
    usage: "offhook publish [--type TYPE [--subject TEXT] [--data JSON]] [--durability power|full|process]",
    about:
      "Stores the event on stdin and exits. The hook command of Claude Code; silent. With --type, any program's event.",
    options: [
      "--type TYPE        publish as a program: the event's type, for instance render.finished",
      "--subject TEXT     what it is about, for instance a path",
      "--data JSON        the data; without it, stdin is the data",
      "--durability LEVEL power (default) survives a power cut; full also on macOS; process only a kill",
    ],
    example: [
      "offhook publish < payload.json",
      "offhook publish --type render.finished --subject out.png --data '{\"steps\":20}'",
    ],
    exits: "0 stored, 1 could not be stored (one line on stderr says why), 64 usage",
  },
  consume: {
    usage: "offhook consume [NAME...] [--quiet]",
    about: "The daemon: takes events from the spool and runs every consumer, or only those named, until it is ended.",
    options: ["-q, --quiet   say nothing of single outcomes"],
    example: ["offhook consume", "", "A consumer is a file:", CONSUMER_EXAMPLE],
    exits: "0 ended by a signal, 66 no such consumer, 75 another one holds this home, 77 permission, 78 config",
  },
  demo: {
    usage: "offhook demo",
    about:
      "Recorded payloads of a real session, a daemon and three consumers, in a scratch home. Touches nothing of yours.",
    example: ["offhook demo"],
  },
  ...BENCH,
  status: {
    usage: "offhook status [--json]",
    about:
      "Is everything moving? Daemon, spool, stream, and every consumer's counters since its group began. In a cluster also its nodes and consumers.",
    example: ["offhook status", "offhook status --json"],
    exits: "0 well, 1 a person is needed (the text says for what)",
  },
  doctor: {
    usage: "offhook doctor [--fix] [--json]",
    about:
      "Is the installation well? Settings, hooks, program, home, daemon, consumers, service, and whether events come; each finding says how to mend it.",
    options: ["--fix   mend what is safe: modes, hooks of ours that are out of line, a service that stands still"],
    example: ["offhook doctor", "offhook doctor --fix"],
    exits: "0 well (warnings alone too), 1 errors, 78 there is no place for a home",
  },
  events: {
    usage: "offhook events [--follow] [--cluster] [--since WHEN] [--session ID] [--type GLOB] [--limit N] [--json]",
    about: "The stream. --json gives one CloudEvent a line, with its seq.",
    options: [
      "-f, --follow      go on as events come",
      "--cluster         of all nodes, as Redis has them; seqs are those of its stream",
      "--since WHEN      an age (2h), a time (2026-11-20T10:00:00Z) or a seq (1234)",
      "--session ID      of one session of the agent",
      "--type GLOB       for instance PostToolUse, claude-code.*, **",
      "--limit N         the last N, oldest first",
    ],
    example: [
      "offhook events --since 10m",
      "offhook events --follow --type 'PostToolUse*' --json",
      "offhook events --cluster",
    ],
    exits: "0 well, 64 usage, 69 Redis cannot be reached, 75 it is not ready, 78 config",
  },
  deliveries: {
    usage: "offhook deliveries [--consumer NAME] [--state STATE] [--session ID] [--limit N] [--skipped] [--json]",
    about: "What consumers had to do, and how each attempt ended. States: held ready running backoff ok findings dead.",
    options: [
      "--skipped         events that a consumer wanted but left alone, with the reason",
      "--limit N         the last N (the table shows 30, --json all)",
    ],
    example: ["offhook deliveries --consumer lint --state findings", "offhook deliveries --skipped"],
  },
  show: {
    usage: "offhook show ID [--cluster] [--json]",
    about:
      "An event and what every consumer made of it, or a delivery with each attempt's output. The end of an id, or a seq, is enough.",
    options: ["--cluster   a seq is one of the cluster's stream"],
    example: ["offhook show 42", "offhook show d_4k7m2q9x1pab", "offhook show --cluster 4711"],
    exits: "0 found, 66 no such id",
  },
  try: {
    usage: "offhook try NAME [--event ID | < payload.json] [--run] [--json]",
    about:
      "Why did my consumer (not) run? Which rule matched or not, the key, what would be decided, the exact command. Nothing is stored.",
    options: [
      "--event ID   an event of the stream (seq, id or its end) instead of stdin",
      "--run        also run it, here in the foreground",
    ],
    example: ["offhook try lint < payload.json", "offhook try lint --event 42 --run"],
    exits:
      "0 explained (with --run: ok or findings), 1 --run failed or would not run, 66 no such consumer or event, 78 the file is broken",
  },
  drain: {
    usage: "offhook drain [--timeout AGE] [--json]",
    about:
      "Waits until everything is settled: nothing in the spool, nothing to decide on, nothing pending. For scripts and tests.",
    options: [
      "--timeout AGE   give up after so long (30s, 10m, 2h); default 10m",
      "",
      "A consumer that is paused, broken or left out is not waited for; if it has something left it is named, and the exit is 1.",
    ],
    example: ["offhook drain && offhook status", "offhook drain --timeout 2m --json"],
    exits: "0 settled, 1 the rest cannot move, 69 there is something to do and no daemon, 75 not settled in time",
  },
  "dead-letters": {
    usage: "offhook dead-letters [list|show|retry|purge] [ID...] [--consumer NAME] [--all] [--json]",
    about: "Deliveries that were given up: what became of them, try them again, delete them.",
    options: [
      "list             the last 20 with the reason; --all: all of them (--json always)",
      "show ID          every attempt and what it said",
      "retry ID...      ready again, with all tries; or --consumer NAME, or --all",
      "purge ID...      deleted for good; or --consumer NAME, or --all",
      "",
      "The end of an id is enough: 4 characters or more. Those of the cluster are among them, on whatever node this is asked.",
    ],
    example: [
      "offhook dead-letters",
      "offhook dead-letters retry --consumer lint",
      "offhook dead-letters purge d_4k7m2q9x1pab",
    ],
    exits:
      "0 done, 1 the cluster's are not shown, 66 no such id or consumer, or it is no dead letter, 69 Redis cannot be reached, 75 the daemon or an owner does not answer",
  },
  replay: {
    usage:
      "offhook replay --consumer NAME [--since WHEN] [--seq N|N..M] [--session ID] [--type GLOB] [--event ID] [--all] [--dry-run] [--json]",
    about:
      "Past events through a consumer once more, behind what waits for their keys. Its workers see OFFHOOK_REPLAY=1.",
    options: [
      "--since WHEN     an age (2h), a time (2026-11-20T10:00:00Z) or a seq (1234)",
      "--seq N..M       of these seqs, both included; N.. and ..M too",
      "--session ID     of one session of the agent",
      "--type GLOB      for instance PostToolUse",
      "--event ID       this event (seq, id or its end); may be given more than once",
      "--all            everything that is still in the stream",
      "--dry-run        say what would be replayed, and do nothing",
      "",
      "Several of these together must all hold. Only what the consumer wants is replayed, by its file as it is now.",
      "Of a consumer of the cluster the events, and their seqs, are those that Redis still has: offhook events --cluster.",
    ],
    example: ["offhook replay --consumer lint --since 2h --dry-run", "offhook replay --consumer lint --seq 40..55"],
    exits:
      "0 done, 64 usage, 66 no such consumer or event, 69 Redis cannot be reached, 75 the daemon or an owner does not answer, 78 the consumer does not run",
  },
  pause: {
    usage: "offhook pause NAME",
    about: "A consumer begins nothing more. Its events wait until it is resumed, over restarts too; what runs goes on.",
    example: ["offhook pause lint", "offhook resume lint"],
    exits: "0 paused, 66 no such consumer, 69 Redis cannot be reached, 75 the daemon or an owner does not answer",
  },
  resume: {
    usage: "offhook resume NAME",
    about: "A paused consumer goes on where it was.",
    example: ["offhook resume lint"],
    exits: "0 it goes on, 66 no such consumer, 69 Redis cannot be reached, 75 the daemon or an owner does not answer",
  },
  forget: {
    usage: "offhook forget NAME",
    about: "Deletes all that is known of a consumer whose file is gone: its place, its deliveries, its dead letters.",
    example: ["rm ~/.offhook/consumers/lint.toml", "offhook forget lint"],
    exits:
      "0 forgotten, 66 no such consumer, 69 Redis cannot be reached, 75 something of it still runs, 78 its file is still there",
  },
  prune: {
    usage: "offhook prune [--older-than AGE] [--dry-run] [--json]",
    about: "Lets go of events and deliveries that were settled long ago. What is to do stays, and so do dead letters.",
    options: [
      "--older-than AGE   2h, 3d; default: the age of retention in config.toml (7d)",
      "--dry-run          say how much that would be, and do nothing",
      "",
      "The daemon does this by itself. The ledger's file keeps its size; the room inside it is used again.",
    ],
    example: ["offhook prune --dry-run", "offhook prune --older-than 3d"],
    exits: "0 done, 64 usage, 75 the daemon does not answer, 78 config",
  },
  ...INSTALLATION,
  ...CLUSTER,
};

const GROUPS: readonly { title: string; names: readonly string[] }[] = [
  { title: "install", names: ["setup", "uninstall", "install-service", "uninstall-service", "service"] },
  { title: "run", names: ["publish", "consume", "demo", "bench"] },
  { title: "look", names: ["status", "doctor", "events", "deliveries", "show", "try", "drain"] },
  { title: "change", names: ["dead-letters", "replay", "pause", "resume", "forget", "prune"] },
  { title: "several machines", names: ["cluster"] },
];

/** The help of one command, or of all of them (null). */
export function helpText(name: string | null): string {
  const help = name === null ? undefined : COMMANDS[name];
  if (help === undefined) return overview();
  const parts = [help.about, "", `usage: ${help.usage}`];
  if (help.options) parts.push("", ...help.options.map((line) => (line === "" ? "" : `  ${line}`)));
  parts.push(
    "",
    "example:",
    ...help.example.map((line) => (line === "" || line.startsWith(" ") || line.endsWith(":") ? line : `  ${line}`)),
  );
  parts.push("", `exit: ${help.exits ?? "0 well, 64 usage, 78 config"}`);
  return parts.join("\n");
}

function overview(): string {
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length));
  return [
    "offhook takes the work off the hook: publish stores an event in milliseconds, consume does the rest.",
    "",
    "usage: offhook COMMAND [...]",
    "",
    ...GROUPS.flatMap(({ title, names }) => [
      `${title}:`,
      ...names.map((name) => `  ${name.padEnd(width)}  ${firstSentence(COMMANDS[name]?.about ?? "")}`),
      "",
    ]),
    "  offhook help COMMAND   more, with an example        offhook --version",
    "",
    "example:",
    "  offhook consume &                      # the daemon",
    "  offhook publish < payload.json         # what a hook does",
    "  offhook status",
    "",
    "home: $OFFHOOK_HOME, by default ~/.offhook",
    "exit: 0 well, 1 could not store or a person is needed, 64 usage, 66 no such id or name,",
    "      69 no daemon or no Redis where one is needed, 75 held by another or not in time,",
    "      77 permission, 78 config; never 2",
  ].join("\n");
}

function firstSentence(text: string): string {
  return text
    .replace(/[.:] .*$/s, "")
    .replace(/(?<=\?) .*$/s, "")
    .replace(/\.$/, "");
}
