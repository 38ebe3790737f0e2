// A disk of our own: a file with ext4 on it, mounted through a loop device, to be copied while it is written to.
// Only inside a mount namespace (unshare --mount): whatever ends the processes in it ends the mounts too, kill -9 included, and
// the loop devices with them.
import { mkdirSync, readFileSync, rmdirSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";

/** Sparse: only what is written takes room. */
const IMAGE_BYTES = 400 * 1024 * 1024;
const QUIET_TRIES = 200;

export type Disk = {
  /** Where it is mounted. */
  at: string;
  /** Copies the file below it at a moment when the device has nothing under way: what a cut would leave. */
  copyTo(path: string): Promise<void>;
  unmount(): void;
};

/** The words before a command that give it mounts of its own. */
export const OWN_MOUNTS = ["unshare", "--mount", "--propagation", "private", "--"];

/** Why there can be no disk here; null: there can. */
export function missingDisk(): string | null {
  if (process.platform !== "linux") return "loop devices are Linux's";
  if (process.geteuid?.() !== 0) return "needs root, for a loop device";
  for (const tool of ["unshare", "mkfs.ext4", "mount"]) if (Bun.which(tool) === null) return `${tool} is not here`;
  const script =
    'd=$(mktemp -d) && trap "rm -rf $d" EXIT && truncate -s 4M $d/i && mkfs.ext4 -qF $d/i && mkdir $d/m && mount -o loop $d/i $d/m && umount $d/m';
  const tried = Bun.spawnSync([...OWN_MOUNTS, "sh", "-c", script], { stdout: "ignore", stderr: "pipe" });
  return tried.exitCode === 0 ? null : `no loop device can be mounted here (${tried.stderr.toString().trim()})`;
}

/** Makes an image with an empty ext4. Errors: the tool's words. */
export function makeImage(path: string): void {
  writeFileSync(path, "");
  truncateSync(path, IMAGE_BYTES);
  must(["mkfs.ext4", "-q", "-F", path]);
}

/** Mounts an image; a journal that is not empty is replayed first, by the kernel. */
export function mountImage(image: string, at: string): Disk {
  mkdirSync(at, { recursive: true, mode: 0o700 });
  must(["mount", "-o", "loop", image, at]);
  const { dev } = statSync(at);
  const statistics = `/sys/dev/block/${dev >> 8}:${dev & 0xff}/stat`;
  return {
    at,
    async copyTo(path) {
      for (let tries = 0; tries < QUIET_TRIES; tries++) {
        const before = writesOf(statistics);
        must(["cp", "--sparse=always", image, path]); // cp skips the holes
        const after = writesOf(statistics);
        // A copy takes milliseconds, a cut none: one that was written into meanwhile is of no moment at all.
        if (before.underWay === 0 && before.done === after.done && after.underWay === 0) return;
        await Bun.sleep(2);
      }
      throw new Error("the disk does not come to rest");
    },
    unmount() {
      must(["umount", at]);
      rmdirSync(at);
    },
  };
}

/** Removes an image that is not mounted any more. */
export function removeImage(path: string): void {
  rmSync(path, { force: true });
}

/** Writes a block device has done and has under way (Documentation/block/stat.rst: fields 5 and 9, flushes 16). */
function writesOf(statistics: string): { done: string; underWay: number } {
  const fields = readFileSync(statistics, "utf8").trim().split(/\s+/);
  return { done: `${fields[4]} ${fields[15]}`, underWay: Number(fields[8]) };
}

function must(command: string[]): void {
  const { exitCode, stderr } = Bun.spawnSync(command, { stdout: "ignore", stderr: "pipe" });
  if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stderr.toString().trim()}`);
}
