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

/** A template's pieces: texts as they are, and words to be filled in. */
type Piece = string | ((event: Event) => string);

/** Of the templates of consumer files, which are few; each is asked for with every event. */
const templates = new Map<string, readonly Piece[]>();

/** Fills the consumer's key template. What is filled in is not looked at again. */
export function keyOf({ key }: Pick<Consumer, "key">, event: Event): string {
  let pieces = templates.get(key);
  if (pieces === undefined) {
    pieces = piecesOf(key);
    templates.set(key, pieces);
  }
  let filled = "";
  for (const piece of pieces) filled += typeof piece === "string" ? piece : piece(event);
  return filled;
}

function piecesOf(template: string): Piece[] {
  return template.split(/(\{[a-z]+\})/).map((piece): Piece => {
    const word = /^\{([a-z]+)\}$/.exec(piece)?.[1] ?? "";
    return Object.hasOwn(WORDS, word) ? WORDS[word as KeyPlaceholder] : piece;
  });
}
