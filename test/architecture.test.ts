// The rooms, the line limit, the names, and what the hot path may load: the rules of house-rules.ts, applied to what is on
// disk, and each shown on a planted violation, so that a rule that sees nothing is seen.
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import {
  badNames,
  closureOf,
  exitsElsewhere,
  exitsWithTwo,
  type Files,
  forbiddenImports,
  HOT_PATH,
  importsOf,
  type Metafile,
  tooLong,
  withoutOpening,
} from "./house-rules.ts";

const ROOT = resolve(import.meta.dir, "..");

/** The texts of the files that a glob finds, by path. */
function read(...patterns: string[]): Files {
  const paths = patterns.flatMap((pattern) => [...new Bun.Glob(pattern).scanSync({ cwd: ROOT, dot: true })]).sort();
  return new Map(paths.map((path) => [path, readFileSync(join(ROOT, path), "utf8")]));
}

const source = read("src/**/*.ts");
const scripts = read("scripts/*", ".ci/*");
const planted = (text: string, file = "src/event/planted.ts"): Files => new Map([[file, text]]);

test("there is something to look at", () => {
  expect(source.has("src/main.ts")).toBe(true);
  expect(scripts.has("scripts/build")).toBe(true);
});

test("a room imports only what the table allows", () => {
  expect(forbiddenImports(source)).toEqual([]);
});

test("an import that the table does not have is found, with file and line, in every form", () => {
  const found = (text: string, file?: string) => forbiddenImports(planted(text, file));
  expect(found('import { a } from "../spool/home.ts";')).toEqual([
    "src/event/planted.ts:1: event may import nothing of spool: ../spool/home.ts",
  ]);
  expect(
    found('// What for.\nimport {\n  a,\n  type B,\n} from "../cli/print.ts";', "src/stream/planted.ts"),
  ).toHaveLength(1);
  expect(found('export * from "../daemon/daemon.ts";', "src/dispatch/planted.ts")).toHaveLength(1);
  expect(found('import "../daemon/daemon.ts";', "src/spool/planted.ts")).toHaveLength(1);
  expect(found('const a = await import("../daemon/daemon.ts");', "src/spool/planted.ts")).toHaveLength(1);
  expect(found('import { EXIT } from "../errors.ts";')).toHaveLength(1);
  expect(found('import { a } from "../../scripts/compile.ts";', "src/bench/planted.ts")).toHaveLength(1);
  expect(found('import { a } from "../event/event.ts";', "src/shed/planted.ts")).toEqual([
    'src/shed/planted.ts: the room "shed" has no row in the table of test/house-rules.ts',
  ]);
});

test("types may be imported where values may not", () => {
  const importing = (words: string) =>
    forbiddenImports(planted(`${words} from "../config/schema.ts";`, "src/match/planted.ts"));
  expect(importing("import type { Consumer }")).toEqual([]);
  expect(importing("import { consumer }")).toEqual([
    "src/match/planted.ts:1: match may import only types of config: ../config/schema.ts",
  ]);
});

test("what a text imports is read without being run", () => {
  expect(
    importsOf('import type { A } from "./a.ts";\nimport b, { c } from "node:fs";\nexport { d } from "./d.ts";'),
  ).toEqual([
    { path: "./a.ts", isType: true, line: 1 },
    { path: "node:fs", isType: false, line: 2 },
    { path: "./d.ts", isType: false, line: 3 },
  ]);
});

test("no file is longer than 250 lines", () => {
  expect(tooLong(new Map([...source, ...scripts]))).toEqual([]);
  expect(tooLong(planted("\n".repeat(251)))).toEqual(["src/event/planted.ts: 251 lines, the limit is 250"]);
  expect(tooLong(planted("\n".repeat(250)))).toEqual([]);
});

test("no file is a drawer, and names are kebab-case", () => {
  expect(badNames([...source.keys(), ...[...scripts.keys()].map((path) => path.replace(".ci/", "ci/"))])).toEqual([]);
  for (const path of [
    "src/utils.ts",
    "src/event/types.ts",
    "src/index.ts",
    "src/helpers/a.ts",
    "src/stream/ledgerSql.ts",
  ]) {
    expect(badNames([path])).toHaveLength(1);
  }
});

test("only main ends the process", () => {
  expect(exitsElsewhere(source)).toEqual([]);
  expect(exitsElsewhere(planted("// What for.\nprocess.exit(0);"))).toEqual([
    "src/event/planted.ts:2: only src/main.ts ends the process",
  ]);
  expect(exitsElsewhere(planted("// process.exit is main's"))).toEqual([]);
});

test("nothing exits with code 2, which Claude Code reads as block", () => {
  expect(exitsWithTwo(source)).toEqual([]);
  for (const text of [
    "process.exit(2);",
    "process.exitCode = 2;",
    "const EXIT = { exitCode: 2 };",
    'new OffhookError(2, "")',
  ]) {
    expect(exitsWithTwo(planted(text))).toHaveLength(1);
  }
  expect(exitsWithTwo(planted("exitCode: 20, exitAfter = 2.5"))).toEqual([]);
});

test("every file begins with what it is for", () => {
  expect(withoutOpening(new Map([...source, ...scripts].filter(([path]) => !path.endsWith(".json"))))).toEqual([]);
  expect(withoutOpening(planted('import "node:fs";'))).toHaveLength(1);
});

test("publish loads its own few files, the foreign functions of Bun, and nothing else", async () => {
  expect(closureOf(await bundle(), ["src/main.ts", "src/commands/publish.ts"])).toEqual(HOT_PATH);
});

test("what another command loads is not the hot path", async () => {
  const { files, modules } = closureOf(await bundle(), ["src/main.ts", "src/commands/consume.ts"]);
  expect(files).toContain("src/ledger/ledger.ts");
  expect(modules).toContain("bun:sqlite");
});

test("a chunk that a chunk of publish imports is seen", () => {
  const metafile: Metafile = {
    inputs: {
      "a.ts": { imports: [{ path: "./c.ts", kind: "dynamic-import", external: true }] },
      "b.ts": { imports: [{ path: "crypto", kind: "import-statement", original: "node:crypto", external: true }] },
    },
    outputs: {
      "a.js": { entryPoint: "a.ts", inputs: { "a.ts": {} }, imports: [{ path: "b.js", kind: "import-statement" }] },
      "b.js": { inputs: { "b.ts": {} }, imports: [{ path: "c.js", kind: "dynamic-import" }] },
      "c.js": { entryPoint: "c.ts", inputs: { "c.ts": {} }, imports: [] },
    },
  };
  expect(closureOf(metafile, ["a.ts"])).toEqual({ files: ["a.ts", "b.ts"], modules: ["node:crypto"] });
  expect(() => closureOf(metafile, ["d.ts"])).toThrow("no chunk begins with d.ts");
});

test("bun.lock names no registry: it says what, not from where", () => {
  expect(readFileSync(join(ROOT, "bun.lock"), "utf8")).not.toMatch(/https?:/);
});

/** How the build cuts src into chunks; the same bundler and splitting as the build line, without the executable. */
async function bundle(): Promise<Metafile> {
  const { metafile } = await Bun.build({
    entrypoints: [join(ROOT, "src/main.ts")],
    root: ROOT,
    target: "bun",
    format: "esm",
    splitting: true,
    metafile: true,
  });
  if (metafile === undefined) throw new Error("the bundler gave no metafile");
  return metafile;
}
