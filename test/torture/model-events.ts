// The events of a model test: as they are drawn, as the ledger gets them, as the model knows them. Pure.
import type { Event } from "../../src/event/event.ts";
import type { ModelEvent } from "./model.ts";
import type { DrawnEvent } from "./model-steps.ts";

/** An event as intake makes it. `now`: wall time in ms since 1970. */
export function makeEvent(
  { type, file, session, depth, toolUseId, data, ageMs }: DrawnEvent,
  id: string,
  now: number,
): Event {
  const isHook = type.startsWith("claude-code.");
  return {
    id,
    source: isHook ? "/n1/claude-code" : "/n1/program",
    type,
    timeMs: now - ageMs,
    subject: file,
    node: "n1",
    sessionId: session,
    agentId: null,
    tool: null,
    toolUseId,
    project: file === null ? "/p" : file.slice(0, 2),
    depth,
    duplicateOf: null,
    contentType: "application/json",
    data,
  };
}

/** An event as the model knows it. A hook's firing is known by its tool call for a minute, or by its bytes for 2 s. */
export function modelEventOf(event: Event): Omit<ModelEvent, "seq" | "duplicateOf"> {
  const { id, type, timeMs, subject, sessionId, agentId, project, depth, data, toolUseId, source } = event;
  const what = toolUseId === null ? `bytes ${data}` : `call ${toolUseId}`;
  return {
    id,
    type,
    timeMs,
    subject,
    session: sessionId,
    project,
    depth,
    dataBytes: data.length,
    firing: source.endsWith("/claude-code")
      ? { key: JSON.stringify([sessionId, agentId, type, what]), windowMs: toolUseId === null ? 2_000 : 60_000 }
      : null,
    isOwn: source.endsWith("/offhook"),
  };
}
