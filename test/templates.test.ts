// The templates: each text is one that the daemon accepts, for any project, and says the right thing about what a tool answers.
// What can be had of the tools on this machine is run for real, through the daemon; the others are said to be missing.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, delimiter, dirname, join, resolve } from "node:path";
import { parseConsumer } from "../src/config/consumer.ts";
import { loadConsumers } from "../src/config/load.ts";
import type { Consumer } from "../src/config/schema.ts";
import { OffhookError } from "../src/errors.ts";
import { projectRule } from "../src/match/match-path.ts";
import { planConsumerFile, writeConsumerFile } from "../src/templates/consumer-file.ts";
import type { Answers, Template } from "../src/templates/template.ts";
import { TEMPLATES, templateOf } from "../src/templates/templates.ts";
import { commandOf } from "../src/templates/text.ts";
import { openGuarded } from "./guarded.ts";
import { type Running, until, wrote } from "./running.ts";

const ROOT = resolve(import.meta.dir, "..");
const SECRETS = Object.fromEntries(
  TEMPLATES.flatMap(({ secret }) => (secret === null ? [] : [[secret.name, "https://hooks.example/x"]])),
);

let on: Running;
beforeEach(() => {
  on = openGuarded();
});
afterEach(() => on.end());

function named(id: string): Template {
  const template = templateOf(id);
  if (template === null) throw new Error(`no template ${id}`);
  return template;
}

function accepted(text: string): Consumer {
  const loaded = parseConsumer(text, { name: "x", path: "/x", label: "x", userHome: "/home/dev", secrets: SECRETS });
  if (loaded.kind === "broken") throw new Error(`${loaded.errors.join("\n")}\n${text}`);
  return loaded.consumer;
}

/** Where the command of a template could have been found. */
function places(template: Template, project: string): Answers[] {
  const command = template.needs[0] ?? "x";
  return [null, `/usr/bin/${command}`, join(project, "node_modules/.bin", command)].map((found) => ({
    project,
    found,
  }));
}

const HOSTILE = [
  "/home/dev/my shop",
  '/home/dev/it\'s "quoted"',
  "/home/dev/new\nline\r\ttab",
  "/home/dev/größe ✓ 商店",
  "/home/dev/]] '''\"\"\" # x",
  "/home/dev/[tool]/!x",
  "/home/dev/shop[12]",
  "/home/dev/sh*p?",
  "/home/dev/{a,b}",
  "/home/dev/back\\slash\\",
  "/home/dev/{file}",
  "/home/dev/${HOME}/$SLACK_URL",
  "/home/dev/del\x7f\x1b[31m",
  "/home/dev/-rf",
  "/home/dev/ ",
  "/",
];

