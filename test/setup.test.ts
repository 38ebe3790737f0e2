// `offhook setup` by flags, as a fleet is provisioned: what it refuses, what it shows, what it writes, and that it proves it.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Machine, openMachine } from "./fresh-machine.ts";
import { controlCharacters } from "./guarded.ts";
import { until } from "./running.ts";

let on: Machine;
beforeEach(() => {
  on = openMachine();
});
afterEach(() => on.end());

const YES = ["setup", "--yes", "--service", "none"];
const hooksOf = (settings: any) => settings.hooks.map((hook: any) => `${hook.event} ${hook.matcher ?? ""}`.trim());
const keysOf = (value: object) => Object.keys(value).sort();
const sorted = (keys: string) => keys.split(" ").sort();

test("without a terminal and without --yes it explains, and changes nothing", async () => {
  const before = on.tree();
  for (const args of [["setup"], ["setup", "--json"], ["setup", "--sync"], ["setup", "--scope", "user"]]) {
    const { exitCode, stdout, stderr } = await on.run(args);
    expect({ exitCode, stdout }).toEqual({ exitCode: 64, stdout: "" });
    expect(stderr).toContain("setup asks before it writes, and there is no terminal to ask on");
    expect(stderr).toContain("offhook setup --yes");
  }
  expect(on.tree()).toEqual(before);
});

test("--dry-run changes nothing and says exactly what --yes then writes", async () => {
  const before = on.tree();
  const would = await on.json(["setup", "--service", "none", "--dry-run"]);
  const shown = await on.run(["setup", "--service", "none", "--dry-run"]);
  expect(on.tree()).toEqual(before);
  expect(would).toMatchObject({
    dryRun: true,
    changed: true,
    scope: "user",
    claude: "2.1.329",
    written: [],
    proof: null,
  });
  expect(shown.stdout).toContain("new file ~/.offhook/consumers/ruff.toml");
  expect(shown.stdout).toContain("~/.claude/settings.json (new file, 1 hook)");
  expect(shown.stdout).toContain(`  +             "command": "${on.binary}",`);
  expect(shown.stdout).toEndWith("Nothing was changed.\n");

  const did = await on.json(YES);
  expect(did).toMatchObject({ dryRun: false, changed: true, consumers: would.consumers });
  expect(did.settings).toEqual(would.settings);
  expect(on.read(".claude/settings.json")).toBe(would.settings.text);
  for (const { path, text } of would.consumers) expect(readFileSync(path, "utf8")).toBe(text);
  expect(did.written).toEqual([join(on.home, "consumers", "ruff.toml"), on.settings]);
  expect(statSync(join(on.home, "consumers", "ruff.toml")).mode & 0o777).toBe(0o600);
});

test("only the hooks that the consumers need are registered: exec form, absolute path, 5 seconds", async () => {
  const { settings } = await on.json(YES);
  expect(hooksOf(settings)).toEqual(["PostToolUse Edit|NotebookEdit|Write"]);
  expect(JSON.parse(on.read(".claude/settings.json"))).toEqual({
    hooks: {
      PostToolUse: [
        {
          matcher: "Edit|NotebookEdit|Write",
          hooks: [{ type: "command", command: on.binary, args: ["publish"], timeout: 5 }],
        },
      ],
    },
  });
});

test("what was there stays byte for byte around ours", async () => {
  const before = '{\n\t"permissions": {"allow": ["Bash(ls)"]},\n\t"hooks": {\n\t\t"Stop": []\n\t}\n}';
  on.write(".claude/settings.json", before, 0o640);
  const { settings } = await on.json(YES);
  const after = on.read(".claude/settings.json");
  expect(after).toStartWith('{\n\t"permissions": {"allow": ["Bash(ls)"]},\n\t"hooks": {\n\t\t"Stop": []');
  expect(after).toEndWith("\n\t}\n}");
  expect(readFileSync(settings.backup, "utf8")).toBe(before);
  expect(statSync(on.settings).mode & 0o777).toBe(0o640);
});

