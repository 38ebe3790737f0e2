// `offhook uninstall`: the hooks first, then what they call; what others wrote stays byte for byte; nothing goes unnamed.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { type Machine, openMachine } from "./fresh-machine.ts";
import { wrote } from "./running.ts";
import { KEY } from "./screen.ts";

let on: Machine;
beforeEach(() => {
  on = openMachine();
});
afterEach(() => on.end());

// A log waits for nothing, so its proof is quick.
const SETUP = ["setup", "--yes", "--service", "none", "--consumers", "log"];
const keysOf = (value: object) => Object.keys(value).sort();
const sorted = (keys: string) => keys.split(" ").sort();
/** What a look at the ledger leaves beside it is SQLite's. */
const withoutLooks = (tree: string[]) => tree.filter((line) => !/^\.offhook\/ledger\.db-(shm|wal) /.test(line));
const withoutBinary = (tree: string[]) => tree.filter((line) => !line.startsWith(".local/bin/"));

test("setup and then uninstall --purge leave everything as it was, byte for byte", async () => {
  const texts = [
    null,
    "",
    "{}",
    '{\r\n  "model": "opus"\r\n}\r\n',
    '{\n\t"hooks": {\n\t\t"PostToolUse": [ { "matcher": "Write", "hooks": [ { "type": "command", "command": "fmt" } ] } ],\n\t\t"Stop": []\n\t}\n}',
    '\uFEFF{"hooks":{}}',
  ];
  const binary = readFileSync(on.binary);
  for (const text of texts) {
    for (const scope of text === null || text === "{}" ? ["user", "project", "local"] : ["user"]) {
      const path = scope === "user" ? ".claude" : "shop/.claude";
      const name = scope === "local" ? "settings.local.json" : "settings.json";
      if (text !== null) on.write(`${path}/${name}`, text, 0o640);
      const before = withoutBinary(on.tree());
      await on.json([...SETUP, "--scope", scope, "--consumers", "log"]);
      expect(withoutBinary(on.tree())).not.toEqual(before);
      const did = await on.json(["uninstall", "--yes", "--purge"]);
      expect(did.settings).toMatchObject([{ outcome: text === null ? "deleted" : "restored", backup: null }]);
      expect(withoutBinary(on.tree())).toEqual(before);
      expect(existsSync(on.binary)).toBe(false);
      on.write(".local/bin/offhook", "", 0o755);
      await Bun.write(on.binary, binary);
      rmSync(join(on.root, path), { recursive: true, force: true });
    }
  }
}, 120_000);

test("without --purge the home stays, and so does what waits there, by name", async () => {
  await on.json(SETUP);
  on.write(".offhook/consumers/bad.toml", `on = ["PostToolUse"]\nshell = "exit 100"\n`, 0o600);
  const payload = () => `${JSON.stringify(wrote(on.write("shop/a.py", "x = 1\n")))}\n`;
  const pid = await on.consume();
  await on.run(["publish"], { stdin: payload() });
  await on.run(["drain"]);
  process.kill(pid, "SIGTERM");
  await on.run(["publish"], { stdin: payload() });
  const ran = await on.run(["uninstall", "--yes"]);
  expect(ran).toMatchObject({ exitCode: 0, stderr: "" });
  expect(ran.stdout).toContain("~/.offhook stays");
  expect(ran.stdout).toContain(
    "! Not done yet, and not done until offhook runs again: 1 event in the spool; bad: 1 dead letter",
  );
  expect(readdirSync(on.home)).toEqual(expect.arrayContaining(["consumers", "ledger.db", "spool"]));
  expect(on.has(".claude")).toBe(false);
  expect(on.has(".local/bin/offhook")).toBe(false);
});

test("--dry-run removes nothing and says all of it", async () => {
  await on.json(SETUP);
  const before = withoutLooks(on.tree());
  const { stdout, exitCode } = await on.run(["uninstall", "--purge", "--dry-run"]);
  expect(exitCode).toBe(0);
  expect(stdout).toContain("~/.claude/settings.json (removed: setup made it)");
  expect(stdout).toContain(`  -             "command": "${on.binary}",`);
  expect(stdout).toContain("remove ~/.local/bin/offhook\n");
  expect(stdout).toContain("remove ~/.offhook: events, consumer files, secrets, all of it");
  expect(stdout).toEndWith("Nothing was changed.\n");
  expect(await on.json(["uninstall", "--purge", "--dry-run"])).toMatchObject({ dryRun: true, changed: true });
  expect(withoutLooks(on.tree())).toEqual(before);
});

