// scripts/install.sh under dash and bash, against a release of small programs on a loopback server: what is installed is what
// was released, and whatever goes wrong leaves what was there.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { machine, openStage, program, SOURCE, type Stage } from "./install/stage.ts";

const IS_ROOT = process.geteuid?.() === 0;

let stage: Stage;

beforeAll(() => {
  stage = openStage();
  stage.release((target) => program("1.2.3", `# ${target}`));
  stage.release((target) => program("1.2.2", `# ${target}`), "1.2.2");
});
afterAll(() => stage.close());

/** A directory with an older offhook in it, and what must be true of it after an install that failed. */
function withOlder() {
  const dir = stage.directory("bin");
  const older = program("0.0.9");
  writeFileSync(join(dir, "offhook"), older, { mode: 0o755 });
  return { dir, untouched: () => expect(contentOf(dir)).toEqual({ offhook: older }) };
}

function contentOf(dir: string): Record<string, string> {
  return Object.fromEntries(readdirSync(dir).map((name) => [name, readFileSync(join(dir, name), "utf8")]));
}

for (const shell of ["dash", "bash"]) {
  const missing = Bun.which(shell) === null ? ` (reason: no ${shell} here)` : "";

  describe.skipIf(missing !== "")(`install.sh in ${shell}${missing}`, () => {
    test("puts the released program in place, says what to do next, and leaves nothing else", async () => {
      const dir = join(stage.directory("new"), "deep", "bin");
      const { exitCode, output, stderr } = await stage.run(shell, dir);
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
      expect(contentOf(dir)).toEqual({ offhook: expect.stringContaining("echo 1.2.3") });
      expect(output).toContain(`installed offhook 1.2.3 as ${dir}/offhook\n`);
      expect(output).toContain(`${dir} is not on PATH`);
      expect(output).toEndWith(`next: ${dir}/offhook setup\n`);
    });

    test("takes ~/.local/bin when no directory is named, or /usr/local/bin for root", async () => {
      const fakes = { id: "#!/bin/sh\necho 1000\n" };
      const { exitCode, output } = await stage.run(shell, "", { fakes });
      expect(exitCode).toBe(0);
      expect(output).toMatch(/installed offhook 1\.2\.3 as \/.*\/home-\d+\/\.local\/bin\/offhook\n/);
    });

    test("without a HOME it asks for a directory", async () => {
      const fakes = { id: "#!/bin/sh\necho 1000\n" };
      const ran = await stage.run(shell, "", { fakes, env: { HOME: "" } });
      expect(ran).toMatchObject({ exitCode: 64, stderr: expect.stringContaining("try: sh install.sh --dir DIR") });
    });

    test("finds each machine's own binary", async () => {
      const rosetta = { sysctl: '#!/bin/sh\n[ "$2" = sysctl.proc_translated ] && echo 1\n' };
      const intel = { sysctl: "#!/bin/sh\necho 'unknown oid' >&2\nexit 1\n" };
      const musl = { ldd: "#!/bin/sh\necho 'musl libc (x86_64)' >&2\nexit 1\n" };
      for (const [target, fakes] of [
        ["linux-x64", machine("Linux", "x86_64")],
        ["linux-arm64", machine("Linux", "aarch64")],
        ["linux-x64-musl", { ...machine("Linux", "x86_64"), ...musl }],
        ["linux-arm64-musl", { ...machine("Linux", "aarch64"), ...musl }],
        ["darwin-arm64", machine("Darwin", "arm64")],
        ["darwin-arm64", { ...machine("Darwin", "x86_64"), ...rosetta }],
        ["darwin-x64", { ...machine("Darwin", "x86_64"), ...intel }],
      ] as const) {
        const dir = stage.directory("bin");
        expect((await stage.run(shell, dir, { fakes })).stderr).toBe("");
        expect(contentOf(dir).offhook).toContain(`# ${target}\n`);
      }
    });

    test("says which machines there is nothing for", async () => {
      const { dir, untouched } = withOlder();
      const bits = { getconf: "#!/bin/sh\necho 32\n" };
      for (const [fakes, words] of [
        [machine("FreeBSD", "amd64"), "there is no offhook for FreeBSD"],
        [machine("Linux", "riscv64"), "there is no offhook for the processor riscv64"],
        [{ ...machine("Linux", "aarch64"), ...bits }, "this system is a 32-bit one, on a 64-bit kernel"],
      ] as const) {
        const { exitCode, stderr } = await stage.run(shell, dir, { fakes });
        expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: expect.stringContaining(words) });
      }
      untouched();
    });

    test("a download that is damaged or not there changes nothing", async () => {
      const { dir, untouched } = withOlder();
      for (const [how, words] of [
        ["damaged", "the download is damaged: its SHA-256 is "],
        ["missing", " is not there"],
      ] as const) {
        stage.serve(how);
        const { exitCode, stderr } = await stage.run(shell, dir);
        stage.serve("well");
        expect({ how, exitCode, stderr }).toEqual({ how, exitCode: 1, stderr: expect.stringContaining(words) });
        untouched();
      }
    });

    test("a download whose line is cut changes nothing", async () => {
      const { dir, untouched } = withOlder();
      const { exitCode, stderr } = await stage.run(shell, dir, { args: ["--base-url", stage.cutUrl] });
      expect({ exitCode, stderr }).toEqual({
        exitCode: 1,
        stderr: expect.stringContaining("broke off (curl's exit code 18)"),
      });
      untouched();
    });

    test("without a checksum tool nothing is downloaded", async () => {
      const { dir, untouched } = withOlder();
      const before = stage.asked.length;
      const { exitCode, stderr } = await stage.run(shell, dir, { without: ["sha256sum"] });
      expect({ exitCode, stderr }).toEqual({
        exitCode: 1,
        stderr: expect.stringContaining("neither sha256sum nor shasum"),
      });
      expect(stage.asked.length).toBe(before);
      untouched();
    });

    test("shasum does where sha256sum is missing, and wget where curl is", async () => {
      const real = (name: string) => Bun.which(name) ?? `${name}-is-not-here`;
      const shasum = `#!/bin/sh\n[ "$1 $2" = "-a 256" ] && exec ${real("sha256sum")}\n`;
      const wget = (version: string, options: string) => `#!/bin/sh
[ "$1" != --version ] || { echo "${version}" && exit; }
[ "$1 $2 $3 $4 $5 $6" = "${options}" ] || case "$1 $2" in "${options}") ;; *) exit 9 ;; esac
while [ "$1" != -O ]; do shift; done
exec ${real("curl")} -fsS -o "$2" "$3"
`;
      for (const fake of [wget("GNU Wget 1.21.3", "-q -T 30 -t 3 -O"), wget("BusyBox v1.35.0", "-q -O")]) {
        const dir = stage.directory("bin");
        const run = { without: ["sha256sum", "curl"], fakes: { shasum, wget: fake } };
        const { exitCode, stderr } = await stage.run(shell, dir, run);
        expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
        expect(readdirSync(dir)).toEqual(["offhook"]);
      }
    });

    test("without curl and wget it says so", async () => {
      const { exitCode, stderr } = await stage.run(shell, stage.directory("bin"), { without: ["curl"] });
      expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: expect.stringContaining("neither curl nor wget") });
    });

    test("a program that does not run here is not installed, and the words say why", async () => {
      const { dir, untouched } = withOlder();
      for (const [says, target, mend] of [
        ["Error loading shared library libstdc++.so.6: No such file", "linux-x64-musl", "apk add libstdc++"],
        ["/lib64/libc.so.6: version `GLIBC_2.17' not found", "linux-x64", "glibc 2.17 or newer"],
        ["Killed: 9", "darwin-x64", "macOS 13 or newer"],
        ["Illegal instruction", "linux-x64", "a processor with SSE4.2"],
      ] as const) {
        const file = stage.file("offhook", `#!/bin/sh\necho "${says.replace("`", "\\`")}" >&2\nexit 1\n`, 0o755);
        const { exitCode, stderr } = await stage.run(shell, dir, {
          script: SOURCE,
          args: ["--file", file, "--target", target],
        });
        expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: expect.stringContaining(says) });
        expect(stderr).toContain(mend);
      }
      untouched();
    });

    test("a Mac that does not run it as it is signed signs it again, once", async () => {
      const dir = stage.directory("bin");
      const unsigned = '#!/bin/sh\n[ -e "${0%/*}/../signed" ] || exit 137\necho 1.2.3\n';
      const fakes = {
        ...machine("Darwin", "arm64"),
        codesign: '#!/bin/sh\n[ "$1 $2 $3" = "--force --sign -" ] && : >"${4%/*}/../signed"\n',
      };
      const file = stage.file("offhook", unsigned);
      const { exitCode, output } = await stage.run(shell, dir, { script: SOURCE, args: ["--file", file], fakes });
      expect({ exitCode, output }).toEqual({ exitCode: 0, output: expect.stringContaining("signing it again") });
    });

    test("a program of another version than the one that was asked for is not installed", async () => {
      const { dir, untouched } = withOlder();
      stage.release((target) => program("6.6.6", `# ${target}`), "1.2.4");
      const { exitCode, stderr } = await stage.run(shell, dir, { env: { OFFHOOK_VERSION: "1.2.4" } });
      expect({ exitCode, stderr }).toEqual({
        exitCode: 1,
        stderr: expect.stringContaining("is version 6.6.6, not 1.2.4"),
      });
      untouched();
    });

    test("another version comes with the sums of its own release, over https or from this machine only", async () => {
      const dir = stage.directory("bin");
      const { exitCode, output } = await stage.run(shell, dir, { args: ["--version", "v1.2.2"] });
      expect({ exitCode, output }).toEqual({ exitCode: 0, output: expect.stringContaining("installed offhook 1.2.2") });

      const before = stage.asked.length;
      const far = await stage.run(shell, dir, {
        args: ["--version", "1.2.2", "--base-url", "http://127.0.0.1.example"],
      });
      expect(far).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("its sums prove nothing") });
      expect(stage.asked.length).toBe(before);
    });

    test("what is asked for over https does not come over http, whoever sends it there", async () => {
      const calls = join(stage.directory("calls"), "calls");
      const fakes = { curl: `#!/bin/sh\necho "$*" >>"$CALLS"\nexit 22\n` };
      const args = ["--version", "1.2.2", "--base-url"];
      for (const url of ["https://releases.example", stage.url]) {
        await stage.run(shell, stage.directory("bin"), { args: [...args, url], env: { CALLS: calls }, fakes });
      }
      const [secure, plain] = readFileSync(calls, "utf8").trim().split("\n");
      expect(secure).toContain("--proto-redir =https --");
      expect(plain).toContain("--proto-redir =http,https --");
    });

    test("a file is installed without a download, packed or not", async () => {
      const text = program("3.0.0");
      for (const content of [text, Bun.gzipSync(Buffer.from(text))]) {
        const dir = stage.directory("bin");
        const before = stage.asked.length;
        const file = stage.file("own build.gz", content);
        const { exitCode, output } = await stage.run(shell, dir, {
          script: SOURCE,
          env: { OFFHOOK_INSTALL_FILE: file },
        });
        expect({ exitCode, output }).toEqual({
          exitCode: 0,
          output: expect.stringContaining("its sum is not checked"),
        });
        expect(contentOf(dir)).toEqual({ offhook: text });
        expect(stage.asked.length).toBe(before);
      }
    });

    test("a published install.sh takes only a file that it has the sum of", async () => {
      const { dir, untouched } = withOlder();
      const other = stage.file("offhook", program("1.2.3", "# something else"), 0o755);
      const refused = await stage.run(shell, dir, { args: ["--file", other, "--target", "linux-x64"] });
      expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("is not the offhook 1.2.3") });
      untouched();
      const right = stage.file("offhook", program("1.2.3", "# linux-x64"), 0o755);
      const taken = await stage.run(shell, dir, { args: ["--file", right, "--target", "linux-x64"] });
      expect(taken).toMatchObject({ exitCode: 0, output: expect.stringContaining("(before: 0.0.9)") });
    });

    test("as it lies in the repository it explains what to set", async () => {
      const { exitCode, stderr } = await stage.run(shell, stage.directory("bin"), { script: SOURCE, by: "file" });
      expect({ exitCode, stderr }).toEqual({
        exitCode: 64,
        stderr: expect.stringMatching(/no place to download.*\n.*OFFHOOK_BASE_URL=/),
      });
      const env = { OFFHOOK_BASE_URL: stage.url };
      const second = await stage.run(shell, stage.directory("bin"), { script: SOURCE, by: "file", env });
      expect(second).toMatchObject({ exitCode: 64, stderr: expect.stringContaining("OFFHOOK_VERSION=") });
    });

    test("an unknown option, one without its value and an odd version end before anything is done", async () => {
      for (const args of [["--prefix", "/x"], ["--dir"], ["--version", "../../etc"], ["--target", "../x"]]) {
        expect(await stage.run(shell, stage.directory("bin"), { args })).toMatchObject({ exitCode: 64, output: "" });
      }
    });

    test("what is there already, to the byte, is left alone", async () => {
      const dir = stage.directory("bin");
      await stage.run(shell, dir);
      const before = stage.asked.length;
      const { exitCode, output } = await stage.run(shell, dir);
      expect({ exitCode, output }).toEqual({ exitCode: 0, output: expect.stringContaining("1.2.3 is there already") });
      expect(stage.asked.length).toBe(before);
    });

    test("no BUN_ variable reaches the program, not even one that nobody knows yet", async () => {
      const calls = join(stage.directory("calls"), "calls");
      const env = { BUN_BE_BUN: "1", BUN_OPTIONS: "--cpu-prof", BUN_NEW_ONE: "a\nBUN_BE_BUN=1", CALLS: calls };
      expect((await stage.run(shell, stage.directory("bin"), { env })).exitCode).toBe(0);
      const seen = readFileSync(calls, "utf8").trim().split("\n");
      expect(seen.length).toBeGreaterThanOrEqual(2);
      for (const line of seen) expect(line).toEndWith(" bun=");
    });

    test("a service that runs is restarted, by the new program; one that stands still is not", async () => {
      const calls = join(stage.directory("calls"), "calls");
      const file = (code: number) =>
        stage.file(
          "offhook",
          program("4.0.0", `case "$*" in "service status") exit ${code} ;; "service restart") exit 0 ;; esac`),
        );
      const run = (code: number, ...args: string[]) =>
        stage.run(shell, withOlder().dir, {
          script: SOURCE,
          args: ["--file", file(code), ...args],
          env: { CALLS: calls },
        });
      expect((await run(0)).output).toContain("the service was restarted\n");
      expect(readFileSync(calls, "utf8")).toContain("service restart bun=\n");
      writeFileSync(calls, "");
      expect((await run(0, "--no-restart")).output).toContain("the service goes on as it was, until: ");
      expect((await run(1)).output).toContain("a service is installed and does not run; to start it: ");
      expect(readFileSync(calls, "utf8")).not.toContain("service restart bun=\n");
    });

    test("a service that does not start again is an error with its own words", async () => {
      const more =
        'case "$*" in "service status") exit 0 ;; "service restart") echo "its last line" >&2; exit 1 ;; esac';
      const file = stage.file("offhook", program("4.0.0", more));
      const { exitCode, stderr } = await stage.run(shell, withOlder().dir, { script: SOURCE, args: ["--file", file] });
      expect({ exitCode, stderr }).toEqual({
        exitCode: 1,
        stderr: expect.stringMatching(/^its last line\nerror: .*does not start/),
      });
    });

    test("a service of the machine is left to root, and the install is done all the same", async () => {
      const more = 'case "$*" in "service status") exit 0 ;; "service restart") exit 77 ;; esac';
      const file = stage.file("offhook", program("4.0.0", more));
      const ran = await stage.run(shell, withOlder().dir, { script: SOURCE, args: ["--file", file] });
      expect(ran).toMatchObject({ exitCode: 0, stderr: "" });
      expect(ran.output).toMatch(/until root restarts it: sudo .*offhook service restart --system\n/);
      expect(ran.output).toMatch(/next: .*offhook setup\n$/);
    });

    test("a start file is edited only with the flag, and once", async () => {
      const home = stage.directory("somebody");
      const profile = join(home, ".profile");
      writeFileSync(profile, "alias a=b");
      const dir = join(home, "bin");
      const env = { HOME: home, SHELL: "/bin/sh" };
      await stage.run(shell, dir, { env });
      expect(readFileSync(profile, "utf8")).toBe("alias a=b");
      for (const _ of [1, 2]) await stage.run(shell, dir, { env, args: ["--modify-path"] });
      expect(readFileSync(profile, "utf8")).toBe(`alias a=b\nexport PATH="${dir}:$PATH" # offhook\n`);
    });

    test("a link in the place is replaced, and what it pointed to stays", async () => {
      const dir = stage.directory("bin");
      const pointedTo = stage.file("offhook", program("0.0.1"), 0o755);
      symlinkSync(pointedTo, join(dir, "offhook"));
      expect((await stage.run(shell, dir)).exitCode).toBe(0);
      expect(readFileSync(pointedTo, "utf8")).toBe(program("0.0.1"));
      expect(contentOf(dir).offhook).toContain("echo 1.2.3");
    });

    test("a directory in the place is an error", async () => {
      const dir = stage.directory("bin");
      mkdirSync(join(dir, "offhook"));
      expect(await stage.run(shell, dir)).toMatchObject({
        exitCode: 1,
        stderr: expect.stringContaining("is a directory"),
      });
      expect(readdirSync(join(dir, "offhook"))).toEqual([]);
    });

    test("what a killed install left is swept up; one that runs is left alone", async () => {
      const dir = stage.directory("bin");
      const gone = Bun.spawnSync(["true"]).pid;
      const kept = [`.offhook-install.${hostname()}.${process.pid}`, `.offhook-install.${hostname()}-2.${gone}`];
      for (const name of [`.offhook-install.${hostname()}.${gone}`, ...kept]) mkdirSync(join(dir, name));
      expect((await stage.run(shell, dir)).exitCode).toBe(0);
      expect(readdirSync(dir).sort()).toEqual([...kept.sort(), "offhook"]);
    });

    test("a script that arrives in part does nothing", async () => {
      const script = stage.installer();
      const dir = stage.directory("bin");
      const lengths = [
        0,
        400,
        1500,
        5000,
        9000,
        13_000,
        ...Array.from({ length: 26 }, (_, less) => script.length - 2 - less),
      ];
      for (const length of lengths) {
        const before = stage.asked.length;
        const { output } = await stage.run(shell, dir, { script: script.slice(0, length) });
        expect({ length, output, asked: stage.asked.length - before }).toEqual({ length, output: "", asked: 0 });
        expect(existsSync(join(dir, "offhook"))).toBe(false);
      }
    });

    test("ended in the middle of the download, it leaves what was there", async () => {
      const { dir, untouched } = withOlder();
      // A curl that says it is under way, and then stands still until it is ended with its parent.
      const fakes = { curl: '#!/bin/sh\nkill -TERM "$PPID"\nexec sleep 0.2\n' };
      expect((await stage.run(shell, dir, { fakes })).exitCode).toBe(1);
      untouched();
    });
  });
}