test("one real event goes through hook, spool, daemon and consumer, and the times are told", async () => {
  on.tool("ruff", 'echo "$@" >> "$HOME/ran"');
  const { proof } = await on.json(YES);
  expect(proof).toMatchObject({
    event: "PostToolUse",
    reached: "consumer",
    consumer: "ruff",
    outcome: "ok",
    quietMs: 1000,
    daemon: "for this only",
    trouble: null,
  });
  expect(proof.hookMs).toBeGreaterThan(0);
  expect(proof.deliveredMs).toBeGreaterThan(proof.quietMs);
  expect(on.read("ran")).toMatch(/-- \/.*\/\.offhook\/proof-\w+\/offhook_proof\.py\n$/);
  const [delivery] = (await on.run(["deliveries", "--json"])).stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(delivery).toMatchObject({ id: proof.delivery, consumer: "ruff", state: "ok" });
  // Nothing is left of it: no file, no daemon.
  expect(on.tree().filter((line) => line.includes("proof-"))).toEqual([]);
  expect(await on.json(["status"], { exitCode: 1 })).toMatchObject({
    daemon: { running: false },
    spool: { waiting: 0 },
  });
});

test("a daemon that runs already takes the event", async () => {
  await on.consume();
  const { proof, remarks } = await on.json(YES);
  expect(proof).toMatchObject({ reached: "consumer", consumer: "ruff", daemon: "running", trouble: null });
  expect(remarks).toEqual([]);
});

test("a consumer that fails at the proof is said, with exit 1; everything is written", async () => {
  on.tool("ruff", "echo no such option; exit 100");
  const ran = await on.run(YES);
  expect(ran.exitCode).toBe(1);
  expect(ran.stdout).toMatch(/! ruff did not go well \(.*\)\. See: offhook show d_/);
  expect(on.has(".claude/settings.json")).toBe(true);
});

test("--yes alone chooses nothing that runs the project's code, and says what would", async () => {
  const ran = `#!/bin/sh\ntouch "$HOME/executed"\n`;
  on.write("shop/package.json", '{"devDependencies": {"eslint": "9"}}\n');
  on.write("shop/eslint.config.js", "export default [];\n");
  on.write("shop/node_modules/.bin/eslint", ran, 0o755);
  on.tool("node");
  const { consumers, remarks } = await on.json(YES);
  expect(consumers.map(({ name }: any) => name)).toEqual(["ruff"]);
  expect(remarks).toContain("What runs this project's code has to be named: --consumers eslint");
  expect(on.has("executed")).toBe(false);
  const named = await on.json([...YES, "--dry-run", "--consumers", "lint"]);
  expect(named.consumers.map(({ name }: any) => name)).toContain("eslint-shop");
});

test("a command that lies in the project makes a consumer of that project alone", async () => {
  rmSync(join(on.root, "bin", "ruff"));
  on.write("shop/.venv/bin/ruff", "#!/bin/sh\nexit 0\n", 0o755);
  const { consumers } = await on.json([...YES, "--dry-run", "--consumers", "ruff"]);
  expect(consumers.map(({ name }: any) => name)).toEqual(["ruff-shop"]);
  expect(consumers[0].text).toContain(`projects = ["${on.project}"]`);
  expect(consumers[0].text).toContain(join(on.project, ".venv/bin/ruff"));
});

test("what stands under env and headers is never shown, and stays where it is", async () => {
  const text = `{\n  "env": { "ANTHROPIC_AUTH_TOKEN": "t0ken-0123" },\n  "hooks": { "Stop": [{ "hooks": [\n    { "type": "http", "url": "http://127.0.0.1/", "headers": { "Authorization": "Bearer s3cret" } }] }] }\n}\n`;
  on.write(".claude/settings.json", text);
  const log = ["--consumers", "log"];
  const shown = [
    await on.run(["setup", "--dry-run", ...log]),
    await on.run(["setup", "--dry-run", "--json", ...log]),
    await on.run([...YES, ...log]),
    await on.run(["uninstall", "--dry-run"]),
    await on.run(["uninstall", "--dry-run", "--json"]),
  ];
  for (const { stdout, stderr } of shown) expect(stdout + stderr).not.toMatch(/t0ken|s3cret/);
  expect(shown[0]?.stdout).toContain('"ANTHROPIC_AUTH_TOKEN": "…"');
  expect(on.read(".claude/settings.json")).toContain("t0ken-0123");
  await on.run(["uninstall", "--yes"]);
  expect(on.read(".claude/settings.json")).toBe(text);
});

test("an alert alone is not sent anything: the event that proves is one that nobody takes", async () => {
  const env = { SLACK_URL: "https://hooks.slack.com/services/T0/B0/XXXX" };
  const { proof } = await on.json([...YES, "--consumers", "slack"], { env });
  expect(proof).toMatchObject({ consumer: null, reached: "spool", daemon: "none", trouble: null });
  await on.consume();
  const again = await on.json([...YES, "--consumers", "slack,desktop"]);
  expect(again.proof).toMatchObject({ consumer: null, reached: "stream", daemon: "running" });
  const consumers = async () => (await on.json(["status"])).consumers;
  // An event that nobody takes is proved before the daemon has seen the new file.
  await until(
    async () => (await consumers()).length === 2,
    () => "the daemon does not know desktop",
  );
  expect(await consumers()).toMatchObject([
    { name: "desktop", ok: 0 },
    { name: "slack", ok: 0, pending: 0 },
  ]);
});

