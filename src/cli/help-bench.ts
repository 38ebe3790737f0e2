// The words of `--help` for the benchmark.
import type { Help } from "./help-installation.ts";

export const BENCH: Record<string, Help> = {
  bench: {
    usage:
      "offhook bench [PART...] [--against COMMAND]... [--mine] [--minutes N] [--claude PATH] [--quick] [--out FILE] [--json]\n       offhook bench --compare A.json B.json [--json]",
    about:
      "What the agent waits for, measured on this machine, in a scratch home. Your settings, your home and your project are not touched. Without a PART: hook, delivery and drain, in a minute.",
    options: [
      "hook      what one hook costs the agent: publish, beside a control, a python publisher, and lint and an alert done in the hook",
      "load      1, 4, 16 and 64 at once, 1 KB to 5 MB: times, events/s, and every event looked for by its id (80 s)",
      "delivery  from the start of publish to the start of a worker, and to its outcome; beside a program that looks for events every 500 ms",
      "drain     a backlog of 1,000, 10,000 and, called by name, 100,000: events/s, memory, processor time",
      "soak      --minutes N (default 5) at a steady rate: rate, memory, open files, lag over time. Ctrl-C ends it early",
      "claude    Claude Code itself, offline, with no hooks, with publish, with hooks that wait: the gap at each tool call",
      "",
      "--against COMMAND  in hook: a command of yours, run by sh -c with an event on its stdin; may be given several times",
      "--mine             in hook and claude: the hooks of your settings, in a copy of the project. Shown first, and asked",
      "--project DIR      another project than the one here",
      "--project-hooks    with --mine: those in the project too (.claude/settings.json, settings.local.json), which may have come with it",
      "-y, --yes          do not ask before running the hooks of --mine; those of --project-hooks need that option as well",
      "--claude PATH      the Claude Code to drive; it gets a scratch HOME and no network but this machine's",
      "--quick            fewer runs: quicker, and rougher figures",
      "--out FILE         one page of HTML with plots, which needs no network",
      "--json             one object; with --compare, the comparison. docs/json.md has the keys",
    ],
    example: [
      "offhook bench",
      "offhook bench hook --against 'python3 ~/.claude/hooks/lint.py'",
      "offhook bench --mine --out bench.html",
      "offhook bench --json > here.json; offhook bench --compare there.json here.json",
    ],
    exits:
      "0 measured, 1 a measurement failed or an event was not found again, 64 usage, 66 no such file, 69 not the compiled program, 77 permission, 78 a file that is no report, 130 cancelled",
  },
};