describe("a text", () => {
  test("is accepted by the daemon's own reader without a finding, for every template and any project", () => {
    for (const template of TEMPLATES) {
      for (const project of HOSTILE) for (const answers of places(template, project)) accepted(template.text(answers));
    }
  });

  test("is bound to this project and no other where it runs the project's code, or a command that lies there", () => {
    // Of "/" everything is a part, which makes no project of it.
    const hostile = HOSTILE.filter((path) => path !== "/");
    const decoys = [...HOSTILE, "/home/dev/shop1", "/home/dev/shop", "/home/dev/shap", "/home/dev/a", "/home/dev/tool"];
    for (const template of TEMPLATES) {
      for (const project of hostile) {
        for (const answers of places(template, project)) {
          const { projects, action } = accepted(template.text(answers));
          const isLocal = answers.found?.startsWith(`${project}/`) === true;
          if ((!template.needsProject && !isLocal) || action.kind !== "run") {
            expect(projects).toBeNull();
            continue;
          }
          const rule = projectRule(projects ?? [], (path) => path);
          const wanted = decoys.filter((path) => rule.test({ event: { project: path } as never, data: () => null }));
          expect(wanted).toEqual([project]);
        }
      }
    }
  });

  test("runs a command of the project by its own path, and any other by its name", () => {
    const argvOf = (answers: Answers) => {
      const { action } = accepted(named("eslint").text(answers));
      return action.kind === "run" ? action.argv : [];
    };
    const project = "/home/dev/my shop";
    expect(argvOf({ project, found: `${project}/node_modules/.bin/eslint` })[0]).toBe(
      `${project}/node_modules/.bin/eslint`,
    );
    expect(argvOf({ project, found: "/usr/bin/eslint" })[0]).toBe("eslint");
    // What run would take for event data or a secret: from the project's directory, where it runs.
    const odd = "/home/dev/{file}/${SLACK_URL}";
    expect(argvOf({ project: odd, found: `${odd}/node_modules/.bin/eslint` })[0]).toBe("./node_modules/.bin/eslint");
  });

  test("names its command where the doctor can find it, behind a script too", () => {
    for (const template of TEMPLATES) {
      const { action } = accepted(template.text({ project: "/home/dev/shop", found: null }));
      if (action.kind === "run") expect(commandOf(action.argv)).toBe(template.needs[0] ?? "");
    }
  });

  test("for a project that no file can name, or for none where one is needed, is refused in words", () => {
    for (const project of [null, "relative", "/home/\ufffd", "/home/\ud800", "/a\0b"])
      expect(() => named("eslint").text({ project, found: null })).toThrow(OffhookError);
    expect(accepted(named("ruff").text({ project: null, found: null })).projects).toBeNull();
  });

  test("says what it costs and what to change, and no template is missing in the documentation", () => {
    const documented = readFileSync(join(ROOT, "docs/templates.md"), "utf8");
    for (const template of TEMPLATES) {
      const text = template.text({ project: "/home/dev/shop", found: null });
      expect(text.split("\n").filter((line) => line.startsWith("# ")).length).toBeGreaterThan(2);
      expect(text.split("\n").filter((line) => line.startsWith("#") && line.length > 125)).toEqual([]);
      expect(documented).toMatch(new RegExp(`^\\| \`${template.id}\` \\|`, "m"));
    }
    const rows = [...documented.matchAll(/^\| `([a-z0-9-]+)` \|/gm)].map(([, id]) => id ?? "");
    expect(rows.sort()).toEqual(TEMPLATES.map(({ id }) => id).sort());
  });

  test("that rewrites files waits for Stop, and all that runs after a write waits until things are quiet", () => {
    for (const template of TEMPLATES) {
      const consumer = accepted(template.text({ project: "/home/dev/shop", found: null }));
      if (template.kind === "format") expect(consumer.on).toEqual(["Stop"]);
      if (template.kind === "lint" || template.kind === "test") {
        expect(consumer.on).toEqual(["PostToolUse"]);
        expect(consumer.debounce?.quietMs).toBeGreaterThanOrEqual(1_000);
        expect(consumer.findings).not.toEqual([]);
      }
      if (template.kind === "test") expect(consumer.key).toBe("{project}");
      if (template.executesProjectCode) expect(consumer.projects).toEqual(["/home/dev/shop"]);
    }
  });
});

test("an address is believed when it looks like one, and no other", () => {
  const cases: Record<string, { right: string[]; wrong: string[] }> = {
    slack: {
      right: ["https://hooks.slack.com/services/T0/B0/abc", "https://hooks.slack.com/workflows/x"],
      wrong: [
        "http://hooks.slack.com/services/x",
        "https://app.slack.com/client/T0",
        "https://hooks.slack.com.evil.example/services/x",
      ],
    },
    discord: {
      right: ["https://discord.com/api/webhooks/123/abc", "https://canary.discord.com/api/v10/webhooks/123/abc"],
      wrong: ["https://discord.com/channels/1/2", "https://discord.gg/abc"],
    },
    ntfy: {
      right: ["https://ntfy.sh/my-name_1", "http://ntfy.lan:8080/x"],
      wrong: ["https://ntfy.sh/", "ntfy.sh/x", "ftp://x/y"],
    },
    n8n: { right: ["http://localhost:5678/webhook/1b2c"], wrong: ["localhost:5678/webhook", "https://n8n.example/"] },
    webhook: {
      right: ["https://example.com/x?y=z"],
      wrong: ["", "example.com", "https://user:pw@example.com/", "https://a b/"],
    },
  };
  for (const template of TEMPLATES.filter(({ secret }) => secret !== null)) {
    const { right, wrong } = cases[template.id] ?? { right: [], wrong: [] };
    expect([template.id, right.length > 0]).toEqual([template.id, true]);
    expect(right.filter((text) => !template.secret?.looksRight(text))).toEqual([]);
    expect(wrong.filter((text) => template.secret?.looksRight(text))).toEqual([]);
  }
});

