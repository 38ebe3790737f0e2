// .offhook.toml of a project, on a real disk: where it is looked for, how long it is believed, and what a hostile one can do.
import { afterEach, beforeEach, describe, expect, spyOn, test } from "bun:test";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { projectFileFinder } from "../src/config/project-file.ts";

const FILE = ".offhook.toml";
const LINT = 'disabled = ["lint"]\n';
const NOTHING = { disabled: [], cooldownMs: {} };

let root: string;
beforeEach(() => {
  root = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "offhook silence ")));
  for (const directory of ["shop/.git", "shop/src/deep", "shop/vendor/lib", "plain/sub"])
    fs.mkdirSync(join(root, directory), { recursive: true });
  fs.writeFileSync(join(root, "shop/vendor/lib/.git"), "gitdir: ../../.git/modules/lib\n");
});
afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

function put(directory: string, text = LINT): string {
  const path = join(root, directory, FILE);
  fs.writeFileSync(path, text);
  return path;
}

/** Looks once, with a clock that stands still. */
const find = (directory: string) => projectFileFinder({ now: () => 0 })(join(root, directory));

describe("a project's file", () => {
  const rows: [sentence: string, files: string[], project: string, found: string | null][] = [
    ["is the one in the project", ["shop"], "shop", "shop"],
    ["is looked for upward to the repository's root", ["shop"], "shop/src/deep", "shop"],
    ["is the nearest one", ["shop", "shop/src"], "shop/src/deep", "shop/src"],
    ["is not looked for above the repository's root", [""], "shop/src", null],
    ["is not looked for above a submodule, which is a repository of its own", ["shop"], "shop/vendor/lib", null],
    ["is looked for in the project alone where there is no repository", ["plain"], "plain/sub", null],
    ["is found there", ["plain/sub"], "plain/sub", "plain/sub"],
    ["is none where there is none", [], "shop/src", null],
    ["is none in a project that is gone", [], "plain/gone/deeper", null],
    ["is the repository's, for a directory in it that is gone", ["shop"], "shop/gone/deeper", "shop"],
    ["is found by a path with dots and slashes", ["shop"], "plain/..//shop/src/", "shop"],
  ];
  for (const [sentence, files, project, found] of rows) {
    test(sentence, () => {
      for (const directory of files) put(directory);
      const path = found === null ? null : join(root, found, FILE);
      expect(find(project)?.path ?? null).toBe(path);
    });
  }
  test("is none without a project, and where a path is none", () => {
    const finder = projectFileFinder({ now: () => 0 });
    for (const project of [null, "", "shop", `${root}/a\0b`, "/a".repeat(100_000), `${root}/shop/.git/HEAD`])
      expect(finder(project)).toBeNull();
  });
  test("silences, and its path and no error come with it", () => {
    const path = put("shop", 'disabled = ["lint", "tests"]\ncooldown = { tests = "5m" }\n');
    expect(find("shop")).toEqual({
      path,
      silencing: { disabled: ["lint", "tests"], cooldownMs: { tests: 300_000 } },
      error: null,
    });
  });
});

