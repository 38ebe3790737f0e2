// Whether a consumer wants an event: each rule as a table of sentences.
import { describe, expect, test } from "bun:test";
import type { Event } from "../src/event/event.ts";
import { compileMatch, match } from "../src/match/match.ts";
import { consumer, noLinks, table, WRITE, wants } from "./match-table.ts";

const type = (name: string): Partial<Event> => ({ type: name });

table("on", [
  ["names a hook of Claude Code by its own name", 'on = ["PostToolUse"]', {}, true],
  ["names it by the whole type", 'on = ["claude-code.PostToolUse"]', {}, true],
  ["does not match a longer name", 'on = ["PostToolUse"]', type("claude-code.PostToolUseFailure"), false],
  ["does not match in the middle", 'on = ["ToolUse"]', {}, false],
  ["minds case", 'on = ["posttooluse"]', {}, false],
  ["one of several is enough", 'on = ["Stop", "PostToolUse"]', {}, true],
  ["a star matches within a part", 'on = ["*ToolUse"]', {}, true],
  ["a star matches nothing too", 'on = ["PostToolUse*"]', {}, true],
  ["a star alone matches every hook", 'on = ["*"]', {}, true],
  ["a star stops at a dot", 'on = ["*"]', type("render.finished"), false],
  ["a star stops at a dot behind the prefix", 'on = ["render.*"]', type("render.a.b"), false],
  ["two stars do not stop", 'on = ["render.**"]', type("render.a.b"), true],
  ["two stars match everything", 'on = ["**"]', type("a.b.c"), true],
  ["two stars in front", 'on = ["**.finished"]', type("a.b.finished"), true],
  ["other types have no short name", 'on = ["finished"]', type("render.finished"), false],
  ["a dot is a dot", 'on = ["render.finished"]', type("renderXfinished"), false],
  ["a question mark is one character but no dot", 'on = ["a?c"]', type("a.c"), false],
  ["what a regular expression would take is plain text", 'on = ["a+(b)"]', type("aab"), false],
  ["and matches itself", 'on = ["a+(b)"]', type("a+(b)"), true],
]);

table("tools", [
  ["matches by name", 'tools = ["Write"]', {}, true],
  ["not by part of a name", 'tools = ["Writ"]', {}, false],
  ["an event without a tool does not match", 'tools = ["*"]', { tool: null }, false],
  ["a glob takes the tools of a server", 'tools = ["mcp__memory__*"]', { tool: "mcp__memory__create" }, true],
  ["and no other server's", 'tools = ["mcp__memory__*"]', { tool: "mcp__web__get" }, false],
  ["a dot in a tool's name does not stop the star", 'tools = ["mcp__*"]', { tool: "mcp__claude.ai__x" }, true],
  ["an old name in the file matches the new one", 'tools = ["Task"]', { tool: "Agent" }, true],
  ["a new name in the file matches the old one", 'tools = ["Agent"]', { tool: "Task" }, true],
  ["KillBash is KillShell is TaskStop", 'tools = ["KillBash"]', { tool: "KillShell" }, true],
  ["ListMcpResources", 'tools = ["ListMcpResources"]', { tool: "ListMcpResourcesTool" }, true],
  ["ReadMcpResource", 'tools = ["ReadMcpResource"]', { tool: "ReadMcpResourceTool" }, true],
  ["Brief", 'tools = ["Brief"]', { tool: "SendUserMessage" }, true],
  ["ListPeers", 'tools = ["ListPeers"]', { tool: "ListAgents" }, true],
  ["ProposeGoal", 'tools = ["ProposeGoal"]', { tool: "SetGoal" }, true],
  ["a glob on the old name takes it where it comes", 'tools = ["KillB*"]', { tool: "KillBash" }, true],
  ["TaskCreate is not Task", 'tools = ["Task"]', { tool: "TaskCreate" }, false],
  ["a tool called constructor is just a name", 'tools = ["Write"]', { tool: "constructor" }, false],
]);

table("agent", [
  ["main is no subagent", 'agent = "main"', {}, true],
  ["main leaves out subagents", 'agent = "main"', { agentId: "a1" }, false],
  ["subagent takes them", 'agent = "subagent"', { agentId: "a1" }, true],
  ["subagent leaves out the main one", 'agent = "subagent"', {}, false],
  ["any takes both", 'agent = "any"', { agentId: "a1" }, true],
]);

