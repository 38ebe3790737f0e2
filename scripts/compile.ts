// The build line: one TypeScript file becomes one executable for this machine. Tests that need a compiled program of their
// own go through here too, so that they test what is shipped. Each option has its reason beside it.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { alignRuntime } from "./align-runtime.ts";
import { isSignedWell } from "./macho.ts";
import { signed } from "./macho-sign.ts";
import type { Target } from "./runtime-switches.ts";
import { sealRuntime, targetOfThisMachine } from "./seal-runtime.ts";

const ROOT = resolve(import.meta.dir, "..");
const ORDER = join(ROOT, "scripts/publish-order.json");
const SCRATCH = ".build-";
const LEFTOVER_MS = 600_000;

const BUILD_LINE = [
  "--compile",
  "--minify",
  "--bytecode",
  "--format=esm", // without it bytecode means cjs, which has no top-level await
  "--splitting", // what makes import() lazy: without it `publish` would load what the daemon needs
  "--sourcemap=none",
  "--no-compile-autoload-dotenv", // a repository's .env is not ours
  "--no-compile-autoload-bunfig", // nor its bunfig.toml, whose preload runs code
  "--compile-exec-argv=--disallow-code-generation-from-strings=strict", // no eval, no file from disk as code
  "--reject-unresolved",
];

/** The version in package.json. */
export function versionOfPackage(): string {
  return JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")).version;
}

export type Compile = {
  /** Absolute. */
  entry: string;
  /** Absolute. Replaced by rename, so that one that runs goes on unharmed (writing over it would fail: ETXTBSY). */
  outFile: string;
  /** Looks at the binary before it gets its place, and throws if it must not. */
  check?: (binary: string) => void;
  /** False only in tests that show what the seal is for. */
  sealed?: boolean;
  /** Absent: this machine, with the Bun that runs this. */
  runtime?: Runtime;
  /** Absent: that of package.json. Another one only in tests of an upgrade. */
  version?: string;
};

/** The Bun that a program is compiled into, for this machine or another. */
export type Runtime = { path: string; target: Target; isMusl: boolean };

/** Compiles and puts the result at its place, whole or not at all. Throws with the compiler's words. */
export function compile({ entry, outFile, check, sealed = true, runtime, version }: Compile): void {
  mkdirSync(dirname(outFile), { recursive: true });
  const scratch = mkdtempSync(join(dirname(outFile), SCRATCH));
  try {
    const from = runtime ?? { path: process.execPath, target: targetOfThisMachine(), isMusl: false };
    const sealedRuntime = join(scratch, "runtime");
    if (sealed) writeSealedRuntime(sealedRuntime, from);
    // What publish runs comes first in the bytecode: 11 instead of 23 calls that read it ahead, 34 page faults fewer. What the
    // order does not name comes after it. scripts/build --order writes it anew.
    const order = join(scratch, "order");
    writeFileSync(order, orderFile(JSON.parse(readFileSync(ORDER, "utf8"))));
    // The basename of --outfile is embedded: the same for every build, or two builds of one source would differ.
    const built = join(scratch, "offhook");
    const { exitCode, stderr } = Bun.spawnSync(
      [
        process.execPath,
        "build",
        ...BUILD_LINE,
        `--bytecode-order=${order}`,
        ...(sealed ? [`--compile-executable-path=${sealedRuntime}`] : []),
        ...(runtime === undefined ? [] : [`--target=bun-${runtime.target}${runtime.isMusl ? "-musl" : ""}`]),
        `--define=BUILD_VERSION=${JSON.stringify(version ?? versionOfPackage())}`,
        `--outfile=${built}`,
        entry,
      ],
      { cwd: ROOT, stdin: "ignore", stdout: "ignore", stderr: "pipe" },
    );
    if (exitCode !== 0) throw new Error(`${entry} does not compile:\n${stderr.toString().trim()}`);
    if (from.target.startsWith("darwin-")) signForMac(built);
    else writeAgain(built);
    check?.(built);
    renameSync(built, outFile);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Removes what builds that were killed left in a directory: 200 MB each. Those of the last ten minutes may still run. */
export function removeLeftovers(directory: string): void {
  if (!existsSync(directory)) return;
  for (const name of readdirSync(directory).filter((name) => name.startsWith(SCRATCH))) {
    const path = join(directory, name);
    const changedAt = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Number.POSITIVE_INFINITY;
    if (changedAt < Date.now() - LEFTOVER_MS) rmSync(path, { recursive: true, force: true });
  }
}

/** The functions whose bytecode comes first, as hashes of their syntax, in the form of what Bun 1.4.5 records. */
export type Order = { version: string; functions: string[] };

function orderFile({ version, functions }: Order): string {
  return [version, ...functions.map((hash) => `F ${hash}`), ""].join("\n");
}

function writeSealedRuntime(path: string, { path: original, target }: Runtime): void {
  const runtime = readFileSync(original);
  sealRuntime(runtime, target);
  writeFileSync(path, target.startsWith("linux-") ? alignRuntime(runtime) : runtime, { mode: 0o755 });
}

/** In one write to a new file: the system's cache then holds it in large pieces, and the compiler's own is in small ones (which
 *  writing over it would keep). A run of it is 0.6 ms shorter (ext4, Linux 6.18), until the cache lets it go. */
function writeAgain(path: string): void {
  const program = readFileSync(path);
  rmSync(path);
  writeFileSync(path, program, { mode: 0o755 });
}

/** macOS kills what has no valid signature. For arm64 Bun signs what it builds, the sealed bytes included; for x64 it leaves
 *  the signature of the unbuilt runtime, which is then stale. Not run here: no Mac was at hand. */
function signForMac(path: string): void {
  const program = readFileSync(path);
  if (!isSignedWell(program)) writeFileSync(path, signed(program, "offhook"));
}
