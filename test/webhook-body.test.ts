// Bodies of webhooks: each receiver's own rules, and the file's own template.
import { describe, expect, test } from "bun:test";
import { planDelivery } from "../src/attempt/plan.ts";
import type { Webhook } from "../src/config/schema.ts";
import type { StoredEvent } from "../src/event/event.ts";
import { consumerWith, contextWith, storedEvent, webhookTo } from "./fixtures/delivery.ts";

describe("a body", () => {
  const bodyOf = (hook: Partial<Webhook>, events: StoredEvent[], secrets = {}) => {
    const consumer = consumerWith(webhookTo("http://127.0.0.1/", hook), { name: "alert", secrets });
    const plan = planDelivery(consumer, events, contextWith());
    if (plan.kind !== "request") throw new Error(JSON.stringify(plan));
    return plan;
  };
  const nasty = storedEvent({
    subject: '/home/ann/shop/<!channel> & *a*_b_`c`|@everyone"\n.py',
    project: "/home/ann/shop",
  });

  test("with a date of TOML sends it as text", () => {
    const body = Bun.TOML.parse("on = 2026-11-20\nat = 2026-11-20T12:00:00Z") as Record<string, unknown>;
    expect(JSON.parse(bodyOf({ body }, [storedEvent()]).body)).toEqual({
      on: "2026-11-20",
      at: "2026-11-20T12:00:00Z",
    });
  });

  test("for Slack is one text in which &, < and > are escaped", () => {
    const { headers, body } = bodyOf({ preset: "slack" }, [nasty]);
    expect(headers["content-type"]).toBe("application/json");
    expect(JSON.parse(body)).toEqual({
      text: 'offhook: alert\nPostToolUse Write &lt;!channel&gt; &amp; *a*_b_`c`|@everyone" .py in shop',
    });
  });

  test("for Discord escapes its marks and calls nobody", () => {
    expect(JSON.parse(bodyOf({ preset: "discord" }, [nasty]).body)).toEqual({
      content: 'offhook: alert\nPostToolUse Write \\<!channel\\> & \\*a\\*\\_b\\_\\`c\\`\\|\\@everyone" .py in shop',
      allowed_mentions: { parse: [] },
    });
  });

  test("for Discord has at most 2,000 characters and ends with no half escape", () => {
    for (const subject of ["*".repeat(150), `a${"*".repeat(150)}`, "😀".repeat(90)]) {
      const { content } = JSON.parse(bodyOf({ preset: "discord" }, Array(20).fill(storedEvent({ subject }))).body);
      expect(content.length).toBeLessThanOrEqual(2000);
      expect(content.length).toBeGreaterThan(1990);
      expect(content).toMatch(/([^\\]|\\.)…$/u);
      expect(content.isWellFormed()).toBe(true);
    }
  });

  test("for ntfy is text with a title of plain characters", () => {
    const { headers, body } = bodyOf({ preset: "ntfy" }, [storedEvent({ subject: "/home/ann/shop/é.py" }), nasty]);
    expect(headers).toMatchObject({ "content-type": "text/plain; charset=utf-8", title: "offhook: alert" });
    expect(body).toBe(
      'PostToolUse Write é.py in shop\nPostToolUse Write <!channel> & *a*_b_`c`|@everyone" .py in shop',
    );
    const long = bodyOf({ preset: "ntfy" }, Array(20).fill(storedEvent({ subject: "é".repeat(250) }))).body;
    expect(Buffer.byteLength(long)).toBeLessThanOrEqual(4000);
    expect(long).toEndWith("é…");
  });

  test("for n8n is the CloudEvents as plain JSON", () => {
    const { headers, body } = bodyOf({ preset: "n8n" }, [storedEvent()]);
    expect(headers["content-type"]).toBe("application/json");
    expect(JSON.parse(body)).toMatchObject({ specversion: "1.0", seq: 41 });
  });

  test("for people counts what is too much and says the payload's own sentence", () => {
    const events = Array.from({ length: 23 }, (_, seq) =>
      storedEvent({
        seq,
        type: "claude-code.Notification",
        subject: null,
        tool: null,
        data: '{"message":"needs\\nyou"}',
      }),
    );
    const lines = bodyOf({ preset: "ntfy" }, events).body.split("\n");
    expect(lines).toHaveLength(21);
    expect(lines[0]).toBe("Notification in shop: needs you");
    expect(lines[20]).toBe("and 3 more");
  });

  test("of the file's own table is filled by structure: no event can change its shape", () => {
    const template = {
      text: "{type} by {tool} on {file}",
      list: ["{session}", 7, true, null, { "{file}": "{count} {consumer} {nope} ${TOKEN}" }],
    };
    const evil = storedEvent({ subject: '/p/", "admin": true, "x": "${TOKEN}{tool}', sessionId: '"]' });
    const { headers, body } = bodyOf({ body: template }, [evil], { TOKEN: 't"k' });
    expect(headers["content-type"]).toBe("application/json");
    expect(JSON.parse(body)).toEqual({
      text: 'claude-code.PostToolUse by Write on /p/", "admin": true, "x": "${TOKEN}{tool}',
      list: ['"]', 7, true, null, { "{file}": '1 alert {nope} t"k' }],
    });
  });

  test("that is a text goes as plain text", () => {
    const { headers, body } = bodyOf({ body: "{tool} wrote {file} at {time} on {node}" }, [
      storedEvent({ subject: "/p/<b>.py" }),
    ]);
    expect(headers["content-type"]).toBe("text/plain; charset=utf-8");
    expect(body).toBe("Write wrote /p/<b>.py at 2026-11-20T12:00:00.123Z on n1");
  });
});
