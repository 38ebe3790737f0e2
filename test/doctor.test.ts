// The doctor on a whole installation: green where all is well, and each trouble shows, with its level and how to mend it, and is gone
// when it is mended. Through the installed binary, under a scratch HOME, with a `claude` that only says its version.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, utimesSync } from "node:fs";
import { join } from "node:path";
import packageJson from "../package.json";
import { handlerOf } from "../src/claude/command.ts";
import { type Installation, LINT, openWell } from "./installation.ts";
import { until, wrote } from "./running.ts";

let on: Installation;
beforeAll(async () => {
  on = await openWell();
});
afterAll(() => on.end());

const PUBLISH = { type: "command", args: ["publish"], timeout: 5 };
const hooksOf = (hooks: object) => on.write(".claude/settings.json", JSON.stringify({ hooks }));
const settingsBack = () => on.hooks({ PostToolUse: "Write" });
const consumersBack = (...names: string[]) => {
  for (const name of names) rmSync(join(on.home, "consumers", `${name}.toml`), { force: true });
  on.consumer("lint", LINT);
};

/** One trouble: how it comes about, what is said of it, how it is mended again. */
type Trouble = {
  title: string;
  check: string;
  level: "warning" | "error";
  says: RegExp;
  mend: RegExp;
  cause(): unknown;
  cure(): unknown;
};