describe("a consumer file", () => {
  const write = (id: string, answers: Answers) => {
    const file = planConsumerFile(on.home, named(id), answers);
    writeConsumerFile(file);
    return file;
  };

  test("is written once, closed to others, and loaded by the daemon's loader; the next time it is there", () => {
    const answers = { project: join(on.root, "my shop"), found: null };
    for (const { id } of TEMPLATES) expect(write(id, answers).exists).toBeNull();
    const { consumers, broken } = loadConsumers(on.home, { values: SECRETS });
    expect(broken).toEqual([]);
    expect(consumers.map(({ name }) => name).sort()).toEqual(
      TEMPLATES.map(({ id, needsProject }) => (needsProject ? `${id}-my-shop` : id)).sort(),
    );
    for (const file of readdirSync(join(on.home, "consumers")))
      expect(statSync(join(on.home, "consumers", file)).mode & 0o7777).toBe(0o600);
    for (const template of TEMPLATES) expect(planConsumerFile(on.home, template, answers).exists).toBe("same");
  });

  test("that a person changed is left as it is", () => {
    const answers = { project: join(on.root, "shop"), found: null };
    const { path } = write("pytest", answers);
    writeFileSync(path, readFileSync(path, "utf8").replace('"10m"', '"20m"'), { mode: 0o600 });
    const edited = readFileSync(path, "utf8");
    const file = planConsumerFile(on.home, named("pytest"), answers);
    expect([file.exists, file.path]).toEqual(["different", path]);
    writeConsumerFile(file);
    expect(readFileSync(path, "utf8")).toBe(edited);
  });

  test("that came there between plan and writing is left as it is, and that is said", () => {
    const file = planConsumerFile(on.home, named("ruff"), { project: null, found: null });
    writeFileSync(file.path, "mine");
    expect(() => writeConsumerFile(file)).toThrow(/came there meanwhile/);
    expect(readFileSync(file.path, "utf8")).toBe("mine");
    expect(readdirSync(dirname(file.path))).toEqual(["ruff.toml"]);
  });

  test("of another project with the same name is another file, and each is found again", () => {
    const both = ["a/shop", "b/shop"].map((name) => ({ project: join(on.root, name), found: null }));
    const files = both.map((answers) => write("pytest", answers));
    expect(files[0]?.name).toBe("pytest-shop");
    expect(files[1]?.name).toMatch(/^pytest-shop-[0-9a-f]{6}$/);
    expect(both.map((answers) => planConsumerFile(on.home, named("pytest"), answers).exists)).toEqual(["same", "same"]);
    expect(loadConsumers(on.home, { values: {} }).broken).toEqual([]);
  });

  test("has a name that a consumer can have, for any project, and what lies in its place is never overwritten", () => {
    for (const project of HOSTILE) write("pytest", { project, found: null });
    const { consumers, broken } = loadConsumers(on.home, { values: {} });
    expect([consumers.length, broken]).toEqual([HOSTILE.length, []]);
    mkdirSync(join(on.home, "consumers", "ruff.toml"));
    symlinkSync("/nowhere", join(on.home, "consumers", "log.toml"));
    for (const id of ["ruff", "log"])
      expect(planConsumerFile(on.home, named(id), { project: null, found: null }).exists).toBe("different");
  });
});