test("without a terminal and without --yes it explains, and removes nothing", async () => {
  await on.json(SETUP);
  const before = on.tree();
  for (const args of [["uninstall"], ["uninstall", "--purge"], ["uninstall", "--json"]]) {
    const ran = await on.run(args);
    expect([ran.exitCode, ran.stdout, ran.stderr]).toEqual([
      64,
      "",
      expect.stringContaining("offhook uninstall --yes"),
    ]);
  }
  expect(on.tree()).toEqual(before);
});

test("on a terminal it asks; Ctrl-C and No change nothing", async () => {
  await on.json(SETUP);
  const before = withoutLooks(on.tree());
  for (const { key, exitCode } of [
    { key: KEY.ctrlC, exitCode: 130 },
    { key: KEY.ctrlD, exitCode: 130 },
    { key: "n", exitCode: 0 },
  ]) {
    const screen = on.screen(["uninstall"], { columns: 40 });
    await screen.answer("Remove this?", key);
    await screen.shows("Nothing was changed.");
    expect((await screen.ended()).exitCode).toBe(exitCode);
    expect(withoutLooks(on.tree())).toEqual(before);
  }
  const screen = on.screen(["uninstall", "--purge"]);
  await screen.answer("Remove all this, and the events with it?", KEY.enter);
  await screen.shows("Removed.");
  expect((await screen.ended()).exitCode).toBe(0);
  expect([on.has(".claude"), on.has(".offhook"), on.has(".local/bin/offhook")]).toEqual([false, false, false]);
});

test("hooks go from every settings file that was noted, and from your own here that nobody noted", async () => {
  for (const scope of ["user", "local", "project"]) await on.json([...SETUP, "--scope", scope]);
  mkdirSync(join(on.root, "other", ".git"), { recursive: true });
  await on.json([...SETUP, "--scope", "local", "--project", join(on.root, "other")]);
  rmSync(join(on.home, "hooks.json"));
  await on.json([...SETUP, "--scope", "local", "--project", join(on.root, "other"), "--consumers", "log"]);
  const did = await on.json(["uninstall", "--yes"]);
  expect(did.settings.map((one: any) => one.path).sort()).toEqual(
    [
      on.settings,
      join(on.project, ".claude", "settings.local.json"),
      join(on.root, "other", ".claude", "settings.local.json"),
    ].sort(),
  );
  expect(did.kept.map((one: any) => one.path)).toEqual([join(on.project, ".claude", "settings.json")]);
  const left = on.tree().filter((line) => line.includes(".claude/"));
  expect(left).toEqual([expect.stringMatching(/^shop\/\.claude\/settings\.json /)]);
});

test("a project's hooks that a colleague committed stay, and it is said; noted by setup they go", async () => {
  await on.json([...SETUP, "--scope", "project"]);
  const path = join(on.project, ".claude", "settings.json");
  const committed = on.read("shop/.claude/settings.json");
  rmSync(join(on.home, "hooks.json"));
  const { stdout } = await on.run(["uninstall", "--dry-run"]);
  expect(stdout).toMatch(/^! ~\/shop\/\.claude\/settings\.json keeps \d+ hooks?: .*offhook setup --scope project$/m);
  const would = await on.json(["uninstall", "--dry-run"]);
  expect(would).toMatchObject({ settings: [], kept: [{ path, why: expect.stringContaining("by hand") }] });
  expect(would.kept[0].events.sort()).toEqual(Object.keys(JSON.parse(committed).hooks).sort());
  await on.json([...SETUP, "--scope", "project"]);
  expect(await on.json(["uninstall", "--dry-run"])).toMatchObject({ settings: [{ path }], kept: [] });
  rmSync(join(on.home, "hooks.json"));
  await on.json(["uninstall", "--yes"]);
  expect(on.read("shop/.claude/settings.json")).toBe(committed);
});

test("hooks in a project's settings that name a program, or are your own settings by a link, go unnoted too", async () => {
  await on.json(SETUP);
  const own = on.read(".claude/settings.json");
  rmSync(join(on.home, "hooks.json"));
  on.write("shop/.claude/settings.json", own);
  const path = join(on.project, ".claude", "settings.json");
  const named = await on.json(["uninstall", "--dry-run"]);
  expect(named.settings.map((one: any) => one.path)).toEqual([on.settings, path]);
  await on.json([...SETUP, "--scope", "project"]);
  rmSync(join(on.home, "hooks.json"));
  renameSync(path, on.settings);
  symlinkSync(on.settings, path);
  expect((await on.json(["uninstall", "--dry-run"])).kept).toEqual([]);
});

