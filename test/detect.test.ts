// What is offered for a project: made-up trees, and a PATH of commands that would tell if one of them were ever run.
import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Detected, detect } from "../src/templates/detect.ts";
import { TEMPLATES } from "../src/templates/templates.ts";

const root = realpathSync(mkdtempSync(join(tmpdir(), "offhook-test-")));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const RAN = join(root, "something-was-run");
let count = 0;

/** A directory with these commands; each says so when it is run. */
function commands(names: readonly string[]): string {
  const directory = join(root, `bin-${++count}`);
  mkdirSync(directory);
  for (const name of names) program(join(directory, name));
  return directory;
}

function program(path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `#!/bin/sh\ntouch '${RAN}'\n`, { mode: 0o755 });
}

/** A project with these files. */
function project(files: Record<string, string> = {}): string {
  const directory = join(root, `project-${++count}`);
  mkdirSync(directory);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  return directory;
}

const EVERY = commands([...new Set(TEMPLATES.flatMap(({ needs }) => needs)), "node"]);

const idsOf = (found: readonly Detected[]) => found.filter((one) => one.preselected).map((one) => one.template);
const one = (found: readonly Detected[], id: string) => found.find(({ template }) => template === id) ?? null;

describe("what a project clearly uses is preselected", () => {
  test.each<[string, Record<string, string>, string[]]>([
    ["nothing", {}, []],
    ["ruff's own file", { "ruff.toml": "" }, ["ruff"]],
    ["ruff in pyproject.toml", { "pyproject.toml": "[tool.ruff]\nline-length = 100\n" }, ["ruff"]],
    ["ruff's formatter", { "pyproject.toml": '[tool.ruff.format]\nquote-style = "single"\n' }, ["ruff", "ruff-format"]],
    ["pre-commit", { ".pre-commit-config.yaml": "    - id: ruff\n    - id: ruff-format\n" }, ["ruff", "ruff-format"]],
    ["pyproject.toml of something else", { "pyproject.toml": '[project]\nname = "x"\n' }, []],
    ["pytest in pyproject.toml", { "pyproject.toml": '[tool.pytest.ini_options]\naddopts = "-q"\n' }, ["pytest"]],
    ["test modules", { "tests/test_cart.py": "" }, ["pytest"]],
    ["pytest in setup.cfg", { "setup.cfg": "[tool:pytest]\n" }, ["pytest"]],
    ["eslint's configuration", { "eslint.config.mjs": "" }, ["eslint"]],
    ["eslint's old one", { ".eslintrc.json": "{}" }, ["eslint"]],
    ["biome.json", { "biome.json": "{}" }, ["biome", "biome-format"]],
    ["biome.json without formatting", { "biome.json": '{"formatter":{"enabled":false}}' }, ["biome"]],
    [
      "package.json",
      {
        "package.json":
          '{"devDependencies":{"eslint":"9","prettier":"3","vitest":"4","oxlint":"1"},"scripts":{"test":"vitest"}}',
      },
      ["eslint", "oxlint", "prettier", "vitest"],
    ],
    ["jest in package.json", { "package.json": '{"jest":{}}' }, ["jest"]],
    ["a script with bun test", { "package.json": '{"scripts":{"test":"bun test --bail"}}' }, ["bun-test"]],
    ["bun's lock and a test", { "bun.lock": "", "src/a.test.ts": "" }, ["bun-test"]],
    ["bun's lock and a test of vitest", { "bun.lock": "", "vitest.config.ts": "", "src/a.test.ts": "" }, ["vitest"]],
    ["tsconfig.json", { "tsconfig.json": "{}" }, ["tsc"]],
    ["a shell script at the top", { "install.sh": "" }, ["shellcheck"]],
    ["shell scripts one down", { "scripts/deploy.bash": "" }, ["shellcheck"]],
    ["go.mod without tests", { "go.mod": "module x\n" }, ["gofmt", "go-vet"]],
    ["go.mod with tests", { "go.mod": "module x\n", "cart/cart_test.go": "" }, ["gofmt", "go-vet", "go-test"]],
    ["Cargo.toml", { "Cargo.toml": "[package]\n" }, ["cargo-check"]],
    [
      "Cargo.toml with lints and tests",
      { "Cargo.toml": '[lints.clippy]\nall = "warn"\n', "src/lib.rs": "#[cfg(test)]\nmod tests {}\n" },
      ["cargo-clippy", "cargo-test"],
    ],
    [
      "Cargo.toml, rustfmt.toml, tests/",
      { "Cargo.toml": "", "rustfmt.toml": "", "tests/a.rs": "" },
      ["cargo-check", "cargo-fmt", "cargo-test"],
    ],
    ["only what lies in node_modules", { "node_modules/x/a_test.go": "", "node_modules/install.sh": "" }, []],
  ])("%s", (_, files, expected) => {
    expect(idsOf(detect(project(files), EVERY))).toEqual(expected);
  });

  test("never what rewrites files, though it is offered where its check speaks for it", () => {
    const found = detect(project({ "biome.json": "{}", "ruff.toml": "[format]\n", ".prettierrc": "" }), EVERY);
    expect(found.filter(({ template }) => template.startsWith("format-")).map(({ template }) => template)).toEqual([
      "format-ruff",
      "format-prettier",
      "format-biome",
    ]);
    expect(idsOf(found).filter((id) => id.startsWith("format-"))).toEqual([]);
  });

  test("and each says which file it was, and where the command is", () => {
    const found = detect(project({ "ruff.toml": "", "pyproject.toml": "[tool.pytest]\n" }), EVERY);
    expect(one(found, "ruff")).toEqual({
      template: "ruff",
      why: "ruff.toml",
      found: join(EVERY, "ruff"),
      preselected: true,
    });
    expect(one(found, "pytest")?.why).toBe("tool.pytest in pyproject.toml");
  });
});

