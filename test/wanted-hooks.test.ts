// Which hooks the consumers need, and what no hook will ever bring them.
import { describe, expect, test } from "bun:test";
import { HOOK_EVENTS } from "../src/claude/hook-events.ts";
import { coversTool } from "../src/claude/matcher.ts";
import { parseVersion } from "../src/claude/version.ts";
import { hookSends, hooksWanted, type Waiting } from "../src/claude/wanted.ts";

const NOW = parseVersion("2.1.329");
const consumer = (over: Partial<Waiting>): Waiting => ({
  name: "lint",
  on: ["PostToolUse"],
  tools: null,
  files: null,
  enabled: true,
  ...over,
});
const wanted = (...consumers: Partial<Waiting>[]) => hooksWanted(consumers.map(consumer), NOW);
const names = (...consumers: Partial<Waiting>[]) => wanted(...consumers).hooks.map(({ event }) => event);
const matcher = (...tools: (string[] | null)[]) => wanted(...tools.map((one) => ({ tools: one }))).hooks[0]!.matcher;
const why = (over: Partial<Waiting>, version = NOW) => hooksWanted([consumer(over)], version).unsent;

test("there are the 33 events of Claude Code 2.1.329, each once", () => {
  expect(new Set(HOOK_EVENTS.map(({ name }) => name)).size).toBe(33);
});

describe("events", () => {
  test("only those that somebody waits for, in a fixed order, whoever comes first", () => {
    const stop = { name: "b", on: ["Stop", "claude-code.SessionEnd"] };
    const write = { name: "a", on: ["PostToolUse"] };
    expect(wanted(stop, write)).toEqual(wanted(write, stop));
    expect(names(stop, write)).toEqual(["PostToolUse", "SessionEnd", "Stop"]);
    expect(names()).toEqual([]);
  });

  test("timeouts are seconds: 5, and 2 at the end of a session", () => {
    expect(wanted({ on: ["Stop", "SessionEnd"] }).hooks.map(({ timeoutS }) => timeoutS)).toEqual([2, 5]);
  });

  test("globs stand for all that they fit", () => {
    expect(names({ on: ["Post*"] })).toEqual(["PostToolUse", "PostToolUseFailure", "PostCompact", "PostModelSwitch"]);
    expect(names({ on: ["claude-code.Sub*"] })).toEqual(["SubagentStart", "SubagentStop"]);
    expect(names({ on: ["offhook.*", "render.finished"] })).toEqual([]);
  });

  test("everything is every event but those that must be named, and the one that is never hooked", () => {
    for (const on of [["*"], ["**"], ["claude-code.*"]]) {
      const all = names({ on });
      expect(all).toHaveLength(28);
      for (const event of ["WorktreeCreate", "PostToolBatch", "PreModelSwitch", "FileChanged", "MessageDisplay"])
        expect(all).not.toContain(event);
      expect(why({ on })).toEqual([]);
    }
  });

  test("what must be named comes for the one who names it", () => {
    expect(names({ on: ["PostToolBatch", "claude-code.PreModelSwitch", "MessageDisplay"] }).sort()).toEqual([
      "MessageDisplay",
      "PostToolBatch",
      "PreModelSwitch",
    ]);
    expect(names({ on: ["Message*"] })).toEqual([]);
  });

  test("a consumer that is switched off needs nothing", () => {
    expect(wanted({ enabled: false, on: ["Stop", "WorktreeCreate"] })).toEqual({ hooks: [], unsent: [] });
  });
});

describe("what cannot come is told", () => {
  test("WorktreeCreate, which a hook that looks on would break", () => {
    expect(names({ on: ["WorktreeCreate", "Stop"] })).toEqual(["Stop"]);
    expect(why({ on: ["WorktreeCreate"] })).toMatchObject([{ consumer: "lint", event: "WorktreeCreate" }]);
  });

  test("an event of a later Claude Code, to those who name it", () => {
    const old = parseVersion("2.1.218");
    const on = ["DirectoryAdded", "PostModelSwitch", "Stop"];
    const result = hooksWanted([consumer({ on }), consumer({ name: "log", on: ["*"] })], old);
    expect(result.hooks.map(({ event }) => event)).not.toContain("DirectoryAdded");
    expect(result.unsent.map(({ consumer: name, event, why: reason }) => `${name} ${event}: ${reason}`)).toEqual([
      "lint PostModelSwitch: it needs Claude Code 2.1.251, and this is 2.1.218",
      "lint DirectoryAdded: it needs Claude Code 2.1.219, and this is 2.1.218",
    ]);
    expect(hooksWanted([consumer({ on })], parseVersion("2.1.251")).unsent).toEqual([]);
  });

  test("before 2.1.101, where a name that is not known costs the whole file, only the oldest events", () => {
    const asked = consumer({ on: ["Stop", "StopFailure", "PostToolUse"] });
    const of = (version: string) => hooksWanted([asked], parseVersion(version));
    expect(of("2.1.100").hooks.map(({ event }) => event)).toEqual(["PostToolUse", "Stop"]);
    expect(of("2.1.100").unsent).toMatchObject([{ event: "StopFailure", why: expect.stringContaining("2.1.101") }]);
    expect(of("2.1.101")).toMatchObject({ hooks: { length: 3 }, unsent: [] });
    expect(hooksWanted([asked], null)).toMatchObject({ hooks: { length: 3 }, unsent: [] });
  });

  test("the same where the version is not known: an old one drops a file for a name that it does not know", () => {
    expect(hooksWanted([consumer({ on: ["MessageDisplay", "Stop"] })], null).hooks).toHaveLength(1);
    expect(why({ on: ["MessageDisplay"] }, null)[0]!.why).toContain("not known");
  });

  test("an event in another spelling, and one that there is not", () => {
    expect(why({ on: ["postToolUse", "claude-code.stop"] }).map((one) => one.why)).toEqual([
      "it is written PostToolUse",
      "it is written Stop",
    ]);
    expect(why({ on: ["PostToolUsed"] })[0]!.why).toContain("no such event");
    expect(why({ on: ["deployed", "my.event", "Render*", "offhook.delivery.failed"] })).toEqual([]);
  });

  test("an event without a tool, to one who waits for tools; everything else means only those with one", () => {
    expect(why({ on: ["Stop"], tools: ["Write"] })[0]!.why).toContain("tools is set");
    expect(names({ on: ["*"], tools: ["Write"] })).toEqual([
      "PreToolUse",
      "PostToolUse",
      "PostToolUseFailure",
      "PermissionRequest",
      "PermissionDenied",
    ]);
  });

  test("FileChanged watches plain names: others are told", () => {
    const named = { on: ["FileChanged"], files: ["package.json", ".env", "src/**/*.ts"] };
    expect(wanted(named, { ...named, name: "b", files: ["Makefile"] }).hooks).toEqual([
      { event: "FileChanged", matcher: ".env|Makefile|package.json", timeoutS: 5 },
    ]);
    expect(names({ on: ["FileChanged"], files: ["*.ts", "!x"] })).toEqual([]);
    expect(why({ on: ["FileChanged"] })[0]!.why).toContain("plain names");
  });
});