test("again, there is nothing to change, and nothing is", async () => {
  await on.json(YES);
  const before = on.tree();
  const again = await on.json(YES);
  expect(again).toMatchObject({ changed: false, written: [], proof: null, consumers: [{ state: "same" }] });
  const said = await on.run(YES);
  expect(said).toMatchObject({ exitCode: 0, stderr: "" });
  expect(said.stdout).toEndWith("Everything is as it should be: nothing to change.\n");
  expect(on.tree()).toEqual(before);
});

test("hooks that stand there already, but that nobody noted, are noted", async () => {
  await on.json(YES);
  const settings = on.read(".claude/settings.json");
  const noted = on.read(".offhook/hooks.json");
  rmSync(join(on.home, "hooks.json"));
  expect((await on.run([...YES, "--dry-run"])).stdout).toContain(
    "has the hooks already; it is noted in ~/.offhook/hooks.json",
  );
  expect(await on.json(YES)).toMatchObject({ changed: true, settings: { changed: false } });
  expect(on.read(".claude/settings.json")).toBe(settings);
  expect(JSON.parse(on.read(".offhook/hooks.json")).settings[0].path).toBe(JSON.parse(noted).settings[0].path);
  expect(await on.json(YES)).toMatchObject({ changed: false });
});

test("a command that is not there is said", async () => {
  const { remarks } = await on.json([...YES, "--dry-run", "--consumers", "shellcheck"]);
  expect(remarks).toContainEqual(expect.stringContaining("shellcheck is not on PATH"));
});

test("a consumer file that a person edited stays, and its hooks are made from it as it is", async () => {
  await on.json(YES);
  const edited = `${on
    .read(".offhook/consumers/ruff.toml")
    .replace('["PostToolUse"]', '["PostToolUse", "Stop"]')
    .replace(/^tools.*$/m, "")}# mine\n`;
  on.write(".offhook/consumers/ruff.toml", edited, 0o600);
  const again = await on.json(YES);
  expect(again.consumers).toMatchObject([{ state: "different" }]);
  expect(hooksOf(again.settings)).toEqual(["PostToolUse", "Stop"]);
  expect(again.remarks).toContainEqual(expect.stringContaining("it stays as it is"));
  expect(on.read(".offhook/consumers/ruff.toml")).toBe(edited);
});

test("the committed file gets the line that does nothing where offhook is missing", async () => {
  const { settings, remarks } = await on.json([...YES, "--scope", "project"]);
  expect(settings).toMatchObject({ path: join(on.project, ".claude", "settings.json"), form: "portable" });
  expect(settings.text).not.toContain(on.root);
  expect(remarks).toContainEqual(expect.stringContaining("does nothing where offhook is not installed"));
  const { command } = JSON.parse(settings.text).hooks.PostToolUse[0].hooks[0];
  const elsewhere = Bun.spawnSync(["/bin/sh", "-c", command], {
    env: { HOME: join(on.root, "nobody"), PATH: "/usr/bin:/bin" },
    stdin: Buffer.from("{}"),
  });
  expect([elsewhere.exitCode, elsewhere.stdout.toString(), elsewhere.stderr.toString()]).toEqual([0, "", ""]);
});

test("Claude Code before 2.1.139 gets the guarded shell line, which works", async () => {
  on.tool("claude", 'echo "2.1.100 (Claude Code)"');
  const { settings, proof } = await on.json([...YES, "--scope", "local"]);
  expect(settings).toMatchObject({ path: join(on.project, ".claude", "settings.local.json"), form: "shell" });
  expect(JSON.parse(settings.text).hooks.PostToolUse[0].hooks[0]).not.toHaveProperty("args");
  expect(proof).toMatchObject({ reached: "consumer", trouble: null });
});

test("a claude that is not there is said", async () => {
  const { claude, remarks } = await on.json([...YES, "--dry-run"], { env: { PATH: join(on.root, ".local", "bin") } });
  expect(claude).toBeNull();
  expect(remarks).toContainEqual(expect.stringContaining("no claude on PATH"));
});

