// Builds targets of a release once more from a copy of the sources in another folder, of another depth, with another time zone
// and umask, and gives their sums: what is the same then depends on nothing but the sources and the pinned Bun.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ReleaseTarget } from "./release-targets.ts";

/** By the target's name: SHA-256 of the compressed file and of the binary, in hex. */
export type Sums = Record<string, { sha256: string; binarySha256: string }>;

const SOURCES = ["package.json", "bun.lock", "tsconfig.json", "src", "scripts"];

/** Throws with the words of the other build when it fails. */
export function sumsElsewhere(
  root: string,
  targets: ReleaseTarget[],
  runtimes: string,
  say: (words: string) => void,
): Sums {
  const scratch = mkdtempSync(join(tmpdir(), "offhook-elsewhere-"));
  try {
    const copy = join(scratch, "another place", "deeper");
    copySources(root, copy);
    const child = Bun.spawnSync(
      [
        "/bin/sh",
        "-c",
        'umask 077; exec "$@"',
        "sh",
        process.execPath,
        "--no-env-file",
        join(copy, "scripts/release.ts"),
        "--json",
        "--no-verify",
        `--targets=${targets.map(({ name }) => name).join(",")}`,
        `--runtimes=${runtimes}`,
        `--out=${join(scratch, "out")}`,
      ],
      { cwd: scratch, env: { ...process.env, TZ: "Pacific/Kiritimati", LC_ALL: "C" }, stdin: "ignore", stderr: "pipe" },
    );
    const words = child.stderr.toString().trimEnd();
    if (child.exitCode !== 0) throw new Error(`the build in another folder failed:\n${words}`);
    for (const line of words.split("\n")) say(`  ${line}`);
    const { targets: made } = JSON.parse(child.stdout.toString()) as { targets: ({ name: string } & Sums[string])[] };
    return Object.fromEntries(made.map(({ name, sha256, binarySha256 }) => [name, { sha256, binarySha256 }]));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Copies what goes into a build: not the toolchain, nor the packages that are only for development. */
function copySources(root: string, copy: string): void {
  const { devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const left = [".toolchain", ".bin", ...Object.keys(devDependencies)].map((name) => join(root, "node_modules", name));
  mkdirSync(copy, { recursive: true });
  for (const name of SOURCES) cpSync(join(root, name), join(copy, name), { recursive: true });
  cpSync(join(root, "node_modules"), join(copy, "node_modules"), {
    recursive: true,
    filter: (path) => !left.includes(path),
  });
}
