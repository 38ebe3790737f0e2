// The daemon's own troubles as events, so that a consumer can be `on` them. Pure; imports types only.
//
// What comes of an own event is one deeper than it: an alert that fails becomes a dead letter that alerts leave alone, unless
// their max_depth says otherwise. So no alert can cause itself.
import type { Event } from "./event.ts";

/** What happened, and what is known of it: it becomes the event's data. */
export type OwnTrouble =
  | { kind: "dead-letter"; consumer: string; deliveryId: string; key: string; reason: string; attempts: number }
  | { kind: "consumer-broken"; consumer: string; path: string; errors: readonly string[] }
  | { kind: "recovered"; what: "daemon"; deliveries: number }
  | { kind: "recovered"; what: "consumer"; consumer: string; path: string }
  | { kind: "recovered"; what: "disk"; forMs: number };

/** Where and when an own event is made. `id` is a new UUIDv7. */
export type OwnContext = { id: string; node: string; nowMs: number };

/** Makes the event of a trouble. `about`: the last event of the delivery that it is about, which lends it project, session and file. */
export function makeOwnEvent(
  { kind, ...data }: OwnTrouble,
  about: Event | null,
  { id, node, nowMs }: OwnContext,
): Event {
  return {
    id,
    source: `/${node}/offhook`,
    type: `offhook.${kind}`,
    timeMs: nowMs,
    subject: about === null ? ("path" in data ? data.path : null) : about.subject,
    node,
    sessionId: about?.sessionId ?? null,
    agentId: about?.agentId ?? null,
    tool: null,
    toolUseId: null,
    project: about?.project ?? null,
    depth: about === null ? 0 : about.depth + (isOwn(about) ? 1 : 0),
    duplicateOf: null,
    contentType: "application/json",
    data: JSON.stringify(about === null ? data : { ...data, event: { id: about.id, type: about.type } }),
  };
}

/** Whether an event was made by a daemon, and not by a hook or a program. */
function isOwn(event: Event): boolean {
  return event.source.endsWith("/offhook");
}
