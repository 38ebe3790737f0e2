// Where a torture run took place, as far as it bears on what it says: commit, machine, date. No name of the machine.
import { statfsSync } from "node:fs";
import { arch, availableParallelism, platform, release, totalmem } from "node:os";

export type Surroundings = {
  /** Null: no git here. `isDirty`: files differ from it (docs/reliability.md aside, which the run writes). */
  commit: { hash: string; isDirty: boolean } | null;
  /** "2026-11-21". */
  date: string;
  /** "2 cores, 24 GB, linux x64, kernel 6.1.0, ext4". */
  machine: string;
};

/** What is to be said of the machine that runs this; `place` is where the scratch homes are. */
export function surroundings(root: string, place: string): Surroundings {
  const memory = `${Math.round(totalmem() / 1e9)} GB`;
  return {
    commit: commitOf(root),
    date: new Date().toISOString().slice(0, 10),
    machine: `${availableParallelism()} cores, ${memory}, ${platform()} ${arch()}, kernel ${release()}, ${fileSystem(place)}`,
  };
}

function commitOf(root: string): Surroundings["commit"] {
  const git = (...words: string[]) => Bun.spawnSync(["git", "-C", root, ...words], { stderr: "ignore" });
  if (Bun.which("git") === null) return null;
  const head = git("rev-parse", "HEAD");
  if (head.exitCode !== 0) return null;
  const changed = git("status", "--porcelain", "--", ".", ":!docs/reliability.md");
  return { hash: head.stdout.toString().trim(), isDirty: changed.stdout.toString().trim() !== "" };
}

// <linux/magic.h>
const FILE_SYSTEMS: Record<number, string> = {
  0xef53: "ext4",
  0x01021994: "tmpfs",
  0x58465342: "xfs",
  0x9123683e: "btrfs",
  0x794c7630: "overlayfs",
};

function fileSystem(place: string): string {
  const { type } = statfsSync(place);
  return FILE_SYSTEMS[type] ?? `file system 0x${type.toString(16)}`;
}
