// A repository in which everything that a runtime or a package manager may look at is a trap. Whatever of offhook runs there,
// with whatever in the environment: nothing of it is executed (it would leave a file called "executed"), nothing of it believed.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ENGINE_OPTION, SWITCHES } from "../scripts/runtime-switches.ts";
import { consumerOf, openGuarded } from "./guarded.ts";
import { type Daemon, type Running, until, wrote } from "./running.ts";

let on: Running;
let elsewhere: string;

const plant = (name: string, text: string, mode = 0o644) => {
  const path = join(on.root, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, mode);
};
const executed = () => [...new Bun.Glob("**/executed").scanSync({ cwd: on.root, dot: true })];

/** Traps in the directory where all commands of this file run, which is their HOME too. */
function plantTraps(): void {
  const mark = join(on.root, "executed");
  const evil = `require("node:fs").appendFileSync(${JSON.stringify(mark)}, "yes\\n");`;
  const script = `echo yes >> '${mark}'`;
  const words = ["publish", "consume", "status", "events", "try", "show", "offhook"];
  for (const name of ["evil", "index", "main", ...words]) plant(`${name}.ts`, evil);
  for (const name of ["valibot", "@clack/prompts", "node:fs", "bun:sqlite", "bun"]) {
    plant(`node_modules/${name}/index.js`, evil);
    plant(`node_modules/${name}/package.json`, JSON.stringify({ name, version: "1.0.0", main: "index.js" }));
  }
  for (const name of ["lint", "sh", "cat", "env"]) {
    for (const directory of ["", "bin/", "node_modules/.bin/"])
      plant(`${directory}${name}`, `#!/bin/sh\n${script}\n`, 0o755);
  }
  const scripts = Object.fromEntries(
    [...words, "prepublishOnly", "preconsume", "postinstall"].map((word) => [word, script]),
  );
  plant("package.json", JSON.stringify({ name: "evil", version: "1.0.0", scripts, imports: { "#*": "./evil.ts" } }));
  plant("tsconfig.json", JSON.stringify({ compilerOptions: { baseUrl: ".", paths: { "*": ["./evil.ts"] } } }));
  const bunfig =
    'preload = ["./evil.ts"]\n[run]\nbun = true\npreload = ["./evil.ts"]\n[test]\npreload = ["./evil.ts"]\n';
  for (const name of ["bunfig.toml", ".bunfig.toml"]) plant(name, bunfig);
  const env = `OFFHOOK_HOME=${elsewhere}\nOFFHOOK_DEPTH=9\nBUN_BE_BUN=1\nBUN_OPTIONS=--preload=./evil.ts\nPATH=.\nCLAUDE_PROJECT_DIR=/believed\n`;
  for (const name of [".env", ".env.local", ".env.development", ".env.production"]) plant(name, env);
  plant(".offhook.toml", `on = ["**"]\nrun = ["./evil.ts"]\nshell = "${script}"\n`);
  mkdirSync(join(on.root, ".git"));
  plant("shop/-rf", "rf = 1\n");
}

const hostile: Record<string, string> = {
  BUN_BE_BUN: "1",
  BUN_OPTIONS: "--preload=./evil.ts",
  BUN_INSPECT: "127.0.0.1:0?wait=1",
  BUN_INSPECT_PRELOAD: "./evil.ts",
  BUN_CONFIG_FILE: "./bunfig.toml",
  NODE_OPTIONS: "--require ./evil.ts",
  NODE_PATH: "./node_modules",
  XDG_CONFIG_HOME: ".",
  PATH: `:.:bin:node_modules/.bin:${process.env.PATH}:`,
};

let daemon: Daemon;

beforeAll(async () => {
  on = openGuarded();
  elsewhere = join(on.root, "elsewhere");
  plantTraps();
  on.consumer("lint", `on = ["PostToolUse"]\nrun = ["lint", "{file}"]\nretry = { max = 0 }\n`);
  on.consumer("cat", `on = ["PostToolUse"]\nrun = ["cat", "--", "{file}"]\n`);
  on.consumer("probe", `on = ["PostToolUse"]\nshell = 'env > "$OFFHOOK_HOME/env"'\n`);
  on.consumer("tool", `on = ["PostToolUse"]\nrun = ["echo", "{tool}"]\nretry = { max = 0 }\n`);
  on.consumer("session", `on = ["PostToolUse"]\nrun = ["echo", "--", "{session}"]\n`);
  daemon = await on.start([], hostile);
}, 30_000);
afterAll(() => on.end());

test("the traps are good: the plain runtime falls into them", () => {
  const options = { cwd: on.root, env: { PATH: process.env.PATH ?? "", HOME: on.root } };
  Bun.spawnSync([process.execPath, "run", "consume"], options);
  Bun.spawnSync([process.execPath, "index.ts"], options);
  expect(readFileSync(join(on.root, "executed"), "utf8").split("yes").length).toBeGreaterThan(2);
  Bun.spawnSync(["rm", join(on.root, "executed")]);
  expect(executed()).toEqual([]);
});