const ofSettings: Trouble[] = [
  {
    title: "a settings file that does not parse, with line and column",
    check: "settings",
    level: "error",
    says: /cannot read it.*/,
    mend: /editor/,
    cause: () => on.write(".claude/settings.json", '{\n  "hooks": {},\n}\n'),
    cure: settingsBack,
  },
  {
    title: "a settings file with a key that is there twice, which Claude Code takes and offhook does not",
    check: "settings",
    level: "warning",
    says: /offhook keeps away from it: the key "hooks" is there twice/,
    mend: /editor/,
    cause: () => on.write(".claude/settings.json", '{ "hooks": {}, "hooks": {} }'),
    cure: settingsBack,
  },
  {
    title: "a settings file that is none",
    check: "settings",
    level: "error",
    says: /is not a file/,
    mend: /look at/,
    cause() {
      rmSync(on.settings);
      mkdirSync(on.settings);
    },
    cure() {
      rmSync(on.settings, { recursive: true });
      settingsBack();
    },
  },
  {
    title: "somebody's malformed entry under PreToolUse, which takes the file with it",
    check: "malformed",
    level: "error",
    says: /hooks\.PreToolUse\[0\]\.hooks\[0\] is malformed.*permissions included: "command" must be there/,
    mend: /mend hooks\.PreToolUse\[0\]/,
    cause: () => hooksOf({ PreToolUse: [{ hooks: [{ type: "command" }] }] }),
    cure: settingsBack,
  },
  {
    title: "a timeout in quotes under PermissionRequest",
    check: "malformed",
    level: "error",
    says: /"timeout" must be a number of seconds above 0, not "10000"/,
    mend: /editor/,
    cause: () => hooksOf({ PermissionRequest: [{ hooks: [{ type: "command", command: "ask", timeout: "10000" }] }] }),
    cure: settingsBack,
  },
  {
    title: "the same elsewhere, which only takes itself out",
    check: "malformed",
    level: "warning",
    says: /hooks\.Stop\[0\]\.matcher is left out/,
    mend: /editor/,
    cause: () => hooksOf({ Stop: [{ matcher: ["a"], hooks: [] }] }),
    cure: settingsBack,
  },
  {
    title: "an event in another spelling",
    check: "malformed",
    level: "warning",
    says: /the event is called PostToolUse/,
    mend: /editor/,
    cause: () => hooksOf({ postToolUse: [] }),
    cure: settingsBack,
  },
  {
    title: "a guard in another spelling, which takes the file with it",
    check: "malformed",
    level: "error",
    says: /the event is called PreToolUse/,
    mend: /editor/,
    cause: () => hooksOf({ preToolUse: [] }),
    cure: settingsBack,
  },
  {
    title: "somebody's timeout that was meant in milliseconds",
    check: "meaning",
    level: "warning",
    says: /its timeout of 10000 counts seconds/,
    mend: /editor/,
    cause: () => hooksOf({ Stop: [{ hooks: [{ type: "command", command: "other", timeout: 10_000 }] }] }),
    cure: settingsBack,
  },
  {
    title: "the same of a hook of ours",
    check: "meaning",
    level: "warning",
    says: /its timeout of 5000 counts seconds/,
    mend: /offhook setup --sync/,
    cause: () => on.hooks({ PostToolUse: "Write" }, { timeout: 5000 }),
    cure: settingsBack,
  },
  {
    title: "an entry with `if` where it never runs",
    check: "meaning",
    level: "warning",
    says: /with "if" it never runs: Stop is about no tool/,
    mend: /editor/,
    cause: () => hooksOf({ Stop: [{ hooks: [{ type: "command", command: "other", if: "Bash(git *)" }] }] }),
    cure: settingsBack,
  },
  {
    title: "a hook of ours without a timeout",
    check: "own-hook",
    level: "warning",
    says: /PostToolUse: it has no timeout/,
    mend: /offhook setup --sync/,
    cause: () =>
      hooksOf({ PostToolUse: [{ matcher: "Write", hooks: [{ ...PUBLISH, command: on.binary, timeout: undefined }] }] }),
    cure: settingsBack,
  },
  {
    title: "a hook of the old form",
    check: "form",
    level: "warning",
    says: /through a shell.*PostToolUse/,
    mend: /offhook setup --sync/,
    cause: () =>
      hooksOf({
        PostToolUse: [{ matcher: "Write", hooks: [{ type: "command", command: `${on.binary} publish`, timeout: 5 }] }],
      }),
    cure: settingsBack,
  },
  {
    title: "settings without any hook of ours",
    check: "registered",
    level: "error",
    says: /no hook of offhook is in any settings/,
    mend: /offhook setup/,
    cause: () => hooksOf({}),
    cure: settingsBack,
  },
  {
    title: "a consumer that waits for what no hook sends",
    check: "unsent",
    level: "error",
    says: /lint waits for Stop, and no hook sends it$/,
    mend: /offhook setup --sync/,
    cause: () => on.consumer("lint", `on = ["Stop"]\nshell = "true"\n`),
    cure: () => consumersBack(),
  },
  {
    title: "a tool that the hook's matcher leaves out",
    check: "unsent",
    level: "error",
    says: /lint waits for PostToolUse of all its tools, and no hook sends it$/,
    mend: /offhook setup --sync/,
    cause: () => on.consumer("lint", LINT.replace('"Write"', '"Write", "Edit"')),
    cure: () => consumersBack(),
  },
  {
    title: "an event that is misspelt in a consumer's file",
    check: "never-sent",
    level: "warning",
    says: /lint waits for PostTooluse, which never comes: it is written PostToolUse/,
    mend: /mend "on"/,
    cause: () => on.consumer("lint", LINT.replace("PostToolUse", 'PostToolUse", "PostTooluse')),
    cure: () => consumersBack(),
  },
  {
    title: "a hook that nobody waits for",
    check: "unwanted",
    level: "warning",
    says: /nobody waits for Stop/,
    mend: /offhook setup --sync/,
    cause: () => on.hooks({ PostToolUse: "Write", Stop: null }),
    cure: settingsBack,
  },
  {
    title: "disableAllHooks",
    check: "switches",
    level: "error",
    says: /disableAllHooks/,
    mend: /settings\.json/,
    cause: () => on.hooks({ PostToolUse: "Write" }, { more: { disableAllHooks: true } }),
    cure: settingsBack,
  },
  {
    title: "a Claude Code that is not there",
    check: "claude",
    level: "warning",
    says: /claude is not on this PATH/,
    mend: /claude --version/,
    cause: () => on.claude(null),
    cure: () => on.claude("2.1.329"),
  },
  {
    title: "a Claude Code that is too old for the form of the hooks",
    check: "form",
    level: "warning",
    says: /too old.*2\.1\.139/,
    mend: /offhook setup --sync/,
    cause: () => on.claude("2.1.100"),
    cure: () => on.claude("2.1.329"),
  },
];

