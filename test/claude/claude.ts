// One run of the real Claude Code as the benchmark runs it (src/rehearsal/claude-run.ts), in a project with hooks, with every hook that
// fires reported. It never sees the user's own settings.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openApi, type SeenRequest } from "../../src/rehearsal/claude-api.ts";
import { claudeArgv, claudeEnv } from "../../src/rehearsal/claude-run.ts";
import { type Finished, run } from "./children.ts";
import { plainEnv, type Scratch } from "./scratch.ts";
import { playerOf, type Script } from "./script.ts";

/** One hook of settings.json in exec form: the executable, and its arguments without any shell. */
export type Hook = { command: string; args: string[] };

/** The hooks of one run by event. */
export type Hooks = Record<string, Hook[]>;

/** What the CLI printed, and what the model was shown. */
export type Played = {
  scratch: Scratch;
  finished: Finished;
  requests: SeenRequest[];
  lines: Record<string, unknown>[];
};

/**
 * The hook events of Claude Code 2.1.329 but those that are never met here, and WorktreeCreate, which a hook takes
 * over.
 */
const EVENTS = [
  "SessionStart",
  "InstructionsLoaded",
  "UserPromptSubmit",
  "PreToolUse",
  "PermissionRequest",
  "PermissionDenied",
  "PostToolUse",
  "PostToolUseFailure",
  "PostToolBatch",
  "Notification",
  "SubagentStart",
  "SubagentStop",
  "TaskCreated",
  "TaskCompleted",
  "Stop",
  "StopFailure",
  "PreCompact",
  "PostCompact",
  "CwdChanged",
  "ConfigChange",
  "SessionEnd",
];

const RUN_TIMEOUT_MS = 60_000;

/** Puts the same hooks on every event. */
export function onEveryEvent(hooks: Hook[]): Hooks {
  return Object.fromEntries(EVENTS.map((event) => [event, hooks]));
}

/**
 * Writes the project's settings and plays the script to its end. `settingsEnv` is the "env" of settings.json: Claude
 * Code gives it to its hooks, while the CLI itself has started without it.
 */
export async function play(
  claude: string,
  scratch: Scratch,
  script: Script,
  hooks: Hooks,
  settingsEnv: Record<string, string> = {},
): Promise<Played> {
  const settings = {
    env: settingsEnv,
    hooks: Object.fromEntries(
      Object.entries(hooks).map(([event, list]) => [
        event,
        [{ hooks: list.map((hook) => ({ type: "command", ...hook, timeout: 10 })) }],
      ]),
    ),
  };
  mkdirSync(join(scratch.project, ".claude"), { recursive: true });
  writeFileSync(join(scratch.project, ".claude", "settings.json"), JSON.stringify(settings, null, 2));

  const api = openApi(playerOf(script));
  try {
    const tools = ["Read", "Write", "Edit", "NotebookEdit", "Bash", "Agent"];
    const argv = [...claudeArgv(claude, tools), "--include-hook-events"];
    const env = { ...plainEnv(scratch), ...claudeEnv(scratch, api.url) };
    const finished = await run(argv, { cwd: scratch.project, env, timeoutMs: RUN_TIMEOUT_MS });
    const lines = finished.stdout.split("\n").filter((line) => line !== "");
    return { scratch, finished, requests: api.requests, lines: lines.map((line) => JSON.parse(line)) };
  } finally {
    await api.close();
  }
}
