// Webhooks against real servers on loopback: what is sent, what an answer comes to, and that secrets stay secret.
import { afterEach, describe, expect, test } from "bun:test";
import { planDelivery } from "../src/attempt/plan.ts";
import { startAttempt } from "../src/attempt/run.ts";
import { retryAfter } from "../src/attempt/webhook.ts";
import type { RequestPlan } from "../src/attempt/webhook-plan.ts";
import type { Webhook } from "../src/config/schema.ts";
import type { StoredEvent } from "../src/event/event.ts";
import { consumerWith, contextWith, eventually, storedEvent, webhookTo } from "./fixtures/delivery.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

type Seen = { method: string; path: string; headers: Record<string, string>; body: string };

/** A server that notes what it gets; its answer is handed in. */
function serve(answer: (request: Request) => Response | Promise<Response>): { url: string; seen: Seen[] } {
  const seen: Seen[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    async fetch(request) {
      const path = new URL(request.url).pathname;
      seen.push({
        method: request.method,
        path,
        headers: Object.fromEntries(request.headers),
        body: await request.text(),
      });
      return answer(request);
    },
  });
  closers.push(() => server.stop(true));
  return { url: `http://127.0.0.1:${server.port}`, seen };
}

type Given = { hook?: Partial<Webhook>; events?: StoredEvent[]; timeoutMs?: number; secrets?: Record<string, string> };

function planTo(url: string, { hook = {}, events = [storedEvent()], timeoutMs = 20_000, secrets = {} }: Given = {}) {
  return planDelivery(consumerWith(webhookTo(url, hook), { timeoutMs, secrets, name: "alert" }), events, contextWith());
}

const startTo = (url: string, given: Given = {}) =>
  startAttempt(planTo(url, given), { killAfterMs: 300, note: () => {} });
const sendTo = (url: string, given: Given = {}) => startTo(url, given).done;

describe("a request", () => {
  test("carries one event as a CloudEvent in structured mode, with integers exact", async () => {
    const { url, seen } = serve(() => new Response("thanks"));
    expect(await sendTo(`${url}/in`)).toMatchObject({
      outcome: "ok",
      exitCode: null,
      signal: null,
      stdout: "thanks",
      reason: null,
    });
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatchObject({ method: "POST", path: "/in" });
    expect(seen[0]?.headers).toMatchObject({
      "content-type": "application/cloudevents+json; charset=utf-8",
      "user-agent": "offhook/9.8.7",
      "idempotency-key": "d_7",
    });
    expect(JSON.parse(seen[0]?.body ?? "")).toMatchObject({
      specversion: "1.0",
      id: storedEvent().id,
      seq: 41,
      tool: "Write",
    });
    expect(seen[0]?.body).toContain("12345678901234567890");
  });

  test("carries several events as a batch", async () => {
    const { url, seen } = serve(() => new Response());
    await sendTo(url, { events: [storedEvent(), storedEvent({ seq: 42 })] });
    expect(seen[0]?.headers["content-type"]).toBe("application/cloudevents-batch+json; charset=utf-8");
    expect(JSON.parse(seen[0]?.body ?? "").map((event: { seq: number }) => event.seq)).toEqual([41, 42]);
  });

  test("has the file's method and headers, which come before ours", async () => {
    const { url, seen } = serve(() => new Response());
    const hook = { method: "PUT", headers: { Authorization: "Bearer ${TOKEN}", "User-Agent": "mine" } };
    await sendTo(url, { hook, secrets: { TOKEN: "t0k\r\nen: ü漢" } });
    expect(seen[0]).toMatchObject({ method: "PUT" });
    expect(seen[0]?.headers).toMatchObject({ authorization: "Bearer t0ken: ü?", "user-agent": "mine" });
  });

  test("of a large event arrives whole", async () => {
    const { url, seen } = serve(() => new Response());
    expect(
      await sendTo(url, { events: [storedEvent({ contentType: "text/plain", data: "x".repeat(3_000_001) })] }),
    ).toMatchObject({ outcome: "ok" });
    expect(JSON.parse(seen[0]?.body ?? "").data).toHaveLength(3_000_001);
  });
});

