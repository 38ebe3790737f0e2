// One rule of a match: what the parts of match.ts have in common.
import type { Event } from "../event/event.ts";

/** An event and its payload, which is parsed when somebody asks for it and then no second time. */
export type Subject = { event: Event; data(): unknown };

/** One compiled rule: what the file wants, what an event has for it, and whether that is well. */
export type CompiledRule = {
  rule: "on" | "tools" | "files" | "projects" | "agent" | "where";
  wanted: string;
  got(subject: Subject): string;
  test(subject: Subject): boolean;
};

/** The path without links, or the same path where there is none; asked for `projects` only. */
export type RealPath = (path: string) => string;

/** A list of patterns in words. */
export function anyOf(patterns: readonly string[]): string {
  return patterns.map(quoted).join(" or ");
}

/** A text in quotes on one line, cut where it is long. */
export function quoted(text: string): string {
  const shown = text.length > 200 ? `${text.slice(0, 200)}...` : text;
  return JSON.stringify(shown);
}