test("kinds stand for what is found here, and ids for themselves", async () => {
  on.tool("pytest");
  on.write("shop/pyproject.toml", "[tool.ruff]\n[tool.pytest.ini_options]\n");
  const idsOf = async (list: string) =>
    (await on.json([...YES, "--dry-run", "--consumers", list])).consumers.map((one: any) => one.name);
  expect(await idsOf("lint")).toEqual(["ruff"]);
  expect(await idsOf("lint, test")).toEqual(["ruff", "pytest-shop"]);
  expect(await idsOf("log,ruff-format")).toEqual(["log", "ruff-format"]);
  expect(await idsOf("none")).toEqual([]);
  const nothing = await on.json([...YES, "--dry-run", "--consumers", "format"]);
  expect(nothing.remarks).toContainEqual(expect.stringMatching(/^Nothing here speaks for a formatter.*format-ruff/));
});

test("what cannot be chosen is refused with what can, and changes nothing", async () => {
  const before = on.tree();
  const refused = async (args: string[], options: object, exitCode: number, words: RegExp) => {
    const ran = await on.run([...YES, ...args], options);
    expect([ran.exitCode, ran.stdout]).toEqual([exitCode, ""]);
    expect(ran.stderr).toMatch(words);
  };
  await refused(["--consumers", "lnt"], {}, 64, /does not know "lnt".*lint, test.*ruff/s);
  await refused(["--consumers", "alert"], {}, 64, /name one of slack, discord/);
  await refused(["--consumers", "slack"], {}, 64, /SLACK_URL=\.\.\. into the environment/);
  await refused(["--consumers", "slack"], { env: { SLACK_URL: "s3cret" } }, 64, /SLACK_URL .* does not look right/);
  await refused(["--scope", "all"], {}, 64, /--scope is one of user, project, local/);
  await refused(["--service", "yes"], {}, 64, /--service is one of none, user, system/);
  await refused(["--consumers", "pytest"], { cwd: on.root }, 64, /pytest works on one project.*--project DIR/);
  await refused(["--scope", "local"], { cwd: on.root }, 64, /--project DIR/);
  await refused(["--project", "/nowhere/at/all"], {}, 66, /no directory \/nowhere\/at\/all/);
  await refused(["--scope", "project", "--project", on.root], {}, 64, /your own settings file/);
  expect((await on.run([...YES, "--consumers", "slack"], { env: { SLACK_URL: "s3cret" } })).stderr).not.toContain(
    "s3cret",
  );
  expect(on.tree()).toEqual(before);
});

test("an address from the environment goes to secrets.env and nowhere else", async () => {
  const address = "https://hooks.slack.com/services/T0001/B0001/s3cret";
  const ran = await on.run([...YES, "--consumers", "slack", "--json"], { env: { SLACK_URL: address } });
  expect(JSON.parse(ran.stdout).secrets).toEqual({ path: join(on.home, "secrets.env"), names: ["SLACK_URL"] });
  expect(ran.stdout + ran.stderr).not.toContain("s3cret");
  expect(on.read(".offhook/secrets.env")).toBe(`SLACK_URL=${address}\n`);
  expect(on.read(".offhook/consumers/slack.toml")).toContain("${SLACK_URL}");
  // It is there now, and not asked for again.
  expect(await on.json([...YES, "--consumers", "slack"])).toMatchObject({ changed: false });
});

test("settings that cannot be read are left alone, and so is everything else", async () => {
  for (const [text, words] of [
    ['{"a": 1,}', /settings\.json:1:\d+: a comma/],
    ["{ // mine\n}", /settings\.json:1:\d+: .*comment/],
    ['{"hooks": []}', /"hooks" is an array/],
    ["[]", /settings are an object/],
  ] as const) {
    on.write(".claude/settings.json", text);
    const before = on.tree();
    const ran = await on.run(YES);
    expect([ran.exitCode, ran.stdout]).toEqual([78, ""]);
    expect(ran.stderr).toMatch(words);
    expect(on.tree()).toEqual(before);
  }
});

test("read-only settings are obeyed", async () => {
  on.write(".claude/settings.json", "{}", 0o444);
  const ran = await on.run(YES);
  expect([ran.exitCode, ran.stderr]).toEqual([77, expect.stringContaining("read-only")]);
  expect(on.read(".claude/settings.json")).toBe("{}");
  chmodSync(on.settings, 0o644);
});

test("what keeps hooks from running, and hooks of ours in another place, are said", async () => {
  on.write(".claude/settings.json", '{ "disableAllHooks": true }\n');
  const first = await on.json([...YES, "--scope", "local"]);
  expect(first.remarks).toContainEqual(expect.stringContaining("settings.json: disableAllHooks: no hook runs at all"));
  const same = await on.json([...YES, "--scope", "user", "--dry-run"]);
  expect(same.remarks).toContainEqual(
    expect.stringMatching(/settings\.local\.json has the same hooks: .* runs them once/),
  );
  const other = await on.json([...YES, "--scope", "project", "--dry-run"]);
  expect(other.remarks).toContainEqual(
    expect.stringMatching(/settings\.local\.json has hooks of ours in another form/),
  );
});