const ofProgram: Trouble[] = [
  {
    title: "a program that is not there",
    check: "binary",
    level: "error",
    says: /gone\/offhook, which is not there/,
    mend: /offhook setup --sync/,
    cause: () => on.hooks({ PostToolUse: "Write" }, { binary: join(on.root, "gone", "offhook") }),
    cure: settingsBack,
  },
  {
    title: "a program that may not be executed",
    check: "binary",
    level: "error",
    says: /may not be executed/,
    mend: /chmod \+x/,
    cause: () => on.hooks({ PostToolUse: "Write" }, { binary: on.write("other/offhook", "#!/bin/sh\n", 0o600) }),
    cure: settingsBack,
  },
  {
    title: "a program of another version",
    check: "binary-version",
    level: "warning",
    says: new RegExp(`offhook 9\\.9\\.9; this one is ${packageJson.version}`),
    mend: /upgrade/,
    cause: () =>
      on.hooks({ PostToolUse: "Write" }, { binary: on.write("other/offhook", "#!/bin/sh\necho 9.9.9\n", 0o755) }),
    cure: settingsBack,
  },
  {
    title: "a program that fails",
    check: "binary",
    level: "error",
    says: /does not run: --version ended with 3/,
    mend: /offhook setup --sync/,
    cause: () =>
      on.hooks({ PostToolUse: "Write" }, { binary: on.write("other/offhook", "#!/bin/sh\nexit 3\n", 0o755) }),
    cure: settingsBack,
  },
  {
    title: "a program that never ends",
    check: "binary",
    level: "error",
    says: /did not end within 3 s/,
    mend: /offhook setup --sync/,
    cause: () =>
      on.hooks({ PostToolUse: "Write" }, { binary: on.write("other/offhook", "#!/bin/sh\nexec sleep 60\n", 0o755) }),
    cure: settingsBack,
  },
  {
    title: "a program in a repository, which is not run",
    check: "binary-place",
    level: "warning",
    says: /lies in a repository/,
    mend: /install -D/,
    cause() {
      mkdirSync(join(on.root, "shop", ".git"), { recursive: true });
      const binary = on.write("shop/bin/offhook", `#!/bin/sh\ntouch '${on.root}/it-ran'\n`, 0o755);
      on.hooks({ PostToolUse: "Write" }, { binary });
    },
    cure() {
      expect(() => readFileSync(join(on.root, "it-ran"))).toThrow();
      rmSync(join(on.root, "shop"), { recursive: true });
      settingsBack();
    },
  },
];

const ofHome: Trouble[] = [
  {
    title: "a home that others can look into",
    check: "permissions",
    level: "error",
    says: /others can read it \(mode 0755\)/,
    mend: /^chmod 0700 /,
    cause: () => chmodSync(on.home, 0o755),
    cure: () => chmodSync(on.home, 0o700),
  },
  {
    title: "a config.toml that is broken",
    check: "config",
    level: "error",
    says: /config\.toml:1: /,
    mend: /mend the line/,
    cause() {
      renameSync(join(on.home, "config.toml"), join(on.root, "kept.toml"));
      on.write(".offhook/config.toml", "workers = 0\n");
    },
    cure: () => renameSync(join(on.root, "kept.toml"), join(on.home, "config.toml")),
  },
  {
    title: "a damaged ledger that was set aside",
    check: "ledger-set-aside",
    level: "warning",
    says: /a damaged ledger was set aside/,
    mend: /rm /,
    cause: () => on.write(".offhook/ledger.damaged-20261121T000000Z.db", "it was"),
    cure: () => rmSync(join(on.home, "ledger.damaged-20261121T000000Z.db")),
  },
  {
    title: "what was no event",
    check: "bad",
    level: "warning",
    says: /1 thing was no event/,
    mend: /ls -la/,
    cause: () => on.write(".offhook/spool/bad/what", "is it"),
    cure: () => rmSync(join(on.home, "spool", "bad", "what")),
  },
  {
    title: "an event of a newer offhook",
    check: "newer",
    level: "error",
    says: /1 event is of a newer offhook/,
    mend: /upgrade/,
    // By its name only once it is whole, as publish does it.
    cause: () => renameSync(on.write("newer", '{"v":99,"id":"x"}\n{}\n'), join(on.home, "spool", "new", NEWER)),
    cure: () => rmSync(join(on.home, "spool", "new", NEWER)),
  },
];
const NEWER = "01930000-0000-7000-8000-000000000000";