table("where", [
  ["matches a value of the payload", 'where = { "data.permission_mode" = "acceptEdits" }', {}, true],
  ["with a glob", 'where = { "data.permission_mode" = "accept*" }', {}, true],
  ["the whole value, not a part", 'where = { "data.permission_mode" = "accept" }', {}, false],
  ["a star goes on over slashes and newlines", 'where = { "data.tool_input.command" = "git *origin" }', {}, true],
  ["tables of TOML mean the same", "where.data.permission_mode = 'acceptEdits'", {}, true],
  ["all must hold", 'where = { "data.permission_mode" = "acceptEdits", "tool" = "Edit" }', {}, false],
  ["an attribute", 'where = { tool = "Wri*", sessionid = "s-1", node = "laptop" }', {}, true],
  ["an attribute that the event has not", 'where = { agentid = "*" }', {}, false],
  ["the time", 'where = { time = "2026-03-01T12:*" }', {}, true],
  ["a number of the file and of the event", "where = { depth = 0 }", {}, true],
  ["a truth value", 'where = { "data.tool_input.flag" = true }', {}, true],
  ["null is the text null", 'where = { "data.tool_input.none" = "null" }', {}, true],
  ["what is not there matches nothing", 'where = { "data.nowhere" = "*" }', {}, false],
  ["nor what is inside of a text", 'where = { "data.permission_mode.length" = "*" }', {}, false],
  ["an entry of a list", 'where = { "data.tool_input.edits.0.n" = "1" }', {}, true],
  ["a list is its JSON", 'where = { "data.tool_input.edits" = "[{*}]" }', {}, true],
  ["what JavaScript has on every value is not there", 'where = { "data.constructor.name" = "*" }', {}, false],
  ["nor on a list", 'where = { "data.tool_input.edits.map" = "*" }', {}, false],
  ["plain text as payload", 'where = { data = "hello*" }', { contentType: "text/plain", data: "hello\nyou" }, true],
  ["plain text has no inside", 'where = { "data.x" = "*" }', { contentType: "text/plain", data: "x" }, false],
  ["bytes have no text", 'where = { data = "*" }', { contentType: "application/octet-stream", data: "AAEC" }, false],
  ["a payload that is null", 'where = { "data.x" = "*" }', { data: "null" }, false],
  ["a __proto__ in the payload is its own", 'where = { "data.x" = "1" }', { data: '{"__proto__":{"x":1}}' }, false],
  [
    "a payload nested 100,000 deep has no text, and harms nothing",
    'where = { "data.a" = "*" }',
    { data: `{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}` },
    false,
  ],
]);

describe("the explanation", () => {
  test("names each rule that the file sets, in order, with what was wanted and what there was", () => {
    const keys =
      'on = ["PostToolUse"]\ntools = ["Edit", "Bash"]\nfiles = ["*.py"]\nprojects = ["~/shop"]\nagent = "main"\nwhere = { "data.x" = "1" }';
    expect(match(consumer(keys), WRITE, noLinks)).toEqual({
      matched: false,
      rules: [
        { rule: "on", wanted: '"PostToolUse"', got: '"claude-code.PostToolUse"', ok: true },
        { rule: "tools", wanted: '"Edit" or "Bash"', got: '"Write"', ok: false },
        { rule: "files", wanted: '"*.py"', got: '"src/cart.py"', ok: true },
        { rule: "projects", wanted: '"/home/dev/shop"', got: '"/home/dev/shop"', ok: true },
        { rule: "agent", wanted: "main", got: "main", ok: true },
        { rule: "where", wanted: 'data.x = "1"', got: "nothing", ok: false },
      ],
    });
  });
  test("has only on when nothing else is set", () => {
    expect(match(consumer(""), WRITE, noLinks).rules.map((rule) => rule.rule)).toEqual(["on"]);
  });
  test("says what is missing in words", () => {
    const keys = 'tools = ["x"]\nfiles = ["x"]\nprojects = ["/x"]\nwhere = { agentid = "x" }';
    const { rules } = match(consumer(keys), { ...WRITE, tool: null, subject: null, project: null }, noLinks);
    expect(rules.map((rule) => rule.got).slice(1)).toEqual(["no tool", "no file", "no project", "nothing"]);
  });
  test("keeps a long or many-lined value to one short line", () => {
    const long = match(
      consumer('files = ["*.py"]'),
      { ...WRITE, subject: `/home/dev/shop/a\n${"x".repeat(3_000)}` },
      noLinks,
    );
    expect(long.rules[1]?.got).not.toContain("\n");
    expect(long.rules[1]?.got.length).toBeLessThan(300);
  });
});

describe("the payload", () => {
  test("is not parsed when no rule asks for it", () => {
    expect(wants('on = ["PostToolUse"]', { data: "not JSON at all" })).toBe(true);
  });
  test("is not parsed when an earlier rule has said no", () => {
    const quick = compileMatch(consumer('on = ["Stop"]\nwhere = { "data.x" = "1" }'), noLinks);
    expect(quick({ ...WRITE, data: "not JSON at all" })).toBe(false);
  });
  test("is parsed once for many rules", () => {
    let reads = 0;
    const event = Object.defineProperty({ ...WRITE }, "data", {
      get() {
        reads++;
        return '{"a":"1","b":"2","c":"3"}';
      },
    });
    expect(compileMatch(consumer('where = { "data.a" = "1", "data.b" = "2", "data.c" = "3" }'), noLinks)(event)).toBe(
      true,
    );
    expect(reads).toBe(1);
  });
});
