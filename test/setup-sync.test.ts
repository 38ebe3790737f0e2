// `offhook setup --sync`, and what `status` says when the hooks are out of line with the consumer files.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Machine, openMachine } from "./fresh-machine.ts";
import { KEY } from "./screen.ts";

let on: Machine;
beforeEach(async () => {
  on = openMachine();
  await on.json(["setup", "--yes", "--service", "none"]);
});
afterEach(() => on.end());

const SYNC = ["setup", "--sync", "--yes"];
const keysOf = (value: object) => Object.keys(value).sort();
const sorted = (keys: string) => keys.split(" ").sort();
const consumer = (name: string, toml: string) => on.write(`.offhook/consumers/${name}.toml`, toml, 0o600);
const eventsIn = (name: string) => Object.keys(JSON.parse(on.read(name)).hooks ?? {}).sort();

test("a file that was added by hand waits in vain, status says so, and --sync mends it", async () => {
  consumer("mine", `on = ["Stop"]\nbuiltin = "none"\n`);
  consumer("many", `on = ["SessionStart", "SessionEnd"]\nbuiltin = "none"\n`);
  await on.consume();
  const before = await on.run(["status"]);
  expect(before.exitCode).toBe(1);
  expect(before.stdout).toContain("! mine waits for Stop, and no hook sends it. Mend it: offhook setup --sync\n");
  expect(before.stdout).toContain("! many waits for SessionStart, SessionEnd, and no hook sends them.");
  const { consumers } = await on.json(["status"], { exitCode: 1 });
  expect(consumers.map(({ name, unsent }: any) => [name, unsent])).toEqual([
    ["many", ["SessionStart", "SessionEnd"]],
    ["mine", ["Stop"]],
    ["ruff", []],
  ]);

  const tree = on.tree();
  const would = await on.json(["setup", "--sync", "--dry-run"]);
  expect(on.tree()).toEqual(tree);
  const did = await on.json(SYNC);
  expect(did.settings[0].text).toBe(would.settings[0].text);
  expect(on.read(".claude/settings.json")).toBe(would.settings[0].text);
  expect(eventsIn(".claude/settings.json")).toEqual(["PostToolUse", "SessionEnd", "SessionStart", "Stop"]);
  expect(await on.run(["status"])).toMatchObject({ exitCode: 0 });

  expect(await on.json(SYNC)).toMatchObject({ changed: false });
  expect((await on.run(SYNC)).stdout).toBe("The hooks are in line: nothing to change.\n");
});

test("a file that was removed takes its hooks with it, in every settings file", async () => {
  consumer("mine", `on = ["Stop"]\nbuiltin = "none"\n`);
  await on.json(["setup", "--yes", "--service", "none", "--scope", "project", "--consumers", "none"]);
  await on.json(SYNC);
  for (const file of [".claude/settings.json", "shop/.claude/settings.json"])
    expect(eventsIn(file)).toEqual(["PostToolUse", "Stop"]);
  for (const name of ["mine", "ruff"]) rmSync(join(on.home, "consumers", `${name}.toml`));
  expect((await on.json(SYNC)).settings.map((one: any) => [one.path, one.changed])).toEqual([
    [on.settings, true],
    [join(on.project, ".claude", "settings.json"), true],
  ]);
  for (const file of [".claude/settings.json", "shop/.claude/settings.json"]) expect(eventsIn(file)).toEqual([]);
});

test("a settings file that cannot be used is named, with exit 1, and is nobody else's trouble", async () => {
  await on.json(["setup", "--yes", "--service", "none", "--scope", "local"]);
  consumer("mine", `on = ["Stop"]\nbuiltin = "none"\n`);
  on.write("shop/.claude/settings.local.json", "{ oops");
  const did = await on.json(SYNC, { exitCode: 1 });
  expect(did.troubles).toEqual([
    {
      path: join(on.project, ".claude", "settings.local.json"),
      why: expect.stringMatching(/settings\.local\.json:1:/),
    },
  ]);
  expect(eventsIn(".claude/settings.json")).toEqual(["PostToolUse", "Stop"]);
  expect(on.read("shop/.claude/settings.local.json")).toBe("{ oops");
});

test("the settings of a project that is gone are forgotten", async () => {
  mkdirSync(join(on.root, "old", ".git"), { recursive: true });
  await on.json(["setup", "--yes", "--service", "none", "--scope", "local", "--project", join(on.root, "old")]);
  rmSync(join(on.root, "old"), { recursive: true });
  const path = join(on.root, "old", ".claude", "settings.local.json");
  expect(await on.json(SYNC)).toMatchObject({ changed: true, forgotten: [path], troubles: [] });
  expect(await on.json(SYNC)).toMatchObject({ changed: false, forgotten: [] });
  expect(on.has("old")).toBe(false);
});

