// Which firings are the same one: a hook registered twice (settings and plugin) sends the same payload from two processes.
// Claude Code 2.1.329 gives events no id, so the natural key stands in. Imports types only.
import type { Event } from "./event.ts";

/** What identifies a firing, and how far apart two of the same key may lie to still be one. */
export type Firing = { key: string; windowMs: number };

/**
 * With a tool_use_id: session, agent, hook and id, within a minute (a deferred call repeats its PreToolUse later, rightly).
 * Without one: the same bytes within 2 s. Null for events that no hook sent: a program may publish the same thing twice.
 */
export function firingOf(event: Event): Firing | null {
  if (!event.source.endsWith("/claude-code")) return null;
  const scope = `${event.sessionId ?? ""}|${event.agentId ?? ""}|${event.type}`;
  if (event.toolUseId !== null) return { key: `${scope}|${event.toolUseId}`, windowMs: 60_000 };
  return { key: `${scope}|${Bun.hash(event.data).toString(36)}.${event.data.length}`, windowMs: 2_000 };
}