const inMount = (options: string, text: string) => [
  "unshare",
  "--mount",
  "sh",
  "-c",
  `mount -t tmpfs -o ${options} none "$OFFHOOK_INSTALL_DIR" && "$@"; code=$?; ${text}; exit $code`,
  "sh",
];
const canMount =
  IS_ROOT && Bun.spawnSync(["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]).exitCode === 0;
const reason = canMount ? "" : " (reason: needs root, for a file system of its own)";

describe.skipIf(!canMount)(`a file system that says no${reason}`, () => {
  const env = { PATH: process.env.PATH ?? "" };
  const left = 'ls -A "$OFFHOOK_INSTALL_DIR" >&2';

  test("no room for the download", async () => {
    const noise = Buffer.from(crypto.getRandomValues(new Uint8Array(60_000))).toString("hex");
    stage.release(() => program("1.2.5", `# ${noise}`), "1.2.5");
    const run = { args: ["--version", "1.2.5"], env, around: inMount("size=48k", left) };
    const { exitCode, stderr } = await stage.run("sh", stage.directory("bin"), run);
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: expect.stringContaining("cannot write the download") });
    expect(stderr).toMatch(/it needs about 170 MB, and 0 MB are free in .*\n$/); // and ls shows nothing after it
  });

  test("no room for the program", async () => {
    stage.release(() => program("1.2.6", `# ${"0".repeat(200_000)}`), "1.2.6");
    const run = { args: ["--version", "1.2.6"], env, around: inMount("size=48k", left) };
    const { exitCode, stderr } = await stage.run("sh", stage.directory("bin"), run);
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: expect.stringContaining("cannot unpack the program") });
    expect(stderr).toMatch(/0 MB are free in .*\n$/);
  });

  test("programs may not run from there", async () => {
    const run = { env, around: inMount("noexec", left) };
    const { exitCode, stderr } = await stage.run("sh", stage.directory("bin"), run);
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: expect.stringContaining("programs may not run from") });
  });

  test("it may only be read", async () => {
    const { exitCode, stderr } = await stage.run("sh", stage.directory("bin"), { env, around: inMount("ro", left) });
    expect({ exitCode, stderr }).toEqual({ exitCode: 77, stderr: expect.stringContaining("cannot write to ") });
  });
});

const shellcheck = Bun.which("shellcheck");
test.skipIf(shellcheck === null)(`shellcheck finds nothing${shellcheck ? "" : " (reason: no shellcheck here)"}`, () => {
  const scripts = ["install.sh", "mac-check", "release"].map((name) => join(import.meta.dir, "../scripts", name));
  // SC1007: "CDPATH= cd" is meant.
  const ran = Bun.spawnSync([shellcheck ?? "", "--exclude=SC1007", ...scripts]);
  expect(ran.stdout.toString()).toBe("");
});
