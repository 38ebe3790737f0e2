// The key of an event for a consumer: what its flow rules count by. Pure.
import type { KeyPlaceholder } from "../config/placeholders.ts";
import type { Consumer } from "../config/schema.ts";
import type { Event } from "../event/event.ts";

/** What stands for something that the event does not have. */
const NONE = "-";

const WORDS: Readonly<Record<KeyPlaceholder, (event: Event) => string>> = {
  // An event without a file is kept apart by its session, so that sessions do not wait for each other.
  file: (event) => event.subject || event.sessionId || NONE,
  project: (event) => event.project ?? NONE,
  session: (event) => event.sessionId ?? NONE,
  agent: (event) => event.agentId ?? "main",
  tool: (event) => event.tool ?? NONE,
  type: (event) => event.type,
  node: (event) => event.node,
};

/** Fills the consumer's key template. What is filled in is not looked at again. */
export function keyOf(consumer: Pick<Consumer, "key">, event: Event): string {
  if (consumer.key === "{file}") return WORDS.file(event);
  return consumer.key.replace(/\{([a-z]+)\}/g, (whole, word: string) =>
    Object.hasOwn(WORDS, word) ? WORDS[word as KeyPlaceholder](event) : whole,
  );
}
