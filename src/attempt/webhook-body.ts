// The body of a webhook: the file's own template, a preset for a well-known receiver, or the CloudEvents. Pure.
// Event data is escaped for where it lands: by structure in JSON, by the receiver's own rules inside a chat text.
import type { Webhook } from "../config/schema.ts";
import { type StoredEvent, toCloudEventJson } from "../event/event.ts";
import { cutText, linesOf, titleOf } from "./describe.ts";
import { fillText, fillValue, type Words } from "./fill.ts";

export type Body = { contentType: string; headers: Record<string, string>; text: string };

/** Discord's limit for `content`, in characters. */
const DISCORD_MAX = 2000;
/** Slack advises 4,000 characters at most for `text`; room is left for what escaping adds. */
const SLACK_MAX = 3000;
/** ntfy turns more than 4,096 bytes into an attachment. */
const NTFY_MAX_BYTES = 4000;

/** Makes the body for at least one event. Throws when the template names a secret that is not there. */
export function bodyOf(
  webhook: Pick<Webhook, "preset" | "body">,
  events: readonly StoredEvent[],
  secrets: Readonly<Record<string, string>>,
  words: Words,
): Body {
  if (typeof webhook.body === "string") return plainText(fillText(webhook.body, secrets, words));
  if (webhook.body !== null) return json("application/json", fillValue(webhook.body, secrets, words));
  switch (webhook.preset) {
    case "slack":
      return json("application/json", { text: slackEscaped(cutText(alertText(words.consumer, events), SLACK_MAX)) });
    case "discord":
      // allowed_mentions: without it a file called @everyone would call everyone.
      return json("application/json", {
        content: discordText(alertText(words.consumer, events)),
        allowed_mentions: { parse: [] },
      });
    case "ntfy":
      return {
        ...plainText(cutBytes(linesOf(events).join("\n"), NTFY_MAX_BYTES)),
        headers: { title: titleOf(words.consumer) },
      };
    case "n8n":
      return { contentType: "application/json", headers: {}, text: cloudEvents(events) };
    case null:
      // CloudEvents HTTP binding 1.0, structured and batched mode.
      return {
        contentType: `application/cloudevents${events.length > 1 ? "-batch" : ""}+json; charset=utf-8`,
        headers: {},
        text: cloudEvents(events),
      };
    default:
      return webhook.preset satisfies never;
  }
}

function cloudEvents(events: readonly StoredEvent[]): string {
  const each = events.map(toCloudEventJson);
  return each.length > 1 ? `[${each.join(",\n")}]` : each.join("");
}

function alertText(consumer: string, events: readonly StoredEvent[]): string {
  return [titleOf(consumer), ...linesOf(events)].join("\n");
}

/** Slack reads <...> as links and mentions: these three are escaped, no others (docs.slack.dev, "Formatting text"). */
function slackEscaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** Discord's markdown, each mark escaped, at most 2,000 characters and never half an escape. */
function discordText(text: string): string {
  const pieces = Array.from(text, (character) => (/[\\*_~`|>#[\]()<@]/.test(character) ? `\\${character}` : character));
  let size = 0;
  const fits = pieces.findIndex((piece) => {
    size += piece.length;
    return size > DISCORD_MAX;
  });
  if (fits < 0) return pieces.join("");
  return `${pieces.slice(0, fits - 1).join("")}…`;
}

function cutBytes(text: string, maxBytes: number): string {
  if (Buffer.byteLength(text) <= maxBytes) return text;
  const room = new Uint8Array(maxBytes - Buffer.byteLength("…"));
  const { read } = new TextEncoder().encodeInto(text, room);
  return `${text.slice(0, read)}…`;
}

function plainText(text: string): Body {
  return { contentType: "text/plain; charset=utf-8", headers: {}, text };
}

function json(contentType: string, value: unknown): Body {
  return { contentType, headers: {}, text: JSON.stringify(value) };
}
