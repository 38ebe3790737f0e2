// setup, doctor and uninstall inside a repository that was made to hurt: nothing of it is run, nothing of it is in the way, and
// nothing outside of it is written because of it.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { detect } from "../src/templates/detect.ts";
import { type Machine, openMachine } from "./fresh-machine.ts";

let on: Machine;
beforeEach(() => {
  on = openMachine();
});
afterEach(() => on.end());

const LOG = ["setup", "--yes", "--service", "none", "--consumers", "log"];
const hooksText = (handler: object) =>
  JSON.stringify({ hooks: { Stop: [{ hooks: [{ type: "command", ...handler }] }] } });

/** Programs that leave a trace when somebody runs them. */
function plant(directory: string): void {
  for (const name of ["claude", "offhook", "ruff", "git", "systemctl"])
    on.write(join(directory, name), `#!/bin/sh\necho ${name} >> '${on.root}/executed'\necho 2.1.1\n`, 0o755);
}

for (const [what, git] of [
  ["a repository", true],
  ["a directory without .git", false],
] as const) {
  test(`programs of ${what} are not run, by PATH or because its settings name them`, async () => {
    if (!git) rmSync(join(on.project, ".git"), { recursive: true });
    for (const directory of ["shop", "shop/bin", "planted"]) plant(directory);
    symlinkSync(join(on.project, "bin"), join(on.root, "link"));
    const usual = `${join(on.root, ".local", "bin")}:/usr/bin:/bin`;
    const named = [
      join(on.project, "offhook"),
      join(on.root, "planted", "offhook"),
      "offhook",
      "/proc/self/cwd/offhook",
    ];
    for (const path of [".", "bin", "./bin", join(on.project, "bin"), join(on.root, "link")]) {
      for (const command of named) {
        const args = command.startsWith("/") ? { args: ["publish"] } : {};
        on.write(
          "shop/.claude/settings.json",
          hooksText({ command: args.args ? command : `${command} publish`, ...args }),
        );
        const env = { PATH: `${path}:${usual}` };
        await on.run(["doctor"], { env });
        await on.run(["doctor", "--fix"], { env });
        await on.run([...LOG, "--dry-run"], { env });
        await on.run(["uninstall", "--dry-run"], { env });
      }
    }
    expect(existsSync(join(on.root, "executed"))).toBe(false);
  }, 120_000);
}

test("a program that only a project's settings name is told, and not called well", async () => {
  plant("planted");
  const planted = join(on.root, "planted", "offhook");
  on.write("shop/.claude/settings.json", hooksText({ command: planted, args: ["publish"], timeout: 5 }));
  const { findings } = await on.json(["doctor"], { exitCode: 1 });
  const about = findings.filter((one: any) => one.check === "binary");
  expect(about).toMatchObject([{ level: "warning", what: expect.stringContaining("it was not run") }]);
});

test("settings of many GiB, and ones without an end, are refused and not read", async () => {
  const big = on.write("shop/.claude/settings.json", "");
  truncateSync(big, 64 * 2 ** 30);
  symlinkSync("/proc/self/pagemap", join(on.project, ".claude", "settings.local.json"));
  const { findings } = await on.json(["doctor"], { exitCode: 1 });
  expect(findings.find((one: any) => one.where?.startsWith(big))?.what).toContain("larger than 2 MiB");
  const ran = await on.run([...LOG, "--scope", "project"]);
  expect([ran.exitCode, ran.stderr]).toEqual([78, expect.stringContaining("larger than 2 MiB")]);
  expect((await on.run(["uninstall", "--dry-run"])).exitCode).toBe(0);
}, 60_000);

test("settings that cannot be read and hold nothing of ours are no obstacle to an uninstall", async () => {
  await on.json(LOG);
  on.write("shop/.claude/settings.json", "{ // theirs\n}");
  mkdirSync(join(on.project, ".claude", "settings.local.json"));
  await on.json(["uninstall", "--yes", "--purge"]);
  expect([on.has(".claude"), on.has(".offhook"), on.read("shop/.claude/settings.json")]).toEqual([
    false,
    false,
    "{ // theirs\n}",
  ]);
});

test("settings that cannot be read and may hold hooks of ours stop it, noted or not", async () => {
  on.write("shop/.claude/settings.json", '{ "hooks": { "Stop": [{ "hooks": [{ "command": "offhook publish" }] }] },');
  const ran = await on.run(["uninstall", "--yes"]);
  expect([ran.exitCode, ran.stderr]).toEqual([78, expect.stringContaining("settings.json:1:")]);
  expect(on.has(".local/bin/offhook")).toBe(true);
});

test("a project's settings that are a link to the user's are refused: they would lose the hooks of other projects", async () => {
  await on.json(LOG);
  const before = readFileSync(on.settings, "utf8");
  mkdirSync(join(on.project, ".claude"));
  for (const [scope, name] of [
    ["local", "settings.local.json"],
    ["project", "settings.json"],
  ] as const) {
    symlinkSync(on.settings, join(on.project, ".claude", name));
    const ran = await on.run([...LOG, "--scope", scope]);
    expect([ran.exitCode, ran.stderr]).toEqual([64, expect.stringContaining("your own settings file")]);
  }
  expect(readFileSync(on.settings, "utf8")).toBe(before);
});