describe("an answer", () => {
  test.each([200, 201, 204, 299])("%d is ok", async (status) => {
    const { url } = serve(() => new Response(null, { status }));
    expect(await sendTo(url)).toMatchObject({ outcome: "ok", reason: null, retryAfterMs: null });
  });

  test.each([400, 404, 410, 500, 599])("%d is failed, with its text", async (status) => {
    const { url } = serve(() => new Response("no\0 way", { status }));
    expect(await sendTo(url)).toMatchObject({
      outcome: "failed",
      exitCode: null,
      reason: `HTTP ${status}`,
      stdout: "no\u2400 way",
    });
  });

  test("that asks to come back later says when", async () => {
    const { url } = serve(() => new Response("slow down", { status: 429, headers: { "retry-after": "17" } }));
    expect(await sendTo(url)).toMatchObject({ outcome: "failed", reason: "HTTP 429", retryAfterMs: 17_000 });
  });

  test("that is a redirect is failed, and nobody follows it", async () => {
    const other = serve(() => new Response());
    const { url } = serve(() => Response.redirect(`${other.url}/elsewhere`, 307));
    expect(await sendTo(url)).toMatchObject({ outcome: "failed", reason: "HTTP 307 (redirects are not followed)" });
    expect(other.seen).toEqual([]);
  });

  test("without an end is read for 8 KiB and then let go", async () => {
    const chunk = new Uint8Array(1_000_000).fill(97);
    let sent = 0;
    let cancelled = false;
    const { url } = serve(
      () =>
        new Response(
          new ReadableStream({
            pull(controller) {
              sent++;
              controller.enqueue(chunk);
            },
            cancel() {
              cancelled = true;
            },
          }),
          { status: 500 },
        ),
    );
    const result = await sendTo(url);
    expect(result).toMatchObject({ outcome: "failed", reason: "HTTP 500" });
    expect(result.stdout).toBe("a".repeat(8 * 1024));
    expect(await eventually(() => (cancelled ? true : null))).toBe(true);
    expect(sent).toBeLessThan(100);
  });

  test("that drips does not hold the delivery: its status counts", async () => {
    const { url } = serve(
      () =>
        new Response(
          new ReadableStream({
            start(controller) {
              controller.enqueue(Buffer.from("drip"));
            },
          }),
        ),
    );
    expect(await sendTo(url, { timeoutMs: 0 })).toMatchObject({ outcome: "ok", stdout: "drip" });
  });

  test("that unpacks to gigabytes is not unpacked", async () => {
    const packed = Bun.gzipSync(new Uint8Array(50_000_000));
    const { url } = serve(() => new Response(packed, { headers: { "content-encoding": "gzip" } }));
    const result = await sendTo(url);
    expect(result.outcome).toBe("ok");
    expect(result.stdout).not.toStartWith("\u2400\u2400\u2400");
  });
});

describe("no answer", () => {
  test("in time is a timeout", async () => {
    const { url, seen } = serve(() => new Promise<Response>(() => {}));
    expect(await sendTo(url, { timeoutMs: 120 })).toMatchObject({
      outcome: "timeout",
      reason: "no answer within 120 ms",
    });
    expect(seen).toHaveLength(1);
  });

  test("because nobody listens is failed", async () => {
    const { url } = serve(() => new Response());
    for (const close of closers.splice(0)) await close();
    expect(await sendTo(`${url}/path`)).toMatchObject({
      outcome: "failed",
      reason: `${new URL(url).host}: connection refused`,
    });
  });

  test("because the name is nobody's is failed", async () => {
    const result = await sendTo("http://offhook-test.invalid/path");
    expect(result.outcome).toBe("failed");
    expect(result.reason).toStartWith("offhook-test.invalid: ");
  });

  test("but a closed connection, or bytes that are no HTTP, is failed", async () => {
    for (const bytes of ["", "what?\r\n\r\n"]) {
      const listener = Bun.listen({
        hostname: "127.0.0.1",
        port: 0,
        socket: { data: (socket) => void socket.end(bytes) },
      });
      closers.push(() => listener.stop(true));
      const result = await sendTo(`http://127.0.0.1:${listener.port}/`);
      expect(result.outcome).toBe("failed");
      expect(result.reason).toStartWith(`127.0.0.1:${listener.port}: `);
    }
  });

  test("is waited for when it was ended early", async () => {
    const { url, seen } = serve(() => new Promise<Response>(() => {}));
    const attempt = startTo(url);
    await eventually(() => (seen.length > 0 ? true : null));
    attempt.end();
    attempt.end();
    expect(await attempt.done).toMatchObject({ outcome: "killed", reason: "ended by offhook" });
  });
});