test("what others changed in the settings since stays, and then the backup too", async () => {
  on.write(".claude/settings.json", '{\n  "model": "opus"\n}\n');
  await on.json(SETUP);
  on.write(".claude/settings.json", on.read(".claude/settings.json").replace('"opus"', '"sonnet"'));
  const ran = await on.run(["uninstall", "--yes"]);
  expect(on.read(".claude/settings.json")).toBe('{\n  "model": "sonnet"\n}\n');
  expect(ran.stdout).toContain(
    "~/.claude/settings.json was changed since setup, so the backup stays: ~/.offhook/backups/",
  );
});

test("settings that cannot be read stop it before anything is removed", async () => {
  await on.json(SETUP);
  on.write(".claude/settings.json", `${on.read(".claude/settings.json")},`);
  const before = on.tree();
  const ran = await on.run(["uninstall", "--yes", "--purge"]);
  expect([ran.exitCode, ran.stdout, ran.stderr]).toEqual([78, "", expect.stringMatching(/settings\.json:\d+:\d+: /)]);
  expect(on.tree()).toEqual(before);
});

test("a home that a daemon works in is not purged; without --purge the daemon is named", async () => {
  await on.json(SETUP);
  const pid = await on.consume();
  const settings = on.read(".claude/settings.json");
  const refused = await on.run(["uninstall", "--yes", "--purge"]);
  expect([refused.exitCode, refused.stdout]).toEqual([75, ""]);
  expect(refused.stderr).toContain(`(pid ${pid})`);
  expect(refused.stderr).toContain(`kill ${pid}`);
  expect(on.read(".claude/settings.json")).toBe(settings);
  const ran = await on.run(["uninstall", "--yes"]);
  expect([ran.exitCode, ran.stdout]).toEqual([0, expect.stringContaining(`End it with: kill ${pid}`)]);
  expect(on.has(".claude")).toBe(false);
});

test("what is not ours in a home stays with it, and is named", async () => {
  await on.json(SETUP);
  on.write(".offhook/diary.txt", "dear diary");
  const did = await on.json(["uninstall", "--yes", "--purge"]);
  expect(did.home).toEqual({ path: on.home, there: true, removed: true, left: ["diary.txt"] });
  expect(readdirSync(on.home)).toEqual(["diary.txt"]);
});

test("a binary in a repository, or one that is not on PATH, stays; of a link only the link goes", async () => {
  await on.json(SETUP);
  const project = join(on.project, "offhook");
  cpSync(on.binary, project);
  const inRepository = Bun.spawnSync([project, "uninstall", "--dry-run", "--json"], { env: { HOME: on.root } });
  expect(JSON.parse(inRepository.stdout.toString()).binary).toEqual({
    path: project,
    stays: "it lies in a repository",
  });
  const apart = on.write("somewhere/offhook", "");
  cpSync(on.binary, apart);
  const notFound = Bun.spawnSync([apart, "uninstall", "--dry-run", "--json"], {
    env: { HOME: on.root, PATH: "/usr/bin" },
  });
  expect(JSON.parse(notFound.stdout.toString()).binary.stays).toContain("not on PATH");

  const real = join(on.root, "somewhere", "offhook-0.1.0");
  renameSync(on.binary, real);
  symlinkSync("../../somewhere/offhook-0.1.0", on.binary);
  const ran = await on.run(["uninstall", "--yes"]);
  expect(ran.stdout).toContain("remove ~/.local/bin/offhook, a link to ~/somewhere/offhook-0.1.0, which stays");
  expect([existsSync(on.binary), existsSync(real)]).toEqual([false, true]);
});

test("where nothing is there, it says so", async () => {
  const env = { PATH: join(on.root, "bin") };
  const before = on.tree();
  const ran = await on.run(["uninstall", "--yes"], { env });
  expect(ran).toMatchObject({ exitCode: 0, stderr: "" });
  expect(ran.stdout).toEndWith("Nothing of offhook's is here to remove.\n");
  expect(await on.json(["uninstall", "--yes"], { env })).toMatchObject({ changed: false });
  expect(on.tree()).toEqual(before);
});

test("the shape of its JSON", async () => {
  await on.json(SETUP);
  on.write(".offhook/consumers/late.toml", `on = ["PostToolUse"]\nbuiltin = "none"\nstart = "earliest"\n`, 0o600);
  const did = await on.json(["uninstall", "--yes", "--purge"]);
  expect(keysOf(did)).toEqual(sorted("dryRun changed purge settings kept forgotten service binary home unsettled"));
  expect(keysOf(did.settings[0])).toEqual(sorted("path events text outcome backup"));
  expect(keysOf(did.binary)).toEqual(sorted("path stays"));
  expect(keysOf(did.home)).toEqual(sorted("path there removed left"));
  expect(keysOf(did.unsettled)).toEqual(sorted("spool consumers"));
});
