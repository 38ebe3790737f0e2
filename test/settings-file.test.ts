// Settings files on the disk: written whole or not at all, links and modes kept, others' writes never lost, given back byte for byte.
import { beforeEach, describe, expect, spyOn, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { HookForm } from "../src/claude/command.ts";
import { merged } from "../src/claude/merge.ts";
import { registeredHooks } from "../src/claude/registered.ts";
import { readSettings, restoreOrRemove, settingsText, textBefore, writeSettings } from "../src/claude/settings-file.ts";
import type { WantedHook } from "../src/claude/wanted.ts";
import { writeWhole } from "../src/claude/whole-file.ts";
import { OffhookError } from "../src/errors.ts";
import { makeScratch } from "./binary.ts";
import { generated, generatedWithOurs, handWritten } from "./settings-corpus.ts";

const scratch = makeScratch();
const IS_ROOT = process.geteuid?.() === 0;
const EXEC: HookForm = { kind: "exec", binary: "/home/u/.local/bin/offhook" };
const STOP: WantedHook[] = [{ event: "Stop", matcher: null, timeoutS: 5 }];
const MORE: WantedHook[] = [...STOP, { event: "PostToolUse", matcher: "Edit|Write", timeoutS: 5 }];

let root: string;
let home: string;
let path: string;
beforeEach(() => {
  root = scratch.directory("settings");
  home = join(root, "home");
  path = join(root, ".claude", "settings.json");
  mkdirSync(home, { mode: 0o700 });
  mkdirSync(join(root, ".claude"));
});

const bytesAt = (at: string) => readFileSync(at, "utf8");
const backups = () => (existsSync(join(home, "backups")) ? readdirSync(join(home, "backups")).sort() : []);

/** Merges and writes, as setup does. */
function install(wanted = STOP, at = path) {
  const seen = settingsText(at);
  const result = merged(seen, wanted, EXEC, textBefore(at, home));
  if (result.kind === "refused") throw new Error(result.message);
  return writeSettings(at, result.text, home, seen);
}

function errorOf(act: () => unknown): OffhookError {
  try {
    act();
  } catch (error) {
    if (error instanceof OffhookError) return error;
    throw error;
  }
  throw new Error("there was no error");
}

describe("writing", () => {
  test("keeps the mode, leaves nothing beside the file, and a backup for us alone that tells which file it was", () => {
    writeFileSync(path, "{}", { mode: 0o640 });
    chmodSync(path, 0o640);
    const { backup } = install();
    expect(statSync(path).mode & 0o7777).toBe(0o640);
    expect(readdirSync(join(root, ".claude"))).toEqual(["settings.json"]);
    expect(backup).toMatch(/\/backups\/[\w.-]*\.claude-settings\.json\.[0-9a-f]{8}\.original$/);
    expect(bytesAt(backup!)).toBe("{}");
    expect(statSync(backup!).mode & 0o777).toBe(0o600);
    expect(statSync(join(home, "backups")).mode & 0o777).toBe(0o700);
    expect(registeredHooks(path).hooks.map(({ event }) => event)).toEqual(["Stop"]);
  });

  test("makes a file and the directories that are missing, and says that there is no backup", () => {
    const at = join(root, "config", "claude", "settings.json");
    expect(install(STOP, at)).toEqual({ backup: null });
    expect(registeredHooks(at).state).toBe("ok");
  });

  test("writes nothing when nothing changes", () => {
    install();
    const before = statSync(path, { bigint: true });
    expect(install()).toEqual({ backup: null });
    const after = statSync(path, { bigint: true });
    expect([after.ino, after.mtimeNs]).toEqual([before.ino, before.mtimeNs]);
  });

  test("follows a link, relative ones and links to links, and leaves them links", () => {
    mkdirSync(join(root, "dotfiles"));
    writeFileSync(join(root, "dotfiles", "claude.json"), '{"model": "opus"}');
    symlinkSync("../dotfiles/claude.json", join(root, ".claude", "link.json"));
    symlinkSync(join(root, ".claude", "link.json"), path);
    install();
    expect(lstatSync(path).isSymbolicLink()).toBe(true);
    expect(readlinkSync(join(root, ".claude", "link.json"))).toBe("../dotfiles/claude.json");
    expect(bytesAt(join(root, "dotfiles", "claude.json"))).toContain("offhook");
    expect(restoreOrRemove(path, home).outcome).toBe("restored");
    expect(bytesAt(path)).toBe('{"model": "opus"}');
    expect(lstatSync(path).isSymbolicLink()).toBe(true);
  });

  test("a link to a file that is not there yet makes that file", () => {
    mkdirSync(join(root, "dotfiles"));
    symlinkSync("../dotfiles/new.json", path);
    install();
    expect(bytesAt(join(root, "dotfiles", "new.json"))).toContain("offhook");
    expect(restoreOrRemove(path, home).outcome).toBe("deleted");
    expect(readdirSync(join(root, "dotfiles"))).toEqual([]);
    expect(lstatSync(path).isSymbolicLink()).toBe(true);
  });

  test("a link that leads to itself, a directory and a pipe in the file's place are told, not waited for", () => {
    symlinkSync("settings.json", path);
    expect(errorOf(() => install()).exitCode).toBe(77);
    rmSync(path);
    mkdirSync(path);
    expect(errorOf(() => install())).toMatchObject({ exitCode: 77, message: `${path} is not a file` });
    rmSync(path, { recursive: true });
    expect(Bun.spawnSync(["mkfifo", path]).exitCode).toBe(0);
    expect(errorOf(() => install()).message).toBe(`${path} is not a file`);
    expect(registeredHooks(path).state).toBe("refused");
  });

  test("a read-only file is left alone, by root too", () => {
    writeFileSync(path, "{}", { mode: 0o444 });
    const error = errorOf(() => install());
    expect(error).toMatchObject({ exitCode: 77, message: expect.stringContaining("it is read-only") });
    expect(bytesAt(path)).toBe("{}");
    expect(backups()).toEqual([]);
  });

  test("a read-only directory is left alone, by root too", () => {
    writeFileSync(path, "{}");
    chmodSync(join(root, ".claude"), 0o555);
    const error = errorOf(() => install());
    chmodSync(join(root, ".claude"), 0o755);
    expect(error).toMatchObject({ exitCode: 77, message: expect.stringContaining("read-only") });
    expect(bytesAt(path)).toBe("{}");
  });

  test("a directory that cannot be made is told", () => {
    writeFileSync(join(root, "file"), "");
    expect(errorOf(() => install(STOP, join(root, "file", ".claude", "settings.json"))).exitCode).toBe(77);
  });

  test.if(IS_ROOT)("written by root, a file stays its owner's", () => {
    writeFileSync(path, "{}");
    chownSync(path, 65534, 65534);
    install();
    expect([statSync(path).uid, statSync(path).gid]).toEqual([65534, 65534]);
  });

  test("a file that does not parse is left alone, with its place", () => {
    writeFileSync(path, '{\n  "a": 1,\n}\n');
    expect(errorOf(() => install())).toMatchObject({
      exitCode: 78,
      message: `${path}:3:1: a comma before "}": take it away`,
      hint: expect.stringContaining("left as it is"),
    });
    expect(errorOf(() => restoreOrRemove(path, home)).exitCode).toBe(78);
    expect(errorOf(() => writeSettings(path, "{}", home)).exitCode).toBe(78);
    expect(bytesAt(path)).toBe('{\n  "a": 1,\n}\n');
  });

  test("a text that does not parse is never written", () => {
    writeFileSync(path, "{}");
    expect(() => writeSettings(path, '{"hooks": ', home)).toThrow("does not parse");
    expect(bytesAt(path)).toBe("{}");
  });

  const SMALL = 'mount -t tmpfs -o size=64k none "$PLACE"';
  const inSmall = (text: string, ...more: string[]) =>
    Bun.spawnSync(["unshare", "--mount", "sh", "-c", text, ...more], { env: { ...process.env, PLACE: root } });
  const canMount =
    IS_ROOT && Bun.spawnSync(["unshare", "--mount", "sh", "-c", "mount -t tmpfs none /mnt"]).exitCode === 0;

  test.skipIf(!canMount)("a full disk leaves the file as it was, and nothing beside it", () => {
    const elsewhere = scratch.directory("home");
    const script = `
      const { writeSettings } = await import(${JSON.stringify(join(import.meta.dir, "../src/claude/settings-file.ts"))});
      const { readFileSync, readdirSync, writeFileSync } = await import("node:fs");
      process.chdir(process.env.PLACE); // Into what is mounted there.
      const before = JSON.stringify({ note: "x".repeat(50_000) });
      writeFileSync("settings.json", before);
      let error = null;
      try {
        writeSettings(process.env.PLACE + "/settings.json", before + " ", ${JSON.stringify(elsewhere)});
      } catch (thrown) {
        error = { exitCode: thrown.exitCode, hint: thrown.hint };
      }
      const isSame = readFileSync("settings.json", "utf8") === before;
      console.log(JSON.stringify({ ...error, isSame, names: readdirSync(".") }));`;
    const ran = inSmall(`${SMALL} && exec "$0" -e "$1"`, process.execPath, script);
    expect(JSON.parse(ran.stdout.toString() || JSON.stringify(ran.stderr.toString()))).toEqual({
      exitCode: 1,
      hint: "make room on its disk; nothing was changed",
      isSame: true,
      names: ["settings.json"],
    });
  });
});

describe("somebody else writes meanwhile", () => {
  test("before we begin: refused, and theirs stays", () => {
    writeFileSync(path, "{}");
    const result = merged("{}", STOP, EXEC);
    writeFileSync(path, '{"theirs": 1}');
    if (result.kind === "refused") throw new Error(result.message);
    expect(errorOf(() => writeSettings(path, result.text, home, "{}"))).toMatchObject({ exitCode: 75 });
    expect(errorOf(() => writeSettings(path, result.text, home, null)).exitCode).toBe(75);
    expect(bytesAt(path)).toBe('{"theirs": 1}');
  });

  test("directly before the rename: refused, and nothing is left beside it", () => {
    writeFileSync(path, "{}");
    const written = writeWhole(path, "ours", { mode: 0o600, owner: null }, () => {
      writeFileSync(path, '{"theirs": 1}');
      return bytesAt(path) === "{}";
    });
    expect(written).toBe(false);
    expect(bytesAt(path)).toBe('{"theirs": 1}');
    expect(readdirSync(join(root, ".claude"))).toEqual(["settings.json"]);
  });

  test("after the backup and before the rename: refused, and theirs stays", () => {
    writeFileSync(path, "{}");
    const names = spyOn(Bun, "randomUUIDv7");
    // A name is made for each file that is written: first the backup's, then that of the settings.
    names.mockImplementation((() => {
      if (names.mock.calls.length === 2) writeFileSync(path, '{"theirs": 1}');
      return "0123456789abcdef";
    }) as typeof Bun.randomUUIDv7);
    try {
      expect(errorOf(() => install())).toMatchObject({
        exitCode: 75,
        message: `${path} was changed by somebody else meanwhile`,
      });
    } finally {
      names.mockRestore();
    }
    expect(bytesAt(path)).toBe('{"theirs": 1}');
    expect(readdirSync(join(root, ".claude"))).toEqual(["settings.json"]);
  });

  test("a writer without rest: what it said last is there, and every text that ever stood there was whole", async () => {
    writeFileSync(path, '{"count": 0}\n');
    const child = Bun.spawn(
      [
        "sh",
        "-c",
        'for i in $(seq 1 400); do printf \'{"count": %s}\\n\' $i > "$0.tmp" && mv "$0.tmp" "$0"; done',
        path,
      ],
      { stdout: "ignore", stderr: "ignore" },
    );
    let refusals = 0;
    while (child.exitCode === null) {
      try {
        install(MORE);
      } catch (error) {
        if (!(error instanceof OffhookError && error.exitCode === 75)) throw error;
        refusals++;
      }
      expect(readSettings(path).kind).toBe("ok");
      await Bun.sleep(0);
    }
    install(MORE);
    expect(JSON.parse(bytesAt(path)).count).toBe(400);
    expect(refusals).toBeGreaterThanOrEqual(0);
    restoreOrRemove(path, home);
    expect(bytesAt(path)).toBe('{"count": 400}\n');
  });
});

describe("giving back", () => {
  test("every text of the corpus is byte for byte what it was, after two setups, and no backup is left", () => {
    const samples = [...handWritten(), ...generated()];
    expect(samples.length).toBeGreaterThan(240);
    for (const { name, text } of samples) {
      writeFileSync(path, text);
      install(STOP);
      install(MORE);
      install(STOP);
      const removal = restoreOrRemove(path, home);
      expect([name, bytesAt(path) === text]).toEqual([name, true]);
      expect([name, removal.outcome, removal.backup]).toEqual([name, "restored", null]);
      expect(backups()).toEqual([]);
    }
  });

  test("hooks of an older version of us do not come back with it", () => {
    for (const { name, text } of generatedWithOurs()) {
      writeFileSync(path, text);
      install(MORE);
      restoreOrRemove(path, home);
      expect([name, registeredHooks(path).hooks]).toEqual([name, []]);
      expect([name, backups()]).toEqual([name, []]);
    }
  });

  test("a file and directories that we made go, a directory in which others put something stays", () => {
    const at = join(root, "config", "claude", "settings.json");
    install(STOP, at);
    install(MORE, at);
    expect(restoreOrRemove(at, home)).toEqual({ outcome: "deleted", events: ["Stop", "PostToolUse"], backup: null });
    expect(existsSync(join(root, "config"))).toBe(false);
    install(STOP, at);
    writeFileSync(join(root, "config", "notes"), "");
    restoreOrRemove(at, home);
    expect(readdirSync(join(root, "config"))).toEqual(["notes"]);
    expect(backups()).toEqual([]);
  });

  test("a file that we made and others have written in since keeps what is theirs", () => {
    install();
    const text = bytesAt(path);
    writeFileSync(path, text.replace("{\n", '{\n  "model": "opus",\n'));
    expect(restoreOrRemove(path, home).outcome).toBe("removed");
    expect(JSON.parse(bytesAt(path))).toEqual({ model: "opus" });
  });

  test("what others changed since then stays, and so does the backup", () => {
    writeFileSync(path, '{\n  "model": "opus"\n}\n');
    install();
    writeFileSync(path, bytesAt(path).replace("opus", "sonnet"));
    const removal = restoreOrRemove(path, home);
    expect(bytesAt(path)).toBe('{\n  "model": "sonnet"\n}\n');
    expect(removal.outcome).toBe("removed");
    expect(bytesAt(removal.backup!)).toBe('{\n  "model": "opus"\n}\n');
  });

  test("written anew by Claude Code in its own style, it loses ours and nothing else", () => {
    writeFileSync(path, '{"a":1,"hooks":{"Stop":[]}}');
    install();
    writeFileSync(path, `${JSON.stringify({ ...JSON.parse(bytesAt(path)), b: 2 }, null, 2)}\n`);
    restoreOrRemove(path, home);
    expect(JSON.parse(bytesAt(path))).toEqual({ a: 1, hooks: { Stop: [] }, b: 2 });
  });

  test("without a backup ours goes all the same", () => {
    writeFileSync(path, '{\n  "model": "opus"\n}\n');
    install();
    rmSync(join(home, "backups"), { recursive: true });
    expect(restoreOrRemove(path, home)).toEqual({ outcome: "removed", events: ["Stop"], backup: null });
    expect(bytesAt(path)).toBe('{\n  "model": "opus"\n}\n');
  });

  test("where nothing of ours is, nothing is written", () => {
    expect(restoreOrRemove(path, home)).toEqual({ outcome: "absent", events: [], backup: null });
    writeFileSync(path, '{ "hooks": {} }', { mode: 0o444 });
    expect(restoreOrRemove(path, home).outcome).toBe("none");
    expect(bytesAt(path)).toBe('{ "hooks": {} }');
  });

  test("a read-only file keeps its hooks, and the error says what to do", () => {
    writeFileSync(path, "{}");
    install();
    chmodSync(path, 0o444);
    const error = errorOf(() => restoreOrRemove(path, home));
    expect(error.exitCode).toBe(77);
    expect(error.hint).toContain("chmod u+w");
    expect(registeredHooks(path).hooks).toHaveLength(1);
  });

  test("the backup is what was there before us, also after later setups and edits", () => {
    writeFileSync(path, '{"first": 1}');
    install(STOP);
    writeFileSync(path, bytesAt(path).replace("first", "second"));
    install(MORE);
    expect(textBefore(path, home)).toBe('{"first": 1}');
    expect(backups().map((name) => name.split(".").at(-1))).toEqual(["original", "previous"]);
  });
});
