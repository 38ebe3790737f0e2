// What every part of the page has: a title, a sentence with the figure that matters, how it was measured, and the plots. Pure.
import { count, countOf } from "./figure-text.ts";
import { html, type Markup } from "./markup.ts";
import type { Part } from "./shape.ts";

/** A measured part, ready to be shown; `lead` is also what the page begins with when it is the first part. */
export type Section = {
  part: Part;
  /** In the list of parts at the top: one or two words. */
  short: string;
  title: string;
  lead: Markup;
  how: Markup;
  body: Markup;
  /** What the reader must not overlook, a sentence each. */
  alarms: readonly string[];
};

/** The section; its lead is left out where the page began with it. */
export function sectionOf({ part, title, lead, how, body }: Section, isFirst: boolean): Markup {
  return html`<section id="${part}" aria-labelledby="${part}-title"><h2 id="${part}-title">${title}</h2>
${isFirst ? null : html`<p class="lead">${lead}</p>`}<p class="how">${how}</p>
${body}</section>
`;
}

type Counts = { missing: number; foreign: number; refused?: number; dead?: number };

/** "64 publishers: 4 events acknowledged but missing, 1 publish failed": of counts by id, or nothing where all is well. */
export function lossOf(what: string, { missing, foreign, refused = 0, dead = 0 }: Counts): string[] {
  const said = [
    missing > 0 && `${countOf(missing, "event")} acknowledged but missing`,
    foreign > 0 && `${countOf(foreign, "event")} found that nobody published, or twice`,
    refused > 0 && `${count(refused)} ${refused === 1 ? "publish" : "publishes"} failed`,
    dead > 0 && `${count(dead)} ${dead === 1 ? "delivery" : "deliveries"} given up`,
  ].filter((text) => text !== false);
  return said.length === 0 ? [] : [`${what}: ${said.join(", ")}`];
}
