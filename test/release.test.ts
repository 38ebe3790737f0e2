// scripts/release for the one target that can be run here, through to install.sh; and the parts it is made of.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { versionOfPackage } from "../scripts/compile.ts";
import { elfNeeds } from "../scripts/elf.ts";
import { lookAt } from "../scripts/release-check.ts";
import { bakedInstaller, sumsText } from "../scripts/release-files.ts";
import { bringRuntime } from "../scripts/release-runtime.ts";
import { BUN, RELEASE_TARGETS, targetsNamed } from "../scripts/release-targets.ts";
import { BINARY } from "./running.ts";

const ROOT = resolve(import.meta.dir, "..");
const root = realpathSync(mkdtempSync(join(tmpdir(), "offhook-release-")));
const here = `${process.platform}-${process.arch}`;
const isLinux = process.platform === "linux";

afterAll(() => rmSync(root, { recursive: true, force: true }));

function run(command: string[], env: Record<string, string> = {}) {
  const { exitCode, stdout, stderr } = Bun.spawnSync(command, {
    cwd: root,
    env: { PATH: process.env.PATH ?? "", HOME: root, ...env },
    stdin: "ignore",
    timeout: 110_000,
  });
  return { exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
}

const release = (...args: string[]) =>
  run([process.execPath, "--no-env-file", join(ROOT, "scripts/release.ts"), ...args]);

describe("a release for this machine", () => {
  const out = join(root, "out");
  let summary: any;
  let progress: string;

  beforeAll(() => {
    const args = [`--targets=${here}`, "--no-verify", "--json", `--out=${out}`, `--runtimes=${join(root, "runtimes")}`];
    const made = release(...args, "--base-url=http://127.0.0.1:9/offhook/");
    expect(made.exitCode, made.stderr).toBe(0);
    summary = JSON.parse(made.stdout);
    progress = made.stderr;
  }, 120_000);

  test("is a folder with the packed program, the sums and install.sh, and nothing else beside it", () => {
    expect(readdirSync(out).sort()).toEqual(["SHA256SUMS", "install.sh", "mac-check", `offhook-${here}.gz`]);
    expect(readdirSync(root).filter((name) => name.startsWith(".build-"))).toEqual([]);
  });

  test("says what it made, on stderr as it goes and as one line of JSON", () => {
    expect(summary).toMatchObject({ version: versionOfPackage(), bun: BUN, baseUrl: "http://127.0.0.1:9/offhook" });
    expect(summary.targets).toHaveLength(1);
    expect(summary.targets[0]).toMatchObject({
      name: here,
      file: `offhook-${here}.gz`,
      wasRun: true,
      isReproduced: null,
    });
    expect(progress).toContain(`1 of 1  ${here}: `);
  });

  test("has sums that sha256sum finds right", () => {
    const tool = Bun.which("sha256sum") === null ? ["shasum", "-a", "256"] : ["sha256sum"];
    const { exitCode, stdout } = run(["sh", "-c", 'cd "$0" && exec "$@"', out, ...tool, "-c", "SHA256SUMS"]);
    expect({ exitCode, stdout }).toEqual({
      exitCode: 0,
      stdout: `offhook-${here}.gz: OK\ninstall.sh: OK\nmac-check: OK\n`,
    });
  });

  test("is installed from a server by the install.sh in it, and then is there already", () => {
    const path = join(root, "bin");
    const version = versionOfPackage();
    const serve = `
      const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch(request) {
        const name = new URL(request.url).pathname.replace("/v${version}/", "");
        return new Response(Bun.file(${JSON.stringify(out)} + "/" + name));
      } });
      const child = Bun.spawn(["sh", "-s", "--", "--dir", ${JSON.stringify(path)}, "--base-url", "http://127.0.0.1:" + server.port],
        { stdin: Bun.file(${JSON.stringify(join(out, "install.sh"))}), stdout: "inherit", stderr: "inherit" });
      process.exitCode = await child.exited;
      await server.stop(true);`;
    const server = join(root, "serve.ts");
    writeFileSync(server, serve);
    // A hostile environment for the program, which the script must take from it.
    const first = run([process.execPath, server], {});
    expect({ exitCode: first.exitCode, stderr: first.stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(first.stdout).toContain(`installed offhook ${version} as ${path}/offhook`);
    expect(run([join(path, "offhook"), "--version"]).stdout).toBe(`${version}\n`);
    expect(run([process.execPath, server]).stdout).toContain(`offhook ${version} is there already`);
  });

  test("takes the place of an older one, and of nothing else", () => {
    const precious = join(root, "precious");
    mkdirSync(precious);
    const { exitCode, stderr } = release(`--targets=${here}`, `--out=${precious}`);
    expect({ exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr: expect.stringContaining("is there and is no release"),
    });
    expect(existsSync(precious)).toBe(true);
  });
});

test("what is asked for wrongly is said before anything is built", () => {
  expect(release("--targets=linux-x64,plan9")).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('"plan9"'),
  });
  expect(release("--base-url=ftp://a")).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("no address") });
  expect(release("--tragets=linux-x64").exitCode).toBe(64);
});

