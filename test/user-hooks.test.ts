// Which hooks of others stand in a user's settings: those of a Write by where they stand, the rest with the reason why not.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { handlerOf } from "../src/claude/command.ts";
import { userHooks } from "../src/claude/user-hooks.ts";

let root: string;
let configDir: string;
let project: string;
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "offhook-user-hooks-")));
  configDir = join(root, "user", ".claude");
  project = join(root, "project");
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const FILES = {
  user: () => join(configDir, "settings.json"),
  project: () => join(project, ".claude", "settings.json"),
  local: () => join(project, ".claude", "settings.local.json"),
};

function write(scope: keyof typeof FILES, text: unknown): string {
  const path = FILES[scope]();
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, typeof text === "string" ? text : JSON.stringify(text));
  return path;
}

const look = () => userHooks({ configDir, project, managed: [] });
const command = (line: string, more: object = {}) => ({ type: "command", command: line, ...more });
const hooks = (event: string, matcher: string | undefined, ...entries: object[]) => ({
  hooks: { [event]: [{ ...(matcher === undefined ? {} : { matcher }), hooks: entries }] },
});

test("hooks of a Write are told with all that they say and where they stand; the files stay as they are", () => {
  const paths = [
    write(
      "user",
      hooks("PostToolUse", "Write|Edit", command("fmt", { timeout: 7 }), command("lint", { args: ["--fix"] })),
    ),
    write("project", hooks("PreToolUse", undefined, command("guard", { if: "Write(*.py)" }))),
    write("local", hooks("PostToolUse", "W.*", command("tell", { async: true }))),
  ];
  const before = paths.map((path) => [readFileSync(path, "utf8"), statSync(path).mtimeMs]);
  const base = { matcher: null, args: null, timeoutS: null, condition: null, isAsync: false };
  expect(look()).toEqual({
    hooks: [
      { ...base, event: "PostToolUse", matcher: "Write|Edit", command: "fmt", timeoutS: 7, source: "user" },
      { ...base, event: "PostToolUse", matcher: "Write|Edit", command: "lint", args: ["--fix"], source: "user" },
      { ...base, event: "PostToolUse", matcher: "W.*", command: "tell", isAsync: true, source: "local" },
      { ...base, event: "PreToolUse", command: "guard", condition: "Write(*.py)", source: "project" },
    ],
    left: [],
    own: 0,
    notes: [],
  });
  expect(paths.map((path) => [readFileSync(path, "utf8"), statSync(path).mtimeMs])).toEqual(before);
});

test("offhook's own are counted and not told, in every form that setup writes", () => {
  const binary = "/home/a b/.local/bin/offhook";
  const forms = [{ kind: "exec", binary }, { kind: "shell", binary }, { kind: "portable" }] as const;
  write("user", hooks("PostToolUse", undefined, ...forms.map((form) => handlerOf(form, 5)), command("offhook status")));
  const found = look();
  expect(found.own).toBe(3);
  expect(found.hooks.map((hook) => hook.command)).toEqual(["offhook status"]);
});

test("what is no command, of another event or of another tool is told with the reason", () => {
  write("user", {
    hooks: {
      PostToolUse: [
        {
          matcher: "Write",
          hooks: [
            { type: "http", url: "http://127.0.0.1:1/" },
            { type: "prompt", prompt: "p" },
            { type: "agent", prompt: "p" },
            { type: "mcp_tool", server: "s", tool: "t" },
            { command: "no type" },
            { type: "command" },
            command("args", { args: "no list" }),
            command("ps", { shell: "powershell" }),
            "no object",
            null,
          ],
        },
        { matcher: "Edit|Bash", hooks: [command("for edits")] },
        { matcher: ["Write"], hooks: [command("matcher is a list")] },
        { matcher: 1, hooks: [command("matcher is a number")] },
      ],
      Stop: [{ hooks: [command("at the end")] }],
    },
  });
  const found = look();
  expect(found.hooks).toEqual([]);
  expect(found.left.map(({ what, why }) => `${what}: ${why}`)).toEqual([
    "a hook of type http: it is no command but of type http",
    "a hook of type prompt: it is no command but of type prompt",
    "a hook of type agent: it is no command but of type agent",
    "a hook of type mcp_tool: it is no command but of type mcp_tool",
    "no type: it has no type, so Claude Code does not run it",
    "a hook of type command: it has no command",
    "args: its args are no list of texts",
    "ps: it is a line for PowerShell",
    "a hook without a type: it has no type, so Claude Code does not run it",
    "a hook without a type: it has no type, so Claude Code does not run it",
    'for edits: its matcher "Edit|Bash" does not fit a Write',
    "matcher is a list: its matcher is no text",
    "matcher is a number: its matcher is no text",
    "at the end: Stop is not about a Write",
  ]);
});

test("the same command in several files is told once, as the user's where the user has it", () => {
  const same = hooks("PostToolUse", "Write", command("fmt"), command("fmt", { args: [] }));
  write("project", same);
  write("local", hooks("PostToolUse", "*", command("fmt"), command("only here")));
  write("user", hooks("PostToolUse", "Edit|Write", command("fmt")));
  expect(look().hooks.map(({ command: line, args, source }) => [line, args, source])).toEqual([
    ["fmt", null, "user"],
    ["only here", null, "local"],
    ["fmt", [], "project"],
  ]);
});

test("a project that is the home directory has no settings of its own", () => {
  write("user", hooks("PostToolUse", "Write", command("fmt")));
  const found = userHooks({ configDir, project: dirname(configDir), managed: [] });
  expect(found.hooks.map(({ source }) => source)).toEqual(["user"]);
});

test("settings that cannot be read are told by place, and the others still count", () => {
  const broken = write("user", '{ "hooks": {} // a comment\n}');
  const directory = FILES.project();
  mkdirSync(directory, { recursive: true });
  write("local", hooks("PostToolUse", "Write", command("fmt")));
  const found = look();
  expect(found.hooks.map((hook) => hook.command)).toEqual(["fmt"]);
  expect(found.notes).toEqual([
    `${broken}:1:15: a comment: JSON has none, and Claude Code would not load the file; its hooks are not seen`,
    `${directory} is not a file; its hooks are not seen`,
  ]);
});

test("where hooks are switched off none is told as running, and which switch says so", () => {
  write("user", { disableAllHooks: true, ...hooks("PostToolUse", "Write", command("fmt")) });
  const off = look();
  expect(off.hooks).toEqual([]);
  expect(off.left).toEqual([{ event: "PostToolUse", what: "fmt", source: "user", why: "disableAllHooks is set" }]);
  expect(off.notes).toEqual([`disableAllHooks is set in ${FILES.user()}: no hook runs at all`]);
  // The last word counts.
  write("local", { disableAllHooks: false });
  expect(look()).toMatchObject({ notes: [], left: [], hooks: [{ command: "fmt" }] });
  const managed = join(root, "managed.json");
  writeFileSync(managed, JSON.stringify({ allowManagedHooksOnly: true }));
  expect(userHooks({ configDir, project, managed: [managed] }).hooks).toEqual([]);
});

test("without settings, and without a project, there is nothing to tell", () => {
  const nothing = { hooks: [], left: [], own: 0, notes: [] };
  expect(look()).toEqual(nothing);
  write("project", hooks("PostToolUse", "Write", command("fmt")));
  expect(userHooks({ configDir, project: null, managed: [] })).toEqual(nothing);
});
