// The hooks of others in a user's settings: which of them Claude Code waits for at a Write, and what of the rest is there. Only looks.
// Not looked at: hooks of plugins, of the organisation, of skills and agents.
//
// As Claude Code 2.1.329 does: lists of all settings files add up; the same command with the same args and the same `if` runs once.
import { statSync } from "node:fs";
import { ownLine } from "./command.ts";
import { coversTool } from "./matcher.ts";
import { type Scope, settingsPath } from "./places.ts";
import { readSettings } from "./settings-file.ts";
import { elementsOf, keyOf, membersOf, plainValue, type SettingsTree, valueAt } from "./settings-text.ts";
import { type SwitchPlaces, switchedOff } from "./switches.ts";

/** A command hook before or after a Write. `args`: no shell. `condition`: its `if`. `isAsync`: the agent goes on at once. */
export type UserHook = {
  event: string;
  matcher: string | null;
  command: string;
  args: string[] | null;
  timeoutS: number | null;
  condition: string | null;
  isAsync: boolean;
  /** Which settings file; those but the user's lie in the project, and may have come with it. */
  source: Scope;
};

/** A hook that is not among those of a Write, and why, as the end of a sentence. */
export type LeftHook = { event: string; what: string; source: Scope; why: string };

/** `own`: how many are offhook's. `notes`: what keeps hooks from being seen or from running, a sentence each. */
export type UserHooks = { hooks: UserHook[]; left: LeftHook[]; own: number; notes: string[] };

const OF_A_WRITE = ["PreToolUse", "PostToolUse"];
const STOPS_ALL = ["disableAllHooks", "allowManagedHooksOnly", "strictPluginOnlyCustomization"];
/** The user's first: what stands in both is the user's own. */
const ORDER: readonly Scope[] = ["user", "local", "project"];

/** The hooks of others for somebody who works in `project` (its top, absolute; null: in none). */
export function userHooks(places: SwitchPlaces): UserHooks {
  const found: UserHooks = { hooks: [], left: [], own: 0, notes: [] };
  const seen: string[] = [];
  for (const scope of ORDER) {
    if (scope !== "user" && places.project === null) continue;
    const path = settingsPath(scope, places);
    // A project that is the home directory has the user's file for its own.
    const file = statSync(path, { throwIfNoEntry: false });
    if (file !== undefined && seen.includes(`${file.dev}:${file.ino}`)) continue;
    if (file !== undefined) seen.push(`${file.dev}:${file.ino}`);
    const read = readSettings(path);
    switch (read.kind) {
      case "ok":
        lookAt(read.tree, scope, found);
        break;
      case "absent":
        break;
      case "unreadable":
        found.notes.push(`${path}:${read.line}:${read.column}: ${read.message}; its hooks are not seen`);
        break;
      case "refused":
        found.notes.push(`${read.message}; its hooks are not seen`);
        break;
      default:
        read satisfies never;
    }
  }
  for (const { key, file, means } of switchedOff(places).filter((one) => STOPS_ALL.includes(one.key))) {
    found.notes.push(`${key} is set in ${file}: ${means}`);
    for (const { event, command, args, source } of found.hooks.splice(0))
      found.left.push({ event, what: [command, ...(args ?? [])].join(" "), source, why: `${key} is set` });
  }
  return found;
}

function lookAt({ body, root }: SettingsTree, source: Scope, found: UserHooks): void {
  for (const property of membersOf(valueAt(root, "hooks"))) {
    const event = keyOf(property);
    for (const group of elementsOf(property.children?.[1] ?? null)) {
      const at = valueAt(group, "matcher");
      const matcher: unknown = at === null ? null : plainValue(body, at);
      for (const node of elementsOf(valueAt(group, "hooks"))) {
        const entry = plainValue(body, node);
        if (ownLine(entry) !== null) found.own += 1;
        else addEntry(entry, { event, matcher, source }, found);
      }
    }
  }
}

type Standing = { event: string; matcher: unknown; source: Scope };

function addEntry(entry: unknown, { event, matcher, source }: Standing, found: UserHooks): void {
  const { type, command, args, timeout, shell, if: condition, async, asyncRewake } = fieldsOf(entry);
  const words = Array.isArray(args) && args.every((arg) => typeof arg === "string") ? args : null;
  const kind = typeof type === "string" ? `of type ${type}` : "without a type";
  const what = typeof command === "string" ? [command, ...(words ?? [])].join(" ") : `a hook ${kind}`;
  const leave = (why: string) => found.left.push({ event, what, source, why });
  if (typeof type !== "string") return void leave("it has no type, so Claude Code does not run it");
  if (type !== "command") return void leave(`it is no command but of type ${type}`);
  if (typeof command !== "string" || command.trim() === "") return void leave("it has no command");
  if (args !== undefined && words === null) return void leave("its args are no list of texts");
  if (matcher !== null && typeof matcher !== "string") return void leave("its matcher is no text");
  if (!OF_A_WRITE.includes(event)) return void leave(`${event} is not about a Write`);
  if (!coversTool(matcher, "Write")) return void leave(`its matcher ${JSON.stringify(matcher)} does not fit a Write`);
  if (shell === "powershell") return void leave("it is a line for PowerShell");
  const hook: UserHook = {
    event,
    matcher,
    command,
    args: words,
    timeoutS: typeof timeout === "number" && timeout > 0 ? timeout : null,
    condition: typeof condition === "string" ? condition : null,
    isAsync: async === true || asyncRewake === true,
    source,
  };
  if (!found.hooks.some((other) => keyOfHook(other) === keyOfHook(hook))) found.hooks.push(hook);
}

function fieldsOf(entry: unknown): Record<string, unknown> {
  return typeof entry === "object" && entry !== null ? (entry as Record<string, unknown>) : {};
}

function keyOfHook({ event, command, args, condition }: UserHook): string {
  return JSON.stringify([event, command, args, condition]);
}