describe("a script", () => {
  /** Runs the argv of a template on files, with a command that prints its directory and its arguments instead of the tool. */
  function said(id: string, project: string, files: readonly string[]): { exitCode: number; lines: string[] } {
    const fake = join(on.root, "fake");
    writeFileSync(
      fake,
      '#!/bin/sh\nif [ "$1" = locate-project ]; then echo "$PWD/Cargo.toml"; exit; fi\nprintf "%s" "${PWD##*/}"\nprintf "<%s>" "$@"\necho\n',
    );
    chmodSync(fake, 0o755);
    const { action } = accepted(named(id).text({ project, found: null }));
    if (action.kind !== "run") throw new Error(`${id} has no run`);
    const argv = action.argv.flatMap((word) => (word === "{files}" || word === "{file}" ? files : [word]));
    const ran = Bun.spawnSync(
      argv.map((word) => (word === named(id).needs[0] ? fake : word)),
      { cwd: project },
    );
    expect(ran.stderr.toString()).toBe("");
    return { exitCode: ran.exitCode, lines: ran.stdout.toString().split("\n").filter(Boolean) };
  }

  const NAMES = ["$(touch pwned).py", "`touch pwned`.py", "a b.py", "-x.py", "'; touch pwned;'.py", "*.py", "ü.py"];

  test("gets any file name as data", () => {
    const shop = join(on.root, "shop");
    const files = NAMES.flatMap((name) => [on.file(`shop/${name}`), on.file(`shop/tests/test_${name}`)]);
    const { exitCode, lines } = said("pytest", shop, files);
    const [line = ""] = lines;
    expect([exitCode, lines.length]).toEqual([0, 1]);
    for (const name of NAMES) expect(line).toContain(`<${join(shop, "tests", `test_${name}`)}>`);
    expect(line).not.toContain(`<${files[0]}>`);
    for (const id of ["go-test", "go-vet", "cargo-test", "cargo-check", "cargo-clippy", "cargo-fmt", "bun-test"])
      expect(said(id, shop, files).exitCode).toBe(0);
    expect(readdirSync(shop).sort()).toEqual([...NAMES, "tests"].sort());
  });

  test("of pytest finds the tests of a module by name: beside it, in tests/ there, and in the project's", () => {
    const shop = join(on.root, "shop");
    for (const name of ["a/cart_test.py", "a/tests/test_cart.py", "tests/unit/test_cart.py", "tests/test_other.py"])
      on.file(`shop/${name}`);
    const cart = on.file("shop/a/cart.py");
    const { lines } = said("pytest", shop, [cart]);
    expect(lines).toEqual([
      `shop<-q><--><${shop}/a/cart_test.py><${shop}/a/tests/test_cart.py><tests/unit/test_cart.py>`,
    ]);
    expect(said("pytest", shop, [on.file("shop/a/lonely.py")]).lines).toEqual([
      "no test module is named after what changed",
    ]);
  });

  test("of bun test finds the tests of a module by name, and takes no data file for one", () => {
    const shop = join(on.root, "shop");
    for (const name of ["src/cart.test.ts", "src/cart.test.json", "src/__tests__/cart.test.tsx", "test/cart_test.js"])
      on.file(`shop/${name}`);
    const { lines } = said("bun-test", shop, [on.file("shop/src/cart.ts")]);
    expect(lines).toEqual([
      `shop<test><${shop}/src/cart.test.ts><${shop}/src/__tests__/cart.test.tsx><./test/cart_test.js>`,
    ]);
  });

  test("of go and cargo runs once in each package", () => {
    const shop = join(on.root, "shop");
    const files = ["a/x.go", "b/y.go", "a/z.go"].map((name) => on.file(`shop/${name}`));
    expect(said("go-test", shop, files).lines.filter((line) => line.includes("<"))).toEqual([
      "a<test><.>",
      "b<test><.>",
    ]);
    expect(said("cargo-test", shop, files).lines.filter((line) => line.includes("<"))).toEqual([
      "a<test><--quiet>",
      "b<test><--quiet>",
    ]);
  });
});

/** What the shell of a person would have; the daemon's HOME is a scratch one, and rustup asks by it. */
const PATH = process.env.PATH ?? "";
const HOME = process.env.HOME ?? "/root";
const TOOLS = {
  CARGO_HOME: process.env.CARGO_HOME ?? join(HOME, ".cargo"),
  RUSTUP_HOME: process.env.RUSTUP_HOME ?? join(HOME, ".rustup"),
  GOTOOLCHAIN: "local",
  GOFLAGS: "-mod=mod",
};