describe("a secret", () => {
  const secrets = { PATH_TOKEN: 'T0/B0 "xyz', HEADER_TOKEN: "hdr-s3cret" };
  const hook = { headers: { Authorization: "Bearer ${HEADER_TOKEN}" }, body: { key: "${HEADER_TOKEN}" } };

  test("reaches the server in url, headers and body", async () => {
    const { url, seen } = serve(() => new Response());
    await sendTo(`${url}/\${PATH_TOKEN}`, { hook, secrets });
    expect(seen[0]).toMatchObject({ path: "/T0/B0%20%22xyz", body: '{"key":"hdr-s3cret"}' });
    expect(seen[0]?.headers.authorization).toBe("Bearer hdr-s3cret");
  });

  test("that the server says back is not in the result, in no spelling", async () => {
    const { url } = serve(
      ({ url: asked }) =>
        new Response(
          [asked, secrets.PATH_TOKEN, encodeURIComponent(secrets.PATH_TOKEN), JSON.stringify(secrets)].join(" "),
        ),
    );
    const result = await sendTo(`${url}/\${PATH_TOKEN}`, { hook, secrets });
    expect(result.stdout).toBe(
      `${url}/\${PATH_TOKEN} \${PATH_TOKEN} \${PATH_TOKEN} {"PATH_TOKEN":"\${PATH_TOKEN}","HEADER_TOKEN":"\${HEADER_TOKEN}"}`,
    );
  });

  test("is not in the result in part either, where the answer was cut", async () => {
    const { url } = serve(() => new Response("x".repeat(8 * 1024 - 6) + secrets.HEADER_TOKEN));
    expect((await sendTo(url, { hook, secrets })).stdout).toBe(`${"x".repeat(8 * 1024 - 6)}\${HEADER_TOKEN}`);
  });

  test("in the address shows neither when it cannot be reached nor in the plan", async () => {
    const { url } = serve(() => new Response());
    for (const close of closers.splice(0)) await close();
    const whole = { HOOK: `${url}/services/T0/s3cret` };
    expect(JSON.stringify(await sendTo("${HOOK}", { secrets: whole }))).not.toContain("s3cret");
    expect((planTo("${HOOK}", { secrets: whole }) as RequestPlan).shownUrl).toBe("${HOOK}");
    const broken = await sendTo("${HOOK}", { secrets: { HOOK: "file:///etc/s3cret" } });
    expect(broken).toMatchObject({ outcome: "not-started", reason: expect.stringContaining("begins with https://") });
    expect(JSON.stringify(broken)).not.toContain("s3cret");
  });
});

test.each([
  ["seconds", 503, "120", 120_000],
  ["a date", 429, "Fri, 20 Nov 2026 12:00:30 GMT", 30_000],
  ["a date that is over", 429, "Fri, 20 Nov 2026 11:00:00 GMT", 0],
  ["more than an hour", 503, "86400", 3_600_000],
  ["neither", 503, "soon", null],
  ["nothing", 503, null, null],
  ["seconds with another status", 500, "120", null],
])("Retry-After with %s", (_, status, header, waitMs) => {
  expect(retryAfter(status, header, Date.parse("2026-11-20T12:00:00Z"))).toBe(waitMs);
});
