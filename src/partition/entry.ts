// Between an event and its entry in the cluster's stream. Pure.
import type { Event } from "../event/event.ts";
import { UNREADABLE } from "../event/event.ts";

/**
 * An event in the cluster's stream. `origin`: NODE/LEDGER, the ledger that it came from, with its seq there. `again`: it was sent
 * once more because Redis had lost data.
 */
export type Entry = { seq: number; event: Event; origin: string; originSeq: number; again: boolean };

/** Its fields, as XADD takes them; `again` is said by whoever appends. The data stands by itself: mostly it is JSON already. */
export function entryFields(event: Event, origin: string, originSeq: number): string[] {
  return ["e", JSON.stringify(attributesOf(event)), "d", event.data, "o", origin, "s", String(originSeq)];
}

/** The entry of an id (SEQ-0) and its fields. Never throws: what is no event becomes an `offhook.unreadable` one. */
export function parseEntry(id: string, fields: ReadonlyMap<string, string>): Entry {
  return entryOf(id, (name) => fields.get(name));
}

/** The same of fields as XRANGE gives them: names and values in turn. Of a name that comes twice the last counts. */
export function parsePairs(id: string, pairs: readonly string[]): Entry {
  return entryOf(id, (name) => {
    for (let at = pairs.length - (pairs.length % 2) - 2; at >= 0; at -= 2) if (pairs[at] === name) return pairs[at + 1];
    return undefined;
  });
}

function entryOf(id: string, field: (name: string) => string | undefined): Entry {
  const text = field("e") ?? "";
  const data = field("d");
  return {
    seq: Number.parseInt(id, 10),
    event: (data === undefined ? null : eventOf(objectIn(text), data)) ?? unreadable(id, text),
    origin: field("o") ?? "",
    originSeq: Number(field("s") ?? 0),
    again: field("a") === "1",
  };
}

/** An event as JSON, all its attributes and nothing else (a stored one's data is read for it). */
export function eventText(event: Event): string {
  return JSON.stringify({ ...attributesOf(event), data: event.data });
}

/** The event of such a text; null where it is none. Attributes that it does not know are left out. */
export function parseEvent(text: string): Event | null {
  const found = objectIn(text);
  return eventOf(found, found.data);
}

type Attributes = Record<Exclude<keyof Event, "data">, unknown>;

function attributesOf(event: Event): Attributes {
  return {
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
  };
}

/** The members of an object; none where the text is none. */
function objectIn(text: string): Partial<Record<keyof Event, unknown>> {
  try {
    const found: unknown = JSON.parse(text);
    return typeof found === "object" && found !== null ? found : {};
  } catch {
    return {};
  }
}

function eventOf(it: Partial<Record<keyof Event, unknown>>, data: unknown): Event | null {
  const { id, source, type, timeMs, node, contentType } = it;
  const isEvent =
    typeof id === "string" &&
    typeof source === "string" &&
    typeof type === "string" &&
    typeof node === "string" &&
    typeof data === "string" &&
    Number.isSafeInteger(timeMs) &&
    (contentType === "application/json" || contentType === "text/plain" || contentType === "application/octet-stream");
  if (!isEvent) return null;
  const textOrNull = (value: unknown) => (typeof value === "string" ? value : null);
  return {
    id,
    source,
    type,
    timeMs: timeMs as number,
    subject: textOrNull(it.subject),
    node,
    sessionId: textOrNull(it.sessionId),
    agentId: textOrNull(it.agentId),
    tool: textOrNull(it.tool),
    toolUseId: textOrNull(it.toolUseId),
    project: textOrNull(it.project),
    depth: Number.isSafeInteger(it.depth) ? (it.depth as number) : 0,
    duplicateOf: textOrNull(it.duplicateOf),
    contentType,
    data,
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
