// The words of `--help` for the commands that install and take away.
export type Help = { usage: string; about: string; options?: string[]; example: string[]; exits?: string };

export const INSTALLATION: Record<string, Help> = {
  setup: {
    usage:
      "offhook setup [--yes] [--scope user|project|local] [--consumers LIST] [--service none|user|system] [--project DIR] [--dry-run] [--json]",
    about:
      "Hooks in Claude Code's settings, consumers, the service. Asks on a terminal, shows what would be written, and writes after a yes.",
    options: [
      "-y, --yes          do not ask; what no flag says is what Enter would choose, but nothing that runs the project's code",
      "--scope SCOPE      whose settings: user (all projects), local (this project, for me), project (committed)",
      "--consumers LIST   kinds (lint, test, format, log: what is found here) or single ones: ruff,pytest,slack; none",
      "                   an alert's address is taken from the environment (SLACK_URL=...) or from secrets.env",
      "--service KIND     none, user (yours), system (the machine's, as root)",
      "--project DIR      another project than the one here",
      "--sync             only bring the hooks in line with the consumer files, in all settings that setup has written to",
      "--cluster [URL]    only [cluster] of config.toml: the Redis that several machines share events through, and what is unsafe about it",
      "                   the password is taken from secrets.env or from the environment (REDIS_PASSWORD=...)",
      "--cluster-ca FILE  with rediss://, the certificate of the authority where it is no public one",
      "--dry-run          show what would be written and run, and do nothing",
    ],
    example: [
      "offhook setup",
      "offhook setup --dry-run",
      "offhook setup --yes --scope user --consumers lint,test --service user",
      "offhook setup --sync --yes",
      "offhook setup --cluster rediss://offhook@redis.example:6379 --yes",
    ],
    exits:
      "0 done or nothing to do, 1 written but the proof failed (of --cluster: Redis was not reached), 64 usage, 69 no service manager, 75 held by another, 77 permission, 78 settings that cannot be read, or a Redis that refuses, 130 cancelled: nothing changed",
  },
  uninstall: {
    usage: "offhook uninstall [--yes] [--purge] [--dry-run] [--json]",
    about: "Takes the hooks out of every settings file, then the service and the binary away. The home stays.",
    options: [
      "-y, --yes    do not ask",
      "--purge      the home too: events, consumer files, secrets",
      "--dry-run    show what would go, and do nothing",
    ],
    example: ["offhook uninstall --dry-run", "offhook uninstall", "offhook uninstall --yes --purge"],
    exits:
      "0 done, 64 usage, 75 a daemon runs in the home that is to go, 77 permission, 78 settings that cannot be read, 130 cancelled",
  },
  "install-service": {
    usage: "offhook install-service [--system] [--linger] [--path PATH] [--dry-run] [--json]",
    about:
      "Lets the machine's service manager (systemd, launchd) run the daemon. Again: writes what differs, and makes sure that it runs.",
    options: [
      "--system      the machine's service, as root: from boot on, running as who called sudo. Default: yours",
      "--linger      systemd: run yours from boot on too, without a session",
      '--path PATH   the PATH for workers; default: the one here. sudo has its own: --path "$PATH"',
      "--dry-run     show what would be written and run, and do nothing",
    ],
    example: ["offhook install-service --dry-run", "offhook install-service", "sudo offhook install-service --system"],
    exits:
      "0 it runs, 1 it does not start (its last lines are shown), 64 usage, 69 no service manager, 75 another daemon holds the home, 77 permission, 78 not our file",
  },
  "uninstall-service": {
    usage: "offhook uninstall-service [--system] [--dry-run] [--json]",
    about: "Ends the service and takes its file away. Events, consumers and the home stay.",
    example: ["offhook uninstall-service --dry-run", "offhook uninstall-service"],
    exits: "0 it is gone, or there was none, 1 it could not be ended, 77 permission",
  },
  service: {
    usage: "offhook service status|restart|logs [--system] [--lines N] [--json]",
    about: "Does the service run, since when, what did it say; end it gently and start it.",
    options: ["--lines N   of logs: the last N, default 50", "--system    the machine's, where both are installed"],
    example: ["offhook service status", "offhook service logs --lines 200", "offhook service restart"],
    exits: "0 well, 1 it does not run, 64 usage, 66 none is installed, 77 permission",
  },
};