/** A tool's own project: what it has, one file that is bad and one that is good, both written by the agent. */
type Real = { id: string; tree: Record<string, string>; bad: [string, string]; good: [string, string]; own?: boolean };

const SHOP = "it's ü shop";
const GO_MOD = { "go.mod": "module example.com/shop\n\ngo 1.19\n" };
const CARGO_TOML = { "Cargo.toml": '[package]\nname = "shop"\nversion = "0.1.0"\nedition = "2021"\n' };
const JAVASCRIPT = { "package.json": '{"private":true,"type":"module"}' };

const REAL: Real[] = [
  { id: "shellcheck", tree: {}, bad: ["bad.sh", "#!/bin/sh\necho $1\n"], good: ["good.sh", '#!/bin/sh\necho "$1"\n'] },
  { id: "ruff", tree: {}, bad: ["bad.py", "import os\n"], good: ["good.py", "x = 1\n"] },
  { id: "ruff-format", tree: {}, bad: ["bad.py", "x  =  1\n"], good: ["good.py", "x = 1\n"] },
  {
    id: "biome",
    own: true,
    tree: JAVASCRIPT,
    bad: ["bad.js", "debugger;\n"],
    good: ["good.js", "export const x = 1;\n"],
  },
  {
    id: "biome-format",
    own: true,
    tree: JAVASCRIPT,
    bad: ["bad.js", "const  x=1"],
    good: ["good.js", "export const x = 1;\n"],
  },
  {
    id: "tsc",
    own: true,
    tree: { "tsconfig.json": '{"compilerOptions":{"strict":true,"incremental":true},"include":["src"]}' },
    bad: ["src/bad.ts", 'export const n: number = "x";\n'],
    good: ["src/good.ts", "export const n = 1;\n"],
  },
  {
    id: "oxlint",
    own: true,
    tree: JAVASCRIPT,
    bad: ["bad.js", "debugger;\n"],
    good: ["good.js", "export const x = 1;\n"],
  },
  {
    id: "eslint",
    own: true,
    tree: { ...JAVASCRIPT, "eslint.config.js": 'export default [{ rules: { "no-undef": "error" } }];\n' },
    bad: ["bad.js", "export const x = y;\n"],
    good: ["good.js", "export const x = 1;\n"],
  },
  {
    id: "prettier",
    own: true,
    tree: JAVASCRIPT,
    bad: ["bad.js", "const  x=1"],
    good: ["good.js", "export const x = 1;\n"],
  },
  { id: "gofmt", tree: {}, bad: ["bad.go", "package  x\n"], good: ["good.go", "package x\n"] },
  {
    id: "go-vet",
    tree: GO_MOD,
    bad: ["bad/x.go", 'package x\n\nimport "fmt"\n\nfunc F() { fmt.Printf("%d\\n", "x") }\n'],
    good: ["good/x.go", "package x\n\nfunc F() int { return 1 }\n"],
  },
  {
    id: "go-test",
    tree: GO_MOD,
    bad: ["bad/x_test.go", 'package x\n\nimport "testing"\n\nfunc TestX(t *testing.T) { t.Fatal("no") }\n'],
    good: ["good/x_test.go", 'package x\n\nimport "testing"\n\nfunc TestX(t *testing.T) {}\n'],
  },
  {
    id: "cargo-check",
    tree: CARGO_TOML,
    bad: ["src/lib.rs", "pub fn f() -> i32 { x }\n"],
    good: ["src/lib.rs", "pub fn f() {}\n"],
  },
  {
    id: "cargo-clippy",
    tree: CARGO_TOML,
    bad: ["src/lib.rs", "pub fn f() -> i32 { return 1; }\n"],
    good: ["src/lib.rs", "pub fn f() {}\n"],
  },
  {
    id: "cargo-fmt",
    tree: CARGO_TOML,
    bad: ["src/lib.rs", "pub  fn f() {}\n"],
    good: ["src/lib.rs", "pub fn f() {}\n"],
  },
  {
    id: "cargo-test",
    tree: CARGO_TOML,
    bad: ["src/lib.rs", "#[test]\nfn t() {\n    panic!();\n}\n"],
    good: ["src/lib.rs", "#[test]\nfn t() {}\n"],
  },
  {
    id: "pytest",
    tree: { "test_empty.py": "" },
    bad: ["test_bad.py", "def test_x():\n    assert False\n"],
    good: ["test_empty.py", ""],
  },
  {
    id: "bun-test",
    tree: JAVASCRIPT,
    bad: ["bad.test.ts", 'import { expect, test } from "bun:test";\ntest("x", () => expect(1).toBe(2));\n'],
    good: ["good.test.ts", 'import { test } from "bun:test";\ntest("x", () => {});\n'],
  },
  {
    id: "vitest",
    own: true,
    tree: JAVASCRIPT,
    bad: ["bad.test.js", 'import { expect, test } from "vitest";\ntest("x", () => expect(1).toBe(2));\n'],
    good: ["good.js", "export const lonely = 1;\n"],
  },
  {
    id: "jest",
    own: true,
    tree: { "package.json": '{"private":true}' },
    bad: ["bad.test.js", 'test("x", () => expect(1).toBe(2));\n'],
    good: ["good.js", "exports.lonely = 1;\n"],
  },
];

