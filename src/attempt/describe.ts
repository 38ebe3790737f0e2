// Events in words, for people: what an alert says when its file gives no body. Pure, plain text, no markup of any kind.
// One line an event; control characters of event data become spaces, so data cannot begin a line of its own.
import { basename, relative } from "node:path";
import type { StoredEvent } from "../event/event.ts";

const MAX_LINES = 20;
const MAX_NOTE = 300;
/** Above this a payload is not parsed only to find a sentence in it. */
const MAX_PARSED = 256 * 1024;

/** The head line of an alert. */
export function titleOf(consumer: string): string {
  return `offhook: ${consumer}`;
}

/** The events, one line each; beyond 20 the rest is counted. */
export function linesOf(events: readonly StoredEvent[]): string[] {
  const lines = events.slice(0, MAX_LINES).map(lineOf);
  return events.length > MAX_LINES ? [...lines, `and ${events.length - MAX_LINES} more`] : lines;
}

/** Like "PostToolUse Write src/app.py in shop", with the payload's own sentence where it has one. */
export function lineOf(event: StoredEvent): string {
  const parts = [event.type.replace(/^claude-code\./, "")];
  if (event.tool !== null) parts.push(event.tool);
  if (event.subject !== null) parts.push(insideProject(event.subject, event.project));
  if (event.project !== null) parts.push(`in ${basename(event.project)}`);
  const note = noteOf(event);
  return oneLine(note === null ? parts.join(" ") : `${parts.join(" ")}: ${cutText(note, MAX_NOTE)}`);
}

/** At most `max` UTF-16 units, never half a character; what was cut shows as "…". */
export function cutText(text: string, max: number): string {
  if (text.length <= max) return text;
  return `${text.slice(0, max - 1).replace(/[\uD800-\uDBFF]$/, "")}…`;
}

function insideProject(subject: string, project: string | null): string {
  if (project === null || !subject.startsWith("/")) return subject;
  const inside = relative(project, subject);
  return inside === "" || inside.startsWith("..") ? subject : inside;
}

/** The sentence that a payload has for people: `message` (Notification) or `reason` (offhook's own events). */
function noteOf(event: StoredEvent): string | null {
  if (event.contentType === "text/plain") return event.data;
  if (event.contentType !== "application/json" || event.data.length > MAX_PARSED) return null;
  const payload: unknown = JSON.parse(event.data);
  if (typeof payload !== "object" || payload === null) return null;
  const { message, reason } = payload as { message?: unknown; reason?: unknown };
  const note = typeof message === "string" ? message : reason;
  return typeof note === "string" && note !== "" ? note : null;
}

function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]+/gu, " ").trim();
}