const ofConsumers: Trouble[] = [
  {
    title: "a broken consumer file",
    check: "consumer-file",
    level: "error",
    says: /typo does not run.*typo\.toml:2: /,
    mend: /offhook try typo/,
    cause: () => on.consumer("typo", `on = ["PostToolUse"]\nrn = ["true"]\n`),
    cure: () => consumersBack("typo"),
  },
  {
    title: "a command that the daemon does not find, though this shell does",
    check: "command",
    level: "error",
    says: /lint: mylint is not on the daemon's PATH/,
    mend: /it is .*\/only-here\/mylint here.*offhook install-service/,
    cause() {
      on.write("only-here/mylint", "#!/bin/sh\n", 0o755);
      on.consumer("lint", LINT.replace('"true"', '"mylint"'));
    },
    cure: () => consumersBack(),
  },
  {
    title: "a command by its path that is not there",
    check: "command",
    level: "error",
    says: /lint: \/no\/such\/lint is not there/,
    mend: /install it/,
    cause: () => on.consumer("lint", LINT.replace('"true"', '"/no/such/lint"')),
    cure: () => consumersBack(),
  },
];

describe("an installation that is well", () => {
  test("is green, exits 0, and says what was looked at", async () => {
    const { exitCode, problems, findings, fixed } = await on.doctor();
    expect(problems).toEqual([]);
    expect({ exitCode, fixed }).toEqual({ exitCode: 0, fixed: [] });
    const groups = [...new Set(findings.map((one: any) => one.group))];
    expect(groups).toEqual(["hooks", "program", "home", "daemon", "consumers", "service", "sessions"]);
  });

  test("is told in lines with ticks, without colour where nobody looks", async () => {
    const { exitCode, stdout } = await on.run(["doctor"]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^hooks\n {2}✓ Claude Code 2\.1\.329\n/);
    expect(stdout).toEndWith("\nAll is well.\n");
    expect(stdout).not.toContain("\x1b");
  });
});

// Beside the installation's own, so that a command can be there and not on the daemon's PATH.
const HERE = () => ({ env: { PATH: `${join(on.root, "bin")}:${join(on.root, "only-here")}:/usr/bin:/bin` } });

for (const [about, troubles] of Object.entries({ ofSettings, ofProgram, ofHome, ofConsumers })) {
  describe(about.replace("of", "of the ").toLowerCase(), () => {
    for (const { title, check, level, says, mend, cause, cure } of troubles) {
      test(`${title} shows, and is gone when it is mended`, async () => {
        await cause();
        try {
          const { problems, exitCode } = await on.doctor([], HERE());
          const found = problems.filter((one: any) => one.check === check && says.test(one.what));
          expect(found, JSON.stringify(problems)).toHaveLength(1);
          expect(found[0]).toMatchObject({ level, mend: expect.stringMatching(mend) });
          expect(exitCode).toBe(problems.some((one: any) => one.level === "error") ? 1 : 0);
        } finally {
          await cure();
        }
        expect((await on.doctor([], HERE())).problems).toEqual([]);
      });
    }
  });
}

test("the place of what does not parse is its line and column", async () => {
  on.write(".claude/settings.json", '{\n  "hooks": {},\n}\n');
  const { problems } = await on.doctor();
  settingsBack();
  expect(problems[0].where).toMatch(/settings\.json:[23]:\d+$/);
});