describe("what lies in its place", () => {
  const at = () => join(root, "shop", FILE);
  const rows: [sentence: string, make: () => unknown, said: string][] = [
    [
      "a link to a file of the system",
      () => fs.symlinkSync("/etc/passwd", at()),
      "it is a link, which is not followed; put the file itself in its place",
    ],
    [
      "a link to a file that would be well",
      () => fs.symlinkSync(put("plain"), at()),
      "it is a link, which is not followed; put the file itself in its place",
    ],
    [
      "a link to nothing",
      () => fs.symlinkSync(join(root, "gone"), at()),
      "it is a link, which is not followed; put the file itself in its place",
    ],
    [
      "a link to itself",
      () => fs.symlinkSync(at(), at()),
      "it is a link, which is not followed; put the file itself in its place",
    ],
    [
      "a link to a device that never ends",
      () => fs.symlinkSync("/dev/zero", at()),
      "it is a link, which is not followed; put the file itself in its place",
    ],
    [
      "a FIFO, which holds nobody up",
      () => expect(Bun.spawnSync(["mkfifo", at()]).exitCode).toBe(0),
      "this is not a file; put a text file in its place",
    ],
    ["a directory", () => fs.mkdirSync(at()), "this is not a file; put a text file in its place"],
    [
      "10 MB",
      () => fs.writeFileSync(at(), "#".repeat(10_000_000)),
      "it is larger than 64 KiB; it needs a few lines only",
    ],
    [
      "a byte more than 64 KiB",
      () => fs.writeFileSync(at(), LINT.padEnd(65_537, "#")),
      "it is larger than 64 KiB; it needs a few lines only",
    ],
    [
      "what is not text",
      () => fs.writeFileSync(at(), Buffer.from([0x64, 0xff, 0xfe, 0x00, 0x80])),
      "it is not UTF-8 text; save it as UTF-8",
    ],
  ];
  for (const [sentence, make, said] of rows) {
    test(`${sentence}: refused, and what is above is not asked instead`, () => {
      make();
      expect(find("shop/src")).toEqual({ path: at(), silencing: NOTHING, error: `${at()}: ${said}` });
    });
  }
  test("64 KiB is read", () => {
    fs.writeFileSync(at(), LINT.padEnd(65_536, "#"));
    expect(find("shop")).toMatchObject({ silencing: { disabled: ["lint"] }, error: null });
  });
  test("NULs are told with their line", () => {
    put("shop", "\0\0\0");
    expect(find("shop")?.error).toStartWith(`${at()}:1: this is not TOML: `);
  });
  test("a socket cannot be read, and is told so", () => {
    const server = Bun.listen({ unix: at(), socket: { data() {} } });
    try {
      expect(find("shop")).toMatchObject({
        silencing: NOTHING,
        error: expect.stringMatching(/: it cannot be read \(E/),
      });
    } finally {
      server.stop(true);
    }
  });
});

describe("an answer", () => {
  test("is believed for a while, and then the file is read again", () => {
    let now = 10_000;
    const finder = projectFileFinder({ now: () => now, ttlMs: 5_000 });
    const look = () => finder(join(root, "shop"))?.silencing.disabled ?? null;
    put("shop");
    expect(look()).toEqual(["lint"]);
    put("shop", 'disabled = ["tests"]');
    now = 14_999;
    expect(look()).toEqual(["lint"]);
    now = 15_000;
    expect(look()).toEqual(["tests"]);
    fs.rmSync(join(root, "shop", FILE));
    now = 19_999;
    expect(look()).toEqual(["tests"]);
    now = 20_000;
    expect(look()).toBeNull();
    put("shop");
    expect(look()).toBeNull();
    now = 25_000;
    expect(look()).toEqual(["lint"]);
  });
  test("is not believed longer where the clock is set back", () => {
    let now = 1_000_000;
    const finder = projectFileFinder({ now: () => now });
    expect(finder(join(root, "shop"))).toBeNull();
    put("shop");
    now = 5;
    expect(finder(join(root, "shop"))?.error).toBeNull();
  });
  test("follows a repository that is made above", () => {
    let now = 0;
    const finder = projectFileFinder({ now: () => now });
    put("plain");
    expect(finder(join(root, "plain/sub"))).toBeNull();
    fs.mkdirSync(join(root, "plain/.git"));
    now = 5_000;
    expect(finder(join(root, "plain/sub"))?.path).toBe(join(root, "plain", FILE));
  });
  test("costs the disk nothing for a backlog of 20,000 events", () => {
    const finder = projectFileFinder({ now: () => 0 });
    put("shop");
    const asked = opened(() => {
      for (let i = 0; i < 20_000; i++) finder(join(root, i % 2 === 0 ? "shop/src" : "plain"));
    });
    // shop/src has none, shop has one, plain has none.
    expect(asked).toBe(3);
  });
  test("is kept for the last 1,000 projects and no more", () => {
    const finder = projectFileFinder({ now: () => 0 });
    for (let i = 0; i < 1_001; i++) finder(join(root, `plain/p${i}`));
    expect(opened(() => finder(join(root, "plain/p1000")))).toBe(0);
    expect(opened(() => finder(join(root, "plain/p1")))).toBe(0);
    expect(opened(() => finder(join(root, "plain/p0")))).toBe(1);
  });
});

/** How many files were opened, or tried, by name. */
function opened(work: () => unknown): number {
  const spy = spyOn(fs, "openSync");
  try {
    work();
    return spy.mock.calls.filter(([path]) => dirname(String(path)) !== path).length;
  } finally {
    spy.mockRestore();
  }
}
