// The user's own hooks in the benchmark: what is copied of a project and what is not, that nothing leads out of the copy, what hooks
// are given, and that project, home and settings are afterwards what they were.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { UserHook } from "../src/claude/user-hooks.ts";
import type { Means } from "../src/measure/means.ts";
import { runOnce } from "../src/measure/run.ts";
import { makeScratch, type Scratch } from "../src/measure/scratch.ts";
import { movedText, prepareMine } from "../src/rehearsal/mine.ts";
import { projectLines, splitByTrust, visible, yoursLines } from "../src/rehearsal/mine-consent.ts";
import { COPY_LIMITS, copyProject } from "../src/rehearsal/project-copy.ts";
import { until } from "./running.ts";

const PATIENCE_MS = 60_000;
const RECORDED = readFileSync(join(import.meta.dir, "fixtures", "claude-code-2.1.329.jsonl"), "utf8");
const GIT = Bun.which("git");
const PATH = process.env.PATH ?? "/usr/bin:/bin";

let root: string;
let userHome: string;
let project: string;
let scratch: Scratch;
let means: Means;

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "offhook-bench-mine-")));
  userHome = join(root, "user");
  project = join(userHome, "the project");
  mkdirSync(project, { recursive: true });
  scratch = makeScratch();
  means = { offhook: "/nowhere", scratch, recorded: RECORDED, progress: () => undefined };
});
afterEach(() => {
  scratch.end();
  rmSync(root, { recursive: true, force: true });
});

function put(path: string, text = "x = 1\n", mode = 0o644): string {
  const full = join(project, path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, text, { mode });
  return full;
}

function git(args: string[], cwd = project): void {
  const env = { PATH, HOME: root, GIT_CONFIG_NOSYSTEM: "1" };
  const who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "protocol.file.allow=always"];
  const ran = Bun.spawnSync([GIT ?? "git", ...who, ...args], { cwd, env, stdin: "ignore" });
  if (ran.exitCode !== 0) throw new Error(`git ${args.join(" ")}: ${ran.stderr}`);
}

/** Everything below a directory but .git's own: kind, mode, text or target; so that two looks can be compared. */
function treeOf(directory: string): Record<string, string> {
  const tree: Record<string, string> = {};
  const look = (path: string, name: string) => {
    const stats = lstatSync(path);
    if (stats.isSymbolicLink()) tree[name] = `-> ${readlinkSync(path)}`;
    else if (stats.isDirectory())
      for (const each of readdirSync(path)) look(join(path, each), name === "" ? each : `${name}/${each}`);
    else if (stats.isFile())
      tree[name] =
        `${(stats.mode & 0o777).toString(8)} ${createHash("sha256").update(readFileSync(path)).digest("hex")}`;
    else tree[name] = "special";
  };
  look(directory, "");
  return tree;
}

const namesIn = (directory: string) =>
  Object.keys(treeOf(directory))
    .filter((name) => !name.startsWith(".git/"))
    .sort();
const copyTo = (limits = COPY_LIMITS) => copyProject(project, join(scratch.path, "copy"), PATH, limits);
const hook = (over: Partial<UserHook>): UserHook => ({
  event: "PostToolUse",
  matcher: "Write",
  command: "cat >/dev/null",
  args: null,
  timeoutS: 5,
  condition: null,
  isAsync: false,
  source: "user",
  ...over,
});
const prepare = (...hooks: UserHook[]) => prepareMine({ project, hooks, env: { HOME: userHome, PATH } }, means);