test("a link that leads out of the project makes no file there; one to a file that is there is said", async () => {
  mkdirSync(join(on.project, ".claude"));
  symlinkSync("../../elsewhere/deep/x.json", join(on.project, ".claude", "settings.json"));
  const ran = await on.run([...LOG, "--scope", "project"]);
  expect([ran.exitCode, ran.stderr]).toEqual([77, expect.stringContaining("elsewhere/deep/x.json")]);
  expect([on.has("elsewhere"), on.has(".offhook")]).toEqual([false, false]);
  const there = on.write("kept/local.json", "{}\n");
  symlinkSync(there, join(on.project, ".claude", "settings.local.json"));
  const did = await on.json([...LOG, "--scope", "local"]);
  expect(did.remarks).toContain(
    `${join(on.project, ".claude", "settings.local.json")} leads out of the project: ${there} is what is written.`,
  );
  expect(JSON.parse(on.read("kept/local.json")).hooks).toBeObject();
});

test("noted settings that have become a link to the user's are left alone by --sync, and the user's hooks stay", async () => {
  await on.json(LOG);
  await on.json([...LOG, "--scope", "local"]);
  const local = join(on.project, ".claude", "settings.local.json");
  rmSync(local);
  symlinkSync(on.settings, local);
  on.write(".offhook/consumers/log.toml", `on = ["Stop"]\nbuiltin = "log"\nprojects = ["${on.root}/other"]\n`, 0o600);
  for (const changed of [true, false]) {
    const did = await on.json(["setup", "--sync", "--yes"], { exitCode: 1 });
    expect(did).toMatchObject({ changed, troubles: [{ path: local, why: expect.stringContaining("your own") }] });
    expect(Object.keys(JSON.parse(on.read(".claude/settings.json")).hooks)).toEqual(["Stop"]);
  }
});

test("what setup makes is nobody else's to write, whatever the umask", async () => {
  const ran = Bun.spawnSync(["/bin/sh", "-c", 'umask 0; exec "$0" "$@"', on.binary, ...LOG], {
    cwd: on.project,
    env: { HOME: on.root, PATH: `${join(on.root, "bin")}:/usr/bin:/bin` },
  });
  expect(ran.exitCode).toBe(0);
  const open = [".claude", ".claude/settings.json", ".offhook", ".offhook/hooks.json", ".offhook/backups"].filter(
    (name) => (statSync(join(on.root, name)).mode & 0o022) !== 0,
  );
  expect(open).toEqual([]);
});

test("setups of many projects at the same time note every one, so that an uninstall finds them all", async () => {
  await on.json(LOG);
  await on.consume();
  const projects = Array.from({ length: 12 }, (_, at) => join(on.root, `project-${at}`));
  for (const project of projects) mkdirSync(join(project, ".git"), { recursive: true });
  await Promise.all(
    projects.map((cwd) => on.json([...LOG.slice(0, 4), "--consumers", "none", "--scope", "local"], { cwd })),
  );
  const noted = JSON.parse(on.read(".offhook/hooks.json")).settings.map((one: any) => one.path);
  expect(noted).toEqual([on.settings, ...projects.map((one) => join(one, ".claude", "settings.local.json"))].sort());
  await on.json(["uninstall", "--yes"]);
  expect(on.tree().filter((line) => line.includes(".claude"))).toEqual([]);
}, 60_000);

test("from a directory that is gone, setup and uninstall do what they do anywhere else", async () => {
  const gone = join(on.root, "gone");
  const there = async (args: string[]) => {
    mkdirSync(gone, { recursive: true });
    const child = Bun.spawn(["/bin/sh", "-c", 'rmdir "$PWD" && exec "$0" "$@"', on.binary, ...args], {
      cwd: gone,
      env: { HOME: on.root, PATH: `${join(on.root, ".local", "bin")}:${join(on.root, "bin")}:/usr/bin:/bin` },
      stdout: "pipe",
      stderr: "pipe",
    });
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    return { exitCode: child.exitCode, stdout, stderr };
  };
  expect(await there(LOG)).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("Consumer: log was done") });
  expect(await there(["setup", "--dry-run", "--project", "nowhere"])).toMatchObject({ exitCode: 66 });
  expect(await there(["uninstall", "--yes", "--purge"])).toMatchObject({ exitCode: 0 });
  expect([on.has(".claude"), on.has(".offhook")]).toEqual([false, false]);
});

test("a tool that PATH finds in the project through a link is the project's own, and bound to it", () => {
  on.write("shop/tools/shellcheck", "#!/bin/sh\n", 0o755);
  on.write("shop/run.sh", "true\n");
  symlinkSync(join(on.project, "tools"), join(on.root, "tools"));
  const [found] = detect(on.project, join(on.root, "tools")).filter(({ template }) => template === "shellcheck");
  expect(found?.found).toBe(join(on.project, "tools", "shellcheck"));
});