test("the table is for the pinned Bun and for six machines, each with its own sum", () => {
  const { packageManager } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  expect(packageManager).toBe(`bun@${BUN}`);
  expect(new Set(RELEASE_TARGETS.map(({ sha256 }) => sha256)).size).toBe(6);
  for (const { sha256, package: name } of RELEASE_TARGETS) {
    expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(name).toStartWith("@oven/bun-");
  }
  expect(targetsNamed("darwin-x64,linux-x64").map(({ name }) => name)).toEqual(["linux-x64", "darwin-x64"]);
});

test("a runtime whose bytes are not those of the table is not used and not kept", () => {
  const directory = join(root, "wrong");
  const other = { ...RELEASE_TARGETS[0]!, sha256: "0".repeat(64) };
  const fetch = (path: string) => writeFileSync(path, "something else");
  expect(() => bringRuntime(other, directory, () => {}, fetch)).toThrow(/expects 0{64}/);
  expect(readdirSync(directory)).toEqual([]);
});

const SCRIPT = "#!/bin/sh\nversion=''\nbaked_sums=''\nbase_url=''\nmain\n";
const SUMS = [{ sha256: "a".repeat(64), name: "offhook-linux-x64.gz" }];

test("install.sh gets its three values, and nothing that could end their quotes", () => {
  const baked = bakedInstaller(SCRIPT, { version: "1.2.3", sums: SUMS, baseUrl: "https://a.example/$&" });
  expect(baked).toBe(
    `#!/bin/sh\nversion='1.2.3'\nbaked_sums='${sumsText(SUMS).trim()}'\nbase_url='https://a.example/$&'\nmain\n`,
  );
  expect(() => bakedInstaller(SCRIPT, { version: "1'; evil '", sums: [], baseUrl: "" })).toThrow("no quote");
  expect(() => bakedInstaller("version=''\n", { version: "1", sums: [], baseUrl: "" })).toThrow("0 lines version=''");
});

test("the script in the repository has the three constants, empty", () => {
  const source = readFileSync(join(ROOT, "scripts/install.sh"), "utf8");
  expect(() => bakedInstaller(source, { version: "1", sums: SUMS, baseUrl: "" })).not.toThrow();
});

describe.skipIf(!isLinux)(`what an ELF needs${isLinux ? "" : " (reason: the build for this machine is none)"}`, () => {
  test("is read from the build for this machine: glibc 2.17 and nothing else", () => {
    const needs = elfNeeds(readFileSync(BINARY));
    expect(needs).toMatchObject({ machine: process.arch, glibc: "2.17" });
    expect(needs.libraries).toContain("libc.so.6");
    expect(needs.loader).toStartWith("/lib");
  });

  test("is what Debian's own tool finds too, in a program that needs more", () => {
    const program = Bun.which("bash") ?? "";
    const needs = elfNeeds(readFileSync(realpathSync(program)));
    expect(needs.libraries.length).toBeGreaterThan(1);
    expect(Number(needs.glibc?.split(".")[1])).toBeGreaterThan(17);
  });

  test("a build for another machine than its name says is found", () => {
    const bytes = readFileSync(BINARY);
    const as = (name: string) => lookAt(bytes, RELEASE_TARGETS.find((target) => target.name === name)!).troubles;
    const other = process.arch === "x64" ? "arm64" : "x64";
    expect(as(here)).toEqual([]);
    expect(as(`linux-${other}`)).toContain(`it is for ${process.arch}`);
    expect(as(`${here}-musl`)).toContain("it needs glibc 2.17");
    expect(() => as("darwin-x64")).toThrow("not a thin 64-bit Mach-O");
  });
});