describe("a daemon that was started there, with a hostile environment", () => {
  test("takes in what is published there, believes the payload alone, and executes nothing", async () => {
    const place = { cwd: join(on.root, "shop"), tool_input: { file_path: "-rf", content: "" } };
    const payload = wrote(join(on.root, "shop", "-rf"), place);
    const ran = await on.offhook(["publish"], { stdin: JSON.stringify(payload), env: hostile });
    expect(ran).toEqual({ exitCode: 0, stdout: "", stderr: "" });
    const status = await on.settled();
    expect(existsSync(elsewhere)).toBe(false);
    expect((await on.ndjson(["events"]))[0]).toMatchObject({
      depth: 0,
      project: on.root,
      subject: join(on.root, "shop", "-rf"),
    });
    // The project's own "cat" and "lint" were not found, though PATH named their directories.
    expect(consumerOf(status, "lint")).toMatchObject({ dead: 1 });
    const [lint] = await on.ndjson(["deliveries", "--consumer", "lint"]);
    expect(lint.reason).toMatch(/^lint: not found on the daemon's PATH \(\/[^)]*\)$/);
    const [cat] = await on.ndjson(["deliveries", "--consumer", "cat"]);
    expect(cat.attempts[0]).toMatchObject({ outcome: "ok", stdout: "rf = 1\n" });
    expect(executed()).toEqual([]);
  });

  test("gives its workers no relative entry of PATH and nothing of the runtime's variables", () => {
    const env = new Map(
      readFileSync(join(on.home, "env"), "utf8")
        .split("\n")
        .map((line) => [line.split("=")[0], line]),
    );
    const path = env.get("PATH")!.slice("PATH=".length).split(":");
    expect(path.filter((entry) => !entry.startsWith("/"))).toEqual([]);
    expect(path.length).toBeGreaterThan(0);
    expect([...env.keys()].filter((name) => name?.startsWith("BUN_"))).toEqual([]);
    expect(env.get("OFFHOOK_HOME")).toBe(`OFFHOOK_HOME=${on.home}`);
    expect(env.get("OFFHOOK_DEPTH")).toBe("OFFHOOK_DEPTH=1");
    expect(env.get("PWD")).toBe(`PWD=${on.root}`);
  });

  test("takes no word of a payload for an option of a command", async () => {
    await on.publish(wrote(on.file("shop/b.py"), { tool_name: "-rf", session_id: "--exec=evil" }));
    const status = await on.settled();
    expect(consumerOf(status, "tool")).toMatchObject({ ok: 1, dead: 1 });
    const deliveries = await on.ndjson(["deliveries"]);
    expect(deliveries.find((one) => one.state === "dead" && one.consumer === "tool").reason).toContain(
      'put "--" before it',
    );
    const sessions = deliveries.filter((one) => one.consumer === "session").map((one) => one.attempts[0].stdout);
    expect(sessions.at(-1)).toContain("--exec=evil\n");
    expect(executed()).toEqual([]);
  });
});

describe("every command that looks", () => {
  const variables = [
    ...Object.entries(hostile),
    ...[...SWITCHES, ENGINE_OPTION].map(({ name, value }) => [name, value] as const),
  ];
  const environments: [string, Record<string, string>][] = [
    ["nothing in the environment", {}],
    ...variables.map(([name, value]): [string, Record<string, string>] => [
      name === "PATH" ? "relative entries in PATH" : `${name}=${value}`,
      { [name]: value },
    ]),
    ["all of it", { ...hostile, ...Object.fromEntries(SWITCHES.map(({ name, value }) => [name, value])) }],
  ];

  for (const [what, env] of environments) {
    test(`says there what it says anywhere, with ${what}`, async () => {
      const payload = JSON.stringify(wrote(join(on.root, "shop", "-rf")));
      for (const args of [["status", "--json"], ["events", "--json"], ["try", "cat", "--json"], ["--version"]]) {
        const here = await on.offhook(args, { stdin: payload, env });
        const there = await on.offhook(args, { stdin: payload, cwd: "/" });
        expect([args, here.stderr, here.exitCode]).toEqual([args, "", there.exitCode]);
        const stable = (text: string) => text.replace(/"(oldestMs|id)":("[^"]*"|\d+)/g, "");
        expect(stable(here.stdout)).toBe(stable(there.stdout));
      }
      expect(executed()).toEqual([]);
    });
  }

  test("and try --run runs there what the daemon would have run", async () => {
    const payload = JSON.stringify(wrote(join(on.root, "shop", "-rf")));
    const ran = await on.offhook(["try", "cat", "--run"], { stdin: payload, env: hostile });
    expect(ran.stdout).toContain("rf = 1\n");
    expect(ran.exitCode).toBe(0);
    const refused = await on.offhook(["try", "lint", "--run"], { stdin: payload, env: hostile });
    expect(refused.stdout).toContain("lint: not found");
    expect(refused.exitCode).toBe(1);
    expect(executed()).toEqual([]);
    expect(existsSync(elsewhere)).toBe(false);
  });
});

for (const { name, value } of [...SWITCHES, ENGINE_OPTION]) {
  test(`a daemon with ${name} in its environment starts, works, and ends well`, async () => {
    expect(await daemon.stop()).toBe(0);
    daemon = await on.start([], { [name]: value });
    const before = consumerOf(await on.status(), "cat").ok;
    await on.publish(wrote(on.file("shop/c.py")));
    await until(
      async () => consumerOf(await on.status(), "cat").ok === before + 1,
      () => daemon.output(),
    );
    expect(daemon.output()).toMatch(/^\d\d:\d\d:\d\d ready: /);
    expect(executed()).toEqual([]);
  });
}