test("an edit that breaks a consumer shows, with the last good version at work, and its hooks are not called unwanted", async () => {
  on.consumer("lint", LINT.replace("run", "rn"));
  await until(
    async () => {
      const { consumers } = JSON.parse((await on.run(["status", "--json"])).stdout);
      return consumers.some(({ name, state }: any) => name === "lint" && state === "stale");
    },
    () => "the daemon does not see it",
  );
  const { problems } = await on.doctor();
  expect(problems.map((one: any) => `${one.level} ${one.check}`)).toEqual(["error consumer-file"]);
  expect(problems[0].what).toMatch(/^lint runs its last good version/);
  consumersBack();
  expect((await on.doctor()).problems).toEqual([]);
});

test("a project's settings that send the same again show there, and its switches too, and nowhere else", async () => {
  const project = join(on.root, "shop");
  mkdirSync(join(project, ".git"), { recursive: true });
  const own = { matcher: "Write", hooks: [{ type: "command", command: "exec offhook publish", timeout: 5 }] };
  on.write("shop/.claude/settings.json", JSON.stringify({ hooks: { PostToolUse: [own] } }));
  on.write("shop/.claude/settings.local.json", JSON.stringify({ disableAllHooks: true }));
  const { problems } = await on.doctor([], { cwd: project });
  expect(problems.map((one: any) => `${one.level} ${one.check}`)).toEqual([
    "warning form",
    "error switches",
    "warning doubles",
  ]);
  expect(problems[1].where).toBe(join(project, ".claude", "settings.local.json"));
  expect((await on.doctor()).problems).toEqual([]);
  rmSync(project, { recursive: true });
});

test("a project's hooks that find no offhook on PATH or in ~/.local/bin do nothing, and that shows", async () => {
  const project = join(on.root, "shop");
  mkdirSync(join(project, ".git"), { recursive: true });
  on.write(
    "shop/.claude/settings.json",
    JSON.stringify({
      hooks: { PostToolUse: [{ matcher: "Write", hooks: [handlerOf({ kind: "portable" }, 5)] }] },
    }),
  );
  on.write(".claude/settings.json", "{}");
  expect((await on.doctor([], { cwd: project })).problems).toEqual([]);
  const elsewhere = join(on.root, "opt", "offhook");
  mkdirSync(join(on.root, "opt"));
  renameSync(on.binary, elsewhere);
  const child = Bun.spawn([elsewhere, "doctor", "--json"], {
    env: { PATH: `${join(on.root, "bin")}:/usr/bin:/bin`, HOME: on.root },
    cwd: project,
    stdout: "pipe",
  });
  const told = JSON.parse(await child.stdout.text());
  renameSync(elsewhere, on.binary);
  rmSync(project, { recursive: true });
  settingsBack();
  expect(told.findings).toContainEqual({
    ...{ group: "program", check: "binary", level: "error", where: join(project, ".claude", "settings.json") },
    ...{ what: `the hooks name ${on.binary}, which is not there`, fix: null },
    mend: `install -D ${elsewhere} ~/.local/bin/offhook`,
  });
  expect((await on.doctor()).problems).toEqual([]);
});

test("a record of settings that is damaged is an error with its remedy, and nothing is guessed from it", async () => {
  const record = join(on.home, "hooks.json");
  const text = readFileSync(record, "utf8");
  on.write(".offhook/hooks.json", "{");
  const { problems } = await on.doctor();
  on.write(".offhook/hooks.json", text);
  expect(problems).toMatchObject([{ check: "settings", level: "error" }]);
  expect(problems[0].mend).toContain("remove it");
});

test("it looks from a directory that is gone, too", async () => {
  const gone = join(on.root, "gone");
  mkdirSync(gone);
  const child = Bun.spawn(["/bin/sh", "-c", 'cd "$1" && rmdir "$1" && exec "$2" doctor', "sh", gone, on.binary], {
    env: { PATH: `${join(on.root, "bin")}:/usr/bin:/bin`, HOME: on.root },
    stdout: "pipe",
  });
  expect(await child.stdout.text()).toEndWith("\nAll is well.\n");
  expect(await child.exited).toBe(0);
});

