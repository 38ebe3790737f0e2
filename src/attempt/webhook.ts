// Sends one planned request. Redirects are not followed: a secret of the url or the headers would go to another place.
// The answer's body is bounded, and no text of the result holds a secret.

import { messageOf } from "../errors.ts";
import { endsWithin } from "../system/wait.ts";
import { type Attempt, ENDED_EARLY, resultOf } from "./attempt.ts";
import type { AttemptResult } from "./outcome.ts";
import { decode, withoutHalfEnd } from "./output.ts";
import { makeRedactor } from "./redact.ts";
import type { RequestPlan } from "./webhook-plan.ts";

const ANSWER_BYTES = 8 * 1024;
/** The status decides; the body is only for people, and a server that drips it must not hold the delivery. */
const ANSWER_WAIT_MS = 1000;
/** A server may ask for an hour's patience at most. */
export const MAX_RETRY_AFTER_MS = 3600 * 1000;
/** setTimeout takes no more; a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

type Cause = "timeout" | "ended";

/** Sends a request. 2xx is ok, anything else failed; no answer in time is `timeout`. */
export function startRequest(plan: RequestPlan): Attempt {
  const beganAt = performance.now();
  const redact = makeRedactor(plan.secrets);
  const stop = new AbortController();
  const stopped = Promise.withResolvers<never>();
  let cause: Cause | null = null;
  const stopBecause = (why: Cause) => {
    cause ??= why;
    stopped.reject(new Error(why));
    stop.abort();
  };
  const timer =
    plan.timeoutMs === 0 ? null : setTimeout(stopBecause, Math.min(plan.timeoutMs, MAX_TIMER_MS), "timeout");

  const send = async (): Promise<AttemptResult> => {
    const response = await Promise.race([fetch(plan.url, optionsOf(plan, stop.signal)), stopped.promise]);
    const stdout = redact.head(await answerOf(response, stopped.promise));
    const retryAfterMs = retryAfter(response.status, response.headers.get("retry-after"), Date.now());
    if (response.ok) return resultOf({ outcome: "ok", stdout });
    const redirect = response.status >= 300 && response.status < 400 ? " (redirects are not followed)" : "";
    return resultOf({ outcome: "failed", stdout, reason: `HTTP ${response.status}${redirect}`, retryAfterMs });
  };
  const failure = (error: unknown): AttemptResult => {
    if (cause === "timeout") return resultOf({ outcome: "timeout", reason: `no answer within ${plan.timeoutMs} ms` });
    if (cause === "ended") return resultOf({ outcome: "killed", reason: ENDED_EARLY });
    return resultOf({ outcome: "failed", reason: redact.whole(failureReason(error, plan)) });
  };
  const done = send()
    .catch(failure)
    .then((result) => {
      if (timer !== null) clearTimeout(timer);
      return resultOf({ ...result, durationMs: performance.now() - beganAt });
    });
  return { pid: null, done, end: () => stopBecause("ended") };
}

function optionsOf(plan: RequestPlan, signal: AbortSignal): BunFetchRequestInit {
  return {
    method: plan.method,
    headers: plan.headers,
    body: plan.body,
    signal,
    redirect: "manual",
    // A connection of its own: one that the server closed meanwhile would fail the request for nothing.
    keepalive: false,
    // The limit is the plan's, not the runtime's 5 minutes; nothing is unpacked (8 KiB of gzip may be gigabytes); and
    // BUN_CONFIG_VERBOSE_FETCH would print headers.
    timeout: false,
    decompress: false,
    verbose: false,
  } as BunFetchRequestInit;
}

/** The first 8 KiB of the answer's body, or what came of them in a second. */
async function answerOf(response: Response, stopped: Promise<never>): Promise<string> {
  const reader = response.body?.getReader();
  if (reader === undefined) return "";
  const bytes = new Uint8Array(ANSWER_BYTES);
  let size = 0;
  const read = async () => {
    while (size < ANSWER_BYTES) {
      const { done, value } = await reader.read();
      if (done) return;
      const kept = value.subarray(0, ANSWER_BYTES - size);
      bytes.set(kept, size);
      size += kept.length;
    }
  };
  // A connection that breaks inside the body does not change the status that came.
  const finished = read().catch(() => undefined);
  await endsWithin(Promise.race([finished, stopped.catch(() => undefined)]), ANSWER_WAIT_MS);
  const text = decode(withoutHalfEnd(bytes.subarray(0, size)));
  void reader.cancel().catch(() => undefined); // the connection may be gone already
  return text;
}

/** How long a 429 or 503 asks to wait, in ms, at most an hour: seconds or a date (RFC 9110, 10.2.3), or null. */
export function retryAfter(status: number, header: string | null, nowMs: number): number | null {
  if ((status !== 429 && status !== 503) || header === null) return null;
  const text = header.trim();
  const waitMs = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs;
  return Number.isNaN(waitMs) ? null : Math.min(Math.max(0, waitMs), MAX_RETRY_AFTER_MS);
}

/** One line that names the host and never the path, which may be a secret in itself. */
function failureReason(error: unknown, plan: RequestPlan): string {
  const { host } = new URL(plan.url);
  const code = (error as { code?: unknown } | null)?.code;
  switch (code) {
    case "ECONNREFUSED":
    case "ConnectionRefused":
      return `${host}: connection refused`;
    case "ENOTFOUND":
      return `${host}: no such host`;
    case "ECONNRESET":
      return `${host}: the connection was closed before an answer`;
    default:
      return `${host}: ${messageOf(error).replaceAll(plan.url, plan.shownUrl)}`;
  }
}