/** node_modules/.bin directories that may hold a tool: this repository's, and those on PATH. */
const NODE_MODULES = [
  join(ROOT, "node_modules"),
  ...PATH.split(delimiter)
    .filter((entry) => entry.endsWith("/node_modules/.bin"))
    .map(dirname),
];
const BUN_DIRECTORY = dirname(process.execPath);
const DAEMON_PATH = `${BUN_DIRECTORY}${delimiter}${PATH}`;

/** Why a tool cannot be run here; null: it can. */
function missingHere({ id, own = false }: Real): string | null {
  const [command = "", ...others] = named(id).needs;
  const isThere = own
    ? NODE_MODULES.some((directory) => existsSync(join(directory, ".bin", command))) && Bun.which("node") !== null
    : [command, ...others].every((name) => Bun.which(name, { PATH: DAEMON_PATH }) !== null);
  if (!isThere) return `${command} is not on this machine`;
  // pyenv and rustup put commands on PATH that only say that there is nothing behind them.
  if (own || command.startsWith("go")) return null;
  const env = { ...process.env, PATH: DAEMON_PATH };
  const isBroken = [command, ...others].some((name) => Bun.spawnSync([name, "--version"], { env }).exitCode !== 0);
  return isBroken ? `${command} does not run on this machine` : null;
}

