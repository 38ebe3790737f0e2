// What is looked at around the settings: where they are, what switches hooks off, which Claude Code there is, which sessions it had,
// and the record of the files that have our hooks.
import { beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { configDirOf, managedPaths, settingsPath } from "../src/claude/places.ts";
import { forgetSettings, knownSettings, noteSettings } from "../src/claude/record.ts";
import { registeredHooks, troubleOf } from "../src/claude/registered.ts";
import { switchedOff } from "../src/claude/switches.ts";
import { recentTranscripts } from "../src/claude/transcripts.ts";
import { claudeVersion, isAtLeast, parseVersion } from "../src/claude/version.ts";
import { makeScratch } from "./binary.ts";

const scratch = makeScratch();
let root: string;
beforeEach(() => {
  root = scratch.directory("places");
});

function put(name: string, content: unknown): string {
  const path = join(root, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

describe("where settings are", () => {
  test("in CLAUDE_CONFIG_DIR, else in .claude at home; a project's own below it", () => {
    expect(configDirOf({ HOME: "/home/u", CLAUDE_CONFIG_DIR: "/etc/me" })).toBe("/etc/me");
    expect(configDirOf({ HOME: "/home/u", CLAUDE_CONFIG_DIR: "" })).toBe("/home/u/.claude");
    const at = { configDir: "/home/u/.claude", project: "/p" };
    expect((["user", "project", "local"] as const).map((scope) => settingsPath(scope, at))).toEqual([
      "/home/u/.claude/settings.json",
      "/p/.claude/settings.json",
      "/p/.claude/settings.local.json",
    ]);
  });

  test("without a home, or a project's without a project, it is told", () => {
    expect(() => configDirOf({})).toThrow(expect.objectContaining({ exitCode: 78 }));
    expect(() => settingsPath("local", { configDir: "/c", project: null })).toThrow(
      expect.objectContaining({ exitCode: 64 }),
    );
  });

  test("the organisation's: one file, then the drop-ins by name", () => {
    put("managed-settings.d/20-b.json", {});
    put("managed-settings.d/10-a.json", {});
    put("managed-settings.d/notes.txt", "");
    put("managed-settings.d/.hidden.json", {});
    expect(managedPaths(root).map((path) => path.slice(root.length + 1))).toEqual([
      "managed-settings.json",
      "managed-settings.d/10-a.json",
      "managed-settings.d/20-b.json",
    ]);
    expect(managedPaths(join(root, "none"))).toHaveLength(1);
  });
});

describe("switches", () => {
  const look = (managed: string[] = []) =>
    switchedOff({ configDir: join(root, "config"), project: join(root, "project"), managed });
  const keys = (managed?: string[]) => look(managed).map(({ key, file }) => `${key} in ${file.slice(root.length + 1)}`);

  test("none, also where files are broken or not there", () => {
    expect(keys()).toEqual([]);
    put("config/settings.json", '{"disableAllHooks": true,}');
    expect(keys([join(root, "none.json")])).toEqual([]);
  });

  test("disableAllHooks: the last word counts, local before project before user, the organisation before all", () => {
    put("config/settings.json", { disableAllHooks: true });
    expect(keys()).toEqual(["disableAllHooks in config/settings.json"]);
    put("project/.claude/settings.json", { disableAllHooks: false });
    expect(keys()).toEqual([]);
    put("project/.claude/settings.local.json", { disableAllHooks: true });
    expect(keys()).toEqual(["disableAllHooks in project/.claude/settings.local.json"]);
    const managed = put("managed.json", { disableAllHooks: false });
    expect(keys([managed])).toEqual([]);
    expect(keys([managed, put("later.json", { disableAllHooks: true })])).toEqual(["disableAllHooks in later.json"]);
  });

  test("what only the organisation may say counts from nobody else", () => {
    const settings = { allowManagedHooksOnly: true, strictPluginOnlyCustomization: ["skills", "hooks"] };
    put("config/settings.json", settings);
    put("project/.claude/settings.json", settings);
    expect(keys()).toEqual([]);
    expect(keys([put("managed.json", settings)])).toEqual([
      "allowManagedHooksOnly in managed.json",
      "strictPluginOnlyCustomization in managed.json",
    ]);
    expect(keys([put("managed.json", { strictPluginOnlyCustomization: ["skills"] })])).toEqual([]);
  });

  test("a plugin that publishes too is told when it is on", () => {
    const plugin = (name: string, hooks: object) => {
      put(`plugins/${name}/hooks/hooks.json`, { description: "x", hooks });
      return [{ scope: "user", installPath: join(root, "plugins", name), version: "1.0.0" }];
    };
    const ours = {
      Stop: [{ hooks: [{ type: "command", command: "${CLAUDE_PLUGIN_ROOT}/bin/offhook", args: ["publish"] }] }],
    };
    const others = { Stop: [{ hooks: [{ type: "command", command: "say" }] }], Setup: "x" };
    put("plugins/named/.claude-plugin/plugin.json", { name: "named", hooks: "./config/h.json" });
    put("plugins/named/config/h.json", { hooks: ours });
    put("config/plugins/installed_plugins.json", {
      version: 2,
      plugins: {
        "ours@m": plugin("ours", ours),
        "off@m": plugin("off", ours),
        "others@m": plugin("others", others),
        "named@m": { installPath: join(root, "plugins", "named") },
        "gone@m": [{ installPath: join(root, "nowhere") }],
        "odd@m": ["x", null, { installPath: 5 }],
      },
    });
    const enabledPlugins = Object.fromEntries(
      ["ours", "off", "others", "named", "gone", "odd"].map((name) => [`${name}@m`, true]),
    );
    put("config/settings.json", { enabledPlugins });
    put("project/.claude/settings.local.json", { enabledPlugins: { "off@m": false } });
    expect(keys()).toEqual([
      "enabledPlugins.ours@m in plugins/ours/hooks/hooks.json",
      "enabledPlugins.named@m in plugins/named/config/h.json",
    ]);
  });
});

describe("the version of Claude Code", () => {
  function fake(script: string): () => string {
    const path = put("bin/claude", `#!/bin/sh\n${script}\n`);
    chmodSync(path, 0o755);
    return () => path;
  }

  test("is what the program says", () => {
    expect(claudeVersion(fake("echo '2.1.329 (Claude Code)'"))).toEqual({
      major: 2,
      minor: 1,
      patch: 329,
      text: "2.1.329",
    });
  });

  test("is not known where there is no program, where it fails, says something else or cannot be started", () => {
    expect(claudeVersion(() => null)).toBe(null);
    expect(claudeVersion(fake("echo 2.1.329; exit 1"))).toBe(null);
    expect(claudeVersion(fake("echo hello"))).toBe(null);
    expect(claudeVersion(() => join(root, "none"))).toBe(null);
  });

  test("a program that does not end is not waited for, nor what it leaves behind with its output open", () => {
    const late = join(root, "late");
    expect(claudeVersion(fake(`sleep 20; touch '${late}'; echo 2.1.329`), 300)).toBe(null);
    expect(claudeVersion(fake(`{ sleep 10; touch '${late}'; } & echo 2.1.329`), 300)?.text ?? null).toBeOneOf([
      null,
      "2.1.329",
    ]);
    expect(existsSync(late)).toBe(false);
  });

  test("it is asked without the secrets of this environment, and not in this directory", () => {
    process.env.OFFHOOK_TEST_SECRET = "s3cret";
    try {
      const at = join(root, "asked");
      claudeVersion(fake(`{ pwd; env; } > '${at}'; echo 2.1.1`));
      expect(readFileSync(at, "utf8")).not.toContain("s3cret");
      expect(readFileSync(at, "utf8")).toStartWith("/\n");
    } finally {
      delete process.env.OFFHOOK_TEST_SECRET;
    }
  });

  test("is compared by its numbers", () => {
    const version = (text: string) => parseVersion(text)!;
    expect(isAtLeast(version("2.1.139"), "2.1.139")).toBe(true);
    expect(isAtLeast(version("2.1.99"), "2.1.139")).toBe(false);
    expect(isAtLeast(version("2.2.0"), "2.1.139")).toBe(true);
    expect(isAtLeast(version("1.9.999"), "2.1.139")).toBe(false);
    expect(parseVersion("v 1.2")).toBe(null);
    expect(parseVersion("claude 3.0.1-beta")?.text).toBe("3.0.1");
  });
});

test("transcripts: the sessions since a time, the newest first, without those of subagents", () => {
  const at = (name: string, seconds: number) => {
    const path = put(`config/projects/${name}`, "{}\n");
    utimesSync(path, seconds, seconds);
    return path;
  };
  at("-p-shop/old.jsonl", 1_000);
  const one = at("-p-shop/one.jsonl", 2_000);
  const two = at("-p-blog/two.jsonl", 3_000);
  at("-p-blog/agent-a1.jsonl", 3_000);
  at("-p-blog/two/subagents/agent-b.jsonl", 3_000);
  at("-p-blog/notes.txt", 3_000);
  expect(recentTranscripts(join(root, "config"), 2_000_000)).toEqual([
    { session: "two", path: two, changedMs: 3_000_000 },
    { session: "one", path: one, changedMs: 2_000_000 },
  ]);
  expect(recentTranscripts(join(root, "none"), 0)).toEqual([]);
});

describe("the record of settings files", () => {
  const one = { path: "/p/.claude/settings.json", scope: "project", form: "portable" } as const;
  const other = { path: "/home/u/.claude/settings.json", scope: "user", form: "exec" } as const;

  test("knows what was noted, by path, with the first time, until it is forgotten", () => {
    expect(knownSettings(root)).toEqual([]);
    noteSettings(root, one, 0);
    noteSettings(root, other, 1_000);
    noteSettings(root, { ...one, form: "exec" }, 5_000);
    expect(knownSettings(root)).toEqual([
      { ...other, since: "1970-01-01T00:00:01.000Z" },
      { ...one, form: "exec", since: "1970-01-01T00:00:00.000Z" },
    ]);
    expect(statSync(join(root, "hooks.json")).mode & 0o777).toBe(0o600);
    forgetSettings(root, one.path);
    forgetSettings(root, "/nobody");
    expect(knownSettings(root).map(({ path }) => path)).toEqual([other.path]);
  });

  for (const text of ["", "{", "[]", '{"v":2,"settings":[]}', '{"v":1,"settings":[{"path":"relative"}]}']) {
    test(`a damaged one is told: ${JSON.stringify(text)}`, () => {
      put("hooks.json", text);
      expect(() => knownSettings(root)).toThrow(expect.objectContaining({ exitCode: 78 }));
    });
  }
});

describe("what is registered", () => {
  test("ours with what it says, the others counted", () => {
    const path = put("settings.json", {
      hooks: {
        PostToolUse: [
          { matcher: "Write", hooks: [{ type: "command", command: "/a/offhook", args: ["publish"], timeout: 5 }] },
          {
            hooks: [
              { type: "command", command: "x" },
              { type: "http", url: "http://x" },
            ],
          },
        ],
        Stop: [{ hooks: [{ type: "command", command: "offhook publish" }] }],
      },
    });
    expect(registeredHooks(path)).toEqual({
      state: "ok",
      why: null,
      hooks: [
        {
          event: "PostToolUse",
          matcher: "Write",
          command: "/a/offhook",
          args: ["publish"],
          timeout: 5,
          binary: "/a/offhook",
        },
        { event: "Stop", matcher: null, command: "offhook publish", args: null, timeout: null, binary: null },
      ],
      foreign: { PostToolUse: 2 },
    });
  });

  test("a file that is not there has none, one that does not parse says where", () => {
    expect(registeredHooks(join(root, "none.json"))).toEqual({ state: "absent", why: null, hooks: [], foreign: {} });
    const path = put("broken.json", '{\n "a": }');
    expect(registeredHooks(path)).toMatchObject({
      state: "unreadable",
      why: `${path}:2:7: a value is missing before "}"`,
    });
  });

  test("what is wrong with one", () => {
    const hook = {
      event: "Stop",
      matcher: null,
      command: "/a/offhook",
      args: ["publish"],
      timeout: 5,
      binary: "/a/offhook",
    };
    expect(troubleOf(hook)).toBe(null);
    expect(troubleOf({ ...hook, timeout: 5000 })).toContain("in seconds");
    expect(troubleOf({ ...hook, timeout: null })).toContain("10 minutes");
    expect(troubleOf({ ...hook, event: "stop" })).toContain("no event stop");
  });
});
