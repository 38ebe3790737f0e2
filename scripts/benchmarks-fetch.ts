// Brings other people's packages into a cache outside the repository, each in the one version whose hash stands here. None is a
// dependency of offhook, and nothing of a package is run when it comes: `npm pack` fetches, and it is only unpacked.
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** A package of npm, as it is to be: `integrity` as in package-lock.json ("sha512-..."). `into`: a place below the peer's own. */
export type Package = { name: string; version: string; integrity: string; into?: string };

const FETCH_LIMIT_MS = 180_000;

/** Where they are kept: $OFFHOOK_CACHE or ~/.cache/offhook, below it peers/. */
export function cacheOf(env: Record<string, string | undefined>): string {
  return join(env.OFFHOOK_CACHE || join(homedir(), ".cache", "offhook"), "peers");
}

/** Gives the directory of a peer's first package with the others below it; fetches what is not there. Throws with npm's words. */
export function bring(packages: readonly Package[], cache: string): string {
  const [first, ...others] = packages;
  if (first === undefined) throw new Error("a peer without a package");
  const place = join(cache, packages.map(({ name, version }) => `${name.replace("/", "+")}@${version}`).join(","));
  if (existsSync(place)) return place;
  mkdirSync(cache, { recursive: true });
  const scratch = mkdtempSync(join(cache, ".new-"));
  try {
    unpack(first, scratch, join(scratch, "whole"));
    for (const other of others)
      unpack(other, scratch, join(scratch, "whole", other.into ?? `node_modules/${other.name}`));
    renameSync(join(scratch, "whole"), place);
    return place;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function unpack({ name, version, integrity }: Package, scratch: string, into: string): void {
  const packed = mkdtempSync(join(scratch, "pack-"));
  run(["npm", "pack", "--silent", "--ignore-scripts", "--pack-destination", packed, `${name}@${version}`]);
  const [file = ""] = readdirSync(packed);
  const hash = `sha512-${createHash("sha512")
    .update(readFileSync(join(packed, file)))
    .digest("base64")}`;
  if (hash !== integrity) throw new Error(`${name}@${version} is not what it was: ${hash}`);
  run(["tar", "-xzf", join(packed, file), "-C", packed]);
  rmSync(join(packed, file));
  const [directory = ""] = readdirSync(packed);
  mkdirSync(into, { recursive: true });
  cpSync(join(packed, directory), into, { recursive: true });
}

function run(argv: string[]): void {
  const { exitCode, stdout, stderr } = Bun.spawnSync(argv, { stdin: "ignore", timeout: FETCH_LIMIT_MS });
  if (exitCode !== 0) throw new Error(`${argv.slice(0, 2).join(" ")}: ${`${stderr}${stdout}`.trim().slice(0, 300)}`);
}
