// What a consumer's texts are filled with: event data for {words}, secrets for ${NAME}. Pure.
// One pass over the text: what was filled in is never looked at again, so a file called "${TOKEN}" stays one.
import { isAbsolute, join } from "node:path";
import type { BodyPlaceholder, RunPlaceholder } from "../config/placeholders.ts";
import type { StoredEvent } from "../event/event.ts";

/** The words of a delivery, all but {files}. Empty where the event has no such thing. */
export type Words = Record<Exclude<RunPlaceholder | BodyPlaceholder, "files"> | "consumer" | "count", string>;

const HOLE = /\$\{([A-Z_][A-Z0-9_]*)\}|\{([a-z]+)\}/g;

/** Fills ${NAME} alone. Throws for a name that is not among the secrets. */
export function fillSecrets(text: string, secrets: Readonly<Record<string, string>>): string {
  return text.replace(HOLE, (hole, name: string | undefined) => (name === undefined ? hole : secretOf(name, secrets)));
}

/** Fills ${NAME} and {word}, as plain text. Unknown words stay. */
export function fillText(text: string, secrets: Readonly<Record<string, string>>, words: Words): string {
  return text.replace(HOLE, (hole, name: string | undefined, word: string | undefined) => {
    if (name !== undefined) return secretOf(name, secrets);
    return word !== undefined && Object.hasOwn(words, word) ? words[word as keyof Words] : hole;
  });
}

/** Fills every text inside a value and keeps its structure, so no value can change the shape of what it lands in. */
export function fillValue(value: unknown, secrets: Readonly<Record<string, string>>, words: Words): unknown {
  if (typeof value === "string") return fillText(value, secrets, words);
  if (Array.isArray(value)) return value.map((item) => fillValue(item, secrets, words));
  // A date of TOML (Temporal's, in Bun 1.4.5) has no entries; JSON writes it as text, by its toJSON.
  if (typeof value !== "object" || value === null || "toJSON" in value) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fillValue(item, secrets, words)]));
}

/** The words of a delivery. The last event speaks for all; {file} is the last file there is. */
export function wordsOf(consumer: string, events: readonly StoredEvent[]): Words {
  const last = lastOf(events);
  return {
    file: filesOf(events).at(-1) ?? "",
    project: last.project ?? "",
    session: last.sessionId ?? "",
    agent: last.agentId ?? "",
    tool: last.tool ?? "",
    type: last.type,
    id: last.id,
    node: last.node,
    time: new Date(last.timeMs).toISOString(),
    consumer,
    count: String(events.length),
  };
}

/** The distinct files of the events, absolute, each where it came last. */
export function filesOf(events: readonly StoredEvent[]): string[] {
  const files = new Set<string>();
  for (const event of events) {
    const file = fileOf(event);
    if (file === null) continue;
    files.delete(file);
    files.add(file);
  }
  return [...files];
}

/** The last of at least one event. */
export function lastOf(events: readonly StoredEvent[]): StoredEvent {
  const last = events.at(-1);
  if (last === undefined) throw new Error("a delivery has at least one event");
  return last;
}

/** Absolute, so that it never begins with a dash; null where the event has no file or its place is not known. */
function fileOf(event: StoredEvent): string | null {
  if (event.subject === null || event.subject === "") return null;
  if (isAbsolute(event.subject)) return event.subject;
  return event.project === null ? null : join(event.project, event.subject);
}

function secretOf(name: string, secrets: Readonly<Record<string, string>>): string {
  const value = Object.hasOwn(secrets, name) ? secrets[name] : undefined;
  if (value === undefined) throw new Error(`the secret ${name} is not set in secrets.env`);
  return value;
}
