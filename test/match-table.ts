// What the tests of matching share: an event, consumers from keys, and tables of sentences in which the quick answer always
// stands beside the explained one.
import { describe, expect, test } from "bun:test";
import { parseConsumer } from "../src/config/consumer.ts";
import type { Consumer } from "../src/config/schema.ts";
import type { Event } from "../src/event/event.ts";
import { compileMatch, match } from "../src/match/match.ts";

export const WRITE: Event = {
  id: "0198c0de-0000-7000-8000-000000000001",
  source: "/laptop/claude-code",
  type: "claude-code.PostToolUse",
  timeMs: Date.UTC(2026, 2, 1, 12),
  subject: "/home/dev/shop/src/cart.py",
  node: "laptop",
  sessionId: "s-1",
  agentId: null,
  tool: "Write",
  toolUseId: "toolu_1",
  project: "/home/dev/shop",
  depth: 0,
  duplicateOf: null,
  contentType: "application/json",
  data: '{"permission_mode":"acceptEdits","tool_input":{"command":"git push\\n/origin","edits":[{"n":1}],"flag":true,"none":null},"big":1e21}',
};

export function consumer(keys: string): Consumer {
  const on = /^on\s*=/m.test(keys) ? "" : 'on = ["**"]\n';
  const reading = { name: "t", path: "/t.toml", label: "t.toml", userHome: "/home/dev", secrets: {} };
  const loaded = parseConsumer(`${on}builtin = "none"\n${keys}`, reading);
  if (loaded.kind === "broken") throw new Error(loaded.errors.join("\n"));
  return loaded.consumer;
}

export const noLinks = (path: string) => path;

export function wants(keys: string, changes: Partial<Event>, realPath = noLinks): boolean {
  const event = { ...WRITE, ...changes };
  const quick = compileMatch(consumer(keys), realPath)(event);
  const explained = match(consumer(keys), event, realPath);
  expect(explained.matched).toBe(quick);
  expect(explained.rules.every((rule) => rule.ok)).toBe(quick);
  return quick;
}

type Row = [sentence: string, keys: string, event: Partial<Event>, wanted: boolean];

export function table(name: string, rows: Row[]): void {
  describe(name, () => {
    for (const [sentence, keys, event, wanted] of rows) test(sentence, () => expect(wants(keys, event)).toBe(wanted));
  });
}
