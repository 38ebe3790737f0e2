// The key of an event: the template filled, and what stands where the event has nothing.
import { describe, expect, test } from "bun:test";
import type { Event } from "../src/event/event.ts";
import { keyOf } from "../src/match/key.ts";

const EVENT: Event = {
  id: "0198c0de-0000-7000-8000-000000000001",
  source: "/laptop/claude-code",
  type: "claude-code.PostToolUse",
  timeMs: 0,
  subject: "/home/dev/shop/a.py",
  node: "laptop",
  sessionId: "s-1",
  agentId: "a-1",
  tool: "Write",
  toolUseId: null,
  project: "/home/dev/shop",
  depth: 0,
  duplicateOf: null,
  contentType: "application/json",
  data: "{}",
};

describe("the key", () => {
  const rows: [sentence: string, key: string, event: Partial<Event>, expected: string][] = [
    ["is the file", "{file}", {}, "/home/dev/shop/a.py"],
    ["is the session of an event without a file", "{file}", { subject: null }, "s-1"],
    ["is the session of one with an empty subject", "{file}", { subject: "" }, "s-1"],
    ["is a dash without either", "{file}", { subject: null, sessionId: null }, "-"],
    ["has the file's stand-in inside a longer text too", "{node}:{file}", { subject: null }, "laptop:s-1"],
    [
      "may be made of every word",
      "{project} {session} {agent} {tool} {type} {node}",
      {},
      "/home/dev/shop s-1 a-1 Write claude-code.PostToolUse laptop",
    ],
    ["calls the main agent main", "{agent}", { agentId: null }, "main"],
    [
      "has dashes for what is not there",
      "{project}|{session}|{tool}",
      { project: null, sessionId: null, tool: null },
      "-|-|-",
    ],
    ["may be one for all", "all", {}, "all"],
    ["takes a file's name as it is", "{file}", { subject: "/a/{session} $& $1\n.py" }, "/a/{session} $& $1\n.py"],
    ["does not fill what was filled in", "x{file}", { subject: "/a/{session} $& $1.py" }, "x/a/{session} $& $1.py"],
    ["leaves words alone that it does not know", "{constructor}{file}", { subject: "/a" }, "{constructor}/a"],
  ];
  for (const [sentence, key, event, expected] of rows) {
    test(sentence, () => expect(keyOf({ key }, { ...EVENT, ...event })).toBe(expected));
  }
});
