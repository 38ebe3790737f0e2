// Which project a path belongs to, on a real disk: links, files called .git, places that are not there, and how often the
// disk is asked.
import { afterAll, beforeAll, describe, expect, spyOn, test } from "bun:test";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectFinder, realPathFinder } from "../src/event/project.ts";

let root: string;

beforeAll(() => {
  root = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "offhook project ")));
  for (const directory of ["shop/.git", "shop/src/deep", "shop/vendor/lib", "plain/sub", "loose/sub"]) {
    fs.mkdirSync(join(root, directory), { recursive: true });
  }
  fs.writeFileSync(join(root, "shop/vendor/lib/.git"), "gitdir: ../../.git/modules/lib\n");
  fs.symlinkSync(join(root, "nowhere"), join(root, "loose/.git"));
  fs.symlinkSync(join(root, "shop"), join(root, "link"));
  fs.symlinkSync(join(root, "loop"), join(root, "loop"));
});
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));

const at = (path: string | null) => (path === null ? null : join(root, path));

/** Looks once, with a clock that stands still. */
function find(file: string | null, cwd: string | null, claudeProjectDir: string | null): string | null {
  return projectFinder({ now: () => 0 })(file, cwd, claudeProjectDir);
}

describe("the project", () => {
  const rows: [
    sentence: string,
    file: string | null,
    cwd: string | null,
    claude: string | null,
    project: string | null,
  ][] = [
    ["is the directory with .git above the file", "shop/src/deep/a.py", null, null, "shop"],
    ["even when session and Claude say another", "shop/src/a.py", "plain", "plain", "shop"],
    ["is the directory with .git itself", "shop/a.py", null, null, "shop"],
    ["is the nearest one: a submodule has a file called .git", "shop/vendor/lib/a.c", null, null, "shop/vendor/lib"],
    ["is found for files that do not exist", "shop/new/dir/a.py", null, null, "shop"],
    ["is found from cwd when there is no file", null, "shop/src/deep", "plain", "shop"],
    ["is what Claude says where there is no .git", "plain/sub/a.py", "plain/sub", "plain", "plain"],
    ["is cwd where nobody says anything", "plain/sub/a.py", "plain/sub", null, "plain/sub"],
    ["is not looked for above cwd when there is a file elsewhere", "plain/sub/a.py", "shop/src", null, "shop/src"],
    ["is none where there is nothing", null, null, null, null],
    ["is not made by a .git that leads nowhere", "loose/sub/a.py", "loose/sub", null, "loose/sub"],
    ["keeps the name of a link", "link/src/a.py", null, null, "link"],
    ["survives a link to itself", "loop/a.py", "plain", null, "plain"],
    ["is not looked for inside a file", "shop/vendor/lib/.git/x/a.py", null, null, "shop/vendor/lib"],
  ];
  for (const [sentence, file, cwd, claude, project] of rows) {
    test(sentence, () => expect(find(at(file), at(cwd), at(claude))).toBe(at(project)));
  }

  test("of a file with dots is that of the place they mean", () => {
    expect(find(`${root}/shop/src/../../plain/a.py`, at("plain"), null)).toBe(at("plain"));
  });
  test("has no slash at its end", () => {
    expect(find(null, `${root}/plain/sub/`, null)).toBe(at("plain/sub"));
    expect(find(null, null, `${root}/plain/`)).toBe(at("plain"));
  });
  test("may be the root", () => {
    expect(find(null, "/", null)).toBe("/");
  });
  test("ignores paths that are not absolute", () => {
    expect(find("src/a.py", "src", ".")).toBeNull();
  });
  test("survives a NUL, a newline and a name that is too long", () => {
    expect(find(`${root}/a\0b`, at("plain"), null)).toBe(at("plain"));
    expect(find(`${root}/shop/a\nb/c`, null, null)).toBe(at("shop"));
    expect(find(`${root}/shop/${"x".repeat(3_000)}/c`, null, null)).toBe(at("shop"));
  });
  test("does not walk up a path of a million directories", () => {
    expect(find("/a".repeat(1_000_000), at("plain"), null)).toBe(at("plain"));
  });
});

describe("the disk", () => {
  function counted<T>(work: () => T): number {
    const spy = spyOn(fs, "statSync");
    try {
      work();
      return spy.mock.calls.length;
    } finally {
      spy.mockRestore();
    }
  }

  test("is asked once for all files of a directory, and never again above what is known", () => {
    const projectOf = projectFinder({ now: () => 0 });
    const first = counted(() => projectOf(at("shop/src/deep/a.py"), null, null));
    expect(first).toBe(3);
    expect(counted(() => projectOf(at("shop/src/deep/b.py"), null, null))).toBe(0);
    expect(counted(() => projectOf(at("shop/src/other/b.py"), null, null))).toBe(1);
  });
  test("is asked few times for a backlog of 20,000 events", () => {
    const projectOf = projectFinder({ now: () => 0 });
    const asked = counted(() => {
      for (let i = 0; i < 20_000; i++) projectOf(at(`plain/d${i % 50}/f${i}.py`), at("plain"), null);
    });
    expect(asked).toBeGreaterThan(50);
    expect(asked).toBeLessThan(100);
  });
  test("is believed for a while and then asked again", () => {
    let now = 1_000;
    const projectOf = projectFinder({ now: () => now, ttlMs: 300 });
    const file = at("plain/sub/a.py");
    expect(projectOf(file, at("plain/sub"), null)).toBe(at("plain/sub"));
    fs.mkdirSync(join(root, "plain/.git"));
    try {
      now = 1_299;
      expect(projectOf(file, at("plain/sub"), null)).toBe(at("plain/sub"));
      now = 1_300;
      expect(projectOf(file, at("plain/sub"), null)).toBe(at("plain"));
    } finally {
      fs.rmdirSync(join(root, "plain/.git"));
    }
  });
  test("is asked again for the oldest when there are more directories than are kept, and answers stay right", () => {
    const projectOf = projectFinder({ now: () => 0 });
    for (let i = 0; i < 7_000; i++) projectOf(at(`shop/src/d${i}/a.py`), null, null);
    expect(counted(() => projectOf(at("shop/src/d6999/a.py"), null, null))).toBe(0);
    expect(counted(() => projectOf(at("shop/src/d0/a.py"), null, null))).toBeGreaterThan(0);
    expect(projectOf(at("shop/src/d0/a.py"), null, null)).toBe(at("shop"));
    expect(projectOf(at("plain/sub/a.py"), at("plain"), null)).toBe(at("plain"));
  });
});

describe("the real path", () => {
  test("follows links", () => {
    expect(realPathFinder({ now: () => 0 })(join(root, "link/src"))).toBe(join(root, "shop/src"));
  });
  test("of what is not there, or leads in circles, or cannot be a path, is the path itself", () => {
    const realPath = realPathFinder({ now: () => 0 });
    for (const path of [join(root, "gone/x"), join(root, "loop"), "/a\0b", `/${"x".repeat(5_000)}`])
      expect(realPath(path)).toBe(path);
  });
  test("is asked for again after a while", () => {
    let now = 0;
    const realPath = realPathFinder({ now: () => now, ttlMs: 300 });
    const link = join(root, "moving");
    fs.symlinkSync(join(root, "shop"), link);
    expect(realPath(link)).toBe(join(root, "shop"));
    fs.unlinkSync(link);
    fs.symlinkSync(join(root, "plain"), link);
    expect(realPath(link)).toBe(join(root, "shop"));
    now = 300;
    expect(realPath(link)).toBe(join(root, "plain"));
  });
});
