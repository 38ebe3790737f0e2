// The rule `where`: dotted paths in the CloudEvent, each with a glob on the value's text. Pure.
// The text of a number or truth value is its JSON, of a table or list too. What is not there matches no glob, not even "*".
import type { Event } from "../event/event.ts";
import { compileGlob } from "./glob.ts";
import { type CompiledRule, quoted, type Subject } from "./rule.ts";

/** The attributes as the CloudEvent calls them; `data` is looked up in the payload. */
const ATTRIBUTES: Readonly<Record<string, (event: Event) => unknown>> = {
  type: (event) => event.type,
  source: (event) => event.source,
  subject: (event) => event.subject,
  id: (event) => event.id,
  time: (event) => new Date(event.timeMs).toISOString(),
  node: (event) => event.node,
  sessionid: (event) => event.sessionId,
  agentid: (event) => event.agentId,
  tool: (event) => event.tool,
  tooluseid: (event) => event.toolUseId,
  project: (event) => event.project,
  depth: (event) => event.depth,
  duplicateof: (event) => event.duplicateOf,
};

/** How many levels a value may have to be matched as JSON. */
const DEEPEST = 1_000;

/** One rule for each path. */
export function whereRules(where: Readonly<Record<string, string>>): CompiledRule[] {
  return Object.entries(where).map(([path, pattern]) => {
    const names = path.split(".");
    const glob = compileGlob(pattern, null);
    return {
      rule: "where",
      wanted: `${path} = ${quoted(pattern)}`,
      got: (subject) => quotedOrNone(textAt(subject, names)),
      test(subject) {
        const text = textAt(subject, names);
        return text !== null && glob(text);
      },
    };
  });
}

function textAt(subject: Subject, names: readonly string[]): string | null {
  const [root = "", ...inner] = names;
  const attribute = Object.hasOwn(ATTRIBUTES, root) ? ATTRIBUTES[root] : undefined;
  // An attribute that is not there is absent in the CloudEvent; a null of the payload is a value.
  let value: unknown = root === "data" ? subject.data() : (attribute?.(subject.event) ?? undefined);
  for (const name of inner) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return null;
    value = (value as Record<string, unknown>)[name];
  }
  if (value === undefined) return null;
  return typeof value === "string" ? value : jsonOf(value);
}

/** Null for what is nested deeper than any payload is meant to be: JSON is read deeper than it can be written. */
function jsonOf(value: unknown): string | null {
  return isWithin(value, DEEPEST) ? JSON.stringify(value) : null;
}

function isWithin(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  return levels > 0 && Object.values(value).every((inner) => isWithin(inner, levels - 1));
}

function quotedOrNone(text: string | null): string {
  return text === null ? "nothing" : quoted(text);
}
