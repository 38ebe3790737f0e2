// The request of a webhook, decided before it is sent. Event data is in the body only, redacted; secrets that the file
// names may be anywhere. Pure.
import type { Consumer, Webhook } from "../config/schema.ts";
import type { StoredEvent } from "../event/event.ts";
import { outgoing } from "../redact/outgoing.ts";
import type { Redact } from "../redact/redact.ts";
import { fillSecrets, wordsOf } from "./fill.ts";
import { makeRedactor } from "./redact.ts";
import { bodyOf } from "./webhook-body.ts";

export type RequestPlan = {
  kind: "request";
  url: string;
  /** url with ${NAME} in the place of each secret. */
  shownUrl: string;
  method: string;
  /** Names in lower case. */
  headers: Record<string, string>;
  body: string;
  /** 0: no limit. */
  timeoutMs: number;
  /** What must not show in any text of the result. */
  secrets: Readonly<Record<string, string>>;
};

/** What a request must know beyond the consumer and its events. */
export type RequestContext = { deliveryId: string; version: string; redact: Redact };

/** Plans the request. Throws where the file's address or a secret cannot be used. */
export function planRequest(
  consumer: Consumer,
  webhook: Webhook,
  events: readonly StoredEvent[],
  context: RequestContext,
): RequestPlan {
  const { secrets } = consumer;
  const url = URL.parse(fillSecrets(webhook.url, secrets));
  // Not shown: the address may be a secret in itself. Others than these (file:, data:, s3:) would read this machine.
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw new Error("the webhook's url is not an address that begins with https:// or http://");
  }
  // Before the template is filled: what the file itself names (an address, a header, a key in the body) is meant to be sent.
  const shown = events.map((event) => outgoing(event, "full", context.redact));
  const body = bodyOf(webhook, shown, secrets, wordsOf(consumer.name, shown));
  const own = Object.entries(webhook.headers).map(([name, value]) => [name.toLowerCase(), fillSecrets(value, secrets)]);
  const headers: Record<string, string> = {
    "content-type": body.contentType,
    "user-agent": `offhook/${context.version}`,
    "accept-encoding": "identity",
    // Stable over attempts, so that a receiver can tell a second try from a second event.
    "idempotency-key": context.deliveryId,
    ...body.headers,
    ...Object.fromEntries(own),
  };
  return {
    kind: "request",
    url: url.href,
    shownUrl: makeRedactor(secrets).whole(webhook.url),
    method: webhook.method,
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, headerSafe(value)])),
    body: body.text,
    timeoutMs: consumer.timeoutMs,
    secrets,
  };
}

/** A header is one line of Latin-1 (RFC 9110, 5.5): control characters go, other characters become "?". */
function headerSafe(value: string): string {
  return value
    .replace(/(?!\t)\p{Cc}/gu, "")
    .replace(/[^\t -~\u00a0-\u00ff]/gu, "?")
    .trim();
}