describe("through the daemon, on a real project", () => {
  for (const real of REAL) {
    const missing = missingHere(real);
    const title = `${real.id} has findings on what is wrong and none on what is right`;
    test.skipIf(missing !== null)(
      missing === null ? title : `${title} (reason: ${missing})`,
      async () => {
        const project = join(on.root, SHOP);
        mkdirSync(join(project, ".git"), { recursive: true });
        for (const [name, text] of Object.entries(real.tree)) on.file(`${SHOP}/${name}`, text);
        const command = named(real.id).needs[0] ?? "";
        const modules = NODE_MODULES.find((directory) => existsSync(join(directory, ".bin", command)));
        const isOwn = real.own === true && modules !== undefined;
        if (isOwn) symlinkSync(modules, join(project, "node_modules"));
        const found = isOwn ? join(project, "node_modules/.bin", command) : null;
        const file = planConsumerFile(on.home, named(real.id), { project, found });
        // What a person would do who is in a hurry.
        const quick = file.text.replace(/^(debounce *= ).*$/m, '$1"20ms"');
        expect(quick).not.toBe(file.text);
        on.consumer("c", quick);
        await on.start([], { PATH: DAEMON_PATH, ...TOOLS });

        for (const [name, text] of [real.bad, real.good]) {
          const before = (await on.ndjson(["deliveries"])).length;
          await on.publish(wrote(on.file(`${SHOP}/${name}`, text)));
          await on.settled();
          expect((await on.ndjson(["deliveries"])).length).toBe(before + 1);
          // tsc looks at the whole project: what was bad has to go.
          if (real.id === "tsc") on.file(`${SHOP}/${name}`, "export const n = 1;\n");
        }
        const deliveries = await on.ndjson(["deliveries"]);
        const told = await Promise.all(deliveries.map(({ id }) => on.offhook(["show", id, "--json"])));
        const states = deliveries.map(({ state }) => state).sort();
        if (states.join() !== "findings,ok") throw new Error(told.map(({ stdout }) => stdout).join("\n"));
        expect(told.some(({ stdout }) => /sh: .*not found/.test(stdout))).toBe(false);
        expect(existsSync(join(project, "tsconfig.tsbuildinfo"))).toBe(false);
      },
      120_000,
    );
  }

  const FORMATTERS = [
    { id: "format-biome", own: true, extension: "js", rough: "const  x=1", smooth: "const x = 1;\n" },
    { id: "format-gofmt", own: false, extension: "go", rough: "package  x\n", smooth: "package x\n" },
    { id: "format-ruff", own: false, extension: "py", rough: "x  =  1\n", smooth: "x = 1\n" },
    { id: "format-prettier", own: true, extension: "js", rough: "const  x=1", smooth: "const x = 1;\n" },
  ];
  for (const { id, own, extension, rough, smooth } of FORMATTERS) {
    const missing = missingHere({ id, own, tree: {}, bad: ["", ""], good: ["", ""] });
    const title = `${id} formats what changed when the agent stops, and nothing else`;
    test.skipIf(missing !== null)(
      missing === null ? title : `${title} (reason: ${missing})`,
      async () => {
        const project = join(on.root, SHOP);
        const git = (...words: string[]) => {
          const ran = Bun.spawnSync(["git", "-c", "user.name=x", "-c", "user.email=x@example.com", ...words], {
            cwd: project,
          });
          if (ran.exitCode !== 0) throw new Error(ran.stderr.toString());
        };
        const inShop = (name: string, text: string) => on.file(`${SHOP}/${name}`, text);
        const committed = inShop(`committed.${extension}`, rough);
        const changed = inShop(`changed.${extension}`, "");
        const gone = inShop(`gone.${extension}`, rough);
        inShop(".gitignore", `ignored.${extension}\nnode_modules\n`);
        git("init", "-q");
        git("add", "-A");
        git("commit", "-qm", "x");
        writeFileSync(changed, rough);
        await Bun.file(gone).delete();
        const fresh = inShop(`new 'one'\n$(touch pwned).${extension}`, rough);
        const ignored = inShop(`ignored.${extension}`, rough);
        const command = named(id).needs[0] ?? "";
        const modules = NODE_MODULES.find((directory) => existsSync(join(directory, ".bin", command)));
        if (own && modules !== undefined) symlinkSync(modules, join(project, "node_modules"));
        const found = own ? join(project, "node_modules/.bin", command) : null;
        on.consumer("c", named(id).text({ project, found }));
        await on.start([], { PATH: DAEMON_PATH });
        const stopped = (last_assistant_message: string) =>
          on.publish({
            hook_event_name: "Stop",
            session_id: "s",
            cwd: project,
            stop_hook_active: false,
            last_assistant_message,
          });

        await stopped("Done.");
        await until(
          async () => (await on.ndjson(["deliveries"])).some(({ state }) => state === "ok"),
          () => `${basename(project)} was not formatted`,
        );
        const texts = [changed, fresh, committed, ignored].map((path) => readFileSync(path, "utf8"));
        expect(texts).toEqual([smooth, smooth, rough, rough]);
        expect(readdirSync(project)).not.toContain("pwned");

        let seen: any[] = [];
        // Nothing changed: nothing is formatted, and above all not everything.
        git("add", "-A");
        git("commit", "-qm", "y");
        await stopped("Done again.");
        await until(
          async () => {
            seen = await on.ndjson(["deliveries"]);
            return seen.filter(({ state }) => state === "ok").length === 2;
          },
          () => `the second stop did not end well: ${JSON.stringify(seen)}`,
        );
        expect(readFileSync(committed, "utf8")).toBe(rough);
      },
      60_000,
    );
  }
});