describe.if(GIT !== null)(`a copy of a project with git${GIT === null ? " (reason: no git here)" : ""}`, () => {
  test("has what git knows and what is not ignored, and dependencies; not what is ignored, and no history", async () => {
    git(["init", "-q"]);
    put(".gitignore", "node_modules/\nsecret.env\nbuild/\n");
    put("src/a.py");
    put("new one.py");
    put("secret.env", "KEY=1");
    put("build/out.o");
    put("node_modules/tool/index.js", "1\n");
    put("packages/b/node_modules/tool/index.js", "2\n");
    git(["add", ".gitignore", "src"]);
    git(["commit", "-qm", "first"]);
    put("gone.py");
    git(["add", "gone.py"]);
    rmSync(join(project, "gone.py"));
    const before = treeOf(project);

    const copy = await copyTo();
    expect(namesIn(copy.path)).toEqual([
      ".gitignore",
      "new one.py",
      "node_modules/tool/index.js",
      "packages/b/node_modules/tool/index.js",
      "src/a.py",
    ]);
    expect(copy.files.sort()).toEqual([".gitignore", "new one.py", "src/a.py"]);
    expect(copy.left.join("\n")).toContain("what git ignores");
    const log = Bun.spawnSync([GIT ?? "", "log", "--format=%s"], { cwd: copy.path, env: { PATH, HOME: root } });
    expect(log.stdout.toString()).toBe("a copy\n");
    const status = Bun.spawnSync([GIT ?? "", "status", "--porcelain"], { cwd: copy.path, env: { PATH, HOME: root } });
    expect(status.stdout.toString()).toBe("");
    expect(treeOf(project)).toEqual(before);
  });

  test("has the files of submodules and of repositories in it", async () => {
    const library = join(root, "library");
    mkdirSync(library);
    git(["init", "-q"], library);
    writeFileSync(join(library, "lib.py"), "y = 2\n");
    git(["add", "."], library);
    git(["commit", "-qm", "lib"], library);
    git(["init", "-q"]);
    put("a.py");
    git(["submodule", "--quiet", "add", library, "third/lib"]);
    mkdirSync(join(project, "nested"));
    git(["init", "-q"], join(project, "nested"));
    put("nested/n.py");
    const copy = await copyTo();
    expect(namesIn(copy.path)).toEqual([".gitmodules", "a.py", "nested/n.py", "third/lib/lib.py"]);
  });

  test("runs nothing that the project's git configuration names", async () => {
    git(["init", "-q"]);
    put("a.py", "x = 1\n");
    put(".gitattributes", "* filter=evil diff=evil\n");
    const mark = join(root, "mark");
    const evil = join(root, "evil.sh");
    writeFileSync(evil, `#!/bin/sh\ntouch '${mark}'\ncat\n`, { mode: 0o755 });
    for (const key of [
      "core.fsmonitor",
      "filter.evil.clean",
      "filter.evil.smudge",
      "core.sshCommand",
      "diff.evil.textconv",
    ])
      git(["config", key, evil]);
    put(".git/hooks/post-index-change", `#!/bin/sh\ntouch '${mark}'\n`, 0o755);
    const status = Bun.spawnSync([GIT ?? "", "status"], { cwd: project, env: { PATH, HOME: root } });
    expect(status.exitCode).toBe(0);
    expect(existsSync(mark)).toBe(true); // The trap is live.
    rmSync(mark);
    const copy = await copyTo();
    expect(namesIn(copy.path)).toContain("a.py");
    expect(existsSync(mark)).toBe(false);
  });

  test("fetches nothing that the project's git says it needs: what fetches may be any program", async () => {
    // A sparse index whose directory is not there: git has to fetch it to say what is in it (git-sparse-checkout(1)).
    git(["init", "-q"]);
    put("kept/a.py");
    put("gone/deep/b.py");
    git(["add", "--all"]);
    git(["commit", "-qm", "a"]);
    git(["sparse-checkout", "init", "--cone", "--sparse-index"]);
    git(["sparse-checkout", "set", "kept"]);
    const { stdout } = Bun.spawnSync([GIT ?? "git", "rev-parse", "HEAD:gone"], { cwd: project, env: { PATH } });
    const id = stdout.toString().trim();
    rmSync(join(project, ".git", "objects", id.slice(0, 2), id.slice(2)));
    const mark = join(root, "mark");
    const settings = {
      "remote.origin.url": `ext::touch ${mark}`,
      "remote.origin.promisor": "true",
      "extensions.partialClone": "origin",
      "core.repositoryFormatVersion": "1",
      "protocol.ext.allow": "always",
    };
    for (const [key, value] of Object.entries(settings)) git(["config", key, value]);
    Bun.spawnSync([GIT ?? "git", "ls-files"], { cwd: project, env: { PATH, HOME: root } });
    expect(existsSync(mark)).toBe(true); // The trap is live.
    rmSync(mark);
    expect(namesIn((await copyTo()).path)).toContain("kept/a.py");
    expect(existsSync(mark)).toBe(false);
  });

  test("does not go through a directory that has become a link since git last looked", async () => {
    git(["init", "-q"]);
    put("d/id_rsa", "of the project\n");
    git(["add", "d"]);
    rmSync(join(project, "d"), { recursive: true });
    const outside = join(root, "outside");
    mkdirSync(outside);
    writeFileSync(join(outside, "id_rsa"), "a key\n");
    symlinkSync(outside, join(project, "d"));
    const copy = await copyTo();
    expect(namesIn(copy.path)).toEqual([]);
    expect(copy.left.join("\n")).toContain("leads out of the project");
  });

  test("of a directory that a repository above it ignores is made from what lies there", async () => {
    git(["init", "-q"], userHome);
    writeFileSync(join(userHome, ".gitignore"), "*\n");
    put("a.py");
    expect((await copyTo()).files).toEqual(["a.py"]);
  });
});