test("the shape of --json is a promise", async () => {
  const { stdout, findings } = await on.doctor();
  expect(Object.keys(JSON.parse(stdout)).sort()).toEqual(
    ["errors", "findings", "fixed", "home", "version", "warnings"].sort(),
  );
  for (const finding of findings)
    expect(Object.keys(finding).sort()).toEqual(["check", "fix", "group", "level", "mend", "what", "where"]);
});

test("help says what the exit codes mean, and what is not known is refused", async () => {
  const { stdout } = await on.run(["doctor", "--help"]);
  expect(stdout).toMatch(/warnings alone/);
  expect(await on.run(["doctor", "--mend"])).toMatchObject({ exitCode: 64, stdout: "" });
  expect(await on.run(["doctor", "me"])).toMatchObject({ exitCode: 64, stdout: "" });
});

test("dead letters are told until they are gone", async () => {
  on.consumer("dies", `on = ["PostToolUse"]\ntools = ["Write"]\nshell = "exit 100"\n`);
  await until(
    async () => {
      const { consumers } = JSON.parse((await on.run(["status", "--json"])).stdout);
      return consumers.some(({ name, state }: any) => name === "dies" && state === "active");
    },
    () => "the daemon does not see it",
  );
  await on.run(["publish"], { stdin: JSON.stringify(wrote(join(on.root, "a.py"))) });
  await on.run(["drain"]);
  const { problems } = await on.doctor();
  expect(problems).toMatchObject([{ check: "dead-letters", level: "warning", what: "dies has 1 dead letter" }]);
  await on.run(["dead-letters", "purge", "--all"]);
  expect((await on.doctor()).problems).toEqual([]);
  consumersBack("dies");
});

test("a session that works while none of its events comes is a warning with reasons; one that sends events is none", async () => {
  const session = "0b3e8a52-2f1d-4f2a-9df0-6a1c5c1e7a11";
  const path = on.write(`.claude/projects/-shop/${session}.jsonl`, "{}\n");
  expect((await on.doctor()).problems).toEqual([]);
  await on.run(["publish"], { stdin: JSON.stringify(wrote(join(on.root, "a.py"), { session_id: session })) });
  await on.run(["drain"]);
  // As if the transcript had gone on for an hour and more after the last event.
  const later = (Date.now() + 62 * 60_000) / 1000;
  utimesSync(path, later, later);
  const { problems, exitCode } = await on.doctor();
  expect(problems).toMatchObject([{ group: "sessions", check: "silence", level: "warning" }]);
  expect(problems[0].what).toContain(session);
  expect(problems[0].what).toEndWith("no event has come for 1 h");
  expect(problems[0].mend).toMatch(/trusted.*--bare.*start the session again/);
  expect(exitCode).toBe(0);
  rmSync(path);
  expect((await on.doctor()).problems).toEqual([]);
});

test("a service that is installed for another program shows", async () => {
  const unit = on.write(
    ".config/systemd/user/offhook.service",
    `# Written by offhook install-service\n[Service]\nExecStart="/opt/gone/offhook" consume\nEnvironment="PATH=/usr/bin"\n`,
  );
  const { problems } = await on.doctor();
  rmSync(unit);
  expect(problems).toContainEqual({
    ...{ group: "service", check: "service-binary", level: "error", where: unit, fix: null },
    ...{ what: "it starts /opt/gone/offhook, which is not there", mend: "offhook install-service" },
  });
  expect((await on.doctor()).problems).toEqual([]);
});

test("a home that is not there is said, and nothing makes it", async () => {
  const home = join(on.root, "not-yet");
  const { problems, exitCode } = await on.doctor([], { env: { OFFHOOK_HOME: home } });
  expect(problems).toContainEqual(expect.objectContaining({ check: "home", level: "error", where: home }));
  expect(exitCode).toBe(1);
  expect((await on.run(["status", "--json"], { env: { OFFHOOK_HOME: home } })).exitCode).toBe(1);
  const nowhere = await on.run(["doctor"], { env: { OFFHOOK_HOME: "here" } });
  expect([nowhere.exitCode, nowhere.stderr]).toEqual([78, expect.stringContaining("try: ")]);
});
