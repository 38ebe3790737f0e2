// Brings the Bun of another machine: from the folder where it was put before, from this very process where it is the same, or
// from npm. Whatever its way, its bytes must have the sum of release-targets.ts.
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BUN, type ReleaseTarget } from "./release-targets.ts";

const NPM_LIMIT_MS = 600_000;

/** Puts the runtime of a target at a path, from elsewhere. */
type Fetch = (path: string, target: ReleaseTarget, say: (words: string) => void) => void;

/** Gives the path of the runtime; `say` is told when it is fetched. Throws when that fails, or when its bytes are not ours. */
export function bringRuntime(
  target: ReleaseTarget,
  directory: string,
  say: (words: string) => void,
  fetch: Fetch = fetchWithNpm,
): string {
  const path = join(directory, `bun-${BUN}-${target.name}`);
  if (existsSync(path) && sumOf(path) === target.sha256) return path;
  mkdirSync(directory, { recursive: true });
  const part = `${path}.${process.pid}`;
  try {
    if (sumOf(process.execPath) === target.sha256) copyFileSync(process.execPath, part);
    else fetch(part, target, say);
    const sum = sumOf(part);
    if (sum !== target.sha256) {
      throw new Error(
        `the runtime in ${target.package}@${BUN} has SHA-256 ${sum}, and scripts/release-targets.ts expects ` +
          `${target.sha256}. When the pinned Bun was changed, look where the new one comes from, then note its sum there`,
      );
    }
    renameSync(part, path);
  } finally {
    rmSync(part, { force: true });
  }
  return path;
}

/** npm checks the package against its own sum; no script of it is run. */
function fetchWithNpm(path: string, target: ReleaseTarget, say: (words: string) => void): void {
  const npm = Bun.which("npm");
  if (npm === null) throw new Error("npm is not here; it brings the runtimes of other machines. apt-get install npm");
  say(`fetching ${target.package}@${BUN} with npm (about 50 MB)`);
  const scratch = mkdtempSync(join(tmpdir(), "offhook-runtime-"));
  try {
    writeFileSync(join(scratch, "package.json"), '{ "private": true }\n');
    const pack = [npm, "pack", "--silent", "--logs-max=0", `${target.package}@${BUN}`];
    const { exitCode, stdout, stderr } = Bun.spawnSync(pack, {
      cwd: scratch,
      stdin: "ignore",
      timeout: NPM_LIMIT_MS,
    });
    if (exitCode !== 0) throw new Error(`npm could not fetch ${target.package}@${BUN}:\n${stderr.toString().trim()}`);
    const packed = stdout.toString().trim().split("\n").at(-1) ?? "";
    const unpack = Bun.spawnSync(["tar", "-xzf", join(scratch, packed), "-C", scratch, "package/bin/bun"]);
    if (unpack.exitCode !== 0) throw new Error(`${packed} holds no bin/bun:\n${unpack.stderr.toString().trim()}`);
    copyFileSync(join(scratch, "package/bin/bun"), path);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function sumOf(path: string): string {
  return new Bun.CryptoHasher("sha256").update(readFileSync(path)).digest("hex");
}
