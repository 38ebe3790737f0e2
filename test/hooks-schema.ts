// The shape of hooks as Claude Code 2.1.329 validates it, strictly: what is malformed there costs the user permissions. Keys beyond
// these are refused, though the program lets them pass: the public schema of settings does not.
import * as v from "valibot";
import { HOOK_EVENTS } from "../src/claude/hook-events.ts";

const seconds = v.pipe(v.number(), v.gtValue(0));
const common = {
  if: v.optional(v.string()),
  timeout: v.optional(seconds),
  statusMessage: v.optional(v.string()),
  once: v.optional(v.boolean()),
};

const entry = v.variant("type", [
  v.strictObject({
    ...common,
    type: v.literal("command"),
    command: v.pipe(v.string(), v.nonEmpty()),
    args: v.optional(v.array(v.string())),
    shell: v.optional(v.picklist(["bash", "powershell"])),
    async: v.optional(v.boolean()),
    asyncRewake: v.optional(v.boolean()),
    onFailure: v.optional(v.picklist(["continue", "block"])),
  }),
  v.strictObject({
    ...common,
    type: v.literal("http"),
    url: v.pipe(v.string(), v.url()),
    headers: v.optional(v.record(v.string(), v.string())),
    allowedEnvVars: v.optional(v.array(v.string())),
  }),
  v.strictObject({
    ...common,
    type: v.literal("mcp_tool"),
    server: v.string(),
    tool: v.string(),
    input: v.optional(v.record(v.string(), v.unknown())),
  }),
  v.strictObject({
    ...common,
    type: v.picklist(["prompt", "agent"]),
    prompt: v.string(),
    model: v.optional(v.string()),
  }),
]);

const group = v.strictObject({ matcher: v.optional(v.string()), hooks: v.array(entry) });

/** `hooks` of a settings file, every event known and every entry well-formed. */
export const hooksSchema = v.strictObject(
  Object.fromEntries(HOOK_EVENTS.map(({ name }) => [name, v.optional(v.array(group))])),
);

/** One entry, as we write it: in seconds, in the foreground, blocking nothing. */
export const ownEntrySchema = v.strictObject({
  type: v.literal("command"),
  command: v.pipe(v.string(), v.nonEmpty()),
  args: v.optional(v.array(v.string())),
  timeout: v.pipe(seconds, v.maxValue(5)),
});
