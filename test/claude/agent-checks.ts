// What speaks against a run of Claude Code: did it do its work, did every hook fire, did any hook make itself heard.
// Each function returns the list of problems, empty when all is well.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Message } from "../../src/rehearsal/claude-api.ts";
import type { Played } from "./claude.ts";
import type { Recording } from "./recordings.ts";
import { type Script, WRITTEN } from "./script.ts";

/** The CLI ended well, and asked for every turn of the script once. */
export function playedToTheEnd({ finished, requests }: Played, script: Script): string[] {
  const problems: string[] = [];
  if (finished.exitCode !== 0) {
    const how = finished.timedOut ? "timed out" : `exit ${finished.exitCode ?? finished.signal}`;
    problems.push(`claude ${how}: ${finished.stderr}${finished.stdout.slice(-300)}`);
  }
  const asked = requests.map((request) => `${request.conversation} ${request.turn}`);
  const turns = [
    ...script.main.map((_, turn) => `main ${turn}`),
    ...script.agents.flatMap((agent) => agent.turns.map((_, turn) => `${agent.prompt} ${turn}`)),
  ];
  for (const turn of turns) {
    const times = asked.filter((each) => each === turn).length;
    if (times !== 1) problems.push(`turn "${turn}" was asked for ${times} times`);
  }
  return problems;
}

/** The tools really ran: the files are there as the script said, and no name was taken for code. */
export function filesWritten({ scratch }: Played): string[] {
  const contentOf = (name: string) => {
    const path = join(scratch.project, name);
    return existsSync(path) ? readFileSync(path, "utf8") : null;
  };
  const problems = Object.entries(WRITTEN)
    .filter(([name, content]) => contentOf(name) !== content)
    .map(([name]) => `${name}: ${contentOf(name)}`);
  if (contentOf("calc.py")?.includes("# sum") !== true) problems.push("calc.py was not edited");
  if (contentOf("notes.ipynb")?.includes("x = 2") !== true) problems.push("notes.ipynb was not edited");
  if (contentOf("x") !== null) problems.push("the name with $(touch x) was run");
  return problems;
}

/** Everything that the script does fired its hook, as often as it was done. */
export function hooksFired(recordings: readonly Recording[], subagent: "foreground" | "background"): string[] {
  const seen = new Map<string, number>();
  for (const { payload } of recordings) {
    const name = [payload.hook_event_name, payload.tool_name].filter((part) => part !== undefined).join(" ");
    seen.set(name, (seen.get(name) ?? 0) + 1);
  }
  const expected: Record<string, number> = {
    SessionStart: 1,
    UserPromptSubmit: 1,
    Stop: 1,
    "PreToolUse Read": 2,
    "PostToolUse Read": 2,
    "PreToolUse Write": 6,
    "PostToolUse Write": 6,
    "PreToolUse Edit": 1,
    "PostToolUse Edit": 1,
    "PreToolUse NotebookEdit": 1,
    "PostToolUse NotebookEdit": 1,
    "PreToolUse Bash": 1,
    "PostToolUseFailure Bash": 1,
    "PreToolUse Agent": 1,
    "PostToolUse Agent": 1,
    SubagentStart: 1,
    SubagentStop: 1,
    SessionEnd: 1,
  };
  // The end of a background subagent comes back as a prompt of its own, if the main conversation has stopped by then.
  const mayComeTwice = subagent === "background" ? ["UserPromptSubmit", "Stop"] : [];
  return Object.entries(expected)
    .filter(([name, count]) => seen.get(name) !== count && !(mayComeTwice.includes(name) && seen.get(name) === 2))
    .map(([name, count]) => `${name}: recorded ${seen.get(name) ?? 0} times, not ${count}`);
}

/**
 * No hook was heard: each firing is reported with exit 0 and nothing on stdout or stderr. Claude Code 2.1.329 has
 * closed its report when SessionEnd fires, and prints a failure of that on its own stderr.
 */
export function hooksSilent(
  { lines, finished }: Played,
  recordings: readonly Recording[],
  hooksPerEvent: number,
): string[] {
  const responses = lines.filter((line) => line.type === "system" && line.subtype === "hook_response");
  const problems = responses
    .filter((line) => line.exit_code !== 0 || line.stdout !== "" || line.stderr !== "" || line.outcome !== "success")
    .map((line) => JSON.stringify(line));
  const reported = recordings.filter((recording) => recording.payload.hook_event_name !== "SessionEnd").length;
  if (responses.length !== reported * hooksPerEvent) {
    problems.push(`${responses.length} firings reported for ${reported} recorded, with ${hooksPerEvent} hooks each`);
  }
  const notices = lines.filter((line) => line.type === "system" && line.subtype === "notification");
  problems.push(...notices.map((line) => JSON.stringify(line)));
  if (finished.stderr.trim() !== "") problems.push(`on the CLI's stderr: ${finished.stderr}`);
  return problems;
}

/**
 * What the model was shown with hooks is what it is shown without them, but for ids, times and the place of the
 * scratch.
 */
export function modelSawTheSame(played: Played, plain: Played): string[] {
  const expected = shown(plain);
  const actual = shown(played);
  const problems = actual.filter((message) => !expected.includes(message)).map((message) => `with hooks: ${message}`);
  problems.push(...expected.filter((message) => !actual.includes(message)).map((message) => `without: ${message}`));
  if (problems.length === 0 && actual.join() !== expected.join()) problems.push("the same messages in another order");
  return problems;
}

/** All messages of each conversation, from its last request, made comparable. */
function shown({ scratch, requests, lines }: Played): string[] {
  const sessionId = String(lines.find((line) => typeof line.session_id === "string")?.session_id);
  const last = new Map(requests.map((request) => [request.conversation, request]));
  return [...last.values()].flatMap((request) =>
    request.messages.map((message) =>
      JSON.stringify(inOrder(message))
        .replaceAll(scratch.root, "SCRATCH")
        .replaceAll(scratch.root.replace(/[^A-Za-z0-9]/g, "-"), "SCRATCH")
        .replaceAll(sessionId, "SESSION")
        .replace(/\ba[0-9a-f]{16}\b/g, "AGENT")
        .replace(/<duration_ms>\d+/g, "<duration_ms>")
        .replace(/duration_ms: \d+/g, "duration_ms")
        .replace(/\d{4}-\d\d-\d\d/g, "DATE"),
    ),
  );
}

/** Results of tools that ran at the same time come in the order in which they ended: here, in the order of their ids. */
function inOrder({ role, content }: Message): Message {
  if (role !== "user" || !Array.isArray(content)) return { role, content };
  const id = (block: { tool_use_id?: string }) => block.tool_use_id ?? "";
  return { role, content: content.toSorted((a, b) => id(a).localeCompare(id(b))) };
}
