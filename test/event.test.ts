// From spool file to CloudEvent: what is read out of a payload, and what is kept as it came.
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Event, makeEvent, type SpoolHeader, toCloudEventJson } from "../src/event/event.ts";

const context = {
  node: "n1",
  projectOf: (file: string | null, cwd: string | null, root: string | null) => file ?? cwd ?? root,
};
const header = (over: Partial<SpoolHeader> = {}): SpoolHeader => ({
  v: 1,
  id: "01a1fb65-8e06-7211-a9d5-44b5adcf2219",
  time: "2026-11-20T12:00:00.123Z",
  pid: 7,
  args: ["publish"],
  env: {},
  size: 1,
  flags: [],
  ...over,
});
const eventOf = (payload: unknown, over: Partial<SpoolHeader> = {}): Event =>
  makeEvent(
    header(over),
    typeof payload === "string" ? Buffer.from(payload) : Buffer.from(JSON.stringify(payload)),
    context,
  );

describe("a hook's payload", () => {
  test("becomes an event whose type, session, tool and file are the payload's", () => {
    const event = eventOf({
      session_id: "s",
      hook_event_name: "PostToolUse",
      cwd: "/p",
      tool_name: "Write",
      tool_use_id: "t",
      tool_input: { file_path: "/p/a b.py" },
    });
    expect(event).toMatchObject({
      id: header().id,
      type: "claude-code.PostToolUse",
      source: "/n1/claude-code",
      timeMs: Date.parse(header().time),
      subject: "/p/a b.py",
      sessionId: "s",
      tool: "Write",
      toolUseId: "t",
      agentId: null,
      project: "/p/a b.py",
      depth: 0,
    });
  });

  const recorded = readFileSync(join(import.meta.dir, "fixtures", "claude-code-2.1.329.jsonl"), "utf8")
    .trim()
    .split("\n");
  test(`keeps each of the ${recorded.length} recorded payloads byte for byte`, () => {
    for (const line of recorded) {
      const event = eventOf(`${line}\n`);
      expect(event.type).toBe(`claude-code.${JSON.parse(line).hook_event_name}`);
      expect(toCloudEventJson(event).endsWith(`"data":${line}}`)).toBe(true);
      expect(JSON.parse(toCloudEventJson({ ...event, seq: 5 }))).toMatchObject({
        specversion: "1.0",
        id: event.id,
        seq: 5,
        data: JSON.parse(line),
      });
    }
  });

  const paths: [string, object, string | null][] = [
    ["file_path", { tool_input: { file_path: "/p/a.py" } }, "/p/a.py"],
    ["notebook_path", { tool_input: { notebook_path: "/p/n.ipynb" } }, "/p/n.ipynb"],
    ["filePath (LSP)", { tool_input: { filePath: "/p/l.ts" } }, "/p/l.ts"],
    ["file_path of FileChanged", { file_path: "/p/changed" }, "/p/changed"],
    [
      "a relative path, against the session's directory",
      { cwd: "/p/", tool_input: { file_path: "x/a.py" } },
      "/p/x/a.py",
    ],
    ["no path where Grep searches a directory", { tool_input: { path: "/p" } }, null],
    ["no path where the field is no text", { tool_input: { file_path: 7 } }, null],
    ["no path where tool_input is no object", { tool_input: "rm -rf" }, null],
    ["a name with a newline and $(…)", { tool_input: { file_path: "/p/a\n$(id).py" } }, "/p/a\n$(id).py"],
  ];
  for (const [what, fields, file] of paths) {
    test(`names its file by ${what}`, () =>
      expect(eventOf({ hook_event_name: "PostToolUse", ...fields }).subject).toBe(file));
  }

  test("takes the session from the environment where the payload has none, and the depth", () => {
    const event = eventOf({ hook_event_name: "Stop" }, { env: { CLAUDE_CODE_SESSION_ID: "e", OFFHOOK_DEPTH: "2" } });
    expect(event).toMatchObject({ sessionId: "e", depth: 2 });
    expect(eventOf({ hook_event_name: "Stop" }, { env: { OFFHOOK_DEPTH: "lots" } }).depth).toBe(0);
  });
});

describe("what publish wrote always becomes an event", () => {
  const unreadable: [string, string | Uint8Array, string, string | undefined][] = [
    ["nothing", "", "text/plain", "offhook.unreadable"],
    ["text", "not JSON\n", "text/plain", "offhook.unreadable"],
    ["cut-off JSON", '{"hook_event_name":"St', "text/plain", "offhook.unreadable"],
    ["a JSON array", '[{"hook_event_name":"Stop"}]', "application/json", "offhook.unreadable"],
    ["a NUL byte", "{\u0000}", "text/plain", "offhook.unreadable"],
    ["invalid UTF-8", new Uint8Array([0x7b, 0xff, 0xfe, 0x7d]), "application/octet-stream", "offhook.unreadable"],
    ["an object without a hook's name", '{"a":1}', "application/json", "offhook.untyped"],
    ["a hook's name that is none", '{"hook_event_name":"a b\\n"}', "application/json", "offhook.untyped"],
  ];
  for (const [what, body, contentType, type] of unreadable) {
    test(what, () => {
      const event = makeEvent(header(), typeof body === "string" ? Buffer.from(body) : body, context);
      expect(event).toMatchObject({ contentType, type });
      const line = toCloudEventJson(event);
      expect(line).not.toContain("\n");
      const parsed = JSON.parse(line);
      const back =
        contentType === "application/octet-stream"
          ? Buffer.from(parsed.data_base64, "base64")
          : contentType === "text/plain"
            ? Buffer.from(parsed.data)
            : null;
      if (back !== null) expect(back).toEqual(Buffer.from(body));
    });
  }

  test("JSON nested 100,000 deep", () => {
    const body = `{"hook_event_name":"Stop","x":${"[".repeat(100_000)}${"]".repeat(100_000)}}`;
    const event = eventOf(body);
    expect(event.data).toBe(body);
    expect(toCloudEventJson(event)).toContain(body);
  });
});

test("a payload over several lines stays exact and prints as one line", () => {
  const body = '{\n  "hook_event_name": "Stop",\n  "n": 12345678901234567890\n}\n';
  const line = toCloudEventJson(eventOf(body));
  expect(line).not.toContain("\n");
  expect(line).toContain('"n": 12345678901234567890');
});

describe("a program's event", () => {
  test("has the type and subject of its arguments, and any JSON as data", () => {
    const event = eventOf("[1,2]", { args: ["publish", "--type", "render.finished", "--subject=out.png"], cwd: "/w" });
    expect(event).toMatchObject({
      type: "render.finished",
      subject: "out.png",
      source: "/n1/program",
      tool: null,
      project: "/w",
      contentType: "application/json",
      data: "[1,2]",
    });
  });

  test("is not read as a hook's payload", () => {
    const event = eventOf({ hook_event_name: "Stop", session_id: "s", tool_name: "Write" }, { args: ["--type", "x"] });
    expect(event).toMatchObject({ type: "x", tool: null, sessionId: null });
  });
});