describe("a command", () => {
  test("that is not there is said, and nothing is preselected", () => {
    const found = detect(project({ "eslint.config.js": "", "ruff.toml": "" }), commands([]));
    expect(one(found, "eslint")).toEqual({
      template: "eslint",
      why: "eslint.config.js, but eslint is not there",
      found: null,
      preselected: false,
    });
    expect(idsOf(found)).toEqual([]);
  });

  test("of the project is preferred for what needs its version and plugins, and of ruff the one on PATH", () => {
    const shop = project({ "eslint.config.js": "", "pyproject.toml": "[tool.ruff]\n[tool.pytest]\n" });
    for (const own of ["node_modules/.bin/eslint", ".venv/bin/ruff", ".venv/bin/pytest"]) program(join(shop, own));
    const found = detect(shop, EVERY);
    expect(one(found, "eslint")?.found).toBe(join(shop, "node_modules/.bin/eslint"));
    expect(one(found, "pytest")?.found).toBe(join(shop, ".venv/bin/pytest"));
    expect(one(found, "ruff")?.found).toBe(join(EVERY, "ruff"));
    expect(one(detect(shop, commands([])), "ruff")?.found).toBe(join(shop, ".venv/bin/ruff"));
  });

  test("of the project is not taken for one of PATH when the project stands on PATH", () => {
    const shop = project({ "ruff.toml": "" });
    program(join(shop, ".venv/bin/ruff"));
    expect(one(detect(shop, `${shop}/.venv/bin:${EVERY}`), "ruff")?.found).toBe(join(EVERY, "ruff"));
    expect(one(detect(shop, `${shop}/.venv/bin`), "ruff")?.found).toBe(join(shop, ".venv/bin/ruff"));
  });

  describe("of an environment that is another project's", () => {
    const other = project({ ".venv/pyvenv.cfg": "home = /usr/bin\n" });
    const environments = [join(other, ".venv/bin"), join(other, "node_modules/.bin")];
    for (const bin of environments) for (const name of ["ruff", "biome"]) program(join(bin, name));

    test.each(environments)("%#: is nothing that a bare name may mean", (bin) => {
      const shop = project({ "ruff.toml": "", "biome.json": "{}" });
      const why = `ruff.toml, but ruff on PATH is that of ${bin}, an environment outside this project`;
      expect(one(detect(shop, bin), "ruff")).toEqual({ template: "ruff", why, found: null, preselected: false });
      expect(one(detect(shop, `${bin}:${EVERY}`), "ruff")).toMatchObject({
        why,
        found: join(EVERY, "ruff"),
        preselected: false,
      });
      expect(one(detect(shop, `${EVERY}:${bin}`), "ruff")).toMatchObject({
        why: "ruff.toml",
        found: join(EVERY, "ruff"),
        preselected: true,
      });
      expect(one(detect(null, bin), "biome")).toMatchObject({ found: null, preselected: false });
    });

    test("is passed over for the project's own, and known behind a link to the directory", () => {
      const shop = project({ "ruff.toml": "" });
      program(join(shop, ".venv/bin/ruff"));
      const linked = join(root, `linked-${++count}`);
      symlinkSync(join(other, ".venv/bin"), linked);
      expect(one(detect(shop, linked), "ruff")).toMatchObject({
        found: join(shop, ".venv/bin/ruff"),
        preselected: true,
      });
      expect(one(detect(project({ "ruff.toml": "" }), linked), "ruff")?.found).toBeNull();
    });

    test("but linked to from elsewhere, as pipx does, is one for all projects", () => {
      const local = commands([]);
      symlinkSync(join(other, ".venv/bin/ruff"), join(local, "ruff"));
      expect(one(detect(project({ "ruff.toml": "" }), local), "ruff")).toMatchObject({
        found: join(local, "ruff"),
        preselected: true,
      });
    });
  });

  test("is not found by a relative entry of PATH, which the daemon leaves out", () => {
    const shop = project({ "ruff.toml": "" });
    expect(one(detect(shop, `.:bin:${commands([])}`), "ruff")?.found).toBeNull();
    expect(one(detect(shop, ""), "ruff")?.found).toBeNull();
  });

  test("of node_modules needs node, and cargo clippy its own part", () => {
    const shop = project({ "biome.json": "{}", "Cargo.toml": "", "clippy.toml": "" });
    program(join(shop, "node_modules/.bin/biome"));
    const found = detect(shop, commands(["cargo"]));
    expect(one(found, "biome")).toMatchObject({
      why: "biome.json, but node is not there",
      found: null,
      preselected: false,
    });
    expect(one(found, "cargo-clippy")).toMatchObject({
      why: "clippy.toml, but cargo-clippy is not there",
      found: null,
    });
  });

  test("that no file speaks for is offered when it is on PATH, but not what is for one project", () => {
    for (const place of [null, project()]) {
      const found = detect(place, EVERY);
      expect(found.map(({ template }) => template)).toEqual([
        ..."ruff ruff-format biome biome-format shellcheck gofmt".split(" "),
        "desktop",
      ]);
      expect(found.every(({ why, preselected }) => why === "on PATH" && !preselected)).toBe(true);
    }
  });

  test("must be a file that can be executed", () => {
    const shop = project({ "biome.json": "{}", "node_modules/.bin/biome": "not executable" });
    mkdirSync(join(shop, "node_modules/.bin/eslint"), { recursive: true });
    writeFileSync(join(shop, "eslint.config.js"), "");
    const found = detect(shop, commands(["node"]));
    expect([one(found, "biome")?.found, one(found, "eslint")?.found]).toEqual([null, null]);
  });
});

