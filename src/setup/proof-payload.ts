// Which payload proves that an installation works. Pure.
//
// It should reach a consumer, and hurt nobody: of the payloads that Claude Code could send now, the first one is taken that a
// consumer of ours which only looks (a linter, a log) takes and that no other takes. Where there is none, one that nobody takes
// still proves the way up to the stream.
import { basename } from "node:path";
import { coversTool } from "../claude/matcher.ts";
import type { Consumer } from "../config/schema.ts";
import { type Event, makeEvent } from "../event/event.ts";
import { compileMatch } from "../match/match.ts";
import type { RealPath } from "../match/rule.ts";

/** A hook as it is registered. */
export type Hook = { event: string; matcher: string | null };

export type ProofContext = {
  /** All that are enabled. */
  consumers: readonly Consumer[];
  /** Whether an event does nothing with it that anybody would mind. */
  onlyLooks(consumer: Consumer): boolean;
  /** Whether it begins what it takes: one that is paused does not. */
  isRunning(consumer: Consumer): boolean;
  hooks: readonly Hook[];
  /** A directory of ours, which stands for a project. */
  scratch: string;
  /** The project that was set up, and files in it (absolute), for consumers that run nowhere else. */
  project: string | null;
  projectFiles: readonly string[];
  session: string;
  nowMs: number;
  realPath: RealPath;
};

/** `consumer` null: nobody takes it. `file`: what must be there for it, and goes afterwards. */
export type Proof = {
  event: string;
  payload: Record<string, unknown>;
  consumer: Consumer | null;
  file: { path: string; text: string } | null;
};

/** A file of each kind that is well, so that a linter finds nothing. */
const FILES: Readonly<Record<string, string>> = {
  "offhook_proof.py": "x = 1\n",
  "offhook-proof.ts": "export const proof = 1;\n",
  "offhook-proof.js": "export const proof = 1;\n",
  "offhook-proof.tsx": "export const proof = 1;\n",
  "offhook-proof.sh": "#!/bin/sh\ntrue\n",
  "offhook_proof.go": "package proof\n",
  "offhook_proof.rs": "pub const PROOF: u8 = 1;\n",
  "offhook-proof.json": "{}\n",
  "offhook-proof.css": "a {\n  color: red;\n}\n",
  "offhook-proof.md": "# Proof\n",
};

/** Longer than this nobody waits for a consumer that waits for quiet. */
const LONGEST_WAIT_MS = 10_000;

/** The events that are tried, the commonest first; each is harmless when nobody is there to take it. */
const EVENTS = ["PostToolUse", "PreToolUse", "SessionStart", "UserPromptSubmit", "Notification", "Stop", "SessionEnd"];

/** The payload to send; null where every one would reach a consumer that does more than look. */
export function proofOf(context: ProofContext): Proof | null {
  const tests = context.consumers.map((consumer) => ({ consumer, takes: compileMatch(consumer, context.realPath) }));
  let unwanted: Proof | null = null;
  for (const { event, payload, file, made } of candidates(context)) {
    const taking = tests.filter(({ takes }) => takes(made)).map(({ consumer }) => consumer);
    if (!taking.every(context.onlyLooks)) continue;
    const soon = taking
      .filter(context.isRunning)
      .filter((consumer) => (consumer.debounce?.quietMs ?? 0) <= LONGEST_WAIT_MS);
    const [consumer] = soon.sort((a, b) => (a.debounce?.quietMs ?? 0) - (b.debounce?.quietMs ?? 0));
    if (consumer !== undefined && context.hooks.some((hook) => isSentBy(hook, event, payload)))
      return { event, payload, consumer, file };
    if (taking.length === 0) unwanted ??= { event, payload, consumer: null, file };
  }
  return unwanted;
}

type Candidate = Omit<Proof, "consumer"> & { made: Event };

function* candidates(context: ProofContext): Generator<Candidate> {
  const { scratch, project, projectFiles } = context;
  for (const event of EVENTS) {
    const isTool = event.endsWith("ToolUse");
    const common = { session_id: context.session, transcript_path: "", cwd: scratch, hook_event_name: event };
    if (!isTool) {
      yield candidate(context, event, { ...common, ...fieldsOf(event) }, scratch, null);
      continue;
    }
    for (const [name, text] of Object.entries(FILES)) {
      const file = { path: `${scratch}/${name}`, text };
      yield candidate(context, event, { ...common, ...wrote(context, event, file.path, text) }, scratch, file);
    }
    if (project === null) continue;
    for (const path of projectFiles) {
      const payload = { ...common, cwd: project, ...wrote(context, event, path, "") };
      yield candidate(context, event, payload, project, null);
    }
  }
}

function candidate(
  context: ProofContext,
  event: string,
  payload: Record<string, unknown>,
  project: string,
  file: Candidate["file"],
): Candidate {
  const body = new TextEncoder().encode(JSON.stringify(payload));
  const time = new Date(context.nowMs).toISOString();
  const header = { v: 1 as const, id: context.session, time, pid: 0, args: [], env: {}, size: body.length, flags: [] };
  return { event, payload, file, made: makeEvent(header, body, { node: "proof", projectOf: () => project }) };
}

/** The fields of a payload as Claude Code 2.1.329 sends them. */
function fieldsOf(event: string): Record<string, unknown> {
  switch (event) {
    case "SessionStart":
      return { source: "startup" };
    case "UserPromptSubmit":
      return { permission_mode: "default", prompt: "offhook setup: is anybody there?" };
    case "Notification":
      return { message: "offhook setup: it works", notification_type: "agent_completed" };
    case "Stop":
      return { permission_mode: "default", stop_hook_active: false, last_assistant_message: "offhook setup" };
    case "SessionEnd":
      return { reason: "other" };
    default:
      return {};
  }
}

function wrote({ session }: ProofContext, event: string, path: string, text: string): Record<string, unknown> {
  const input = { file_path: path, content: text };
  const response = { type: "create", filePath: path, content: text, structuredPatch: [], originalFile: null };
  return {
    permission_mode: "default",
    tool_name: "Write",
    tool_input: input,
    ...(event === "PostToolUse" ? { tool_response: response, duration_ms: 1 } : {}),
    tool_use_id: `toolu_${session}`,
  };
}

/** Whether Claude Code would run this hook for the payload. */
function isSentBy(hook: Hook, event: string, payload: Record<string, unknown>): boolean {
  return hook.event === event && (!("tool_name" in payload) || coversTool(hook.matcher, String(payload.tool_name)));
}

/** Files that stand for a project's kinds: one of each ending, so that the list stays short. */
export function oneOfEachKind(paths: readonly string[]): string[] {
  const byEnding = new Map<string, string>();
  for (const path of paths) {
    const name = basename(path);
    const ending = name.slice(name.lastIndexOf("."));
    if (!byEnding.has(ending)) byEnding.set(ending, path);
  }
  return [...byEnding.values()];
}