describe("a copy of a project", () => {
  test("without git has all but .git, dist and, where they are too large, dependencies; and says so", async () => {
    put("a.py");
    put(".git", "gitdir: /nowhere\n");
    put("dist/a.js");
    put("node_modules/x/index.js", "1".repeat(5000));
    put("vendor/y.go", "2\n");
    const copy = await copyTo({ ...COPY_LIMITS, dependencyBytes: 1000 });
    expect(namesIn(copy.path)).toEqual(["a.py", "vendor/y.go"]);
    expect(copy.left.join("\n")).toContain("node_modules (more than");
  });

  test("keeps links within it, within it, and leaves out those that lead out or nowhere", async () => {
    put("real/a.py");
    const outside = join(root, "outside.txt");
    writeFileSync(outside, "not yours\n");
    symlinkSync("real/a.py", join(project, "relative"));
    symlinkSync(join(project, "real"), join(project, "absolute"));
    symlinkSync(outside, join(project, "out"));
    symlinkSync("out", join(project, "out-by-two"));
    symlinkSync("../../outside.txt", join(project, "out-by-dots"));
    symlinkSync("/", join(project, "root"));
    symlinkSync("nothing", join(project, "nowhere"));
    symlinkSync("loop", join(project, "loop"));
    const copy = await copyTo();
    expect(namesIn(copy.path)).toEqual(["absolute", "real/a.py", "relative"]);
    expect(realpathSync(join(copy.path, "absolute"))).toBe(join(copy.path, "real"));
    expect(realpathSync(join(copy.path, "relative"))).toBe(join(copy.path, "real/a.py"));
    expect(copy.left.join("\n")).toMatch(/leads out of the project, or nowhere: .* and 3 more/);
  });

  test("keeps a link to where it stands itself", async () => {
    put("a.py");
    put("d/b.py");
    symlinkSync(".", join(project, "top"));
    symlinkSync(".", join(project, "d", "here"));
    symlinkSync("..", join(project, "d", "above"));
    const { path } = await copyTo();
    expect(["top", "d/here", "d/above"].map((name) => readlinkSync(join(path, name)))).toEqual([".", ".", ".."]);
  });

  test("keeps the interpreter of a virtual environment as a link, and no other way out of dependencies", async () => {
    put("a.py");
    put(".venv/pyvenv.cfg", "home = /usr/bin\n");
    mkdirSync(join(project, ".venv/bin"));
    symlinkSync("/bin/sh", join(project, ".venv/bin/python"));
    symlinkSync("/etc", join(project, ".venv/etc"));
    symlinkSync("/etc/passwd", join(project, ".venv/passwd"));
    const copy = await copyTo();
    expect(namesIn(copy.path)).toEqual([".venv/bin/python", ".venv/pyvenv.cfg", "a.py"]);
  });

  test("takes every name as it is, and no file that is none", async () => {
    const names = ["-rf", "$(touch x)", "new\nline.py", "é ✓.py", "'q' \"d\".py", "{}*?.py"];
    for (const name of names) put(name);
    expect(Bun.spawnSync(["mkfifo", join(project, "pipe")]).exitCode).toBe(0);
    const copy = await copyTo();
    expect(copy.files.toSorted()).toEqual(names.toSorted());
    expect(copy.left).toEqual(['what is no file: "pipe"']);
    expect(existsSync(join(copy.path, "x"))).toBe(false);
  });

  test("can be written to, is executable where the project is, and never sets an id", async () => {
    chmodSync(put("run.sh", "#!/bin/sh\n"), 0o4755);
    chmodSync(put("locked.py"), 0o444);
    const copy = await copyTo();
    expect(lstatSync(join(copy.path, "run.sh")).mode & 0o7777).toBe(0o755);
    expect(lstatSync(join(copy.path, "locked.py")).mode & 0o200).toBe(0o200);
  });

  test("is refused where the project is too large, holds the benchmark's files, or holds the home", async () => {
    for (const name of ["a", "b", "c"]) put(`${name}.py`, "x".repeat(1000));
    expect(copyTo({ ...COPY_LIMITS, files: 2 })).rejects.toThrow("too large to be copied: more than 2 files");
    expect(copyTo({ ...COPY_LIMITS, sizeBytes: 2000 })).rejects.toThrow("too large to be copied");
    expect(copyProject(dirname(scratch.path), join(scratch.path, "copy"), PATH)).rejects.toThrow("it is no project");
    expect(existsSync(join(scratch.path, "copy"))).toBe(false);
    const ofHome = prepareMine({ project: userHome, hooks: [], env: { HOME: userHome, PATH } }, means);
    expect(ofHome).rejects.toThrow("your home is in it");
  });
});