describe("a hostile project", () => {
  test("is read without waiting, whatever lies where a file should be", () => {
    const shop = project({ "pyproject.toml": `${"x".repeat(2 * 1024 * 1024)}\n[tool.ruff]\n`, "biome.json": "{" });
    expect(Bun.spawnSync(["mkfifo", join(shop, "package.json")]).exitCode).toBe(0);
    symlinkSync("/dev/zero", join(shop, "setup.cfg"));
    symlinkSync(shop, join(shop, "loop"));
    mkdirSync(join(shop, "tox.ini"));
    writeFileSync(join(shop, "Cargo.toml"), Buffer.from([0xff, 0xfe, 0x00]));
    expect(idsOf(detect(shop, EVERY))).toEqual(["biome", "biome-format", "cargo-check"]);
  });

  test("with thousands of files is looked at in part, and its package.json believed as far as it makes sense", () => {
    const shop = project({
      "package.json": '{"devDependencies":["eslint"],"dependencies":null,"scripts":7,"__proto__":{"jest":{}}}',
    });
    for (let i = 0; i < 3_000; i++) writeFileSync(join(shop, `f${i}`), "");
    expect(idsOf(detect(shop, EVERY))).toEqual([]);
  });

  test("that is not there has nothing to say", () => {
    expect(idsOf(detect(join(root, "nowhere"), EVERY))).toEqual([]);
    expect(idsOf(detect(join(EVERY, "ruff"), EVERY))).toEqual([]);
  });

  test("gets nothing run", () => {
    expect(existsSync(RAN)).toBe(false);
    Bun.spawnSync([join(EVERY, "ruff")]);
    expect(existsSync(RAN)).toBe(true);
  });
});
