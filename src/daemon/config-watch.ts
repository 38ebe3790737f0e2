// Notices edits of consumer files, secrets and settings: a watch for speed, a comparison for certainty.
import { type FSWatcher, readdirSync, statSync, watch } from "node:fs";
import { join } from "node:path";
import { codeOf, messageOf } from "../errors.ts";

const POLL_MS = 2_000;
/** An editor empties a file and writes it in two steps, and the watch may tell of the first alone. */
const SAVE_MS = 50;

export type ConfigWatch = { stop(): void };

/**
 * Calls `onChange` when a consumer file, the secrets or config.toml changed, and at each poll as long as `isMissingSome`: what could
 * not be read does not change when it can be.
 */
export function watchConfig(home: string, onChange: () => void, isMissingSome: () => boolean): ConfigWatch {
  const directory = join(home, "consumers");
  const stamp = () => stampOf([...consumerFiles(directory), join(home, "secrets.env"), join(home, "config.toml")]);
  let seen = stamp();
  const look = () => {
    const now = stamp();
    if (now === seen && !isMissingSome()) return;
    seen = now;
    onChange();
  };

  let saved: Timer | null = null;
  const lookSoon = () => {
    if (saved !== null) clearTimeout(saved);
    saved = setTimeout(look, SAVE_MS);
  };
  let watched: { watcher: FSWatcher; inode: number } | null = null;
  const watchDirectory = () => {
    try {
      const inode = statSync(directory, { throwIfNoEntry: false })?.ino;
      if (inode === undefined || inode === watched?.inode) return;
      watched?.watcher.close();
      watched = null;
      // A directory that was replaced leaves a watch on the old one for ever.
      watched = { watcher: watch(directory, lookSoon).on("error", () => undefined), inode };
    } catch {
      // Trouble of the watch (no more of them are allowed, a disk that does not answer) is no trouble: the poll is there.
    }
  };
  watchDirectory();
  const poll = setInterval(() => {
    watchDirectory();
    look();
  }, POLL_MS);

  return {
    stop() {
      watched?.watcher.close();
      if (saved !== null) clearTimeout(saved);
      clearInterval(poll);
    },
  };
}

function consumerFiles(directory: string): string[] {
  return orItsCode(() => readdirSync(directory).join("\0"))
    .split("\0")
    .map((name) => join(directory, name));
}

/** Sizes and times of files: changes when an editor has saved one. */
function stampOf(paths: readonly string[]): string {
  const stamps = paths.map((path) =>
    orItsCode(() => {
      // The change time too: a file that was refused for its mode is mended by chmod alone.
      const { size, mtimeMs, ctimeMs, ino } = statSync(path);
      return `${path}:${size}:${mtimeMs}:${ctimeMs}:${ino}`;
    }),
  );
  return stamps.join("|");
}

/** Gone, closed or a link to itself is a state like any other here: loading the file is what says what is wrong with it. */
function orItsCode(look: () => string): string {
  try {
    return look();
  } catch (error) {
    return codeOf(error) ?? messageOf(error);
  }
}