describe("matchers", () => {
  test("plain names are joined, sorted, each once", () => {
    expect(matcher(["Write", "Edit"], ["NotebookEdit", "Write"])).toBe("Edit|NotebookEdit|Write");
    expect(matcher(["mcp__memory__add-note"])).toBe("mcp__memory__add-note");
  });

  test("one who wants every tool makes it all", () => {
    expect(matcher(["Write"], null)).toBe(null);
    expect(matcher(["Write"], ["*"])).toBe(null);
    expect(matcher(["**"])).toBe(null);
  });

  test("a glob makes it one anchored expression, in which nothing else is one", () => {
    expect(matcher(["Write", "mcp__git.hub__*", "B?sh"])).toBe("^(?:B.sh|Write|mcp__git\\.hub__.*)$");
    expect(new RegExp(matcher(["Edit*"])!).test("NotebookEdit")).toBe(false);
  });

  test("a tool of two names is matched under both", () => {
    expect(matcher(["Task"])).toBe("Agent|Task");
  });

  test("events without a tool have none", () => {
    expect(wanted({ on: ["Stop"] }, { on: ["Stop", "PostToolUse"], tools: ["Write"] }).hooks).toEqual([
      { event: "PostToolUse", matcher: "Write", timeoutS: 5 },
      { event: "Stop", matcher: null, timeoutS: 5 },
    ]);
  });
});

describe("whether hooks send what a consumer waits for", () => {
  test("the hooks that are made for consumers send it, for any of them", () => {
    const lists = [null, ["Write"], ["Task", "mcp__*"], ["mcp__a__?", "x.y"], ["*"], ["Edit", "Write"]];
    const ons = [["PostToolUse"], ["*"], ["Stop", "PreToolUse"], ["FileChanged"], ["Post*"], ["SessionEnd"]];
    const all = lists.flatMap((tools) => ons.map((on) => consumer({ tools, on, files: ["a.json", "b"] })));
    for (const one of all) {
      for (const other of all) {
        const { hooks } = hooksWanted([one, other], NOW);
        expect([one, hookSends(hooks, one)]).toEqual([one, []]);
      }
    }
  });

  test("an event that no hook sends is named", () => {
    const { hooks } = wanted({ on: ["Stop"] });
    expect(hookSends(hooks, consumer({ on: ["Stop", "PostToolUse", "PreCompact"] }))).toEqual([
      "PostToolUse",
      "PreCompact",
    ]);
    expect(hookSends(hooks, consumer({ on: ["PreCompact"], enabled: false }))).toEqual([]);
  });

  test("a matcher that lets too little through is none", () => {
    const hooks = (...matchers: (string | null)[]) => matchers.map((one) => ({ event: "PostToolUse", matcher: one }));
    expect(hookSends(hooks("Write"), consumer({ tools: ["Write", "Edit"] }))).toEqual(["PostToolUse"]);
    expect(hookSends(hooks("Write", "Edit, Bash"), consumer({ tools: ["Write", "Edit"] }))).toEqual([]);
    expect(hookSends(hooks("Write"), consumer({}))).toEqual(["PostToolUse"]);
    expect(hookSends(hooks("*"), consumer({}))).toEqual([]);
    expect(hookSends(hooks("Agent"), consumer({ tools: ["Task"] }))).toEqual([]);
    expect(hookSends(hooks("mcp__.*"), consumer({ tools: ["mcp__github__*"] }))).toEqual([]);
    expect(hookSends(hooks("mcp__git"), consumer({ tools: ["mcp__git*"] }))).toEqual(["PostToolUse"]);
  });

  test("a matcher is read as Claude Code reads it", () => {
    expect(coversTool("Edit.*", "NotebookEdit")).toBe(true);
    expect(coversTool("Edit", "NotebookEdit")).toBe(false);
    expect(coversTool("(", "Edit")).toBe(false);
  });
});
