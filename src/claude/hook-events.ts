// The events of Claude Code that a hook can be registered for. Only facts; source: Claude Code 2.1.329 and its change log.

/**
 * `since`: the version that brought it, where that is known to be after 2.1.101; older ones drop a whole settings file for a name
 * that they do not know: `isOld` events were there before all that this program can meet, of the others that is not known. `hasTool`: its matcher is a tool's name. `only`: "named": for consumers that name it exactly, it comes
 * too often, costs too much or needs names of files; "never": a hook that only looks on breaks what it is about.
 */
export type HookEvent = {
  name: string;
  since: string | null;
  isOld: boolean;
  hasTool: boolean;
  only: "named" | "never" | null;
};

const WITH_TOOL = ["PreToolUse", "PostToolUse", "PostToolUseFailure", "PermissionRequest", "PermissionDenied"];
/** Since this version a name that is not known costs only itself. */
export const FORGIVING_SINCE = "2.1.101";

/** In every version of 2.0. */
const OLD = [
  ...["PreToolUse", "PostToolUse", "Notification", "UserPromptSubmit", "SessionStart", "SessionEnd"],
  ...["Stop", "SubagentStop", "PreCompact"],
];
const ONLY_NAMED = ["PostToolBatch", "PreModelSwitch", "FileChanged", "MessageDisplay"];
const NEVER = ["WorktreeCreate"];

const SINCE: Readonly<Record<string, string>> = {
  PreModelSwitch: "2.1.251",
  PostModelSwitch: "2.1.251",
  DirectoryAdded: "2.1.219",
  MessageDisplay: "2.1.152",
};

const NAMES = [
  ...["PreToolUse", "PostToolUse", "PostToolUseFailure", "PostToolBatch", "PermissionRequest", "PermissionDenied"],
  ...["UserPromptSubmit", "UserPromptExpansion", "Notification", "MessageDisplay", "Elicitation", "ElicitationResult"],
  ...["SessionStart", "SessionEnd", "Stop", "StopFailure", "SubagentStart", "SubagentStop", "TeammateIdle"],
  ...["TaskCreated", "TaskCompleted", "PreCompact", "PostCompact", "PreModelSwitch", "PostModelSwitch"],
  ...["Setup", "ConfigChange", "InstructionsLoaded", "CwdChanged", "FileChanged", "DirectoryAdded"],
  ...["WorktreeCreate", "WorktreeRemove"],
];

/** Every event of Claude Code 2.1.329, in the order in which they are written. */
export const HOOK_EVENTS: readonly HookEvent[] = NAMES.map((name) => ({
  name,
  since: SINCE[name] ?? null,
  isOld: OLD.includes(name),
  hasTool: WITH_TOOL.includes(name),
  only: NEVER.includes(name) ? "never" : ONLY_NAMED.includes(name) ? "named" : null,
}));

/** How long Claude Code waits for our hook, in seconds: all hooks of SessionEnd share 1.5 s by default. */
export function timeoutOf(event: string): number {
  return event === "SessionEnd" ? 2 : 5;
}
