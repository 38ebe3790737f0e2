// scripts/mac-check on a pretended Mac: the whole of it runs, with the real publish, daemon, setup and uninstall of this machine;
// only what is macOS's own (launchd, codesign, plutil) is a fake. What it says of a real Mac is seen nowhere but on one.
import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bakedInstaller } from "../../scripts/release-files.ts";
import { BINARY } from "../running.ts";
import { makeMac } from "./mac.ts";
import { SOURCE, sumOf } from "./stage.ts";

const CHECK = join(import.meta.dir, "../../scripts/mac-check");
const isLinux = process.platform === "linux" && Bun.which("ps") !== null;
const root = realpathSync(mkdtempSync(join(tmpdir(), "offhook-mac-")));
afterAll(() => rmSync(root, { recursive: true, force: true }));

test.skipIf(!isLinux)(
  `mac-check runs to its end, finds all well, and leaves nothing${isLinux ? "" : " (reason: its fakes are for Linux)"}`,
  async () => {
    const version = Bun.spawnSync([BINARY, "--version"]).stdout.toString().trim();
    const place = join(root, "well");
    mkdirSync(place);
    const mac = makeMac(place, BINARY, (program) => {
      const sums = [{ sha256: sumOf(Bun.gzipSync(Buffer.from(program))), name: "offhook-darwin-x64.gz" }];
      return bakedInstaller(SOURCE, { version, sums, baseUrl: "" });
    });
    const child = Bun.spawn(["sh", CHECK, mac.release], {
      env: mac.env,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const [output, stderr] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    expect(output.split("\n").filter((line) => line.startsWith("BAD"))).toEqual([]);
    expect({ exitCode: child.exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    for (const name of ["install.sh", "wake-up", "timeout", "kill -9", "bootout", "uninstall", "nothing left"]) {
      expect(output).toMatch(new RegExp(`^ok    ${name} `, "m"));
    }
    expect(output).toMatch(/\n\d+ passed, 0 failed, 0 skipped, in \d+ s\n$/);
    expect(readdirSync(mac.env.TMPDIR)).toEqual([]);
  },
);

test.skipIf(!isLinux)(
  `mac-check says what is bad, and ends with exit code 1${isLinux ? "" : " (reason: its fakes are for Linux)"}`,
  async () => {
    const place = join(root, "ill");
    mkdirSync(place);
    const mac = makeMac(place, BINARY, () => bakedInstaller(SOURCE, { version: "9.9.9", sums: [], baseUrl: "" }));
    const refuses = "#!/bin/sh\necho 'invalid signature' >&2\nexit 1\n";
    writeFileSync(join(place, "tools/codesign"), refuses, { mode: 0o755 });
    const child = Bun.spawn(["sh", CHECK, mac.release], { env: mac.env, stdin: "ignore", stdout: "pipe" });
    const [output] = await Promise.all([child.stdout.text(), child.exited]);
    expect(child.exitCode).toBe(1);
    expect(output).toMatch(/^BAD {3}signature as released +codesign --verify --strict: invalid signature/m);
    expect(output).toMatch(/^BAD {3}install\.sh +.*says that it is version .*, not 9\.9\.9/m);
    expect(output).toMatch(/\n\d+ passed, 3 failed, 0 skipped, in \d+ s\n$/);
    expect(readdirSync(mac.env.TMPDIR)).toEqual([]);
  },
);
