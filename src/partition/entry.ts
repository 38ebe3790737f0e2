// Between an event and its entry in the cluster's stream. Pure.
import type { Event } from "../event/event.ts";
import { UNREADABLE } from "../event/event.ts";

/**
 * An event in the cluster's stream. `origin`: NODE/LEDGER, the ledger that it came from, with its seq there. `again`: it was sent
 * once more because Redis had lost data.
 */
export type Entry = { seq: number; event: Event; origin: string; originSeq: number; again: boolean };

/** Its fields, as XADD takes them; `again` is said by whoever appends. */
export function entryFields(event: Event, origin: string, originSeq: number): string[] {
  return ["e", eventText(event), "o", origin, "s", String(originSeq)];
}

/** The entry of an id (SEQ-0) and its fields. Never throws: what is no event becomes an `offhook.unreadable` one. */
export function parseEntry(id: string, fields: ReadonlyMap<string, string>): Entry {
  const text = fields.get("e") ?? "";
  return {
    seq: Number.parseInt(id, 10),
    event: parseEvent(text) ?? unreadable(id, text),
    origin: fields.get("o") ?? "",
    originSeq: Number(fields.get("s") ?? 0),
    again: fields.get("a") === "1",
  };
}

/** An event as JSON, all its attributes and nothing else (a stored one's data is read for it). */
export function eventText(event: Event): string {
  const all: Record<keyof Event, unknown> = {
    id: event.id,
    source: event.source,
    type: event.type,
    timeMs: event.timeMs,
    subject: event.subject,
    node: event.node,
    sessionId: event.sessionId,
    agentId: event.agentId,
    tool: event.tool,
    toolUseId: event.toolUseId,
    project: event.project,
    depth: event.depth,
    duplicateOf: event.duplicateOf,
    contentType: event.contentType,
    data: event.data,
  };
  return JSON.stringify(all);
}

/** The event of such a text; null where it is none. Attributes that it does not know are left out. */
export function parseEvent(text: string): Event | null {
  let it: Partial<Record<keyof Event, unknown>>;
  try {
    it = JSON.parse(text);
  } catch {
    return null;
  }
  const { id, source, type, timeMs, node, contentType, data } = it ?? {};
  const isEvent =
    [id, source, type, node, data].every((value) => typeof value === "string") &&
    Number.isSafeInteger(timeMs) &&
    ["application/json", "text/plain", "application/octet-stream"].includes(contentType as string);
  if (!isEvent) return null;
  const textOrNull = (value: unknown) => (typeof value === "string" ? value : null);
  return {
    id: id as string,
    source: source as string,
    type: type as string,
    timeMs: timeMs as number,
    subject: textOrNull(it.subject),
    node: node as string,
    sessionId: textOrNull(it.sessionId),
    agentId: textOrNull(it.agentId),
    tool: textOrNull(it.tool),
    toolUseId: textOrNull(it.toolUseId),
    project: textOrNull(it.project),
    depth: Number.isSafeInteger(it.depth) ? (it.depth as number) : 0,
    duplicateOf: textOrNull(it.duplicateOf),
    contentType: contentType as Event["contentType"],
    data: data as string,
  };
}

function unreadable(id: string, text: string): Event {
  return {
    id: `unreadable-${id}`,
    source: "/cluster/offhook",
    type: UNREADABLE,
    timeMs: 0,
    subject: null,
    node: "cluster",
    sessionId: null,
    agentId: null,
    tool: null,
    toolUseId: null,
    project: null,
    depth: 0,
    duplicateOf: null,
    contentType: "text/plain",
    data: text,
  };
}