test("a project's settings get no hooks for consumers of other projects", async () => {
  on.write(".offhook/consumers/far.toml", `on = ["Stop"]\nbuiltin = "none"\nprojects = ["/elsewhere"]\n`, 0o600);
  chmodSync(on.home, 0o700);
  chmodSync(join(on.home, "consumers"), 0o700);
  expect(hooksOf((await on.json([...YES, "--dry-run", "--scope", "local"])).settings)).toEqual([
    "PostToolUse Edit|NotebookEdit|Write",
  ]);
  expect(hooksOf((await on.json([...YES, "--dry-run", "--scope", "user"])).settings)).toContain("Stop");
});

test("events that a Claude Code has not yet, or that are never hooked, are left out and said", async () => {
  on.tool("claude", 'echo "2.1.200 (Claude Code)"');
  on.write(".offhook/consumers/far.toml", `on = ["PostModelSwitch", "WorktreeCreate"]\nbuiltin = "none"\n`, 0o600);
  chmodSync(on.home, 0o700);
  chmodSync(join(on.home, "consumers"), 0o700);
  const { settings, remarks } = await on.json([...YES, "--dry-run", "--consumers", "none"]);
  expect(hooksOf(settings)).toEqual([]);
  expect(remarks).toContainEqual(
    expect.stringMatching(/^far waits for PostModelSwitch, which will not come: .*2\.1\.251/),
  );
  expect(remarks).toContainEqual(expect.stringContaining("far waits for WorktreeCreate"));
});

test("another home is said: Claude Code must be started with it too", async () => {
  const home = join(on.root, "elsewhere");
  const { remarks } = await on.json([...YES, "--dry-run"], { env: { OFFHOOK_HOME: home } });
  expect(remarks).toContainEqual(expect.stringContaining(`Start Claude Code with OFFHOOK_HOME=${home}`));
});

test("a second daemon beside a service is refused, or the node has no service manager", async () => {
  const pid = await on.consume();
  const ran = await on.run(["setup", "--dry-run", "--service", "user"]);
  if (ran.exitCode === 69) expect(ran.stderr).toMatch(/error: no service: .*\ntry: /);
  else expect([ran.exitCode, ran.stderr]).toEqual([75, expect.stringContaining(`kill ${pid}`)]);
});

test("a home that is a repository is no project", async () => {
  mkdirSync(join(on.root, ".git"));
  expect(await on.json([...YES, "--dry-run", "--consumers", "none"], { cwd: on.root })).toMatchObject({
    project: null,
  });
  mkdirSync(join(on.root, "notes"));
  expect(await on.json([...YES, "--dry-run", "--consumers", "none"], { cwd: join(on.root, "notes") })).toMatchObject({
    project: null,
  });
  expect(await on.json([...YES, "--dry-run", "--consumers", "none"])).toMatchObject({ project: on.project });
});

test("a project whose name a terminal would obey is shown, not sent", async () => {
  const project = join(on.root, "shop\x1b[31m\u202e\n! all is well");
  mkdirSync(join(project, ".git"), { recursive: true });
  const ran = await on.run([...YES, "--scope", "local", "--consumers", "log"], { cwd: project });
  const gone = await on.run(["uninstall", "--yes"], { cwd: project });
  expect([ran.exitCode, gone.exitCode]).toEqual([0, 0]);
  expect(controlCharacters(ran.stdout + gone.stdout)).toEqual([]);
  expect(ran.stdout).not.toMatch(/^! all is well/m);
});

test("the shape of its JSON", async () => {
  const did = await on.json(YES);
  expect(keysOf(did)).toEqual(
    sorted("dryRun changed scope project claude settings consumers secrets service remarks written proof"),
  );
  expect(keysOf(did.settings)).toEqual(sorted("path form changed hooks text backup"));
  expect(keysOf(did.settings.hooks[0])).toEqual(sorted("event matcher timeoutS"));
  expect(keysOf(did.consumers[0])).toEqual(sorted("name path state text"));
  expect(keysOf(did.secrets)).toEqual(sorted("path names"));
  expect(keysOf(did.proof)).toEqual(
    sorted("event reached hookMs streamMs consumer deliveredMs outcome quietMs delivery daemon trouble"),
  );
});