describe("a hook of the user's", () => {
  test("is given the payload of its event about a file in the copy, stands there, and has a HOME of its own", async () => {
    put("src/a.ts", "export const a = 1;\n");
    put("src/b.ts", "export const b = 1;\n");
    put("c.py");
    const tell = `cat >"$HOME/$$.json"; pwd >"$HOME/pwd"; env >"$HOME/env"`;
    const mine = await prepare(hook({ command: tell }), hook({ event: "PreToolUse", command: tell, matcher: null }));
    expect(mine.left).toEqual([]);
    expect(mine.home.startsWith(scratch.path)).toBe(true);
    const payloads = readdirSync(mine.home)
      .filter((name) => name.endsWith(".json"))
      .map((name) => JSON.parse(readFileSync(join(mine.home, name), "utf8")));
    expect(payloads.map((payload) => payload.hook_event_name).sort()).toEqual(["PostToolUse", "PreToolUse"]);
    for (const payload of payloads) {
      expect(payload.tool_name).toBe("Write");
      expect(payload.cwd).toBe(mine.project);
      expect(payload.tool_input.file_path).toBe(join(mine.project, "src", "offhook_bench.ts"));
      expect(readFileSync(payload.tool_input.file_path, "utf8")).toBe(payload.tool_input.content);
      expect(payload.tool_response?.filePath).toBe(
        payload.hook_event_name === "PreToolUse" ? undefined : payload.tool_input.file_path,
      );
    }
    expect(readFileSync(join(mine.home, "pwd"), "utf8")).toBe(`${mine.project}\n`);
    const env = readFileSync(join(mine.home, "env"), "utf8");
    expect(env).toContain(`CLAUDE_PROJECT_DIR=${mine.project}\n`);
    expect(env).not.toContain(root);
    expect(mine.lanes.map(({ name }) => name)).toEqual(["yours 1, after: cat", "yours 2, before: cat"]);
  });

  test("does not get what the environment holds beyond names of places and languages", async () => {
    put("a.py");
    const wish = {
      project,
      hooks: [hook({ command: 'env >"$HOME/env"' })],
      env: { HOME: userHome, PATH, LANG: "C", API_KEY: "k", RUSTUP_HOME: "/r" },
    };
    const mine = await prepareMine(wish, means);
    const env = readFileSync(join(mine.home, "env"), "utf8");
    expect(env).not.toContain("API_KEY");
    expect(env).toContain("RUSTUP_HOME=/r\n");
    expect(env).toContain("LANG=C\n");
  });

  test("works on the copy where it names the project, and writes to its own HOME where it names that", async () => {
    put("a.py");
    put(".claude/settings.json", "{}\n");
    put("scripts/mark.sh", '#!/bin/sh\ncat >/dev/null\necho seen >>"$1"\n', 0o755);
    put("with spaces.sh", "", 0o755);
    const before = { project: treeOf(project), home: treeOf(userHome) };
    const mine = await prepare(
      hook({ command: `'${project}/scripts/mark.sh' '${project}/marked'` }),
      hook({ command: "sh", args: ["${CLAUDE_PROJECT_DIR}/scripts/mark.sh", `${project}/exec form`] }),
      hook({ command: 'cat >/dev/null; echo log >>~/.hook-log; echo log >>"$HOME/other"' }),
      hook({ command: '"$CLAUDE_PROJECT_DIR"/scripts/mark.sh "$CLAUDE_PROJECT_DIR/by variable"' }),
    );
    expect(mine.left).toEqual([]);
    expect(mine.lanes.map(({ cwd }) => cwd)).toEqual(Array(4).fill(mine.project));
    for (const name of ["marked", "exec form", "by variable"])
      expect([name, existsSync(join(mine.project, name))]).toEqual([name, true]);
    expect(readFileSync(join(mine.home, ".hook-log"), "utf8")).toBe("log\n");
    expect(existsSync(join(mine.home, "other"))).toBe(true);
    expect(existsSync(join(mine.project, ".claude/settings.json"))).toBe(false);
    for (const lane of mine.lanes) expect((await runOnce(lane, lane.stdin, { scratch })).end).toBe(0);
    expect({ project: treeOf(project), home: treeOf(userHome) }).toEqual(before);
  });

  test("finds its scripts of ~/.claude/hooks, however it names them, and nothing else of the home", async () => {
    put("a.py");
    const elsewhere = join(root, "dotfiles");
    mkdirSync(join(elsewhere, "parts"), { recursive: true });
    mkdirSync(join(userHome, ".claude"));
    writeFileSync(join(elsewhere, "look.sh"), '. "$(dirname "$0")/parts/part.sh"\n', { mode: 0o755 });
    writeFileSync(join(elsewhere, "parts/part.sh"), 'cat >/dev/null; echo "$0" >>"$HOME/found"\n');
    symlinkSync(elsewhere, join(userHome, ".claude/hooks"));
    for (const secret of [".claude/.credentials.json", ".claude/settings.json", ".netrc"])
      writeFileSync(join(userHome, secret), "secret\n");
    writeFileSync(join(userHome, "own.sh"), 'cat >/dev/null; echo own >>"$HOME/found"\n', { mode: 0o755 });
    const before = treeOf(userHome);
    const mine = await prepare(
      hook({ command: "sh ~/.claude/hooks/look.sh" }),
      hook({ command: 'sh "$HOME"/.claude/hooks/look.sh; cat ~/.netrc ~/.claude/.credentials.json' }),
      hook({ command: "sh", args: [`${userHome}/.claude/hooks/look.sh`] }),
      hook({ command: "sh ${HOME}/own.sh" }),
    );
    expect(mine.left).toEqual([]);
    const script = join(mine.home, ".claude/hooks/look.sh");
    expect(readFileSync(join(mine.home, "found"), "utf8")).toBe(`${script}\n${script}\n${script}\nown\n`);
    expect(namesIn(mine.home)).toEqual([".claude/hooks/look.sh", ".claude/hooks/parts/part.sh", "found", "own.sh"]);
    expect(treeOf(userHome)).toEqual(before);
  });

  test("brings nothing of the home to the project's own hooks", async () => {
    put("a.py");
    writeFileSync(join(userHome, "own.sh"), "cat >/dev/null\n", { mode: 0o755 });
    const mine = await prepare(hook({ command: "~/own.sh", source: "project" }));
    expect(mine.lanes).toEqual([]);
    expect(mine.left.join()).toContain("cannot be started here");
  });

  test(
    "is left out, with the reason, where it cannot be started or does not come to its end",
    async () => {
      put("a.py");
      const mine = await prepare(
        hook({ command: "no-such-program --fix" }),
        hook({ command: "/no/such/program", args: [] }),
        hook({ command: "cat >/dev/null; exit 1" }),
        hook({ command: "sleep 600", timeoutS: 0.2 }),
        hook({ command: "exit 0", isAsync: true }),
        hook({ command: "exit 0", condition: "Edit(*.ts)" }),
      );
      expect(mine.lanes.map(({ what }) => what)).toEqual(["cat >/dev/null; exit 1"]);
      expect(mine.left).toHaveLength(5);
      expect(mine.left[0]).toMatch(/no-such-program --fix \(it cannot be started here: .*not found/);
      expect(mine.left[1]).toContain("/no/such/program (it cannot be started here");
      expect(mine.left[2]).toContain("sleep 600 (it took longer than 0.2 s)");
      expect(mine.left[3]).toContain("the agent does not wait for it");
      expect(mine.left[4]).toContain("it runs only where Edit(*.ts) fits");
      // Claude Code is given those that it alone can judge, and none that cannot be started.
      expect(mine.settings).toEqual({
        PostToolUse: [
          { matcher: "Write", hooks: [{ type: "command", command: "cat >/dev/null; exit 1", timeout: 5 }] },
          { matcher: "Write", hooks: [{ type: "command", command: "exit 0", timeout: 5, async: true }] },
          { matcher: "Write", hooks: [{ type: "command", command: "exit 0", timeout: 5, if: "Edit(*.ts)" }] },
        ],
      });
    },
    PATIENCE_MS,
  );

  test("leaves nothing running, though it started something", async () => {
    put("a.py");
    const mine = await prepare(hook({ command: 'cat >/dev/null; sleep 300 & echo $! >"$HOME/pid"' }));
    const pid = Number(readFileSync(join(mine.home, "pid"), "utf8"));
    expect(pid).toBeGreaterThan(1);
    await until(
      () => !isAlive(pid),
      () => `${pid} still runs`,
    );
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test("a path is moved where it stands as a whole, and nowhere else", () => {
  const moves = [["/p/x", "/copy"]] as const;
  expect(movedText("cat /p/x/a '/p/x' \"/p/x/b c\" --at=/p/x:/p/x/bin", moves)).toBe(
    "cat /copy/a '/copy' \"/copy/b c\" --at=/copy:/copy/bin",
  );
  for (const text of ["/p/xy", "/p/x-old/a", "/p/x.bak", "/other/p/x", "-/p/x"])
    expect(movedText(text, moves)).toBe(text);
});

describe("what is asked before", () => {
  const asking = { project: "/p", scratch: "/s", runs: 40, sessions: { count: 4, writes: 6 } };
  const hooks = [
    hook({ command: "mine --fix" }),
    hook({ command: "theirs", source: "project" }),
    hook({ command: "local", source: "local", matcher: null, args: ["a b"] }),
  ];

  test("tells the user's own from those that lie in the project, local ones too", () => {
    const split = splitByTrust(hooks);
    const yours = yoursLines(split, asking).join("\n");
    const theirs = projectLines(split, asking).join("\n");
    expect(yours).toContain("PostToolUse Write: mine --fix");
    expect(yours).not.toContain("theirs");
    expect(theirs).toContain("PostToolUse Write, .claude/settings.json: theirs");
    expect(theirs).toContain('PostToolUse *, .claude/settings.local.json: local "a b"');
    expect(theirs).toContain("may have come with the project");
    for (const lines of [yours, theirs]) {
      expect(lines).toContain("about 40 times each, and at each of 24 Writes of Claude Code");
      expect(lines).toContain("a copy of /p below /s");
    }
  });

  test("asks nothing where there is nothing to run", () => {
    expect(yoursLines(splitByTrust([]), asking)).toEqual([]);
    expect(projectLines(splitByTrust([]), asking)).toEqual([]);
  });

  test("shows a command whole and spells out what a terminal would obey", () => {
    const long = `${"true; ".repeat(500)}rm -rf ~`;
    const split = splitByTrust([hook({ command: long }), hook({ command: "a\u001b[2Kb\n\u202Ec", source: "project" })]);
    expect(yoursLines(split, asking).join("\n")).toContain("rm -rf ~");
    expect(projectLines(split, asking).join("\n")).toContain("a\\u{1b}[2Kb\\u{a}\\u{202e}c");
    expect(visible("é ✓")).toBe("é ✓");
  });
});
