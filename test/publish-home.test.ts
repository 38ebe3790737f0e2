// The home: made, mended or refused. Where an event cannot be stored, publish says why in one line and exits 1, never 2.
import { expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { BINARY, makeScratch, offhook, plainEnv } from "./binary.ts";
import { namesIn, onlySpooled, spooled } from "./spooled.ts";

const scratch = makeScratch();
const PAYLOAD = '{"hook_event_name":"Stop"}\n';
const SILENT = { exitCode: 0, signal: null, stdout: "", stderr: "" };
const IS_ROOT = process.geteuid?.() === 0;
const NOBODY = 65534;

/** Publishes where that must fail; gives the one line that says why. */
async function refusal(home: string, env: Record<string, string> = {}, stdin = PAYLOAD): Promise<string> {
  const { stderr, ...result } = await offhook(["publish"], { home, stdin, env, cwd: scratch.root });
  expect(result).toEqual({ exitCode: 1, signal: null, stdout: "" });
  expect(stderr).toMatch(/^offhook: the event was not stored: [^\n]+\n$/);
  return stderr;
}

const modeOf = (path: string) => statSync(path).mode & 0o7777;

test("without OFFHOOK_HOME the home is ~/.offhook", async () => {
  const user = scratch.directory("user");
  expect(await offhook(["publish"], { home: "/", stdin: PAYLOAD, env: { HOME: user, OFFHOOK_HOME: "" } })).toEqual(
    SILENT,
  );
  expect(onlySpooled(join(user, ".offhook")).body.toString()).toBe(PAYLOAD);
});

test("a home several directories deep is made, and a trailing slash is no matter", async () => {
  const home = join(scratch.home(), "a", "b");
  mkdirSync(join(home, "..", ".."));
  expect(await offhook(["publish"], { home: `${home}//`, stdin: PAYLOAD, cwd: scratch.root })).toEqual(SILENT);
  expect(onlySpooled(home).header.flags).toEqual([]);
});

test("no HOME, an empty HOME or a relative home: one line that says what to set", async () => {
  expect(await refusal("/", { HOME: "", OFFHOOK_HOME: "" })).toContain("HOME is not set; set HOME, or OFFHOOK_HOME");
  expect(await refusal("/", { HOME: "there", OFFHOOK_HOME: "" })).toContain("HOME is not an absolute path: there");
  expect(await refusal("here/home")).toContain("OFFHOOK_HOME is not an absolute path: here/home");
  expect(existsSync(join(scratch.root, "here"))).toBe(false);
});

for (const mode of [0o755, 0o777, 0o1777]) {
  test(`a home of ours with mode ${mode.toString(8)} is put right, and the event says so`, async () => {
    const home = scratch.directory("wide");
    chmodSync(home, mode);
    expect(await offhook(["publish"], { home, stdin: PAYLOAD })).toEqual(SILENT);
    expect(modeOf(home)).toBe(0o700);
    expect(onlySpooled(home).header.flags).toEqual(["mode-mended"]);
    expect(await offhook(["publish"], { home, stdin: PAYLOAD })).toEqual(SILENT);
    expect(spooled(home)[1]?.header.flags).toEqual([]);
  });
}

test("a wide directory that holds other things is no home: refused, and left as it was", async () => {
  const home = scratch.directory("photos");
  writeFileSync(join(home, "photo.jpg"), "");
  chmodSync(home, 0o755);
  expect(await refusal(home)).toContain("holds things that are not offhook's; chmod 700 it");
  expect(modeOf(home)).toBe(0o755);
  expect(readdirSync(home)).toEqual(["photo.jpg"]);
});

test("a wide home whose spool is a link is refused, and nothing is written through the link", async () => {
  const home = scratch.directory("planted");
  const target = scratch.directory("target");
  symlinkSync(target, join(home, "spool"));
  chmodSync(home, 0o777);
  for (const _ of ["first", "and again"]) {
    expect(await refusal(home)).toContain("spool in it is not a directory of yours");
    expect(modeOf(home)).toBe(0o777);
  }
  expect(readdirSync(target)).toEqual([]);
});

test("a home behind links is used, relative links and .. too", async () => {
  const home = scratch.directory("real");
  const linked = scratch.home();
  symlinkSync(`../${scratch.root.split("/").at(-1)}/./${home.split("/").at(-1)}`, linked);
  const twice = scratch.home();
  symlinkSync(linked, twice);
  expect(await offhook(["publish"], { home: twice, stdin: PAYLOAD })).toEqual(SILENT);
  expect(onlySpooled(home).body.toString()).toBe(PAYLOAD);
});

test("links in a circle, and a link to nothing, are refused", async () => {
  const [a, b] = [scratch.home(), scratch.home()];
  symlinkSync(a, b);
  symlinkSync(b, a);
  expect(await refusal(a)).toContain("too many links");
  const nothing = scratch.home();
  symlinkSync(join(scratch.root, "nothing"), nothing);
  expect(await refusal(nothing)).toContain(nothing);
});

test("a home below a directory that others can write to is refused, also when only a link's target is", async () => {
  const open = scratch.directory("open");
  chmodSync(open, 0o777);
  expect(await refusal(join(open, "home"))).toContain(
    `lies below ${open}, which others can write to; take that away (chmod go-w '${open}')`,
  );
  mkdirSync(join(open, "home"), { mode: 0o700 });
  const link = scratch.home();
  symlinkSync(join(open, "home"), link);
  expect(await refusal(link)).toContain(`lies below ${open}`);
  expect(readdirSync(join(open, "home"))).toEqual([]);

  chmodSync(open, 0o1777); // As /tmp: nobody can take away what is ours.
  expect(await offhook(["publish"], { home: join(open, "home"), stdin: PAYLOAD })).toEqual(SILENT);
});

test("another user's home is refused", async () => {
  const theirs = IS_ROOT ? scratch.directory("theirs") : "/usr";
  if (IS_ROOT) chownSync(theirs, NOBODY, NOBODY);
  const before = readdirSync(theirs);
  expect(await refusal(theirs)).toContain("belongs to another user (uid ");
  expect(readdirSync(theirs)).toEqual(before);
});

test("a file in the place of the home, or on the way to it, is refused", async () => {
  const file = join(scratch.root, "file");
  writeFileSync(file, "keep me");
  expect(await refusal(file)).toContain(`the home ${file} is not a directory`);
  expect(await refusal(join(file, "home"))).toContain(`${file} is not a directory`);
});

test("a file in the place of the spool is reported", async () => {
  const home = scratch.directory("blocked");
  writeFileSync(join(home, "spool"), "");
  expect(await refusal(home)).toContain(`on the way to ${home} lies something that is not a directory`);
});

test("a home that may not be written: exit 1, or 0 where Claude Code takes a failure for a veto", async () => {
  const home = scratch.directory("read-only");
  let binary = BINARY;
  if (IS_ROOT) {
    // Root ignores modes, so this one runs as nobody.
    binary = join(scratch.directory("bin"), "offhook");
    copyFileSync(BINARY, binary);
    for (const directory of [scratch.root, join(binary, "..")]) chmodSync(directory, 0o711);
    chownSync(home, NOBODY, NOBODY);
  }
  chmodSync(home, 0o500);
  for (const [name, exitCode] of [
    ["Stop", 1],
    ["PreModelSwitch", 0],
  ] as const) {
    const child = Bun.spawn([binary, "publish"], {
      env: plainEnv(home),
      cwd: "/",
      stdin: Buffer.from(JSON.stringify({ hook_event_name: name })),
      stdout: "pipe",
      stderr: "pipe",
      ...(IS_ROOT ? { uid: NOBODY, gid: NOBODY } : {}),
    });
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    expect([name, child.exitCode, stdout]).toEqual([name, exitCode, ""]);
    expect(stderr).toMatch(/^offhook: the event was not stored: [^\n]+ cannot be written; [^\n]+ \(EACCES\)\n$/);
  }
  expect(readdirSync(home)).toEqual([]);
  if (IS_ROOT) rmSync(binary);
});

test("a file larger than the process may write: nothing stays behind", async () => {
  const home = scratch.home();
  const payload = join(scratch.root, "large.json");
  writeFileSync(payload, `{"a":"${"x".repeat(300_007)}"}`);
  const child = Bun.spawn(["sh", "-c", `ulimit -f 100 && '${BINARY}' publish < '${payload}'`], {
    env: plainEnv(home),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  expect([child.exitCode, stdout]).toEqual([1, ""]);
  expect(stderr).toMatch(/^offhook: the event was not stored: [^\n]+; raise ulimit -f \(EFBIG\)\n$/);
  expect([...namesIn(home, "new"), ...namesIn(home, "tmp")]).toEqual([]);
});

// A file system of our own needs a mount namespace, which some systems give to nobody but root.
const unshare = ["unshare", ...(IS_ROOT ? ["-m"] : ["-rm"])];
const HAS_MOUNTS =
  Bun.which("unshare") !== null && Bun.spawnSync([...unshare, "mount", "-t", "tmpfs", "none", "/mnt"]).exitCode === 0;
const withReason = (name: string) => (HAS_MOUNTS ? name : `${name} (reason: no mount namespaces here)`);

/** Runs shell lines in a mount namespace; gives what they printed on stderr, and their last exit code. */
async function mounted(home: string, lines: string): Promise<{ exitCode: number | null; stderr: string }> {
  const child = Bun.spawn([...unshare, "sh", "-c", lines], {
    env: plainEnv(home, { OFFHOOK: BINARY }),
    stdout: "inherit",
    stderr: "pipe",
  });
  const [stderr] = await Promise.all([child.stderr.text(), child.exited]);
  return { exitCode: child.exitCode, stderr };
}

test.skipIf(!HAS_MOUNTS)(
  withReason("a full disk: exit 1, and nothing half is left; with space again it goes on"),
  async () => {
    const home = scratch.directory("full");
    const payload = join(scratch.root, "payload.json");
    writeFileSync(payload, `{"a":"${"x".repeat(300_007)}"}`);
    const result = await mounted(
      home,
      `mount -t tmpfs -o size=100k,mode=700 none "$OFFHOOK_HOME" || exit 99
    "$OFFHOOK" publish < '${payload}'; code=$?
    find "$OFFHOOK_HOME" -type f >&2
    printf '{}' | "$OFFHOOK" publish || exit 98
    [ "$(find "$OFFHOOK_HOME/spool/new" -type f | wc -l)" -eq 1 ] || exit 97
    exit $code`,
    );
    expect(result.stderr).toBe(
      `offhook: the event was not stored: the disk of ${home} is full; free some space there (ENOSPC)\n`,
    );
    expect(result.exitCode).toBe(1);
  },
);

test.skipIf(!HAS_MOUNTS)(withReason("a read-only file system: exit 1 and what to set"), async () => {
  const home = scratch.directory("frozen");
  const result = await mounted(
    home,
    `mount -t tmpfs -o mode=700,ro none "$OFFHOOK_HOME" || exit 99
    printf '{}' | "$OFFHOOK" publish`,
  );
  expect(result.stderr).toBe(
    `offhook: the event was not stored: ${home} is on a read-only file system; set OFFHOOK_HOME to a place that can be written (EROFS)\n`,
  );
  expect(result.exitCode).toBe(1);
});
