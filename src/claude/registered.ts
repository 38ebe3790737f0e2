// What of ours stands in a settings file, and how much of others. Only looks.
import { HOOK_EVENTS } from "./hook-events.ts";
import { foreignEntries, matcherOf, ownEntries } from "./own-entries.ts";
import { readSettings } from "./settings-file.ts";
import { plainValue, type SettingsTree } from "./settings-text.ts";

/** One hook of ours. `timeout` in seconds as it stands there; `binary` null: whichever is found on PATH. */
export type RegisteredHook = {
  event: string;
  matcher: string | null;
  command: string;
  args: string[] | null;
  timeout: number | null;
  binary: string | null;
};

/** `foreign`: entries of others, by event. `why`: the reason of what cannot be read, a sentence with its place. */
export type Registered = {
  state: "ok" | "absent" | "unreadable" | "refused";
  why: string | null;
  hooks: RegisteredHook[];
  foreign: Record<string, number>;
};

/** What stands in the settings file at a path; nothing of ours where it cannot be read. */
export function registeredHooks(path: string): Registered {
  const read = readSettings(path);
  switch (read.kind) {
    case "ok":
      return { state: "ok", why: null, ...registeredIn(read.tree) };
    case "absent":
      return { state: "absent", why: null, hooks: [], foreign: {} };
    case "unreadable":
      return {
        state: "unreadable",
        why: `${path}:${read.line}:${read.column}: ${read.message}`,
        hooks: [],
        foreign: {},
      };
    case "refused":
      return { state: "refused", why: read.message, hooks: [], foreign: {} };
    default:
      return read satisfies never;
  }
}

/** The same for a text that was read. */
export function registeredIn(tree: SettingsTree): Pick<Registered, "hooks" | "foreign"> {
  const hooks = ownEntries(tree).map(({ event, group, node, line }) => ({
    event,
    matcher: matcherOf(group),
    ...fieldsOf(plainValue(tree.body, node)),
    binary: line.binary,
  }));
  return { hooks, foreign: foreignEntries(tree) };
}

function fieldsOf(value: unknown): Pick<RegisteredHook, "command" | "args" | "timeout"> {
  const { command, args, timeout } = value as { command: string; args?: string[]; timeout?: unknown };
  return { command, args: args ?? null, timeout: typeof timeout === "number" ? timeout : null };
}

/** What is wrong with a hook of ours that stands somewhere: null when it is as it would be written. */
export function troubleOf(hook: RegisteredHook): string | null {
  if (!HOOK_EVENTS.some(({ name }) => name === hook.event)) return `Claude Code has no event ${hook.event}`;
  if (hook.timeout === null) return "it has no timeout, so Claude Code would wait for 10 minutes";
  return hook.timeout > 60 ? `timeout ${hook.timeout} is in seconds, not in milliseconds` : null;
}