test("a settings file that somebody removed is made again", async () => {
  rmSync(on.settings);
  expect(await on.json(["status"], { exitCode: 1 })).toMatchObject({
    consumers: [{ name: "ruff", unsent: ["PostToolUse"] }],
  });
  await on.json(SYNC);
  expect(eventsIn(".claude/settings.json")).toEqual(["PostToolUse"]);
});

test("what waits for all events does not wait for those that this Claude Code has not", async () => {
  on.tool("claude", 'echo "2.1.140 (Claude Code)"');
  consumer("all", `on = ["*"]\nbuiltin = "none"\n`);
  await on.json(SYNC);
  await on.consume();
  expect(await on.run(["status"])).toMatchObject({ exitCode: 0 });
});

test("beside a broken file nothing is taken out: what it waits for is not known", async () => {
  consumer("mine", `on = ["Stop"]\nbuiltin = "none"\n`);
  await on.json(SYNC);
  consumer("mine", `on = ["Stop"`);
  const tree = on.tree();
  expect(await on.run(SYNC)).toMatchObject({ exitCode: 78, stderr: expect.stringContaining("mine waits for") });
  expect(on.tree()).toEqual(tree);
});

test("without claude on PATH no hook goes because its version is not known, and the rest is brought in line", async () => {
  consumer("mine", `on = ["Stop"]\nbuiltin = "none"\n`);
  rmSync(join(on.root, "bin", "claude"));
  await on.json(SYNC);
  expect(eventsIn(".claude/settings.json")).toEqual(["PostToolUse", "Stop"]);
  on.tool("claude", 'echo "2.1.329 (Claude Code)"');
  consumer("mine", `on = ["DirectoryAdded"]\nbuiltin = "none"\n`);
  await on.json(SYNC);
  rmSync(join(on.root, "bin", "claude"));
  consumer("more", `on = ["SessionEnd"]\nbuiltin = "none"\n`);
  const tree = on.tree();
  const refused = await on.run(SYNC);
  expect(refused).toMatchObject({ exitCode: 78, stdout: "" });
  expect(refused.stderr).toMatch(/DirectoryAdded[^]*put claude on PATH/);
  expect(on.tree()).toEqual(tree);
  // What nobody waits for goes whatever the version is.
  rmSync(join(on.home, "consumers", "mine.toml"));
  await on.json(SYNC);
  expect(eventsIn(".claude/settings.json")).toEqual(["PostToolUse", "SessionEnd"]);
});

test("a record that is damaged is said, and hides nothing else", async () => {
  on.write(".offhook/hooks.json", "{", 0o600);
  const status = await on.run(["status"]);
  expect(status.exitCode).toBe(1);
  expect(status.stdout).toContain("hooks.json is damaged");
  expect(status.stdout).toContain("ruff");
});

test("where setup was never used there is nothing to bring in line, and status asks for nothing", async () => {
  rmSync(join(on.home, "hooks.json"));
  rmSync(on.settings);
  expect(await on.run(SYNC)).toMatchObject({ exitCode: 66, stderr: expect.stringContaining("offhook setup") });
  await on.consume();
  expect(await on.run(["status"])).toMatchObject({ exitCode: 0 });
});

test("on a terminal it shows, asks, and Ctrl-C changes nothing", async () => {
  consumer("mine", `on = ["Stop"]\nbuiltin = "none"\n`);
  const before = on.tree();
  const refused = on.screen(["setup", "--sync"]);
  await refused.shows("~/.claude/settings.json (changed, 2 hooks)");
  await refused.answer("Write it?", KEY.ctrlC);
  await refused.shows("Nothing was changed.");
  expect((await refused.ended()).exitCode).toBe(130);
  expect(on.tree()).toEqual(before);
  const screen = on.screen(["setup", "--sync"]);
  await screen.answer("Write it?", KEY.enter);
  await screen.shows("Written.");
  expect((await screen.ended()).exitCode).toBe(0);
  expect(eventsIn(".claude/settings.json")).toEqual(["PostToolUse", "Stop"]);
});

test("the shape of its JSON", async () => {
  consumer("mine", `on = ["WorktreeCreate"]\nbuiltin = "none"\n`);
  const did = await on.json(SYNC);
  expect(keysOf(did)).toEqual(sorted("dryRun changed settings forgotten troubles unsent"));
  expect(keysOf(did.settings[0])).toEqual(sorted("path scope form changed hooks text backup"));
  expect(keysOf(did.unsent[0])).toEqual(sorted("consumer event why"));
});
