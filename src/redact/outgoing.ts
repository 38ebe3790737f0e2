// What of an event may leave this machine: redacted, and as much of its data as the payload setting says. Pure.
import type { Event } from "../event/event.ts";
import { leanPayload } from "./lean.ts";
import type { Redact } from "./redact.ts";
import { markOf } from "./span.ts";

/** full: all data. lean: what alerts need, no contents. none: no data. */
export type Payload = "full" | "lean" | "none";

/** The event as it may leave the machine: what names a place or a file, and its data; id, source, type, time and node stay. */
export function outgoing<E extends Event>(event: E, payload: Payload, redact: Redact): E {
  const text = (value: string | null) => (value === null ? null : redact(value));
  const subject = text(event.subject);
  const project = text(event.project);
  const sessionId = text(event.sessionId);
  const agentId = text(event.agentId);
  const tool = text(event.tool);
  const toolUseId = text(event.toolUseId);
  const { contentType, data } = dataOf(event, payload, redact);
  // Mostly nothing is in it that must stay here; a copy would cost as much as looking.
  const isSame =
    subject === event.subject &&
    project === event.project &&
    sessionId === event.sessionId &&
    agentId === event.agentId &&
    tool === event.tool &&
    toolUseId === event.toolUseId &&
    contentType === event.contentType &&
    data === event.data;
  return isSame ? event : { ...event, subject, project, sessionId, agentId, tool, toolUseId, contentType, data };
}

function dataOf(event: Event, payload: Payload, redact: Redact): Pick<Event, "contentType" | "data"> {
  const { contentType, data } = event;
  if (payload === "none") return { contentType: "application/json", data: "{}" };
  if (payload === "lean") {
    const lean = contentType === "application/json" ? leanPayload(data) : "{}";
    return { contentType: "application/json", data: redact(lean, "json") };
  }
  if (contentType === "application/json") return { contentType, data: redact(data, "json") };
  if (contentType === "text/plain") return { contentType, data: redact(data) };
  // Bytes that are no UTF-8: letters are the same in every encoding of one byte. What has a NUL (UTF-16, an archive) cannot be
  // looked through, so it stays here.
  const bytes = Buffer.from(data, "base64");
  if (bytes.includes(0)) return { contentType: "text/plain", data: markOf("binary") };
  const before = bytes.toString("latin1");
  const after = redact(before);
  return { contentType, data: after === before ? data : Buffer.from(after, "latin1").toString("base64") };
}
